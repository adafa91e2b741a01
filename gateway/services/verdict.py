"""Forms the verdict for each application class. Pure: facts in, verdicts out; the rules of card states are data.

Rules are asked in a fixed order and the first that objects decides: the item (offered, in force, medium), the card
(state, expiry, suspended functions, age of the knowledge), the agreement, and what the home catalog covers. A rule can
refuse or narrow, none can widen what an earlier one left.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from adapters.words import ApplicationClass, CardFunction, CardStatus
from gateway.services.model import ClassVerdict, Decision

if TYPE_CHECKING:
    from datetime import date

    from adapters.canonical import ApplicationItem, Card
    from adapters.equivalence import Coverage
    from adapters.taxonomy import Taxonomy
    from adapters.words import Medium
    from trust.policy import Permission

LIVE_TOLERANCE_SECONDS = 5.0
"""A platform that writes whole seconds and a clock that differs a little must not make a live answer look old."""

_REFUSING = frozenset(
    {"DRAFT_NOT_IN_FORCE", "MEDIUM_NOT_ACCEPTED", "CARD_EXPIRED", "STALE_STATUS", "FUNCTION_SUSPENDED"}
    | {"CLASS_NOT_IN_AGREEMENT", "NO_EQUIVALENT_ITEM", "CLASS_NOT_IN_HOME_ITEM", "ITEM_NOT_IN_AGREEMENT"}
)
"""Reasons of refusals, but for those of card states, which are data."""

_FINANCIAL_CLASSES = frozenset({ApplicationClass.DISBURSEMENT, ApplicationClass.PAYMENT})


@dataclass(frozen=True, slots=True)
class StatusRule:
    """What a card state means for each class."""

    allowed: frozenset[ApplicationClass]
    reason: str
    legal_basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """What the home platform said of a card, how old that is in seconds, and the home region's law on suspension."""

    card: Card
    age_seconds: float
    today: date
    suspension_basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UseFacts:
    """How the card is to be used. `permission` and `coverage` are None for use in the home region itself."""

    item: ApplicationItem
    medium: Medium
    permission: Permission | None
    coverage: Coverage | None


def load_status_rules() -> dict[CardStatus, StatusRule]:
    """Read the rules of card states that ship with the gateway; every state has one."""
    text = files("gateway.services").joinpath("status_rules.csv").read_text("utf-8")
    return {
        CardStatus(row["status"]): StatusRule(
            frozenset(c for c in ApplicationClass if row[c.value] == "allowed"), row["reason"], row["legal_basis"]
        )
        for row in csv.DictReader(io.StringIO(text))
    }


