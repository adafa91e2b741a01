"""A platform that cannot push is asked again about the cards that were shown, and what has changed is filed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from adapters.credential import by_card_number, by_qr_text
from adapters.errors import CardNotFoundError, PlatformUnavailableError
from adapters.identifiers import CardNumber
from adapters.words import CardEventKind, CardStatus
from gateway.errors import StoreUnavailableError
from gateway.services.polled_cards import AT_ONCE, PolledCards
from tests.fakes.cards import FakeCardLog, ledger
from tests.fakes.clock import FakeClock
from tests.fakes.platform import FakePlatform
from tests.fakes.regions import credential, identity, local_home, question, record

if TYPE_CHECKING:
    from adapters.canonical import CardIdentity
    from adapters.credential import Credential
    from gateway.services.card_ledger import CardLedger
    from gateway.services.local_home import LocalHome

K, S = CardEventKind, CardStatus
HOME, SECONDS = "chongqing", 60.0
STATUS_FIELD = "aaz502"


@dataclass(slots=True)
class Region:
    """A region whose platform is polled; its platform's only card is in use at first."""

    clock: FakeClock = field(default_factory=FakeClock)
    log: FakeCardLog = field(init=False)
    cards: CardLedger = field(init=False)
    platform: FakePlatform = field(init=False)
    polled: PolledCards = field(init=False)
    home: LocalHome = field(init=False)

    def __post_init__(self) -> None:
        """Put it together as a gateway does."""
        self.log = FakeCardLog(self.clock)
        self.cards = ledger(log=self.log, clock=self.clock)
        self.platform = FakePlatform(record(HOME), self.clock)
        self.polled = PolledCards(self.cards, seconds=SECONDS, clock=self.clock)
        self.home = local_home(platform=self.platform, clock=self.clock, cards=self.cards, polled=self.polled)

    @property
    def events(self) -> list[str]:
        """Name what was filed."""
        return [entry.event.kind for entry in self.log.entries.get(HOME, [])]

    async def ask(self) -> CardStatus:
        """Show the card."""
        self.clock.now += 1
        return (await self.home.answer(question(), disclose=True)).verdict.card_status

    async def round(self, raw: str | None = None) -> None:
        """Let the platform have a state of the card, and poll once."""
        self.clock.now += 1
        if raw is not None:
            self.platform.record = record(HOME, **{STATUS_FIELD: raw})
        await self.polled.once(self.home.look_up)


async def test_a_loss_that_nobody_reports_is_found_and_a_thaw_undoes_it() -> None:
    """Of a card in use nothing is filed; each change once, however often it is asked."""
    region = Region()
    await region.cards.start()
    assert await region.ask() is S.ACTIVE
    await region.round()
    assert region.events == []
    await region.round("2")
    await region.round("2")
    assert region.events == [K.LOST_FORMAL]
    await region.round("1")
    await region.round("1")
    assert region.events == [K.LOST_FORMAL, K.THAWED]
    assert await region.ask() is S.ACTIVE


async def test_what_the_platform_answers_to_a_question_counts_as_well() -> None:
    """Whoever shows a card that was found lost and is in use again does not wait for the next round."""
    region = Region()
    await region.cards.start()
    await region.ask()
    await region.round("2")
    assert await region.ask() is S.LOST_FORMAL
    region.platform.record = record(HOME)
    assert await region.ask() is S.ACTIVE
    assert region.events == [K.LOST_FORMAL, K.THAWED]


async def test_asking_about_some_cards_vouches_for_no_other() -> None:
    """The feed of such a region was never heard, so other regions allow nothing by their copy."""
    region = Region()
    await region.cards.start()
    await region.ask()
    await region.round("2")
    assert (region.cards.state().age, region.log.heard_at) == (None, {})
    await region.cards.heard()
    assert region.cards.state().age is None


