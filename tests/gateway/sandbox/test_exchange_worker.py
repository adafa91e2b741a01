"""The receiving part of a simulated platform: it answers what comes, and does it once, whatever breaks in between."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from gateway.sandbox.exchange_worker import Deeds, ExchangeWorker
from onecard.gateway.v1 import exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from tests.fakes.exchange import AUTHORITY, client, exchange_node, in_state, until
from tests.fakes.exchange_contents import HOLDER, reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.sandbox.layout import Layout, Site
    from tests.fakes.exchange import ExchangeNode

STRANGER = "110101190001010014"
REQUEST = "regions/sichuan/requests/" + "a" * 32


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[ExchangeNode]:
    """Run one gateway for both regions."""
    async with exchange_node(f"sqlite:///{tmp_path}/s", "hub", homes=("sichuan", "chongqing")) as node:
        yield node


@pytest.fixture
def worker(hub: ExchangeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExchangeWorker:
    """Give the worker of Chongqing, who knows one holder."""
    (tmp_path / "callers").mkdir()
    ca = tmp_path / "ca.pem"
    ca.write_bytes(AUTHORITY.certificate)
    monkeypatch.setattr(
        "gateway.sandbox.exchange_worker._OPTIONS", (("grpc.ssl_target_name_override", "hub.onecard.test"),)
    )
    monkeypatch.setattr("gateway.sandbox.exchange_worker._AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(
        "gateway.sandbox.exchange_worker.platform_token",
        lambda _folder, region: hub.bearer(f"platform.{region}")[0][1].removeprefix("Bearer "),
    )
    layout = cast("Layout", SimpleNamespace(folder=tmp_path, ca=ca))
    site = cast("Site", SimpleNamespace(region="chongqing", grpc=hub.address))
    return ExchangeWorker(layout, site, holders=frozenset({HOLDER}))


@asynccontextmanager
async def working(worker: ExchangeWorker) -> AsyncIterator[None]:
    """Let it work in the background."""
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def deeds(folder: Path) -> list[str]:
    """List the requests that were done."""
    lines = (folder / "callers" / "chongqing.deeds.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["request"] for line in lines]


async def test_requests_are_answered_and_done_once(hub: ExchangeNode, worker: ExchangeWorker, tmp_path: Path) -> None:
    """What waits and what comes is answered; whom nobody knows is rejected; what was withdrawn meanwhile is let be."""
    async with client(hub, "platform.sichuan") as source:
        early = (await source.submit("early")).request.name
        async with working(worker):
            await until(in_state(source, early, "COMPLETED"))
            unknown = (await source.submit("unknown", subject={"social_security_number": STRANGER})).request.name
            rejected = await until(in_state(source, unknown, "REJECTED"))
    assert rejected.reply.rejection.reason == exchange_pb2.REJECTION_REASON_SUBJECT_NOT_FOUND
    assert deeds(tmp_path) == [early, unknown]


async def test_what_was_taken_and_not_answered_is_answered_later(
    hub: ExchangeNode, worker: ExchangeWorker, tmp_path: Path
) -> None:
    """After a break it answers what it had taken, with what it did then; what cannot be told is let be."""
    async with client(hub, "platform.sichuan") as source, client(hub, "platform.chongqing") as target:
        names = [(await source.submit(f"key-{number}")).request.name for number in range(3)]
        for name in names:
            taken = pb.AdvanceRequestRequest(name=name, state=exchange_pb2.REQUEST_STATE_ACCEPTED)
            await target.call("AdvanceRequest", taken)
        opening = pb.DisputeOpening(ground=exchange_pb2.DISPUTE_GROUND_OTHER, text="wrong")
        await target.call("DisputeRequest", pb.DisputeRequestRequest(name=names[2], opening=opening))
        done = Deeds(tmp_path / "callers" / "chongqing.deeds.jsonl").once(names[0], reply("C-0"))
        worker._deeds = Deeds(tmp_path / "callers" / "chongqing.deeds.jsonl")  # as after a start
        async with working(worker):
            answered = [await until(in_state(source, name, "COMPLETED")) for name in names[:2]]
            late = (await source.submit("late")).request.name
            await until(in_state(source, late, "COMPLETED"))
        left = await source.get(names[2])
    assert answered[0].reply == done
    assert answered[1].reply.synthetic
    assert left.state == exchange_pb2.REQUEST_STATE_ACCEPTED


async def test_a_gateway_that_is_away_is_tried_again(hub: ExchangeNode, worker: ExchangeWorker) -> None:
    """When a stream breaks, another is opened; an answer that the gateway cannot take just now is given then."""
    broken: list[str] = []
    complete = hub.use.act.__call__

    async def fail_once(*arguments: Any) -> Any:  # noqa: ANN401 - as it is called
        if not broken and type(arguments[1]).__name__ == "Answer":
            broken.append("broken")
            raise ZeroDivisionError
        return await complete(*arguments)

    async with client(hub, "platform.sichuan") as source:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(hub.use.act), "__call__", lambda _self, *arguments: fail_once(*arguments))
            name = (await source.submit()).request.name
            async with working(worker):
                await until(in_state(source, name, "COMPLETED"))
    assert broken == ["broken"]


def test_a_line_that_was_not_written_whole_was_never_told(tmp_path: Path) -> None:
    """A deed is known after a start; half a line at the end is none."""
    file = tmp_path / "deeds.jsonl"
    first = Deeds(file).once(REQUEST, reply("C-1"))
    with file.open("a", encoding="utf-8") as stream:
        stream.write('{"request": "regions/sich')
    again = Deeds(file)
    assert again.once(REQUEST, reply("C-2")) == first == reply("C-1")


def test_a_deed_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    """Where the file cannot be written nothing was done, and nothing is told."""
    deeds = Deeds(tmp_path / "nowhere" / "deeds.jsonl")
    for _ in range(2):
        with pytest.raises(OSError, match="deeds"):
            deeds.once(REQUEST, reply())
