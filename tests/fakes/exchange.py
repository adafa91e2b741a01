"""Two gateways with stores of their own that exchange requests over real TLS on loopback, in this process."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import grpc

from adapters.registry import load_payload_kinds
from gateway.bootstrap_exchange import reason_of
from gateway.callers import SCOPES, Callers, Registration
from gateway.peers.channel import PeerAddress, PeerChannel
from gateway.peers.exchange import PeerExchange
from gateway.reasons import load_reasons
from gateway.rpc.boundary import Boundary
from gateway.rpc.days import Days
from gateway.rpc.exchange import ExchangeServicer, ExchangeUse
from gateway.rpc.paging import Paging
from gateway.rpc.recording import Recorder
from gateway.server import GrpcServer
from gateway.services.crash_points import NO_CRASH, CrashPoints
from gateway.services.evidence import EvidenceSecret
from gateway.services.evidence_alarms import Alarms
from gateway.services.evidence_heads import EvidenceHeads
from gateway.services.evidence_log import EvidenceLog
from gateway.services.evidence_reader import EvidenceReader
from gateway.services.exchange_act import Act
from gateway.services.exchange_answer import Answering
from gateway.services.exchange_board import Board
from gateway.services.exchange_clock import process_time
from gateway.services.exchange_downloads import Downloads
from gateway.services.exchange_errands import Errands
from gateway.services.exchange_files import Files
from gateway.services.exchange_holds import Holds
from gateway.services.exchange_inbox import Inbox
from gateway.services.exchange_ledger import LANES, NEWS, dialect_of
from gateway.services.exchange_outbox import Outbox
from gateway.services.exchange_proofs import InclusionProofs
from gateway.services.exchange_read import Reading
from gateway.services.exchange_receipts import ReceiptDesk
from gateway.services.exchange_rules import ExchangeRules
from gateway.services.exchange_seals import Blinding, Seals
from gateway.services.exchange_states import load_transitions
from gateway.services.exchange_submit import SubmitRequest
from gateway.services.exchange_upkeep import Upkeep
from gateway.store.sealing import CipherName, Sealer, SealingKey
from onecard.gateway.v1 import exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from onecard.gateway.v1.exchange_service_pb2_grpc import ExchangeServiceStub
from tests.fakes.authority import FakeAuthority
from tests.fakes.clock import FakeClock
from tests.fakes.exchange_cards import card_name
from tests.fakes.exchange_contents import content, reply
from tests.fakes.exchange_trust import CALLER_KEYS, CALLERS, REGIONS, FakeTrust
from tests.fakes.journal import FakeJournal
from tests.fakes.regions import AGREEMENTS, REGISTRY, RULES, item
from tests.fakes.store import opened
from trust.cache import VerifiedTokenCache
from trust.keys import KeyRing, SigningKey
from trust.note import NoteKey
from trust.signer import CallerTokenSigner, KeySigner
from trust.verifier import CallerVerifier

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import date

    from gateway.services.evidence import Decision
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction
    from trust.agreement import Agreement
    from trust.policy import AgreementBook

SECRET: Final = EvidenceSecret(b"evidence secret of tests, 32 by.")
SEALER: Final = Sealer([SealingKey.new(CipherName.AES)])
AUTHORITY: Final = FakeAuthority()
LOG_KEYS: Final = {region: SigningKey.generate("EdDSA", issuer=f"log.{region}") for region in (*REGIONS, "hub")}
_NUMBERS = count(1)


@dataclass(slots=True, kw_only=True)
class ExchangeNode:
    """One gateway. `decisions` are those that were committed; `agreements` may change in the middle of a test."""

    region: str
    store: Store
    clock: FakeClock
    homes: frozenset[str]
    decisions: list[Decision]
    quota: int = 1000
    agreements: list[AgreementBook] = field(default_factory=lambda: [AGREEMENTS])
    journal: FakeJournal = field(default_factory=FakeJournal)
    trust: FakeTrust = field(default_factory=FakeTrust)
    points: CrashPoints = NO_CRASH
    channels: dict[str, PeerChannel] = field(default_factory=dict)
    use: ExchangeUse = field(init=False)
    rules: ExchangeRules = field(init=False)
    errands: Errands = field(init=False)
    upkeep: Upkeep = field(init=False)
    holds: Holds = field(init=False)
    lanes: Board = field(init=False)
    news: Board = field(init=False)
    seals: Seals = field(default_factory=lambda: Seals(SEALER))
    server: GrpcServer = field(init=False)
    address: str = ""

    def __post_init__(self) -> None:
        """Put the use cases together, as the gateway does."""
        book: Any = _Agreements(self.agreements)
        others = frozenset(REGIONS) - self.homes
        self.rules = ExchangeRules(
            items=item,
            kinds=load_payload_kinds(REGISTRY.taxonomy),
            answer_days=lambda region: REGISTRY.get(region).rules.answer_days,
            agreements=book,
            regions=REGISTRY.regions,
            homes=self.homes,
            peers=others,
        )
        act = Act(
            self.store, rules=load_transitions(), homes=self.homes, now=process_time(self.clock), points=self.points
        )
        self.holds = Holds(act, rules=RULES)
        receipts = ReceiptDesk(self.trust, self.homes, dialect_of(self.store))
        self.news, self.lanes = Board(self.store, NEWS), Board(self.store, LANES)
        blinding = Blinding(SECRET.exchange_key())
        downloads = Downloads(self.store, seals=self.seals)
        told: Any = {"reason_of": reason_of, "journal": self.journal}
        self.use = ExchangeUse(
            submit=SubmitRequest(
                self.store,
                rules=self.rules,
                seals=self.seals,
                blinding=blinding,
                homes=self.homes,
                catalog_version=lambda region: REGISTRY.get(region).catalog.version,
                quota=self.quota,
                clock=self.clock,
                cards=card_name,
                points=self.points,
            ),
            act=act,
            reading=Reading(self.store, board=self.news),
            inbox=Inbox(self.store, act=act, rules=self.rules, holds=self.holds, **told),
            files=Files(self.store, seals=self.seals, blinding=blinding, clock=self.clock),
            downloads=downloads,
            answering=Answering(seals=self.seals, receipts=receipts, rules=self.rules),
            proofs=_proofs(self.store, self.region, self.journal),
            lanes=self.lanes,
        )
        self.errands = Errands(self.store, act=act, rules=self.rules, receipts=receipts, **told)
        self.upkeep = Upkeep(self.store, act=act, retention_seconds=90 * 86_400)
        self.server = GrpcServer(
            boundary=self._boundary(),
            servicers=[
                ExchangeServicer(self.use, paging=Paging(b"k" * 32), days=Days(self.clock), regions=REGISTRY.regions)
            ],
            ready={},
            reflection=False,
            max_concurrent_calls=200,
        )

    def _boundary(self) -> Boundary:
        registrations = [
            Registration(
                caller, caller.partition(".")[2], "gateway" if caller.startswith("gateway") else "platform", SCOPES
            )
            for caller in CALLERS
            if caller.startswith("gateway") != (caller.partition(".")[2] in self.homes)
        ]
        ring = KeyRing(key.public() for key in CALLER_KEYS.values())
        known = Callers(
            registrations,
            verifier=CallerVerifier(ring.find, cache=VerifiedTokenCache(64)),
            audience=f"gateway.{self.region}",
            clock=self.clock,
        )
        return Boundary(callers=known, reasons=load_reasons(), journal=self.journal, recorder=Recorder(self.store))

    def meet(self, other: ExchangeNode) -> None:
        """Learn where another gateway is."""
        for region in other.homes:
            self.channels[region] = PeerChannel(
                PeerAddress(
                    region=region,
                    address=other.address,
                    server_name=f"{other.region}.onecard.test",
                    audience=f"gateway.{other.region}",
                    ca=AUTHORITY.certificate,
                ),
                tokens=lambda asking: CallerTokenSigner(
                    CALLER_KEYS[f"gateway.{asking}"], new_id=lambda: f"jti-{next(_NUMBERS)}"
                ),
                clock=self.clock,
            )

    def send(self, region: str) -> PeerExchange:
        """Give what tells the gateway of a region."""
        return PeerExchange(self.channels[region], seals=self.seals, downloads=self.use.downloads)

    def outbox(self, region: str, **options: Any) -> Outbox:  # noqa: ANN401 - another `send`, say
        """Make an outbox to the gateway of a region."""
        given: dict[str, Any] = {"send": self.send(region) if "send" not in options else None, **options}
        return Outbox(self.errands, peer=region, board=self.lanes, journal=self.journal, points=self.points, **given)

    def bearer(self, caller: str) -> tuple[tuple[str, str], ...]:
        """Give the metadata of a call to this gateway."""
        signer = CallerTokenSigner(CALLER_KEYS[caller], new_id=lambda: f"jti-{next(_NUMBERS)}")
        token = signer.issue(audience=f"gateway.{self.region}", now=int(self.clock()), scopes=sorted(SCOPES))
        return (("authorization", f"Bearer {token}"),)


class _Agreements:
    """The book that a test says is in force now."""

    def __init__(self, books: list[AgreementBook]) -> None:
        self._books = books

    def permit(self, **asked: Any) -> Any:  # noqa: ANN401 - as the book
        return self._books[-1].permit(**asked)

    def between(self, home: str, visited: str, *, on: date) -> Agreement:
        return self._books[-1].between(home, visited, on=on)


def _proofs(store: Store, region: str, journal: FakeJournal) -> InclusionProofs:
    """Make what proves the records of a node's log, with a key of its own."""
    key = LOG_KEYS[region]
    reader = EvidenceReader(store)
    heads = EvidenceHeads(
        store,
        reader=reader,
        signer=KeySigner(key),
        known=lambda: (NoteKey.of(key.public(), name=key.issuer),),
        origin=key.issuer,
        alarms=Alarms(store, told=journal.event),
    )
    return InclusionProofs(reader=reader, heads=heads)


