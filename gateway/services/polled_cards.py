"""Cards of a platform that cannot push: it is asked again about those that it was asked about, and changes are filed.

Only changes for the worse, and back, are told. What a platform tells when it is asked about one card says nothing of
the others, so the feed of such a region never counts as heard: other gateways refuse at once what was told to be lost,
and allow nothing without asking. Which cards were asked about is kept in memory only.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from adapters.card_state import events_told
from adapters.credential import by_card_number
from adapters.errors import AdapterError, CardNotFoundError
from adapters.words import CardFunction, CardStatus
from gateway.errors import StoreUnavailableError
from gateway.services.card_ledger import Report
from gateway.services.card_news import MICROS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from adapters.canonical import CardIdentity
    from adapters.credential import Credential
    from gateway.services.card_ledger import CardLedger
    from gateway.services.ports import Clock

    LookUp = Callable[[Credential], Awaitable[tuple[CardIdentity, float]]]

AT_ONCE: Final = 8
_REMEMBERED: Final = 20_000
_FINAL: Final = frozenset({CardStatus.REPLACED, CardStatus.VOID, CardStatus.CANCELLED})


class PolledCards:
    """The cards of one home region whose platform is asked.

    Args:
        ledger: where changes are filed.
        seconds: how long after a round the next one begins.
        clock: Unix time.
        capacity: how many cards are asked about; those that nobody has shown for longest are forgotten first.
    """

    def __init__(self, ledger: CardLedger, *, seconds: float, clock: Clock, capacity: int = _REMEMBERED) -> None:
        """Ask about nothing yet."""
        self._ledger = ledger
        self._seconds = seconds
        self._clock = clock
        self._capacity = capacity
        self._cards: OrderedDict[bytes, Credential] = OrderedDict()

    async def note(self, credential: Credential, identity: CardIdentity) -> None:
        """Take what the platform has just told of a card, and ask about it from now on (StoreUnavailableError)."""
        number, holder = identity.card.number, identity.holder.social_security_number
        if number is None:
            return
        card = self._ledger.name(number.reveal())
        if not credential.used_up or holder is not None:
            again = by_card_number(number.reveal(), holder.reveal()) if credential.used_up and holder else credential
            self._cards[card] = again
            self._cards.move_to_end(card)
            if len(self._cards) > self._capacity:
                self._cards.popitem(last=False)
        status = identity.card.status or CardStatus.UNKNOWN
        await self._file(card, status, identity.card.suspended_functions)

    async def _file(self, card: bytes, status: CardStatus, suspended: frozenset[CardFunction]) -> None:
        """File what leads from the known state to the one told; nothing of a card of which nothing bad is known."""
        if status in _FINAL:
            self._cards.pop(card, None)
        state = self._ledger.table.state(card)
        if not state.marks and status is CardStatus.ACTIVE and not suspended:
            return
        events = events_told(state, status, suspended, time=round(self._clock() * MICROS))
        if events:
            await self._ledger.report([Report(card, event) for event in events], heard=False)

    async def run(self, look_up: LookUp) -> None:
        """Ask for ever, round after round."""
        while True:
            await asyncio.sleep(self._seconds)
            await self.once(look_up)

    async def once(self, look_up: LookUp) -> None:
        """Ask about all cards once, some at a time; what fails is asked in the next round."""
        cards = tuple(self._cards.items())
        for first in range(0, len(cards), AT_ONCE):
            lot = cards[first : first + AT_ONCE]
            await asyncio.gather(*(self._ask(card, credential, look_up) for card, credential in lot))

    async def _ask(self, card: bytes, credential: Credential, look_up: LookUp) -> None:
        """Ask about one card; one that the platform does not know any more has no state that counts."""
        try:
            identity, _ = await look_up(credential)
            status, suspended = identity.card.status or CardStatus.UNKNOWN, identity.card.suspended_functions
        except CardNotFoundError:
            status, suspended = CardStatus.UNKNOWN, frozenset[CardFunction]()
        except AdapterError:
            return
        try:
            await self._file(card, status, suspended)
        except StoreUnavailableError:
            return
