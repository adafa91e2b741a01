"""What an entity says of itself before it is numbered and signed: keys, roles, superiors, endpoints, marks."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from trust.keys import KeyRing
from trust.plain_json import freeze

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.key_shelf import Key
    from trust.keys import VerificationKey
    from trust.plain_json import Plain

FEDERATION_ENTITY: Final = "federation_entity"
_HISTORICAL_KEYS: Final = "federation_historical_keys_endpoint"
_OF_SUPERIORS: Final = {
    "federation_fetch_endpoint": "fetch",
    "federation_list_endpoint": "list",
    "federation_resolve_endpoint": "resolve",
    "federation_trust_mark_endpoint": "trust-mark",
    "federation_trust_mark_status_endpoint": "trust-mark-status",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Under which issuer and with which public keys an entity acts (`trust.roles`); `texts` are what else it tells."""

    issuer: str
    keys: tuple[VerificationKey, ...]
    texts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def to_metadata(self) -> Mapping[str, Plain]:
        """Write the role as metadata; `issuer` and `jwks` are what they are, whatever the texts say."""
        ring = KeyRing(self.keys)
        return freeze({**self.texts, "issuer": self.issuer, "jwks": ring.jwks(self.issuer)})  # type: ignore[return-value]  # an object stays one


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityContent:
    """What an entity says of itself.

    `keys` are its federation keys, the one that signs first; `roles` are by entity type; `hints` are its superiors;
    `endpoints` is its metadata as a federation entity; `marks` maps a type to the mark as text; `mark_issuers` says,
    for an anchor, who may issue which type.
    """

    entity: str
    keys: tuple[Key, ...]
    roles: Mapping[str, Role] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    hints: tuple[str, ...] = ()
    endpoints: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    marks: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    mark_issuers: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def to_metadata(self) -> Mapping[str, Mapping[str, Plain]]:
        """Write the metadata by entity type."""
        written = {kind: role.to_metadata() for kind, role in self.roles.items()}
        if self.endpoints:
            written[FEDERATION_ENTITY] = MappingProxyType(dict(self.endpoints))
        return MappingProxyType(written)


def leaf_endpoints(entity: str) -> Mapping[str, str]:
    """Give where an entity answers that vouches for nobody (OpenID Federation 1.0 section 5.1.1)."""
    return MappingProxyType({_HISTORICAL_KEYS: f"{entity}/federation/historical-keys"})


def anchor_endpoints(entity: str) -> Mapping[str, str]:
    """Give where an anchor answers (OpenID Federation 1.0 section 5.1.1)."""
    own = {name: f"{entity}/federation/{place}" for name, place in _OF_SUPERIORS.items()}
    return MappingProxyType({**own, **leaf_endpoints(entity)})
