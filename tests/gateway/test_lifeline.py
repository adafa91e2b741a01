"""A process ends with the one that started it, however that one ended, and only where it was told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from gateway import lifeline
from gateway.lifeline import children_end_with_us, end_with, end_with_parent, stop_signals

CHILD = "import time; from gateway.lifeline import end_with_parent; end_with_parent(); time.sleep(60)"


def test_a_hangup_counts_unless_it_is_ignored() -> None:
    """All three signals stop; a hangup that somebody asked to ignore does not."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        assert set(stop_signals()) == {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        assert set(stop_signals()) == {signal.SIGTERM, signal.SIGINT}
    finally:
        signal.signal(signal.SIGHUP, before)


def test_children_are_told_only_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside, children hear of us; outside, what was there before is there again."""
    monkeypatch.delenv("ONECARD_PARENT", raising=False)
    with children_end_with_us():
        assert os.environ["ONECARD_PARENT"] == str(os.getpid())
    assert "ONECARD_PARENT" not in os.environ
    monkeypatch.setenv("ONECARD_PARENT", "7")
    with children_end_with_us():
        assert os.environ["ONECARD_PARENT"] == str(os.getpid())
    assert os.environ["ONECARD_PARENT"] == "7"


@pytest.mark.parametrize("told", [None, "", "x"])
def test_a_process_that_was_told_of_nobody_goes_on(told: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the name of a parent nothing is watched."""
    watched: list[int] = []
    monkeypatch.setattr(lifeline, "end_with", watched.append)
    monkeypatch.delenv("ONECARD_PARENT", raising=False)
    if told is not None:
        monkeypatch.setenv("ONECARD_PARENT", told)
    end_with_parent()
    assert watched == []


def test_a_process_whose_parent_is_another_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """As soon as the parent is not the one that was named, SIGTERM comes, and not before."""
    sent: list[tuple[int, int]] = []
    parents = iter([5, 5, 1])
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append((pid, number)))
    lifeline._watch(5)
    assert sent == [(os.getpid(), signal.SIGTERM)]
    assert next(parents, None) is None


def test_the_watch_is_a_thread_that_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watching does not keep a process from ending."""
    watched: list[int] = []
    monkeypatch.setattr(lifeline, "_watch", watched.append)
    end_with(9)
    while not watched:
        time.sleep(0.01)
    assert watched == [9]


def test_a_real_child_ends_when_its_parent_is_another() -> None:
    """A process that is told of a parent that it does not have ends by SIGTERM."""
    environment = {**os.environ, "ONECARD_PARENT": "1"}
    ended = subprocess.run([sys.executable, "-c", CHILD], env=environment, timeout=30, check=False)
    assert ended.returncode == -signal.SIGTERM
