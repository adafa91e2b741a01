"""What a home region says of itself as an entity: the one place where its keys and names become a configuration."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gateway.federation.publisher_content import EntityContent, Role, leaf_endpoints
from trust.errors import KeyMaterialError
from trust.note import NoteKey
from trust.roles import GATEWAY_ROLE, REGION_ROLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.key_shelf import Shelf
    from trust.keys import VerificationKey

EVIDENCE_KEYS: Final = "evidence_keys"
"""In the metadata of a gateway: the verifier keys of its log (C2SP signed-note), with spaces between them."""


def home_content(
    entity: str,
    *,
    federation: Shelf,
    region: tuple[VerificationKey, ...],
    caller: Shelf,
    evidence: Shelf,
    superiors: Iterable[str],
) -> EntityContent:
    """Give the content of a home region's configuration.

    Args:
        entity: its entity identifier.
        federation: the keys that sign statements.
        region: the keys of recognitions; their issuer is the region's code.
        caller: the keys that sign the tokens with which the gateway asks others; their issuer is the caller's id.
        evidence: the keys that sign the checkpoints of the gateway's log.
        superiors: the anchors of its agreements.
    """
    roles = {
        REGION_ROLE: Role(issuer=region[0].issuer, keys=region),
        GATEWAY_ROLE: Role(issuer=caller.issuer, keys=caller.published, texts=evidence_texts(evidence)),
    }
    return EntityContent(
        entity=entity,
        keys=federation.keys,
        roles=MappingProxyType(roles),
        hints=tuple(superiors),
        endpoints=leaf_endpoints(entity),
    )


def evidence_texts(shelf: Shelf) -> Mapping[str, str]:
    """Give what tells the keys of a gateway's log, as verifier keys (AlgorithmNotAllowedError: none of Ed25519)."""
    keys = [NoteKey.of(key, name=shelf.issuer).to_text() for key in shelf.published]
    return MappingProxyType({EVIDENCE_KEYS: " ".join(keys)})


def read_evidence_keys(told: object) -> tuple[NoteKey, ...]:
    """Read what `evidence_texts` tells, from the metadata of another entity; nothing where it is not that."""
    try:
        return tuple(map(NoteKey.from_text, told.split(" "))) if isinstance(told, str) else ()
    except KeyMaterialError:
        return ()
