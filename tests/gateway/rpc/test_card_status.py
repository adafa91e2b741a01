"""CardStatusService over the wire: reports, standings, feeds and comparisons, and what is refused."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from adapters.words import CardEventKind, CardFunction
from gateway.rpc import convert_status
from gateway.services.card_copy import CardCopy
from gateway.services.card_news import FeedState, Told
from onecard.gateway.v1 import card_pb2, card_status_pb2, verdict_pb2
from onecard.gateway.v1 import card_status_service_pb2 as pb
from onecard.gateway.v1.card_status_service_pb2_grpc import CardStatusServiceStub
from tests.fakes.callers import HOME_PLATFORM, PEER, PLATFORM, bearer
from tests.fakes.card_node import card_servicer
from tests.fakes.cards import MICROS, FakeCopyStore, happened, ledger, told_name
from tests.fakes.node import FakeNode, channel_to
from tests.gateway.rpc.told import refused
from trust.encoding import encode_base64url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.services.card_ledger import CardLedger

CARD, OTHER = "A00000001", "A00000002"
NAME = b"\x11" * 16
TEXT = encode_base64url(NAME)


@dataclass
class Card:
    """A gateway that has Chongqing's cards, and follows Guizhou's for Chongqing and Chongqing's for Sichuan."""

    node: FakeNode
    ledger: CardLedger
    copy: CardCopy
    stub: Any

    def as_(self, caller: str, *scopes: str) -> dict[str, Any]:
        """Give what identifies a caller."""
        return {"metadata": bearer(caller, self.node.clock, *scopes), "timeout": 10}

    def reported(self, kind: str, number: str = CARD, *, before: float = 0.5, **told: Any) -> pb.CardStatusReport:  # noqa: ANN401 - any field
        """Make a report of half a second ago."""
        message = pb.CardStatusReport(card_number=number, **told)
        if kind:
            message.kind = card_status_pb2.CardEventKind.Value(f"CARD_EVENT_KIND_{kind}")
        convert_status.micros_out(round((self.node.clock() - before) * MICROS), message.event_time)
        return message

    async def report(self, *reports: pb.CardStatusReport, caller: str = HOME_PLATFORM) -> pb.ReportCardStatusResponse:
        """Report as the platform of Chongqing."""
        response: pb.ReportCardStatusResponse = await self.stub.ReportCardStatus(
            pb.ReportCardStatusRequest(reports=reports), **self.as_(caller)
        )
        return response


@asynccontextmanager
async def card_service() -> AsyncIterator[Card]:
    """Run the service on loopback."""
    node = FakeNode()
    cards = ledger(clock=node.clock)
    await cards.start()
    copy = CardCopy("chongqing", "sichuan", store=FakeCopyStore(), clock=node.clock)
    servicer = card_servicer(node.clock, ledgers=[cards], copies=[copy])
    async with channel_to(node.server([servicer])) as channel:
        yield Card(node, cards, copy, CardStatusServiceStub(channel))


async def test_a_platform_reports_and_learns_what_came_of_it() -> None:
    """Outcome, state and number of each report, in their order."""
    async with card_service() as here:
        response = await here.report(
            here.reported("ACTIVATED", before=9),
            here.reported("LOST_TEMPORARY", before=5),
            here.reported("LOST_TEMPORARY", before=5),
            here.reported("NOT_ACTIVATED", OTHER),
        )
    told = [(r.number, card_status_pb2.EventOutcome.Name(r.outcome)[14:], r.card_status) for r in response.results]
    assert told == [
        (1, "NEWS", card_pb2.CARD_STATUS_LOST_TEMPORARY),
        (2, "NEWS", card_pb2.CARD_STATUS_LOST_TEMPORARY),
        (0, "DUPLICATE", card_pb2.CARD_STATUS_LOST_TEMPORARY),
        (3, "NEWS", card_pb2.CARD_STATUS_NOT_ACTIVATED),
    ]


