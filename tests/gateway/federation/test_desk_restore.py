"""The desk of trust over restarts: nothing is forgotten but what the operator has begun anew."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.errors import SettingsError
from gateway.federation.desk_memory import KnownChain, Remembered, TrustMemoryError
from gateway.federation.memory import FileTrustMemory
from tests.fakes.federation_site import until
from tests.fakes.trust_memory import FakeTrustMemory
from tests.fakes.trusting import (
    KID,
    NEW_KEY,
    PINS,
    PLACE,
    TIMES,
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
    KeyRevokedError,
    UnknownIssuerError,
    UnknownKeyError,
)
from trust.keys import SigningKey

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nobody for three seconds."""
    monkeypatch.setattr("tests.fakes.trusting.TIMES", replace(TIMES, first_round_seconds=0.05))


async def test_goes_on_after_a_restart() -> None:
    """A node that starts while nobody can be reached goes by what it believed, revocations included."""
    async with trusting() as around:
        async with started(around) as desk:
            await until(lambda: desk.chain_for(HOME, SOUTHWEST))
            assert desk.believe_revocation(revocation(ABROAD, target=fingerprint(REGION_KEYS[ABROAD])))
        await around.site.server.close()
        async with started(around) as desk:
            assert key(desk).kid == KID
            refused(KeyRevokedError, desk, REGION_KEYS[ABROAD].kid, issuer="abroad")
            assert len(desk.feed(0)[0]) == 1
            assert around.events("trust_dropped") == []


@pytest.mark.parametrize("real", [True, False])
async def test_is_not_rolled_back_by_a_restart_tl1(tmp_path: Path, real: bool) -> None:
    """TL1: what is older than what was believed before a restart is refused after it."""
    async with trusting() as around:
        memory = FileTrustMemory(tmp_path / "trust") if real else FakeTrustMemory()
        around.memory = memory
        around.publish(own=renewed(5))
        async with started(around) as desk:
            assert key(desk).kid == KID
        memory.close()
        around.memory = FileTrustMemory(tmp_path / "trust") if real else memory
        around.publish(own=renewed(4, metadata=roles(VISITED, region=(NEW_KEY,))))
        async with started(around) as desk:
            await until(lambda: around.events("trust_rollback"))
            refused(UnknownKeyError, desk, NEW_KEY.kid)


@pytest.mark.usefixtures("hurried")
async def test_drops_what_has_run_out() -> None:
    """A kept chain that does not hold any more is dropped at the start, with an event."""
    async with trusting() as around:
        async with started(around) as desk:
            await until(lambda: desk.chain_for(HOME, SOUTHWEST))
        around.clock.advance(300 * DAY)
        async with started(around) as desk:
            assert {line["error"] for line in around.events("trust_dropped")} == {"TrustExpiredError"}
            refused(UnknownIssuerError, desk)


@pytest.mark.usefixtures("hurried")
async def test_an_anchor_is_pinned_anew() -> None:
    """Other fingerprints in the settings count at once; where none is an old one, the anchor has begun anew."""
    fresh = SigningKey.generate("ES256", issuer=SOUTHWEST)
    top = signed(configuration(SOUTHWEST, keys=(fresh.public(),), version=1, iat=NOW - 5 * DAY), fresh)
    statement = signed(vouching(SOUTHWEST, VISITED, version=1, iat=NOW - 5 * DAY), fresh)
    async with trusting() as around:
        async with started(around) as desk:
            await until(lambda: desk.chain_for(VISITED, SOUTHWEST))
        added = frozenset({fingerprint(fresh)})
        coast = PINS[1]
        around.pins = (replace(PINS[0], fingerprints=PINS[0].fingerprints | added), coast)
        async with started(around) as desk:
            assert desk.standing.anchors[SOUTHWEST].version in {0, 1}
            assert (SOUTHWEST, SOUTHWEST, SOUTHWEST) in desk.standing.pinboard.pins
        around.pins = (replace(PINS[0], fingerprints=added), coast)
        around.memory.keep(replace(around.memory.remembered(), anchors=around.memory.remembered().anchors[::-1]))
        around.site.publish((chain_of(VISITED, SOUTHWEST)[0], statement, top), entity=VISITED, anchor=SOUTHWEST)
        async with started(around) as desk:
            assert {line["anchor"] for line in around.events("trust_pinned_anew")} == {SOUTHWEST}
        around.pins = (PINS[0],)
        async with started(around) as desk:
            assert set(desk.standing.anchors) == {SOUTHWEST}


