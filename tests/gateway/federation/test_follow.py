"""Following feeds of revocations: at once by the stream, soon by the list, and never stopped by nonsense."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.errors import LimitError
from gateway.federation.desk_memory import TrustMemoryError
from gateway.federation.fetch import FederationClient
from gateway.federation.follow import RevocationFollower
from gateway.web.revocations import Revocations
from tests.fakes.federation_site import federation_site, until
from tests.fakes.journal import FakeJournal
from tests.fakes.trusting import revocation, started, trusting
from tests.trust.alliance import CITY, COAST, KEYS, REGION_KEYS, SOUTHWEST, VISITED, fingerprint
from trust.errors import KeyRevokedError, MalformedTokenError, UnknownIssuerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateway.federation.follow import Believer

LIST = "federation/revocations"
STREAM = "federation/revocations/stream"


class FakeDesk:
    """Believes every text that begins with `good`; others raise what `errors` says."""

    def __init__(self) -> None:
        """Begin believing nothing."""
        self.believed: list[str] = []
        self.errors: dict[str, Exception] = {}
        self.calls: list[Callable[[], None]] = []
        self.aside: list[tuple[str, str]] = []

    def believe_revocation(self, text: str) -> bool:
        """Believe, or raise."""
        error = self.errors.get(text) or (None if text.startswith("good") else MalformedTokenError(rule="form"))
        if error is not None:
            raise error
        new = text not in self.believed
        self.believed += [text] * new
        return new

    def put_aside(self, feed: str, text: str) -> None:
        """Keep it."""
        self.aside.append((feed, text))

    def on_change(self, callback: Callable[[], None]) -> None:
        """Take a listener."""
        self.calls.append(callback)


class CredulousDesk(FakeDesk):
    """Believes everything."""

    def believe_revocation(self, text: str) -> bool:
        """Believe."""
        self.believed.append(text)
        return True


@asynccontextmanager
async def following(
    desk: Believer,
    client: FederationClient,
    journal: FakeJournal,
    **options: Any,  # noqa: ANN401 - the follower's
) -> AsyncIterator[RevocationFollower]:
    """Follow the anchor of the southwest, and others if named."""
    options = {"entities": (SOUTHWEST,), "poll_seconds": 0.05, **options}
    follower = RevocationFollower(desk, client=client, journal=journal, **options)
    follower.start()
    try:
        yield follower
    finally:
        await follower.close()


async def test_learns_at_once_by_the_stream_tl7() -> None:
    """TL7: a revocation that is published kills the key at the desk by the stream, without any poll."""
    async with (
        trusting() as around,
        started(around) as desk,
        following(desk, around.client, around.journal, entities=(SOUTHWEST, COAST), poll_seconds=3600) as follower,
    ):
        await until(lambda: all(follower.streaming.values()))
        polls = around.site.asked[SOUTHWEST, LIST]
        around.site.feeds[SOUTHWEST] = [revocation(VISITED, target=fingerprint(REGION_KEYS[VISITED]))]
        await until(lambda: desk.feed(0)[1] == 1)
        with pytest.raises(KeyRevokedError):
            desk.region_key("visited", REGION_KEYS[VISITED].kid, visited="home")
        assert around.site.asked[SOUTHWEST, LIST] == polls


async def test_learns_soon_by_the_list() -> None:
    """Where the stream cannot be had, the list is polled, and the operator is told once."""
    async with federation_site() as site:
        desk, client, journal = FakeDesk(), site.client(), FakeJournal()
        site.streaming = False
        async with following(desk, client, journal) as follower:
            await until(lambda: site.asked[SOUTHWEST, STREAM] > 2)
            site.feeds[SOUTHWEST] = ["good-1", "good-2"]
            await until(lambda: desk.believed == ["good-1", "good-2"])
            assert follower.streaming == {SOUTHWEST: False}
            site.streaming = True
            await until(lambda: follower.streaming[SOUTHWEST])
        assert journal.lines[0]["event"] == "trust_feed_broken"
        assert journal.lines[0]["fault"] == "status"
        assert sum(line["fault"] == "status" for line in journal.lines) == 1
        await client.close()


async def test_passes_on_what_is_said_of_status_lists() -> None:
    """With the entity that says it; an event of a type that nobody knows is skipped, and so is one without a text."""
    async with federation_site() as site:
        desk, client, journal, told = FakeDesk(), site.client(), FakeJournal(), []

        async def stream(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            response.content_type = "text/event-stream"
            await response.prepare(request)
            await response.write(b"event: status\ndata: https://a.example/1\n\nevent: other\ndata: b\n\n")
            await response.write(b"event: status\ndata: c\ndata: d\n\nid: 1\ndata: good-1\n\n")
            await until(lambda: not site.streaming)
            return response

        site.answers[SOUTHWEST, STREAM] = stream
        async with following(desk, client, journal, poll_seconds=3600) as follower:
            follower.on_status(lambda entity, uri: told.append((entity, uri)))
            await until(lambda: desk.believed)
            assert told == [(SOUTHWEST, "https://a.example/1")]
            assert follower.skipped == {SOUTHWEST: 2}
            site.streaming = False
        await client.close()


async def test_resumes_where_it_was() -> None:
    """After a break only what is new is asked for; a feed that begins anew is read from its beginning."""
    async with federation_site() as site:
        desk, client, journal = FakeDesk(), site.client(), FakeJournal()
        after: list[str] = []

        async def count(request: web.Request) -> web.StreamResponse:
            after.append(request.query["after"])
            return site._list(SOUTHWEST, int(request.query["after"]))

        site.answers[SOUTHWEST, LIST] = count
        site.feeds[SOUTHWEST] = ["good-1", "good-2"]
        async with following(desk, client, journal) as follower:
            await until(lambda: follower.streaming[SOUTHWEST])
            assert after == ["0", "2"]
            site.feeds[SOUTHWEST].append("good-3")
            await until(lambda: len(desk.believed) == 3)
            site.streaming = False
            await until(lambda: not site.open_streams[SOUTHWEST] and "3" in after)
            site.feeds[SOUTHWEST] = ["good-4"]
            site.streaming = True
            await until(lambda: "good-4" in desk.believed)
        await client.close()


async def test_skips_what_is_not_believed() -> None:
    """Nonsense in a list or a stream is counted and skipped, told of ever more seldom, and what follows is believed."""
    async with federation_site() as site:
        desk, client, journal = FakeDesk(), site.client(), FakeJournal()
        desk.errors["full"] = LimitError(limit="revocations of an issuer")
        site.feeds[SOUTHWEST] = ["bad-1", "full", "good-1"]
        async with following(desk, client, journal, poll_seconds=3600) as follower:
            await until(lambda: follower.streaming[SOUTHWEST])
            site.feeds[SOUTHWEST] += ["试", "bad-2", "good-2"]
            await until(lambda: desk.believed == ["good-1", "good-2"])
            assert follower.skipped == {SOUTHWEST: 4}
            assert [(line["skipped"], line["error"]) for line in journal.lines] == [
                (1, "MalformedTokenError"),
                (2, "LimitError"),
                (4, "MalformedTokenError"),
            ]
            assert "bad" not in journal.text
        await client.close()


async def test_hangs_up_on_a_stream_of_nonsense() -> None:
    """A stream that sends too much that is not believed is broken off, and asked again later and later."""

    async def nonsense(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(b"".join(b"data: no id\n\nid: %d\ndata: bad\n\n" % number for number in range(60)))
        await asyncio.sleep(60)
        return response

    async with federation_site() as site:
        desk, client, journal = FakeDesk(), site.client(), FakeJournal()
        site.answers[SOUTHWEST, STREAM] = nonsense
        async with following(desk, client, journal) as follower:
            await until(lambda: site.asked[SOUTHWEST, STREAM] > 1)
            assert follower.skipped[SOUTHWEST] >= 100
            assert [line["fault"] for line in journal.lines if line["event"] == "trust_feed_broken"] == ["form"]
        await client.close()


async def test_leaves_a_list_that_never_ends() -> None:
    """A list that has always one page more is left after a while."""
    async with federation_site() as site:
        desk, client, journal = FakeDesk(), site.client(), FakeJournal()

        async def endless(request: web.Request) -> web.StreamResponse:
            number = int(request.query["after"]) + 1
            return web.json_response({"next": number, "revocations": [f"good-{number}"]})

        site.answers[SOUTHWEST, LIST] = endless
        async with following(desk, client, journal, poll_seconds=3600) as follower:
            await until(lambda: follower.streaming[SOUTHWEST])
            assert len(desk.believed) == 64
        await client.close()


async def test_asks_again_for_what_could_not_be_kept() -> None:
    """A revocation that the desk cannot keep now is neither skipped nor passed over."""
    async with federation_site() as site:
        desk, client, journal = FakeDesk(), site.client(), FakeJournal()
        desk.errors["good-1"] = TrustMemoryError(file="beliefs.json", fault="write")
        site.feeds[SOUTHWEST] = ["good-1", "good-2"]
        async with following(desk, client, journal) as follower:
            await until(lambda: site.asked[SOUTHWEST, LIST] > 2)
            assert desk.believed == []
            del desk.errors["good-1"]
            await until(lambda: desk.believed == ["good-1", "good-2"])
            assert follower.skipped == {SOUTHWEST: 0}
        assert {line["fault"] for line in journal.lines} == {"TrustMemoryError"}
        await client.close()


@pytest.mark.parametrize("told", [True, False])
async def test_reads_again_what_may_be_believed_later(monkeypatch: pytest.MonkeyPatch, told: bool) -> None:
    """What comes from nobody known is read again once somebody else is believed, or some time has passed."""
    monkeypatch.setattr("gateway.federation.follow._RECHECK_SECONDS", 0.01)
    async with federation_site() as site:
        desk, client, journal = FakeDesk(), site.client(), FakeJournal()
        desk.errors["good-1"] = UnknownIssuerError()
        site.feeds[SOUTHWEST] = ["good-1"]
        async with following(desk, client, journal, poll_seconds=3600 if told else 0.5) as follower:
            await until(lambda: follower.streaming[SOUTHWEST])

            async def broken(_: web.Request) -> web.StreamResponse:
                return web.Response(status=500)

            site.answers[SOUTHWEST, LIST] = broken
            asked = site.asked[SOUTHWEST, LIST]
            desk.calls[0]()
            await until(lambda: site.asked[SOUTHWEST, LIST] > asked)
            assert set(desk.aside) == {(SOUTHWEST, "good-1")}
            del desk.errors["good-1"], site.answers[SOUTHWEST, LIST]
            while told and not desk.believed:
                desk.calls[0]()
                await asyncio.sleep(0.01)
            await until(lambda: desk.believed == ["good-1"])
        await client.close()


async def test_waits_for_the_issuer_to_be_believed() -> None:
    """A revocation that comes before the chain of its issuer is believed right after it."""
    async with trusting() as around:
        statement = around.site.statements.pop((SOUTHWEST, VISITED))
        around.site.feeds[SOUTHWEST] = [revocation(VISITED, target=fingerprint(REGION_KEYS[VISITED]))]
        desk = around.desk()
        await desk.start()
        async with following(desk, around.client, around.journal, poll_seconds=3600) as follower:
            await until(lambda: follower.skipped[SOUTHWEST])
            around.site.statements[SOUTHWEST, VISITED] = statement
            await until(lambda: desk.feed(0)[1] == 1)
            with pytest.raises(KeyRevokedError):
                desk.region_key("visited", REGION_KEYS[VISITED].kid, visited="home")
        await desk.close()


async def test_agrees_with_the_real_feed() -> None:
    """One desk follows another through the routes that a node serves, by stream and by list."""
    async with trusting() as around, started(around) as told:
        app = web.Application()
        Revocations(told, clock=asyncio.get_running_loop().time).add_to(app, prefix="/southwest")
        server = TestServer(app)
        await server.start_server()
        client = FederationClient(bases={**around.site.bases, SOUTHWEST: str(server.make_url("/southwest"))})
        first = revocation(VISITED, target=KEYS[CITY].kid)
        assert await client.send_revocation(SOUTHWEST, first)
        assert not await client.send_revocation(SOUTHWEST, first)
        listener = CredulousDesk()
        later = [revocation(VISITED, target=KEYS[CITY].kid, sequence=number) for number in (2, 3)]
        async with following(listener, client, around.journal, poll_seconds=3600) as follower:
            await until(lambda: follower.streaming[SOUTHWEST])
            assert listener.believed == [first]
            for text in later:
                assert told.believe_revocation(text)
            await until(lambda: listener.believed == [first, *later])
        await client.close()
        await server.close()


async def test_tells_of_a_mistake_in_a_task() -> None:
    """A feed that ends by a mistake in the program is handed to the event loop, not lost."""
    heard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
    async with federation_site() as site:
        desk, client, journal = FakeDesk(), site.client(), FakeJournal()
        desk.errors["good-1"] = ZeroDivisionError()
        site.feeds[SOUTHWEST] = ["good-1"]
        async with following(desk, client, journal):
            await until(lambda: heard)
        await client.close()
    assert json.dumps([str(context["message"]) for context in heard]) == '["a feed is not followed"]'
