"""A node whose gRPC side falls says so, on the web and by its exit, and one that is told to stop does not."""

from __future__ import annotations

import asyncio
import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession

import gateway.node
from gateway.errors import GatewayError
from gateway.node import Listening, Node, ServerEndedError, keep_running
from gateway.web.app import WebSide
from tests.fakes.configuration import free_address
from tests.fakes.journal import FakeJournal
from tests.fakes.node import FakeNode

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

CALLERS_WORDS = "what a caller sent"


class FallingServer:
    """Stands before a real server, and falls when a test says so."""

    def __init__(self, server: Any) -> None:  # noqa: ANN401 - a server of ours
        """Take the server."""
        self._server = server
        self.fall: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def __getattr__(self, name: str) -> object:
        """Be the server in everything else."""
        return getattr(self._server, name)

    async def ended(self) -> None:
        """Wait for the fall, or for the real end."""
        real = asyncio.create_task(self._server.ended())
        await asyncio.wait({real, self.fall}, return_when=asyncio.FIRST_COMPLETED)
        if self.fall.done():
            await self.fall


@pytest.fixture
def parts() -> tuple[WebSide, str, FakeJournal]:
    """Give a web side, its address, and a journal."""
    return WebSide(key_sets=dict, ready=lambda: {"chongqing": True}), free_address(), FakeJournal()


def node_of(
    server: Any,  # noqa: ANN401 - a server of ours
    parts: tuple[WebSide, str, FakeJournal],
    tasks: Sequence[Callable[[], Coroutine[None, None, None]]] = (),
) -> Node:
    """Put a node together."""
    web, address, journal = parts
    return Node(
        server=server,
        web=web,
        grpc=[Listening("127.0.0.1:0", None)],
        web_address=address,
        tasks=tasks,
        closers=(),
        journal=journal,
        drain_seconds=0,
    )


async def ready_events(journal: FakeJournal) -> None:
    """Wait until the node is ready."""
    while "ready" not in [line["event"] for line in journal.lines]:
        await asyncio.sleep(0.01)


async def test_a_fall_of_the_grpc_side_is_told_and_ends_the_node(parts: tuple[WebSide, str, FakeJournal]) -> None:
    """By an event with the type only, by both web routes, and by an error that the command ends with."""
    _, address, journal = parts
    server = FallingServer(FakeNode().server())
    seen: list[tuple[int, dict[str, bool]]] = []

    async def look() -> None:
        async with ClientSession() as session:
            async with session.get(f"http://{address}/livez") as alive:
                seen.append((alive.status, await alive.json()))
            async with session.get(f"http://{address}/readyz") as ready:
                seen.append((ready.status, (await ready.json())["parts"]))

    async def slow_stop() -> None:
        await look()
        await real_stop()

    node = node_of(server, parts)
    real_stop, node.stop = node.stop, slow_stop  # type: ignore[method-assign]  # looks in between
    serving = asyncio.create_task(node.serve())
    await ready_events(journal)
    await look()
    server.fall.set_exception(ValueError(CALLERS_WORDS))
    with pytest.raises(ServerEndedError) as raised:
        await serving
    assert isinstance(raised.value, GatewayError)
    assert CALLERS_WORDS not in str(raised.value) + journal.text
    assert seen[:2] == [(200, {"live": True}), (200, {"chongqing": True})]
    assert seen[2:] == [(503, {"live": False}), (503, {"chongqing": True, "grpc": False})]
    fell = next(line for line in journal.lines if line["event"] == "server_ended")
    assert fell["type"] == "ValueError"
    assert journal.lines[-1]["event"] == "stopped"


async def test_an_end_without_an_error_is_a_fall_too(parts: tuple[WebSide, str, FakeJournal]) -> None:
    """Nobody told the server to end."""
    server = FallingServer(FakeNode().server())
    serving = asyncio.create_task(node_of(server, parts).serve())
    await ready_events(parts[2])
    server.fall.set_result(None)
    with pytest.raises(ServerEndedError):
        await serving


async def test_a_node_that_is_told_to_stop_ends_well(parts: tuple[WebSide, str, FakeJournal]) -> None:
    """SIGTERM ends the same server without a word of a fall."""
    serving = asyncio.create_task(node_of(FakeNode().server(), parts).serve())
    await ready_events(parts[2])
    os.kill(os.getpid(), signal.SIGTERM)
    await serving
    assert [line["event"] for line in parts[2].lines] == ["ready", "stopping", "stopped"]


async def test_what_runs_beside_the_servers_does_not_die_in_silence(
    parts: tuple[WebSide, str, FakeJournal], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw is told by its type and the name of the work, which begins again; what ended has ended."""
    monkeypatch.setattr(gateway.node, "_AGAIN_SECONDS", 0.0)
    begun: list[str] = []
    ended = asyncio.Event()

    async def falls_once(word: str) -> None:
        begun.append(word)
        if begun == [word]:
            raise ValueError(CALLERS_WORDS)
        ended.set()

    node = node_of(FakeNode().server(), parts, tasks=[partial(falls_once, "once")])
    await node.start()
    await asyncio.wait_for(ended.wait(), 20)
    await asyncio.sleep(0.05)
    await node.stop()
    assert begun == ["once", "once"]
    (told,) = [line for line in parts[2].lines if line["event"] == "task_failed"]
    assert told["task"].endswith("falls_once")
    assert told["type"] == "ValueError"
    assert CALLERS_WORDS not in parts[2].text


async def test_a_task_that_fails_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw is told by its type alone, and the task goes on; to be cancelled is its end."""
    monkeypatch.setattr(gateway.node, "_AGAIN_SECONDS", 0.0)
    begun: list[int] = []
    third = asyncio.Event()
    journal = FakeJournal()

    async def work() -> None:
        begun.append(1)
        if len(begun) == 1:
            raise ZeroDivisionError
        if len(begun) == 3:
            third.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(keep_running("lanes", work, journal, event="exchange_task_failed"))
    await asyncio.wait_for(third.wait(), 20)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [(line["event"], line["task"], line["type"]) for line in journal.lines] == [
        ("exchange_task_failed", "lanes", "ZeroDivisionError")
    ]
