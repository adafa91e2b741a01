"""CardStatusService: takes reports of home platforms, tells and compares states, and says how a card stands."""

from __future__ import annotations

import re
from contextlib import aclosing
from typing import TYPE_CHECKING, ClassVar, Final

from gateway.errors import InvalidFieldError
from gateway.rpc import convert
from gateway.rpc import convert_status as status
from gateway.rpc.convert_verdict import FRESHNESS
from gateway.rpc.recording import Note
from gateway.services.card_news import MOST_AT_ONCE, CompareNode
from gateway.services.evidence import Known, Subject
from gateway.services.report_cards import PlatformReport
from onecard.gateway.v1 import card_status_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from gateway.rpc.boundary import Call
    from gateway.rpc.convert_verdict import VerdictWriter
    from gateway.services.card_feeds import CardFeeds
    from gateway.services.card_ledger import Result
    from gateway.services.card_standing import CardStandings, Standing
    from gateway.services.report_cards import ReportCards

_NAME: Final = re.compile(r"regions/([a-z][a-z0-9_]{1,31})/cards/([A-Za-z0-9_-]{22})\Z")
_LONGEST_RAW: Final = 64
_LONGEST_FEED: Final = 64
_FORM: Final = "regions/{region}/cards/{card}"


class CardStatusServicer:
    """Serves CardStatusService."""

    SERVICE: ClassVar = pb.DESCRIPTOR.services_by_name["CardStatusService"]
    SCOPES: ClassVar = {
        "ReportCardStatus": "card.report",
        "GetCardStatus": "card.status",
        "WatchCardStatus": "card.follow",
        "CompareCardStatuses": "card.follow",
    }
    WAITS: ClassVar = frozenset({"ReportCardStatus"})
    DECIDES: ClassVar = frozenset({"ReportCardStatus", "GetCardStatus"})

    def __init__(
        self, *, report: ReportCards, feeds: CardFeeds, standings: CardStandings, verdicts: VerdictWriter
    ) -> None:
        """Take the use cases."""
        self._report = report
        self._feeds = feeds
        self._standings = standings
        self._verdicts = verdicts

    async def report_card_status(self, request: pb.ReportCardStatusRequest, call: Call) -> pb.ReportCardStatusResponse:
        """File what a platform reports of its cards."""
        if len(request.reports) > MOST_AT_ONCE:
            raise InvalidFieldError(("reports", f"at_most_{MOST_AT_ONCE}"))
        fields = convert.Fields()
        reports = [_report_in(one, f"reports[{number}]", fields) for number, one in enumerate(request.reports)]
        fields.finish()
        call.note.source = region = call.caller.region
        results = await self._report(reports, region=region, from_gateway=call.caller.kind == "gateway")
        call.note.recorded = not reports  # that nothing has happened is told every second, and no effect
        for report, result in zip(reports, results, strict=True):
            told = "raw" if report.kind is None else report.kind
            call.note.parts.append((Note(source=region, detail=f"{result.outcome} {told} {result.number}"), None))
        response = pb.ReportCardStatusResponse()
        for result in results:
            _result_out(result, response.results.add())
        return response

    async def get_card_status(self, request: pb.GetCardStatusRequest, call: Call) -> pb.GetCardStatusResponse:
        """Say how a card stands in the caller's region."""
        match = _NAME.match(request.name)
        if match is None:
            raise InvalidFieldError(("name", _FORM if request.name else "required"))
        home, card = match.groups()
        note, region = call.note, call.caller.region
        note.source, note.target, note.subject = region, home, Subject(Known.PSEUDONYM, home, card)
        standing = self._standings(status.card_in(card, field="name"), home=home, visited=region)
        note.detail = standing.status
        response = pb.GetCardStatusResponse(name=request.name)
        self._write(standing, home, response, call)
        return response

    def _write(self, standing: Standing, home: str, response: pb.GetCardStatusResponse, call: Call) -> None:
        response.card_status = convert.STATUS[standing.status]
        if standing.tells_functions:
            response.suspended_functions.extend(sorted(convert.FUNCTION[one] for one in standing.suspended))
        response.classes.extend(self._verdicts.class_message(one, call.language) for one in standing.classes)
        response.freshness = FRESHNESS[standing.freshness]
        if standing.age is not None:
            convert.set_seconds(response.data_age, standing.age)
        if standing.since:
            convert.set_seconds(response.status_change_time, standing.since)
        if standing.learned is not None:
            convert.set_seconds(response.known_time, standing.learned.at)
            response.propagation_ms = standing.learned.millis
        if standing.successor:
            response.successor = f"regions/{home}/cards/{standing.successor}"

    async def watch_card_status(
        self, request: pb.WatchCardStatusRequest, call: Call
    ) -> AsyncGenerator[pb.WatchCardStatusResponse]:
        """Tell the caller's region what happens to the cards of a home region."""
        home = _home_in(request.home_region)
        if len(request.feed) > _LONGEST_FEED or request.after < 0:
            raise InvalidFieldError(("after", "a_number_of_the_feed"))
        stream = self._feeds.watch(home, visited=call.caller.region, feed=request.feed, after=request.after)
        async with aclosing(stream) as messages:
            async for message in messages:
                response = pb.WatchCardStatusResponse()
                for told in message.news:
                    status.news_out(told, response.news.add())
                status.state_out(message.state, response.state)
                yield response

    async def compare_card_statuses(
        self, request: pb.CompareCardStatusesRequest, call: Call
    ) -> pb.CompareCardStatusesResponse:
        """Compare the caller's copy with the cards of a home region."""
        home = _home_in(request.home_region)
        nodes = [
            CompareNode(node.depth, node.value, status.digests_in(node.known, field=f"nodes[{number}].known"))
            for number, node in enumerate(request.nodes)
        ]
        return status.answer_out(await self._feeds.compare(home, nodes, visited=call.caller.region))


def _home_in(region: str) -> str:
    fields = convert.Fields()
    fields.region("home_region", region)
    fields.finish()
    return region


def _report_in(message: pb.CardStatusReport, place: str, fields: convert.Fields) -> PlatformReport:
    """Read a report, and note what is wrong with its form."""
    if not message.card_number:
        fields.add(f"{place}.card_number", "required")
    if not message.HasField("event_time") or status.micros_in(message.event_time) <= 0:
        fields.add(f"{place}.event_time", "required")
    told = message.WhichOneof("told")
    kind = status.KIND_WORD.get(message.kind) if told == "kind" else None
    if told is None or (told == "kind" and not message.kind):
        fields.add(f"{place}.told", "required")
    elif told == "kind" and kind is None:
        fields.add(f"{place}.kind", "unknown_value")
    if len(message.raw_status) > _LONGEST_RAW:
        fields.add(f"{place}.raw_status", f"at_most_{_LONGEST_RAW}")
    return PlatformReport(
        card_number=message.card_number,
        kind=kind,
        raw_status=message.raw_status,
        time=status.micros_in(message.event_time),
        sequence=message.sequence,
        function=convert.FUNCTION_WORD.get(message.function),
        basis=message.legal_basis,
        successor=message.successor_card_number,
    )


def _result_out(result: Result, message: pb.ReportedCardStatus) -> None:
    message.outcome = status.OUTCOME[result.outcome]
    message.card_status = convert.STATUS[result.shown.status]
    message.suspended_functions.extend(sorted(convert.FUNCTION[one] for one in result.shown.suspended))
    message.number = result.number
