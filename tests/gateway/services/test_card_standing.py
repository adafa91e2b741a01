"""How a card stands by what was told of it: by class, by age, by function; and what VerifyCard makes of that."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from adapters.card_events import CardEvent
from adapters.credential import by_qr_text
from adapters.errors import UnknownRegionError
from adapters.words import ApplicationClass, CardEventKind, CardFunction, CardStatus
from gateway.errors import DeadlineError, InvalidFieldError, PeerUnavailableError, RegionNotServedError
from gateway.services.card_copy import CardCopy
from gateway.services.card_news import FeedState, Told
from gateway.services.card_standing import CardStandings, Standing, freshness_of
from gateway.services.known_cards import KnownCards
from gateway.services.model import CardAnswer, Decision, Freshness
from gateway.services.verify_card import VerifyCard, View
from tests.fakes.cards import MICROS, FakeCopyStore
from tests.fakes.clock import FakeClock
from tests.fakes.home import FakeHome
from tests.fakes.regions import AGREEMENTS, BOOK, REGISTRY, RULES, credential, local_home, question
from trust.encoding import encode_base64url
from trust.errors import AgreementNotInForceError, NoAgreementError

if TYPE_CHECKING:
    from gateway.services.model import CardQuestion
    from gateway.services.ports import Home

K, S, F = CardEventKind, CardStatus, CardFunction
IDENTITY, DISBURSEMENT, PAYMENT = ApplicationClass
CARD = b"\x11" * 16
PAIR = ("chongqing", "sichuan")
FULL = View()


class Here:
    """A gateway of Sichuan that is told of Chongqing's cards, and asks a prepared home side."""

    def __init__(self, answer: CardAnswer | Exception | None = None, **changes: Any) -> None:  # noqa: ANN401 - any argument
        """Begin before anything was told."""
        self.clock = FakeClock()
        self.copy = CardCopy(*PAIR, store=FakeCopyStore(), clock=self.clock)
        copies = {PAIR: self.copy, ("guangxi", "sichuan"): self.copy}  # of a peer without an agreement too
        self.standings = CardStandings(copies, agreements=AGREEMENTS, rules=RULES, registry=REGISTRY, clock=self.clock)
        self.known = KnownCards(copies, secret=b"s" * 32, rules=RULES, book=BOOK, clock=self.clock, **changes)
        self.home = FakeHome(answer or PeerUnavailableError(region="chongqing"))
        self.homes: dict[str, Home] = {"chongqing": self.home}
        self.verify = VerifyCard(
            registry=REGISTRY,
            homes=self.homes,
            agreements=AGREEMENTS,
            rules=RULES,
            clock=self.clock,
            cards=self.known,
        )

    async def told(self, *kinds: CardEventKind, card: bytes = CARD, **told: Any) -> None:  # noqa: ANN401 - any field
        """Be told what happened, a second each, until a second ago."""
        news = []
        for place, kind in enumerate(kinds):
            time = round((self.clock() - len(kinds) + place) * MICROS)
            event = CardEvent(kind=kind, time=time, **(told if kind.startswith(("function", "repl")) else {}))
            news.append(Told(self.copy.state.last + 1 + place, card, (event,), 0))
        await self.heartbeat(news)

    async def heartbeat(self, news: list[Told] | None = None) -> None:
        """Be told that nothing else happened."""
        last = self.copy.state.last + len(news or ())
        await self.copy.apply(news or (), FeedState(feed="f", last=last, age=0.0, sent_at=self.clock()))

    def stands(self, card: bytes = CARD) -> Standing:
        """Say how the card stands."""
        return self.standings(card, home="chongqing", visited="sichuan")

    async def asks(self, **changes: Any) -> CardAnswer:  # noqa: ANN401 - any field
        """Verify the card."""
        return (await self.verify(question(**changes), view=FULL, from_gateway=False)).answer


class Meanwhile:
    """A home side that tells of a loss while it is being asked."""

    reachable = True

    def __init__(self, here: Here) -> None:
        """Answer as the home side did before."""
        self._here = here

    async def answer(self, asked: CardQuestion, *, disclose: bool) -> CardAnswer:
        """Answer, and be late."""
        answer = await self._here.home.answer(asked, disclose=disclose)
        await self._here.told(K.LOST_FORMAL)
        return answer


def reasons(standing: Standing) -> list[tuple[Decision, str]]:
    """Give decision and reason of each class."""
    return [(one.decision, one.reason) for one in standing.classes]


