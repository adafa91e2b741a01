"""The port of operators: metrics in the text format, and nothing else."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession

from gateway.errors import SettingsError
from gateway.metrics import Metrics
from gateway.web.metrics import MetricsSide
from tests.fakes.configuration import free_address
from tests.fakes.journal import FakeJournal


async def test_metrics_are_read_in_the_text_format() -> None:
    """Prometheus gets what it knows; other paths do not exist."""
    metrics, address = Metrics(), free_address()
    metrics.events.labels("ready").inc()
    side = MetricsSide(metrics, address, journal=FakeJournal())
    await side.start()
    try:
        async with ClientSession() as session:
            async with session.get(f"http://{address}/metrics") as reply:
                text, kind = await reply.text(), reply.headers["content-type"]
            async with session.get(f"http://{address}/debug") as reply:
                missing = reply.status
    finally:
        await side.close()
    assert 'onecard_events_total{event="ready"} 1.0' in text
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    assert missing == 404


async def test_a_taken_port_refuses_the_start() -> None:
    """The fault names the setting."""
    address = free_address()
    first, second = (MetricsSide(Metrics(), address, journal=FakeJournal()) for _ in range(2))
    await first.start()
    try:
        with pytest.raises(SettingsError) as caught:
            await second.start()
    finally:
        await first.close()
        await second.close()
    assert "listen.metrics" in str(caught.value)


async def test_what_never_began_can_be_closed() -> None:
    """A node that failed to start closes all its parts."""
    await MetricsSide(Metrics(), "127.0.0.1:1", journal=FakeJournal()).close()
