"""What operators see: metrics always, traces where they are wanted and the extra is there."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from gateway import bootstrap_watch
from gateway.bootstrap_watch import watch_over
from gateway.errors import SettingsError
from gateway.metrics import MeteredJournal
from gateway.settings import load_settings
from gateway.traces import TracedJournal, passed_on
from tests.fakes.configuration import FakeConfiguration

if TYPE_CHECKING:
    from pathlib import Path

TRACES = '[traces]\nendpoint = "http://127.0.0.1:4318/v1/traces"\nsample = 1.0\n\n[trust]'


@pytest.fixture
def configuration(tmp_path: Path) -> FakeConfiguration:
    """Lay out a good configuration."""
    return FakeConfiguration(tmp_path)


def test_without_traces_nothing_of_them_is_loaded(configuration: FakeConfiguration) -> None:
    """A call then has no span, and peers are told of no trace."""
    watch = watch_over(load_settings(configuration.path))
    assert isinstance(watch.journal, MeteredJournal)
    assert watch.traces is None
    assert watch.passed_on() == ()


async def test_traces_are_sent_where_they_are_wanted(configuration: FakeConfiguration) -> None:
    """Calls have spans, which go on at peers."""
    configuration.change("[trust]", TRACES)
    watch = watch_over(load_settings(configuration.path))
    assert isinstance(watch.journal, TracedJournal)
    assert watch.passed_on is passed_on
    assert watch.traces is not None
    await watch.traces.close()


def test_traces_without_the_extra_refuse_the_start(
    configuration: FakeConfiguration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault names the extra."""
    configuration.change("[trust]", TRACES)
    monkeypatch.setattr(
        bootstrap_watch, "find_spec", lambda name: None if name.startswith("opentelemetry") else find_spec(name)
    )
    with pytest.raises(SettingsError) as caught:
        watch_over(load_settings(configuration.path))
    assert caught.value.faults == ("[traces] needs the extra `otel`",)


@pytest.mark.parametrize("value", ['endpoint = "http://collector.example:4318"', "sample = 1.5"])
def test_wrong_traces_are_refused(configuration: FakeConfiguration, value: str) -> None:
    """Plaintext stays on this machine, and a share is a share."""
    good = {"endpoint": 'endpoint = "http://127.0.0.1:4318"', "sample": "sample = 0.5"}
    lines = "\n".join({**good, value.split(maxsplit=1)[0]: value}.values())
    configuration.change("[trust]", f"[traces]\n{lines}\n\n[trust]")
    with pytest.raises(SettingsError):
        load_settings(configuration.path)
