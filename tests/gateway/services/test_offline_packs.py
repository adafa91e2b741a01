"""Making packs at a gateway: what may be decided offline, what is known, and updates of what gates have."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.errors import UnknownItemError, UnknownRegionError
from adapters.registry import load_agreements
from adapters.words import CardEventKind
from gateway.errors import InvalidFieldError, PeerUnavailableError, RegionNotServedError
from gateway.services.offline_packs import PackWish
from tests.fakes.cards import ledger
from tests.fakes.packs import FakePackKeys, PackSide
from tests.fakes.regions import KEYS, REGISTRY, local_home, question
from trust.agreement import Agreement
from trust.encoding import encode_base64url
from trust.errors import ClassNotAllowedError, KeyRevokedError, NoAgreementError, OfflinePackError
from trust.offline_delta import apply_update
from trust.offline_gate import OfflinePack, Use, Verdict
from trust.offline_pack import unpack_chain
from trust.policy import AgreementBook

if TYPE_CHECKING:
    from gateway.services.offline_packs import MadePack

K = CardEventKind
GOOD, LOST, SUSPENDED = (bytes([n]) * 16 for n in (1, 2, 3))
DAY = 86_400
WISH = PackWish(visited="sichuan", homes=("chongqing",))


async def side(**changes: Any) -> PackSide:  # noqa: ANN401 - any part of it
    """Give a gateway of Sichuan that knows three cards of Chongqing."""
    made = PackSide(**changes)
    await made.told((GOOD, K.ACTIVATED), (LOST, K.LOST_FORMAL), (SUSPENDED, K.SEALED))
    return made


def read(made: MadePack) -> OfflinePack:
    """Read a pack as a gate of Sichuan does."""
    return OfflinePack.read(made.data, keys=[KEYS["sichuan"].public().to_jwk()])


def use(here: PackSide, item: str = "SC-15", **changes: str) -> Use:
    """Use a card for a museum visit now."""
    told = {"medium": "physical", "application_class": "identity", **changes}
    return Use(item=item, now=int(here.clock()), **told)


async def test_a_pack_has_what_a_gate_needs() -> None:
    """Keys, chain, cards that are not in full use, the age, the lives of the agreement, and the items."""
    here = await side()
    pack = read(await here.packs(WISH))
    part = pack.statement.regions["chongqing"]
    assert (pack.statement.issuer, pack.count("chongqing")) == ("sichuan", 2)
    assert (part.agreement, part.life, part.as_of) == ("sichuan-chongqing", {"identity": DAY}, int(here.clock()))
    assert part.keys == (KEYS["chongqing"].public().to_jwk(),)
    assert pack.statement.keys == (KEYS["sichuan"].public().to_jwk(),)
    assert unpack_chain(pack, "chongqing") == ("chongqing.sichuan-chongqing.chain",)
    assert pack.statement.exp == int(here.clock()) + DAY
    answers = {card: pack.check_card("chongqing", encode_base64url(card), use=use(here)) for card in (GOOD, LOST)}
    assert [one.verdict for one in answers.values()] == [Verdict.ALLOWED, Verdict.ASK_ONLINE]
    assert answers[GOOD].item_types == ("CUL.MUSEUM",)


async def test_a_recognition_of_the_real_home_side_is_verified_offline() -> None:
    """What Chongqing signs for an electronic card, a gate of Sichuan believes without asking anybody."""
    here = await side()
    pack = read(await here.packs(WISH))
    for cards, verdict in ((ledger(clock=here.clock), Verdict.ALLOWED), (None, Verdict.ASK_ONLINE)):
        answer = await local_home(clock=here.clock, cards=cards).answer(question(), disclose=False)
        assert answer.recognition is not None
        assert pack.check_recognition(answer.recognition, use=use(here)).verdict is verdict


async def test_an_item_grants_no_more_than_online() -> None:
    """Classes that may be decided offline, by medium; what the home region does not cover, or a draft, is left out."""
    here = await side()
    pack = read(await here.packs(WISH))
    items = pack.statement.items
    assert "SC-15" in items
    for name, part in items.items():
        item = REGISTRY.get("sichuan").catalog.get(name)
        every = {relation.item_type for relation in item.relations}
        assert part.one_time == item.one_time
        assert set(part.grants) <= {medium.value for medium in item.media}
        for by_region in part.grants.values():
            assert set(by_region) == {"chongqing"}
            assert set(by_region["chongqing"]) == {"identity"}
            assert set(by_region["chongqing"]["identity"]) <= every
    assert len(items) < len(REGISTRY.get("sichuan").catalog.items)


async def test_only_wanted_items_go_in() -> None:
    """And an item that is not there is an error."""
    here = await side()
    assert set(read(await here.packs(replace(WISH, items=("SC-15",)))).statement.items) == {"SC-15"}
    with pytest.raises(UnknownItemError):
        await here.packs(replace(WISH, items=("SC-99",)))


async def test_a_shorter_life_may_be_wanted() -> None:
    """Never a longer one than agreed."""
    here = await side()
    short = read(await here.packs(replace(WISH, life=600))).statement
    assert (short.regions["chongqing"].life, short.exp) == ({"identity": 600}, int(here.clock()) + 600)
    long = read(await here.packs(replace(WISH, life=10 * DAY))).statement
    assert long.regions["chongqing"].life == {"identity": DAY}


async def test_a_life_that_is_over_already_is_refused() -> None:
    """What is known is older than the pack would live: that is said of the field, for the peer is there."""
    here = await side()
    here.clock.advance(6)
    with pytest.raises(InvalidFieldError) as caught:
        await here.packs(replace(WISH, life=5))
    assert caught.value.violations == (("life", "longer_than_reports_are_old"),)
    assert read(await here.packs(replace(WISH, life=10))).statement.exp == int(here.clock()) + 4


async def test_under_an_agreement_that_demands_consent_a_card_alone_is_not_enough() -> None:
    """The holder's consent is seen by the home region, in a recognition."""
    here = PackSide()
    await here.told((GOOD, K.ACTIVATED), pair=("guangdong", "hongkong"))
    made = await here.packs(PackWish(visited="hongkong", homes=("guangdong",)))
    assert made.pack.statement.regions["guangdong"].cards is False


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"homes": ()}, InvalidFieldError),
        ({"homes": ("chongqing", "chongqing")}, InvalidFieldError),
        ({"homes": ("sichuan",)}, InvalidFieldError),
        ({"homes": tuple(f"r{n}" for n in range(65))}, InvalidFieldError),
        ({"life": 0}, InvalidFieldError),
        ({"homes": ("guizhou",)}, NoAgreementError),
        ({"homes": ("guangdong",)}, NoAgreementError),
        ({"homes": ("zhangsan",)}, UnknownRegionError),
        ({"visited": "guizhou"}, RegionNotServedError),
    ],
)
async def test_a_wish_that_cannot_be_met_is_refused(changes: dict[str, Any], error: type[Exception]) -> None:
    """By its fields, or for want of an agreement or a feed; what is no region's word is not repeated."""
    here = await side()
    here.copies["guizhou", "sichuan"] = here.copies["chongqing", "sichuan"]  # of a peer without an agreement
    with pytest.raises(error):
        await here.packs(replace(WISH, **changes))


