"""Card states between two gateways: reported at home, refused in the other region, taken back, undone, packed."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

from onecard.gateway.v1 import card_pb2, card_status_pb2
from onecard.gateway.v1 import card_status_service_pb2 as pb
from onecard.gateway.v1 import exchange_pb2 as exchange
from onecard.gateway.v1 import exchange_service_pb2 as exchange_service
from onecard.gateway.v1 import offline_service_pb2 as offline
from onecard.gateway.v1 import recognition_service_pb2 as recognition
from onecard.gateway.v1.card_status_service_pb2_grpc import CardStatusServiceStub
from onecard.gateway.v1.exchange_service_pb2_grpc import ExchangeServiceStub
from onecard.gateway.v1.offline_service_pb2_grpc import OfflineServiceStub
from tests.fakes.exchange_contents import NAME, content
from tests.gateway.small_federation import found
from tests.gateway.trust_calls import claims_of
from tests.gateway.whole_federation import WholeFederation
from tests.sandbox_fixture.cards import vectors, verify_request
from tests.sandbox_fixture.running import wait_until
from trust.offline_gate import OfflinePack, Use, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOME, VISITED = "chongqing", "sichuan"
ITEM = "SC-13"
KIND = card_status_pb2.CardEventKind


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeFederation]:
    """Run Chongqing and Sichuan; Chongqing's platform has said that nothing has happened so far."""
    layout = found(tmp_path_factory.mktemp("cards") / "cards", HOME, VISITED)
    with WholeFederation(layout) as running:
        running.start(HOME, VISITED)
        report(running)
        yield running


def number_of(vector: str) -> str:
    """Give the card number of a cardholder."""
    return str(vectors(HOME)[vector]["canonical"]["card"]["number"])


def report(two: WholeFederation, *reports: pb.CardStatusReport) -> Any:  # noqa: ANN401 - a message
    """Report as Chongqing's platform does."""
    with two.platform(HOME) as client:
        request = pb.ReportCardStatusRequest(reports=reports)
        return CardStatusServiceStub(client.channel).ReportCardStatus(request, metadata=client.metadata(), timeout=20)


def happened(vector: str, kind: KIND.ValueType, **told: Any) -> pb.CardStatusReport:  # noqa: ANN401 - any field
    """Make the report of something that has just happened."""
    told = {"kind": kind, **told} if kind else told
    message = pb.CardStatusReport(card_number=number_of(vector), **told)
    message.event_time.FromNanoseconds(time.time_ns())
    return message


def asked(two: WholeFederation, vector: str) -> Any:  # noqa: ANN401 - a message
    """Ask in Sichuan about a card."""
    request = verify_request(HOME, ITEM, request_id=uuid.uuid4().hex, vector=vector)
    return two.call(VISITED, "IdentityService/VerifyCard", request).reply


def reason(answer: Any) -> str:  # noqa: ANN401 - a message
    """Give the reason of the verdict on identity."""
    (one,) = [c for c in answer.verdict.classes if c.application_class == card_pb2.APPLICATION_CLASS_IDENTITY]
    return str(one.reason)


def state_of(two: WholeFederation, card: str) -> Any:  # noqa: ANN401 - a message
    """Ask in Sichuan how a card stands."""
    with two.platform(VISITED) as client:
        request = pb.GetCardStatusRequest(name=f"regions/{HOME}/cards/{card}")
        return CardStatusServiceStub(client.channel).GetCardStatus(request, metadata=client.metadata(), timeout=20)


def dead(two: WholeFederation, token: str) -> bool:
    """Tell whether a recognition that is shown in Sichuan was taken back."""
    shown = recognition.VerifyRecognitionRequest(recognition=token)
    return two.call(VISITED, "RecognitionService/VerifyRecognition", shown).reason == "RECOGNITION_REVOKED"


def test_a_lost_card_is_refused_there_at_once_and_a_thawed_one_is_not(two: WholeFederation) -> None:
    """Without asking the home platform, with when it was lost and since when that is known; what vouched is dead."""
    token = asked(two, "active").recognition
    card = claims_of(token)["card"]
    report(two, happened("active", KIND.CARD_EVENT_KIND_LOST_TEMPORARY))
    wait_until(lambda: state_of(two, card).card_status == card_pb2.CARD_STATUS_LOST_TEMPORARY, what="known in Sichuan")
    told = state_of(two, card)
    print(f"known after {told.propagation_ms} ms")  # noqa: T201 - told, not asserted: machines differ
    assert told.freshness == card_status_pb2.FRESHNESS_LIVE
    before = two.looked_up[HOME]
    answer = asked(two, "active")
    assert (reason(answer), answer.recognition, two.looked_up[HOME]) == ("CARD_LOST_TEMPORARY", "", before)
    assert 0 <= answer.verdict.known_time.ToNanoseconds() - answer.verdict.status_change_time.ToNanoseconds() < 20e9
    wait_until(lambda: dead(two, token), what="the recognition is taken back")
    report(two, happened("active", KIND.CARD_EVENT_KIND_THAWED))
    wait_until(lambda: reason(asked(two, "active")) == "OK", what="thawed in Sichuan")
    assert dead(two, token)


