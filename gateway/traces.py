"""Traces of calls for OpenTelemetry (extra `otel`): a span for each call, and the way on to other gateways.

A caller's `traceparent` (W3C Trace Context) is taken up, and ours is passed on to peers, so that one trace shows all
gateways of a question. A span has the method, the code, the reason, who failed, the registered caller and the trace id
of our own errors and logs; never anything of a request.
"""

from __future__ import annotations

import asyncio
import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.rpc.status import Who

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span

    from gateway.journal import Journal
    from gateway.rpc.boundary import OpenCall
    from gateway.rpc.status import Row

PARENT: Final = "traceparent"
_W3C: Final = TraceContextTextMapPropagator()
_CURRENT: Final[ContextVar[Span | None]] = ContextVar("onecard_span", default=None)


class Traces:
    """Begins and ends the spans of calls.

    Args:
        gateway: identifier of this gateway, the `service.instance.id`.
        sample: share of the traces that begin here which are recorded; who calls decides on its own.
        processor: where spans go.
    """

    def __init__(self, *, gateway: str, sample: float, processor: SpanProcessor) -> None:
        """Begin without a span."""
        resource = Resource({"service.name": "onecard-gateway", "service.instance.id": gateway})
        self._provider = TracerProvider(
            resource=resource, sampler=ParentBasedTraceIdRatio(sample), shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("onecard.gateway")
        self._spans: dict[str, Span] = {}

    def begin(self, opened: OpenCall, parent: str | None) -> None:
        """Begin the span of a call, below the caller's where it told one."""
        above = _W3C.extract({PARENT: parent}) if parent else None
        span = self._tracer.start_span(opened.name, context=above, kind=SpanKind.SERVER)
        if span.is_recording():
            self._spans[opened.trace_id] = span
        _CURRENT.set(span)

    def end(self, opened: OpenCall, failure: Row | None) -> None:
        """End the span of a call."""
        span = self._spans.pop(opened.trace_id, None)
        if span is None:
            return
        service, _, method = opened.name.partition("/")
        span.set_attributes(
            {
                "rpc.system": "grpc",
                "rpc.service": f"onecard.gateway.v1.{service}",
                "rpc.method": method,
                "rpc.grpc.status_code": failure.code.value[0] if failure else 0,
                "onecard.reason": failure.reason if failure else "OK",
                "onecard.who_failed": failure.who.value if failure else "",
                "onecard.caller": opened.caller,
                "onecard.trace_id": opened.trace_id,
            }
        )
        if failure is not None and failure.who is not Who.CALLER:
            span.set_status(Status(StatusCode.ERROR, failure.reason))
        span.end()

    async def close(self) -> None:
        """Send what waits."""
        await asyncio.to_thread(self._provider.shutdown)


class TracedJournal:
    """Ends the span of each call that it passes on to a journal (`gateway.journal.Journal`)."""

    def __init__(self, journal: Journal, traces: Traces) -> None:
        """Take where lines go, and the spans."""
        self._journal = journal
        self._traces = traces

    def call(self, opened: OpenCall, failure: Row | None) -> None:
        """End the span, and write that the call ended."""
        self._traces.end(opened, failure)
        self._journal.call(opened, failure)

    def unforeseen(self, opened: OpenCall, error: Exception) -> None:
        """Write where an unforeseen exception came from."""
        self._journal.unforeseen(opened, error)

    def event(self, name: str, **fields: str | float | bool) -> None:
        """Write an event."""
        self._journal.event(name, **fields)


def passed_on() -> tuple[tuple[str, str], ...]:
    """Give the metadata by which another gateway takes up the trace of the call that is being answered."""
    span = _CURRENT.get()
    if span is None or not span.get_span_context().is_valid:
        return ()
    context = span.get_span_context()
    return ((PARENT, f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"),)


class _Faults(logging.Handler):
    """Turns what the library says of a collector that cannot be reached into events without its words."""

    def __init__(self, journal: Journal) -> None:
        super().__init__(logging.WARNING)
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        self._journal.event("traces_not_sent", level=record.levelname)


def otlp(endpoint: str, *, journal: Journal) -> SpanProcessor:
    """Give what sends spans to a collector by OTLP over HTTP, in the background; a journal hears where it cannot."""
    library = logging.getLogger("opentelemetry")
    library.handlers, library.propagate = [_Faults(journal)], False
    return BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=5))
