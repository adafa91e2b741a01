"""A region for which a provincial body vouches: its chain goes through that body, where the anchor lets it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from aiohttp import web

from tests.fakes.federation_site import until
from tests.fakes.trusting import (
    AGREEMENTS,
    GATEWAY_KEYS,
    SHORT_NAMES,
    SOUTHWESTERN,
    TIMES,
    Trusting,
    refused,
    renewed,
    revocation,
    roles,
    started,
    trusting,
    vouching,
)
from tests.trust.alliance import (
    CITY,
    COAST,
    HOME,
    KEYS,
    PROVINCE,
    REGION_KEYS,
    SOUTHWEST,
    about,
    configuration,
    fingerprint,
    signed,
)
from trust.constraints import Constraints
from trust.errors import (
    ChainError,
    KeyRevokedError,
    PeerRevokedError,
    RollbackError,
    TransitiveTrustError,
    UnknownIssuerError,
)
from trust.keys import SigningKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.federation.desk import TrustDesk

PLACE: Final = (SOUTHWEST, CITY)
KID: Final = REGION_KEYS[CITY].kid
WELL_KNOWN: Final = ".well-known/openid-federation"


@pytest.fixture(autouse=True)
def city(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the city be a party to the agreement of the southwest; nobody who is not believed is waited for."""
    monkeypatch.setattr("tests.fakes.trusting.TIMES", replace(TIMES, first_round_seconds=0.3))
    monkeypatch.setitem(SHORT_NAMES, CITY, "city")
    monkeypatch.setitem(GATEWAY_KEYS, CITY, SigningKey.generate("ES256", issuer="gateway.city"))
    monkeypatch.setitem(AGREEMENTS, frozenset({"home", "city"}), (SOUTHWESTERN,))


def publish(around: Trusting, *, own: Any = None, below: Any = None, above: Any = None) -> None:  # noqa: ANN401 - claims of any kind
    """Serve the chain of the city through the provincial body, each statement with some of it changed."""
    site = around.site
    site.configurations[CITY] = signed(configuration(CITY, metadata=roles(CITY), **(own or {})))
    site.configurations[PROVINCE] = signed(configuration(PROVINCE))
    site.statements[PROVINCE, CITY] = signed(vouching(PROVINCE, CITY, **(below or {})))
    site.statements[SOUTHWEST, PROVINCE] = signed(about(SOUTHWEST, PROVINCE, **(above or {})))


@asynccontextmanager
async def province(**changes: Any) -> AsyncIterator[tuple[Trusting, TrustDesk]]:  # noqa: ANN401 - of `publish`
    """Run a desk that knows the city as a peer."""
    async with trusting() as around:
        around.peers = {"city": CITY}
        publish(around, **changes)
        async with started(around) as desk:
            await until(lambda: desk.chain_for(HOME, SOUTHWEST))
            yield around, desk


def found(desk: TrustDesk) -> str:
    """Look the city's key up."""
    return desk.region_key("city", KID, visited="home").kid


async def test_a_chain_goes_through_one_intermediate() -> None:
    """The entity names its superior, and the anchor says that this may vouch: four statements, kept like three."""
    async with province() as (around, desk):
        assert found(desk) == KID
        assert len(desk.chain_for(CITY, SOUTHWEST)) == 4
        assert len(desk.chain_for(PROVINCE, SOUTHWEST)) == 3
        assert desk.standing.links[PLACE].verified.path == (CITY, PROVINCE, SOUTHWEST)
        offered = desk.chain_for(CITY, SOUTHWEST)
        (told,) = desk.explain("city")
        assert told.chain is not None
        assert (len(told.chain.steps), told.chain.error, told.fault) == (4, None, None)
        before = around.site.asked[PROVINCE, WELL_KNOWN]
        assert await desk.refresh(PLACE)
        assert around.site.asked[PROVINCE, WELL_KNOWN] == before + 1
    async with trusting() as around:
        around.peers, around.memory = {"city": CITY}, desk._held._memory
        async with started(around) as again:
            assert found(again) == KID, "without fetching anything"
            assert again.offered_key(offered, "city", KID, visited="home").kid == KID


