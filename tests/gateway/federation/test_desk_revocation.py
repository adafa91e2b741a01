"""The desk of trust and revocations: dead at once, fed to others, and counted where they count."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import LimitError
from gateway.federation import desk_feed
from tests.fakes.federation_site import until
from tests.fakes.trusting import (
    COASTAL,
    GATEWAY_KEYS,
    KID,
    PLACE,
    SOUTHWESTERN,
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
    AgreementStoppedError,
    KeyRevokedError,
    MalformedTokenError,
    PeerRevokedError,
    UnknownIssuerError,
)
from trust.keys import SigningKey


async def test_a_revoked_key_is_dead_at_once_tl7() -> None:
    """TL7: the look-up after a revocation refuses the key, listeners have been told, and others' keys go on."""
    async with trusting() as around, started(around) as desk:
        told: list[int] = []
        desk.on_change(lambda: told.append(len(desk.standing.federation.revocations.entries)))
        text = revocation(VISITED, target=fingerprint(REGION_KEYS[VISITED]))
        assert desk.believe_revocation(text)
        refused(KeyRevokedError, desk)
        assert told == [1]
        assert not desk.believe_revocation(text)
        found = desk.gateway_key("gateway.visited", GATEWAY_KEYS[VISITED].kid, home_regions=("home",))
        assert found.issuer == "gateway.visited"
        (line,) = around.events("trust_revocation")
        assert (line["issuer"], line["kind"], line["reason"]) == (VISITED, "key", "compromised")


async def test_a_revoked_signer_kills_what_it_signed_tl8() -> None:
    """TL8: where the federation key of a peer is revoked, its chain is dead, whatever dates stand in it."""
    async with trusting() as around, started(around) as desk:
        assert desk.believe_revocation(revocation(VISITED))
        refused(KeyRevokedError, desk)
        assert key(desk, REGION_KEYS[ABROAD].kid, issuer="abroad").issuer == "abroad"
        assert not await desk.refresh(PLACE)
        fresh = SigningKey.generate("ES256", issuer=VISITED)
        around.site.publish(
            (
                signed(configuration(VISITED, metadata=roles(VISITED), keys=(fresh.public(),), **renewed()), fresh),
                signed(vouching(SOUTHWEST, VISITED, keys=(fresh.public(),), **renewed())),
                signed(configuration(SOUTHWEST)),
            ),
            entity=VISITED,
            anchor=SOUTHWEST,
        )
        assert await desk.refresh(PLACE)
        assert key(desk).kid == KID


async def test_a_revocation_waits_for_its_time() -> None:
    """A key of a chain that is revoked from a later time on serves until then."""
    async with trusting() as around, started(around) as desk:
        assert desk.believe_revocation(revocation(SOUTHWEST, reason="superseded", effective=NOW + 3600))
        assert key(desk).kid == KID
        around.clock.advance(3600)
        refused(KeyRevokedError, desk)


async def test_an_entity_is_revoked() -> None:
    """An anchor that revokes an entity ends it under that anchor, its certificates too where it says so."""
    async with trusting() as around, started(around) as desk:
        certificate = fingerprint(KEYS[CITY])
        assert desk.believe_revocation(
            revocation(SOUTHWEST, sub=VISITED, kind="certificate", target=certificate, sequence=1)
        )
        with pytest.raises(PeerRevokedError):
            desk.check_certificate("visited", certificate)
        assert key(desk).kid == KID
        assert desk.believe_revocation(revocation(SOUTHWEST, sub=VISITED, kind="entity", target=VISITED, sequence=2))
        refused(PeerRevokedError, desk)


async def test_an_agreement_is_stopped() -> None:
    """A party stops an agreement: nothing goes by it any more, and other agreements go on."""
    async with trusting() as around, started(around) as desk:
        stop = revocation(VISITED, sub=SOUTHWEST, kind="agreement", target=SOUTHWESTERN, reason="emergency")
        assert desk.believe_revocation(stop)
        with pytest.raises(AgreementStoppedError):
            desk.require_agreement(SOUTHWESTERN)
        desk.require_agreement(COASTAL)
        refused(AgreementStoppedError, desk)
        assert key(desk, REGION_KEYS[ABROAD].kid, issuer="abroad").issuer == "abroad"


async def test_feeds_who_waits() -> None:
    """Whoever waits for revocations is woken; a cursor from a former life of the feed gives all."""
    async with trusting() as around, started(around) as desk:
        await desk.first_round.wait()
        waiting = asyncio.ensure_future(desk.changed(0))
        await asyncio.sleep(0)
        assert not waiting.done()
        texts = [revocation(VISITED, target=KEYS[CITY].kid, sequence=number) for number in (1, 2)]
        assert desk.believe_revocation(texts[0])
        await waiting
        assert desk.believe_revocation(texts[1])
        assert desk.feed(1) == ([(2, texts[1])], 2)
        assert desk.feed(7) == ([(1, texts[0]), (2, texts[1])], 2)
        again = revocation(VISITED, target=KEYS[CITY].kid, sequence=2)
        assert again != texts[1]
        assert not desk.believe_revocation(again)
        assert desk.feed(2) == ([], 2)


