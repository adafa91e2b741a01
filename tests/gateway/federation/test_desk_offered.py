"""Chains that come beside a recognition: judged as fetched ones are, and believed for one question only."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.federation_site import until
from tests.fakes.trusting import (
    AGREEMENTS,
    GATEWAY_KEYS,
    KID,
    NEW_KEY,
    PINS,
    SHORT_NAMES,
    SOUTHWESTERN,
    TIMES,
    Trusting,
    chain_of,
    key,
    refused,
    renewed,
    revocation,
    roles,
    started,
    trusting,
)
from tests.trust.alliance import ABROAD, CITY, COAST, DAY, HOME, KEYS, NOW, REGION_KEYS, SOUTHWEST, VISITED, fingerprint
from trust.errors import (
    AgreementStoppedError,
    ChainError,
    EquivocationError,
    ForeignKeyError,
    KeyRevokedError,
    RollbackError,
    TransitiveTrustError,
    TrustError,
    TrustExpiredError,
    UnknownIssuerError,
    UnknownKeyError,
)
from trust.keys import SigningKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gateway.federation.desk import TrustDesk
    from trust.keys import VerificationKey

GOOD = chain_of(VISITED, SOUTHWEST)


@asynccontextmanager
async def unreachable(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Trusting, TrustDesk]]:
    """Run a desk that can fetch nothing of VISITED's."""
    monkeypatch.setattr("tests.fakes.trusting.TIMES", replace(TIMES, first_round_seconds=0.05))
    async with trusting() as around:
        del around.site.statements[SOUTHWEST, VISITED]
        async with started(around) as desk:
            await until(lambda: desk.chain_for(HOME, SOUTHWEST) and desk.chain_for(ABROAD, COAST))
            refused(UnknownIssuerError, desk)
            yield around, desk


def offered(desk: TrustDesk, chain: Sequence[str], kid: str = KID, **asked: str) -> VerificationKey:
    """Look the key of VISITED up in a chain."""
    return desk.offered_key(chain, asked.get("issuer", "visited"), kid, visited=asked.get("visited", "home"))


def not_believed(error: type[TrustError], desk: TrustDesk, chain: Sequence[str], kid: str = KID, **asked: str) -> Any:  # noqa: ANN401 - metadata of any error
    """See that a chain does not help; gives the metadata of the refusal."""
    with pytest.raises(error) as caught:
        offered(desk, chain, kid, **asked)
    return caught.value.metadata


async def test_a_region_that_cannot_be_fetched_is_believed_by_its_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the question that the chain came with, from the pinned anchor; the next one without it is refused."""
    async with unreachable(monkeypatch) as (around, desk):
        before = desk.standing
        assert [offered(desk, GOOD).kid for _ in range(2)] == [KID, KID]
        not_believed(UnknownKeyError, desk, GOOD, "another")
        refused(UnknownIssuerError, desk)
        assert desk.standing is before
        assert VISITED not in {chain.entity for chain in around.memory.remembered().chains}
        assert desk.chain_for(VISITED, SOUTHWEST) == ()


async def test_a_chain_of_another_anchor_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of one that is not pinned, nor of one that is, but for another agreement."""
    async with unreachable(monkeypatch) as (_, desk):
        stranger = SigningKey.generate("ES256", issuer=SOUTHWEST)
        with monkeypatch.context() as forged:
            forged.setitem(KEYS, SOUTHWEST, stranger)
            unpinned = chain_of(VISITED, SOUTHWEST)
        assert not_believed(ChainError, desk, unpinned)["statement"] == "2"
        under_coast = chain_of(VISITED, COAST, own={"authority_hints": (COAST,)})
        assert not_believed(ChainError, desk, under_coast)["rule"] == "the anchor and the entity asked for"


async def test_a_chain_of_another_entity_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's good chain, and one of a region's name under an entity that does not act for it here."""
    async with unreachable(monkeypatch) as (_, desk):
        not_believed(ChainError, desk, chain_of(HOME, SOUTHWEST))
        with monkeypatch.context() as forged:
            forged.setitem(SHORT_NAMES, CITY, "visited")
            forged.setitem(REGION_KEYS, CITY, REGION_KEYS[VISITED])
            forged.setitem(GATEWAY_KEYS, CITY, GATEWAY_KEYS[VISITED])
            foreign = chain_of(CITY, SOUTHWEST, own={"authority_hints": (SOUTHWEST,)})
        not_believed(ForeignKeyError, desk, foreign)


async def test_who_may_not_ask_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an agreement between the two regions no chain helps, nor for a region that nobody acts for."""
    async with unreachable(monkeypatch) as (_, desk):
        not_believed(UnknownIssuerError, desk, GOOD, visited="abroad")
        not_believed(UnknownIssuerError, desk, GOOD, issuer="elsewhere")
        monkeypatch.setitem(AGREEMENTS, frozenset({"home", "visited"}), ())
        not_believed(UnknownIssuerError, desk, GOOD)


