"""The desk of trust: whom a node believes, under which agreement, and what it refuses to believe."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from gateway.federation.desk import AnchorPin
from tests.fakes.federation_site import until
from tests.fakes.trusting import (
    GATEWAY_KEYS,
    KID,
    NEW_KEY,
    PLACE,
    SOUTHWESTERN,
    TIMES,
    chain_of,
    key,
    refused,
    renewed,
    roles,
    started,
    trusting,
    vouching,
)
from tests.trust.alliance import (
    ABROAD,
    CITY,
    COAST,
    DAY,
    HOME,
    KEYS,
    NOW,
    REGION_KEYS,
    SOUTHWEST,
    VISITED,
    configuration,
    fingerprint,
    signed,
)
from trust.errors import (
    KeyMaterialError,
    TransitiveTrustError,
    TrustExpiredError,
    UnknownIssuerError,
    UnknownKeyError,
)
from trust.keys import SigningKey
from trust.pinboard import Freshness


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nobody for three seconds."""
    monkeypatch.setattr("tests.fakes.trusting.TIMES", replace(TIMES, first_round_seconds=0.05))


async def test_believes_its_peers() -> None:
    """After the first round, keys of peers are found under the anchor of the agreement, and nowhere else."""
    async with trusting() as around, started(around) as desk:
        assert key(desk).public_key == REGION_KEYS[VISITED].public().public_key
        assert key(desk) is key(desk)
        assert key(desk, REGION_KEYS[ABROAD].kid, issuer="abroad").issuer == "abroad"
        found = desk.gateway_key("gateway.visited", GATEWAY_KEYS[VISITED].kid, home_regions=("elsewhere", "home"))
        assert found.issuer == "gateway.visited"
        assert desk.region_of_gateway("gateway.abroad") == "abroad"
        assert {line["entity"] for line in around.events("trust_believed")} >= {VISITED, ABROAD}
        desk.require_agreement(SOUTHWESTERN)
        desk.require_agreement("unheard-of")
        desk.check_certificate("visited", fingerprint(KEYS[CITY]))
        desk.check_certificate("elsewhere", fingerprint(KEYS[CITY]))


async def test_trust_ends_at_the_agreement() -> None:
    """A region is believed by those whom an agreement joins to it, and by nobody else."""
    async with trusting() as around, started(around) as desk:
        refused(TransitiveTrustError, desk, visited="abroad")
        refused(TransitiveTrustError, desk, REGION_KEYS[ABROAD].kid, issuer="abroad", visited="visited")
        refused(UnknownIssuerError, desk, issuer="nobody")
        with pytest.raises(TransitiveTrustError):
            desk.gateway_key("gateway.visited", GATEWAY_KEYS[VISITED].kid, home_regions=("abroad",))
        with pytest.raises(UnknownIssuerError):
            desk.gateway_key("gateway.nobody", KID, home_regions=("home",))


async def test_offers_its_own_chain() -> None:
    """The chain of the node itself is kept fresh below each of its anchors."""
    async with trusting() as around, started(around) as desk:
        await until(lambda: desk.chain_for(HOME, COAST) and desk.chain_for(HOME, SOUTHWEST))
        assert desk.chain_for(HOME, SOUTHWEST)[0] == around.own[0]
        assert desk.chain_for(HOME, "https://nobody.example") == ()


async def test_refuses_an_older_statement_tl1() -> None:
    """TL1: an older version is refused, the newer one stays believed, and the alarm names both versions."""
    async with trusting() as around:
        around.publish(own=renewed(5))
        async with started(around) as desk:
            around.publish(own=renewed(4, metadata=roles(VISITED, region=(NEW_KEY,))))
            assert not await desk.refresh(PLACE)
            assert not await desk.refresh(PLACE)
            (alarm,) = around.events("trust_rollback")
            assert (alarm["known_version"], alarm["offered_version"]) == ("5", "4")
            assert (alarm["entity"], alarm["anchor"]) == (VISITED, SOUTHWEST)
            assert key(desk).kid == KID
            refused(UnknownKeyError, desk, NEW_KEY.kid)


async def test_refuses_another_statement_of_one_version_tl2() -> None:
    """TL2: another content of the same version is refused and raises an alarm, counted once."""
    async with trusting() as around, started(around) as desk:
        around.publish(own={"metadata": roles(VISITED, region=(NEW_KEY,))})
        assert not await desk.refresh(PLACE)
        assert not await desk.refresh(PLACE)
        assert len(around.events("trust_equivocation")) == desk.alarms["trust_equivocation"] == 1
        around.publish()
        assert await desk.refresh(PLACE)
        assert desk.alarms["trust_believed"] >= 2


