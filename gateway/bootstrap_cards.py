"""Composition root of card states: what our homes report, copies of what others tell, packs, and what follows feeds."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gateway.card_metrics import CardMetrics
from gateway.errors import StoreUnavailableError
from gateway.node import keep_running
from gateway.peers.card_feed import PeerFeed
from gateway.rpc.card_status import CardStatusServicer
from gateway.rpc.offline import OfflineServicer
from gateway.services.card_copy import CardCopy
from gateway.services.card_feeds import CardFeeds, LocalFeed
from gateway.services.card_follow import CardFollower
from gateway.services.card_ledger import CardLedger
from gateway.services.card_standing import CardStandings
from gateway.services.known_cards import KnownCards
from gateway.services.offline_packs import OfflinePacks
from gateway.services.polled_cards import PolledCards
from gateway.services.report_cards import ReportCards
from gateway.services.status_register import LIFE_SECONDS
from gateway.store.card_copies import StoredCopies
from gateway.store.card_log import StoredCardLog

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from adapters.card_events import CardEvent
    from gateway.bootstrap_services import Shared
    from gateway.metrics import Metrics
    from gateway.peers.peer_home import PeerHome
    from gateway.rpc.boundary import Servicer
    from gateway.rpc.convert_verdict import VerdictWriter
    from gateway.services.evidence import Decision
    from gateway.services.local_home import LocalHome
    from gateway.store.card_log import Also
    from gateway.store.transaction import Transaction
    from gateway.trust_side import TrustSide
    from trust.keys import VerificationKey
    from trust.signer import Signer

_SECRET_BYTES = 32
_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class TrustedPackKeys:
    """The keys that offline packs rest on (`gateway.services.offline_packs.PackKeys`)."""

    trust: TrustSide

    def of_home(self, region: str, agreement: str) -> Sequence[VerificationKey]:
        """Give the keys that sign a home region's recognitions, believed now (TrustError where it is not)."""
        return self.trust.region_keys(region, agreement)

    def own(self, region: str) -> Sequence[VerificationKey]:
        """Give the keys with which a region of ours signs now."""
        return self.trust.homes[region].ring.of(region)

    def signer(self, region: str) -> Signer:
        """Give what signs for a region of ours."""
        return self.trust.homes[region].signer


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSide:
    """The card states of a node: `ledgers` of its homes, `copies` by home and visited region, what knows cards.

    `polled` are the cards of those homes whose platform cannot report.
    """

    shared: Shared
    log: StoredCardLog
    ledgers: Mapping[str, CardLedger]
    copies: Mapping[tuple[str, str], CardCopy]
    feeds: CardFeeds
    known: KnownCards
    polled: Mapping[str, PolledCards]

    async def start(self) -> None:
        """Load what was kept (StoreUnavailableError)."""
        for ledger in self.ledgers.values():
            await ledger.start()
        for copy in self.copies.values():
            await copy.start()

    def tasks(
        self, peers: Mapping[str, PeerHome], local: Mapping[str, LocalHome]
    ) -> list[Callable[[], Coroutine[None, None, None]]]:
        """Give what runs as long as the node: it hears other replicas, follows other regions' feeds, and polls."""
        followers = []
        for (home, _), copy in self.copies.items():
            source = LocalFeed(self.feeds, home) if home in self.ledgers else PeerFeed(peers[home].channel)
            followers.append(CardFollower(copy, source, journal=self.shared.journal))
        work = {"hear": self.hear, **{f"{one.copy.home}>{one.copy.visited}": one.run for one in followers}}
        work |= {f"poll_{region}": partial(one.run, local[region].look_up) for region, one in self.polled.items()}
        return [
            partial(keep_running, name, one, self.shared.journal, event="cards_task_failed")
            for name, one in work.items()
        ]

    async def hear(self) -> None:
        """Take note of what any replica has filed, until cancelled; what cannot be read now is read a little later."""
        async with aclosing(self.log.heard()) as heard:
            async for home in heard:
                for region, ledger in self.ledgers.items():
                    if home in {"", region}:
                        await read_surely(ledger)

    def name(self, region: str, number: str) -> bytes:
        """Give what a home region calls a card by its number."""
        return self.ledgers[region].name(number)

    def servicers(self, verdicts: VerdictWriter) -> tuple[Servicer, ...]:
        """Make the services."""
        shared, agreements = self.shared, self.shared.trust.agreements
        return (
            CardStatusServicer(
                report=ReportCards(self.ledgers, registry=shared.registry, clock=time.time),
                feeds=self.feeds,
                standings=CardStandings(
                    self.copies,
                    agreements=agreements,
                    rules=shared.rules,
                    registry=shared.registry,
                    clock=time.time,
                ),
                verdicts=verdicts,
            ),
            OfflineServicer(
                OfflinePacks(
                    registry=shared.registry,
                    agreements=agreements,
                    rules=shared.rules,
                    copies=self.copies,
                    keys=TrustedPackKeys(shared.trust),
                    chains=shared.trust.chain,
                    clock=time.time,
                    certificates=shared.own_certificates,
                ),
                record=partial(shared.stored.store.commit, _record),
            ),
        )


async def read_surely(ledger: CardLedger) -> None:
    """Have a ledger take note of what was filed, however often that has to be tried: the word of it comes once only."""
    while True:
        try:
            await ledger.heard()
        except StoreUnavailableError:
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            return


async def _record(transaction: Transaction, decisions: Sequence[Decision]) -> Sequence[None]:
    """Record decisions, and nothing else."""
    for one in decisions:
        transaction.record(one)
    return [None] * len(decisions)


def build_cards(shared: Shared, metrics: Metrics, *, also: Also) -> CardSide:
    """Put the card states of a node together (SettingsError; nothing is read yet); `also` is done with each report."""
    store, secrets_of = shared.stored.store, shared.pseudonym_secrets
    log, kept = StoredCardLog(store, remembered_seconds=LIFE_SECONDS, also=also), StoredCopies(store)
    ledgers = {
        region: CardLedger(region, secret=secret, log=log, clock=time.time) for region, secret in secrets_of.items()
    }
    copies: dict[tuple[str, str], CardCopy] = {}
    counted = CardMetrics(metrics, copies)

    def learned(_event: CardEvent, millis: int, *, pair: tuple[str, str]) -> None:
        counted.learned(pair, millis)

    for pair in followed(shared):
        copies[pair] = CardCopy(*pair, store=kept, clock=time.time, learned=partial(learned, pair=pair))
    return CardSide(
        shared=shared,
        log=log,
        ledgers=ledgers,
        copies=copies,
        feeds=CardFeeds(ledgers, registry=shared.registry, agreements=shared.trust.agreements, clock=time.time),
        known=KnownCards(
            copies,
            secret=secrets.token_bytes(_SECRET_BYTES),
            rules=shared.rules,
            book=shared.book,
            clock=time.time,
        ),
        polled={
            home.region: PolledCards(ledgers[home.region], seconds=home.platform.poll_seconds, clock=time.time)
            for home in shared.settings.home
            if home.platform.poll_seconds is not None
        },
    )


def followed(shared: Shared) -> list[tuple[str, str]]:
    """Name the pairs of home and visited region that an agreement joins, whenever it is in force."""
    own = {home.region for home in shared.settings.home}
    known = own | {peer.region for peer in shared.settings.peer}
    joined = {
        (home, visited)
        for agreement in shared.trust.agreements.agreements
        for home in agreement.regions
        for visited in agreement.regions
        if home != visited and home in known and visited in own
    }
    return sorted(joined)