@pytest.mark.parametrize("chain", [(), GOOD[:1], GOOD[:2], (*GOOD, GOOD[-1]), GOOD[::-1], ("x", *GOOD[1:]), ("",) * 6])
async def test_what_is_no_chain_is_refused(chain: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Too short, too long, upside down, or not statements at all."""
    async with unreachable(monkeypatch) as (_, desk):
        not_believed(ChainError, desk, chain)


async def test_an_expired_chain_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past its end and the grace; and one that was good ends when its time comes, though it was judged before."""
    async with unreachable(monkeypatch) as (around, desk):
        old = chain_of(VISITED, SOUTHWEST, own={"iat": NOW - 30 * DAY, "exp": NOW - DAY})
        assert not_believed(TrustExpiredError, desk, old)["statement"] == "0"
        short = chain_of(VISITED, SOUTHWEST, own={"exp": NOW + 100})
        assert offered(desk, short).kid == KID
        around.clock.advance(100 + 60)
        not_believed(TrustExpiredError, desk, short)


async def test_a_key_that_was_rotated_away_is_not_brought_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """TL1: an older chain lists the former key, and is a rollback; TL2: another one of the same number is too."""
    del monkeypatch
    async with trusting() as around:
        around.publish(own=renewed(metadata=roles(VISITED, region=(NEW_KEY,))))
        async with started(around) as desk:
            assert key(desk, NEW_KEY.kid).kid == NEW_KEY.kid
            told = not_believed(RollbackError, desk, GOOD)
            assert (told["known_version"], told["offered_version"], told["statement"]) == ("2", "1", "0")
            other = chain_of(VISITED, SOUTHWEST, own=renewed())
            not_believed(EquivocationError, desk, other)
            newer = chain_of(VISITED, SOUTHWEST, own=renewed(3))
            assert offered(desk, newer).kid == KID, "the region itself has listed it again since"
            refused(UnknownKeyError, desk)


async def test_what_is_revoked_stays_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key, whoever signed the chain, and an agreement; also where the chain was good a moment ago."""
    async with unreachable(monkeypatch) as (_, desk):
        assert offered(desk, GOOD).kid == KID
        assert desk.believe_revocation(revocation(SOUTHWEST, sub=VISITED, target=fingerprint(REGION_KEYS[VISITED])))
        not_believed(KeyRevokedError, desk, GOOD)
    async with unreachable(monkeypatch) as (_, desk):
        assert offered(desk, GOOD).kid == KID
        assert desk.believe_revocation(revocation(SOUTHWEST, sub=VISITED, target=fingerprint(KEYS[VISITED])))
        assert not_believed(KeyRevokedError, desk, GOOD)["statement"] == "0"
    async with unreachable(monkeypatch) as (_, desk):
        stop = {"kind": "agreement", "sub": SOUTHWEST, "target": SOUTHWESTERN, "reason": "emergency"}
        assert desk.believe_revocation(revocation(SOUTHWEST, **stop))
        not_believed(AgreementStoppedError, desk, GOOD)


async def test_what_was_revoked_before_its_issuer_was_known_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    """A region revokes its own key: a node to which it was a stranger has put that aside, and kills the key by it."""
    own = revocation(VISITED, target=fingerprint(REGION_KEYS[VISITED]))
    async with unreachable(monkeypatch) as (_, desk):
        assert offered(desk, GOOD).kid == KID
        with pytest.raises(UnknownIssuerError):
            desk.believe_revocation(own)
        desk.put_aside(SOUTHWEST, own)
        not_believed(KeyRevokedError, desk, GOOD)
    async with unreachable(monkeypatch) as (_, desk):
        thief = SigningKey.generate("ES256", issuer=VISITED)
        for number in range(1, 300):
            stranger = {"sequence": number, "target": KEYS[CITY].kid}
            desk.put_aside(COAST, revocation(CITY, **stranger))
        desk.put_aside(SOUTHWEST, revocation(VISITED, key=thief, target=fingerprint(REGION_KEYS[VISITED])))
        assert offered(desk, GOOD).kid == KID, "what strangers say, and what is forged, kills nothing"
        assert len(desk._offered._aside[COAST]) == 256


async def test_trust_does_not_become_transitive(monkeypatch: pytest.MonkeyPatch) -> None:
    """AZ3: a party that vouches for another is not believed, whoever offers that."""
    async with unreachable(monkeypatch) as (_, desk):
        below = chain_of(VISITED, HOME, own={"authority_hints": (HOME,)})[:2]
        not_believed(TransitiveTrustError, desk, (*below, *chain_of(HOME, SOUTHWEST)[1:]))


async def test_what_is_remembered_of_chains_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ever new good chains take no more room than a few; once something else is believed, all are judged anew."""
    async with unreachable(monkeypatch) as (_, desk):
        for version in range(2, 40):
            assert offered(desk, chain_of(VISITED, SOUTHWEST, own=renewed(version))).kid == KID
        assert len(desk.standings) == 1 + 32
        assert desk.believe_revocation(revocation(COAST, sub=ABROAD, target=fingerprint(REGION_KEYS[ABROAD])))
        assert len(desk.standings) == 1


async def test_a_further_anchor_of_the_two_may_bring_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where two agreements join the regions, a chain to either anchor serves."""
    monkeypatch.setattr("tests.fakes.trusting.TIMES", replace(TIMES, first_round_seconds=0.05))
    async with trusting() as around:
        around.pins = (PINS[0], replace(PINS[1], agreements=frozenset({"coast-joint", "second"})))
        monkeypatch.setitem(AGREEMENTS, frozenset({"home", "visited"}), (SOUTHWESTERN, "second"))
        del around.site.statements[SOUTHWEST, VISITED]
        async with started(around) as desk:
            under_coast = chain_of(VISITED, COAST, own={"authority_hints": (COAST,)})
            assert offered(desk, GOOD).kid == KID
            assert offered(desk, under_coast).kid == KID
            with pytest.raises((UnknownIssuerError, TransitiveTrustError)):
                key(desk)
