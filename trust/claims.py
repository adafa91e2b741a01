"""What a recognition and a caller's token say, and the table that names the check of each claim.

The tables are closed: a claim that is missing, or that the table does not name, refuses the token. A token that is
bound to something we do not read (`cnf`, `status`) is therefore never taken for one that is not. String claims have
narrow alphabets, so no control character, look-alike letter or lone surrogate survives. Times are whole Unix seconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Final

from trust.encoding import is_sha256
from trust.errors import ClaimInvalidError, ScopeError
from trust.vocabulary import CLASSES, MEDIA, PURPOSES, is_item_type

RECOGNITION_TYPE: Final = "onecard-recognition+jwt"
CALLER_TYPE: Final = "onecard-caller+jwt"
MAX_LIFETIME_SECONDS: Final = 600
CLOCK_SKEW_SECONDS: Final = 10
"""How far two honest clocks may be apart."""

_MAX_LIST: Final = 16
_MAX_TIME: Final = 2**40
_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}")
_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,31}")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TOKEN_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SCOPE: Final = re.compile(r"[a-z][a-z0-9_.:-]{0,63}")

Check = Callable[[object], bool]


def _text(pattern: re.Pattern[str]) -> Check:
    """Accept a string that the pattern matches whole."""
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _one_of(words: frozenset[str]) -> Check:
    """Accept a string of a closed list."""
    return lambda value: isinstance(value, str) and value in words


def _list_of(check: Check, *, at_least: int) -> Check:
    """Accept a list of distinct values that each pass."""
    return lambda value: (
        type(value) is list
        and at_least <= len(value) <= _MAX_LIST
        and all(map(check, value))
        and len(set(value)) == len(value)
    )


def _is_time(value: object) -> bool:
    """Accept whole seconds since 1970; a boolean is not a number."""
    return type(value) is int and 0 <= value < _MAX_TIME


def _is_digest(value: object) -> bool:
    """Accept 32 bytes in canonical base64url."""
    return isinstance(value, str) and is_sha256(value)


def _is_boolean(value: object) -> bool:
    """Accept true and false."""
    return type(value) is bool


def _is_code(value: object) -> bool:
    """Accept the code of one item type."""
    return isinstance(value, str) and is_item_type(value)


def _is_grant(value: object) -> bool:
    """Accept an object of known classes, each with at least one item type: what is allowed for what."""
    types = _list_of(_is_code, at_least=1)
    return type(value) is dict and all(name in CLASSES and types(codes) for name, codes in value.items())


def is_issuer(text: str) -> bool:
    """Tell whether the text has the form of an issuer, a caller or an audience: ASCII, 1 to 128 characters."""
    return _IDENTIFIER.fullmatch(text) is not None


_is_identifier: Final = _text(_IDENTIFIER)

RECOGNITION_CLAIMS: Final[Mapping[str, tuple[str, Check]]] = {
    "iss": ("identifier", _is_identifier),
    "aud": ("one identifier", _is_identifier),
    "sub": ("pairwise pseudonym", _is_digest),
    "iat": ("whole seconds", _is_time),
    "nbf": ("whole seconds", _is_time),
    "exp": ("whole seconds", _is_time),
    "jti": ("token identifier", _text(_TOKEN_ID)),
    "item": ("identifier", _is_identifier),
    "home_items": ("list of identifiers", _list_of(_is_identifier, at_least=0)),
    "catalog_version": ("version", _text(_VERSION)),
    "purpose": ("closed list", _one_of(PURPOSES)),
    "classes": ("item types by class", _is_grant),
    "card_status": ("word", _text(_WORD)),
    "card_status_as_of": ("whole seconds", _is_time),
    "medium": ("closed list", _one_of(MEDIA)),
    "assurance": ("word", _text(_WORD)),
    "request_hash": ("SHA-256", _is_digest),
    "agreement": ("identifier", _is_identifier),
    "one_time": ("boolean", _is_boolean),
}
"""Claim -> the name of its rule and the check. All are required."""

CALLER_CLAIMS: Final[Mapping[str, tuple[str, Check]]] = {
    "iss": ("identifier", _is_identifier),
    "sub": ("identifier", _is_identifier),
    "aud": ("one identifier", _is_identifier),
    "iat": ("whole seconds", _is_time),
    "exp": ("whole seconds", _is_time),
    "jti": ("token identifier", _text(_TOKEN_ID)),
    "scope": ("text", lambda value: isinstance(value, str)),
}
"""Claim -> the name of its rule and the check. All are required."""


def _check(payload: Mapping[str, object], table: Mapping[str, tuple[str, Check]]) -> None:
    """Hold a payload against its table.

    Raises:
        ClaimInvalidError: names the first claim that fails; one that the table does not have is called "other".
    """
    for claim, (rule, accepts) in table.items():
        if claim not in payload:
            raise ClaimInvalidError(claim=claim, rule="required")
        if not accepts(payload[claim]):
            raise ClaimInvalidError(claim=claim, rule=rule)
    if len(payload) != len(table):
        raise ClaimInvalidError(claim="other", rule="not in the table")


def _check_life(*, issued: int, begins: int, ends: int) -> None:
    """Hold the three times of a token against each other: iat <= nbf < exp <= iat + 600 s."""
    if not issued <= begins < ends:
        raise ClaimInvalidError(claim="exp", rule="order of times")
    if ends - issued > MAX_LIFETIME_SECONDS:
        raise ClaimInvalidError(claim="exp", rule="at most 600 seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionClaims:
    """A home region's statement about one card, for one visited region, one item, one purpose and one request.

    `iss` and `aud` are regions' issuer identifiers, `sub` the pairwise pseudonym, `item` the visited region's item,
    `home_items` what it corresponds to at home, `classes` the application classes allowed, each with the item types
    it is allowed for (none: nothing is allowed),
    `card_status_as_of` when the home platform knew the status, `request_hash` the SHA-256 of the request answered.
    """

    iss: str
    aud: str
    sub: str = field(repr=False)
    iat: int
    nbf: int
    exp: int
    jti: str = field(repr=False)
    item: str
    home_items: tuple[str, ...]
    catalog_version: str
    purpose: str
    classes: Mapping[str, tuple[str, ...]] = field(hash=False)
    card_status: str
    card_status_as_of: int
    medium: str
    assurance: str
    request_hash: str = field(repr=False)
    agreement: str
    one_time: bool

    def to_payload(self) -> dict[str, object]:
        """Write the claims as they stand in the token."""
        values = {name: getattr(self, name) for name in RECOGNITION_CLAIMS}
        classes = {name: list(types) for name, types in self.classes.items()}
        return {**values, "home_items": list(self.home_items), "classes": classes}

    @classmethod
    def from_payload(cls, payload: Mapping[str, object]) -> RecognitionClaims:
        """Read the claims of a token, exact types only.

        Raises:
            ClaimInvalidError: a claim is missing, unknown or against its rule.
        """
        _check(payload, RECOGNITION_CLAIMS)
        values: dict[str, Any] = dict(payload)
        values["home_items"] = tuple(values["home_items"])
        values["classes"] = MappingProxyType({name: tuple(types) for name, types in values["classes"].items()})
        claims = cls(**values)
        _check_life(issued=claims.iat, begins=claims.nbf, ends=claims.exp)
        if claims.card_status_as_of > claims.iat + CLOCK_SKEW_SECONDS:
            raise ClaimInvalidError(claim="card_status_as_of", rule="not after iat")
        return claims


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerClaims:
    """What a caller says of itself: `iss` is the caller, `aud` the gateway, `scope` what the token may be used for."""

    iss: str
    aud: str
    iat: int
    exp: int
    jti: str = field(repr=False)
    scope: tuple[str, ...]

    @property
    def sub(self) -> str:
        """The caller once more: a caller speaks for itself only (RFC 7523 section 3)."""
        return self.iss

    def to_payload(self) -> dict[str, object]:
        """Write the claims as they stand in the token; `scope` is one text with spaces (RFC 8693 section 4.2)."""
        return {**asdict(self), "sub": self.sub, "scope": " ".join(self.scope)}

    @classmethod
    def from_payload(cls, payload: Mapping[str, object]) -> CallerClaims:
        """Read the claims of a token, exact types only.

        Raises:
            ClaimInvalidError: a claim is missing, unknown or against its rule.
            ScopeError: the scope is empty, a wildcard, or not in the one form of lower-case words.
        """
        _check(payload, CALLER_CLAIMS)
        values = {name: value for name, value in payload.items() if name not in {"sub", "scope"}}
        claims = cls(**values, scope=_read_scope(str(payload["scope"])))  # type: ignore[arg-type]  # checked above
        if payload["sub"] != claims.iss:
            raise ClaimInvalidError(claim="sub", rule="equal to iss")
        _check_life(issued=claims.iat, begins=claims.iat, ends=claims.exp)
        return claims


def _read_scope(text: str) -> tuple[str, ...]:
    """Split a scope text; the order carries no meaning but is kept."""
    words = tuple(text.split(" "))
    if len(words) > _MAX_LIST or len(set(words)) != len(words) or not all(map(_SCOPE.fullmatch, words)):
        raise ScopeError
    return words
