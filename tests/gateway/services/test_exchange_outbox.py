"""The outbox: what becomes of an errand that cannot be told, that is told in vain, or that nobody can note any more."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from gateway.errors import (
    AttachmentNotFoundError,
    ContentErasedError,
    DeadlineError,
    GatewayError,
    LeaseLostError,
    PeerProtocolError,
    PeerRefusedError,
    PeerUnavailableError,
    StoreUnavailableError,
)
from gateway.services.exchange_dead_letters import DeadLetters
from gateway.services.exchange_errands import DEATHS, LEASE_SECONDS, Errand, Verdict
from gateway.services.exchange_outbox import GONE_SECONDS, Outbox, _pause, judge
from gateway.services.exchange_queue import Taken
from gateway.store.tables_exchange import REQUESTS
from onecard.gateway.v1 import exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from tests.fakes.exchange import client, delivering, exchange_node, in_state, pair, until
from tests.fakes.journal import FakeJournal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from gateway.services.exchange_board import Board
    from gateway.services.exchange_errands import Errands, Refused
    from gateway.store.transaction import Transaction
    from tests.fakes.exchange import Client, ExchangeNode


def _errand(place: int = 1, key: bytes = b"k") -> Errand:
    taken = Taken(place, b"r", "submitted", 1, key, 1, 1, dead=False)
    return Errand(taken, cast("Any", None), cast("Any", None))


def _said(code: str, reason: str) -> PeerRefusedError:
    return PeerRefusedError(code=code, reason=reason, violations=())


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (PeerUnavailableError(region="chongqing"), None),
        (DeadlineError(), None),
        (_said("UNAVAILABLE", "STORE_UNAVAILABLE"), None),
        (_said("RESOURCE_EXHAUSTED", "QUEUE_FULL"), None),
        (PeerProtocolError(region="chongqing", rule="not_believed"), None),
        (StoreUnavailableError(fault="lost"), None),
        (StoreUnavailableError(fault="seal_broken"), Verdict.FOR_NOW),
        (PeerProtocolError(region="chongqing", rule="answer:digest"), Verdict.FOR_NOW),
        (_said("FAILED_PRECONDITION", "ATTACHMENT_INCOMPLETE"), Verdict.FOR_NOW),
        (_said("FAILED_PRECONDITION", "REQUEST_STATE"), Verdict.MOOT),
        (_said("PERMISSION_DENIED", "NO_AGREEMENT"), Verdict.AGREEMENT),
        (_said("PERMISSION_DENIED", "ITEM_NOT_OFFERED"), Verdict.AGREEMENT),
        (_said("PERMISSION_DENIED", "CALLER_REGION"), Verdict.FOR_GOOD),
        (_said("ALREADY_EXISTS", "IDEMPOTENCY_KEY_REUSED"), Verdict.FOR_GOOD),
        (ContentErasedError(), Verdict.FOR_GOOD),
        (AttachmentNotFoundError(), Verdict.FOR_GOOD),
    ],
)
def test_an_error_is_the_errands_or_the_gateways(error: GatewayError, verdict: Verdict | None) -> None:
    """What says something of the other gateway or the store is waited for; the rest is the errand's own."""
    judged = judge(_errand(), error, "REASON")
    assert (judged and judged.verdict) == verdict


@given(st.integers(1, 10**9))
def test_a_lost_gateway_is_tried_again_within_ten_seconds(gone: int) -> None:
    """However often it was lost, it is never left alone for longer, and never asked again at once."""
    pause = _pause(gone)
    assert 0.5 <= pause <= GONE_SECONDS == 10.0
    assert pause <= 2.0 ** min(gone - 1, 4)


@dataclass(slots=True)
class Forgetful:
    """Errands of which nothing can be noted: another has the lease, or the store is away."""

    given: list[Errand]
    error: GatewayError
    noted: list[str] = field(default_factory=list)

    def reason_of(self, _error: Exception) -> str:
        """Name every error alike."""
        return "REASON"

    async def take(self, _peer: str, *, most: int) -> list[Errand]:
        """Give them once."""
        given, self.given = self.given[:most], []
        return given

    async def settle(self, _errand: Errand, _receipt: str = "") -> None:
        """Fail."""
        self.noted.append("settle")
        raise self.error

    async def refuse(self, _refused: Refused) -> None:
        """Fail."""
        self.noted.append("refuse")
        raise self.error

    async def renew(self, _taken: Sequence[Taken]) -> None:
        """Fail."""
        self.noted.append("renew")
        raise StoreUnavailableError

    async def release(self, taken: Sequence[Taken], *, delay_seconds: float) -> None:
        """Note it, and fail."""
        assert delay_seconds > 0
        self.noted.append(f"release {[one.place for one in taken]}")
        raise StoreUnavailableError


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[Board]:
    """Give a board of a gateway."""
    async with exchange_node(f"sqlite:///{tmp_path}/s", "sichuan") as node:
        yield node.lanes


