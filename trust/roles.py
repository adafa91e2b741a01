"""Roles: under which issuer, and with which keys, an entity acts in our protocol.

Federation keys sign statements and nothing else (OpenID Federation 1.0 section 3.1.1). Recognitions and callers' tokens
have keys of their own, in the metadata of the entity type that is the role: `issuer`, the `iss` of those tokens, and
`jwks`. An issuer is believed only if a superior has fixed it, in the metadata that it states or by a policy.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from trust.claims import is_issuer
from trust.entity import read_keys
from trust.errors import ForeignKeyError, MetadataPolicyError
from trust.keys import KeyRing
from trust.plain_json import Plain, thaw

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trust.metadata_policy import Metadata, MetadataPolicy

REGION_ROLE: Final = "onecard_region"
"""A region that issues recognitions."""

GATEWAY_ROLE: Final = "onecard_gateway"
"""A gateway that calls other gateways."""

ROLES: Final = (REGION_ROLE, GATEWAY_ROLE)


def read_roles(metadata: Metadata, *, stated: Metadata, policy: MetadataPolicy) -> Mapping[str, KeyRing]:
    """Give, by role, the keys that act under the issuer of that role.

    Args:
        metadata: resolved metadata of the entity.
        stated: what its immediate superior states of it.
        policy: the merged policy of its chain.

    Raises:
        MetadataPolicyError: a role without issuer or key set.
        ForeignKeyError: an issuer that no superior has fixed.
        KeyMaterialError, KeyUseError, AlgorithmNotAllowedError: a key that cannot be used.
    """
    rings: dict[str, KeyRing] = {}
    for role in ROLES:
        members = metadata.get(role)
        if members is not None:
            rings[role] = _read_role(role, members, stated=stated, policy=policy)
    return MappingProxyType(rings)


def _read_role(role: str, members: Mapping[str, Plain], *, stated: Metadata, policy: MetadataPolicy) -> KeyRing:
    """Read issuer and keys of one role."""
    issuer, jwks = members.get("issuer"), thaw(members.get("jwks"))
    if not isinstance(issuer, str) or not is_issuer(issuer) or not isinstance(jwks, dict):
        raise MetadataPolicyError(rule="issuer and jwks of a role")
    if stated.get(role, {}).get("issuer") != issuer and not policy.fixes(role, "issuer", issuer):
        raise ForeignKeyError(rule="an issuer that a superior has fixed")
    return KeyRing(read_keys(cast("dict[str, Any]", jwks), issuer=issuer))
