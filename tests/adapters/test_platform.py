"""The HTTP client against servers that fail, lie and attack."""

from __future__ import annotations

import gzip

import pytest
from aiohttp import web

from tests.adapters.client_kit import AGAIN, CANARY, GOOD, KEY, opened, refusal
from tests.adapters.fake_platform import JsonDialect
from tests.adapters.hostile_server import Server, forever, reply, says, serving


async def test_asks_over_one_kept_connection() -> None:
    """Request line, headers and body arrive as the dialect wrote them, over one connection for several look-ups."""
    async with serving(says(GOOD)) as server, opened(server.url + "/api/") as made:
        for _ in range(3):
            assert (await made.lookup(AGAIN)).fields == {"aac003": "x"}
        assert made.reachable
    assert server.connections == 1
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /api/card?c=canary-query HTTP/1.1"
    assert f"X-Api-Key: {KEY}" in lines
    assert "Accept-Encoding: identity" in lines
    assert "User-Agent: onecard-gateway" in lines
    assert body == f'{{"aac003":"{CANARY}"}}'.encode()


async def test_works_with_a_common_server() -> None:
    """A chunked reply of an ordinary server is read, and its headers come in lower case, joined where repeated."""

    class Headers(JsonDialect):
        """A dialect that looks at the headers."""

        def decode(self, answer, *, now):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - the protocol types it
            """Refuse a reply whose headers are not as promised."""
            assert answer.headers["x-two"] == "1, 2"
            return super().decode(answer, now=now)

    async def handle(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers=[("X-Two", "1"), ("X-Two", "2")])
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        for byte in b'{"aac003":"x"}':
            await answer.write(bytes([byte]))
        return answer

    app = web.Application()
    app.router.add_post("/card", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with opened(f"http://127.0.0.1:{port}", dialect=Headers()) as made:
        assert (await made.lookup(AGAIN)).fields == {"aac003": "x"}
    await runner.cleanup()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(b"<html>502</html>", "Content-Type: text/html"), {"error": "BadUpstreamError", "rule": "syntax"}),
        (reply(b"", status="500 Oops"), {"error": "PlatformUnavailableError", "fault": "http_5xx"}),
        (reply(GOOD, status="503 Busy"), {"error": "PlatformUnavailableError", "fault": "http_5xx"}),
        (reply(b"", status="404 Not Found"), {"error": "CardNotFoundError"}),
        (reply(b"", status="304 Not Modified"), {"error": "BadUpstreamError", "rule": "redirect"}),
        (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
            {"error": "BadUpstreamError", "rule": "status"},
        ),
        (
            reply(gzip.compress(b"{}", mtime=0), "Content-Encoding: gzip"),
            {"error": "BadUpstreamError", "rule": "content_encoding"},
        ),
        (reply(b"{}", "Content-Encoding: identity, br"), {"error": "BadUpstreamError", "rule": "content_encoding"}),
        (b"canary not http at all\r\n\r\n", {"error": "BadUpstreamError", "rule": "http_syntax"}),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
            {"error": "BadUpstreamError", "rule": "http_syntax"},
        ),
        (reply(b"{}", "X-Canary: " + "x" * 20_000), {"error": "BadUpstreamError", "rule": "http_syntax"}),
        (reply(b"{}", *[f"X-{n}: canary" for n in range(2000)]), {"error": "BadUpstreamError", "rule": "http_syntax"}),
    ],
)
async def test_bad_replies(answer: bytes, expected: dict[str, str]) -> None:
    """Each reply that is not what a platform should send has its error."""
    async with serving(says(answer)) as server, opened(server.url) as made:
        assert await refusal(made) == expected


async def test_redirects_are_not_followed() -> None:
    """The place that a redirect names is never asked."""
    async with serving(says(GOOD)) as canary:
        moved = reply(b"", f"Location: {canary.url}/canary", status="302 Found")
        async with serving(says(moved)) as server, opened(server.url) as made:
            assert await refusal(made) == {"error": "BadUpstreamError", "rule": "redirect"}
            assert len(server.requests) == 1
        assert canary.connections == 0


async def test_cookies_are_not_sent_back() -> None:
    """A platform cannot mark the gateway."""
    marked = reply(b"{}", "Set-Cookie: canary=1; Path=/", "Set-Cookie: \x01=;;=", "Set-Cookie2: x")
    async with serving(says(marked)) as server, opened(server.url) as made:
        await made.lookup(AGAIN)
        await made.lookup(AGAIN)
    assert b"cookie" not in b"".join(server.requests).lower()


async def test_long_bodies_are_cut_off() -> None:
    """A body beyond the cap is not read to its end, whether its length is announced or not."""
    huge = 10_000_000
    async with serving(says(reply(b"x" * huge))) as server, opened(server.url) as made:
        assert await refusal(made) == {"error": "BadUpstreamError", "rule": "too_long"}
    endless = Server()
    stream = forever(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"4000\r\n" + b"x" * 0x4000 + b"\r\n",
        pause=0,
        server=endless,
    )
    async with serving(stream, endless), opened(endless.url) as made:
        assert await refusal(made) == {"error": "BadUpstreamError", "rule": "too_long"}
    assert endless.bytes_sent < 16_000_000
    exact = reply(b'"' + b"x" * 998 + b'"')
    async with serving(says(exact)) as server, opened(server.url, body_bytes=1000) as made:
        assert await refusal(made) == {"error": "BadUpstreamError", "rule": "shape"}


async def test_gzip_bombs_stay_packed() -> None:
    """A compressed body is refused by its header, without looking at it."""
    bomb = gzip.compress(b"0" * 50_000_000)
    async with serving(says(reply(bomb, "Content-Encoding: gzip"))) as server, opened(server.url) as made:
        assert await refusal(made) == {"error": "BadUpstreamError", "rule": "content_encoding"}


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nX-Canary: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", b""),
    ],
)
async def test_slow_drip_meets_the_deadline(start: bytes, piece: bytes) -> None:
    """Bytes that keep coming do not extend the deadline."""
    server = Server()
    async with (
        serving(forever(start, piece, pause=0.01, server=server), server),
        opened(server.url, total_seconds=0.2) as made,
    ):
        assert await refusal(made) == {"error": "PlatformTimeoutError"}


async def test_endless_headers_are_cut_off() -> None:
    """Headers that never end are refused long before they fill the memory."""
    server = Server()
    async with (
        serving(forever(b"HTTP/1.1 200 OK\r\n", b"X-Canary: yes\r\n" * 100, pause=0, server=server), server),
        opened(server.url) as made,
    ):
        assert await refusal(made) == {"error": "BadUpstreamError", "rule": "http_syntax"}
    assert server.bytes_sent < 8_000_000
