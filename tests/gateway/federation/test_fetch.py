"""The client of the federation's documents: every fault of a server is one word of a closed list, and costs little."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web

from gateway.federation.fetch import FederationClient, FetchError, FetchLimits
from gateway.federation.fetch_form import RevocationPage
from gateway.federation.fetch_stream import MAX_LINE_BYTES, EventLines, LineTooLongError, StreamEntry
from tests.fakes.federation_site import LIMITS, FederationSite, federation_site
from tests.fakes.stream_server import StreamServer
from tests.trust.alliance import HOME, SOUTHWEST, VISITED, short

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

CONFIGURATION = ".well-known/openid-federation"
STATEMENT = "application/entity-statement+jwt"
CHAIN = short(VISITED)


@asynccontextmanager
async def site_and_client(limits: FetchLimits = LIMITS) -> AsyncIterator[tuple[FederationSite, FederationClient]]:
    """Serve the alliance, and give a client for it."""
    async with federation_site() as site:
        site.publish(CHAIN, entity=VISITED, anchor=SOUTHWEST)
        client = site.client(limits)
        try:
            yield site, client
        finally:
            await client.close()


def answering(
    body: bytes = b"", *, status: int = 200, kind: str = STATEMENT, **headers: str
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Give a server's answer."""

    async def answer(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=body, status=status, headers={"content-type": kind, **named})

    return answer


async def fault_of(asking: Awaitable[object]) -> str:
    """Give the fault with which something ends."""
    with pytest.raises(FetchError) as caught:
        await asking
    assert caught.value.entity in {VISITED, SOUTHWEST}
    assert caught.value.__cause__ is None
    return caught.value.fault


async def test_fetches_a_chain() -> None:
    """Configurations and statements come as they are served, and links and revocations too."""
    async with site_and_client() as (site, client):
        site.links[SOUTHWEST] = ["a", "b"]
        site.feeds[SOUTHWEST] = ["c", "d"]
        assert await client.configuration(VISITED) == CHAIN[0]
        assert await client.statement(SOUTHWEST, VISITED) == CHAIN[1]
        assert await client.links(SOUTHWEST) == ("a", "b")
        assert await client.revocations(SOUTHWEST, after=1) == RevocationPage(texts=("d",), next=2)


def test_puts_the_well_known_path_last() -> None:
    """An entity whose identifier has a path is asked below that path."""
    client = FederationClient()
    url = client._url("https://home.example/region", "/.well-known/openid-federation", {})
    assert str(url) == "https://home.example/region/.well-known/openid-federation"
    asked = client._url("https://home.example", "/federation/fetch", {"sub": "https://a.example/b"})
    assert asked.query == {"sub": "https://a.example/b"}


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (answering(status=500), "status"),
        (answering(status=404), "status"),
        (answering(status=204), "status"),
        (answering(status=302, location="/elsewhere"), "redirect"),
        (answering(b"<html>", kind="text/html"), "content_type"),
        (answering(b"x", content_encoding="gzip"), "content_encoding"),
        (answering("试".encode()), "form"),
        (answering(b"x" * 65_537), "too_long"),
    ],
)
async def test_tells_faults_of_an_answer_tl10(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], fault: str
) -> None:
    """TL10: an answer with another status, type, encoding, length or form is refused by name."""
    async with site_and_client() as (site, client):
        site.answers[VISITED, CONFIGURATION] = answer
        assert await fault_of(client.configuration(VISITED)) == fault
        assert await client.statement(SOUTHWEST, VISITED) == CHAIN[1]


