"""The card side of a gateway: the real service before fake stores, for Chongqing's cards or for a copy of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.reasons import load_reasons
from gateway.rpc.card_status import CardStatusServicer
from gateway.rpc.convert_verdict import VerdictWriter
from gateway.services.card_feeds import CardFeeds
from gateway.services.card_standing import CardStandings
from gateway.services.local_home import agreement_title
from gateway.services.report_cards import ReportCards
from gateway.services.translate_item import TranslateItem
from tests.fakes.regions import AGREEMENTS, BOOK, REGISTRY, RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.services.card_copy import CardCopy
    from gateway.services.card_ledger import CardLedger
    from tests.fakes.clock import FakeClock


def card_servicer(
    clock: FakeClock,
    *,
    ledgers: Sequence[CardLedger] = (),
    copies: Sequence[CardCopy] = (),
    heartbeat_seconds: float = 0.02,
) -> CardStatusServicer:
    """Make the service of a gateway with these cards of its own, and these copies."""
    own = {ledger.region: ledger for ledger in ledgers}
    items = TranslateItem(registry=REGISTRY, book=BOOK, clock=clock)
    titles = {a.id: agreement_title(a) for a in AGREEMENTS.agreements}
    return CardStatusServicer(
        report=ReportCards(own, registry=REGISTRY, clock=clock),
        feeds=CardFeeds(
            own, registry=REGISTRY, agreements=AGREEMENTS, clock=clock, heartbeat_seconds=heartbeat_seconds
        ),
        standings=CardStandings(
            {copy.pair: copy for copy in copies},
            agreements=AGREEMENTS,
            rules=RULES,
            registry=REGISTRY,
            clock=clock,
        ),
        verdicts=VerdictWriter(reasons=load_reasons(), titles=titles, items=items),
    )