@dataclass(slots=True)
class Client:
    """A caller of a gateway, with a stub for each method of the service."""

    node: ExchangeNode
    caller: str
    stub: Any

    async def call(self, method: str, request: Any, **options: Any) -> Any:  # noqa: ANN401 - each method's own
        """Call a method with one message each way."""
        return await getattr(self.stub, method)(request, metadata=self.node.bearer(self.caller), timeout=10, **options)

    def stream(self, method: str, requests: Any = None) -> Any:  # noqa: ANN401 - a call of grpc
        """Begin a stream."""
        arguments = () if requests is None else (requests,)
        return getattr(self.stub, method)(*arguments, metadata=self.node.bearer(self.caller))

    async def submit(self, key: str = "key-1", **changes: Any) -> pb.SubmitRequestResponse:  # noqa: ANN401 - of `content`
        """Submit a request."""
        request = pb.SubmitRequestRequest(idempotency_key=key, content=content(**changes))
        answer: pb.SubmitRequestResponse = await self.call("SubmitRequest", request)
        return answer

    async def get(self, name: str) -> exchange_pb2.Request:
        """Get a request."""
        answer: pb.GetRequestResponse = await self.call("GetRequest", pb.GetRequestRequest(name=name))
        return answer.request

    async def complete(self, name: str, answer: exchange_pb2.RequestReply | None = None) -> pb.CompleteRequestResponse:
        """Answer a request."""
        told = pb.CompleteRequestRequest(name=name, reply=answer or reply())
        done: pb.CompleteRequestResponse = await self.call("CompleteRequest", told)
        return done


