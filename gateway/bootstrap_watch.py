"""Composition root of what operators see of a node: log, metrics and, where the extra is there, traces."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from gateway.errors import SettingsError
from gateway.journal import JsonJournal
from gateway.metrics import MeteredJournal, Metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.journal import Journal
    from gateway.processes import Place
    from gateway.settings import Settings
    from gateway.traces import Traces


@dataclass(frozen=True, slots=True)
class Watch:
    """What is told of a node. `passed_on` gives the metadata by which a trace goes on at a peer."""

    metrics: Metrics
    journal: Journal
    traces: Traces | None = None
    passed_on: Callable[[], tuple[tuple[str, str], ...]] = tuple


def watch_over(settings: Settings, place: Place | None = None) -> Watch:
    """Put together what is told of a node (SettingsError where traces are wanted without the extra for them).

    The `place` of this process, where several are the gateway, stands on every line. Who has started it has no metrics,
    so it counts how often one in this place has ended before.
    """
    metrics, bound = Metrics(), {}
    if place is not None:
        bound["process"] = str(place.number)
        metrics.events.labels("process_ended").inc(place.ended)
    journal = MeteredJournal(JsonJournal(None, gateway=settings.gateway, **bound), metrics)
    if settings.traces is None:
        return Watch(metrics, journal)
    if find_spec("opentelemetry.sdk") is None:
        raise SettingsError(("[traces] needs the extra `otel`",))
    module = import_module("gateway.traces")
    processor = module.otlp(settings.traces.endpoint, journal=journal)
    traces = module.Traces(gateway=settings.gateway, sample=settings.traces.sample, processor=processor)
    return Watch(metrics, module.TracedJournal(journal, traces), traces, module.passed_on)
