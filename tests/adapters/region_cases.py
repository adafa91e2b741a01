"""The regions that are installed and the cases of their `vectors.json`, for the tests that every region has to pass."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from adapters.canonical import Card, CardIdentity, Document, Holder, PersonName, RomanisedName
from adapters.errors import UnknownRegionError
from adapters.identifiers import (
    CardNumber,
    DivisionCode,
    ElectronicSignNumber,
    IdentificationCode,
    IntegrityRecordReference,
    SocialSecurityNumber,
)
from adapters.registry import load_registry, load_vectors
from adapters.words import CardFunction, CardStatus, DocumentType, Sex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from adapters.adapter import ManifestAdapter

FOLDER = Path(__file__).resolve().parents[2] / "adapters"
REGISTRY = load_registry()
ADAPTERS = tuple(REGISTRY)


@dataclass(frozen=True, slots=True)
class Case:
    """One entry of a region's vectors; what an entry of its kind does not have is empty."""

    adapter: ManifestAdapter
    id: str
    record: dict[str, str]
    canonical: dict[str, dict[str, Any]] = field(default_factory=dict)
    losses: dict[str, str] = field(default_factory=dict)
    error: str = ""
    field: str = ""
    rule: str = ""
    note: str = ""

    def __str__(self) -> str:
        """Name the case in the output of pytest."""
        return f"{self.adapter.region}-{self.id}"

    @property
    def identity(self) -> CardIdentity:
        """The neutral form that the case promises."""
        return identity(self.adapter.region, self.canonical)


def vectors(adapter: ManifestAdapter) -> dict[str, Any]:
    """Read a region's vectors; a region without the file has none."""
    try:
        told: dict[str, Any] = json.loads(load_vectors(adapter.region))
    except UnknownRegionError:
        return {}
    return told


def cases(adapter: ManifestAdapter, kind: str) -> list[Case]:
    """Give a region's `round_trips`, `readings` (read, but written otherwise) or `refusals`."""
    return [Case(adapter, **entry) for entry in vectors(adapter).get(kind, [])]


def all_cases(kind: str) -> list[Case]:
    """Give the cases of one kind of all regions."""
    return [case for adapter in ADAPTERS for case in cases(adapter, kind)]


def identity(region: str, told: dict[str, dict[str, Any]]) -> CardIdentity:
    """Build the neutral form from its JSON; an unknown name is a mistake in the vectors (KeyError)."""
    holder = {name: _MAKERS[f"holder.{name}"](value) for name, value in told["holder"].items()}
    card = {name: _MAKERS[f"card.{name}"](value) for name, value in told["card"].items()}
    return CardIdentity(region, Holder(**holder), Card(**card))


def _romanised(told: dict[str, str]) -> RomanisedName:
    given = told.get("given")
    return RomanisedName(PersonName(told["surname"]), PersonName(given) if given else None)


def _documents(told: Iterable[dict[str, str]]) -> tuple[Document, ...]:
    return tuple(Document.parse(DocumentType(entry["type"]), entry["number"]) for entry in told)


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "holder.social_security_number": SocialSecurityNumber,
    "holder.name": PersonName,
    "holder.romanised_name": _romanised,
    "holder.sex": Sex,
    "holder.birth_date": date.fromisoformat,
    "holder.nationality": str,
    "holder.documents": _documents,
    "holder.integrity_record": IntegrityRecordReference,
    "card.number": CardNumber,
    "card.identification_code": IdentificationCode,
    "card.issuer_division": DivisionCode,
    "card.specification": str,
    "card.issued_on": date.fromisoformat,
    "card.expires_on": date.fromisoformat,
    "card.status": CardStatus,
    "card.suspended_functions": lambda told: frozenset(map(CardFunction, told)),
    "card.electronic_sign_number": ElectronicSignNumber,
}
