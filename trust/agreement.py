"""A cooperation agreement: which regions recognise each other for what, from when to when, on which legal basis.

`Agreement.from_mapping` reads the raw form (a TOML table, say) and reports every fault in it at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from trust.errors import AgreementDataError
from trust.vocabulary import CLASSES, LANGUAGES, MEDIA, PURPOSES, is_item_type, is_region

_ID: Final = re.compile(r"[a-z][a-z-]{1,58}[0-9]{0,4}")
_FIELD: Final = re.compile(r"[a-z][a-z_]{0,31}\.[a-z][a-z_]{0,47}")
_NAMEABLE_KEY: Final = re.compile(r"[a-z_]{1,40}")
_MAX_TEXT: Final = 200
_KEYS: Final = frozenset(
    {"id", "regions", "in_force_from", "in_force_to", "synthetic", "item_types", "purposes", "classes", "media"}
    | {"fields", "consent_required", "cross_border", "data_age_limit_seconds", "title", "legal_basis"}
)
_OPTIONAL_KEYS: Final = frozenset({"offline_life_seconds"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalBasis:
    """One article on which the agreement rests: the region whose law it is, the text and the article in it."""

    region: str
    source: str
    article: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A cooperation agreement that has been checked whole.

    Any two of its `regions` recognise each other. It is in force from `in_force_from` to `in_force_to`, both days
    included. `item_types` are codes or patterns such as `SI.*`. `fields` are the canonical fields that may leave the
    home region. `data_age_limit_seconds` says per application class how old a card status may be, and
    `offline_life_seconds` for how long a gate without network may go on with what it has; a class that is not there may
    not be decided offline.
    """

    id: str
    regions: tuple[str, ...]
    in_force_from: date
    in_force_to: date
    synthetic: bool
    item_types: tuple[str, ...]
    purposes: tuple[str, ...]
    classes: tuple[str, ...]
    media: tuple[str, ...]
    fields: frozenset[str]
    consent_required: bool
    cross_border: bool
    data_age_limit_seconds: Mapping[str, int] = field(hash=False)
    title: Mapping[str, str] = field(hash=False)
    legal_basis: tuple[LegalBasis, ...]
    offline_life_seconds: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    @classmethod
    def from_mapping(cls, data: Mapping[str, object]) -> Agreement:
        """Read an agreement; unknown keys are refused.

        Raises:
            AgreementDataError: lists every fault.
        """
        reader = _Reader(data)
        agreement = cls(
            id=reader.identifier("id"),
            regions=reader.words("regions", is_region, at_least=2),
            in_force_from=reader.day("in_force_from"),
            in_force_to=reader.day("in_force_to"),
            synthetic=reader.flag("synthetic"),
            item_types=reader.words("item_types", _is_pattern),
            purposes=reader.words("purposes", PURPOSES.__contains__),
            classes=reader.words("classes", CLASSES.__contains__),
            media=reader.words("media", MEDIA.__contains__),
            fields=frozenset(reader.words("fields", _is_field, at_least=0)),
            consent_required=reader.flag("consent_required"),
            cross_border=reader.flag("cross_border"),
            data_age_limit_seconds=reader.age_limits("data_age_limit_seconds"),
            title=reader.texts("title"),
            legal_basis=reader.bases("legal_basis"),
            offline_life_seconds=reader.age_limits("offline_life_seconds", required=False),
        )
        reader.check_whole(agreement)
        return agreement

    def joins(self, one: str, other: str) -> bool:
        """Tell whether both are parties, and two different ones."""
        return one != other and one in self.regions and other in self.regions

    def in_force(self, on: date) -> bool:
        """Tell whether it is in force on a day."""
        return self.in_force_from <= on <= self.in_force_to

    def covers(self, item_type: str) -> bool:
        """Tell whether an item type is one of the agreement's, or below one of its patterns `X.*`."""
        return is_item_type(item_type) and any(
            item_type.startswith(pattern[:-1]) if pattern.endswith(".*") else item_type == pattern
            for pattern in self.item_types
        )


def _is_pattern(text: str) -> bool:
    """Tell whether the text is an item type or one with `.*` behind it; `*` alone would cover everything."""
    return is_item_type(text.removesuffix(".*"))


def _is_field(text: str) -> bool:
    """Tell whether the text has the form of a canonical field, such as holder.name."""
    return _FIELD.fullmatch(text) is not None


