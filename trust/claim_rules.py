"""Closed tables of claims, for tokens and for the documents of a federation: a rule, a check, required or not."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from trust.encoding import is_sha256, is_sixteen_bytes
from trust.errors import ClaimInvalidError

Check = Callable[[object], bool]

MAX_TIME: Final = 2**40
MAX_NUMBER: Final = 2**31

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ENTITY: Final = re.compile(
    rf"https://(?P<host>{_LABEL}(?:\.{_LABEL})*)(?::[1-9][0-9]{{0,4}})?(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*"
)
_MAX_ENTITY_LENGTH: Final = 128
_ADDRESS: Final = re.compile(
    rf"https?://{_LABEL}(?:\.{_LABEL})*(?::[1-9][0-9]{{0,4}})?(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*"
)
_MAX_ADDRESS_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Rule:
    """What a claim must be, in words for the error and as a check."""

    words: str
    accepts: Check
    required: bool = True


def check_claims(payload: Mapping[str, object], table: Mapping[str, Rule]) -> None:
    """Hold a payload against its table.

    Raises:
        ClaimInvalidError: names the first claim that fails; one that the table does not have is called "other".
    """
    for claim, rule in table.items():
        if claim in payload:
            if not rule.accepts(payload[claim]):
                raise ClaimInvalidError(claim=claim, rule=rule.words)
        elif rule.required:
            raise ClaimInvalidError(claim=claim, rule="required")
    if not table.keys() >= payload.keys():
        raise ClaimInvalidError(claim="other", rule="not in the table")


def is_entity(value: object) -> bool:
    """Accept an entity identifier: https, a host in lower case, a port and a path if need be; no query, no slash last.

    Two identifiers name one entity only if they are the same text, so each entity has one way to be written.
    """
    return isinstance(value, str) and len(value) <= _MAX_ENTITY_LENGTH and _ENTITY.fullmatch(value) is not None


def host_of(entity: str) -> str:
    """Give the host of an entity identifier, and nothing for what is none."""
    match = _ENTITY.fullmatch(entity)
    return match["host"] if match else ""


def is_address(value: object) -> bool:
    """Accept where a document lies: http or https, a host in lower case, a port and a path; no user, query or dots."""
    return isinstance(value, str) and len(value) <= _MAX_ADDRESS_LENGTH and _ADDRESS.fullmatch(value) is not None


def is_time(value: object) -> bool:
    """Accept whole seconds since 1970; a boolean is not a number."""
    return type(value) is int and 0 <= value < MAX_TIME


def is_count(value: object) -> bool:
    """Accept a whole number from 1 to 2**31 - 1."""
    return type(value) is int and 0 < value < MAX_NUMBER


def is_index(value: object) -> bool:
    """Accept a whole number from 0 to 2**31 - 1."""
    return type(value) is int and 0 <= value < MAX_NUMBER


def is_boolean(value: object) -> bool:
    """Accept true and false."""
    return type(value) is bool


def is_digest(value: object) -> bool:
    """Accept 32 bytes in canonical base64url."""
    return isinstance(value, str) and is_sha256(value)


def is_card(value: object) -> bool:
    """Accept the pseudonym of a card: 16 bytes in canonical base64url."""
    return isinstance(value, str) and is_sixteen_bytes(value)


def is_text(pattern: re.Pattern[str]) -> Check:
    """Accept a string that the pattern matches whole."""
    matches = pattern.fullmatch
    return lambda value: isinstance(value, str) and matches(value) is not None


def is_one_of(words: frozenset[str]) -> Check:
    """Accept a string of a closed list."""
    return lambda value: isinstance(value, str) and value in words


def is_list_of(check: Check, *, at_least: int, at_most: int) -> Check:
    """Accept a list of distinct strings that each pass."""
    return lambda value: (
        isinstance(value, list)
        and at_least <= len(value) <= at_most
        and all(map(check, value))
        and len(set(value)) == len(value)
    )


def is_members(**members: Check) -> Check:
    """Accept an object of exactly these members, each of which passes."""
    checks = tuple(members.items())

    def accepts(value: object) -> bool:
        if not isinstance(value, dict) or len(value) != len(checks):
            return False
        for name, check in checks:  # noqa: SIM110 - a generator would cost as much as the checks, at each new token
            if name not in value or not check(value[name]):
                return False
        return True

    return accepts


def is_object(value: object) -> bool:
    """Accept a JSON object."""
    return isinstance(value, dict)