async def test_a_report_without_reports_is_a_word_of_the_platform() -> None:
    """It says that nothing else has happened."""
    async with card_service() as here:
        assert here.ledger.state().age is None
        assert (await here.report()) == pb.ReportCardStatusResponse()
        assert here.ledger.state().age == 0


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ("1", "ACTIVE"),
        ("2", "LOST_FORMAL"),
        ("4", "LOST_TEMPORARY"),
        ("0", "SEALED"),
        ("9", "CANCELLED"),
        ("7", "UNKNOWN"),
    ],
)
async def test_a_state_in_the_regions_own_words(raw: str, status: str) -> None:
    """Read by the region's table; what the table does not have fails closed, and the same again is a duplicate."""
    async with card_service() as here:
        report = here.reported("", raw_status=raw)
        one = (await here.report(report)).results[0]
        assert card_pb2.CardStatus.Name(one.card_status) == f"CARD_STATUS_{status}"
        assert one.outcome == card_status_pb2.EVENT_OUTCOME_NEWS
        again = (await here.report(report)).results[0]
        assert (again.outcome, again.number) == (card_status_pb2.EVENT_OUTCOME_DUPLICATE, 0)
        assert again.card_status == one.card_status


async def test_reports_of_one_request_build_on_each_other() -> None:
    """The second state in the platform's words is told against the first."""
    async with card_service() as here:
        response = await here.report(
            here.reported("", raw_status="2", before=5), here.reported("", raw_status="1", before=3)
        )
        kinds = [entry.event.kind for entry in await here.ledger.after(0)]
    assert [r.number for r in response.results] == [1, 2]
    assert kinds == [CardEventKind.LOST_FORMAL, CardEventKind.THAWED]


async def test_a_suspension_and_a_successor_are_reported() -> None:
    """The function with its legal basis; the successor by number, which is not kept."""
    async with card_service() as here:
        suspended = here.reported("FUNCTION_SUSPENDED", function=1, legal_basis="SYN Art. 17", before=2)
        replaced = here.reported("REPLACED", OTHER, successor_card_number=CARD)
        response = await here.report(here.reported("ACTIVATED", before=3), suspended, replaced)
        assert list(response.results[1].suspended_functions) == [card_pb2.CARD_FUNCTION_SOCIAL_SECURITY]
        assert response.results[2].card_status == card_pb2.CARD_STATUS_REPLACED
        assert here.ledger.reported(here.ledger.name(OTHER)).successor == here.ledger.name(CARD)  # type: ignore[union-attr]  # there


@pytest.mark.parametrize(
    ("changes", "violation"),
    [
        ({"card_number": ""}, ("reports[0].card_number", "required")),
        ({"card_number": "12"}, ("reports[0].card_number", "length")),
        ({"event_time": None}, ("reports[0].event_time", "required")),
        ({"kind": 0}, ("reports[0].told", "required")),
        ({"kind": 77}, ("reports[0].kind", "unknown_value")),
        ({"raw_status": "x" * 65}, ("reports[0].raw_status", "at_most_64")),
        ({"sequence": -1}, ("reports[0].sequence", "48_bits")),
        ({"function": 1}, ("reports[0].function", "with_events_of_functions_only")),
        ({"kind": 11, "legal_basis": "x"}, ("reports[0].function", "with_events_of_functions_only")),
        ({"kind": 11, "function": 1}, ("reports[0].legal_basis", "required")),
        ({"kind": 11, "function": 1, "legal_basis": "x" * 201}, ("reports[0].legal_basis", "printable_at_most_200")),
        ({"successor_card_number": OTHER}, ("reports[0].successor_card_number", "with_a_replacement_only")),
        ({"kind": 8, "successor_card_number": "12"}, ("reports[0].successor_card_number", "length")),
        ({"kind": 8, "successor_card_number": CARD}, ("reports[0].successor_card_number", "another_card")),
    ],
)
async def test_a_report_that_is_not_what_it_should_be_files_nothing(
    changes: dict[str, Any], violation: tuple[str, str]
) -> None:
    """Not even those beside it; field and rule are named, and never a value."""
    async with card_service() as here:
        report = here.reported("LOST_FORMAL")
        for name, value in changes.items():
            if value is None:
                report.ClearField(name)  # type: ignore[arg-type]  # a field's name
            else:
                setattr(report, name, value)
        failure = await refused(here.report(report, here.reported("LOST_FORMAL", OTHER)))
        assert failure.code == "INVALID_ARGUMENT"
        assert failure.violations[0] == violation
        assert here.ledger.state().last == 0


async def test_the_future_is_not_reported() -> None:
    """A clock may be some seconds ahead; an event of tomorrow would outlive every correction."""
    async with card_service() as here:
        assert (await here.report(here.reported("LOST_FORMAL", before=-9))).results[0].number == 1
        failure = await refused(here.report(here.reported("THAWED", before=-11)))
    assert failure.violations == (("reports[0].event_time", "not_in_the_future"),)


async def test_at_most_five_hundred_at_once() -> None:
    """More are for the next request."""
    async with card_service() as here:
        failure = await refused(here.report(*[here.reported("LOCKED")] * 501))
    assert failure.violations == (("reports", "at_most_500"),)


