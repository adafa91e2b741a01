"""Named points: inert without a name, deadly at the one that is named, at the time that is named."""

from __future__ import annotations

import os
import signal

import pytest

from gateway.services.crash_points import NO_CRASH, POINTS, CrashPoints


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Note who would have been killed, by which signal."""
    victims: list[tuple[int, int]] = []
    monkeypatch.setattr("gateway.services.crash_points.os.kill", lambda pid, number: victims.append((pid, number)))
    return victims


def test_nothing_happens_without_a_name(killed: list[tuple[int, int]]) -> None:
    """All points are passed, however often."""
    for _ in range(3):
        for point in POINTS:
            NO_CRASH.reach(point)
            CrashPoints.from_text("").reach(point)
    assert killed == []


@pytest.mark.parametrize("point", POINTS)
def test_the_process_dies_at_the_point_that_is_named(killed: list[tuple[int, int]], point: str) -> None:
    """It dies as if its power were cut, at that point only and at the first time."""
    points = CrashPoints.from_text(point)
    for other in POINTS:
        points.reach(other)
    assert killed == [(os.getpid(), signal.SIGKILL)]


def test_the_process_dies_at_the_time_that_is_named(killed: list[tuple[int, int]]) -> None:
    """With a number it dies when the point is reached for that time, neither before nor after."""
    points = CrashPoints.from_text(f"{POINTS[2]}:3")
    seen = []
    for _ in range(5):
        points.reach(POINTS[2])
        seen.append(len(killed))
    assert seen == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("text", ["nowhere", "nowhere:2", f"{POINTS[0]}:soon"])
def test_a_point_that_is_not_there_is_refused(text: str) -> None:
    """A name that is not known, or a time that is no number, is a fault."""
    with pytest.raises(ValueError, match=r".+"):
        CrashPoints.from_text(text)
