"""A desk of trust of the invented alliance, with a real client against a real server, and statements to serve there."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.federation.desk import AnchorPin, OwnEntity, RefreshTimes, TrustDesk
from tests.fakes.clock import FakeClock
from tests.fakes.federation_site import FederationSite, federation_site
from tests.fakes.journal import FakeJournal
from tests.fakes.trust_memory import FakeTrustMemory
from tests.trust.alliance import (
    ABROAD,
    ANCHORS,
    COAST,
    DAY,
    HOME,
    KEYS,
    NOW,
    REGION_KEYS,
    SOUTHWEST,
    VISITED,
    about,
    configuration,
    metadata,
    signed,
)
from trust.keys import KeyRing, SigningKey
from trust.metadata_policy import MetadataPolicy
from trust.revocation import MIN_LIFE_SECONDS, Revocation, sign_revocation

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from gateway.federation.desk_memory import TrustMemory
    from gateway.federation.fetch import FederationClient
    from trust.entity import SubordinateStatement
    from trust.errors import TrustError
    from trust.keys import VerificationKey
    from trust.metadata_policy import Metadata

SHORT_NAMES: Final = {HOME: "home", VISITED: "visited", ABROAD: "abroad"}
REGIONS: Final = {name: entity for entity, name in SHORT_NAMES.items()}
GATEWAY_KEYS: Final = {
    entity: SigningKey.generate("ES256", issuer=f"gateway.{name}") for entity, name in SHORT_NAMES.items()
}
SOUTHWESTERN: Final = "southwest-joint"
COASTAL: Final = "coast-joint"
PINS: Final = (
    AnchorPin(entity=SOUTHWEST, fingerprints=ANCHORS[SOUTHWEST].fingerprints, agreements=frozenset({SOUTHWESTERN})),
    AnchorPin(entity=COAST, fingerprints=ANCHORS[COAST].fingerprints, agreements=frozenset({COASTAL})),
)
AGREEMENTS: Final = {
    frozenset({"home", "visited"}): (SOUTHWESTERN,),
    frozenset({"home", "abroad"}): (COASTAL,),
}
PLACE: Final = (SOUTHWEST, VISITED)
KID: Final = REGION_KEYS[VISITED].kid
NEW_KEY: Final = SigningKey.generate("ES256", issuer="visited")
WELL_KNOWN: Final = ".well-known/openid-federation"
TIMES: Final = RefreshTimes(refresh_seconds=3600, interval_seconds=3600)


def agreements(one: str, other: str) -> tuple[str, ...]:
    """Give the agreements of the alliance."""
    return AGREEMENTS.get(frozenset({one, other}), ())


def roles(entity: str, *, region: tuple[SigningKey, ...] = (), gateway: SigningKey | None = None) -> Metadata:
    """Give the metadata of a region that has a gateway; other keys than its own if need be."""
    region_keys = region or (REGION_KEYS[entity],)
    gateway_key = gateway or GATEWAY_KEYS[entity]
    rings = {"onecard_region": region_keys, "onecard_gateway": (gateway_key,)}
    return metadata(
        {
            role: {
                "issuer": keys[0].issuer,
                "jwks": KeyRing([key.public() for key in keys]).jwks(keys[0].issuer),
            }
            for role, keys in rings.items()
        }
    )


def vouching(anchor: str, entity: str, **changes: Any) -> SubordinateStatement:  # noqa: ANN401 - a test may give anything
    """Give what an anchor says of a region: it fixes both issuers."""
    fixed = {
        "onecard_region": {"issuer": {"value": SHORT_NAMES[entity]}},
        "onecard_gateway": {"issuer": {"value": f"gateway.{SHORT_NAMES[entity]}"}},
    }
    return about(anchor, entity, **{"metadata_policy": MetadataPolicy.from_json(fixed), **changes})


def chain_of(
    entity: str,
    anchor: str,
    *,
    own: Mapping[str, object] | None = None,
    stated: Mapping[str, object] | None = None,
    top: Mapping[str, object] | None = None,
) -> tuple[str, str, str]:
    """Give a chain of three, each statement with some of it changed."""
    return (
        signed(configuration(entity, **{"metadata": roles(entity), **(own or {})})),
        signed(vouching(anchor, entity, **(stated or {}))),
        signed(configuration(anchor, **(top or {}))),
    )


def revocation(issuer: str, **changes: Any) -> str:  # noqa: ANN401 - a test may give anything
    """Give a revocation of the issuer's own federation key, or of what is given."""
    key = changes.pop("key", KEYS[issuer])
    values = {
        "iss": issuer,
        "sub": issuer,
        "iat": NOW,
        "exp": NOW + 2 * MIN_LIFE_SECONDS,
        "sequence": 1,
        "kind": "key",
        "target": KEYS[issuer].kid,
        "reason": "compromised",
        "effective": NOW,
    }
    return sign_revocation(Revocation(**{**values, **changes}), key=key)


