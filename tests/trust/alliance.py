"""A small invented federation for tests: two anchors, one intermediate, three regions; nobody in it is real.

The anchor of the southwest vouches for a provincial body and for the regions of `HOME` and `VISITED`; the provincial
body vouches for `CITY`. The anchor of the coast vouches for `HOME` too, and for `ABROAD`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import pytest

from trust.anchor import TrustAnchor
from trust.chain import Beliefs, verify_chain
from trust.constraints import Constraints
from trust.entity import EntityConfiguration, SubordinateStatement
from trust.keys import KeyRing, SigningKey, thumbprint
from trust.metadata_policy import MetadataPolicy
from trust.plain_json import freeze
from trust.statement import sign_statement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trust.entity import EntityClaims
    from trust.errors import TrustError
    from trust.metadata_policy import Metadata
    from trust.verified_entity import VerifiedEntity

NOW: Final = 1_800_000_000
DAY: Final = 86_400
SOUTHWEST: Final = "https://southwest.example"
COAST: Final = "https://coast.example"
PROVINCE: Final = "https://province.example"
HOME: Final = "https://home.southwest.example"
VISITED: Final = "https://visited.southwest.example"
CITY: Final = "https://city.province.example"
ABROAD: Final = "https://abroad.coast.example"
ENTITIES: Final = (SOUTHWEST, COAST, PROVINCE, HOME, VISITED, CITY, ABROAD)

KEYS: Final = {
    entity: SigningKey.generate("EdDSA" if entity == PROVINCE else "ES256", issuer=entity) for entity in ENTITIES
}
REGION_KEYS: Final = {
    entity: SigningKey.generate("ES256", issuer=entity.split("/")[2].split(".")[0])
    for entity in (HOME, VISITED, CITY, ABROAD)
}
ANCHORS: Final = {
    entity: TrustAnchor(entity=entity, fingerprints=frozenset({thumbprint(KEYS[entity].public().public_key)}))
    for entity in (SOUTHWEST, COAST)
}
BELIEFS: Final = Beliefs(anchors=ANCHORS)


def fingerprint(key: SigningKey) -> str:
    """Give what an operator would pin of a key."""
    return thumbprint(key.public().public_key)


def metadata(document: Mapping[str, object]) -> Metadata:
    """Freeze metadata."""
    return freeze(document)  # type: ignore[return-value]  # a test may give anything


def region_metadata(entity: str) -> Metadata:
    """Give the metadata of a region: its issuer and the keys of its recognitions."""
    if entity not in REGION_KEYS:
        return MappingProxyType({})
    key = REGION_KEYS[entity]
    jwks = KeyRing([key.public()]).jwks(key.issuer)
    return metadata({"onecard_region": {"issuer": key.issuer, "jwks": jwks}})


def configuration(entity: str, **changes: object) -> EntityConfiguration:
    """Give what an entity says of itself, with some of it changed."""
    superiors = {PROVINCE: (SOUTHWEST,), HOME: (SOUTHWEST, COAST), VISITED: (SOUTHWEST,), CITY: (PROVINCE,)}
    values: dict[str, object] = {
        "sub": entity,
        "version": 1,
        "iat": NOW - DAY,
        "exp": NOW + 29 * DAY,
        "keys": (KEYS[entity].public(),),
        "metadata": region_metadata(entity),
        "authority_hints": {**superiors, ABROAD: (COAST,)}.get(entity, ()),
    }
    return EntityConfiguration(**{**values, **changes})  # type: ignore[arg-type]  # a test may give anything


def about(superior: str, entity: str, **changes: object) -> SubordinateStatement:
    """Give what a superior says of another, with some of it changed; it fixes the issuer of a region."""
    values: dict[str, object] = {
        "iss": superior,
        "sub": entity,
        "version": 1,
        "iat": NOW - DAY,
        "exp": NOW + 19 * DAY,
        "keys": (KEYS[entity].public(),),
        "constraints": Constraints(max_path_length=1 if entity == PROVINCE else 0),
    }
    if entity in REGION_KEYS:
        fixed = {"onecard_region": {"issuer": {"value": REGION_KEYS[entity].issuer}}}
        values["metadata_policy"] = MetadataPolicy.from_json(fixed)
    return SubordinateStatement(**{**values, **changes})  # type: ignore[arg-type]  # as above


def signed(claims: EntityClaims, key: SigningKey | None = None) -> str:
    """Sign a statement with the key of its issuer, or with another that is called so."""
    return sign_statement(claims, key=key or KEYS[claims.iss])


def chain(*claims: EntityClaims) -> tuple[str, ...]:
    """Sign each statement with the key of its issuer."""
    return tuple(map(signed, claims))


def short(entity: str = HOME, anchor: str = SOUTHWEST, /, **changes: object) -> tuple[str, ...]:
    """Give the chain of a region directly under an anchor, the statement about it changed."""
    return chain(configuration(entity), about(anchor, entity, **changes), configuration(anchor))


def long(**changes: object) -> tuple[str, ...]:
    """Give the chain of the city, through the provincial body; the statement about that body changed."""
    return chain(
        configuration(CITY), about(PROVINCE, CITY), about(SOUTHWEST, PROVINCE, **changes), configuration(SOUTHWEST)
    )


def believed(texts: tuple[str, ...], *, beliefs: Beliefs = BELIEFS, now: int = NOW) -> VerifiedEntity:
    """Verify a chain."""
    return verify_chain(texts, beliefs=beliefs, now=now)


def refused(
    error: type[TrustError], texts: tuple[str, ...], *, beliefs: Beliefs = BELIEFS, now: int = NOW
) -> dict[str, str]:
    """Give the metadata of the error with which a chain is refused."""
    with pytest.raises(error) as caught:
        verify_chain(texts, beliefs=beliefs, now=now)
    return caught.value.metadata


def spliced(
    texts: tuple[str, ...], position: int, claims: EntityClaims, key: SigningKey | None = None
) -> tuple[str, ...]:
    """Put another statement into a chain."""
    return (*texts[:position], signed(claims, key), *texts[position + 1 :])