async def test_follows_no_redirect() -> None:
    """Where a server points to is never asked."""
    async with site_and_client() as (site, client):
        site.answers[VISITED, CONFIGURATION] = answering(status=307, location=f"{site.bases[HOME]}/{CONFIGURATION}")
        assert await fault_of(client.configuration(VISITED)) == "redirect"
        assert site.asked[HOME, CONFIGURATION] == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"next": 1, "revocations": ["a"',
        b"[" * 100_000,
        b'{"next": 1}',
        b'{"next": true, "revocations": []}',
        b'{"next": -1, "revocations": []}',
        b'{"next": 1, "revocations": "a"}',
        b'{"next": 1, "revocations": [1]}',
        b'{"next": 1, "revocations": [], "more": 1}',
    ],
)
async def test_tells_a_list_of_another_form_tl10(body: bytes) -> None:
    """TL10: JSON that is cut short, nested without end or not a page of a feed is refused."""
    async with site_and_client() as (site, client):
        site.answers[SOUTHWEST, "federation/revocations"] = answering(body, kind="application/json")
        site.answers[SOUTHWEST, "federation/links"] = answering(body, kind="application/json")
        assert await fault_of(client.revocations(SOUTHWEST, after=0)) == "form"
        assert await fault_of(client.links(SOUTHWEST)) == "form"


async def test_reads_no_more_than_the_bound_tl10() -> None:
    """TL10: of a body of 100 MB no more is read than is allowed."""
    sent = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse(headers={"content-type": STATEMENT})
        await response.prepare(request)
        with suppress(ConnectionError):
            for _ in range(1600):
                await response.write(b"x" * 65_536)
                sent += 65_536
        return response

    async with site_and_client() as (site, client):
        site.answers[VISITED, CONFIGURATION] = flood
        assert await fault_of(client.configuration(VISITED)) == "too_long"
    assert sent < 100_000_000


async def test_waits_no_longer_than_the_deadline() -> None:
    """A server that never ends its answer is given up, however often it sends a byte."""

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": STATEMENT})
        await response.prepare(request)
        with suppress(ConnectionError):
            while True:
                await response.write(b"x")
                await asyncio.sleep(0.01)
        return response

    async with site_and_client(replace(LIMITS, total_seconds=0.2)) as (site, client):
        site.answers[VISITED, CONFIGURATION] = drip
        assert await fault_of(client.configuration(VISITED)) == "timeout"