def test_a_report_in_the_platforms_own_words_counts(two: WholeFederation) -> None:
    """A raw status that nobody knows makes the card unusable; one that is known brings it back."""
    card = claims_of(asked(two, "active_2").recognition)["card"]
    report(two, happened("active_2", 0, raw_status="?"))  # type: ignore[arg-type]  # no kind
    wait_until(lambda: reason(asked(two, "active_2")) == "CARD_STATUS_UNKNOWN", what="unreadable in Sichuan")
    report(two, happened("active_2", KIND.CARD_EVENT_KIND_ACTIVATED))
    wait_until(lambda: reason(asked(two, "active_2")) == "OK", what="in use in Sichuan")
    assert state_of(two, card).card_status == card_pb2.CARD_STATUS_ACTIVE


def test_a_suspended_function_is_told_with_its_legal_basis(two: WholeFederation) -> None:
    """The card still proves an identity for what needs no such function; pensions are refused."""
    card = claims_of(asked(two, "active_2").recognition)["card"]
    report(
        two,
        happened("active_2", KIND.CARD_EVENT_KIND_ACTIVATED),
        happened(
            "active_2",
            KIND.CARD_EVENT_KIND_FUNCTION_SUSPENDED,
            function=card_pb2.CARD_FUNCTION_SOCIAL_SECURITY,
            legal_basis="十堰市社会保障卡一卡通服务管理条例 第十七条",
        ),
    )
    wait_until(lambda: len(state_of(two, card).suspended_functions) == 1, what="suspended in Sichuan")

    def bases() -> set[str]:
        return {c.legal_basis for c in state_of(two, card).classes if c.legal_basis}

    # What is known may be too old for a verdict for a moment, which then says so instead.
    wait_until(lambda: bases() == {"十堰市社会保障卡一卡通服务管理条例 第十七条"}, what="told with its legal basis")
    report(
        two,
        happened(
            "active_2",
            KIND.CARD_EVENT_KIND_FUNCTION_RESTORED,
            function=card_pb2.CARD_FUNCTION_SOCIAL_SECURITY,
        ),
    )
    wait_until(lambda: not state_of(two, card).suspended_functions, what="restored in Sichuan")


def test_a_gate_without_network_knows_the_card_from_its_pack(two: WholeFederation) -> None:
    """A pack of the running gateway, read as a gate does: a recognition of a lost card is refused, another is good."""
    lost, good = (asked(two, vector).recognition for vector in ("active", "active_2"))
    card = claims_of(lost)["card"]
    report(two, happened("active", KIND.CARD_EVENT_KIND_LOST_FORMAL))
    wait_until(lambda: state_of(two, card).card_status == card_pb2.CARD_STATUS_LOST_FORMAL, what="known in Sichuan")
    with two.platform(VISITED) as client:
        request = offline.GetPackRequest(home_regions=[HOME])
        parts = OfflineServiceStub(client.channel).GetPack(request, metadata=client.metadata(), timeout=30)
        data = b"".join(part.data for part in parts)
    with urlopen(f"http://{two.site(VISITED).web}/regions/{VISITED}/jwks.json") as reply:
        pack = OfflinePack.read(data, keys=json.load(reply)["keys"])
    use = Use(item=ITEM, medium="physical", application_class="identity", now=int(time.time()))
    assert pack.check_recognition(good, use=use).verdict is Verdict.ALLOWED
    assert pack.check_recognition(lost, use=use).verdict is Verdict.ASK_ONLINE
    report(two, happened("active", KIND.CARD_EVENT_KIND_THAWED))
    wait_until(lambda: reason(asked(two, "active")) == "OK", what="thawed in Sichuan")


