"""The HTTP client's connections: what breaks, what is tried again, and where it may go."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

import adapters.platform
from adapters.auth import scheme
from adapters.errors import BlockedAddressError, PlatformUnavailableError, RegionDataError
from adapters.platform import PlatformClient, PlatformLimits
from adapters.wire import Draft, HttpRequest
from tests.adapters.client_kit import AGAIN, GOOD, ONCE, client, opened, refusal
from tests.adapters.fake_platform import JsonDialect
from tests.adapters.hostile_server import Server, reply, says, serving

if TYPE_CHECKING:
    from collections.abc import Mapping


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


async def test_tls_to_a_plain_server() -> None:
    """A TLS handshake that fails is a fault of its own."""
    async with serving(says(GOOD)) as server, opened(server.url.replace("http:", "https:")) as made:
        made_request = asyncio.create_task(refusal(made))
        await asyncio.sleep(0.05)
        assert server.requests == []
        # The server waits for an end of headers that never comes in a TLS greeting.
    assert (await made_request)["error"] == "PlatformUnavailableError"


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
    translated = client("http://platform.example")._translated(foreign)  # noqa: SLF001
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
    gone = asyncio.Event()

    async def waits(writer: asyncio.StreamWriter) -> None:
        await writer.wait_closed()
        gone.set()

    async with serving(waits) as server, opened(server.url) as made:
        call = asyncio.create_task(made.lookup(AGAIN))
        while not server.requests:
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        async with asyncio.timeout(5):
            await gone.wait()


async def test_closed_client() -> None:
    """A closed client is unavailable, before and after its first request and during one."""
    unused = client("http://127.0.0.1:9")
    await unused.close()
    assert not unused.reachable
    assert await refusal(unused) == {"error": "PlatformUnavailableError", "fault": "closed"}

    async def waits(writer: asyncio.StreamWriter) -> None:
        await writer.wait_closed()

    async with serving(waits) as server, opened(server.url) as made:
        call = asyncio.create_task(refusal(made))
        while not server.requests:
            await asyncio.sleep(0.01)
        await made.close()
        assert (await call)["fault"] in {"closed", "disconnected"}


class Names(AbstractResolver):
    """A name service that gives prepared addresses, one list for each question."""

    def __init__(self, *answers: list[str] | OSError) -> None:
        """Keep the answers; the last one is given for ever."""
        self.answers = list(answers)
        self.questions = 0

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        """Answer."""
        self.questions += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in answer
        ]

    async def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"]])
async def test_names_that_lead_inside_are_blocked(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    """A public name for a private address is refused before any connection."""
    monkeypatch.setattr(adapters.platform.aiohttp, "ThreadedResolver", lambda: Names(addresses))
    async with serving(says(GOOD)) as canary:
        async with opened(f"http://platform.example:{canary.port}", private=False) as made:
            assert (await refusal(made))["error"] == "BlockedAddressError"
            assert made.reachable
    assert canary.connections == 0


async def test_the_address_that_was_checked_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each connection asks once for the name; one that moves to a forbidden address is not followed there."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    monkeypatch.setattr(adapters.platform.aiohttp, "ThreadedResolver", lambda: names)
    # For this test 127.0.0.1 plays the public address, so that nothing leaves the machine.
    monkeypatch.setattr(adapters.platform, "address_rule", lambda ip: None if ip == "127.0.0.1" else "loopback")
    answers = says(reply(b'{"aac003":"x"}', "Connection: close"))
    async with serving(answers) as server:
        async with opened(f"http://platform.example:{server.port}", private=False) as made:
            assert (await made.lookup(AGAIN)).fields == {"aac003": "x"}
            assert names.questions == 1
            assert await refusal(made) == {"error": "BlockedAddressError", "rule": "loopback"}
        assert server.connections == 1


async def test_names_that_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that cannot be resolved is a fault of its own."""
    monkeypatch.setattr(adapters.platform.aiohttp, "ThreadedResolver", lambda: Names(socket.gaierror(-2, "canary")))
    async with opened("http://platform.example") as made:
        assert await refusal(made) == {"error": "PlatformUnavailableError", "fault": "name_resolution"}


async def test_names_are_resolved_by_the_system() -> None:
    """A name is looked up, where private addresses are allowed."""
    async with serving(says(GOOD)) as server, opened(f"http://localhost:{server.port}") as made:
        assert (await made.lookup(AGAIN)).fields == {"aac003": "x"}


@pytest.mark.parametrize(
    ("path", "headers", "rule"),
    [
        ("card", {}, "target"),
        ("http://127.0.0.1/", {}, "target"),
        ("@127.0.0.1/", {}, "target"),
        ("/card HTTP/1.1\r\nX: y", {}, "target"),
        ("/测试", {}, "target"),
        ("/card#x", {}, "target"),
        ("/card", {"X": "a\r\nY: b"}, "header"),
        ("/card", {"X": "测试"}, "header"),
        ("/card", {"X: a\r\nY": "b"}, "header"),
    ],
)
async def test_requests_are_one_request(path: str, headers: dict[str, str], rule: str) -> None:
    """No value of a record can end a line or lead to another host."""

    class Careless(JsonDialect):
        """A dialect that puts values where they do not belong."""

        def encode(self, draft: Draft, extra: Mapping[str, str]) -> HttpRequest:
            """Write them as they are."""
            return replace(super().encode(draft, extra), path=path, headers=headers)

    async with serving(says(GOOD)) as server:
        async with opened(server.url, dialect=Careless()) as made:
            assert await refusal(made) == {"error": "RegionDataError", "rule": rule}
        assert server.connections == 0


def test_configuration_is_checked_at_once() -> None:
    """A forbidden address or a missing secret is refused before anything is opened."""
    with pytest.raises(BlockedAddressError):
        client("http://127.0.0.1", private=False)
    with pytest.raises(RegionDataError) as caught:
        PlatformClient(
            region="500000",
            base_url="http://platform.example",
            dialect=JsonDialect(),
            auth=scheme("basic", {}),
            secrets={"user": "gateway"},
            limits=PlatformLimits(),
            allow_private_addresses=False,
            new_nonce=str,
        )
    assert caught.value.metadata == {"region": "500000", "rule": "missing_secret", "column": "password"}


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


def test_servers_count_what_they_send() -> None:
    """A server that was not started has sent nothing."""
    assert Server().bytes_sent == 0