@pytest.mark.parametrize(("caller", "reason"), [(PEER, "CALLER_REGION"), (PLATFORM, "REGION_NOT_SERVED")])
async def test_only_the_home_platform_reports(caller: str, reason: str) -> None:
    """Neither another gateway nor another region."""
    async with card_service() as here:
        failure = await refused(here.report(here.reported("LOCKED"), caller=caller))
        assert failure.reason == reason


@pytest.mark.parametrize("method", ["ReportCardStatus", "GetCardStatus", "WatchCardStatus", "CompareCardStatuses"])
async def test_each_method_has_its_scope(method: str) -> None:
    """A token for something else is refused."""
    requests = {"Report": pb.ReportCardStatusRequest(), "Get": pb.GetCardStatusRequest()}
    requests |= {"Watch": pb.WatchCardStatusRequest(), "Compare": pb.CompareCardStatusesRequest()}
    request = next(r for name, r in requests.items() if method.startswith(name))
    async with card_service() as here:
        call = getattr(here.stub, method)(request, **here.as_(PLATFORM, "card.verify"))
        failure = await refused(call if not method.startswith("Watch") else call.read())
    assert failure.reason == "SCOPE"


async def told(here: Card, *kinds: CardEventKind, **more: Any) -> None:  # noqa: ANN401 - any field
    """Tell the copy what happened."""
    news = []
    for place, kind in enumerate(kinds, 1):
        event = happened(kind, here.node.clock, before=9 - place, **(more if place == len(kinds) else {}))
        news.append(Told(place, NAME, (event,), 0))
    state = FeedState(feed="f", last=len(news), age=0.25, sent_at=here.node.clock())
    await here.copy.apply(news, state)


async def get(here: Card, name: str = f"regions/chongqing/cards/{TEXT}", **as_: str) -> pb.GetCardStatusResponse:
    """Ask how a card stands, as Sichuan's platform."""
    response: pb.GetCardStatusResponse = await here.stub.GetCardStatus(
        pb.GetCardStatusRequest(name=name), **here.as_(as_.get("caller", PLATFORM))
    )
    return response


async def test_how_a_card_stands() -> None:
    """State, verdicts, freshness, age, since when, since when that is known, and how long that took."""
    async with card_service() as here:
        await told(here, CardEventKind.ACTIVATED, CardEventKind.LOST_FORMAL)
        response = await get(here)
        now = here.node.clock()
    assert response.card_status == card_pb2.CARD_STATUS_LOST_FORMAL
    assert [one.reason for one in response.classes] == ["CARD_LOST_FORMAL"] * 3
    assert {one.decision for one in response.classes} == {verdict_pb2.DECISION_REFUSED}
    assert response.classes[0].message
    assert response.freshness == card_status_pb2.FRESHNESS_LIVE
    assert response.data_age.ToMicroseconds() == 250_000
    assert response.status_change_time.ToMicroseconds() == round((now - 7) * MICROS)
    assert response.known_time.ToMicroseconds() == round(now * MICROS)
    assert response.propagation_ms == 7000
    assert response.successor == ""


async def test_a_successor_and_suspended_functions_are_named() -> None:
    """The successor as a resource of the same kind."""
    async with card_service() as here:
        await told(here, CardEventKind.ACTIVATED, CardEventKind.REPLACED, detail=TEXT)
        assert (await get(here)).successor == f"regions/chongqing/cards/{TEXT}"
    async with card_service() as here:
        suspended = {"function": CardFunction.SOCIAL_SECURITY, "detail": "SYN"}
        await told(here, CardEventKind.ACTIVATED, CardEventKind.FUNCTION_SUSPENDED, **suspended)
        response = await get(here)
        assert list(response.suspended_functions) == [card_pb2.CARD_FUNCTION_SOCIAL_SECURITY]
        assert {one.decision for one in response.classes} == {verdict_pb2.DECISION_LIMITED}
        assert {one.legal_basis for one in response.classes} == {"SYN"}