async def round_of(board: Board, errands: Forgetful, send: Any) -> FakeJournal:  # noqa: ANN401 - any kind of Send
    """Let an outbox work until nothing is left to take, and end it."""
    journal = FakeJournal()
    outbox = Outbox(cast("Errands", errands), peer="chongqing", send=send, board=board, journal=journal)
    running = asyncio.create_task(outbox.run())

    async def released() -> bool:
        return any(one.startswith("release") for one in errands.noted)

    await until(released)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    return journal


@pytest.mark.parametrize("error", [LeaseLostError(), StoreUnavailableError()])
async def test_what_cannot_be_noted_is_given_back(board: Board, error: GatewayError) -> None:
    """What was told, or refused, and cannot be noted, will be told once more; what comes behind it waits."""

    async def send(errand: Errand) -> str:
        if errand.taken.order_key == b"refused":
            raise ContentErasedError
        return ""

    errands = Forgetful([_errand(1), _errand(2), _errand(3, b"refused")], error)
    journal = await round_of(board, errands, send)
    assert errands.noted == ["refuse", "settle", "release [1, 2, 3]"]
    assert journal.lines == []


async def test_what_is_told_at_the_same_time_is_noted_together(board: Board) -> None:
    """While more waits to be told, nothing is noted by itself: one synchronization of the disk is for several."""
    errands = Forgetful([_errand(1, b"one"), _errand(2, b"two"), _errand(3, b"three")], LeaseLostError())

    async def send(_errand: Errand) -> str:
        errands.noted.append("send")
        return ""

    await round_of(board, errands, send)
    assert errands.noted == [*3 * ["send"], *3 * ["settle"], "release [1, 2, 3]"]


