"""Entity statements: what an entity says of itself, and what its superior says of it (OpenID Federation 1.0 section 3).

Both are compact JWS of typ `entity-statement+jwt`, at most 64 KiB. The tables of claims are closed: a claim that we do
not know refuses the statement, and `crit` is one of these. Beyond the standard each statement has a number of ours,
`onecard_version`, which grows with every issue, and lives 90 days at most, so that an old one is known for what it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from trust.claim_rules import Rule, check_claims, is_count, is_entity, is_list_of, is_object, is_text, is_time
from trust.constraints import Constraints
from trust.errors import ClaimInvalidError, KeyMaterialError
from trust.keys import KeyRing, VerificationKey
from trust.metadata_policy import ENTITY_TYPE, Metadata, MetadataPolicy
from trust.plain_json import freeze, is_plain, thaw
from trust.trust_mark import MARK_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

ENTITY_STATEMENT_TYPE: Final = "entity-statement+jwt"
MAX_STATEMENT_LIFETIME_SECONDS: Final = 90 * 86_400
MAX_HINTS: Final = 8
MAX_KEYS: Final = 16

_is_entities: Final = is_list_of(is_entity, at_least=1, at_most=MAX_HINTS)


def _is_metadata(value: object) -> bool:
    """Accept an object of entity types, each an object of plain values."""
    return (
        is_plain(value)
        and isinstance(value, dict)
        and all(ENTITY_TYPE.fullmatch(kind) and isinstance(members, dict) for kind, members in value.items())
    )


def _is_marks(value: object) -> bool:
    """Accept a list of objects of the type of a mark and the mark, each type once."""
    return (
        isinstance(value, list)
        and len(value) <= MAX_HINTS
        and all(isinstance(entry, dict) and entry.keys() == {"trust_mark_type", "trust_mark"} for entry in value)
        and all(
            is_text(MARK_NAME)(entry["trust_mark_type"]) and isinstance(entry["trust_mark"], str) for entry in value
        )
        and len({entry["trust_mark_type"] for entry in value}) == len(value)
    )


def _is_mark_issuers(value: object) -> bool:
    """Accept an object of types of marks and the entities that may issue them."""
    return isinstance(value, dict) and all(MARK_NAME.fullmatch(name) and _is_entities(of) for name, of in value.items())


_BOTH: Final[Mapping[str, Rule]] = {
    "iss": Rule("entity identifier", is_entity),
    "sub": Rule("entity identifier", is_entity),
    "iat": Rule("whole seconds", is_time),
    "exp": Rule("whole seconds", is_time),
    "onecard_version": Rule("whole number from 1", is_count),
    "jwks": Rule("key set", is_object),
}
CONFIGURATION_CLAIMS: Final[Mapping[str, Rule]] = {
    **_BOTH,
    "metadata": Rule("metadata by entity type", _is_metadata),
    "authority_hints": Rule("list of entity identifiers", _is_entities, required=False),
    "trust_marks": Rule("list of trust marks", _is_marks, required=False),
    "trust_mark_issuers": Rule("issuers by type of mark", _is_mark_issuers, required=False),
}
SUBORDINATE_CLAIMS: Final[Mapping[str, Rule]] = {
    **_BOTH,
    "metadata": Rule("metadata by entity type", _is_metadata, required=False),
    "metadata_policy": Rule("object", is_object, required=False),
    "constraints": Rule("object", is_object, required=False),
    "source_endpoint": Rule("address", is_entity, required=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityConfiguration:
    """What an entity says of itself. `keys` are its federation keys, `iat` and `exp` Unix seconds.

    `metadata` is entity type -> parameter -> value; `authority_hints` are its immediate superiors; `trust_marks` maps
    a type to the mark as text; `trust_mark_issuers` says, for an anchor, who may issue which type.
    """

    sub: str
    version: int
    iat: int
    exp: int
    keys: tuple[VerificationKey, ...]
    metadata: Metadata = field(default_factory=lambda: MappingProxyType({}), hash=False)
    authority_hints: tuple[str, ...] = ()
    trust_marks: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    trust_mark_issuers: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    @property
    def iss(self) -> str:
        """The entity itself."""
        return self.sub

    def to_payload(self) -> dict[str, object]:
        """Write the claims as they stand in the statement."""
        marks = [{"trust_mark_type": name, "trust_mark": text} for name, text in self.trust_marks.items()]
        optional = {
            "authority_hints": list(self.authority_hints),
            "trust_marks": marks,
            "trust_mark_issuers": thaw(self.trust_mark_issuers),
        }
        return {**_common(self), "metadata": thaw(self.metadata), **{k: v for k, v in optional.items() if v}}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> EntityConfiguration:
        """Read the claims, exact types only.

        Raises:
            ClaimInvalidError: a claim is missing, unknown or against its rule.
            KeyMaterialError, KeyUseError, AlgorithmNotAllowedError: a key that cannot be used.
        """
        check_claims(payload, CONFIGURATION_CLAIMS)
        if payload["iss"] != payload["sub"]:
            raise ClaimInvalidError(claim="iss", rule="equal to sub")
        hints = tuple(payload.get("authority_hints", ()))
        if payload["sub"] in hints:
            raise ClaimInvalidError(claim="authority_hints", rule="somebody else")
        marks = {entry["trust_mark_type"]: entry["trust_mark"] for entry in payload.get("trust_marks", ())}
        return cls(
            **_values(payload),
            authority_hints=hints,
            trust_marks=MappingProxyType(marks),
            trust_mark_issuers=cast("Mapping[str, tuple[str, ...]]", freeze(payload.get("trust_mark_issuers", {}))),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubordinateStatement:
    """What a superior says of one below it: its keys, its metadata, and what is demanded of it and of all below.

    A statement without `constraints` makes its subject nobody's superior (`Constraints`).
    """

    iss: str
    sub: str
    version: int
    iat: int
    exp: int
    keys: tuple[VerificationKey, ...]
    metadata: Metadata = field(default_factory=lambda: MappingProxyType({}), hash=False)
    metadata_policy: MetadataPolicy = field(default_factory=MetadataPolicy, hash=False)
    constraints: Constraints = field(default_factory=Constraints)
    source_endpoint: str | None = None

    def to_payload(self) -> dict[str, object]:
        """Write the claims as they stand in the statement."""
        optional = {
            "metadata": thaw(self.metadata),
            "metadata_policy": self.metadata_policy.to_json(),
            "source_endpoint": self.source_endpoint,
        }
        return {**_common(self), "constraints": self.constraints.to_json(), **{k: v for k, v in optional.items() if v}}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> SubordinateStatement:
        """Read the claims, exact types only.

        Raises:
            ClaimInvalidError: a claim is missing, unknown or against its rule.
            PolicyConflictError: the metadata policy contradicts itself.
            KeyMaterialError, KeyUseError, AlgorithmNotAllowedError: a key that cannot be used.
        """
        check_claims(payload, SUBORDINATE_CLAIMS)
        if payload["iss"] == payload["sub"]:
            raise ClaimInvalidError(claim="sub", rule="somebody else")
        return cls(
            iss=payload["iss"],
            **_values(payload),
            metadata_policy=MetadataPolicy.from_json(payload.get("metadata_policy", {})),
            constraints=Constraints.from_json(payload.get("constraints", {})),
            source_endpoint=payload.get("source_endpoint"),
        )


EntityClaims = EntityConfiguration | SubordinateStatement


def _common(claims: EntityClaims) -> dict[str, object]:
    """Write the claims that both kinds have."""
    jwks = KeyRing(claims.keys).jwks(claims.sub)
    times = {"iat": claims.iat, "exp": claims.exp, "onecard_version": claims.version}
    return {"iss": claims.iss, "sub": claims.sub, **times, "jwks": jwks}


def _values(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Read the claims that both kinds have; the table has checked them but for the keys and the order of times."""
    if not payload["iat"] < payload["exp"] <= payload["iat"] + MAX_STATEMENT_LIFETIME_SECONDS:
        raise ClaimInvalidError(claim="exp", rule="after iat, at most 90 days")
    return {
        "sub": payload["sub"],
        "version": payload["onecard_version"],
        "iat": payload["iat"],
        "exp": payload["exp"],
        "keys": read_keys(payload["jwks"], issuer=payload["sub"]),
        "metadata": freeze(payload.get("metadata", {})),
    }


def read_keys(document: Mapping[str, Any], *, issuer: str) -> tuple[VerificationKey, ...]:
    """Read a JWK Set of at most 16 keys, by kid.

    Raises:
        KeyMaterialError, KeyUseError, AlgorithmNotAllowedError: a key, or the set, that cannot be used.
    """
    ring = KeyRing.from_jwks(issuer, document)
    kids = sorted(jwk["kid"] for jwk in document["keys"])
    if len(kids) > MAX_KEYS:
        raise KeyMaterialError(rule="at most 16 keys")
    return tuple(ring.find(issuer, kid) for kid in kids)
