"""A slow, thin, cut or deaf line between two running gateways: an answer in time, and one effect, lost nor doubled."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.shaped_line import ShapedLine
from tests.gateway.small_federation import found
from tests.gateway.whole_federation import WholeFederation
from tests.sandbox_fixture.cards import verify_request
from tests.sandbox_fixture.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.sandbox_fixture.calls import Outcome

VERIFY = "IdentityService/VerifyCard"
PATIENCE = 1.5
"""Seconds that a gateway waits for another one in these tests."""

CLIENT_SECONDS = 30.0
"""Seconds that the caller waits: whatever comes before with a reason is the gateway's own answer, in bounded time."""


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeFederation]:
    """Run Chongqing; Sichuan is started by each test, on a line of its own."""
    with WholeFederation(found(tmp_path_factory.mktemp("lines") / "two", "chongqing", "sichuan")) as running:
        running.start("chongqing")
        yield running


@pytest.fixture
def line(federation: WholeFederation, monkeypatch: pytest.MonkeyPatch) -> Iterator[ShapedLine]:
    """Start Sichuan, which reaches Chongqing over this line and has asked once; its patience is short."""
    monkeypatch.setattr("gateway.peers.channel._TIMEOUT_SECONDS", PATIENCE)
    there = federation.site("chongqing").mutual
    made = federation.run(ShapedLine(to=there).start())
    config = federation.config("sichuan")
    text = config.read_text("utf-8")
    assert text.count(f'address = "{there}"') == 1
    config.write_text(text.replace(f'address = "{there}"', f'address = "127.0.0.1:{made.port}"'), "utf-8")
    try:
        federation.start("sichuan")
        wait_until(lambda: told(ask(federation)) == "OK", what="both believe each other")
        yield made
    finally:
        federation.stop("sichuan")
        config.write_text(text, "utf-8")
        federation.run(made.stop())


def ask(federation: WholeFederation, request_id: str = "") -> Outcome:
    """Ask about a card of Chongqing as Sichuan's platform."""
    request = verify_request("chongqing", "SC-13", request_id=request_id or uuid.uuid4().hex)
    with federation.platform("sichuan") as client:
        return client.call(VERIFY, request, timeout=CLIENT_SECONDS)


def told(outcome: Outcome) -> str:
    """Give code and reason; a refusal without our reason would be the client's own."""
    return "OK" if outcome.code.name == "OK" else f"{outcome.code.name} {outcome.reason}"


@pytest.mark.parametrize("shape", [{"latency": 0.1}, {"piece": 7}, {"bytes_per_second": 65_536}], ids=str)
def test_a_slow_line_is_only_slow(federation: WholeFederation, line: ShapedLine, shape: dict[str, float]) -> None:
    """TR6: latency, slices of a few bytes, and little room are no faults while the answer comes in time."""
    for name, value in shape.items():
        setattr(line, name, value)
    before = federation.looked_up["chongqing"]
    assert told(ask(federation)) == "OK"
    assert federation.looked_up["chongqing"] == before + 1


@pytest.mark.parametrize("shape", [{"latency": 2.0}, {"bytes_per_second": 1024}, {"deaf": True}], ids=str)
def test_a_line_that_gives_no_answer_in_time_is_given_up(
    federation: WholeFederation, line: ShapedLine, shape: dict[str, float]
) -> None:
    """TR6: two seconds of latency, 1 KB/s, and half-open: DEADLINE_EXCEEDED, and one effect when the line heals."""
    for name, value in shape.items():
        setattr(line, name, value)
    before, request_id = federation.looked_up["chongqing"], uuid.uuid4().hex
    assert told(ask(federation, request_id)) == "DEADLINE_EXCEEDED DEADLINE"
    line.heal()
    answer = ask(federation, request_id)
    assert told(answer) == "OK", "over another connection: the old one may be dead without anybody knowing"
    assert answer.reply.recognition
    assert federation.looked_up["chongqing"] == before + 1, "neither lost nor doubled"


def test_a_connection_that_is_reset_within_an_answer_is_opened_again(
    federation: WholeFederation, line: ShapedLine
) -> None:
    """TR6: the call is repeated under its own id: the caller notices nothing, and the card was looked up once."""
    wait_until(lambda: told(ask(federation)) == "OK", what="a connection that is open, to be cut within an answer")
    before = federation.looked_up["chongqing"], line.connections
    line.answered, line.cut_after, line.cuts = 0, 200, 1
    assert told(ask(federation)) == "OK"
    assert line.cuts == 0, "the line was cut"
    assert (federation.looked_up["chongqing"], line.connections) == (before[0] + 1, before[1] + 1)


def test_a_line_that_is_reset_again_and_again_is_told(federation: WholeFederation, line: ShapedLine) -> None:
    """TR6: UNAVAILABLE, safe to retry: under the same id the answer is that of the one look-up."""
    before, request_id = federation.looked_up["chongqing"], uuid.uuid4().hex
    line.answered, line.cut_after, line.cuts = 0, 200, 1000
    assert told(ask(federation, request_id)) == "UNAVAILABLE PEER_UNAVAILABLE"
    line.heal()
    wait_until(lambda: told(ask(federation, request_id)) == "OK", what="the connection is opened again")
    assert told(ask(federation, request_id)) == "OK"
    assert federation.looked_up["chongqing"] == before + 1


def test_others_are_not_held_up_by_a_deaf_line(federation: WholeFederation, line: ShapedLine) -> None:
    """TR6: while calls wait for Chongqing, Sichuan answers about its own cards."""
    line.deaf = True
    request = verify_request("chongqing", "SC-13", request_id=uuid.uuid4().hex)
    with federation.platform("sichuan") as waiting, federation.platform("sichuan") as client:
        verify: Any = waiting.channel.unary_unary(f"/onecard.gateway.v1.{VERIFY}", None, None)
        pending = [
            verify.future(request.SerializeToString(), metadata=waiting.metadata(), timeout=CLIENT_SECONDS)
            for _ in range(20)
        ]
        own = verify_request("sichuan", "SC-13", request_id=uuid.uuid4().hex)
        assert told(client.call(VERIFY, own)) == "OK"
        assert not all(call.done() for call in pending)
        for call in pending:
            call.cancel()
