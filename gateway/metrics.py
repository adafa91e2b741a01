"""What a node counts, in the Prometheus text format: calls, events, and what is ready.

Every label has a closed set of values: methods of the contract, codes and reasons of the error table, names of events,
regions and parts that the configuration names. What a caller typed is never one. Each node has a registry of its own,
because one process may hold several.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from prometheus_client.registry import Collector

    from gateway.journal import Journal
    from gateway.rpc.boundary import OpenCall
    from gateway.rpc.status import Row

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the buckets of durations."""

_NANO = 1e-9


class Metrics:
    """The registry of a node and the families that every node has; parts add their own families to `registry`."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.calls = Counter(
            "onecard_calls",
            "Calls that have ended, by method, gRPC code and reason.",
            ("method", "code", "reason"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "onecard_call_seconds",
            "Duration of calls, streams from their first to their last moment.",
            ("method",),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.events = Counter("onecard_events", "Events of the log, by name.", ("event",), registry=self.registry)
        self.started = Gauge("onecard_start_time_seconds", "When the node was put together.", registry=self.registry)
        self.started.set(time.time())

    def watch_ready(self, ready: Callable[[], Mapping[str, bool]]) -> None:
        """Show what is ready, asked anew each time that somebody reads the metrics."""
        self.registry.register(_Ready(ready))

    def text(self) -> bytes:
        """Give everything in the text format, version 0.0.4."""
        return generate_latest(self.registry)


class _Ready:
    """Shows the parts of readiness as gauges."""

    def __init__(self, ready: Callable[[], Mapping[str, bool]]) -> None:
        self._ready = ready

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Give one gauge for each part: 1 where it is ready, else 0."""
        family = GaugeMetricFamily("onecard_ready", "Whether a part of the node is ready.", labels=("part",))
        for part, good in self._ready().items():
            family.add_metric((part,), float(good))
        yield family

    def describe(self) -> Iterable[Collector]:
        """Name nothing before it is collected: parts are known when the node runs."""
        return ()


class MeteredJournal:
    """Counts what it passes on to a journal (`gateway.journal.Journal`).

    One lookup finds both the counter and the histogram of a call: they are kept by what tells calls apart, a set that
    is closed.
    """

    def __init__(self, journal: Journal, metrics: Metrics) -> None:
        """Count into `metrics`, and write to `journal`."""
        self._journal = journal
        self._metrics = metrics
        self._known: dict[tuple[str, str, str], tuple[Callable[[], None], Callable[[float], None]]] = {}

    def call(self, opened: OpenCall, failure: Row | None) -> None:
        """Count a call that has ended, and write it down."""
        key = (opened.name, failure.code.name, failure.reason) if failure else (opened.name, "OK", "OK")
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = (
                self._metrics.calls.labels(*key).inc,
                self._metrics.seconds.labels(opened.name).observe,
            )
        count, observe = known
        count()
        observe((time.perf_counter_ns() - opened.started_ns) * _NANO)
        self._journal.call(opened, failure)

    def unforeseen(self, opened: OpenCall, error: Exception) -> None:
        """Write where an unforeseen exception came from, and count it as an event."""
        self._metrics.events.labels("unforeseen").inc()
        self._journal.unforeseen(opened, error)

    def event(self, name: str, **fields: str | float | bool) -> None:
        """Count an event, and write it down."""
        self._metrics.events.labels(name).inc()
        self._journal.event(name, **fields)