async def test_freezes_nobody_in_tl3() -> None:
    """TL3: at half life there is a warning, after the end the grace, and then look-ups are refused."""
    async with trusting() as around:
        around.publish(stated={"exp": NOW + DAY})
        async with started(around, grace_seconds=60) as desk:
            assert desk.standing.links[PLACE].verified.freshness(NOW) is Freshness.HALF_LIFE
            (warning,) = [line for line in around.events("trust_half_life") if line["entity"] == VISITED]
            assert warning["seconds_left"] == DAY
            around.clock.advance(DAY + 1)
            assert await desk.refresh(PLACE)
            assert key(desk).kid == KID
            assert [line["entity"] for line in around.events("trust_grace")] == [VISITED]
            around.clock.advance(59)
            refused(TrustExpiredError, desk)
            await desk.refresh(PLACE)
            await desk.refresh(PLACE)
            assert [line["entity"] for line in around.events("trust_expired")] == [VISITED]
            around.publish(stated=renewed(2, exp=NOW + 9 * DAY), own=renewed(), top=renewed())
            assert await desk.refresh(PLACE)
            assert key(desk).kid == KID


async def test_follows_rotations_of_an_anchor_tl5() -> None:
    """TL5: an anchor that hands on from key to key is followed, also by a node that slept through all of it."""
    keys = [KEYS[SOUTHWEST], *(SigningKey.generate("ES256", issuer=SOUTHWEST) for _ in range(4))]
    links = [
        signed(configuration(SOUTHWEST, keys=(one.public(), two.public()), **renewed(number)), one)
        for number, (one, two) in enumerate(pairwise(keys), start=2)
    ]

    def texts(signer: SigningKey) -> tuple[str, str, str]:
        top = signed(configuration(SOUTHWEST, keys=(signer.public(),), **renewed(9)), signer)
        return chain_of(VISITED, SOUTHWEST)[0], signed(vouching(SOUTHWEST, VISITED, **renewed(2)), signer), top

    async with trusting() as around, started(around) as desk:
        around.site.publish(texts(keys[-1]), entity=VISITED, anchor=SOUTHWEST)
        assert not await desk.refresh(PLACE)
        around.site.links[SOUTHWEST] = [*links[:1], *links[2:]]
        assert not await desk.refresh(PLACE)
        stranger = SigningKey.generate("ES256", issuer=SOUTHWEST)
        around.site.links[SOUTHWEST] = [
            signed(configuration(SOUTHWEST, keys=(stranger.public(),), **renewed(7)), stranger)
        ]
        assert not await desk.refresh(PLACE)
        assert key(desk).kid == KID
        assert desk.standing.anchors[SOUTHWEST].version == 1
        around.site.links[SOUTHWEST] = links
        assert await desk.refresh(PLACE)
        assert desk.standing.anchors[SOUTHWEST].fingerprints == {fingerprint(keys[-1])}
        assert key(desk).kid == KID


@pytest.mark.parametrize(
    "changes",
    [
        {"own": renewed(metadata=roles(ABROAD))},
        {"own": renewed(metadata=roles(VISITED, region=(replace(REGION_KEYS[ABROAD], issuer="visited"),)))},
        {"own": renewed(metadata=roles(VISITED, gateway=GATEWAY_KEYS[ABROAD]))},
    ],
)
async def test_nobody_takes_the_name_or_key_of_another_tl9(changes: dict[str, Any]) -> None:
    """TL9: a peer that lists the issuer or a key of another region is refused, and both stay as they were."""
    async with trusting() as around, started(around) as desk:
        around.publish(**changes)
        assert not await desk.refresh(PLACE)
        assert key(desk).kid == KID
        assert key(desk, REGION_KEYS[ABROAD].kid, issuer="abroad").issuer == "abroad"


@pytest.mark.usefixtures("hurried")
async def test_an_anchor_cannot_name_the_region_of_another() -> None:
    """An anchor that fixes for its member the name of a region that the settings give to another is not believed."""
    async with trusting() as around:
        around.peers = {"visited": CITY, "abroad": ABROAD}
        async with started(around) as desk:
            assert not await desk.refresh(PLACE)
            refused(UnknownIssuerError, desk)


async def test_the_same_kid_of_two_regions_is_two_keys_tl9() -> None:
    """TL9: a key id is one of its issuer, and says nothing under another."""
    twin = SigningKey.generate("ES256", issuer="abroad", kid=KID)
    async with trusting() as around:
        around.publish(ABROAD, COAST, own={"metadata": roles(ABROAD, region=(twin,))})
        async with started(around) as desk:
            assert key(desk).public_key == REGION_KEYS[VISITED].public().public_key
            assert key(desk, issuer="abroad").public_key == twin.public().public_key


async def test_refuses_a_pin_of_another_form() -> None:
    """A pin without a fingerprint is refused before anything begins: there is no default."""
    async with trusting() as around:
        around.pins = (AnchorPin(entity=SOUTHWEST, fingerprints=frozenset(), agreements=frozenset()),)
        with pytest.raises(KeyMaterialError):
            around.desk()
