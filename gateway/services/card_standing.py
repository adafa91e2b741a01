"""What a visited region may do with a card by what it has been told of it: by class, with its age, asking nobody.

The verdict is for use in general: of the item types that the agreement covers, those that need a suspended function are
left out. What is older than the agreement allows is never allowed, whatever it said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from adapters.words import ApplicationClass, CardFunction
from gateway.errors import InvalidFieldError, RegionNotServedError
from gateway.services.local_home import china_day
from gateway.services.model import ClassVerdict, Decision, Freshness
from gateway.services.verdict import LIVE_TOLERANCE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.card_state import Meaning
    from adapters.registry import Registry
    from adapters.taxonomy import Taxonomy
    from adapters.words import CardStatus
    from gateway.services.card_copy import CardCopy, Learned
    from gateway.services.ports import Clock
    from gateway.services.verdict import VerdictRules
    from trust.agreement import Agreement
    from trust.policy import AgreementBook

_FINANCIAL: Final = frozenset({ApplicationClass.DISBURSEMENT, ApplicationClass.PAYMENT})
_MICROS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a card stands here. `age` is seconds, None where nothing was ever heard; `since` Unix time, 0 for never.

    `learned` is when the last thing was learned of it, and `successor` the pseudonym of the card that has replaced it.
    """

    status: CardStatus
    suspended: frozenset[CardFunction]
    classes: tuple[ClassVerdict, ...]
    freshness: Freshness
    age: float | None
    since: float
    learned: Learned | None
    successor: str
    tells_functions: bool


def freshness_of(age: float | None, limits: Mapping[str, int]) -> Freshness:
    """Tell how fresh knowledge of an age is, by the limits of an agreement (seconds by class)."""
    if age is None:
        return Freshness.STALE
    if age <= LIVE_TOLERANCE_SECONDS:
        return Freshness.LIVE
    longest = max(limits.values(), default=0)
    return Freshness.CACHED if age <= longest + LIVE_TOLERANCE_SECONDS else Freshness.STALE


class CardStandings:
    """The use case of whoever has a card's pseudonym and wants to know how it stands.

    Args:
        copies: by home and visited region.
        agreements: what is allowed between regions, and how old knowledge may be.
        rules: what a card's state allows.
        registry: the installed regions, and which function an item type needs.
        clock: Unix time.
    """

    def __init__(
        self,
        copies: Mapping[tuple[str, str], CardCopy],
        *,
        agreements: AgreementBook,
        rules: VerdictRules,
        registry: Registry,
        clock: Clock,
    ) -> None:
        """Take what the answer rests on."""
        self._copies = copies
        self._agreements = agreements
        self._rules = rules
        self._registry = registry
        self._clock = clock

    def __call__(self, card: bytes, *, home: str, visited: str) -> Standing:
        """Say how a card stands in a visited region of this gateway.

        Raises:
            InvalidFieldError: a region asks about cards of its own, which its platform has.
            UnknownRegionError: there is no such home region.
            NoAgreementError, AgreementNotInForceError, AgreementNotSignedError, AgreementStoppedError: nothing may be
                told between the two.
            RegionNotServedError: the home region's feed is not followed here.
        """
        if home == visited:
            raise InvalidFieldError(("name", "of_another_region"))
        self._registry.get(home)
        agreement = self._agreements.between(home, visited, on=china_day(self._clock()))
        copy = self._copies.get((home, visited))
        if copy is None:
            raise RegionNotServedError(region=home)
        state = copy.table.state(card)
        meaning, age = state.meaning, copy.age()
        bases = sorted({state.basis(function) for function in meaning.suspended} - {""})
        judged = _Judged(self._rules, self._registry.taxonomy, agreement, meaning, age, "; ".join(bases))
        return Standing(
            status=meaning.status,
            suspended=meaning.suspended,
            classes=tuple(judged.verdict(c) for c in ApplicationClass),
            freshness=freshness_of(age, agreement.data_age_limit_seconds),
            age=age,
            since=meaning.since / _MICROS,
            learned=copy.learned(card),
            successor=state.successor,
            tells_functions="card.suspended_functions" in agreement.fields,
        )


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the verdicts of one card rest on."""

    rules: VerdictRules
    taxonomy: Taxonomy
    agreement: Agreement
    meaning: Meaning
    age: float | None
    basis: str

    def verdict(self, c: ApplicationClass) -> ClassVerdict:
        """Form the verdict for a class: agreement, state, age, functions, in this order."""
        if c.value not in self.agreement.classes:
            return ClassVerdict(c, Decision.REFUSED, "CLASS_NOT_IN_AGREEMENT")
        if self.meaning.untold:
            return ClassVerdict(c, Decision.REFUSED, "CARD_NOT_REPORTED")
        rule = self.rules.of(self.meaning.status)
        if c not in rule.allowed:
            return ClassVerdict(c, Decision.REFUSED, rule.reason, (), rule.legal_basis)
        limit = self.agreement.data_age_limit_seconds.get(c.value, 0) + LIVE_TOLERANCE_SECONDS
        if self.age is None or self.age > limit:
            return ClassVerdict(c, Decision.REFUSED, "STATUS_FEED_STALE")
        return self._by_functions(c)

    def _by_functions(self, c: ApplicationClass) -> ClassVerdict:
        """Leave out what needs a suspended function."""
        suspended = self.meaning.suspended
        if not suspended:
            return ClassVerdict(c, Decision.ALLOWED, "OK")
        covered = [one for one in self.taxonomy if self.agreement.covers(one.code)]
        types = tuple(sorted(one.code for one in covered if one.function not in suspended))
        if not types or (CardFunction.FINANCIAL in suspended and c in _FINANCIAL):
            return ClassVerdict(c, Decision.REFUSED, "FUNCTION_SUSPENDED", (), self.basis)
        decision = Decision.ALLOWED if len(types) == len(covered) else Decision.LIMITED
        reason = "OK" if decision is Decision.ALLOWED else "FUNCTION_SUSPENDED"
        return ClassVerdict(c, decision, reason, types if decision is Decision.LIMITED else (), self.basis)
