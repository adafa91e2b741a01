"""What a node shows of the lanes of the exchange: how many wait, since when, and how many were laid aside.

A task of the node reads it from the store every some seconds; whoever reads the metrics waits for no store. What was
read is shown for a minute. Where the store cannot be read for longer, nothing is shown: an old number would look as if
nothing had happened, and that the store is lost is told elsewhere (`onecard_ready`, `store_lost`).
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from prometheus_client.core import GaugeMetricFamily

from gateway.errors import StoreUnavailableError
from gateway.services.exchange_ledger import lane_in, lane_out

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from prometheus_client.registry import Collector

    from gateway.metrics import Metrics
    from gateway.services.exchange_backlog import Backlog, Lane
    from gateway.services.ports import Clock

EVERY_SECONDS: Final = 15.0
SHOWN_SECONDS: Final = 60.0
"""How long a number is shown that could not be read anew: a look that fails now and then leaves no gap."""

_LABELS: Final = ("direction", "region")


class ExchangeMetrics:
    """The families of the exchange, by direction and region; regions are those that the configuration names.

    Args:
        metrics: to whose registry they are added.
        backlog: reads the lanes.
        homes: regions with a lane in, to the platform.
        peers: regions with a lane out, to the gateway.
        clock: seconds, from any beginning.
    """

    def __init__(
        self,
        metrics: Metrics,
        backlog: Backlog,
        *,
        homes: Collection[str],
        peers: Collection[str],
        clock: Clock = time.monotonic,
    ) -> None:
        """Add them, with nothing read yet."""
        self._backlog = backlog
        self._labels = {lane_in(region): ("in", region) for region in sorted(homes)}
        self._labels |= {lane_out(region): ("out", region) for region in sorted(peers)}
        self._clock = clock
        self._read: Mapping[str, Lane] = {}
        self._read_at = clock()
        metrics.registry.register(self)

    async def run(self) -> None:
        """Look at the lanes until cancelled."""
        while True:
            with suppress(StoreUnavailableError):
                await self.look()
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """Look at the lanes once (StoreUnavailableError; what was read before stays then)."""
        self._read, self._read_at = await self._backlog.look(self._labels), self._clock()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Give what was read last, and nothing where that is too long ago."""
        waiting = GaugeMetricFamily(
            "onecard_exchange_waiting", "Requests and messages that wait in a lane.", labels=_LABELS
        )
        oldest = GaugeMetricFamily(
            "onecard_exchange_oldest_seconds", "For how long the oldest of them has waited.", labels=_LABELS
        )
        dead = GaugeMetricFamily(
            "onecard_exchange_dead_letters", "Requests and messages that were laid aside.", labels=_LABELS
        )
        shown = self._clock() - self._read_at <= SHOWN_SECONDS
        for name, lane in self._read.items() if shown else ():
            waiting.add_metric(self._labels[name], lane.waiting)
            oldest.add_metric(self._labels[name], lane.oldest_seconds)
            dead.add_metric(self._labels[name], lane.dead)
        yield waiting
        yield oldest
        yield dead

    def describe(self) -> Iterable[Collector]:
        """Name nothing before it is collected: numbers are known when the node runs."""
        return ()
