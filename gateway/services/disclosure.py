"""Which fields of an identity leave a region: those the agreement names, and no others (data minimisation)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from adapters.canonical import CARD_FIELDS, HOLDER_FIELDS, Card, CardIdentity, Holder
from adapters.errors import BadUpstreamError
from adapters.identifiers import DivisionCode, Identifier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trust.policy import Permission


GUARDED = frozenset({"holder.integrity_record"})
"""Fields for which an agreement is not enough: the home region's own law has to entitle the other region to them."""


def disclose_fields(identity: CardIdentity, permission: Permission | None, *, entitled: bool = True) -> CardIdentity:
    """Blank every field that the agreement does not name; use in the home region itself sees all.

    Guarded fields are blanked too unless the region asking is entitled, which only the home side can say.
    """
    if permission is None:
        return identity
    told_of_holder, told_of_card = _told(permission.fields if entitled else permission.fields - GUARDED)
    holder, card = identity.holder, identity.card
    return CardIdentity(
        identity.region,
        Holder(**{name: getattr(holder, name) for name in told_of_holder}),
        Card(**{name: getattr(card, name) for name in told_of_card}),
    )


@lru_cache(maxsize=256)
def _told(allowed: frozenset[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split what an agreement names into fields of the holder and of the card."""
    holder = tuple(name for name in HOLDER_FIELDS if f"holder.{name}" in allowed)
    return holder, tuple(name for name in CARD_FIELDS if f"card.{name}" in allowed)


def tells_functions(permission: Permission | None) -> bool:
    """Tell whether suspended functions may be named; a refusal for one is told by its reason in any case."""
    return permission is None or "card.suspended_functions" in permission.fields


def contradicts(identity: CardIdentity, expected: Mapping[str, str]) -> bool:
    """Tell whether an identity says otherwise, of fields by neutral path; what it does not tell contradicts nothing."""
    told = ((reveal(identity, path), value) for path, value in expected.items())
    return any(text is not None and text != value for text, value in told)


def holder_key(identity: CardIdentity) -> str:
    """Give what stays the same for a holder when the card is replaced: the social-security number, else a document.

    BadUpstreamError where the platform told neither, since a recognition without a subject would say nothing.
    """
    key = find_holder_key(identity)
    if key is None:
        raise BadUpstreamError(region=identity.region, rule="no_holder_number")
    return key


def find_holder_key(identity: CardIdentity) -> str | None:
    """Give the same, or None where the platform told neither."""
    if identity.holder.social_security_number is not None:
        return f"ssn:{identity.holder.social_security_number.reveal()}"
    if identity.holder.documents:
        document = identity.holder.documents[0]
        return f"{document.type}:{document.number.reveal()}"
    return None


def reveal(identity: CardIdentity, path: str) -> str | None:
    """Give one field by its neutral path as text, or None where it is not told."""
    part, _, name = path.partition(".")
    value = getattr(getattr(identity, part), name)
    if value is None:
        return None
    if isinstance(value, Identifier):
        return value.reveal()
    return value.value if isinstance(value, DivisionCode) else str(value)
