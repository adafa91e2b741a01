"""The feed of revocations over loopback: lists, streams that resume and end, what is posted and how it is answered."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession, web

from gateway.errors import LimitError, SettingsError
from gateway.services.status_notices import StatusNotices
from gateway.web import revocations
from gateway.web.revocations import MAX_REVOCATION_BYTES, FeedLimits, Revocations
from tests.fakes.clock import FakeClock
from tests.gateway.web.federation_calls import SECURITY, Answer, FakeDesk, get, serving
from trust import errors as t

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import ClientResponse

PATH = "/federation/revocations"


@asynccontextmanager
async def feed_of(
    desk: FakeDesk, clock: FakeClock | None = None, *, notices: StatusNotices | None = None, **limits: float
) -> AsyncIterator[str]:
    """Serve a desk under a prefix, and give the address of its feed."""
    app = web.Application(client_max_size=16)
    told = FeedLimits(**limits)  # type: ignore[arg-type]  # whole numbers where whole numbers belong
    Revocations(desk, clock=clock or FakeClock(), limits=told, notices=notices).add_to(app, prefix="/west")
    async with serving(app) as url:
        yield f"{url}/west{PATH}"


async def post(url: str, body: bytes) -> Answer:
    """Tell."""
    async with ClientSession() as session, session.post(url, data=body) as reply:
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return Answer(reply.status, headers, await reply.read())


async def event(reply: ClientResponse) -> str:
    """Read one event or comment."""
    async with asyncio.timeout(10):
        return (await reply.content.readuntil(b"\n\n")).decode()


async def test_the_list_is_read_from_a_number_on() -> None:
    """With the number to ask after next; nobody keeps the answer."""
    async with feed_of(FakeDesk("a.a.a", "b.b.b")) as url:
        answer = await get(url)
        assert answer.json == {"next": 2, "revocations": ["a.a.a", "b.b.b"]}
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert SECURITY.items() <= answer.headers.items()
        assert (await get(url, after="1")).json == {"next": 2, "revocations": ["b.b.b"]}
        assert (await get(url, after="2")).json == {"next": 2, "revocations": []}


async def test_a_long_list_comes_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part says where the next begins; a text longer than a part comes alone."""
    monkeypatch.setattr(revocations, "MAX_ANSWER_CHARACTERS", 10)
    async with feed_of(FakeDesk("a.a.a", "b.b.b", "c" * 20, "d.d.d")) as url:
        told, after = [], 0
        for _ in range(3):
            answer = (await get(url, after=str(after))).json
            told.append(answer["revocations"])
            after = answer["next"]
    assert told == [["a.a.a", "b.b.b"], ["c" * 20], ["d.d.d"]]


@pytest.mark.parametrize("after", ["-1", "x", "1.0", "", "9" * 11, "²"])
async def test_a_number_that_is_none_is_refused(after: str) -> None:
    """In the address and in the header."""
    async with feed_of(FakeDesk()) as url, ClientSession() as session:
        for place in (url, f"{url}/stream"):
            answer = await get(place, after=after)
            assert (answer.status, answer.json) == (400, {"reason": "AFTER"})
        async with session.get(f"{url}/stream", headers={"Last-Event-ID": "x"}) as reply:
            assert reply.status == 400


async def test_a_stream_tells_each_revocation_at_once() -> None:
    """What there is, and then what comes, each under its number."""
    desk = FakeDesk("a.a.a", "b.b.b")
    async with feed_of(desk) as url, ClientSession() as session, session.get(f"{url}/stream?after=1") as reply:
        assert reply.headers["content-type"] == "text/event-stream"
        assert reply.headers["cache-control"] == "no-store"
        assert await event(reply) == ":\n\n"
        assert await event(reply) == "id: 2\ndata: b.b.b\n\n"
        assert (await post(url, b"c.c.c")).status == 202
        assert await event(reply) == "id: 3\ndata: c.c.c\n\n"


async def test_a_stream_names_the_status_lists_that_change() -> None:
    """From then on, without a number: the number of the last revocation stays what it was."""
    desk, notices = FakeDesk("a.a.a"), StatusNotices()
    notices.tell("https://a.example/before")
    async with (
        feed_of(desk, notices=notices) as url,
        ClientSession() as session,
        session.get(f"{url}/stream") as reply,
    ):
        assert [await event(reply), await event(reply)] == [":\n\n", "id: 1\ndata: a.a.a\n\n"]
        notices.tell("https://a.example/1")
        assert await event(reply) == "event: status\ndata: https://a.example/1\n\n"
        assert (await post(url, b"b.b.b")).status == 202
        assert await event(reply) == "id: 2\ndata: b.b.b\n\n"


async def test_a_stream_resumes_where_it_was() -> None:
    """The last number that was read counts before that in the address."""
    headers = {"Last-Event-ID": "2"}
    desk = FakeDesk("a.a.a", "b.b.b", "c.c.c")
    async with feed_of(desk) as url, ClientSession(headers=headers) as s, s.get(f"{url}/stream?after=0") as reply:
        assert await event(reply) == ":\n\n"
        assert await event(reply) == "id: 3\ndata: c.c.c\n\n"


async def test_silence_has_a_heartbeat() -> None:
    """A comment, so that a proxy keeps the stream and a reader knows that it lives."""
    async with (
        feed_of(FakeDesk(), heartbeat_seconds=0.01) as url,
        ClientSession() as s,
        s.get(f"{url}/stream") as reply,
    ):
        assert [await event(reply) for _ in range(3)] == [":\n\n"] * 3