async def test_what_was_never_heard_has_no_age() -> None:
    """And is stale."""
    async with card_service() as here:
        response = await get(here)
    assert response.freshness == card_status_pb2.FRESHNESS_STALE
    assert not response.HasField("data_age")
    assert not response.HasField("status_change_time")
    assert not response.HasField("known_time")
    assert response.card_status == card_pb2.CARD_STATUS_UNKNOWN


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "INVALID_FIELD"),
        ("regions/chongqing/cards/A00000001", "INVALID_FIELD"),
        (f"regions/chongqing/cards/{TEXT[:-1]}B", "INVALID_FIELD"),
        (f"regions/sichuan/cards/{TEXT}", "INVALID_FIELD"),
        (f"regions/guangxi/cards/{TEXT}", "NO_AGREEMENT"),
        (f"regions/nowhere/cards/{TEXT}", "UNKNOWN_REGION"),
    ],
)
async def test_a_name_that_is_none_is_refused(name: str, reason: str) -> None:
    """A number is no name, and a region asks of other regions' cards."""
    async with card_service() as here:
        assert (await refused(get(here, name))).reason == reason


async def logged(here: Card, method: str) -> list[tuple[str, str]]:
    """Wait until calls of a method are in the log; gives their codes, and who failed."""
    while not (lines := [line for line in here.node.journal.lines if line.get("method") == method]):
        await asyncio.sleep(0.001)
    return [(line["code"], line["who_failed"]) for line in lines]


async def test_the_feed_of_a_region_is_served() -> None:
    """Events with number, pseudonym and propagation, and a heartbeat when nothing happens."""
    async with card_service() as here:
        await here.report(here.reported("ACTIVATED", before=2))
        call = here.stub.WatchCardStatus(pb.WatchCardStatusRequest(home_region="chongqing"), **here.as_(PEER))
        first, heartbeat = await call.read(), await call.read()
        await here.report(here.reported("LOST_FORMAL"))
        while not (second := await call.read()).news:
            pass
        call.cancel()
        calls = await logged(here, "CardStatusService/WatchCardStatus")
    assert calls == [("OK", "")]
    assert [n.number for n in (*first.news, *second.news)] == [1, 2]
    assert {n.card for n in (*first.news, *second.news)} == {encode_base64url(told_name(here.ledger, CARD))}
    assert [n.propagation_ms for n in (*first.news, *second.news)] == [2000, 500]
    assert (list(heartbeat.news), heartbeat.state.last_number, heartbeat.state.feed) == ([], 1, "feed-1")
    assert heartbeat.state.age.ToMicroseconds() == 0
    assert CARD not in f"{first}{second}"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"home_region": ""}, "INVALID_FIELD"),
        ({"home_region": "X"}, "INVALID_FIELD"),
        ({"home_region": "guizhou"}, "NO_AGREEMENT"),
        ({"home_region": "nowhere"}, "UNKNOWN_REGION"),
        ({"after": -1}, "INVALID_FIELD"),
        ({"feed": "x" * 65}, "INVALID_FIELD"),
        ({"feed": "feed-1", "after": 7}, "FEED_CURSOR"),
    ],
)
async def test_a_feed_that_cannot_be_read_from_there_is_refused(changes: dict[str, Any], reason: str) -> None:
    """With the reason that leads to a comparison where that helps."""
    async with card_service() as here:
        request = pb.WatchCardStatusRequest(**{"home_region": "chongqing", **changes})
        call = here.stub.WatchCardStatus(request, **here.as_(PEER))
        assert (await refused(call.read())).reason == reason


async def test_copies_are_compared() -> None:
    """The digests of sixteen nodes each, and at the deepest level the cards that are lacking."""
    async with card_service() as here:
        await here.report(here.reported("ACTIVATED"), here.reported("REPLACED", OTHER, successor_card_number=CARD))

        async def compare(*nodes: card_status_pb2.CardStatusNode) -> pb.CompareCardStatusesResponse:
            request = pb.CompareCardStatusesRequest(home_region="chongqing", nodes=nodes)
            response: pb.CompareCardStatusesResponse = await here.stub.CompareCardStatuses(request, **here.as_(PEER))
            return response

        root = await compare(card_status_pb2.CardStatusNode())
        assert (root.deepest, len(root.nodes[0].digests), root.state.last_number) == (2, 128, 2)
        leaves = [card_status_pb2.CardStatusNode(depth=2, value=value) for value in range(256)]
        found = [card for node in (await compare(*leaves)).nodes for card in node.cards]
        assert {card.card for card in found} == {encode_base64url(told_name(here.ledger, n)) for n in (CARD, OTHER)}
        assert {event.successor for card in found for event in card.events} == {
            "",
            encode_base64url(told_name(here.ledger, CARD)),
        }
        for nodes in ([], [card_status_pb2.CardStatusNode(known=b"123")]):
            assert (await refused(compare(*nodes))).reason == "INVALID_FIELD"
