"""Recognitions: issued for cards of the caller's own region, verified by those they are addressed to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from adapters.errors import UnknownItemError, UnknownRegionError
from adapters.words import Purpose
from gateway.errors import CallerRegionError, InvalidFieldError, PeerUnavailableError, RegionNotServedError
from gateway.services.recognise import IssueRecognition, VerifyRecognition
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.home import FakeHome
from tests.fakes.regions import RECOGNITIONS, REGISTRY, local_home, question
from trust.errors import AudienceError, ExpiredError, NoAgreementError, ReplayError, ReplayMemoryFullError
from trust.replay import InMemoryReplay

if TYPE_CHECKING:
    from gateway.services.ports import Home

ONE_TIME = {"visited_item": "SC-04", "purpose": Purpose.BENEFIT_DISBURSEMENT}


def issue(**homes: Home) -> IssueRecognition:
    """Make the use case of a gateway that knows some home sides."""
    return IssueRecognition(registry=REGISTRY, homes=homes)


def verifier(clock: FakeClock | None = None, capacity: int = 100) -> VerifyRecognition:
    """Make the use case of whoever is handed a recognition."""
    return VerifyRecognition(recognitions=RECOGNITIONS, replay=InMemoryReplay(capacity), clock=clock or FakeClock())


async def issued(**changes: Any) -> str:  # noqa: ANN401 - any field of a question
    """Issue a recognition."""
    answer = await issue(chongqing=local_home())(question(**changes), from_gateway=False)
    assert answer.recognition is not None
    return answer.recognition


async def test_a_recognition_is_issued_without_any_identity() -> None:
    """The home platform gets the token and the claims; it knows the holder."""
    answer = await issue(chongqing=local_home())(question(), from_gateway=False)
    assert answer.identity is None
    assert answer.recognition is not None
    assert answer.claims is not None
    assert answer.claims.aud == "sichuan"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"visited_region": "chongqing", "visited_item": "CQ-31"}, InvalidFieldError),
        ({"visited_region": "atlantis"}, UnknownRegionError),
        ({"visited_item": "SC-99"}, UnknownItemError),
        ({"visited_region": "shiyan", "visited_item": "SY-01"}, NoAgreementError),
        ({"home_region": "guizhou", "visited_region": "chongqing", "visited_item": "CQ-31"}, RegionNotServedError),
        ({"home_region": "sichuan", "visited_region": "chongqing", "visited_item": "CQ-31"}, RegionNotServedError),
    ],
)
async def test_nothing_is_issued_where_it_may_not_be(changes: dict[str, str], error: type[Exception]) -> None:
    """At home, for unknown regions and items, without an agreement, and for cards of regions that are not served."""
    peer = FakeHome(PeerUnavailableError())
    with pytest.raises(error):
        await issue(chongqing=local_home(), sichuan=peer)(question(**changes), from_gateway=False)
    assert peer.asked == []


async def test_gateways_are_given_no_recognitions_to_hand_over() -> None:
    """A gateway asks by VerifyCard; it never gets a bearer statement of its own region from us."""
    with pytest.raises(CallerRegionError):
        await issue(chongqing=local_home())(question(), from_gateway=True)


async def test_a_recognition_is_verified_by_its_audience_only() -> None:
    """The key that signed it is told; another region is refused."""
    token = await issued()
    verified = verifier()(token, audience="sichuan")
    assert verified.claims.iss == "chongqing"
    with pytest.raises(AudienceError):
        verifier()(token, audience="guizhou")


async def test_a_recognition_may_be_shown_again_unless_it_is_for_one_use() -> None:
    """Entering a museum twice is fine, collecting a benefit twice is not."""
    many, once = await issued(), await issued(**ONE_TIME)
    verify = verifier()
    for _ in range(2):
        assert not verify(many, audience="sichuan").claims.one_time
    assert verify(once, audience="sichuan").claims.one_time
    with pytest.raises(ReplayError):
        verify(once, audience="sichuan")


async def test_a_wrong_audience_does_not_use_a_recognition_up() -> None:
    """Only a good verification counts as the one use."""
    token, verify = await issued(**ONE_TIME), verifier()
    with pytest.raises(AudienceError):
        verify(token, audience="guizhou")
    assert verify(token, audience="sichuan").claims.one_time


async def test_a_used_recognition_stays_used_until_it_expires() -> None:
    """There is no moment between being forgotten and being too old."""
    clock = FakeClock()
    token, verify = await issued(**ONE_TIME), verifier(clock)
    verify(token, audience="sichuan")
    for second in range(295, 312):
        clock.now = NOON + second
        with pytest.raises((ReplayError, ExpiredError)):
            verify(token, audience="sichuan")


async def test_a_full_memory_refuses_rather_than_forgets() -> None:
    """Room is never made by giving up a live entry."""
    home = local_home()
    first = (await issue(chongqing=home)(question(**ONE_TIME), from_gateway=False)).recognition
    second = (await issue(chongqing=home)(question(**ONE_TIME), from_gateway=False)).recognition
    assert first
    assert second
    verify = verifier(capacity=1)
    verify(first, audience="sichuan")
    with pytest.raises(ReplayMemoryFullError):
        verify(second, audience="sichuan")
    with pytest.raises(ReplayError):
        verify(first, audience="sichuan")