async def test_streams_are_bounded() -> None:
    """One more than there may be is told to come back; a place is free again when a reader has gone."""
    async with feed_of(FakeDesk(), streams=1, heartbeat_seconds=0.01) as url, ClientSession() as session:
        async with session.get(f"{url}/stream") as reply:
            await event(reply)
            answer = await get(f"{url}/stream")
            assert (answer.status, answer.json) == (503, {"reason": "LIMIT"})
            assert answer.headers["retry-after"] == "30"
            reply.close()
        async with asyncio.timeout(10):
            while (await _status(session, url)) != 200:
                await asyncio.sleep(0.01)


async def _status(session: ClientSession, url: str) -> int:
    """Give the status of a stream, and leave it."""
    async with session.get(f"{url}/stream") as reply:
        reply.close()
        return reply.status


async def test_streams_end_when_the_node_does() -> None:
    """Cleanly, and without waiting for a heartbeat; a new one is not begun."""
    desk = FakeDesk("a.a.a")
    app = web.Application()
    served = Revocations(desk, clock=FakeClock())
    served.add_to(app)
    async with ClientSession() as session:
        async with serving(app) as url:
            reply = await session.get(f"{url}{PATH}/stream")
            assert await event(reply) == ":\n\n"
            assert await event(reply) == "id: 1\ndata: a.a.a\n\n"
            await served._end(app)
            assert (await get(f"{url}{PATH}/stream")).status == 503
        async with asyncio.timeout(10):
            assert await reply.content.read() == b""
        reply.release()


async def test_a_reader_that_stands_still_is_let_go() -> None:
    """Its place is free again; other readers go on."""
    desk = FakeDesk(*(f"{number}." + "x" * 8000 for number in range(3000)))
    app = web.Application()
    served = Revocations(desk, clock=FakeClock(), limits=FeedLimits(stall_seconds=0.05))
    served.add_to(app)
    async with (
        serving(app) as url,
        ClientSession(read_bufsize=1024) as session,
        session.get(f"{url}{PATH}/stream") as reply,
    ):
        await event(reply)
        assert served._streams == 1
        async with asyncio.timeout(10):
            while served._streams:
                await asyncio.sleep(0.01)


async def test_what_is_posted_is_new_or_known() -> None:
    """202 and then 200; white space around it is no part of it."""
    desk = FakeDesk()
    async with feed_of(desk) as url:
        new, known = await post(url, b"a.a.a\n"), await post(url, b"a.a.a")
    assert (new.status, new.json) == (202, {"known": False})
    assert (known.status, known.json) == (200, {"known": True})
    assert desk.texts == ["a.a.a"]
    assert SECURITY.items() <= new.headers.items()


async def test_what_is_too_long_or_no_text_is_not_looked_at() -> None:
    """The desk never sees it; what just fits it does."""
    desk = FakeDesk()
    async with feed_of(desk) as url:
        for body in (b"x" * (MAX_REVOCATION_BYTES + 1), b"\xff", "卡".encode()):
            answer = await post(url, body)
            assert (answer.status, answer.json) == (400, {"reason": "MALFORMED_TOKEN"})
        assert desk.texts == []
        assert (await post(url, b"x" * MAX_REVOCATION_BYTES)).status == 202


async def test_a_writer_that_stands_still_is_let_go() -> None:
    """A body that never ends is refused after a while."""
    async with feed_of(FakeDesk(), stall_seconds=0.05) as url:
        host, _, port = url.split("/")[2].partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"POST /west{PATH} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 10\r\n\r\nabc".encode())
        async with asyncio.timeout(10):
            assert (await reader.readline()).startswith(b"HTTP/1.1 400")
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (t.MalformedTokenError(rule="parts"), 400, "MALFORMED_TOKEN"),
        (t.ClaimInvalidError(claim="iss", rule="x"), 400, "CLAIM_INVALID"),
        (t.UnknownIssuerError(), 403, "ISSUER_UNKNOWN"),
        (t.ForeignKeyError(rule="revokes its own"), 403, "FOREIGN_KEY"),
        (t.BadSignatureError(issuer="a", kid="b"), 403, "BAD_SIGNATURE"),
        (t.NotYetValidError(claim="iat", skew_seconds="60"), 409, "NOT_YET_VALID"),
        (t.ScopeError(scope="x"), 403, "REFUSED"),
        (LimitError(limit="revocations"), 429, "LIMIT"),
        (SettingsError(("revocations.txt: cannot be written",)), 503, "UNAVAILABLE"),
    ],
)
async def test_why_it_is_not_believed_is_told_in_a_word(error: Exception, status: int, reason: str) -> None:
    """A word of a closed list, and nothing of what was posted."""
    desk = FakeDesk()
    desk.error = error
    async with feed_of(desk) as url:
        answer = await post(url, b"secret.in.it")
    assert (answer.status, answer.json) == (status, {"reason": reason})
    assert "secret" not in json.dumps(answer.headers)


async def test_new_ones_are_taken_at_a_measured_pace() -> None:
    """Known and refused ones use nothing up; after a second there is room again, and never for more."""
    desk, clock = FakeDesk(), FakeClock()
    async with feed_of(desk, clock, new_per_second=2) as url:
        assert [(await post(url, text)).status for text in (b"a", b"a", b"b")] == [202, 200, 202]
        late = await post(url, b"c")
        assert (late.status, late.json, late.headers["retry-after"]) == (429, {"reason": "LIMIT"}, "1")
        clock.advance(3600)
        desk.error = t.UnknownIssuerError()
        assert (await post(url, b"x")).status == 403
        desk.error = None
        assert [(await post(url, text)).status for text in (b"c", b"d", b"e")] == [202, 202, 429]