@dataclass(slots=True)
class Trusting:
    """Everything around one desk, whose node is HOME."""

    site: FederationSite
    client: FederationClient
    memory: TrustMemory = field(default_factory=FakeTrustMemory)
    clock: FakeClock = field(default_factory=lambda: FakeClock(NOW))
    journal: FakeJournal = field(default_factory=FakeJournal)
    pins: tuple[AnchorPin, ...] = PINS
    peers: Mapping[str, str] = field(default_factory=lambda: {"visited": VISITED, "abroad": ABROAD})
    own: tuple[str, ...] = field(default_factory=lambda: chain_of(HOME, SOUTHWEST)[:1])

    def desk(self, *, grace_seconds: int = 60, times: RefreshTimes | None = None) -> TrustDesk:
        """Make a desk, which goes on from the memory when it is started."""
        return TrustDesk(
            [OwnEntity(entity=HOME, region="home", configuration=lambda: self.own[0])],
            anchors=self.pins,
            peers=self.peers,
            agreements=agreements,
            client=self.client,
            memory=self.memory,
            clock=self.clock,
            journal=self.journal,
            grace_seconds=grace_seconds,
            times=times or TIMES,
        )

    def publish(self, entity: str = VISITED, anchor: str = SOUTHWEST, **changes: Any) -> None:  # noqa: ANN401 - any claims
        """Serve a chain; see `chain_of`."""
        self.site.publish(chain_of(entity, anchor, **changes), entity=entity, anchor=anchor)

    def events(self, name: str) -> list[dict[str, Any]]:
        """Give the events of a name."""
        return [line for line in self.journal.lines if line["event"] == name]


@asynccontextmanager
async def trusting() -> AsyncIterator[Trusting]:
    """Serve the alliance: HOME and VISITED under the southwest, HOME and ABROAD under the coast."""
    async with federation_site() as site:
        client = site.client()
        around = Trusting(site, client)
        for entity, anchor in ((VISITED, SOUTHWEST), (ABROAD, COAST)):
            around.publish(entity, anchor)
        for anchor in (SOUTHWEST, COAST):
            site.statements[anchor, HOME] = signed(vouching(anchor, HOME))
        try:
            yield around
        finally:
            await client.close()


@asynccontextmanager
async def started(around: Trusting, **options: Any) -> AsyncIterator[TrustDesk]:  # noqa: ANN401 - those of `desk`
    """Run a desk through its first round."""
    desk = around.desk(**options)
    await desk.start()
    try:
        await desk.first_round.wait()
        yield desk
    finally:
        await desk.close()


def key(desk: TrustDesk, kid: str = KID, *, issuer: str = "visited", visited: str = "home") -> VerificationKey:
    """Look the key of a region up."""
    return desk.region_key(issuer, kid, visited=visited)


def refused(error: type[TrustError], desk: TrustDesk, kid: str = KID, **asked: str) -> None:
    """See that a look-up is refused."""
    with pytest.raises(error):
        key(desk, kid, **asked)


def renewed(version: int = 2, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - a test may give anything
    """Give what a later issue of a statement changes."""
    return {"version": version, "iat": NOW - DAY + version, **changes}
