"""What VerifyCard knows of a card before it asks the home region, and does not forget while it asks.

A gateway that verified a card once has learned its pseudonym, and remembers, under a secret of this process, which
credential it belongs to. From then on a loss that the home region tells is refused at once, without asking; where the
home region cannot be asked, what was told last decides, within the age that the agreement allows. Nobody else can make
anything of what is remembered: it is neither written down nor told.
"""

from __future__ import annotations

import hmac
import json
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from adapters.canonical import Card
from adapters.words import CardStatus
from gateway.services.card_standing import freshness_of
from gateway.services.model import CardAnswer, CardVerdict, Freshness
from gateway.services.verdict import LIVE_TOLERANCE_SECONDS, CardFacts
from trust.encoding import decode_base64url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from adapters.equivalence import EquivalenceBook
    from gateway.services.card_copy import CardCopy
    from gateway.services.card_table import Shown
    from gateway.services.model import CardQuestion
    from gateway.services.ports import Clock
    from gateway.services.verdict import UseFacts, VerdictRules

_REMEMBERED: Final = 50_000
_MARK_BYTES: Final = 16
_MICROS: Final = 1_000_000
_FROM_FEED: Final = {"STALE_STATUS": "STATUS_FEED_STALE"}
"""Why a copy is too old to be relied on is another reason than why the home platform's own knowledge is."""


@dataclass(frozen=True, slots=True)
class Known:
    """A card that is known here: where what is told of it is kept, under which pseudonym, and what it shows."""

    copy: CardCopy
    card: bytes
    shown: Shown

    @property
    def usable(self) -> bool:
        """Tell whether it is in use, perhaps with a function suspended."""
        return self.shown.status is CardStatus.ACTIVE

    @property
    def live(self) -> bool:
        """Tell whether the home region was heard a moment ago."""
        age = self.copy.age()
        return age is not None and age <= LIVE_TOLERANCE_SECONDS

    @property
    def since(self) -> float:
        """Give when it came into its state, by the clock of its platform (Unix time)."""
        return self.copy.table.state(self.card).meaning.since / _MICROS


class KnownCards:
    """Remembers pseudonyms by credential, and answers by what was told of them.

    Args:
        copies: by home and visited region.
        secret: of this process, at least 32 bytes.
        rules: form verdicts.
        book: what items correspond to.
        clock: Unix time.
        capacity: how many credentials are remembered; those that were not seen for longest are forgotten first.
    """

    def __init__(
        self,
        copies: Mapping[tuple[str, str], CardCopy],
        *,
        secret: bytes,
        rules: VerdictRules,
        book: EquivalenceBook,
        clock: Clock,
        capacity: int = _REMEMBERED,
    ) -> None:
        """Remember nothing yet."""
        self._copies = copies
        self._secret = secret
        self._rules = rules
        self._book = book
        self._clock = clock
        self._capacity = capacity
        self._cards: OrderedDict[bytes, bytes] = OrderedDict()

    def remember(self, question: CardQuestion, card: str | None) -> None:
        """Remember the pseudonym that an answer has named; a credential that is used up is not seen again."""
        name = None if card is None else decode_base64url(card)
        if name is None or question.credential.used_up:
            return
        mark = self._mark(question)
        self._cards[mark] = name
        self._cards.move_to_end(mark)
        if len(self._cards) > self._capacity:
            self._cards.popitem(last=False)

    def find(self, question: CardQuestion) -> Known | None:
        """Give what is known of the card in question; None where it is new here, or nothing was told of it."""
        card = self._cards.get(self._mark(question))
        return None if card is None else self.of(question, card)

    def of(self, question: CardQuestion, card: bytes) -> Known | None:
        """Give what is known of a card by its pseudonym; None where nothing was told of its status."""
        copy = self._copies.get((question.home_region, question.visited_region))
        shown = None if copy is None else copy.shown(card)
        if copy is None or shown is None:
            return None
        if shown.status is CardStatus.UNKNOWN and copy.table.state(card).meaning.untold:
            return None  # a function may be suspended: the home region, which has the status, counts it in
        return Known(copy, card, shown)

    def answer(self, question: CardQuestion, known: Known, use: UseFacts, *, today: date) -> CardAnswer:
        """Answer by what was told: the verdict alone, since only the home region vouches and discloses."""
        age, now = known.copy.age(), self._clock()
        state = known.copy.table.state(known.card)
        bases = sorted({state.basis(function) for function in known.shown.suspended} - {""})
        facts = CardFacts(
            card=Card(status=known.shown.status, suspended_functions=known.shown.suspended),
            age_seconds=float("inf") if age is None else age,
            today=today,
            suspension_basis="; ".join(bases),
        )
        classes = tuple(replace(v, reason=_FROM_FEED.get(v.reason, v.reason)) for v in self._rules.form(facts, use))
        permission, learned = use.permission, known.copy.learned(known.card)
        fresh = Freshness.LIVE
        if permission is not None:
            fresh = freshness_of(age, permission.data_age_limit_seconds)
        verdict = CardVerdict(
            home_region=question.home_region,
            visited_region=question.visited_region,
            classes=classes,
            card_status=known.shown.status,
            suspended_functions=frozenset(),
            status_as_of=known.since if age is None else now - age,
            answered_at=now,
            item=self._book.translate(question.visited_region, use.item.item, question.home_region, on=today),
            agreement="" if permission is None else permission.agreement,
            freshness=fresh,
            since=known.since,
            known_at=None if learned is None else learned.at,
            successor=state.successor,
        )
        return CardAnswer(verdict=verdict, identity=None, recognition=None, claims=None)

    def _mark(self, question: CardQuestion) -> bytes:
        """Give what stands for a credential here."""
        told = [question.home_region, question.visited_region, question.credential.kind]
        text = json.dumps([*told, sorted(question.credential.values.items())], ensure_ascii=True)
        return hmac.digest(self._secret, text.encode("ascii"), "sha256")[:_MARK_BYTES]
