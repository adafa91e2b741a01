"""Resource names of the contract: regions with what is under them, catalogs with their versions and items."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.errors import InvalidFieldError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.rpc.convert import Fields

_REGION = re.compile(r"regions/([a-z][a-z0-9_]{1,31})\Z")
_CATALOG = re.compile(r"regions/([a-z][a-z0-9_]{1,31})/catalog\Z")
_CATALOGS = re.compile(r"catalogs/(-|[a-z][a-z0-9_-]{1,47})\Z")
_VERSION = re.compile(r"catalogs/([a-z][a-z0-9_-]{1,47})/versions/([A-Za-z0-9_-]{43})\Z")
_CARD_RULES = re.compile(r"regions/([a-z][a-z0-9_]{1,31})/cardRules\Z")
_ITEM = re.compile(r"regions/([a-z][a-z0-9_]{1,31})/items/([A-Za-z0-9][A-Za-z0-9._-]{0,63})\Z")
_LISTED_ITEM = re.compile(r"(regions|catalogs)/([a-z][a-z0-9_-]{1,47})/items/([A-Za-z0-9][A-Za-z0-9._-]{0,63})\Z")
_PARENT = re.compile(r"regions/(-|[a-z][a-z0-9_]{1,31})\Z")

ALL_REGIONS = "-"


@dataclass(frozen=True, slots=True)
class Holder:
    """The list that a name means: a region's own, by its code, or any, by its identifier."""

    catalog: str
    by_region: bool


def read_region(name: str) -> str:
    """Give the region of `regions/{region}` (InvalidFieldError)."""
    return _groups(_REGION, name, "name", "regions/{region}")[0]


def read_catalog(name: str) -> str:
    """Give the region of `regions/{region}/catalog` (InvalidFieldError)."""
    return _groups(_CATALOG, name, "name", "regions/{region}/catalog")[0]


def read_item(name: str, *, field: str = "name") -> tuple[str, str]:
    """Give region and item of `regions/{region}/items/{item}` (InvalidFieldError)."""
    region, item = _groups(_ITEM, name, field, "regions/{region}/items/{item}")
    return region, item


def read_list(name: str) -> Holder:
    """Read `regions/{region}/catalog` or `catalogs/{catalog}` (InvalidFieldError)."""
    form = "regions/{region}/catalog or catalogs/{catalog}"
    if name.startswith("catalogs/"):
        catalog = _groups(_CATALOGS, name, "name", form)[0]
        if catalog != ALL_REGIONS:
            return Holder(catalog, by_region=False)
    return Holder(_groups(_CATALOG, name, "name", form)[0], by_region=True)


def read_list_parent(name: str) -> Holder:
    """Read `regions/{region}`, `regions/-` or `catalogs/{catalog}` (InvalidFieldError)."""
    form = "regions/{region}, regions/- or catalogs/{catalog}"
    if name.startswith("catalogs/"):
        catalog = _groups(_CATALOGS, name, "parent", form)[0]
        if catalog != ALL_REGIONS:
            return Holder(catalog, by_region=False)
    return Holder(_groups(_PARENT, name, "parent", form)[0], by_region=True)


def read_listed_item(name: str) -> tuple[Holder, str]:
    """Read `regions/{region}/items/{item}` or `catalogs/{catalog}/items/{item}` (InvalidFieldError)."""
    form = "regions/{region}/items/{item} or catalogs/{catalog}/items/{item}"
    kind, holder, item = _groups(_LISTED_ITEM, name, "name", form)
    return Holder(holder, by_region=kind == "regions"), item


def read_card_rules(name: str) -> str:
    """Give the region of `regions/{region}/cardRules` (InvalidFieldError)."""
    return _groups(_CARD_RULES, name, "name", "regions/{region}/cardRules")[0]


def read_catalogs(name: str, *, field: str = "name") -> str:
    """Give the catalog of `catalogs/{catalog}`, or `-` for all (InvalidFieldError)."""
    return _groups(_CATALOGS, name, field, "catalogs/{catalog}")[0]


def read_version(name: str, *, field: str = "name") -> tuple[str, str]:
    """Give catalog and digest of `catalogs/{catalog}/versions/{digest}` (InvalidFieldError)."""
    catalog, digest = _groups(_VERSION, name, field, "catalogs/{catalog}/versions/{digest}")
    return catalog, digest


def read_one_parent(name: str) -> str:
    """Give the region of the parent `regions/{region}`, of which there is one (InvalidFieldError)."""
    return _groups(_REGION, name, "parent", "regions/{region}")[0]


def read_parent(name: str) -> str:
    """Give the region of `regions/{region}`, or `-` for all (InvalidFieldError)."""
    return _groups(_PARENT, name, "parent", "regions/{region} or regions/-")[0]


def note(fields: Fields, read: Callable[[str], str], name: str) -> str:
    """Read a name whose fault is noted beside others of the request; what is given then stands in until `finish`."""
    try:
        return read(name)
    except InvalidFieldError as error:
        fields.add(*error.violations[0])
        return ""


def _groups(pattern: re.Pattern[str], name: str, field: str, form: str) -> tuple[str, ...]:
    match = pattern.match(name)
    if match is None:
        raise InvalidFieldError((field, form if name else "required"))
    return match.groups()