@asynccontextmanager
async def exchange_node(
    url: str,
    region: str,
    *,
    clock: FakeClock | None = None,
    homes: Sequence[str] = (),
    **options: Any,  # noqa: ANN401 - of the node
) -> AsyncIterator[ExchangeNode]:
    """Run one gateway on a store; several on one address are replicas."""
    decisions: list[Decision] = []
    log = EvidenceLog(SECRET, dialect=url.partition(":")[0].partition("+")[0])

    async def append(transaction: Transaction, made: Sequence[Decision]) -> None:
        decisions.extend(made)
        await log.append(transaction, made)

    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened(url, append=append))
        node = ExchangeNode(
            region=region,
            store=store,
            clock=clock or FakeClock(),
            homes=frozenset(homes or (region,)),
            decisions=decisions,
            **options,
        )
        credentials = AUTHORITY.credentials(f"{region}.onecard.test")
        node.address = f"127.0.0.1:{node.server.listen('127.0.0.1:0', credentials)}"
        await node.server.start()
        boards = [asyncio.create_task(board.run()) for board in (node.news, node.lanes)]
        try:
            yield node
        finally:
            for board in boards:
                board.cancel()
            await asyncio.wait(boards)
            await node.server.stop(drain_seconds=0)
            for channel in node.channels.values():
                await channel.close()


@asynccontextmanager
async def pair(
    source_url: str,
    target_url: str,
    **options: Any,  # noqa: ANN401 - of the nodes
) -> AsyncIterator[tuple[ExchangeNode, ExchangeNode]]:
    """Run Sichuan and Chongqing, who know each other."""
    clock = FakeClock()
    async with (
        exchange_node(source_url, "sichuan", clock=clock, **options) as sichuan,
        exchange_node(target_url, "chongqing", clock=clock, **options) as chongqing,
    ):
        sichuan.meet(chongqing)
        chongqing.meet(sichuan)
        yield sichuan, chongqing


@asynccontextmanager
async def client(node: ExchangeNode, caller: str) -> AsyncIterator[Client]:
    """Connect a caller to a gateway."""
    credentials = grpc.ssl_channel_credentials(AUTHORITY.certificate)
    options = (("grpc.ssl_target_name_override", f"{node.region}.onecard.test"),)
    async with grpc.aio.secure_channel(node.address, credentials, options) as channel:
        yield Client(node, caller, ExchangeServiceStub(channel))


@asynccontextmanager
async def delivering(*ways: tuple[ExchangeNode, str]) -> AsyncIterator[None]:
    """Let outboxes work in the background."""
    tasks = [asyncio.create_task(node.outbox(region).run()) for node, region in ways]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def until(done: Callable[[], Any], *, seconds: float = 20.0) -> Any:  # noqa: ANN401 - what it gives
    """Wait until something is so."""
    async with asyncio.timeout(seconds):
        while not (found := await done()):
            await asyncio.sleep(0.01)
    return found


def in_state(who: Client, name: str, state: str) -> Callable[[], Any]:
    """Tell, for `until`, whether a request has come to a state."""
    number = exchange_pb2.RequestState.Value(f"REQUEST_STATE_{state}")

    async def look() -> Any:  # noqa: ANN401 - the request, or nothing
        try:
            found = await who.get(name)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.NOT_FOUND:
                raise
            return None
        return found if found.state == number else None

    return look