class _Reader:
    """Reads the values of one raw agreement and gathers faults; after a fault a stand-in keeps the reading going."""

    def __init__(self, data: Mapping[str, object]) -> None:
        """Begin with the keys: unknown ones are faults, named when they can hide no number."""
        self._data = data
        unknown = sorted(
            key if _NAMEABLE_KEY.fullmatch(key) else "another" for key in data if key not in _KEYS | _OPTIONAL_KEYS
        )
        self.faults = [f"{key}: not a key of an agreement" for key in unknown]
        self.faults += [f"{key}: missing" for key in sorted(_KEYS.difference(data))]

    def _fault(self, key: str, rule: str) -> None:
        """Note a fault, unless the key is missing, which is noted already."""
        if key in self._data:
            self.faults.append(f"{key}: {rule}")

    def identifier(self, key: str) -> str:
        """Read lower-case words with hyphens, a year at the end if need be; it can hide no long number."""
        value = self._data.get(key)
        if isinstance(value, str) and _ID.fullmatch(value):
            return value
        self._fault(key, "not lower-case words with hyphens")
        return "unnamed"

    def words(self, key: str, accepts: Callable[[str], bool], *, at_least: int = 1) -> tuple[str, ...]:
        """Read a list of distinct strings that each pass."""
        values = self._data.get(key)
        if not isinstance(values, list | tuple) or len(values) < at_least:
            self._fault(key, f"not a list of {at_least} or more")
            return ()
        good = tuple(value for value in values if isinstance(value, str) and accepts(value))
        for position, value in enumerate(values):
            if not isinstance(value, str) or not accepts(value):
                self._fault(key, f"entry {position + 1} is not an allowed one")
        if len(set(good)) != len(good):
            self._fault(key, "an entry is there twice")
        return good

    def day(self, key: str) -> date:
        """Read a date; a date with a time is not one."""
        value = self._data.get(key)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        self._fault(key, "not a date")
        return date.min

    def flag(self, key: str) -> bool:
        """Read true or false."""
        value = self._data.get(key)
        if not isinstance(value, bool):
            self._fault(key, "not true or false")
        return value is True

    def age_limits(self, key: str, *, required: bool = True) -> Mapping[str, int]:
        """Read whole seconds per application class; what is not required and not there is empty."""
        value = self._data.get(key, None if required else {})
        if (
            isinstance(value, Mapping)
            and CLASSES.issuperset(value)
            and all(type(limit) is int and limit >= 0 for limit in value.values())
        ):
            return MappingProxyType(dict(value))
        self._fault(key, "not whole seconds per application class")
        return MappingProxyType({})

    def texts(self, key: str) -> Mapping[str, str]:
        """Read a text in exactly the four languages."""
        value = self._data.get(key)
        if isinstance(value, Mapping) and set(value) == LANGUAGES and all(map(_is_text, value.values())):
            return MappingProxyType(dict(value))
        self._fault(key, "not a text in zh-Hans, zh-Hant, en and pt")
        return MappingProxyType({})

    def bases(self, key: str) -> tuple[LegalBasis, ...]:
        """Read a list of articles."""
        values = self._data.get(key)
        if not isinstance(values, list | tuple) or not values:
            self._fault(key, "not a list of 1 or more")
            return ()
        for position, value in enumerate(values):
            if not _is_basis(value):
                self._fault(key, f"entry {position + 1} is not region, source and article")
        return tuple(LegalBasis(**value) for value in values if _is_basis(value))

    def check_whole(self, agreement: Agreement) -> None:
        """Hold the parts against each other once each is good by itself.

        Raises:
            AgreementDataError: lists every fault found in reading and here.
        """
        if agreement.in_force_from > agreement.in_force_to:
            self._fault("in_force_to", "before in_force_from")
        if not set(agreement.classes) <= set(agreement.data_age_limit_seconds):
            self._fault("data_age_limit_seconds", "an allowed class has no limit")
        if not set(agreement.offline_life_seconds) <= set(agreement.classes):
            self._fault("offline_life_seconds", "a class that is not allowed")
        if any(basis.region not in agreement.regions for basis in agreement.legal_basis):
            self._fault("legal_basis", "a region that is no party")
        if self.faults:
            raise AgreementDataError(agreement=agreement.id, faults=self.faults)


def _is_text(value: object) -> bool:
    """Accept a string that is neither blank nor long."""
    return isinstance(value, str) and 0 < len(value.strip()) <= len(value) <= _MAX_TEXT


def _is_basis(value: object) -> bool:
    """Accept a table of region, source and article."""
    return (
        isinstance(value, Mapping)
        and set(value) == {"region", "source", "article"}
        and all(map(_is_text, value.values()))
    )