async def test_who_may_not_vouch_does_not() -> None:
    """AZ3: without `max_path_length` the anchor lets nobody vouch for others."""
    async with province(above={"constraints": Constraints(max_path_length=0)}) as (_, desk):
        refused(UnknownIssuerError, desk, KID, issuer="city")
        (told,) = desk.explain("city")
        assert told.chain is not None
        assert isinstance(told.chain.error, TransitiveTrustError)


async def test_nobody_is_asked_for_whom_the_anchor_does_not_vouch() -> None:
    """TF5: an entity names whom it likes as its superior; only those are called that the anchor has signed for."""
    hints = ("https://elsewhere.example", PROVINCE)
    async with trusting() as around:
        around.peers = {"city": CITY}
        publish(around, own={"authority_hints": hints})
        del around.site.statements[SOUTHWEST, PROVINCE]
        async with started(around) as desk:
            refused(UnknownIssuerError, desk, KID, issuer="city")
            assert not await desk.refresh(PLACE)
            assert around.site.asked[PROVINCE, WELL_KNOWN] == 0
            (told,) = desk.explain("city")
            assert told.fault is not None
            assert told.fault.metadata["status"] == "404"
            stranger = SigningKey.generate("ES256", issuer=SOUTHWEST)
            around.site.statements[SOUTHWEST, PROVINCE] = signed(about(SOUTHWEST, PROVINCE), stranger)
            assert not await desk.refresh(PLACE)
            assert around.site.asked[PROVINCE, WELL_KNOWN] == 0


async def test_an_intermediate_is_held_to_what_it_said() -> None:
    """TL1: its statements are not rolled back either, nor may it give a name that is not the region's."""
    async with province(below=renewed()) as (around, desk):
        assert found(desk) == KID
        publish(around)
        assert not await desk.refresh(PLACE)
        (told,) = desk.explain("city")
        assert told.chain is not None
        assert isinstance(told.chain.error, RollbackError)
        assert told.chain.error.metadata["statement"] == "1"
        assert found(desk) == KID, "what was believed stays"


async def test_an_intermediate_revokes_below_itself() -> None:
    """A key of the city, on its own word; and the anchor revokes the intermediate with all below it."""
    async with province() as (_, desk):
        struck = {"sub": CITY, "target": fingerprint(REGION_KEYS[CITY])}
        assert desk.believe_revocation(revocation(PROVINCE, **struck))
        refused(KeyRevokedError, desk, KID, issuer="city")
    async with province() as (_, desk):
        whole = {"kind": "entity", "sub": PROVINCE, "target": PROVINCE, "reason": "ceased"}
        assert desk.believe_revocation(revocation(SOUTHWEST, **whole))
        refused(PeerRevokedError, desk, KID, issuer="city")


@pytest.mark.parametrize("silent", ["the anchor about it", "it about itself", "it about the city"])
async def test_an_intermediate_that_does_not_answer_changes_nothing(silent: str) -> None:
    """What was believed stays, and the operator is told."""

    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=500)

    async with province() as (around, desk):
        places = {
            "the anchor about it": (SOUTHWEST, "federation/fetch"),
            "it about itself": (PROVINCE, WELL_KNOWN),
            "it about the city": (PROVINCE, "federation/fetch"),
        }
        around.site.answers[places[silent]] = broken
        assert not await desk.refresh(PLACE)
        assert found(desk) == KID
        assert around.events("trust_unreachable")


async def test_two_intermediates_are_one_too_many() -> None:
    """The verifier would go further; the profile does not."""
    async with province() as (_, desk):
        texts = desk.chain_for(CITY, SOUTHWEST)
        longer = (*texts[:2], texts[1], *texts[2:])
        with pytest.raises(ChainError) as caught:
            desk.offered_key(longer, "city", KID, visited="home")
    assert caught.value.metadata["rule"] == "length"
    assert COAST not in KEYS[CITY].issuer