@pytest.mark.parametrize(
    ("sent", "fault"),
    [
        (b"", "disconnected"),
        (b"nonsense\r\n\r\n", "http_syntax"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: " + STATEMENT.encode() + b"\r\nContent-Length: 9\r\n\r\nx", "interrupted"),
    ],
)
async def test_tells_faults_of_the_connection(sent: bytes, fault: str) -> None:
    """A server that hangs up, speaks no HTTP or stops in the middle is told by name."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        writer.close()

    async with StreamServer(handle) as server:
        client = FederationClient(bases={VISITED: f"http://127.0.0.1:{server.port}"})
        assert await fault_of(client.configuration(VISITED)) == fault
    assert await fault_of(client.configuration(VISITED)) == "connect"
    await client.close()
    assert await fault_of(client.configuration(VISITED)) == "closed"


async def test_tells_where_a_name_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is not known is told by name."""

    async def nowhere(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", nowhere)
    monkeypatch.setattr(aiohttp.AsyncResolver, "resolve", nowhere)
    client = FederationClient()
    assert await fault_of(client.configuration(VISITED)) == "name_resolution"
    await client.close()


async def test_hands_over_a_revocation() -> None:
    """A node says whether a revocation is new, or in one word why it does not take it."""
    answers = [
        answering(b"{}", status=202),
        answering(b"{}", status=200),
        answering(b'{"reason": "UNKNOWN_KEY"}', status=403),
        answering(b'{"reason": "any words at all"}', status=400),
        answering(b"[]", status=429),
    ]

    async def refusal(asking: Awaitable[bool]) -> tuple[str, str]:
        with pytest.raises(FetchError) as caught:
            await asking
        return caught.value.metadata["status"], caught.value.metadata["reason"]

    async with site_and_client() as (site, client):
        place = VISITED, "federation/revocations"
        site.answers[place] = answers[0]
        assert await client.send_revocation(VISITED, "a.b.c")
        site.answers[place] = answers[1]
        assert not await client.send_revocation(VISITED, "a.b.c")
        told = []
        for answer in answers[2:]:
            site.answers[place] = answer
            told.append(await refusal(client.send_revocation(VISITED, "a.b.c")))
        assert told == [("403", "UNKNOWN_KEY"), ("400", ""), ("429", "")]
        await site.server.close()
        assert await fault_of(client.send_revocation(VISITED, "a.b.c")) in {"connect", "disconnected"}


async def test_reads_a_stream() -> None:
    """Entries come with their cursors from where the reader asks for them."""
    async with site_and_client() as (site, client):
        site.feeds[SOUTHWEST] = ["a.b.c", "d.e.f", "g.h.i"]
        opened: list[bool] = []
        stream = client.stream(SOUTHWEST, after=1, opened=lambda: opened.append(True))
        assert await anext(stream) == StreamEntry(2, "d.e.f")
        assert await anext(stream) == StreamEntry(3, "g.h.i")
        assert opened == [True]
        await stream.aclose()


@pytest.mark.parametrize(
    ("body", "kind", "status", "fault"),
    [
        (b"", "text/event-stream", 503, "status"),
        (b"", "application/json", 200, "content_type"),
        (b"data: " + b"x" * MAX_LINE_BYTES, "text/event-stream", 200, "too_long"),
    ],
)
async def test_tells_faults_of_a_stream(body: bytes, kind: str, status: int, fault: str) -> None:
    """A stream that is none, or whose line does not end, is told by name."""
    async with site_and_client() as (site, client):
        site.answers[SOUTHWEST, "federation/revocations/stream"] = answering(body, kind=kind, status=status)
        stream = client.stream(SOUTHWEST, after=0, opened=lambda: None)
        assert await fault_of(anext(stream)) == fault


async def test_gives_up_a_silent_stream() -> None:
    """A stream that says nothing for longer than an honest one would is given up."""

    async def silent(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await asyncio.sleep(60)
        return response

    async with site_and_client(replace(LIMITS, idle_seconds=0.2)) as (site, client):
        site.answers[SOUTHWEST, "federation/revocations/stream"] = silent
        stream = client.stream(SOUTHWEST, after=0, opened=lambda: None)
        assert await fault_of(anext(stream)) == "timeout"


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_cuts_events_wherever_bytes_end(size: int) -> None:
    """Entries are the same however the bytes come in, and what is no entry has no text."""
    text = (
        b":\n\nid: 1\r\ndata: a.b.c\r\n\r\nid: 2\ndata:d.e.f\nretry: 5\n\ndata: no.cursor.here\n\nid: x\ndata: a\n\n"
        b"id: 5\ndata: a\ndata: b\ndata: c\n\nid: 6\n\nid: 7\ndata: \xe8\xaf\x95\n\nevent: status\ndata: a list\n\n"
        b"event: status\ndata: a\ndata: b\n\nid: 8\ndata: rest"
    )
    lines = EventLines()
    found = [entry for at in range(0, len(text), size) for entry in lines.feed(text[at : at + size])]
    assert found == [
        StreamEntry(1, "a.b.c"),
        StreamEntry(2, "d.e.f"),
        StreamEntry(None, None),
        StreamEntry(None, None),
        StreamEntry(5, None),
        StreamEntry(7, None),
        StreamEntry(None, "a list", "status"),
        StreamEntry(None, None, "status"),
    ]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_bounds_a_line(end: bytes) -> None:
    """A line that is too long is refused, ended or not."""
    with pytest.raises(LineTooLongError):
        list(EventLines().feed(b"x" * (MAX_LINE_BYTES + 1) + end))


def test_quotes_nothing_in_errors() -> None:
    """An error says who was asked and what was the fault, and nothing that the other side wrote."""
    error = FetchError(entity=VISITED, fault="status", status="500")
    assert json.dumps(error.metadata) == json.dumps({"entity": VISITED, "fault": "status", "status": "500"})
