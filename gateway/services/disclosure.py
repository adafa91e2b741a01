"""Which fields of an identity leave a region: those the agreement names, and no others (data minimisation)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from adapters.canonical import CARD_FIELDS, HOLDER_FIELDS, CardIdentity
from adapters.errors import BadUpstreamError
from adapters.identifiers import DivisionCode, Identifier

if TYPE_CHECKING:
    from trust.policy import Permission

_EMPTY: dict[str, Any] = {"documents": (), "suspended_functions": frozenset()}


def disclose_fields(identity: CardIdentity, permission: Permission | None) -> CardIdentity:
    """Blank every field that the agreement does not name; use in the home region itself sees all."""
    if permission is None:
        return identity
    allowed = permission.fields
    holder: dict[str, Any] = {name: _EMPTY.get(name) for name in HOLDER_FIELDS if f"holder.{name}" not in allowed}
    card: dict[str, Any] = {name: _EMPTY.get(name) for name in CARD_FIELDS if f"card.{name}" not in allowed}
    return CardIdentity(identity.region, replace(identity.holder, **holder), replace(identity.card, **card))


def holder_key(identity: CardIdentity) -> str:
    """Give what stays the same for a holder when the card is replaced: the social-security number, else a document.

    BadUpstreamError where the platform told neither, since a recognition without a subject would say nothing.
    """
    if identity.holder.social_security_number is not None:
        return f"ssn:{identity.holder.social_security_number.reveal()}"
    if identity.holder.documents:
        document = identity.holder.documents[0]
        return f"{document.type}:{document.number.reveal()}"
    raise BadUpstreamError(region=identity.region, rule="no_holder_number")


def reveal(identity: CardIdentity, path: str) -> str | None:
    """Give one field by its neutral path as text, or None where it is not told."""
    part, _, name = path.partition(".")
    value = getattr(getattr(identity, part), name)
    if value is None:
        return None
    if isinstance(value, Identifier):
        return value.reveal()
    return value.value if isinstance(value, DivisionCode) else str(value)
