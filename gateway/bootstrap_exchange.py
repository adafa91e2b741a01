"""Composition root of the exchange: its use cases, the lanes to the peers, receipts, upkeep."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from adapters.registry import load_payload_kinds
from gateway.errors import RegionNotServedError, SettingsError
from gateway.exchange_metrics import ExchangeMetrics
from gateway.node import keep_running
from gateway.peers.exchange import PeerExchange
from gateway.rpc.days import Days
from gateway.rpc.exchange import ExchangeServicer, ExchangeUse
from gateway.rpc.paging import Paging
from gateway.rpc.status import row_of
from gateway.services.crash_points import CrashPoints
from gateway.services.exchange_act import Act
from gateway.services.exchange_answer import Answering
from gateway.services.exchange_backlog import Backlog
from gateway.services.exchange_board import Board
from gateway.services.exchange_clock import store_time
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

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    from gateway.bootstrap_services import Shared
    from gateway.metrics import Metrics
    from gateway.peers.peer_home import PeerHome
    from gateway.settings import Settings
    from gateway.trust_side import TrustSide
    from trust.keys import VerificationKey
    from trust.signer import Signer

CRASH_AT: Final = "ONECARD_CRASH_AT"
"""Names, in a sandbox, the point at which the process dies, `point` or `point:times` (`services.crash_points`)."""

DAY_SECONDS: Final = 86_400


class ReceiptKeys:
    """Whose keys sign receipts: those of our own gateways, and those that trust believes to be of peers."""

    def __init__(self, settings: Settings, trust: TrustSide) -> None:
        """Take what is known of homes and peers."""
        self._trust = trust
        self._issuers = {home.region: home.caller.id for home in settings.home}
        self._issuers |= {peer.region: peer.caller for peer in settings.peer}
        self._entities = {home.region: home.entity.id for home in settings.home}
        self._entities |= {peer.region: peer.entity for peer in settings.peer}

    def issuer(self, region: str) -> str:
        """Give the issuer under which the gateway of a region signs (RegionNotServedError)."""
        issuer = self._issuers.get(region)
        if issuer is None:
            raise RegionNotServedError(region=region)
        return issuer

    def signer(self, region: str) -> Signer:
        """Give what signs for the gateway of a home region: one key, whatever signs by the time that it does."""
        return self._trust.homes[region].gateway_signer.current()

    def find(self, issuer: str, kid: str) -> VerificationKey:
        """Find the key of a peer's gateway (TrustError)."""
        return self._trust.desk.gateway_key(issuer, kid, home_regions=self._trust.homes)

    def chain(self, region: str, agreement: str) -> tuple[str, ...]:
        """Give the trust chain of a region under the anchor of an agreement; () where none is known now."""
        anchor = self._trust.signed[agreement].anchor
        return self._trust.desk.chain_for(self._entities[region], anchor)

    def agreement_digest(self, agreement: str) -> str:
        """Give the digest of the terms of an agreement."""
        return self._trust.signed[agreement].digest


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSide:
    """The exchange of a node: its service, what begins with the node, and what runs as long as it."""

    servicer: ExchangeServicer
    start: Callable[[], Awaitable[None]]
    tasks: tuple[Callable[[], Coroutine[None, None, None]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What all parts of the exchange use."""

    shared: Shared
    homes: frozenset[str]
    rules: ExchangeRules
    seals: Seals
    act: Act
    holds: Holds
    cards: Callable[[str, str], bytes]
    receipts: ReceiptDesk
    news: Board
    lanes: Board
    downloads: Downloads
    points: CrashPoints


def build_holds(shared: Shared) -> Holds:
    """Make what holds requests back, and what does all that is done to them (SettingsError, RegionDataError)."""
    settings, store = shared.settings, shared.stored.store
    act = Act(
        store,
        rules=load_transitions(),
        homes=frozenset(home.region for home in settings.home),
        now=store_time(dialect_of(store), time.time),
        points=crash_points(settings),
    )
    return Holds(act, rules=shared.rules)


def build_exchange(
    shared: Shared,
    peers: Mapping[str, PeerHome],
    *,
    holds: Holds,
    cards: Callable[[str, str], bytes],
    metrics: Metrics,
) -> ExchangeSide:
    """Put the exchange of a node together (SettingsError, RegionDataError; nothing runs yet).

    Args:
        shared: what all parts of a node use.
        peers: the gateways to which requests go.
        holds: what holds back those whose card is not in use.
        cards: what a home region calls a card by its number.
        metrics: shows what waits and what was laid aside, where the node serves metrics.
    """
    settings, store = shared.settings, shared.stored.store
    parts = _parts(shared, frozenset(peers), holds, cards)
    errands = Errands(
        store,
        act=parts.act,
        rules=parts.rules,
        receipts=parts.receipts,
        reason_of=reason_of,
        journal=shared.journal,
    )
    upkeep = Upkeep(store, act=parts.act, retention_seconds=settings.exchange.retention_days * DAY_SECONDS)
    work = {"news": parts.news.run, "lanes": parts.lanes.run, "upkeep": upkeep.run}
    if settings.listen.metrics is not None:
        backlog = Backlog(store, now=store_time(dialect_of(store), time.time))
        work["backlog"] = ExchangeMetrics(metrics, backlog, homes=parts.homes, peers=frozenset(peers)).run
    for region, peer in peers.items():
        send = PeerExchange(peer.channel, seals=parts.seals, downloads=parts.downloads)
        outbox = Outbox(errands, peer=region, send=send, board=parts.lanes, journal=shared.journal, points=parts.points)
        work[f"outbox_{region}"] = outbox.run

    async def start() -> None:
        if shared.stored.lock is not None:  # nobody else has the store, so whatever was leased is not held any more
            await errands.free_all()

    return ExchangeSide(
        servicer=ExchangeServicer(
            _use(parts),
            paging=Paging(shared.evidence.secret.paging_key()),
            days=Days(time.time),
            regions=shared.registry.regions,
        ),
        start=start,
        tasks=tuple(
            partial(keep_running, name, one, shared.journal, event="exchange_task_failed") for name, one in work.items()
        ),
    )


def _parts(shared: Shared, peers: frozenset[str], holds: Holds, cards: Callable[[str, str], bytes]) -> _Parts:
    """Make what all parts use."""
    settings, store = shared.settings, shared.stored.store
    homes = frozenset(home.region for home in settings.home)
    dialect, points = dialect_of(store), crash_points(settings)
    seals = Seals(shared.stored.sealer)
    rules = ExchangeRules(
        items=shared.item,
        kinds=load_payload_kinds(shared.registry.taxonomy),
        answer_days=lambda region: shared.registry.get(region).rules.answer_days,
        agreements=shared.trust.agreements,
        regions=shared.registry.regions,
        homes=homes,
        peers=peers,
    )
    return _Parts(
        shared=shared,
        homes=homes,
        rules=rules,
        seals=seals,
        act=holds.act,
        holds=holds,
        cards=cards,
        receipts=ReceiptDesk(ReceiptKeys(settings, shared.trust), homes, dialect),
        news=Board(store, NEWS),
        lanes=Board(store, LANES),
        downloads=Downloads(store, seals=seals),
        points=points,
    )


def _use(parts: _Parts) -> ExchangeUse:
    """Make the use cases."""
    shared, store, seals = parts.shared, parts.shared.stored.store, parts.seals
    blinding = Blinding(shared.evidence.secret.exchange_key())
    return ExchangeUse(
        submit=SubmitRequest(
            store,
            rules=parts.rules,
            seals=seals,
            blinding=blinding,
            homes=parts.homes,
            catalog_version=lambda region: shared.registry.get(region).catalog.version,
            quota=shared.settings.exchange.quota,
            clock=time.time,
            cards=parts.cards,
            points=parts.points,
        ),
        act=parts.act,
        reading=Reading(store, board=parts.news),
        inbox=Inbox(
            store, act=parts.act, rules=parts.rules, holds=parts.holds, reason_of=reason_of, journal=shared.journal
        ),
        files=Files(store, seals=seals, blinding=blinding, clock=time.time),
        downloads=parts.downloads,
        answering=Answering(seals=seals, receipts=parts.receipts, rules=parts.rules),
        proofs=InclusionProofs(reader=shared.evidence.reader, heads=shared.evidence.heads),
        lanes=parts.lanes,
    )


def reason_of(error: Exception) -> str:
    """Name an error by its ErrorReason."""
    return row_of(error).reason


def crash_points(settings: Settings) -> CrashPoints:
    """Read where a test lets the process die; outside a sandbox it never does (SettingsError)."""
    try:
        return CrashPoints.from_text(os.environ.get(CRASH_AT, "") if settings.sandbox else "")
    except ValueError as error:
        raise SettingsError((f"{CRASH_AT}: there is no such point",)) from error
