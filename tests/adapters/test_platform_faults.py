"""The HTTP client's connections: what breaks, and what is tried again."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web

from adapters.auth import scheme
from adapters.errors import PlatformUnavailableError
from adapters.platform import PlatformClient, PlatformLimits
from adapters.wire import Draft, HttpRequest
from tests.adapters.client_kit import AGAIN, GOOD, ONCE, client, opened, refusal
from tests.adapters.fake_platform import JsonDialect
from tests.adapters.hostile_server import reply, says, serving, silent
from tests.fakes.stream_server import StreamServer


async def _hangs_up(writer: asyncio.StreamWriter) -> None:
    """Close without a word."""
    writer.close()


async def _stops_short(writer: asyncio.StreamWriter) -> None:
    """Promise more than is sent."""
    writer.write(reply(b'{"aac003":', length=100))
    await writer.drain()
    writer.close()


async def _resets(writer: asyncio.StreamWriter) -> None:
    """Reset the connection in the middle of the body."""
    writer.write(reply(b'{"aac003":', length=100))
    await writer.drain()
    await asyncio.sleep(0.02)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _breaks_chunks(writer: asyncio.StreamWriter) -> None:
    """Send a chunk whose size is no number."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ncanary\r\n")
    await writer.drain()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("draft", "tries"), [(AGAIN, 2), (ONCE, 1)])
@pytest.mark.parametrize("answer", [_hangs_up, _stops_short, _resets, _breaks_chunks])
async def test_broken_connections(answer: object, draft: Draft, tries: int, method: str) -> None:
    """A reply that breaks off is asked for again only when that does no harm, whatever the method."""
    async with serving(answer) as server, opened(server.url) as made:  # type: ignore[arg-type]
        told = await refusal(made, replace(draft, method=method))
    assert told["error"] in {"PlatformUnavailableError", "BadUpstreamError"}
    if answer is not _breaks_chunks:
        assert told["fault"] in {"disconnected", "interrupted"}
        assert len(server.requests) == tries


async def test_bytes_behind_a_reply_are_not_the_next_reply() -> None:
    """A second reply behind the first cannot answer the next request."""
    smuggled = GOOD + reply(b'{"aac003":"smuggled"}')
    async with serving(says(smuggled, GOOD)) as server, opened(server.url) as made:
        for _ in range(3):
            assert (await made.lookup(AGAIN)).fields == {"aac003": "x"}


async def test_nobody_listens() -> None:
    """A refused connection is tried twice, for a one-time credential too, and then unavailable."""
    async with serving(_hangs_up) as server:
        pass
    async with opened(server.url) as made:
        assert await refusal(made, ONCE) == {"error": "PlatformUnavailableError", "fault": "connect"}


async def test_tls_to_a_server_without_it() -> None:
    """A TLS handshake that is answered in clear is a fault of its own, and one that is not answered takes too long."""

    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 canary\r\n")
        writer.close()

    async with StreamServer(greet) as listener, opened(f"https://127.0.0.1:{listener.port}") as made:
        assert await refusal(made) == {"error": "PlatformUnavailableError", "fault": "tls"}
    async with serving(silent) as server, opened(server.url.replace("http:", "https:"), connect_seconds=0.05) as made:
        assert await refusal(made) == {"error": "PlatformUnavailableError", "fault": "connect_timeout"}


@pytest.mark.parametrize(
    ("foreign", "fault"),
    [
        (aiohttp.ConnectionTimeoutError("canary"), "connect_timeout"),
        (aiohttp.ServerDisconnectedError("canary"), "disconnected"),
        (aiohttp.ClientOSError(104, "canary"), "disconnected"),
        (aiohttp.ClientPayloadError("canary"), "interrupted"),
        (aiohttp.InvalidURL("canary"), "disconnected"),
    ],
)
def test_foreign_errors_are_translated(foreign: aiohttp.ClientError, fault: str) -> None:
    """Every error of the HTTP library has its fault, and leaves its words behind."""
    translated = client("http://platform.example")._translated(foreign)
    assert isinstance(translated, PlatformUnavailableError)
    assert translated.metadata == {"region": "500000", "fault": fault}


async def test_open_circuit_asks_nobody() -> None:
    """Once open, the breaker answers without a connection."""
    async with serving(says(reply(b"", status="500 x"))) as server:
        async with opened(server.url, failures_to_open=2, attempts=1) as made:
            for _ in range(2):
                await refusal(made)
            assert not made.reachable
            assert await refusal(made) == {"error": "PlatformUnavailableError", "fault": "circuit_open"}
        assert len(server.requests) == 2


async def test_a_leaving_caller_takes_the_request_along() -> None:
    """Cancelling a look-up closes its connection."""
    async with serving(silent) as server, opened(server.url) as made:
        call = asyncio.create_task(made.lookup(AGAIN))
        while not server.requests:
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        while not server.clients_gone:
            await asyncio.sleep(0.01)


async def test_closed_client() -> None:
    """A closed client is unavailable, before and after its first request and during one."""
    unused = client("http://127.0.0.1:9")
    await unused.close()
    assert not unused.reachable
    assert await refusal(unused) == {"error": "PlatformUnavailableError", "fault": "closed"}

    async with serving(silent) as server, opened(server.url) as made:
        call = asyncio.create_task(refusal(made))
        while not server.requests:
            await asyncio.sleep(0.01)
        await made.close()
        assert (await call)["fault"] in {"closed", "disconnected"}


async def test_login_against_a_simulated_platform(caplog: pytest.LogCaptureFixture) -> None:
    """Login, look-up, expiry of the token at the platform and fresh login, all over HTTP, without a log line."""
    caplog.set_level(logging.DEBUG, "aiohttp.client")
    auth, secrets, tokens = (
        scheme("oauth2_client_credentials", {}),
        {"client_id": "g", "client_secret": "s"},
        set[str](),
    )

    async def handle(request: web.Request) -> web.Response:
        asked = HttpRequest(request.method, request.path, dict(request.headers), await request.read())
        if asked.path == auth.login_path:
            tokens.add(f"token-{len(tokens)}")
            answer = auth.answer_login(asked, secrets=secrets, token=max(tokens))
            return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
        admitted = auth.admits(asked, {}, {}, secrets=secrets, now=0, tokens=tokens)
        return web.Response(status=200 if admitted else 401, body=b'{"aac003":"x"}')

    app = web.Application()
    app.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made = PlatformClient(
        region="820000",
        base_url=f"http://127.0.0.1:{runner.addresses[0][1]}",
        dialect=JsonDialect(),
        auth=auth,
        secrets=secrets,
        limits=PlatformLimits(),
        allow_private_addresses=True,
        new_nonce=str,
    )
    await asyncio.gather(*(made.lookup(AGAIN) for _ in range(10)))
    assert tokens == {"token-0"}
    tokens.clear()
    tokens.add("a-later-token")
    await asyncio.gather(*(made.lookup(ONCE) for _ in range(10)))
    assert len(tokens) == 2
    await made.close()
    await runner.cleanup()
    assert caplog.records == []
