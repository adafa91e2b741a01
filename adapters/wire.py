"""Values that pass between a dialect, its authentication scheme and the HTTP client: plain data, no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Moment:
    """What an authentication scheme may depend on beside its secrets: Unix time in seconds and a fresh nonce."""

    now: float
    nonce: str


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request to a platform. `path` starts with `/` and carries the query string, if any."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class HttpReply:
    """One HTTP reply of a platform; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """A look-up before authentication: what to send, still as names and values.

    `record` holds the credential's fields by the region's names, `constants` what the envelope always carries.
    `repeatable` is false where a second try could use up a one-time credential.
    """

    method: str
    path: str
    record: dict[str, str] = field(repr=False)
    constants: dict[str, str]
    repeatable: bool


@dataclass(frozen=True, slots=True)
class PlatformRecord:
    """What a platform says of a card, by its own field names, and the Unix time for which it vouches."""

    fields: dict[str, str] = field(repr=False)
    as_of: float