@pytest.mark.parametrize(
    ("kinds", "status", "reason"),
    [
        ((K.ACTIVATED,), S.ACTIVE, "OK"),
        ((K.ACTIVATED, K.LOST_TEMPORARY), S.LOST_TEMPORARY, "CARD_LOST_TEMPORARY"),
        ((K.ACTIVATED, K.LOST_FORMAL), S.LOST_FORMAL, "CARD_LOST_FORMAL"),
        ((K.ACTIVATED, K.LOST_FORMAL, K.THAWED), S.ACTIVE, "OK"),
        ((K.NOT_ACTIVATED,), S.NOT_ACTIVATED, "CARD_NOT_ACTIVATED"),
        ((K.ACTIVATED, K.LOCKED), S.LOCKED, "CARD_LOCKED"),
        ((K.ACTIVATED, K.SEALED), S.SEALED, "CARD_SEALED"),
        ((K.ACTIVATED, K.VOIDED), S.VOID, "CARD_VOID"),
        ((K.ACTIVATED, K.CANCELLED, K.ACTIVATED), S.CANCELLED, "CARD_CANCELLED"),
        ((K.ACTIVATED, K.UNREADABLE), S.UNKNOWN, "CARD_STATUS_UNKNOWN"),
        ((K.ACTIVATED, K.REPLACED), S.REPLACED, "CARD_REPLACED"),
    ],
)
async def test_each_state_has_a_verdict_for_each_class(
    kinds: tuple[CardEventKind, ...], status: CardStatus, reason: str
) -> None:
    """Only a card in use may be used; the verdict says since when, and since when that is known here."""
    here = Here()
    await here.told(*kinds, detail=encode_base64url(b"\x22" * 16))
    standing = here.stands()
    wanted = Decision.ALLOWED if status is S.ACTIVE else Decision.REFUSED
    assert reasons(standing) == [(wanted, reason)] * 3
    assert (standing.status, standing.freshness, standing.age) == (status, Freshness.LIVE, 0)
    assert standing.learned is not None
    assert standing.learned.at == here.clock()
    assert standing.successor == (encode_base64url(b"\x22" * 16) if status is S.REPLACED else "")
    assert standing.since <= here.clock() - 1


async def test_a_card_of_which_nothing_was_told_is_refused() -> None:
    """As long as nobody has vouched for it."""
    here = Here()
    await here.heartbeat()
    standing = here.stands()
    assert (standing.status, standing.since, standing.learned) == (S.UNKNOWN, 0, None)
    assert reasons(standing) == [(Decision.REFUSED, "CARD_NOT_REPORTED")] * 3


async def test_a_card_of_which_only_a_function_was_told_is_asked_about() -> None:
    """The suspension is shown, but nobody has vouched for the card."""
    here = Here()
    await here.told(K.FUNCTION_SUSPENDED, function=F.FINANCIAL, detail="basis")
    standing = here.stands()
    assert (standing.status, standing.suspended, standing.since) == (S.UNKNOWN, frozenset({F.FINANCIAL}), 0.0)
    assert reasons(standing) == [(Decision.REFUSED, "CARD_NOT_REPORTED")] * 3


@pytest.mark.parametrize(
    ("silence", "freshness", "allowed"),
    [
        (0.0, Freshness.LIVE, 3),
        (5.0, Freshness.LIVE, 3),
        (6.0, Freshness.CACHED, 1),
        (305.0, Freshness.CACHED, 1),
        (305.5, Freshness.STALE, 0),
        (86_400.0, Freshness.STALE, 0),
    ],
)
async def test_what_is_allowed_shrinks_with_the_age(silence: float, freshness: Freshness, allowed: int) -> None:
    """Payment and disbursement within seconds, identity within five minutes, and then nothing."""
    here = Here()
    await here.told(K.ACTIVATED)
    here.clock.advance(silence)
    standing = here.stands()
    assert (standing.freshness, standing.age) == (freshness, silence)
    assert [one.usable for one in standing.classes] == [True] * allowed + [False] * (3 - allowed)
    assert {one.reason for one in standing.classes if not one.usable} <= {"STATUS_FEED_STALE"}


async def test_nothing_rests_on_a_feed_that_was_never_heard() -> None:
    """Though something was told of the card."""
    here = Here()
    news = [Told(1, CARD, (CardEvent(kind=K.ACTIVATED, time=1),), 0)]
    await here.copy.apply(news, FeedState(feed="f", last=1, age=None, sent_at=here.clock()))
    standing = here.stands()
    assert (standing.freshness, standing.age) == (Freshness.STALE, None)
    assert reasons(standing) == [(Decision.REFUSED, "STATUS_FEED_STALE")] * 3
    assert freshness_of(1e9, {}) is Freshness.STALE


