"""What the agreements in force allow: the answer to whether, and how far, one region recognises another's card.

Rules, each a small check of its own: nothing is allowed without an agreement in force that names both regions; an
agreement of A with B and one of B with C say nothing of A and C; what an agreement does not list it does not allow;
where it demands a consent or contract, or data crosses the border, a reference must be there. Being allowed for an
empty set of items or classes is being refused. Use at home (one region) is no business of this module: refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import combinations
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from trust.errors import (
    AgreementDataError,
    AgreementNotInForceError,
    ClassNotAllowedError,
    ConsentMissingError,
    ItemNotInAgreementError,
    MediumNotAllowedError,
    NoAgreementError,
    PurposeNotAllowedError,
)
from trust.vocabulary import nameable_region

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date

    from trust.agreement import Agreement


_REMEMBERED: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What may be done under one agreement: never more than was asked for, never more than it lists.

    `agreement` is its id; `classes` and `item_types` keep the order of the question and are never empty; `fields` may
    leave the home region; `data_age_limit_seconds` holds a limit for each class of `classes`.
    """

    agreement: str
    classes: tuple[str, ...]
    item_types: tuple[str, ...]
    fields: frozenset[str]
    data_age_limit_seconds: Mapping[str, int] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """What is asked for, beyond regions, items and classes."""

    purpose: str
    medium: str
    has_consent: bool


def _check_purpose(agreement: Agreement, use: _Use) -> None:
    """Demand a purpose that the agreement lists."""
    if use.purpose not in agreement.purposes:
        raise PurposeNotAllowedError(agreement=agreement.id)


def _check_medium(agreement: Agreement, use: _Use) -> None:
    """Demand a medium that the agreement lists."""
    if use.medium not in agreement.media:
        raise MediumNotAllowedError(agreement=agreement.id)


def _check_consent(agreement: Agreement, use: _Use) -> None:
    """Demand a reference where data needs one (standard contract of the Greater Bay Area; Guangdong Art. 17)."""
    needed = agreement.consent_required or agreement.cross_border
    if needed and not use.has_consent:
        raise ConsentMissingError(agreement=agreement.id)


_CHECKS: Final[tuple[Callable[[Agreement, _Use], None], ...]] = (_check_purpose, _check_medium, _check_consent)


class AgreementBook:
    """All agreements that a gateway goes by.

    Args:
        agreements: the agreements.
        standing: what else must hold of an agreement, by its id, on every question: that all parties have signed it and
            none has stopped it. It raises a TrustError where it does not.

    Raises:
        AgreementDataError: two have the same id, or two join the same regions on the same day, so that it would be
            unclear which applies.
    """

    __slots__ = ("_agreements", "_joining", "_remembered", "_standing")

    def __init__(self, agreements: Iterable[Agreement], *, standing: Callable[[str], None] = lambda _: None) -> None:
        """Keep the agreements, sorted by id."""
        self._standing = standing
        self._agreements = tuple(sorted(agreements, key=lambda agreement: agreement.id))
        for one, other in combinations(self._agreements, 2):
            _check_distinct(one, other)
        self._remembered = lru_cache(maxsize=_REMEMBERED)(self._permit)
        self._joining = lru_cache(maxsize=_REMEMBERED)(self._find_joining)

    @property
    def agreements(self) -> tuple[Agreement, ...]:
        """All of them, by id, in force or not."""
        return self._agreements

    def between(self, home: str, visited: str, *, on: date) -> Agreement:
        """Find the agreement of two regions on a day; which of the two is home makes no difference.

        Raises:
            NoAgreementError: none names both.
            AgreementNotInForceError: one does, but not on this day.
            AgreementNotSignedError, AgreementStoppedError: it does not stand.
        """
        agreement = self._dated(home, visited, on=on)
        self._standing(agreement.id)
        return agreement

    def dated_between(self, home: str, visited: str, *, on: date) -> tuple[str, ...]:
        """Give the ids of the agreements that join two regions on a day, whether they stand or not."""
        return self._joining(home, visited, on)

    def _find_joining(self, home: str, visited: str, on: date) -> tuple[str, ...]:
        """Answer that once; the same is asked for every key that is looked up, so the answers are kept."""
        return tuple(a.id for a in self._agreements if a.joins(home, visited) and a.in_force(on))

    def _dated(self, home: str, visited: str, *, on: date) -> Agreement:
        """Find the agreement by its regions and days alone."""
        regions = f"{nameable_region(home)},{nameable_region(visited)}"
        candidates = [agreement for agreement in self._agreements if agreement.joins(home, visited)]
        if not candidates:
            raise NoAgreementError(regions=regions)
        for agreement in candidates:
            if agreement.in_force(on):
                return agreement
        raise AgreementNotInForceError(agreement=candidates[-1].id, regions=regions)

    def permit(
        self,
        *,
        home: str,
        visited: str,
        item_types: Sequence[str],
        purpose: str,
        classes: Sequence[str],
        medium: str,
        on: date,
        consent_reference: str | None = None,
    ) -> Permission:
        """Say what is allowed of what is asked for.

        Raises:
            NoAgreementError: no agreement names both regions.
            AgreementNotInForceError: not on this day.
            AgreementNotSignedError, AgreementStoppedError: it does not stand.
            PurposeNotAllowedError: the purpose is not listed.
            MediumNotAllowedError: the medium is not listed.
            ConsentMissingError: a reference is needed and missing.
            ItemNotInAgreementError: none of the item types is covered.
            ClassNotAllowedError: none of the classes is listed.
        """
        use = _Use(purpose=purpose, medium=medium, has_consent=bool((consent_reference or "").strip()))
        permission = self._remembered(home, visited, tuple(item_types), use, tuple(classes), on)
        self._standing(permission.agreement)
        return permission

    def _permit(  # noqa: PLR0917 - these are the key by which it is remembered
        self, home: str, visited: str, item_types: tuple[str, ...], use: _Use, classes: tuple[str, ...], on: date
    ) -> Permission:
        """Answer one question; the same is asked for every card, so the answers are kept."""
        agreement = self._dated(home, visited, on=on)
        for check in _CHECKS:
            check(agreement, use)
        return _permission(agreement, item_types=item_types, classes=classes)


def _permission(agreement: Agreement, *, item_types: Sequence[str], classes: Sequence[str]) -> Permission:
    """Cut the question down to what the agreement lists."""
    covered = tuple(item_type for item_type in dict.fromkeys(item_types) if agreement.covers(item_type))
    if not covered:
        raise ItemNotInAgreementError(agreement=agreement.id)
    allowed = tuple(str(name) for name in dict.fromkeys(classes) if name in agreement.classes)
    if not allowed:
        raise ClassNotAllowedError(agreement=agreement.id)
    limits = {name: agreement.data_age_limit_seconds[name] for name in allowed}
    return Permission(
        agreement=agreement.id,
        classes=allowed,
        item_types=covered,
        fields=agreement.fields,
        data_age_limit_seconds=MappingProxyType(limits),
    )


def _check_distinct(one: Agreement, other: Agreement) -> None:
    """Refuse two agreements between which nobody could choose."""
    if one.id == other.id:
        raise AgreementDataError(agreement=other.id, faults=("id: there twice",))
    shared = len(set(one.regions) & set(other.regions)) > 1
    if shared and one.in_force_from <= other.in_force_to and other.in_force_from <= one.in_force_to:
        raise AgreementDataError(agreement=other.id, faults=("regions: two agreements at the same time",))
