"""Following a peer's catalogs: what is signed arrives, what is not is refused, and a broken stream is opened again."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from gateway.errors import PeerProtocolError
from gateway.peers import catalog_feed as module
from gateway.peers.catalog_feed import CatalogFeed
from gateway.peers.channel import PeerAddress, PeerChannel
from gateway.services.catalog_book import CatalogBook
from gateway.services.catalog_signatures import CatalogSignatures
from gateway.services.catalog_version import missing
from onecard.gateway.v1 import catalog_publication_service_pb2 as pb
from tests.fakes import catalogs
from tests.fakes.callers import CALLER_KEYS, PEER
from tests.fakes.catalogs import MemoryShelf, following, publisher, signature, written
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.node import FakeNode
from tests.fakes.regions import REGISTRY
from tests.gateway.peers.hostile_peer import AUDIENCE, AUTHORITY, CREDENTIALS, NAME
from trust.errors import UnknownKeyError
from trust.historical_keys import HistoricalKey
from trust.keys import SigningKey
from trust.party_signature import PartySignature, canonical_digest, sign_as_party
from trust.signer import CallerTokenSigner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from gateway.services.publish_catalog import PublishCatalog

JOINT = "sichuan-chongqing"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Come back soon."""
    monkeypatch.setattr(module, "_FIRST_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(module, "_LAST_RETRY_SECONDS", 0.05)


@dataclass(slots=True)
class Follower:
    """Sichuan's side: a book of its own, and the feed of Chongqing."""

    clock: FakeClock = field(default_factory=FakeClock)
    journal: FakeJournal = field(default_factory=FakeJournal)
    book: CatalogBook = field(init=False)
    use: PublishCatalog = field(init=False)
    told: tuple[HistoricalKey, ...] = ()
    ended: tuple[HistoricalKey, ...] = ()

    def __post_init__(self) -> None:
        """Begin with what ships."""
        self.book = CatalogBook(REGISTRY, clock=self.clock)
        self.use = publisher(self.book, self.clock, self.journal, MemoryShelf())
        self.use._signatures = CatalogSignatures(catalogs.believed, self.clock, lambda *_: self.ended)

    @asynccontextmanager
    async def following(
        self,
        address: str,
        *,
        tokens: Callable[[str], CallerTokenSigner] | None = None,
        publish: Any = None,  # noqa: ANN401 - what takes versions
    ) -> AsyncIterator[None]:
        """Follow an address as long as the block runs."""
        numbers: Iterator[int] = iter(range(10_000))
        signer = CallerTokenSigner(CALLER_KEYS[PEER], new_id=lambda: f"feed-{next(numbers)}")
        peer = PeerAddress(
            region="chongqing", address=address, server_name=NAME, audience=AUDIENCE, ca=AUTHORITY.certificate
        )
        channel = PeerChannel(peer, tokens=tokens or (lambda _asking: signer), clock=self.clock)
        feed = CatalogFeed(
            channel,
            asking="sichuan",
            publish=publish or self.use,
            known=lambda: [v.digest for v in self.book.all_versions() if not missing(v)],
            learn=self.learn,
            journal=self.journal,
        )
        task = asyncio.create_task(feed.follow())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await channel.close()

    async def learn(self) -> None:
        """Ask for the keys of Chongqing that have ended, which is told where it is known."""
        self.ended = self.told

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(20):
            while not holds():
                await asyncio.sleep(0.005)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Give the events of a name."""
        return [line for line in self.journal.lines if line["event"] == name]


@asynccontextmanager
async def chongqing(node: FakeNode) -> AsyncIterator[str]:
    """Run Chongqing's gateway over TLS, and give its address."""
    server = node.server()
    port = server.listen("127.0.0.1:0", CREDENTIALS)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(drain_seconds=0)


def publish_there(node: FakeNode, plain: dict[str, Any], *regions: str) -> None:
    """Publish at Chongqing's gateway."""
    use = publisher(node.catalogs, node.clock, node.journal)
    use.publish(use.check(written(plain)), [signature(region, plain) for region in regions], region="chongqing")


async def test_versions_arrive_with_their_signatures() -> None:
    """What was there before, and what is published afterwards; a joint one waits for its last signature."""
    node, side = FakeNode(audience=AUDIENCE), Follower()
    old = following(node.catalogs, "chongqing")
    publish_there(node, old, "chongqing")
    async with chongqing(node) as address, side.following(address):
        await side.until(lambda: side.book.newest("chongqing").head.sequence == 2)  # type: ignore[union-attr]  # there is one
        plain = following(node.catalogs, JOINT)
        publish_there(node, plain, "chongqing")
        await side.until(lambda: len(side.book.versions(JOINT)) == 2)
        assert missing(side.book.versions(JOINT)[1]) == ("sichuan",)
        side.use.publish(side.use.check(written(plain)), [signature("sichuan", plain)], region="sichuan")
        assert side.book.newest(JOINT).head.sequence == 2  # type: ignore[union-attr]  # there is one
        version = side.book.versions("chongqing")[1]
        assert version.canonical() == written(old)
    assert side.events("catalogs_not_followed") == []


async def test_a_list_that_is_not_the_peers_is_passed_over_and_the_stream_goes_on() -> None:
    """Chongqing shows Guizhou's list too, which is for Guizhou's own gateway to tell: not taken, and no alarm."""
    node, side = FakeNode(audience=AUDIENCE), Follower()
    foreign = following(node.catalogs, "guizhou")
    use = publisher(node.catalogs, node.clock, node.journal)
    use.publish(use.check(written(foreign)), [signature("guizhou", foreign)], region="guizhou")
    async with chongqing(node) as address, side.following(address):
        publish_there(node, following(node.catalogs, "chongqing"), "chongqing")
        await side.until(lambda: side.book.newest("chongqing").head.sequence == 2)  # type: ignore[union-attr]  # there is one
    assert side.events("catalog_refused") == side.events("catalog_waits") == []
    assert side.book.newest("guizhou").shipped  # type: ignore[union-attr]  # there is one


async def test_a_version_that_is_not_believed_yet_is_tried_again() -> None:
    """The chain to its signer comes a moment later; what came after it keeps its place, and nobody else waits."""
    node, side = FakeNode(audience=AUDIENCE), Follower()
    first = following(node.catalogs, "chongqing")
    publish_there(node, first, "chongqing")
    publish_there(node, following(node.catalogs, "chongqing"), "chongqing")
    joint = following(node.catalogs, JOINT)
    publish_there(node, joint, "chongqing")
    real, known = catalogs.believed, asyncio.Event()

    def later(entity: str, region: str) -> Any:  # noqa: ANN401 - a set of keys
        if not known.is_set() and not is_joint:
            raise UnknownKeyError
        return real(entity, region)

    is_joint = False
    accept = side.use.accept

    def told(checked: Any, signatures: Any, *, peer: str) -> Any:  # noqa: ANN401 - as the use case
        nonlocal is_joint
        is_joint = checked.document.head.catalog == JOINT
        return accept(checked, signatures, peer=peer)

    side.use._signatures = CatalogSignatures(later, side.clock)
    side.use.accept = told  # type: ignore[method-assign]  # to see whose keys are wanted
    async with chongqing(node) as address, side.following(address):
        await side.until(lambda: len(side.book.versions(JOINT)) == 2)
        assert side.book.newest("chongqing").shipped  # type: ignore[union-attr]  # there is one
        known.set()
        await side.until(lambda: side.book.newest("chongqing").head.sequence == 3)  # type: ignore[union-attr]  # there is one
    assert [event["catalog"] for event in side.events("catalog_waits")] == ["chongqing"]
    assert side.events("catalogs_not_followed") == side.events("catalog_refused") == []


def publish_with_former_key(node: FakeNode, plain: dict[str, Any]) -> HistoricalKey:
    """Publish at Chongqing's gateway as long ago, with a key that has ended since; gives the key."""
    former = SigningKey.generate("ES256", issuer=catalogs.ENTITIES["chongqing"])
    use = publisher(node.catalogs, node.clock, node.journal)
    use._signatures = CatalogSignatures(lambda *_: (former.public(),), node.clock)
    claims = PartySignature(
        iss=former.issuer,
        region="chongqing",
        iat=int(node.clock()) - 60,
        content="catalog",
        name=plain["catalog"],
        digest=canonical_digest(plain),
    )
    use.publish(use.check(written(plain)), [sign_as_party(claims, key=former)], region="chongqing")
    return HistoricalKey(key=former.public(), expires_at=int(node.clock()))


async def test_a_version_whose_key_has_ended_is_proved_by_the_peers_former_keys() -> None:
    """It was signed before: it comes in its turn, with what follows it."""
    node, side = FakeNode(audience=AUDIENCE), Follower()
    side.told = (publish_with_former_key(node, following(node.catalogs, "chongqing")),)
    publish_there(node, following(node.catalogs, "chongqing"), "chongqing")
    async with chongqing(node) as address, side.following(address):
        await side.until(lambda: len(side.book.versions("chongqing")) == 3)
    assert side.events("catalog_refused") == []


async def test_a_version_that_nobody_can_prove_holds_up_no_later_one() -> None:
    """The one after it is taken; told again once the stream is opened anew, the older one is no alarm."""
    node, side = FakeNode(audience=AUDIENCE), Follower()
    publish_with_former_key(node, following(node.catalogs, "chongqing"))
    publish_there(node, following(node.catalogs, "chongqing"), "chongqing")
    async with chongqing(node) as address, side.following(address):
        await side.until(lambda: side.book.newest("chongqing").head.sequence == 3)  # type: ignore[union-attr]  # there is one
        node.clock.advance(400)
        side.clock.advance(400)
        await asyncio.sleep(1.2)  # the stream ends with the token, and another tells all anew
        publish_there(node, following(node.catalogs, "chongqing"), "chongqing")
        await side.until(lambda: side.book.newest("chongqing").head.sequence == 4)  # type: ignore[union-attr]  # there is one
    assert [v.head.sequence for v in side.book.versions("chongqing")] == [1, 3, 4]
    assert side.events("catalog_refused") == []


async def test_what_follows_a_version_that_waits_waits_with_it() -> None:
    """It replaces a version that is not proved yet, and is taken as soon as that is."""
    node, side = FakeNode(audience=AUDIENCE), Follower()
    publish_there(node, following(node.catalogs, "chongqing"), "chongqing")
    async with chongqing(node) as address, side.following(address):
        await side.until(lambda: side.book.newest("chongqing").head.sequence == 2)  # type: ignore[union-attr]  # there is one
        former = publish_with_former_key(node, following(node.catalogs, "chongqing"))
        publish_there(node, following(node.catalogs, "chongqing"), "chongqing")
        await side.until(lambda: bool(side.events("catalog_waits")))
        await asyncio.sleep(0.3)
        assert side.book.newest("chongqing").head.sequence == 2  # type: ignore[union-attr]  # there is one
        side.told = (former,)
        await side.until(lambda: side.book.newest("chongqing").head.sequence == 4)  # type: ignore[union-attr]  # there is one
    assert side.events("catalog_refused") == []


async def test_only_so_many_versions_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who signs what nobody believes fills no memory; the same version told again waits once."""
    monkeypatch.setattr(module, "_MOST_WAITING", 1)
    node, side = FakeNode(audience=AUDIENCE), Follower()
    publish_there(node, following(node.catalogs, "chongqing"), "chongqing")

    def nobody(_entity: str, _region: str) -> Any:  # noqa: ANN401 - a set of keys
        raise UnknownKeyError

    side.use._signatures = CatalogSignatures(nobody, side.clock)
    async with chongqing(node) as address, side.following(address):
        await side.until(lambda: bool(side.events("catalog_waits")))
        node.clock.advance(400)
        side.clock.advance(400)
        await asyncio.sleep(1.2)  # the stream ends with the token, and another tells all anew
        publish_there(node, following(node.catalogs, JOINT), "chongqing")
        await side.until(lambda: bool(side.events("catalog_refused")))
    assert [(event["catalog"], event["error"]) for event in side.events("catalog_refused")] == [
        (JOINT, "too_many_wait")
    ]
    assert [event["catalog"] for event in side.events("catalog_waits")] == ["chongqing"]


async def test_a_stream_that_ends_is_opened_again() -> None:
    """The peer goes away and comes back with something new; what is known is not sent twice."""
    node, side = FakeNode(audience=AUDIENCE), Follower()
    first = following(node.catalogs, "chongqing")
    publish_there(node, first, "chongqing")
    async with chongqing(node) as address:
        port = address.rpartition(":")[2]
        async with side.following(address):
            await side.until(lambda: side.book.newest("chongqing").head.sequence == 2)  # type: ignore[union-attr]  # there is one
    node.boundary._stopping = False
    again = FakeNode(audience=AUDIENCE)
    again.catalogs = node.catalogs
    publish_there(again, following(again.catalogs, "chongqing"), "chongqing")
    server = again.server()
    fresh = server.listen(f"127.0.0.1:{port}", CREDENTIALS)
    await server.start()
    async with side.following(f"127.0.0.1:{fresh}"):
        await side.until(lambda: side.book.newest("chongqing").head.sequence == 3)  # type: ignore[union-attr]  # there is one
    await server.stop(drain_seconds=0)


async def test_a_peer_that_cannot_be_reached_or_believed_is_told_once() -> None:
    """Each fault once, and the following goes on."""
    side = Follower()

    def refused(_asking: str) -> CallerTokenSigner:
        raise PeerProtocolError(region="chongqing", rule="not_believed")

    async with side.following("127.0.0.1:1", tokens=refused):
        await side.until(lambda: bool(side.events("catalogs_not_followed")))
        await asyncio.sleep(0.1)
    assert [event["fault"] for event in side.events("catalogs_not_followed")] == ["not_believed"]
    away = Follower()
    async with away.following("127.0.0.1:1"):
        await away.until(lambda: bool(away.events("catalogs_not_followed")))
    assert away.events("catalogs_not_followed")[0]["fault"] == "PeerUnavailableError"


async def test_rubbish_from_a_peer_does_no_harm() -> None:
    """Bytes that are no message, and a message without a document."""
    side = Follower()
    answers = [b"\xff", pb.WatchCatalogsResponse().SerializeToString()]

    async def tell(_raw: bytes, context: Any) -> None:  # noqa: ANN401 - the context of raw calls
        await context.write(answers.pop(0) if answers else b"")
        await asyncio.sleep(0.02)

    server = grpc.aio.server()
    handler = grpc.unary_stream_rpc_method_handler(tell)
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "onecard.gateway.v1.CatalogPublicationService", {"WatchCatalogs": handler}
            ),
        )
    )
    port = server.add_secure_port("127.0.0.1:0", CREDENTIALS)
    await server.start()
    async with side.following(f"127.0.0.1:{port}"):
        await side.until(lambda: bool(side.events("catalog_refused")))
    await server.stop(None)
    assert "unreadable" in {event["fault"] for event in side.events("catalogs_not_followed")}
    assert (refusal := side.events("catalog_refused")[0])["error"] == "InvalidFieldError"
    assert refusal["catalog"] == ""


async def test_a_token_that_runs_out_is_no_fault() -> None:
    """The stream ends with it, and the next one begins with another."""
    node, side = FakeNode(audience=AUDIENCE), Follower()
    async with chongqing(node) as address, side.following(address):
        await asyncio.sleep(0.2)
        node.clock.advance(400)
        side.clock.advance(400)
        plain = following(node.catalogs, "chongqing")
        await asyncio.sleep(1.2)
        publish_there(node, plain, "chongqing")
        await side.until(lambda: side.book.newest("chongqing").head.sequence == 2)  # type: ignore[union-attr]  # there is one
    assert side.events("catalogs_not_followed") == []