async def test_a_loss_counts_however_old_the_feed_is() -> None:
    """What forbids needs no freshness."""
    here = Here()
    await here.told(K.ACTIVATED, K.LOST_FORMAL)
    here.clock.advance(86_400)
    assert reasons(here.stands()) == [(Decision.REFUSED, "CARD_LOST_FORMAL")] * 3


async def test_a_suspended_function_leaves_what_does_without_it() -> None:
    """Shiyan Art. 17: the social-security function is suspended, identity stays; the basis is told."""
    here = Here()
    await here.told(K.ACTIVATED, K.FUNCTION_SUSPENDED, function=F.SOCIAL_SECURITY, detail="SYN Art. 17")
    standing = here.stands()
    assert reasons(standing) == [(Decision.LIMITED, "FUNCTION_SUSPENDED")] * 3
    types = set(standing.classes[0].item_types)
    assert types
    assert all(REGISTRY.taxonomy.get(one).function is not F.SOCIAL_SECURITY for one in types)
    assert {one.legal_basis for one in standing.classes} == {"SYN Art. 17"}
    assert (standing.suspended, standing.tells_functions) == (frozenset({F.SOCIAL_SECURITY}), True)


async def test_without_the_financial_function_nothing_is_paid() -> None:
    """Identity is left for whatever needs no bank account."""
    here = Here()
    await here.told(K.ACTIVATED, K.FUNCTION_SUSPENDED, function=F.FINANCIAL, detail="SYN")
    one, two, three = here.stands().classes
    assert one.usable
    assert [(v.decision, v.reason) for v in (two, three)] == [(Decision.REFUSED, "FUNCTION_SUSPENDED")] * 2


async def test_a_class_outside_of_the_agreement_is_refused() -> None:
    """Whatever the card shows."""
    here = Here()
    copy = CardCopy("guizhou", "chongqing", store=FakeCopyStore(), clock=here.clock)
    agreement = AGREEMENTS.between("guizhou", "chongqing", on=date(2026, 6, 1))
    standings = CardStandings(
        {copy.pair: copy}, agreements=AGREEMENTS, rules=RULES, registry=REGISTRY, clock=here.clock
    )
    news = [Told(1, CARD, (CardEvent(kind=K.ACTIVATED, time=1),), 0)]
    await copy.apply(news, FeedState(feed="f", last=1, age=0.0, sent_at=here.clock()))
    classes = standings(CARD, home="guizhou", visited="chongqing").classes
    told = {one.application_class.value: one.reason for one in classes}
    assert {name for name, reason in told.items() if reason == "CLASS_NOT_IN_AGREEMENT"} == (
        {c.value for c in ApplicationClass} - set(agreement.classes)
    )


async def test_questions_that_have_no_answer_here() -> None:
    """Own cards, no region, no agreement, an agreement that has ended, a feed that is not followed."""
    here = Here()
    with pytest.raises(InvalidFieldError):
        here.standings(CARD, home="sichuan", visited="sichuan")
    with pytest.raises(NoAgreementError):
        here.standings(CARD, home="guangxi", visited="sichuan")
    with pytest.raises(NoAgreementError):  # of no copy either
        here.standings(CARD, home="guangdong", visited="sichuan")
    with pytest.raises(UnknownRegionError) as refused:
        here.standings(CARD, home="zhangsan", visited="chongqing")
    assert not refused.value.metadata
    with pytest.raises(RegionNotServedError):
        here.standings(CARD, home="guizhou", visited="chongqing")
    here.clock.advance(30 * 365 * 86_400)
    with pytest.raises(AgreementNotInForceError):
        here.stands()


async def signed(clock: FakeClock) -> CardAnswer:
    """Give the answer of Chongqing's real home side, with the card's name signed into it."""
    answer = await local_home(clock=clock).answer(question(), disclose=True)
    assert answer.claims is not None
    return replace(answer, claims=replace(answer.claims, card=encode_base64url(CARD)))


async def verified(**changes: Any) -> Here:  # noqa: ANN401 - any argument
    """Give a gateway that has verified the card once."""
    here = Here(await signed(FakeClock()), **changes)
    await here.told(K.ACTIVATED)
    assert (await here.asks()).verdict.usable
    return here