async def test_forgets_an_anchor_that_began_anew() -> None:
    """The operator who pins a wholly new key lets the anchor count from one again."""
    fresh = SigningKey.generate("ES256", issuer=SOUTHWEST)
    top = signed(configuration(SOUTHWEST, keys=(fresh.public(),)), fresh)
    async with trusting() as around:
        around.publish(own=renewed(), stated=renewed(9), top=renewed(9))
        async with started(around) as desk:
            assert key(desk).kid == KID
        around.pins = (replace(PINS[0], fingerprints=frozenset({fingerprint(fresh)})), PINS[1])
        about = signed(vouching(SOUTHWEST, VISITED), fresh)
        around.site.publish((chain_of(VISITED, SOUTHWEST)[0], about, top), entity=VISITED, anchor=SOUTHWEST)
        async with started(around) as desk:
            assert key(desk).kid == KID
            assert desk.standing.anchors[SOUTHWEST].fingerprints == {fingerprint(fresh)}


async def test_an_anchor_renews_for_all_its_chains() -> None:
    """A newer configuration of an anchor goes into its other chains too, so that none counts as rolled back later."""
    async with trusting() as around:
        async with started(around) as desk:
            await until(lambda: desk.chain_for(HOME, SOUTHWEST))
            around.publish(top=renewed())
            assert await desk.refresh(PLACE)
            assert desk.chain_for(HOME, SOUTHWEST)[-1] == desk.chain_for(VISITED, SOUTHWEST)[-1]
            other = SigningKey.generate("ES256", issuer=SOUTHWEST)
            both = (KEYS[SOUTHWEST].public(), other.public())
            around.publish(top=renewed(3, keys=both))
            assert await desk.refresh(PLACE)
            last = signed(configuration(SOUTHWEST, keys=(other.public(),), **renewed(4)), other)
            about = signed(vouching(SOUTHWEST, VISITED, **renewed()), other)
            around.site.publish((chain_of(VISITED, SOUTHWEST)[0], about, last), entity=VISITED, anchor=SOUTHWEST)
            assert await desk.refresh(PLACE)
            assert desk.chain_for(HOME, SOUTHWEST)[-1] != last
        await around.site.server.close()
        async with started(around) as desk:
            assert key(desk).kid == KID
            assert [line["entity"] for line in around.events("trust_dropped")] == [HOME]


async def test_believes_nothing_that_cannot_be_kept() -> None:
    """A chain that cannot be written down is not used; a revocation counts all the same, and may be tried again."""
    async with trusting() as around, started(around) as desk:
        memory = around.memory
        assert isinstance(memory, FakeTrustMemory)
        await until(lambda: desk.chain_for(HOME, COAST) and desk.chain_for(HOME, SOUTHWEST))
        memory.broken = True
        around.publish(own=renewed(metadata=roles(VISITED, region=(NEW_KEY,))))
        assert not await desk.refresh(PLACE)
        refused(UnknownKeyError, desk, NEW_KEY.kid)
        assert isinstance(desk.explain("visited")[0].fault, TrustMemoryError)
        text = revocation(VISITED, target=fingerprint(REGION_KEYS[VISITED]))
        with pytest.raises(SettingsError):
            desk.believe_revocation(text)
        refused(KeyRevokedError, desk)
        assert desk.feed(0) == ([], 0)
        memory.broken = False
        assert desk.believe_revocation(text)
        assert desk.feed(0) == ([(1, text)], 1)


async def test_keeps_no_chain_of_another_length() -> None:
    """A kept chain that is not of an entity directly below an anchor is dropped."""
    async with trusting() as around:
        chain = KnownChain(anchor=SOUTHWEST, entity=VISITED, texts=chain_of(VISITED, SOUTHWEST)[2:])
        around.memory.keep(Remembered(chains=(chain,)))
        async with started(around):
            assert [line["error"] for line in around.events("trust_dropped")] == ["ChainError"]
