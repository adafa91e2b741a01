"""Taking recognitions back: whose, by what, and who may."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.errors import CardNotFoundError
from gateway.errors import CallerRegionError, RegionNotServedError
from gateway.services.revoke_recognition import RevokeRecognition, Target
from gateway.services.status_register import StatusRegister
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.home import FakeHome
from tests.fakes.place_book import FakePlaceBook
from tests.fakes.platform import FakePlatform
from tests.fakes.regions import AGREEMENTS, KEYS, RING, credential, local_home, question, record
from trust.errors import BadSignatureError
from trust.signer import RecognitionSigner
from trust.status_list import verify_status_list

ADDRESS = "https://chongqing.example/regions/chongqing/status"


class Around:
    """Chongqing with its places, and what takes its recognitions back."""

    def __init__(self) -> None:
        """Begin with nothing given."""
        self.clock = FakeClock()
        self.platform = FakePlatform(record("chongqing"), self.clock)
        self.changed: list[str] = []
        book = FakePlaceBook(1)
        self.places = StatusRegister(
            KEYS["chongqing"], book=book, address=ADDRESS, clock=self.clock, places=64, changed=self.changed.append
        )
        book.told = self.places.heard
        self.home = local_home("chongqing", self.platform, clock=self.clock, statuses=self.places)
        self.revoke = RevokeRecognition(
            homes={"chongqing": self.home, "sichuan": FakeHome(CardNotFoundError(region="sichuan"))},
            places={"chongqing": self.places},
            agreements=AGREEMENTS,
            find=RING.find,
        )

    async def give(self, visited: str = "sichuan", item: str = "SC-15") -> tuple[str, str, str]:
        """Give a recognition: its text, identifier and subject."""
        asked = question(visited=visited, visited_item=item)
        answer = await self.home.answer(asked, disclose=False)
        assert answer.claims is not None
        assert answer.recognition is not None
        self.last = answer.claims
        return answer.recognition, answer.claims.jti, answer.claims.sub

    async def dead(self, number: int) -> int:
        """Count the places of a list that are struck."""
        text = await self.places.text(number)
        assert text is not None
        told = verify_status_list(
            text.decode(), uri=f"{ADDRESS}/{number}", issuer="chongqing", find=RING.find, now=int(NOON)
        )
        return sum(told.statuses.at(place) for place in range(64))


async def taken_back(around: Around, target: Target, region: str = "chongqing", *, gateway: bool = False) -> int:
    """Take something back."""
    return await around.revoke(target, region=region, from_gateway=gateway)


@pytest.mark.parametrize("by", ["token_id", "recognition"])
async def test_one_is_taken_back_by_its_identifier_or_its_text(by: str) -> None:
    """Only that one, at once; a second time it is counted again, and nothing changes."""
    around = Around()
    text, jti, _ = await around.give()
    await around.give()
    target = Target(token_id=jti) if by == "token_id" else Target(recognition=text)
    assert await taken_back(around, target) == 1
    assert await around.dead(1) == 1
    assert await taken_back(around, target) == 1
    assert (await around.dead(1), around.changed) == (1, [f"{ADDRESS}/1"])
    assert around.platform.asked[2:] == [], "the platform is not asked"


async def test_all_of_a_pseudonym_are_taken_back() -> None:
    """Those for one visited region; another region knows the holder by another name, and keeps its own."""
    around = Around()
    _, _, subject = await around.give()
    await around.give()
    await around.give("guizhou", "GZ-03")
    assert await taken_back(around, Target(subject=subject)) == 2
    assert await around.dead(1) == 2


async def test_all_of_a_card_are_taken_back_everywhere() -> None:
    """The home platform says whose the card is; every region with an agreement loses what it was given."""
    around = Around()
    for visited, item in (("sichuan", "SC-15"), ("guizhou", "GZ-03"), ("sichuan", "SC-13")):
        await around.give(visited, item)
    assert await taken_back(around, Target(credential=credential("chongqing"))) == 3
    assert await around.dead(1) == 3
    around.platform.record = record("chongqing", "locked")
    assert await taken_back(around, Target(credential=credential("chongqing", "locked"))) == 0, "another holder's"


async def test_what_does_not_live_is_none() -> None:
    """A name that was never given, and a recognition that has ended."""
    around = Around()
    text, jti, subject = await around.give()
    assert await taken_back(around, Target(token_id="nobody-knows-it")) == 0
    around.clock.advance(610)
    for target in (Target(token_id=jti), Target(recognition=text), Target(subject=subject)):
        assert await taken_back(around, target) == 0
    assert around.changed == []


async def test_a_text_must_be_our_own() -> None:
    """Another region's recognition is that region's, and a forged one nobody's."""
    around = Around()
    text, jti, _ = await around.give()
    foreign = RecognitionSigner(KEYS["sichuan"]).issue(replace(around.last, iss="sichuan", aud="chongqing", jti=jti))
    with pytest.raises(CallerRegionError):
        await taken_back(around, Target(recognition=foreign))
    with pytest.raises(BadSignatureError):
        await taken_back(around, Target(recognition=f"{text.rpartition('.')[0]}.{'A' * 86}"))
    assert await around.dead(1) == 0


async def test_only_the_home_regions_own_platform_may() -> None:
    """No gateway, and nobody of a region that is not served here."""
    around = Around()
    _, jti, _ = await around.give()
    with pytest.raises(CallerRegionError):
        await taken_back(around, Target(token_id=jti), gateway=True)
    for region in ("sichuan", "macao"):
        with pytest.raises(RegionNotServedError):
            await taken_back(around, Target(token_id=jti), region)
    assert await around.dead(1) == 0


async def test_a_card_that_the_platform_does_not_know_takes_nothing_back() -> None:
    """The platform's own refusal comes through."""
    around = Around()
    await around.give()
    around.platform.failure = CardNotFoundError(region="chongqing")
    with pytest.raises(CardNotFoundError):
        await taken_back(around, Target(credential=credential("chongqing")))
    assert await around.dead(1) == 0
