"""VerifyCard: finds the home side, trusts no chain of gateways, and writes the identity as the visited region does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.errors import CardNotFoundError, HolderMismatchError, UnknownItemError, UnknownRegionError
from gateway.errors import (
    NotTransitiveError,
    PeerProtocolError,
    PeerRefusedError,
    PeerUnavailableError,
    RegionNotServedError,
)
from gateway.services.recognise import IssueRecognition
from gateway.services.verify_card import VerifyCard, View
from tests.fakes.clock import FakeClock
from tests.fakes.home import FakeHome
from tests.fakes.platform import FakePlatform
from tests.fakes.regions import AGREEMENTS, REGISTRY, RULES, credential, identity, local_home, question, record
from trust.errors import NoAgreementError

if TYPE_CHECKING:
    from gateway.services.ports import Home

FULL = View()


def verify_card(**homes: Home) -> VerifyCard:
    """Make the use case of a gateway that knows some home sides."""
    return VerifyCard(registry=REGISTRY, homes=homes, agreements=AGREEMENTS, rules=RULES, clock=FakeClock())


async def test_a_card_is_answered_in_the_visited_regions_own_form() -> None:
    """The identity comes in Sichuan's field names, with what its form cannot keep."""
    verified = await verify_card(chongqing=local_home())(question(), view=FULL, from_gateway=False)
    assert verified.answer.verdict.usable
    assert verified.regional_identity is not None
    assert verified.regional_identity.region == "sichuan"
    assert verified.regional_identity.fields["AAC003"].rstrip() == "测试甲"
    assert verified.losses == verified.regional_identity.losses


@pytest.mark.parametrize(
    ("view", "asks", "regional"),
    [
        (View(), True, True),
        (View(canonical=True, regional=False), True, False),
        (View(canonical=False, regional=True), True, True),
        (View(canonical=False, regional=False), False, False),
    ],
)
async def test_no_more_identity_is_made_than_is_wanted(view: View, *, asks: bool, regional: bool) -> None:
    """A caller that wants no identity makes the home region disclose none."""
    home = local_home()
    answer = await home.answer(question(), disclose=asks)
    fake = FakeHome(answer)
    # Only this process's own home side may answer another gateway; here a platform asks.
    verified = await verify_card(chongqing=fake)(question(), view=view, from_gateway=False)
    assert [disclose for _, disclose in fake.asked] == [asks]
    assert (verified.regional_identity is not None) is regional
    assert bool(verified.losses) <= regional


async def test_a_refused_card_has_no_identity_in_any_form() -> None:
    """Nothing was disclosed, so there is nothing to translate."""
    home = local_home(platform=FakePlatform(record("chongqing", "lost_formal")))
    asked = question(credential=credential("chongqing", "lost_formal"))
    verified = await verify_card(chongqing=home)(asked, view=FULL, from_gateway=False)
    assert not verified.answer.verdict.usable
    assert (verified.regional_identity, verified.losses) == (None, ())


async def test_an_unknown_region_is_told_from_one_that_is_not_served() -> None:
    """No adapter and no gateway are two things."""
    verify = verify_card(chongqing=local_home())
    with pytest.raises(UnknownRegionError):
        await verify(question(home_region="atlantis"), view=FULL, from_gateway=False)
    with pytest.raises(RegionNotServedError) as caught:
        await verify(question(home_region="guizhou"), view=FULL, from_gateway=False)
    assert caught.value.metadata == {"region": "guizhou"}


async def test_a_gateway_is_answered_for_own_regions_only() -> None:
    """Trust is not transitive: what a peer would say is not passed on to another peer."""
    peer = FakeHome(await local_home().answer(question(), disclose=True))
    with pytest.raises(NotTransitiveError) as caught:
        await verify_card(chongqing=peer)(question(), view=FULL, from_gateway=True)
    assert caught.value.metadata == {"region": "chongqing"}
    assert peer.asked == []
    verified = await verify_card(chongqing=local_home())(question(), view=FULL, from_gateway=True)
    assert verified.answer.verdict.usable


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"visited_item": "SC-99"}, UnknownItemError),
        ({"visited_region": "guangxi", "visited_item": "GX-01"}, NoAgreementError),
    ],
)
async def test_nobody_is_asked_before_the_agreement_allows(changes: dict[str, str], error: type[Exception]) -> None:
    """The visited region's gateway refuses by itself what no agreement allows."""
    peer = FakeHome(PeerUnavailableError())
    with pytest.raises(error):
        await verify_card(chongqing=peer)(question(**changes), view=FULL, from_gateway=False)
    assert peer.asked == []


