"""The claims of a recognition and of a caller's token: one table each, which names the check of each claim.

The tables are closed: a claim that is missing and required, or that no table names, refuses the token. A token that is
bound to something we do not read is therefore never taken for one that is not. String claims have narrow alphabets, so
no control character, look-alike letter or lone surrogate survives. Times are whole Unix seconds.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from trust.claim_rules import (
    Rule,
    check_claims,
    is_address,
    is_boolean,
    is_card,
    is_digest,
    is_index,
    is_list_of,
    is_members,
    is_one_of,
    is_text,
    is_time,
)
from trust.errors import ClaimInvalidError, ScopeError
from trust.vocabulary import CLASSES, MEDIA, PURPOSES, is_item_type

if TYPE_CHECKING:
    from collections.abc import Mapping

RECOGNITION_TYPE: Final = "onecard-recognition+jwt"
CALLER_TYPE: Final = "onecard-caller+jwt"
MAX_LIFETIME_SECONDS: Final = 600
CLOCK_SKEW_SECONDS: Final = 10
"""How far two honest clocks may be apart."""

_MAX_LIST: Final = 16
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TOKEN_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MAX_SCOPES: Final = 64
_SCOPE: Final = re.compile(r"[a-z][a-z0-9_.:-]{0,63}")
_ALGORITHM: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")

THUMBPRINT: Final = "x5t#S256"
"""The one way in which we read a confirmation: the SHA-256 of a certificate in DER (RFC 8705 section 3.1)."""


def _is_code(value: object) -> bool:
    """Accept the code of one item type."""
    return isinstance(value, str) and is_item_type(value)


_is_codes: Final = is_list_of(_is_code, at_least=1, at_most=_MAX_LIST)


def _is_grant(value: object) -> bool:
    """Accept an object of known classes, each with at least one item type: what is allowed for what."""
    return isinstance(value, dict) and CLASSES.issuperset(value) and all(map(_is_codes, value.values()))


def is_issuer(text: str) -> bool:
    """Tell whether the text has the form of an issuer, a caller or an audience: ASCII, 1 to 128 characters."""
    return _IDENTIFIER.fullmatch(text) is not None


_is_identifier: Final = is_text(_IDENTIFIER)
_IDENTIFIED: Final = Rule("identifier", _is_identifier)
_AUDIENCE: Final = Rule("one identifier", _is_identifier)
_TIME: Final = Rule("whole seconds", is_time)
_TOKEN: Final = Rule("token identifier", is_text(_TOKEN_ID))
_CONFIRMATION: Final = Rule("certificate thumbprint", is_members(**{THUMBPRINT: is_digest}), required=False)

RECOGNITION_CLAIMS: Final[Mapping[str, Rule]] = {
    "iss": _IDENTIFIED,
    "aud": _AUDIENCE,
    "sub": Rule("pairwise pseudonym", is_digest),
    "iat": _TIME,
    "nbf": _TIME,
    "exp": _TIME,
    "jti": _TOKEN,
    "item": _IDENTIFIED,
    "home_items": Rule("list of identifiers", is_list_of(_is_identifier, at_least=0, at_most=_MAX_LIST)),
    "catalog_version": Rule("version", is_text(_VERSION)),
    "purpose": Rule("closed list", is_one_of(PURPOSES)),
    "classes": Rule("item types by class", _is_grant),
    "card_status": Rule("word", is_text(_WORD)),
    "card_status_as_of": _TIME,
    "medium": Rule("closed list", is_one_of(MEDIA)),
    "assurance": Rule("word", is_text(_WORD)),
    "request_hash": Rule("SHA-256", is_digest),
    "agreement": _IDENTIFIED,
    "one_time": Rule("boolean", is_boolean),
}
"""Claim -> its rule. All are required."""

OPTIONAL_RECOGNITION_CLAIMS: Final[Mapping[str, Rule]] = {
    "cnf": _CONFIRMATION,
    "status": Rule(
        "place in a status list", is_members(status_list=is_members(idx=is_index, uri=is_address)), required=False
    ),
    "card": Rule("pseudonym of a card", is_card, required=False),
    "original": Rule("algorithm and SHA-256", is_members(alg=is_text(_ALGORITHM), sha256=is_digest), required=False),
}
"""Claim -> its rule; each may be missing, and binds whoever reads it when it is there."""

CALLER_CLAIMS: Final[Mapping[str, Rule]] = {
    "iss": _IDENTIFIED,
    "sub": _IDENTIFIED,
    "aud": _AUDIENCE,
    "iat": _TIME,
    "exp": _TIME,
    "jti": _TOKEN,
    "scope": Rule("text", lambda value: isinstance(value, str)),
}
"""Claim -> its rule. All are required."""

_RECOGNITION: Final = {**RECOGNITION_CLAIMS, **OPTIONAL_RECOGNITION_CLAIMS}
_CALLER: Final = {**CALLER_CLAIMS, "cnf": _CONFIRMATION}


def _check_life(*, issued: int, begins: int, ends: int) -> None:
    """Hold the three times of a token against each other: iat <= nbf < exp <= iat + 600 s."""
    if not issued <= begins < ends:
        raise ClaimInvalidError(claim="exp", rule="order of times")
    if ends - issued > MAX_LIFETIME_SECONDS:
        raise ClaimInvalidError(claim="exp", rule="at most 600 seconds")


def check_recognition(payload: Mapping[str, Any]) -> None:
    """Hold a payload against every rule of a recognition; the signer needs no more than this.

    Raises:
        ClaimInvalidError: names the first claim that is missing, unknown or against its rule.
    """
    check_claims(payload, _RECOGNITION)
    _check_life(issued=payload["iat"], begins=payload["nbf"], ends=payload["exp"])
    if payload["card_status_as_of"] > payload["iat"] + CLOCK_SKEW_SECONDS:
        raise ClaimInvalidError(claim="card_status_as_of", rule="not after iat")


def check_caller(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """Hold a payload against every rule of a caller's token, and give the words of its scope.

    Raises:
        ClaimInvalidError: names the first claim that is missing, unknown or against its rule.
        ScopeError: the scope is empty, a wildcard, or not in the one form of lower-case words.
    """
    check_claims(payload, _CALLER)
    scope = _read_scope(payload["scope"])
    if payload["sub"] != payload["iss"]:
        raise ClaimInvalidError(claim="sub", rule="equal to iss")
    _check_life(issued=payload["iat"], begins=payload["iat"], ends=payload["exp"])
    return scope


def _read_scope(text: str) -> tuple[str, ...]:
    """Split a scope text; the order carries no meaning but is kept."""
    words = tuple(text.split(" "))
    if len(words) > _MAX_SCOPES or len(set(words)) != len(words) or not all(map(_SCOPE.fullmatch, words)):
        raise ScopeError
    return words
