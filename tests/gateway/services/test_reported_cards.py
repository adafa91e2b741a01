"""What was reported of a card counts at home beside what the platform answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.words import CardEventKind, CardFunction, CardStatus
from tests.fakes.cards import happened, ledger, report, told_name
from tests.fakes.clock import FakeClock
from tests.fakes.platform import FakePlatform
from tests.fakes.regions import credential, identity, local_home, question, record
from trust.encoding import encode_base64url

if TYPE_CHECKING:
    from adapters.card_events import CardEvent
    from gateway.services.card_ledger import CardLedger
    from gateway.services.local_home import LocalHome

K = CardEventKind


async def with_reports(*events: CardEvent, case: str = "active") -> tuple[LocalHome, CardLedger]:
    """Make the home side of a region whose platform has reported something of the card."""
    clock = FakeClock()
    cards = ledger(clock=clock)
    await cards.start()
    number = identity("chongqing", case).card.number
    assert number is not None
    await cards.report([report(cards, number.reveal(), event) for event in events])
    return local_home(platform=FakePlatform(record("chongqing", case), clock), clock=clock, cards=cards), cards


async def test_a_reported_loss_counts_although_the_platform_still_answers_otherwise() -> None:
    """The verdict says since when; a thaw undoes it, and what the platform itself refuses stays refused."""
    clock = FakeClock()
    lost, thawed = happened(K.LOST_FORMAL, clock, before=9), happened(K.THAWED, clock, before=3)
    home, _ = await with_reports(lost)
    answer = await home.answer(question(), disclose=True)
    assert (answer.verdict.card_status, answer.verdict.usable) == (CardStatus.LOST_FORMAL, False)
    assert answer.verdict.since == clock() - 9
    assert (answer.identity, answer.recognition) == (None, None)
    home, _ = await with_reports(lost, thawed)
    assert (await home.answer(question(), disclose=True)).verdict.usable
    home, _ = await with_reports(thawed, case="lost_formal")
    asked = question(credential=credential("chongqing", "lost_formal"))
    assert (await home.answer(asked, disclose=True)).verdict.card_status is CardStatus.LOST_FORMAL


async def test_a_reported_suspension_counts_without_a_reported_state() -> None:
    """What the platform says of functions is added to what it answers."""
    clock = FakeClock()
    suspended = happened(
        K.FUNCTION_SUSPENDED, clock, function=CardFunction.SOCIAL_SECURITY, detail="十堰条例\u3000第十七条"
    )
    home, _ = await with_reports(suspended)
    verdict = (await home.answer(question(), disclose=True)).verdict
    assert verdict.card_status is CardStatus.ACTIVE
    assert verdict.suspended_functions == {CardFunction.SOCIAL_SECURITY}
    assert verdict.since is None


async def test_a_recognition_names_the_card_as_the_feed_does() -> None:
    """By the pseudonym for the visited region; a replaced card's verdict points to its successor in the same way."""
    clock = FakeClock()
    home, cards = await with_reports(happened(K.ACTIVATED, clock))
    answer = await home.answer(question(), disclose=True)
    number = identity("chongqing").card.number
    assert answer.claims is not None
    assert number is not None
    assert answer.claims.card == encode_base64url(told_name(cards, number.reveal()))
    assert (await local_home().answer(question(), disclose=True)).claims.card is None  # type: ignore[union-attr]  # given
    home, cards = await with_reports(cards.event_of(happened(K.REPLACED, clock), successor="SYN000002"))
    verdict = (await home.answer(question(), disclose=True)).verdict
    assert (verdict.card_status, verdict.usable) == (CardStatus.REPLACED, False)
    assert verdict.successor == encode_base64url(told_name(cards, "SYN000002"))
