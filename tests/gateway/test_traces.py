"""Traces: one span for each call, in the caller's trace, passed on to peers, with nothing of the request."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from contextvars import Context
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from gateway.errors import InvalidFieldError, PeerUnavailableError
from gateway.reasons import Language
from gateway.rpc.boundary import OpenCall
from gateway.rpc.status import TABLE
from gateway.traces import PARENT, TracedJournal, Traces, otlp, passed_on
from tests.fakes.configuration import free_address
from tests.fakes.journal import FakeJournal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from opentelemetry.sdk.trace import ReadableSpan

TRACE, ABOVE = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
RECORDED, UNRECORDED = f"00-{TRACE}-{ABOVE}-01", f"00-{TRACE}-{ABOVE}-00"


def opened(number: int = 1) -> OpenCall:
    """Make a call that has begun."""
    return OpenCall(
        "IdentityService/VerifyCard", f"trace-{number}", 0, Language.EN, "Bearer canary-token", "platform.sichuan"
    )


class Lab:
    """Traces whose spans stay here."""

    def __init__(self, sample: float = 1.0) -> None:
        """Begin empty."""
        self.exporter = InMemorySpanExporter()
        self.traces = Traces(gateway="gateway.test", sample=sample, processor=SimpleSpanProcessor(self.exporter))
        self.lines = FakeJournal()
        self.journal = TracedJournal(self.lines, self.traces)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """What was recorded."""
        return self.exporter.get_finished_spans()


def test_a_call_is_a_span_in_the_trace_of_its_caller() -> None:
    """Method, code, reason, caller and our own trace id; nothing else."""
    lab, call = Lab(), opened()
    lab.traces.begin(call, RECORDED)
    lab.journal.call(call, None)
    (span,) = lab.spans
    assert span.name == "IdentityService/VerifyCard"
    assert span.context is not None
    assert span.parent is not None
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, ABOVE)
    assert dict(span.attributes or {}) == {
        "rpc.system": "grpc",
        "rpc.service": "onecard.gateway.v1.IdentityService",
        "rpc.method": "VerifyCard",
        "rpc.grpc.status_code": 0,
        "onecard.reason": "OK",
        "onecard.who_failed": "",
        "onecard.caller": "platform.sichuan",
        "onecard.trace_id": "trace-1",
    }
    assert "canary" not in span.to_json()
    assert len(lab.lines.lines) == 1


def test_what_others_did_wrong_is_an_error_and_what_callers_did_is_not() -> None:
    """A caller's wrong field does not wake an operator; a peer that is away does."""
    lab = Lab()
    for number, error in enumerate((InvalidFieldError, PeerUnavailableError)):
        lab.traces.begin(opened(number), None)
        lab.journal.call(opened(number), TABLE[error])
    first, second = lab.spans
    assert first.status.status_code is StatusCode.UNSET
    assert (second.status.status_code, second.status.description) == (StatusCode.ERROR, "PEER_UNAVAILABLE")


async def test_a_trace_goes_on_at_the_peer() -> None:
    """What is passed on names our span, each task its own; outside a call nothing is passed on."""
    lab = Lab()
    assert Context().run(passed_on) == ()

    async def ask(number: int) -> str:
        lab.traces.begin(opened(number), RECORDED)
        await asyncio.sleep(0)
        ((name, value),) = passed_on()
        assert name == PARENT
        lab.journal.call(opened(number), None)
        return value

    told = await asyncio.gather(ask(1), ask(2))
    known = {f"00-{TRACE}-{span.context.span_id:016x}-01" for span in lab.spans if span.context is not None}
    assert set(told) == known
    assert len(known) == 2


def test_who_calls_decides_whether_its_trace_is_recorded() -> None:
    """One that is not is passed on all the same; what begins here goes by the share in the settings."""
    lab = Lab(sample=0.0)
    for number, parent in enumerate((UNRECORDED, RECORDED, None, "rubbish")):
        lab.traces.begin(opened(number), parent)
        lab.journal.call(opened(number), None)
    assert len(lab.spans) == 1


def test_events_and_faults_pass_through() -> None:
    """The journal below gets all that it had before."""
    lab = Lab()
    lab.journal.event("ready")
    lab.journal.unforeseen(opened(), ValueError("canary"))
    assert [line["event"] for line in lab.lines.lines] == ["ready", "unforeseen"]


@asynccontextmanager
async def collector(address: str, status: int) -> AsyncIterator[list[bytes]]:
    """Run what takes spans over HTTP."""
    taken: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        taken.append(await request.read())
        return web.Response(status=status)

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    host, _, port = address.rpartition(":")
    await web.TCPSite(runner, host, int(port)).start()
    try:
        yield taken
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("status", "events"), [(200, []), (400, ["traces_not_sent"])])
async def test_spans_are_sent_to_a_collector(status: int, events: list[str]) -> None:
    """By OTLP over HTTP; where it takes none, the journal is told, without the library's words."""
    address, journal = free_address(), FakeJournal()
    async with collector(address, status) as taken:
        traces: Any = Traces(
            gateway="gateway.test", sample=1.0, processor=otlp(f"http://{address}/v1/traces", journal=journal)
        )
        traces.begin(opened(), None)
        traces.end(opened(), None)
        await traces.close()
    assert b"VerifyCard" in taken[0]
    assert b"gateway.test" in taken[0]
    assert [line["event"] for line in journal.lines] == events
