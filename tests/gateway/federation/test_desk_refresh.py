"""How the desk of trust keeps fresh: in the background, seldom, and past every fault; and what it tells of that."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from gateway.federation.desk import RefreshTimes
from gateway.federation.fetch import FetchError
from tests.fakes.federation_site import until
from tests.fakes.trusting import (
    AGREEMENTS,
    COASTAL,
    KID,
    NEW_KEY,
    PLACE,
    SOUTHWESTERN,
    TIMES,
    WELL_KNOWN,
    chain_of,
    key,
    refused,
    renewed,
    revocation,
    roles,
    started,
    trusting,
    vouching,
)
from tests.trust.alliance import (
    ABROAD,
    CITY,
    COAST,
    HOME,
    KEYS,
    REGION_KEYS,
    SOUTHWEST,
    VISITED,
    signed,
)
from trust.errors import (
    UnknownIssuerError,
    UnknownKeyError,
)
from trust.explanation import StepVerdict


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nobody for three seconds."""
    monkeypatch.setattr("tests.fakes.trusting.TIMES", replace(TIMES, first_round_seconds=0.05))


async def test_a_flood_of_unknown_kids_makes_one_refresh_tl10() -> None:
    """TL10: ten thousand unknown key ids make one refresh in an interval at most, and known keys are still found."""
    async with trusting() as around, started(around) as desk:
        before = around.site.asked[VISITED, WELL_KNOWN]
        for number in range(10_000):
            refused(UnknownKeyError, desk, f"random-{number}")
            if number % 1000 == 0:
                await asyncio.sleep(0.001)
        assert key(desk).kid == KID
        assert around.site.asked[VISITED, WELL_KNOWN] - before <= 1


async def test_an_unknown_kid_brings_the_new_key() -> None:
    """After a rotation the first unknown key id asks for a refresh, which brings the key."""
    async with trusting() as around, started(around, times=RefreshTimes(interval_seconds=0.01)) as desk:
        around.publish(own=renewed(metadata=roles(VISITED, region=(REGION_KEYS[VISITED], NEW_KEY))))
        refused(UnknownKeyError, desk, NEW_KEY.kid)
        await until(
            lambda: NEW_KEY.kid in str(desk.standing.links[PLACE].verified.keys["onecard_region"].jwks("visited"))
        )
        assert key(desk, NEW_KEY.kid).kid == NEW_KEY.kid
        desk.refresh_soon("elsewhere")
        desk.refresh_soon("visited")


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=500),
        web.Response(status=302, headers={"location": "/elsewhere"}),
        web.Response(body=b"eyJh", content_type="application/entity-statement+jwt"),
        web.Response(body=b"x" * 1_000_000, content_type="application/entity-statement+jwt"),
    ],
)
@pytest.mark.parametrize("broken", [VISITED, SOUTHWEST])
async def test_a_broken_server_changes_nothing_tl10(answer: web.Response, broken: str) -> None:
    """TL10: where a peer or an anchor serves nonsense, what was believed is gone by."""

    async def nonsense(_: web.Request) -> web.Response:
        return web.Response(
            body=answer.body, status=answer.status, headers={**answer.headers, "content-type": answer.content_type}
        )

    async with trusting() as around, started(around) as desk:
        around.publish(own=renewed(), top=renewed())
        around.site.answers[broken, WELL_KNOWN] = nonsense
        assert not await desk.refresh(PLACE)
        assert key(desk).kid == KID
        assert len(around.journal.lines) == len({str(line) for line in around.journal.lines})


async def test_explains_why_and_why_not() -> None:
    """For each anchor the chain is told, why it could not be fetched, and what was revoked."""
    async with trusting() as around, started(around) as desk:
        (good,) = desk.explain("visited")
        assert (good.anchor, good.entity, good.agreements) == (SOUTHWEST, VISITED, (SOUTHWESTERN,))
        assert good.chain is not None
        assert {step.verdict for step in good.chain.steps} == {StepVerdict.HOLDS}
        assert (good.fault, good.revocations, good.missing) == (None, (), ())
        around.publish(own={"metadata": roles(VISITED, region=(NEW_KEY,))})
        assert not await desk.refresh(PLACE)
        assert desk.believe_revocation(revocation(VISITED, target=KEYS[CITY].kid, sequence=2))
        (bad,) = desk.explain("visited")
        assert bad.chain is not None
        assert bad.chain.error is not None
        assert bad.believed == good.believed
        assert [said.iss for said in bad.revocations] == [VISITED]
        assert bad.missing == (1,)
        await around.site.server.close()
        assert not await desk.refresh(PLACE)
        (unreachable,) = desk.explain("visited")
        assert isinstance(unreachable.fault, FetchError)
        assert desk.explain("elsewhere") == ()


@pytest.mark.usefixtures("hurried")
async def test_begins_though_nobody_answers() -> None:
    """The first round ends after its time where a peer is not believed; peers that come later are."""
    async with trusting() as around:
        statement = around.site.statements.pop((SOUTHWEST, VISITED))
        async with started(around, times=replace(TIMES, refresh_seconds=0.05, interval_seconds=0.01)) as desk:
            refused(UnknownIssuerError, desk)
            (told,) = desk.explain("visited")
            assert (told.chain, told.believed) == (None, None)
            assert isinstance(told.fault, FetchError)
            around.site.statements[SOUTHWEST, VISITED] = statement
            await until(lambda: desk.chain_for(VISITED, SOUTHWEST))
            assert key(desk).kid == KID


async def test_an_agreement_comes_into_force(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer is believed from the day on which an agreement joins it, without a new start."""
    joined = frozenset({"home", "abroad"})
    monkeypatch.delitem(AGREEMENTS, joined)
    async with trusting() as around, started(around, times=replace(TIMES, refresh_seconds=0.02)) as desk:
        refused(UnknownIssuerError, desk, REGION_KEYS[ABROAD].kid, issuer="abroad")
        monkeypatch.setitem(AGREEMENTS, joined, (COASTAL,))
        await until(lambda: desk.chain_for(ABROAD, COAST))
        assert key(desk, REGION_KEYS[ABROAD].kid, issuer="abroad").issuer == "abroad"


@pytest.mark.usefixtures("hurried")
async def test_asks_for_the_entity_of_the_place() -> None:
    """A server that shows the good chain of another entity is not believed for it."""
    async with trusting() as around:
        around.site.configurations[VISITED] = chain_of(HOME, SOUTHWEST)[0]
        around.site.statements[SOUTHWEST, VISITED] = signed(vouching(SOUTHWEST, HOME))
        async with started(around) as desk:
            refused(UnknownIssuerError, desk)
            assert not desk.chain_for(VISITED, SOUTHWEST)


async def test_tells_of_a_mistake_in_a_task() -> None:
    """A refresh that ends by a mistake in the program is handed to the event loop, not lost."""
    heard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))
    async with trusting() as around:
        around.own = ()
        async with started(around):
            await until(lambda: heard)
    assert isinstance(heard[0]["exception"], IndexError)


async def test_has_nobody_to_wait_for() -> None:
    """Without peers the first round is over at once."""
    async with trusting() as around:
        around.peers, around.pins = {}, ()
        async with started(around) as desk:
            assert desk.explain("home") == ()
