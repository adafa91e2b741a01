"""Metrics: what has happened is counted, under labels that no caller can choose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc
from prometheus_client.parser import text_string_to_metric_families

from gateway.errors import InvalidFieldError
from gateway.metrics import MeteredJournal, Metrics
from gateway.reasons import Language
from gateway.rpc.boundary import OpenCall
from gateway.rpc.status import TABLE
from tests.fakes.journal import FakeJournal

if TYPE_CHECKING:
    from collections.abc import Mapping

ROW = TABLE[InvalidFieldError]


def opened(caller: str = "platform.sichuan") -> OpenCall:
    """Make a call that has begun."""
    return OpenCall("IdentityService/VerifyCard", "trace-1", 0, Language.EN, "Bearer canary-token", caller)


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Read the text as Prometheus does: name and labels to value."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {(s.name, _sorted(s.labels)): s.value for family in families for s in family.samples}


def _sorted(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def test_calls_are_counted_by_method_code_and_reason() -> None:
    """Two that went well and one that did not, and how long they took."""
    metrics, journal = Metrics(), FakeJournal()
    metered = MeteredJournal(journal, metrics)
    for failure in (None, None, ROW):
        metered.call(opened(), failure)
    found = samples(metrics)
    name, method = "onecard_calls_total", ("method", "IdentityService/VerifyCard")
    assert found[name, (("code", "OK"), method, ("reason", "OK"))] == 2
    assert found[name, (("code", "INVALID_ARGUMENT"), method, ("reason", "INVALID_FIELD"))] == 1
    assert found["onecard_call_seconds_count", (method,)] == 3
    assert [line["code"] for line in journal.lines] == ["OK", "OK", grpc.StatusCode.INVALID_ARGUMENT.name]


def test_events_are_counted_by_name() -> None:
    """Events of the node and unforeseen exceptions are written and counted."""
    metrics, journal = Metrics(), FakeJournal()
    metered = MeteredJournal(journal, metrics)
    metered.event("trust_rollback", entity="https://entity.onecard.test")
    metered.unforeseen(opened(), ValueError("canary"))
    found = samples(metrics)
    assert found["onecard_events_total", (("event", "trust_rollback"),)] == 1
    assert found["onecard_events_total", (("event", "unforeseen"),)] == 1
    assert [line["event"] for line in journal.lines] == ["trust_rollback", "unforeseen"]
    assert "canary" not in metrics.text().decode() + journal.text


def test_readiness_is_asked_anew_each_time() -> None:
    """A part that falls is seen at the next look."""
    metrics, parts = Metrics(), {"chongqing": True, "trust": True}
    metrics.watch_ready(lambda: parts)
    assert samples(metrics)["onecard_ready", (("part", "chongqing"),)] == 1
    parts["chongqing"] = False
    found = samples(metrics)
    assert found["onecard_ready", (("part", "chongqing"),)] == 0
    assert found["onecard_ready", (("part", "trust"),)] == 1


def test_nothing_that_a_caller_chooses_is_a_label() -> None:
    """PV3: a hundred thousand callers and traces leave as many series as one."""
    metrics = Metrics()
    metered = MeteredJournal(_Silent(), metrics)
    metered.call(opened(), None)
    before = samples(metrics).keys()
    for number in range(100_000):
        metered.call(opened(f"caller-{number}"), None)
    assert samples(metrics).keys() == before


class _Silent(FakeJournal):
    """A journal that keeps nothing."""

    def call(self, opened: OpenCall, failure: object) -> None:
        """Forget a call."""


def test_two_nodes_of_one_process_count_apart() -> None:
    """Each node has a registry of its own."""
    one, other = Metrics(), Metrics()
    MeteredJournal(FakeJournal(), one).event("ready")
    assert ("onecard_events_total", (("event", "ready"),)) not in samples(other)