def test_a_request_that_waits_for_the_card_is_held(two: WholeFederation) -> None:
    """From the loss to the thaw, as both regions' platforms see in its history."""
    subject = {"name": NAME, "card_number": number_of("active_3")}
    asked_for = exchange_service.SubmitRequestRequest(idempotency_key="held-1", content=content(subject=subject))
    report(two, happened("active_3", KIND.CARD_EVENT_KIND_LOST_TEMPORARY))
    with two.platform(VISITED) as source, two.platform(HOME) as target:
        asking, asked_there = (ExchangeServiceStub(one.channel) for one in (source, target))
        submitted = asking.SubmitRequest(asked_for, metadata=source.metadata(), timeout=20)
        get = exchange_service.GetRequestRequest(name=submitted.request.name)

        def reached(kind: exchange.RequestEventKind.ValueType) -> bool:
            told = asking.GetRequest(get, metadata=source.metadata(), timeout=20).request.history
            return any(one.kind == kind for one in told)

        wait_until(lambda: reached(exchange.REQUEST_EVENT_KIND_DELIVERED), what="delivered to Chongqing")
        inbox = iter([exchange_service.ReceiveRequestsRequest(open=exchange_service.OpenInbox(credit=1))])
        received: Any = asked_there.ReceiveRequests(inbox, metadata=target.metadata(), timeout=20)
        wait_until(lambda: reached(exchange.REQUEST_EVENT_KIND_HELD), what="held")
        received.cancel()
        report(two, happened("active_3", KIND.CARD_EVENT_KIND_THAWED))
        wait_until(lambda: reached(exchange.REQUEST_EVENT_KIND_RELEASED), what="released")


def test_a_replaced_card_points_to_its_successor(two: WholeFederation) -> None:
    """By a pseudonym of this pair of regions, and with no number; nothing brings the card back."""
    card = claims_of(asked(two, "active").recognition)["card"]
    successor = claims_of(asked(two, "active_2").recognition)["card"]
    report(
        two,
        happened("active", KIND.CARD_EVENT_KIND_REPLACED, successor_card_number=number_of("active_2")),
        happened("active", KIND.CARD_EVENT_KIND_ACTIVATED),
    )
    wait_until(lambda: reason(asked(two, "active")) == "CARD_REPLACED", what="replaced in Sichuan")
    assert state_of(two, card).successor == f"regions/{HOME}/cards/{successor}"
    assert asked(two, "active").verdict.successor.endswith(successor)


def test_what_was_told_last_counts_while_the_home_gateway_is_gone(two: WholeFederation) -> None:
    """A card that is in use still proves an identity, marked as told before; a replaced one is refused."""
    card, replaced = (claims_of(asked(two, vector).recognition)["card"] for vector in ("active_2", "active_3"))
    report(
        two,
        happened("active_2", KIND.CARD_EVENT_KIND_ACTIVATED),
        happened("active_3", KIND.CARD_EVENT_KIND_REPLACED),
    )
    wait_until(lambda: state_of(two, replaced).card_status == card_pb2.CARD_STATUS_REPLACED, what="replaced in Sichuan")
    wait_until(lambda: state_of(two, card).freshness == card_status_pb2.FRESHNESS_LIVE, what="heard just now")
    two.stop(HOME)
    answer = asked(two, "active_2")
    assert answer.verdict.freshness in {card_status_pb2.FRESHNESS_LIVE, card_status_pb2.FRESHNESS_CACHED}
    assert (reason(answer), answer.recognition) == ("OK", "")
    assert reason(asked(two, "active_3")) == "CARD_REPLACED"


def test_a_platform_that_cannot_report_is_polled(tmp_path: Path) -> None:
    """Nobody asks, and the loss is known in Sichuan; the thaw too, but nothing is allowed there without asking."""
    layout = found(tmp_path / "polled", HOME, VISITED)
    config = layout.config(HOME)
    text = config.read_text("utf-8")
    assert text.count("[home.platform]") == 1
    config.write_text(text.replace("[home.platform]", "[home.platform]\npoll_seconds = 0.1"), "utf-8")
    with WholeFederation(layout) as running:
        running.start(HOME, VISITED)
        card = claims_of(asked(running, "active").recognition)["card"]
        running.told_otherwise[HOME] = {"aaz502": "2"}
        lost, active = card_pb2.CARD_STATUS_LOST_FORMAL, card_pb2.CARD_STATUS_ACTIVE
        wait_until(lambda: state_of(running, card).card_status == lost, what="lost in Sichuan")
        del running.told_otherwise[HOME]
        wait_until(lambda: state_of(running, card).card_status == active, what="thawed in Sichuan")
        known = state_of(running, card)
        assert (known.freshness, known.HasField("data_age")) == (card_status_pb2.FRESHNESS_STALE, False)
        assert {one.reason for one in known.classes} == {"STATUS_FEED_STALE"}
        assert reason(asked(running, "active")) == "OK"
