"""What a recognition and a caller's token say; `trust.claim_tables` has the rule of each claim.

What is read was held against the tables before, and what is written is held against them before it is signed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from trust.claim_tables import (
    CALLER_CLAIMS,
    CALLER_TYPE,
    CLOCK_SKEW_SECONDS,
    MAX_LIFETIME_SECONDS,
    OPTIONAL_RECOGNITION_CLAIMS,
    RECOGNITION_CLAIMS,
    RECOGNITION_TYPE,
    THUMBPRINT,
    check_caller,
    check_recognition,
    is_issuer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CALLER_CLAIMS",
    "CALLER_TYPE",
    "CLOCK_SKEW_SECONDS",
    "MAX_LIFETIME_SECONDS",
    "OPTIONAL_RECOGNITION_CLAIMS",
    "RECOGNITION_CLAIMS",
    "RECOGNITION_TYPE",
    "CallerClaims",
    "OriginalToken",
    "RecognitionClaims",
    "StatusReference",
    "is_issuer",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReference:
    """Where the state of one recognition can be read: place `index` of the status list at the address `uri`."""

    uri: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalToken:
    """What a counter-signed recognition says of its original: `algorithm`, and `digest`, the SHA-256 of its text."""

    algorithm: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognitionClaims:
    """A home region's statement about one card, for one visited region, one item, one purpose and one request.

    `iss` and `aud` are regions' issuer identifiers, `sub` the pairwise pseudonym, `item` the visited region's item,
    `home_items` what it corresponds to at home, `classes` the application classes allowed, each with the item types
    it is allowed for (none: nothing is allowed),
    `card_status_as_of` when the home platform knew the status, `request_hash` the SHA-256 of the request answered.

    `confirmation` is the SHA-256 thumbprint of the one certificate over which it may be shown (claim `cnf`, RFC 8705
    section 3.1), `status` where it can be seen whether it was revoked (claim `status`, Token Status List), `card` the
    pairwise pseudonym of the card, under which its state is told, `original` the token of another suite that it stands
    for (`trust.countersign`).
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
    confirmation: str | None = None
    status: StatusReference | None = field(default=None, repr=False)
    card: str | None = field(default=None, repr=False)
    original: OriginalToken | None = None

    def to_payload(self) -> dict[str, object]:
        """Write the claims as they stand in the token."""
        payload: dict[str, object] = {name: getattr(self, name) for name in RECOGNITION_CLAIMS}
        payload["home_items"] = list(self.home_items)
        payload["classes"] = {name: list(types) for name, types in self.classes.items()}
        if self.confirmation is not None:
            payload["cnf"] = {THUMBPRINT: self.confirmation}
        if self.status is not None:
            payload["status"] = {"status_list": {"idx": self.status.index, "uri": self.status.uri}}
        if self.card is not None:
            payload["card"] = self.card
        if self.original is not None:
            payload["original"] = {"alg": self.original.algorithm, "sha256": self.original.digest}
        return payload

    @classmethod
    def from_payload(cls, payload: Mapping[str, object]) -> RecognitionClaims:
        """Read the claims of a token, exact types only.

        Raises:
            ClaimInvalidError: a claim is missing, unknown or against its rule.
        """
        check_recognition(payload)
        values: dict[str, Any] = dict(payload)
        values["home_items"] = tuple(values["home_items"])
        values["classes"] = MappingProxyType({name: tuple(types) for name, types in values["classes"].items()})
        if "cnf" in values:
            values["confirmation"] = values.pop("cnf")[THUMBPRINT]
        if "status" in values:
            place = values["status"]["status_list"]
            values["status"] = StatusReference(uri=place["uri"], index=place["idx"])
        if "original" in values:
            told = values["original"]
            values["original"] = OriginalToken(algorithm=told["alg"], digest=told["sha256"])
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerClaims:
    """What a caller says of itself: `iss` is the caller, `aud` the gateway, `scope` what the token may be used for.

    `confirmation` is the SHA-256 thumbprint of the one certificate over which the token may be used (claim `cnf`).
    """

    iss: str
    aud: str
    iat: int
    exp: int
    jti: str = field(repr=False)
    scope: tuple[str, ...]
    confirmation: str | None = None

    @property
    def sub(self) -> str:
        """The caller once more: a caller speaks for itself only (RFC 7523 section 3)."""
        return self.iss

    def to_payload(self) -> dict[str, object]:
        """Write the claims as they stand in the token; `scope` is one text with spaces (RFC 8693 section 4.2)."""
        payload: dict[str, object] = {name: getattr(self, name) for name in CALLER_CLAIMS}
        payload["scope"] = " ".join(self.scope)
        if self.confirmation is not None:
            payload["cnf"] = {THUMBPRINT: self.confirmation}
        return payload

    @classmethod
    def from_payload(cls, payload: Mapping[str, object]) -> CallerClaims:
        """Read the claims of a token, exact types only.

        Raises:
            ClaimInvalidError: a claim is missing, unknown or against its rule.
            ScopeError: the scope is empty, a wildcard, or not in the one form of lower-case words.
        """
        scope = check_caller(payload)
        values: dict[str, Any] = {name: payload[name] for name in ("iss", "aud", "iat", "exp", "jti")}
        bound: Any = payload.get("cnf")
        return cls(**values, scope=scope, confirmation=bound and bound[THUMBPRINT])
