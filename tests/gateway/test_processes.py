"""Processes that are forked: how each ends, and that those which are to go on are started again."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from gateway.errors import SettingsError, StoreSchemaError, StoreUnavailableError
from gateway.processes import AGAIN_SECONDS, CONFIGURATION_FAULT, PROGRAM_FAULT, exit_code
from tests.gateway.crash.gateways import ended
from tests.sandbox_fixture.running import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PATIENCE = 30.0
_PROGRAM = """\
import os, signal, sys, time
from gateway import processes, signs_of_life
from gateway.processes import Processes

signs_of_life.SILENT_SECONDS = 1.0

def say(*words):
    os.write(1, (" ".join(map(str, words)) + chr(10)).encode())  # whole lines, whoever else writes

def until_told():
    say("begins", place, os.getpid())
    time.sleep(60)

def hang():
    say("begins", place, os.getpid())
    here.signs.give(place)
    os.kill(os.getpid(), signal.SIGSTOP)

def alive():
    say("begins", place, os.getpid())
    while True:
        here.signs.give(place)
        time.sleep(0.05)

def deaf():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    until_told()

def work(given):
    global here, place
    here, place = given, given.number
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    {work}

class Told:
    def ended(self, place, code):
        say("ended", place, code)
    def killed(self, place, cause):
        say("killed", place, cause)
    def failed(self, place, error):
        say("failed", place.number, place.ended, type(error).__name__)