async def test_refuses_revocations_that_are_none() -> None:
    """What is too long, not known to be anybody's, or too much of one issuer is refused."""
    async with trusting() as around, started(around) as desk:
        with pytest.raises(MalformedTokenError):
            desk.believe_revocation("x" * 8193)
        with pytest.raises(UnknownIssuerError):
            desk.believe_revocation(revocation(CITY))
        held = desk._held  # a test may look  # type: ignore[attr-defined]
        held.feed._of[VISITED] = held.feed._of[SOUTHWEST] = 500
        with pytest.raises(LimitError):
            desk.believe_revocation(revocation(VISITED))
        assert desk.believe_revocation(revocation(SOUTHWEST, target=KEYS[CITY].kid))


async def test_what_an_entity_revokes_is_dead_in_a_later_agreement_too() -> None:
    """A revocation that was believed under one anchor counts under another as soon as its issuer is believed there."""
    async with trusting() as around:
        del around.site.statements[COAST, HOME]
        async with started(around) as desk:
            await until(lambda: desk.chain_for(HOME, SOUTHWEST))
            text = revocation(HOME, target=fingerprint(REGION_KEYS[HOME]))
            assert desk.believe_revocation(text)
            around.site.statements[COAST, HOME] = signed(vouching(COAST, HOME))
            assert await desk.refresh((COAST, HOME))
            refused(KeyRevokedError, desk, REGION_KEYS[HOME].kid, issuer="home", visited="abroad")
            assert desk.feed(0) == ([(1, text)], 1)
            assert around.memory.revocations()[0].anchors == {COAST, SOUTHWEST}


async def test_a_key_that_is_dead_in_the_new_agreement_cannot_revoke_there() -> None:
    """What was revoked with a key that another anchor has never listed stays where it was believed."""
    old = SigningKey.generate("ES256", issuer=HOME)
    both = {"keys": (KEYS[HOME].public(), old.public())}
    async with trusting() as around:
        del around.site.statements[COAST, HOME]
        around.site.statements[SOUTHWEST, HOME] = signed(vouching(SOUTHWEST, HOME, **both))
        around.own = chain_of(HOME, SOUTHWEST, own=both)
        async with started(around) as desk:
            await until(lambda: desk.chain_for(HOME, SOUTHWEST))
            assert desk.believe_revocation(revocation(HOME, target=KEYS[CITY].kid, key=old))
            around.own = chain_of(HOME, SOUTHWEST, own=renewed())
            around.site.statements[SOUTHWEST, HOME] = signed(vouching(SOUTHWEST, HOME, **renewed()))
            assert await desk.refresh((SOUTHWEST, HOME))
            around.site.statements[COAST, HOME] = signed(vouching(COAST, HOME))
            assert await desk.refresh((COAST, HOME))
            assert around.memory.revocations()[0].anchors == {SOUTHWEST}


async def test_what_replicas_share_has_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one replica has accepted counts at one that has its fill of the issuer too, though not without end."""
    monkeypatch.setattr(desk_feed, "MAX_OF_AN_ISSUER", 1)
    monkeypatch.setattr(desk_feed, "MAX_SHARED_OF_AN_ISSUER", 2)
    texts = [revocation(VISITED, target=KEYS[target].kid) for target in (CITY, ABROAD, HOME)]
    async with trusting() as around, started(around) as desk:
        assert desk.believe_revocation(texts[0])
        with pytest.raises(LimitError):
            desk.believe_revocation(texts[1])
        assert desk.believe_revocation(texts[1], shared=True)
        with pytest.raises(LimitError):
            desk.believe_revocation(texts[2], shared=True)


async def test_tells_of_contradictions() -> None:
    """An issuer that uses one number for two revocations, or shows two anchors two things, raises an alarm once."""
    async with trusting() as around:
        around.own = chain_of(HOME, SOUTHWEST)
        async with started(around) as desk:
            await until(lambda: desk.chain_for(HOME, SOUTHWEST) and desk.chain_for(HOME, COAST))
            for target in (CITY, ABROAD):
                assert desk.believe_revocation(revocation(VISITED, target=KEYS[target].kid))
            assert [line["entity"] for line in around.events("trust_revocation_equivocation")] == [VISITED]
            around.own = chain_of(HOME, SOUTHWEST, own=renewed())
            assert await desk.refresh((COAST, HOME))
            around.own = chain_of(HOME, SOUTHWEST, own=renewed(exp=NOW + 28 * DAY))
            assert await desk.refresh((SOUTHWEST, HOME))
            assert [line["entity"] for line in around.events("trust_disputed")] == [HOME]