class VerdictRules:
    """Applies the rules; holds the table of states and the taxonomy, which tells the function an item type needs."""

    def __init__(self, rules: dict[CardStatus, StatusRule], taxonomy: Taxonomy) -> None:
        """Keep both; a state without a rule is a fault of the program's own data."""
        self._rules = {status: rules[status] for status in CardStatus}
        self._taxonomy = taxonomy
        self._reasons = {
            Decision.ALLOWED: frozenset({"OK"}),
            Decision.LIMITED: frozenset({"ITEM_COVERED_IN_PART", "FUNCTION_SUSPENDED"}),
            Decision.REFUSED: _REFUSING | {rule.reason for rule in rules.values()} - {"OK"},
            Decision.NOT_OFFERED: frozenset({"CLASS_NOT_OFFERED"}),
        }

    def of(self, status: CardStatus) -> StatusRule:
        """Give what a card state means."""
        return self._rules[status]

    def explains(self, verdict: ClassVerdict) -> bool:
        """Tell whether these rules could have led to a verdict with its reason, with item types where it limits."""
        limited = verdict.decision is Decision.LIMITED
        return verdict.reason in self._reasons[verdict.decision] and bool(verdict.item_types) is limited

    def form(self, card: CardFacts, use: UseFacts) -> tuple[ClassVerdict, ...]:
        """Give one verdict for each class, in the order of ApplicationClass."""
        return tuple(self._judge(c, card, use) for c in ApplicationClass)

    def _judge(self, c: ApplicationClass, card: CardFacts, use: UseFacts) -> ClassVerdict:
        if c not in use.item.classes:
            return ClassVerdict(c, Decision.NOT_OFFERED, "CLASS_NOT_OFFERED")
        refusal = self._item_objects(c, card.today, use) or self._card_objects(c, card, use)
        if refusal:
            return refusal
        types = frozenset(relation.item_type for relation in use.item.relations)
        blocked = self._suspended(c, card.card.suspended_functions, types)
        if blocked is None or (blocked and blocked == types):
            return ClassVerdict(c, Decision.REFUSED, "FUNCTION_SUSPENDED", (), card.suspension_basis)
        usable = types - blocked
        verdict = _narrowed(c, usable, types, ("FUNCTION_SUSPENDED", card.suspension_basis))
        if use.permission is None or use.coverage is None:
            return verdict
        return self._judge_abroad(verdict, usable, use, use.permission, use.coverage)

    def _item_objects(self, c: ApplicationClass, today: date, use: UseFacts) -> ClassVerdict | None:
        """Refuse what the visited region's own item does not give."""
        if not use.item.in_force(today):
            return ClassVerdict(c, Decision.REFUSED, "DRAFT_NOT_IN_FORCE", (), f"{use.item.source} {use.item.article}")
        if use.medium not in use.item.media:
            return ClassVerdict(c, Decision.REFUSED, "MEDIUM_NOT_ACCEPTED", (), f"{use.item.source} {use.item.article}")
        return None

    def _card_objects(self, c: ApplicationClass, card: CardFacts, use: UseFacts) -> ClassVerdict | None:
        """Refuse what the card's state, its expiry or the age of the knowledge forbids."""
        rule = self._rules[card.card.status or CardStatus.UNKNOWN]
        if c not in rule.allowed:
            return ClassVerdict(c, Decision.REFUSED, rule.reason, (), rule.legal_basis)
        if card.card.expires_on is not None and card.card.expires_on < card.today:
            return ClassVerdict(c, Decision.REFUSED, "CARD_EXPIRED")
        if use.permission is not None and card.age_seconds > age_limit(use.permission, c):
            return ClassVerdict(c, Decision.REFUSED, "STALE_STATUS")
        return None

    def _suspended(
        self, c: ApplicationClass, suspended: frozenset[CardFunction], types: frozenset[str]
    ) -> frozenset[str] | None:
        """Give the item types that need a suspended function; None where the whole class does.

        An item without any item type cannot show that it does without the function, so it is blocked whole.
        """
        if not suspended:
            return frozenset()
        if (CardFunction.FINANCIAL in suspended and c in _FINANCIAL_CLASSES) or not types:
            return None
        return frozenset(t for t in types if self._taxonomy.get(t).function in suspended)

    def _judge_abroad(
        self, so_far: ClassVerdict, usable: frozenset[str], use: UseFacts, permission: Permission, coverage: Coverage
    ) -> ClassVerdict:
        """Narrow to what the agreement and the home region's catalog both cover.

        `so_far` is what the card itself allows, for the `usable` item types. Why a limit is there is told by the rule
        that set the first one.
        """
        c = so_far.application_class
        if c.value not in permission.classes:
            return ClassVerdict(c, Decision.REFUSED, "CLASS_NOT_IN_AGREEMENT")
        if not coverage.whole:
            return ClassVerdict(c, Decision.REFUSED, "NO_EQUIVALENT_ITEM")
        offered = coverage.covered(c, use.medium)
        if not offered:
            return ClassVerdict(c, Decision.REFUSED, "CLASS_NOT_IN_HOME_ITEM")
        left = usable & offered & frozenset(permission.item_types)
        whole = so_far.decision is Decision.ALLOWED
        if not left:
            reason = "ITEM_NOT_IN_AGREEMENT" if whole else so_far.reason
            return ClassVerdict(c, Decision.REFUSED, reason, (), so_far.legal_basis)
        if left == usable and not use.item.residue:
            return so_far
        reason = "ITEM_COVERED_IN_PART" if whole else so_far.reason
        return ClassVerdict(c, Decision.LIMITED, reason, tuple(sorted(left)), so_far.legal_basis)


def age_limit(permission: Permission, c: ApplicationClass) -> float:
    """Give how old, in seconds, the knowledge of a card's state may be; a class without a limit has the strictest."""
    return permission.data_age_limit_seconds.get(c.value, 0) + LIVE_TOLERANCE_SECONDS


def _narrowed(
    c: ApplicationClass, usable: frozenset[str], types: frozenset[str], limit: tuple[str, str]
) -> ClassVerdict:
    """Allow what is left where it is all, or limit it for the reason and on the legal basis given."""
    if usable == types:
        return ClassVerdict(c, Decision.ALLOWED, "OK")
    reason, basis = limit
    return ClassVerdict(c, Decision.LIMITED, reason, tuple(sorted(usable)), basis)