{before}
code = Processes(2, work, told=Told(), stop_seconds=0.5).run()
say("all", code)
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (SettingsError(("x: is wrong",)), CONFIGURATION_FAULT, "x: is wrong\n"),
        (StoreUnavailableError(fault="connection"), CONFIGURATION_FAULT, "just now. fault=connection\n"),
        (
            StoreSchemaError(fault="newer", found="0002", known="0001"),
            CONFIGURATION_FAULT,
            "has changed it: run that.\n",
        ),
        (ZeroDivisionError(), PROGRAM_FAULT, "ZeroDivisionError\n"),
    ],
    ids=["settings", "store", "schema", "our own"],
)
def test_a_process_that_cannot_run_says_why(
    error: Exception, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A configuration or a store that cannot be used is one sentence and no trace."""

    def work() -> int:
        raise error

    assert exit_code(work) == code
    said = capsys.readouterr().err
    assert said.endswith(told)
    assert ("Traceback" in said) is (code == PROGRAM_FAULT)


@pytest.mark.parametrize(("gives", "code"), [(None, 0), (0, 0), (3, 3)])
def test_a_process_ends_with_what_its_work_gives(gives: int | None, code: int) -> None:
    """Nothing is 0."""
    assert exit_code(lambda: gives) == code


class Family:
    """A parent of two processes that runs."""

    def __init__(self, work: str, before: str) -> None:
        """Start it; `work` is what each of the two does, `before` what the parent does before it has any."""
        self.parent = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM.format(work=work, before=before)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,  # what is read ahead, select would not see
        )

    def line(self) -> list[str]:
        """Wait for a line and give its words."""
        assert self.parent.stdout is not None
        assert select.select([self.parent.stdout], [], [], _PATIENCE)[0]
        return self.parent.stdout.readline().decode().split()

    def begun(self) -> dict[str, int]:
        """Wait for both to begin, and give their ids by place."""
        lines = [self.line(), self.line()]
        assert {word for word, *_ in lines} == {"begins"}
        return {place: int(pid) for _, place, pid in lines}


@pytest.fixture
def families() -> Iterator[list[Family]]:
    """Give a list; what is in it at the end is killed."""
    made: list[Family] = []
    yield made
    for one in made:
        one.parent.kill()
        one.parent.communicate()


def family(made: list[Family], work: str = "until_told()", *, before: str = "") -> Family:
    """Start a parent of two processes."""
    made.append(Family(work, before))
    return made[-1]


def test_who_ends_unasked_is_started_again(families: list[Family]) -> None:
    """The place and the code are told, the other process goes on, and a new one takes the place."""
    one = family(families)
    begun = one.begun()
    os.kill(begun["1"], signal.SIGKILL)
    assert one.line() == ["ended", "1", "-9"]
    word, place, pid = one.line()
    assert (word, place) == ("begins", "1")
    assert int(pid) not in begun.values()
    os.kill(begun["0"], 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_is_passed_on(number: signal.Signals, families: list[Family]) -> None:
    """All end, none is started again, and the code is 0."""
    one = family(families)
    one.begun()
    one.parent.send_signal(number)
    assert one.line() == ["all", "0"]
    assert one.parent.wait(_PATIENCE) == 0


def test_a_stop_is_heard_while_a_process_is_about_to_start_again(families: list[Family]) -> None:
    """What ended unasked a moment ago stays ended."""
    assert AGAIN_SECONDS > 0
    one = family(families)
    os.kill(one.begun()["0"], signal.SIGKILL)
    assert one.line() == ["ended", "0", "-9"]
    one.parent.terminate()
    assert one.line() == ["all", "0"]


def test_a_configuration_that_cannot_be_used_ends_all(families: list[Family]) -> None:
    """One that says so is not started again, and the others are stopped."""
    one = family(families, f"until_told() if place == 0 else os._exit({CONFIGURATION_FAULT})")
    said = [one.line()]
    while said[-1][0] != "all":
        said.append(one.line())
    # The other one may be stopped before it has said that it begins, or say so after this one has ended.
    assert [line for line in said if line[0] != "begins"] == [["ended", "1", "2"], ["all", "2"]]
    assert [line[1] for line in said if line[0] == "begins"] in ([], ["0"])
    assert one.parent.wait(_PATIENCE) == CONFIGURATION_FAULT


def test_processes_end_with_who_started_them(families: list[Family]) -> None:
    """When the parent is killed they are told to stop, and do."""
    one = family(families)
    begun = one.begun()
    watched = [os.pidfd_open(pid) for pid in begun.values()]
    one.parent.kill()
    try:
        for descriptor in watched:
            assert select.select([descriptor], [], [], _PATIENCE)[0]
    finally:
        for descriptor in watched:
            os.close(descriptor)


def test_a_store_that_is_away_later_ends_nobody(families: list[Family], tmp_path: Path) -> None:
    """One that was started again and cannot use its store just now is started once more."""
    mark, first = tmp_path / "mark", f"os.path.exists({str(tmp_path / 'mark')!r})"
    one = family(families, f"os._exit({CONFIGURATION_FAULT}) if place and {first} else until_told()")
    begun = one.begun()
    mark.touch()
    os.kill(begun["1"], signal.SIGKILL)
    assert one.line() == ["ended", "1", "-9"]
    assert one.line() == ["ended", "1", str(CONFIGURATION_FAULT)]
    mark.unlink()
    while (line := one.line())[0] == "ended":
        assert line == ["ended", "1", str(CONFIGURATION_FAULT)]
    assert line[:2] == ["begins", "1"]
    os.kill(begun["0"], 0)


def test_a_child_of_somebody_else_ends_nobody(families: list[Family]) -> None:
    """What ran before in the same process, or is an orphan that the system gave us, is no process of ours."""
    before = "if not (foreign := os.fork()): os.execvp('sleep', ['sleep', '0.3'])\nsay('foreign', foreign)"
    one = family(families, before=before)
    _, foreign = one.line()
    begun = one.begun()
    assert ended(int(foreign), _PATIENCE)
    os.kill(begun["1"], signal.SIGKILL)
    assert one.line() == ["ended", "1", "-9"]
    assert one.line()[:2] == ["begins", "1"]
    one.parent.terminate()
    assert one.line() == ["all", "0"]


def test_who_hangs_is_killed_and_started_again(families: list[Family]) -> None:
    """A process that is stopped in the middle of its work holds up all others no longer than a while."""
    one = family(families, "hang() if place and not here.ended else until_told()")
    begun = one.begun()
    assert one.line() == ["killed", "1", "silent"]
    assert one.line() == ["ended", "1", "-9"]
    word, place, pid = one.line()
    assert (word, place) == ("begins", "1")
    assert int(pid) not in begun.values()
    os.kill(begun["0"], 0)


def test_nobody_is_blamed_for_what_stopped_the_parent_too(families: list[Family]) -> None:
    """Where all stood still together, as on a machine that was suspended, all go on."""
    one = family(families, "alive()")
    begun = one.begun()
    for pid in (one.parent.pid, *begun.values()):
        os.kill(pid, signal.SIGSTOP)
    time.sleep(2.0)
    for pid in (*begun.values(), one.parent.pid):
        os.kill(pid, signal.SIGCONT)
    one.parent.terminate()
    assert one.line() == ["all", "0"]


def test_who_does_not_stop_is_killed(families: list[Family]) -> None:
    """All end in the end, and the exit code says that one did not by itself."""
    one = family(families, "deaf() if place else until_told()")
    one.begun()
    one.parent.terminate()
    assert one.line() == ["killed", "1", "late"]
    assert one.line() == ["all", "9"]


def test_a_process_tells_why_it_cannot_go_on(families: list[Family]) -> None:
    """It knows how often one in its place has ended before."""
    one = family(families, "until_told() if not place or here.ended > 1 else 1 / 0")
    said = [one.line() for _ in range(6)]
    assert [line for line in said if line[0] == "failed"] == [
        ["failed", "1", str(times), "ZeroDivisionError"] for times in range(2)
    ]
    assert [line for line in said if line[0] == "ended"] == [["ended", "1", "70"]] * 2