async def test_errors_of_the_home_side_pass() -> None:
    """A peer that cannot be reached is told as such."""
    with pytest.raises(PeerUnavailableError):
        await verify_card(chongqing=FakeHome(PeerUnavailableError()))(question(), view=FULL, from_gateway=False)


async def test_a_peer_is_believed_within_the_agreement_only() -> None:
    """What it says beyond is its fault, and no answer; what the agreement does not name is blanked here too."""
    answer = await local_home().answer(question(), disclose=True)
    foreign = replace(answer, verdict=replace(answer.verdict, agreement="chongqing-guizhou"))
    with pytest.raises(PeerProtocolError) as caught:
        await verify_card(chongqing=FakeHome(foreign))(question(), view=FULL, from_gateway=False)
    assert caught.value.metadata == {"region": "chongqing", "rule": "agreement"}
    told = replace(answer, identity=identity("chongqing"))
    believed = await verify_card(chongqing=FakeHome(told))(question(), view=FULL, from_gateway=False)
    assert identity("chongqing").holder.documents
    assert believed.answer == answer


async def test_a_peer_does_not_answer_for_use_in_its_own_region() -> None:
    """Here no agreement would bound what it says; the region's own gateway answers."""
    peer = FakeHome(PeerUnavailableError())
    own = question(visited_region="chongqing", visited_item="CQ-31")
    with pytest.raises(RegionNotServedError):
        await verify_card(chongqing=peer)(own, view=FULL, from_gateway=False)
    assert peer.asked == []


def mixed() -> FakePlatform:
    """Make a platform that knows the card as another holder's."""
    return FakePlatform(record("chongqing", aaz500="A00000003"))


async def test_another_region_does_not_learn_which_card_numbers_exist() -> None:
    """A known card with another holder's number, and an unknown card, are told in the same words."""
    refusals = (
        local_home(platform=mixed()),
        local_home(platform=FakePlatform(failure=HolderMismatchError(region="chongqing"))),
        local_home(platform=FakePlatform(failure=CardNotFoundError(region="chongqing"))),
        FakeHome(PeerRefusedError(code="NOT_FOUND", reason="HOLDER_MISMATCH", violations=(), region="chongqing")),
    )
    for home in refusals:
        with pytest.raises(CardNotFoundError) as caught:
            await verify_card(chongqing=home)(question(), view=FULL, from_gateway=False)
        assert caught.value.metadata == {"region": "chongqing"}
        assert caught.value.__cause__ is caught.value.__context__ is None


async def test_other_refusals_of_a_peer_pass() -> None:
    """Its reason is its own."""
    other = PeerRefusedError(code="NOT_FOUND", reason="CARD_NOT_FOUND", violations=(), region="chongqing")
    with pytest.raises(PeerRefusedError) as caught:
        await verify_card(chongqing=FakeHome(other))(question(), view=FULL, from_gateway=False)
    assert caught.value is other


async def test_the_home_regions_own_platform_learns_that_the_holder_is_another() -> None:
    """It has all cards anyway, and its clerk needs to know; so does the one that asks for a recognition."""
    own = question(visited_region="chongqing", visited_item="CQ-31")
    home = local_home(platform=mixed())
    with pytest.raises(HolderMismatchError):
        await verify_card(chongqing=home)(own, view=FULL, from_gateway=False)
    with pytest.raises(HolderMismatchError):
        await IssueRecognition(registry=REGISTRY, homes={"chongqing": home})(question(), from_gateway=False)
