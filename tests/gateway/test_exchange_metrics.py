"""What a node shows of the exchange: what was read of its lanes, for as long as that can be believed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.errors import StoreUnavailableError
from gateway.exchange_metrics import EVERY_SECONDS, SHOWN_SECONDS, ExchangeMetrics
from gateway.metrics import Metrics
from gateway.services.exchange_backlog import Backlog
from gateway.services.exchange_clock import process_time
from gateway.store.engine import open_engine
from gateway.store.migrate import migrate
from gateway.store.store import Store
from tests.fakes.clock import FakeClock
from tests.fakes.exchange import client, exchange_node, until
from tests.gateway.test_metrics import samples

if TYPE_CHECKING:
    from tests.fakes.exchange import ExchangeNode

FAMILIES = ("onecard_exchange_waiting", "onecard_exchange_oldest_seconds", "onecard_exchange_dead_letters")


def shown(metrics: Metrics) -> dict[tuple[str, str], list[float | None]]:
    """Give the values of the families of the exchange, by direction and region."""
    found = samples(metrics)
    lanes = {tuple(value for _, value in labels) for name, labels in found if name in FAMILIES}
    return {
        (direction, region): [found.get((name, (("direction", direction), ("region", region)))) for name in FAMILIES]
        for direction, region in lanes
    }


def watching(node: ExchangeNode, metrics: Metrics, clock: FakeClock) -> ExchangeMetrics:
    """Watch over the lanes of a node."""
    backlog = Backlog(node.store, now=process_time(node.clock))
    return ExchangeMetrics(metrics, backlog, homes=node.homes, peers={"chongqing", "guizhou"}, clock=clock)


async def test_lanes_are_shown_as_they_were_when_they_were_read(store_url: str) -> None:
    """Each region of the configuration has its series, empty lanes too; a scrape reads nothing itself."""
    metrics, clock = Metrics(), FakeClock(0.0)
    async with exchange_node(store_url, "sichuan") as node, client(node, "platform.sichuan") as source:
        watch = watching(node, metrics, clock)
        assert shown(metrics) == {}
        await source.submit()
        node.clock.advance(10)
        await watch.look()
        seen = {("in", "sichuan"): [0, 0, 0], ("out", "chongqing"): [1, 10, 0], ("out", "guizhou"): [0, 0, 0]}
        assert shown(metrics) == seen
        await source.submit("key-2")
        assert shown(metrics) == seen
        await watch.look()
        assert shown(metrics)["out", "chongqing"] == [2, 10, 0]


async def test_what_cannot_be_read_anew_is_shown_for_a_minute(store_url: str) -> None:
    """A store that is gone for a moment leaves no gap; then nothing is shown, until it can be read again."""
    metrics, clock = Metrics(), FakeClock(0.0)
    async with exchange_node(store_url, "sichuan") as node:
        watch = watching(node, metrics, clock)
        await watch.look()
        clock.advance(SHOWN_SECONDS)
        assert len(shown(metrics)) == 3
        clock.advance(1)
        assert shown(metrics) == {}
        await watch.look()
        assert len(shown(metrics)) == 3
    assert EVERY_SECONDS * 3 < SHOWN_SECONDS


async def test_the_task_goes_on_when_the_store_cannot_be_read(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While all connections are taken nothing is read, and nothing breaks; then it is, by itself."""
    monkeypatch.setattr("gateway.exchange_metrics.EVERY_SECONDS", 0.01)
    metrics = Metrics()
    engine = open_engine(store_url, readers=1)
    await migrate(engine)
    store = Store(engine)
    await store.open()
    watch = ExchangeMetrics(metrics, Backlog(store, now=process_time(FakeClock())), homes={"sichuan"}, peers=())
    async with store.reading():
        with pytest.raises(StoreUnavailableError):
            await watch.look()
        task = asyncio.create_task(watch.run())
        await asyncio.sleep(0)
        assert shown(metrics) == {}

    async def read() -> bool:
        return shown(metrics) == {("in", "sichuan"): [0, 0, 0]}

    await until(read)
    task.cancel()
    await asyncio.wait({task})
    await store.close()
