"""What a home region says of itself as an entity: the one place where its keys and names become a configuration."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from gateway.federation.publisher_content import EntityContent, Role, leaf_endpoints
from trust.roles import GATEWAY_ROLE, REGION_ROLE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.key_shelf import Shelf
    from trust.keys import VerificationKey


def home_content(
    entity: str,
    *,
    federation: Shelf,
    region: tuple[VerificationKey, ...],
    caller: Shelf,
    superiors: Iterable[str],
) -> EntityContent:
    """Give the content of a home region's configuration.

    Args:
        entity: its entity identifier.
        federation: the keys that sign statements.
        region: the keys of recognitions; their issuer is the region's code.
        caller: the keys that sign the tokens with which the gateway asks others; their issuer is the caller's id.
        superiors: the anchors of its agreements.
    """
    roles = {
        REGION_ROLE: Role(issuer=region[0].issuer, keys=region),
        GATEWAY_ROLE: Role(issuer=caller.issuer, keys=caller.published),
    }
    return EntityContent(
        entity=entity,
        keys=federation.keys,
        roles=MappingProxyType(roles),
        hints=tuple(superiors),
        endpoints=leaf_endpoints(entity),
    )