async def test_nothing_is_packed_of_what_was_not_heard() -> None:
    """Neither at first nor when the feed has been silent for as long as a pack would live."""
    here = await side()
    here.clock.advance(DAY)
    with pytest.raises(PeerUnavailableError):
        await here.packs(WISH)
    here.clock.advance(-1)
    assert read(await here.packs(WISH)).statement.exp == int(here.clock()) + 1
    here.copies["chongqing", "sichuan"].state = replace(here.copies["chongqing", "sichuan"].state, as_of=None)
    with pytest.raises(PeerUnavailableError):
        await here.packs(replace(WISH, items=("SC-15",)))


async def test_keys_that_are_not_believed_make_no_pack() -> None:
    """The refusal is that of the trust side."""
    here = await side(keys=FakePackKeys(refusal=KeyRevokedError(reason="compromised")))
    with pytest.raises(KeyRevokedError):
        await here.packs(WISH)


async def test_an_agreement_that_agrees_on_nothing_offline_makes_no_pack() -> None:
    """Offline use is agreed or is not."""
    texts = [tomllib.loads(text) for text in load_agreements().values()]
    (terms,) = [one for one in texts if one["id"] == "sichuan-chongqing"]
    del terms["offline_life_seconds"]
    here = await side(agreements=AgreementBook([Agreement.from_mapping(terms)]))
    with pytest.raises(ClassNotAllowedError):
        await here.packs(WISH)


async def test_gates_get_an_update_where_their_pack_is_still_here() -> None:
    """It gives the very pack that others get whole; of a pack that nobody knows there is no update."""
    here = await side()
    base = await here.packs(WISH)
    here.clock.advance(60)
    await here.told((GOOD, K.LOST_TEMPORARY))
    update = await here.packs(replace(WISH, base=base.pack.statement.serial))
    whole = await here.packs(WISH)
    assert (update.update, whole.update, base.update) == (True, False, False)
    assert apply_update(base.data, update.data) == whole.data
    assert read(whole).count("chongqing") == 3
    assert not (await here.packs(replace(WISH, base=7))).update


async def test_the_same_wish_of_the_same_moment_gets_the_same_pack() -> None:
    """A little later it is another one, with a greater serial, and only the last few are kept."""
    here = await side()
    first = await here.packs(WISH)
    assert (await here.packs(WISH)).data == first.data
    here.clock.advance(11)
    await here.told()
    serials = [first.pack.statement.serial]
    for _ in range(9):
        here.clock.advance(11)
        serials.append((await here.packs(WISH)).pack.statement.serial)
    assert serials == sorted(set(serials))
    assert not (await here.packs(replace(WISH, base=serials[0]))).update
    assert (await here.packs(replace(WISH, base=serials[-2]))).update


async def test_a_region_that_gates_cannot_read_gets_no_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that signs in another suite only."""
    here = await side()
    monkeypatch.setattr(here.keys, "signer", lambda _region: FakePackKeys().signer("chongqing"))
    with pytest.raises(OfflinePackError):
        await here.packs(WISH)