async def test_a_state_that_nobody_knows_and_a_card_that_is_gone_are_refused() -> None:
    """What cannot be read is not in use, until it is told to be."""
    region = Region()
    await region.cards.start()
    await region.ask()
    await region.round("no such state")
    assert region.events == [K.UNREADABLE]
    await region.round("1")
    region.platform.failure = CardNotFoundError(region=HOME)
    await region.round()
    assert region.events == [K.UNREADABLE, K.ACTIVATED, K.UNREADABLE]


async def test_a_platform_or_a_store_in_trouble_is_asked_in_the_next_round() -> None:
    """Nothing is concluded from a failure."""
    region = Region()
    await region.cards.start()
    await region.ask()
    region.platform.failure = PlatformUnavailableError(region=HOME, fault="timeout")
    await region.round("2")
    region.platform.failure = None
    region.log.fails = StoreUnavailableError(fault="full")
    await region.round()
    assert region.events == []
    region.log.fails = None
    await region.round()
    assert region.events == [K.LOST_FORMAL]


def told(status: CardStatus = S.ACTIVE) -> CardIdentity:
    """Give what a platform tells of the card in some state."""
    found = identity(HOME)
    return replace(found, card=replace(found.card, status=status))


async def asked_about(polled: PolledCards) -> list[Credential]:
    """Give the credentials with which a round asks."""
    asked: list[Credential] = []

    async def look_up(shown: Credential) -> tuple[CardIdentity, float]:
        asked.append(shown)
        raise PlatformUnavailableError(region=HOME, fault="timeout")

    await polled.once(look_up)
    return asked


async def test_a_code_that_is_good_once_is_not_shown_again() -> None:
    """The card is asked about by its number; without its holder's number, or its own, it is not."""
    region = Region()
    await region.cards.start()
    code = by_qr_text("SYN-QR-1")
    known = told()
    await region.polled.note(code, replace(known, holder=replace(known.holder, social_security_number=None)))
    await region.polled.note(code, replace(known, card=replace(known.card, number=None)))
    assert await asked_about(region.polled) == []
    await region.polled.note(code, known)
    assert [one.values for one in await asked_about(region.polled)] == [credential(HOME).values]


async def test_what_is_final_is_not_asked_about_any_more() -> None:
    """Nothing brings such a card back."""
    region = Region()
    await region.cards.start()
    await region.polled.note(credential(HOME), told())
    await region.polled.note(credential(HOME), told(S.CANCELLED))
    assert (await asked_about(region.polled), region.events) == ([], [K.CANCELLED])


async def test_no_more_cards_are_asked_about_than_there_is_room_for() -> None:
    """Those that nobody has shown for longest are forgotten first; the others are asked about some at a time."""
    region = Region()
    await region.cards.start()
    polled = PolledCards(region.cards, seconds=SECONDS, clock=region.clock, capacity=AT_ONCE + 1)
    numbers = [CardNumber(f"A{number:08d}", field="number") for number in range(AT_ONCE + 3)]
    known = told()
    for number in numbers:
        shown = by_card_number(number.reveal(), credential(HOME).values["holder.social_security_number"])
        await polled.note(shown, replace(known, card=replace(known.card, number=number)))
    asked = [one.values["card.number"] for one in await asked_about(polled)]
    assert asked == [number.reveal() for number in numbers[2:]]


async def test_rounds_follow_each_other_until_the_node_stops() -> None:
    """After so many seconds each."""
    region = Region()
    await region.cards.start()
    polled = PolledCards(region.cards, seconds=0.001, clock=region.clock)
    await polled.note(credential(HOME), told())
    rounds, enough = 0, asyncio.Event()

    async def look_up(_shown: Credential) -> tuple[CardIdentity, float]:
        nonlocal rounds
        rounds += 1
        if rounds > 2:
            enough.set()
        return told(), region.clock()

    task = asyncio.create_task(polled.run(look_up))
    async with asyncio.timeout(20):
        await enough.wait()
    task.cancel()
    assert region.events == []
