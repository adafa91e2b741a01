"""The neutral taxonomy: the item types to which every region's application items map.

Types are disjoint by agreement, and the algebra of equivalence rests on it: no code lies under another one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.canonical import LocalizedText
from adapters.errors import UnknownItemTypeError
from adapters.tables import Record, in_order, read_table, refuse, unique
from adapters.words import CardFunction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.tables import Fault

FILE = "taxonomy.csv"
NAME_COLUMNS = ("name_zh_hans", "name_zh_hant", "name_en", "name_pt")
HEADER = ("code", "domain", "function", *NAME_COLUMNS)

_CODE = re.compile(r"[A-Z][A-Z0-9]*(\.[A-Z][A-Z0-9]*)+\Z")


@dataclass(frozen=True, slots=True)
class ItemType:
    """Node of the taxonomy. `function` is the function of the card it needs, None where it needs neither."""

    code: str
    domain: str
    function: CardFunction | None
    name: LocalizedText


def code_matches(pattern: str, code: str) -> bool:
    """Tell whether a code is the pattern, or lies under it where the pattern ends in `.*` (`TRA.*`)."""
    return code.startswith(pattern[:-1]) if pattern.endswith(".*") else code == pattern


def read_name(record: Record) -> LocalizedText:
    """Read the four name columns of a row; none may be empty."""
    return LocalizedText(*(record.required(column) for column in NAME_COLUMNS))


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """All item types, in the order of the file."""

    types: tuple[ItemType, ...]
    _by_code: dict[str, ItemType] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Build the index by code."""
        object.__setattr__(self, "_by_code", {node.code: node for node in self.types})

    def __iter__(self) -> Iterator[ItemType]:
        """Go through the types in order."""
        return iter(self.types)

    def __len__(self) -> int:
        """Count the types."""
        return len(self.types)

    def __contains__(self, code: object) -> bool:
        """Tell whether there is a type with this code."""
        return code in self._by_code

    def get(self, code: str) -> ItemType:
        """Give the type with a code (UnknownItemTypeError, which does not repeat what was asked)."""
        node = self._by_code.get(code)
        if node is None:
            raise UnknownItemTypeError
        return node

    def matches(self, pattern: str) -> tuple[ItemType, ...]:
        """Give the types that a code, or a pattern such as `TRA.*`, stands for; none where nothing matches."""
        return tuple(node for node in self.types if code_matches(pattern, node.code))

    @classmethod
    def from_csv(cls, text: str) -> Taxonomy:
        """Read the taxonomy, header `HEADER` (RegionDataError with file, row, column, rule and number of faults)."""
        types, faults = _read(text)
        if faults:
            raise refuse(faults)
        return cls(types)


def check_taxonomy(text: str) -> list[Fault]:
    """Give all faults of a taxonomy in CSV; none where it is sound."""
    return _read(text)[1]


def _read(text: str) -> tuple[tuple[ItemType, ...], list[Fault]]:
    """Read all rows and note all faults."""
    records, faults = read_table(FILE, text, HEADER)
    codes = {record.text("code") for record in records}
    unique(records, "code")
    return tuple([_item_type(record, codes) for record in records]), in_order(faults)


def _item_type(record: Record, codes: set[str]) -> ItemType:
    """Read one row: rules `code`, `leaf` (no code lies under another one), `domain` (first part of the code)."""
    code = record.required("code")
    parts = code.split(".")
    if not _CODE.match(code):
        record.fault("code", "code")
    if any(".".join(parts[:n]) in codes for n in range(1, len(parts))):
        record.fault("code", "leaf")
    if record.text("domain") != parts[0].lower():
        record.fault("domain", "domain")
    function = record.word("function", CardFunction) if record.text("function") else None
    return ItemType(code, record.text("domain"), function, read_name(record))
