"""JSON values that may stand in a federation's documents: compared exactly, never changed once read.

Plain are text, whole numbers, true and false, lists and objects of these; no null, no fraction, no control character
and no lone surrogate. What is read is frozen (tuples, read-only mappings), so that a verified value stays verified.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias, cast

Plain: TypeAlias = "str | int | tuple[Plain, ...] | Mapping[str, Plain]"
"""A frozen JSON value; true and false are whole numbers to Python."""

NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.#-]{0,63}")
"""Name of a metadata parameter, with a language tag behind `#` if need be (OpenID Federation 1.0 section 14)."""

_TEXT: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]{0,4096}")


def is_plain(value: object) -> bool:
    """Tell whether a decoded JSON value is plain."""
    if isinstance(value, str):
        return _TEXT.fullmatch(value) is not None
    if isinstance(value, list):
        return all(map(is_plain, value))
    if isinstance(value, dict):
        return all(NAME.fullmatch(name) and is_plain(member) for name, member in value.items())
    return type(value) in {int, bool}


def freeze(value: object) -> Plain:
    """Make the frozen form of a plain value."""
    if isinstance(value, list | tuple):
        return tuple(map(freeze, value))
    if isinstance(value, Mapping):
        return MappingProxyType({name: freeze(member) for name, member in value.items()})
    return cast("str | int", value)


def thaw(value: object) -> object:
    """Make the form that the JSON encoder writes, of a frozen value or of one that holds frozen ones."""
    if isinstance(value, list | tuple):
        return [thaw(member) for member in value]
    if isinstance(value, Mapping):
        return {name: thaw(member) for name, member in value.items()}
    return value


def canonical(value: object) -> str:
    """Give a text that two values share exactly if JSON calls them equal: true is not 1, the order of names is free."""
    return json.dumps(thaw(value), sort_keys=True, separators=(",", ":"))