async def test_a_loss_is_refused_at_once_without_asking() -> None:
    """VerifyCard answers from what it was told, says since when, and discloses nothing."""
    here = await verified()
    await here.told(K.LOST_FORMAL)
    asked = len(here.home.asked)
    answer = await here.asks()
    verdict = answer.verdict
    assert len(here.home.asked) == asked
    assert (verdict.card_status, verdict.freshness, verdict.usable) == (S.LOST_FORMAL, Freshness.LIVE, False)
    assert {one.reason for one in verdict.classes} == {"CARD_LOST_FORMAL", "CLASS_NOT_OFFERED"}
    assert (verdict.since, verdict.known_at) == (here.clock() - 1, here.clock())
    assert (answer.identity, answer.recognition) == (None, None)
    here.clock.advance(2)
    await here.told(K.THAWED)
    assert (await here.asks()).verdict.usable
    assert len(here.home.asked) == asked + 1


async def test_a_suspended_function_alone_never_answers_for_home() -> None:
    """The home region knows the status and counts the function in; where it cannot be asked, nothing is known."""
    here = Here(await signed(FakeClock()))
    await here.told(K.FUNCTION_SUSPENDED, function=F.FINANCIAL, detail="basis")
    for _ in range(2):
        assert (await here.asks()).verdict.usable
    assert len(here.home.asked) == 2
    here.home.prepared = PeerUnavailableError(region="chongqing")
    with pytest.raises(PeerUnavailableError):
        await here.asks()
    await here.told(K.FUNCTION_SUSPENDED, K.ACTIVATED, function=F.FINANCIAL, detail="basis")
    assert (await here.asks()).verdict.card_status is S.ACTIVE


async def test_a_loss_of_a_silent_feed_is_asked_about() -> None:
    """The home region may have thawed the card meanwhile, and it is its word that counts then."""
    here = await verified()
    await here.told(K.LOST_FORMAL)
    here.clock.advance(60)
    here.home.prepared = await signed(here.clock)
    assert (await here.asks()).verdict.usable


async def test_a_loss_that_is_told_while_home_is_asked_counts() -> None:
    """The answer was formed before it."""
    here = await verified()
    here.homes["chongqing"] = Meanwhile(here)
    answer = await here.asks()
    assert (answer.verdict.card_status, answer.verdict.usable, answer.identity) == (S.LOST_FORMAL, False, None)


@pytest.mark.parametrize("fault", [PeerUnavailableError(region="chongqing"), DeadlineError()])
@pytest.mark.parametrize(
    ("silence", "freshness", "usable"),
    [(2.0, Freshness.LIVE, True), (200.0, Freshness.CACHED, True), (400.0, Freshness.STALE, False)],
)
async def test_where_home_cannot_be_asked_the_last_word_decides(
    fault: Exception, silence: float, freshness: Freshness, *, usable: bool
) -> None:
    """Within the age of the agreement, with the verdict alone; after that STALE and never allowed."""
    here = await verified()
    here.clock.advance(silence)
    here.home.prepared = fault
    answer = await here.asks()
    assert (answer.verdict.freshness, answer.verdict.usable) == (freshness, usable)
    assert here.clock() - answer.verdict.status_as_of == silence
    assert (answer.identity, answer.recognition, answer.claims) == (None, None, None)
    if not usable:
        assert "STATUS_FEED_STALE" in {one.reason for one in answer.verdict.classes}


async def test_a_card_that_was_never_verified_here_is_not_known() -> None:
    """Its pseudonym cannot be made from its number, so home is asked, and must be."""
    here = Here()
    await here.told(K.LOST_FORMAL)
    with pytest.raises(PeerUnavailableError):
        await here.asks()
    known = await verified()
    known.home.prepared = PeerUnavailableError(region="chongqing")
    with pytest.raises(PeerUnavailableError):
        await known.asks(credential=credential("chongqing", "lost_formal"))


async def test_nothing_is_remembered_of_answers_that_name_no_card() -> None:
    """Nor of credentials that are used up."""
    here = Here(replace(await signed(FakeClock()), claims=None))
    here.known.remember(question(), None)
    here.known.remember(question(credential=by_qr_text("opaque")), encode_base64url(CARD))
    await here.told(K.ACTIVATED)
    assert here.known.find(question()) is None
    assert here.known.find(question(credential=by_qr_text("opaque"))) is None


async def test_what_is_remembered_is_bounded() -> None:
    """The credential that was not seen for longest is forgotten first."""
    here = await verified(capacity=1)
    assert here.known.find(question()) is not None
    other = question(credential=credential("chongqing", "lost_formal"))
    here.known.remember(other, encode_base64url(CARD))
    assert here.known.find(question()) is None
    assert here.known.find(other) is not None
    assert here.known.find(question(home_region="guizhou")) is None