async def test_a_lease_that_cannot_be_renewed_stops_nothing(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the store is away leases are not renewed; the outbox goes on trying, and tells what it has begun."""
    errands = Forgetful([_errand()], StoreUnavailableError())

    async def send(_errand: Errand) -> str:
        async def renewed() -> bool:
            return errands.noted.count("renew") > 1

        await until(renewed)
        return ""

    monkeypatch.setattr("gateway.services.exchange_outbox._RENEW_SECONDS", 0.01)
    await round_of(board, errands, send)
    assert errands.noted[-2:] == ["settle", "release [1]"]


@pytest.fixture
async def parties(tmp_path: Path) -> AsyncIterator[tuple[ExchangeNode, ExchangeNode, Client, Client]]:
    """Run two gateways, and a platform at each."""
    async with (
        pair(f"sqlite:///{tmp_path}/source/s", f"sqlite:///{tmp_path}/target/s") as (sichuan, chongqing),
        client(sichuan, "platform.sichuan") as source,
        client(chongqing, "platform.chongqing") as target,
    ):
        yield sichuan, chongqing, source, target


async def rewrite(node: ExchangeNode, name: str, **columns: object) -> None:
    """Change a row behind the back of the gateway."""
    ident = bytes.fromhex(name.rpartition("/")[2])

    async def write(transaction: Transaction, items: Sequence[None]) -> Sequence[None]:
        await transaction.execute(update(REQUESTS).where(REQUESTS.c.id == ident).values(columns), {})
        return items

    await node.store.commit(write, None)


async def letters_of(node: ExchangeNode) -> list[tuple[str, str, str]]:
    """Wait for dead letters, letting time pass; give their requests, tasks and reasons."""

    async def dead() -> Any:  # noqa: ANN401 - letters, or nothing
        node.clock.advance(400)
        return await DeadLetters(node.store).all()

    return [(one.request, one.task, one.reason) for one in await until(dead)]


@pytest.mark.parametrize(("content", "reason"), [(None, "CONTENT_ERASED"), (b"\x01" + b"x" * 60, "STORE_UNAVAILABLE")])
async def test_what_cannot_be_read_is_laid_aside(
    parties: tuple[ExchangeNode, ExchangeNode, Client, Client], content: bytes | None, reason: str
) -> None:
    """DU8: a request whose content is gone, or does not open, comes to the operator; those beside it arrive."""
    sichuan, _, source, _ = parties
    bad, good = [(await source.submit(key)).request.name for key in ("bad", "good")]
    await rewrite(sichuan, bad, content=content)
    async with delivering((sichuan, "chongqing")):
        await until(in_state(source, good, "DELIVERED"))
        assert await letters_of(sichuan) == [(bad, "submitted", reason)]


@pytest.mark.parametrize("part", ["reply", "disputes"])
async def test_a_reply_or_objection_that_is_gone_is_laid_aside(
    parties: tuple[ExchangeNode, ExchangeNode, Client, Client], part: str
) -> None:
    """What is to be told of a request and is not there any more comes to the operator, too."""
    sichuan, chongqing, source, target = parties
    name = (await source.submit()).request.name
    async with delivering((sichuan, "chongqing")):
        await until(in_state(target, name, "DELIVERED"))
    if part == "reply":
        await target.complete(name)
    else:
        opening = pb.DisputeOpening(ground=exchange_pb2.DISPUTE_GROUND_OTHER, text="wrong")
        await target.call("DisputeRequest", pb.DisputeRequestRequest(name=name, opening=opening))
    await rewrite(chongqing, name, **{part: None})
    async with delivering((chongqing, "sichuan")):
        ((letter, task, reason),) = await letters_of(chongqing)
    assert (letter, task, reason) == (name, {"reply": "completed", "disputes": "disputed"}[part], "CONTENT_ERASED")


async def test_what_nobody_foresaw_counts_against_its_errand_alone(
    parties: tuple[ExchangeNode, ExchangeNode, Client, Client],
) -> None:
    """DU8: an errand on which the outbox breaks down is not given back, so it has an end; those beside it are told."""
    sichuan, _, source, _ = parties
    bad = (await source.submit("bad", ordering_key="x")).request.name
    good = (await source.submit("good")).request.name
    tell = sichuan.send("chongqing")

    async def send(errand: Errand) -> str:
        if errand.request.name == bad:
            raise ZeroDivisionError
        return await tell(errand)

    for tried in range(DEATHS):
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(sichuan.outbox("chongqing", send=send).run(), timeout=20)
        assert (await source.get(good)).state == exchange_pb2.REQUEST_STATE_DELIVERED
        assert await DeadLetters(sichuan.store).all() == [], tried
        sichuan.clock.advance(LEASE_SECONDS + 1)
    async with delivering((sichuan, "chongqing")):
        ((letter, _, _),) = await letters_of(sichuan)
    assert letter == bad


async def test_a_receipt_that_is_wrong_is_asked_for_again(
    parties: tuple[ExchangeNode, ExchangeNode, Client, Client],
) -> None:
    """A reply counts as told only with the other gateway's signature; one that never gives it comes to the operator."""
    sichuan, chongqing, source, target = parties
    name = (await source.submit()).request.name
    async with delivering((sichuan, "chongqing")):
        await until(in_state(target, name, "DELIVERED"))
    await target.complete(name)
    tell = chongqing.send("sichuan")

    async def send(errand: Errand) -> str:
        await tell(errand)
        return errand.request.receipt or ""

    outbox = asyncio.create_task(chongqing.outbox("sichuan", send=send).run())
    assert await letters_of(chongqing) == [(name, "completed", "RECEIPT_INVALID")]
    outbox.cancel()
    (letter,) = await DeadLetters(chongqing.store).all()
    assert await DeadLetters(chongqing.store).requeue([letter.place]) == [letter]
    async with delivering((chongqing, "sichuan")):

        async def both_signed() -> bool:
            return bool((await target.get(name)).receipt_ready)

        await until(both_signed)


async def test_news_that_came_too_late_are_dropped(parties: tuple[ExchangeNode, ExchangeNode, Client, Client]) -> None:
    """What the source's gateway has to tell of a request that went on meanwhile is dropped, and noted."""
    sichuan, chongqing, source, target = parties
    name = (await source.submit()).request.name
    async with delivering((sichuan, "chongqing")):
        await until(in_state(target, name, "DELIVERED"))
    await target.complete(name)
    async with delivering((chongqing, "sichuan")):
        await until(in_state(source, name, "COMPLETED"))
    opening = pb.DisputeOpening(ground=exchange_pb2.DISPUTE_GROUND_OTHER, text="wrong")
    await source.call("DisputeRequest", pb.DisputeRequestRequest(name=name, opening=opening))

    async def send(_errand: Errand) -> str:
        raise _said("FAILED_PRECONDITION", "REQUEST_STATE")

    outbox = asyncio.create_task(sichuan.outbox("chongqing", send=send).run())

    async def noted() -> bool:
        return any(one.reason == "REQUEST_STATE" for one in sichuan.decisions)

    await until(noted)
    outbox.cancel()
    assert await DeadLetters(sichuan.store).all() == []
    assert await sichuan.errands.take("chongqing", most=10) == []
