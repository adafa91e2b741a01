"""An invented anchor and its members, published into folders of a test; nobody in it is real."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from joserfc import jws
from joserfc.jwk import ECKey, OKPKey

from gateway.federation.publisher import EntityPublisher
from gateway.federation.publisher_content import EntityContent, Role, leaf_endpoints
from gateway.federation.register_body import AnchorBody, AnchorConfig
from gateway.federation.register_members import Party
from trust.anchor import TrustAnchor
from trust.chain import Beliefs
from trust.keys import SigningKey, thumbprint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.federation.register_members import Member
    from trust.keys import VerificationKey

ANCHOR: Final = "https://bodies.example/west"
NORTH: Final = "https://north.example"
SOUTH: Final = "https://south.example/gateway"
STRANGER: Final = "https://stranger.example"
MARK: Final = "https://bodies.example/marks/joint-catalog"
AGREEMENT: Final = "north-south-2026"
PARTIES: Final = (
    Party(region="north", gateway="gateway.north", holder=True),
    Party(region="south", gateway="gateway.south", entity=SOUTH),
)
KEYS: Final = {
    entity: SigningKey.generate("EdDSA" if entity == SOUTH else "ES256", issuer=entity)
    for entity in (ANCHOR, NORTH, SOUTH, STRANGER)
}
ROLE_KEYS: Final = {
    issuer: SigningKey.generate("ES256", issuer=issuer)
    for issuer in ("north", "south", "gateway.north", "gateway.south")
}


def roles(region: str) -> dict[str, Role]:
    """Give both roles of a region."""
    gateway = f"gateway.{region}"
    return {
        "onecard_region": Role(issuer=region, keys=(ROLE_KEYS[region].public(),)),
        "onecard_gateway": Role(
            issuer=gateway, keys=(ROLE_KEYS[gateway].public(),), texts={"audience": f"https://{region}.example"}
        ),
    }


def leaf(folder: Path, clock: Callable[[], float], entity: str = NORTH, /, **changes: object) -> EntityPublisher:
    """Publish a leaf under the anchor, some of what it says changed."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {
        "entity": entity,
        "keys": (KEYS[entity],),
        "roles": roles("south" if entity == SOUTH else "north"),
        "hints": (ANCHOR,),
        "endpoints": leaf_endpoints(entity),
    }
    return EntityPublisher(EntityContent(**{**values, **changes}), folder=folder, clock=clock)  # type: ignore[arg-type]  # a test may give anything


def write_key(path: Path, key: SigningKey) -> None:
    """Write a key as an operator would."""
    path.touch(mode=0o600)
    path.write_bytes(key.to_pem())


def anchor_config(folder: Path, **changes: object) -> AnchorConfig:
    """Give the invented anchor's configuration, its key in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "federation.pem").exists():
        write_key(folder / "federation.pem", KEYS[ANCHOR])
    values = {"entity": ANCHOR, "folder": folder, "parties": PARTIES, "agreements": (AGREEMENT,), "mark_type": MARK}
    return AnchorConfig(**{**values, **changes})  # type: ignore[arg-type]  # as above


def anchor(folder: Path, clock: Callable[[], float], **changes: object) -> AnchorBody:
    """Make the invented anchor."""
    return AnchorBody(anchor_config(folder, **changes), clock=clock)


def joined(body: AnchorBody, folder: Path, clock: Callable[[], float], entity: str = NORTH) -> EntityPublisher:
    """Publish a leaf and have the anchor admit it."""
    publisher = leaf(folder, clock, entity)
    admitted: Member = body.admit(publisher.text())
    assert admitted.entity == entity
    return publisher


def pinned() -> Beliefs:
    """Give the beliefs of a node that has pinned the anchor."""
    mark = thumbprint(KEYS[ANCHOR].public().public_key)
    return Beliefs(anchors={ANCHOR: TrustAnchor(entity=ANCHOR, fingerprints=frozenset({mark}))})


def read_by_others(text: str, key: VerificationKey) -> tuple[dict[str, Any], bytes]:
    """Verify a compact JWS with another JOSE library; give its header and payload."""
    foreign = (ECKey if key.algorithm == "ES256" else OKPKey).import_key(
        {name: str(value) for name, value in key.to_jwk().items()}
    )
    found = jws.deserialize_compact(text, foreign, algorithms=[key.algorithm])
    return dict(found.protected), found.payload
