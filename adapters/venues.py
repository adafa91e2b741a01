"""Service venues: where an item can be used, with what terminals, and how far a venue is open to everybody.

The regulations demand readers and scanners at venues and access for older people and people with disabilities
(Chongqing Art. 15, Guangdong Art. 11, Guangxi draft Art. 17, Shiyan Art. 9). A venue tells what it has and what it
lacks; what is in neither is not known, which is not the same as lacking.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from adapters.divisions import DivisionCode
from adapters.errors import MalformedNumberError, RegionDataError
from adapters.tables import in_order, read_table, refuse, unique
from adapters.taxonomy import NAME_COLUMNS, read_name
from adapters.words import Medium

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adapters.canonical import LocalizedText
    from adapters.catalog import Catalog
    from adapters.tables import Fault, Record

FILE = "venues.csv"
HEADER = ("venue_id", *NAME_COLUMNS, "division", "items", "media", "has", "lacks", "synthetic", "note")
_VENUE_ID = re.compile(r"[A-Z]{2}-V[0-9]{2,}\Z")


class Access(StrEnum):
    """What opens a venue to everybody."""

    STEP_FREE = "step_free"
    ACCESSIBLE_TOILET = "accessible_toilet"
    TACTILE_PAVING = "tactile_paving"
    BRAILLE = "braille"
    HEARING_LOOP = "hearing_loop"
    SIGN_LANGUAGE = "sign_language"
    LARGE_PRINT = "large_print"
    PRIORITY_LANE = "priority_lane"
    ASSISTANCE = "assistance"
    HOME_VISIT = "home_visit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """One place. `media` are the forms of the card that its terminals read; `has` and `lacks` are facts of access."""

    region: str
    venue: str
    name: LocalizedText
    division: DivisionCode
    items: tuple[str, ...]
    media: tuple[Medium, ...]
    has: tuple[Access, ...]
    lacks: tuple[Access, ...]
    synthetic: bool
    note: str


@dataclass(frozen=True, slots=True)
class Venues:
    """The venues of one region, ordered by identifier."""

    region: str
    venues: tuple[Venue, ...] = field(default=(), repr=False)

    def __iter__(self) -> Iterator[Venue]:
        """Go through the venues in order."""
        return iter(self.venues)

    def __len__(self) -> int:
        """Count the venues."""
        return len(self.venues)

    def filter(
        self,
        *,
        items: frozenset[str] | None = None,
        division: str = "",
        medium: Medium | None = None,
        access: frozenset[Access] = frozenset(),
    ) -> tuple[Venue, ...]:
        """Give the venues that meet every condition told, in order.

        Args:
            items: identifiers of which the venue serves one at least.
            division: GB/T 2260 code; a province or city (zeros at the end) stands for all below it.
            medium: form of the card that its terminals read.
            access: facts that it must be known to have.
        """
        stem = division_stem(division)
        return tuple(
            venue
            for venue in self.venues
            if (items is None or not items.isdisjoint(venue.items))
            and venue.division.value.startswith(stem)
            and (medium is None or medium in venue.media)
            and access.issubset(venue.has)
        )


def division_stem(code: str) -> str:
    """Give the digits that all codes below a division begin with: province two, city four, district all six."""
    stem = code
    while stem.endswith("00"):
        stem = stem[:-2]
    return stem


def parse_venues(region: str, text: str, catalog: Catalog) -> tuple[Venues, list[Fault]]:
    """Read venues in CSV, header `HEADER`, and hold each against the items that it serves.

    Returns:
        The venues and every fault, by row and column; with a fault the venues are not to be used.
    """
    records, faults = read_table(f"{region}/{FILE}", text, HEADER)
    unique(records, "venue_id")
    venues = [_venue(record, region, catalog) for record in records]
    return Venues(region, tuple(sorted(venues, key=lambda v: (len(v.venue), v.venue)))), in_order(faults)


def load_venues(region: str, text: str, catalog: Catalog) -> Venues:
    """Read venues in CSV (RegionDataError with the first fault and the number of faults)."""
    venues, faults = parse_venues(region, text, catalog)
    if faults:
        raise refuse(faults, region=region)
    return venues


def check_places(venues: Venues, division_code: str) -> None:
    """Refuse a venue outside its region (RegionDataError)."""
    stem = division_stem(division_code)
    if any(not venue.division.value.startswith(stem) for venue in venues):
        raise RegionDataError(region=venues.region, file=FILE, column="division", rule="inside_the_region")


def _venue(record: Record, region: str, catalog: Catalog) -> Venue:
    """Read one row; what is wrong with it is noted in the record."""
    if not _VENUE_ID.match(record.text("venue_id")):
        record.fault("venue_id", "venue_identifier")
    has = record.words("has", Access) if record.text("has") else ()
    lacks = record.words("lacks", Access) if record.text("lacks") else ()
    if set(has) & set(lacks):
        record.fault("lacks", "not_both")
    media = record.words("media", Medium)
    return Venue(
        region=region,
        venue=record.text("venue_id"),
        name=read_name(record),
        division=_division(record),
        items=_items(record, catalog, frozenset(media)),
        media=media,
        has=has,
        lacks=lacks,
        synthetic=record.flag("synthetic"),
        note=record.text("note"),
    )


def _division(record: Record) -> DivisionCode:
    try:
        return DivisionCode(record.text("division"))
    except MalformedNumberError:
        record.fault("division", "division_code")
        return DivisionCode("100000")


def _items(record: Record, catalog: Catalog, media: frozenset[Medium]) -> tuple[str, ...]:
    """Read `ID;ID`: items of the region's catalog, each once, each with a form of the card that a terminal reads."""
    items = tuple(record.required("items").split(";"))
    if any(item not in catalog for item in items):
        record.fault("items", "unknown_item")
    elif len(set(items)) != len(items):
        record.fault("items", "repeated")
    elif any(media.isdisjoint(catalog.get(item).media) for item in items):
        record.fault("media", "no_terminal_for_an_item")
    return items
