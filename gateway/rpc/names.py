"""Resource names of the contract: `regions/{region}`, `regions/{region}/catalog`, `regions/{region}/items/{item}`."""

from __future__ import annotations

import re

from gateway.errors import InvalidFieldError

_REGION = re.compile(r"regions/([a-z][a-z0-9_]{1,31})\Z")
_CATALOG = re.compile(r"regions/([a-z][a-z0-9_]{1,31})/catalog\Z")
_ITEM = re.compile(r"regions/([a-z][a-z0-9_]{1,31})/items/([A-Za-z0-9][A-Za-z0-9._-]{0,63})\Z")
_PARENT = re.compile(r"regions/(-|[a-z][a-z0-9_]{1,31})\Z")

ALL_REGIONS = "-"


def read_region(name: str) -> str:
    """Give the region of `regions/{region}` (InvalidFieldError)."""
    return _groups(_REGION, name, "name", "regions/{region}")[0]


def read_catalog(name: str) -> str:
    """Give the region of `regions/{region}/catalog` (InvalidFieldError)."""
    return _groups(_CATALOG, name, "name", "regions/{region}/catalog")[0]


def read_item(name: str) -> tuple[str, str]:
    """Give region and item of `regions/{region}/items/{item}` (InvalidFieldError)."""
    region, item = _groups(_ITEM, name, "name", "regions/{region}/items/{item}")
    return region, item


def read_parent(name: str) -> str:
    """Give the region of `regions/{region}`, or `-` for all (InvalidFieldError)."""
    return _groups(_PARENT, name, "parent", "regions/{region} or regions/-")[0]


def _groups(pattern: re.Pattern[str], name: str, field: str, form: str) -> tuple[str, ...]:
    match = pattern.match(name)
    if match is None:
        raise InvalidFieldError((field, form if name else "required"))
    return match.groups()
