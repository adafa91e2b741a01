"""Takes what a home region's platform reports of its cards: kinds of events, or its own words for a state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from adapters.card_events import CardEvent
from adapters.card_state import Outcome, events_told
from adapters.errors import MalformedFieldError
from adapters.identifiers import CardNumber
from adapters.words import CardEventKind, CardStatus
from gateway.errors import CallerRegionError, InvalidFieldError, RegionNotServedError
from gateway.services.card_ledger import Report, Result
from gateway.services.card_news import MICROS, MOST_AT_ONCE
from gateway.services.card_table import Shown
from trust.claims import CLOCK_SKEW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.card_state import CardState
    from adapters.registry import Registry
    from adapters.words import CardFunction
    from gateway.services.card_ledger import CardLedger
    from gateway.services.ports import Clock


_FIELDS: Final = {
    "event.time": "event_time",
    "event.sequence": "sequence",
    "event.function": "function",
    "event.detail": "legal_basis",
}
"""What a report calls the fields of an event; the successor, which is also a detail, is read before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformReport:
    """One report as a platform makes it: a kind of event, or its own raw word for the state that the card has now.

    `time` is microseconds since 1970 by the platform's clock; `basis` the legal basis of a suspension, `successor` the
    number of the card that replaces this one.
    """

    card_number: str = field(repr=False)
    kind: CardEventKind | None
    raw_status: str
    time: int
    sequence: int = 0
    function: CardFunction | None = None
    basis: str = ""
    successor: str = field(default="", repr=False)


class ReportCards:
    """The use case of a home region's own platform."""

    def __init__(self, ledgers: Mapping[str, CardLedger], *, registry: Registry, clock: Clock) -> None:
        """Take the cards by home region, and the regions' own tables."""
        self._ledgers = ledgers
        self._registry = registry
        self._clock = clock

    async def __call__(
        self, reports: Sequence[PlatformReport], *, region: str, from_gateway: bool
    ) -> tuple[Result, ...]:
        """File reports about cards of the caller's region; what came of each, in their order.

        Raises:
            CallerRegionError: a gateway reports nothing, only a platform does.
            RegionNotServedError: the region's cards are not kept here.
            MalformedNumberError, InvalidFieldError: a report is not what it should be, and none was filed.
            StoreUnavailableError: they cannot be filed; nothing is known of them.
        """
        if from_gateway:
            raise CallerRegionError(region=region)
        ledger = self._ledgers.get(region)
        if ledger is None:
            raise RegionNotServedError(region=region)
        if len(reports) > MOST_AT_ONCE:
            raise InvalidFieldError(("reports", f"at_most_{MOST_AT_ONCE}"))
        reading = _Reading(ledger, self._registry.get(region).manifest.tables.card_status, self._clock())
        told = [reading.read(report, place=f"reports[{number}]") for number, report in enumerate(reports)]
        filed = iter(await ledger.report([one for events in told for one in events]))
        return tuple(
            _last([next(filed) for _ in events], ledger.shown(ledger.name(report.card_number)))
            for report, events in zip(reports, told, strict=True)
        )


def _last(results: list[Result], shown: Shown | None) -> Result:
    """Give what came of the last event of a report; of none, where the state was known already, a duplicate."""
    known = shown or Shown(CardStatus.UNKNOWN, frozenset())
    return results[-1]._replace(shown=known) if results else Result(0, Outcome.DUPLICATE, known)


class _Reading:
    """Reads the reports of one request, each after those before it."""

    def __init__(self, ledger: CardLedger, table: Mapping[str, CardStatus], now: float) -> None:
        self._ledger = ledger
        self._table = table
        self._latest = round((now + CLOCK_SKEW_SECONDS) * MICROS)
        self._states: dict[bytes, CardState] = {}

    def read(self, report: PlatformReport, *, place: str) -> list[Report]:
        """Give the events of a report (MalformedNumberError, InvalidFieldError)."""
        card = self._ledger.name(CardNumber(report.card_number, field=f"{place}.card_number").reveal())
        if report.time > self._latest:
            raise InvalidFieldError((f"{place}.event_time", "not_in_the_future"))
        try:
            events = self._by_state(card, report) if report.kind is None else (self._event(report, place),)
        except MalformedFieldError as error:
            raise InvalidFieldError((f"{place}.{_FIELDS[error.metadata['field']]}", error.metadata["rule"])) from None
        state = self._state(card)
        for event in events:
            state = state.with_event(event)
        self._states[card] = state
        return [Report(card, event) for event in events]

    def _state(self, card: bytes) -> CardState:
        return self._states.get(card) or self._ledger.table.state(card)

    def _by_state(self, card: bytes, report: PlatformReport) -> tuple[CardEvent, ...]:
        """Give what leads to the state that the platform tells in its own words; an unknown one is unreadable."""
        status = self._table.get(report.raw_status, CardStatus.UNKNOWN)
        return events_told(self._state(card), status, None, time=report.time)

    def _event(self, report: PlatformReport, place: str) -> CardEvent:
        """Give the event of a kind."""
        if report.kind is CardEventKind.FUNCTION_SUSPENDED and not report.basis:
            raise InvalidFieldError((f"{place}.legal_basis", "required"))
        if report.successor and report.kind is not CardEventKind.REPLACED:
            raise InvalidFieldError((f"{place}.successor_card_number", "with_a_replacement_only"))
        event = CardEvent(
            kind=report.kind or CardEventKind.UNREADABLE,
            time=report.time,
            sequence=report.sequence,
            function=report.function,
            detail=report.basis,
        )
        if not report.successor:
            return event
        successor = CardNumber(report.successor, field=f"{place}.successor_card_number").reveal()
        if successor == report.card_number:
            raise InvalidFieldError((f"{place}.successor_card_number", "another_card"))
        return self._ledger.event_of(event, successor=successor)
