"""The demonstration: the whole story against real gateways, and that a step which gives something else is told."""

from __future__ import annotations

import asyncio
import io
import signal
import subprocess
from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import grpc
import jwt
import pytest
from rich.cells import cell_len
from rich.console import Console

from adapters.errors import RegionDataError
from adapters.registry import load_registry
from gateway.reasons import Language
from gateway.sandbox import demo, story_recognitions
from gateway.sandbox.demo import chapters, play, report, run_demo
from gateway.sandbox.story import ASIDE, Chapter, Stage, Step
from gateway.sandbox.titles import load_titles
from tests.sandbox_fixture.running import ONECARD, ROOT, free_port_base, processes_of, wait_until
from trust.keys import KeyRing, SigningKey

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

NOWHERE = cast("Stage", None)
"""For steps that make no call."""


def step(title: str, *, expected: str, play: Callable[[Stage], Awaitable[str]]) -> Step:
    """Make a step that looks at nothing but its own play."""
    return Step(title=title, asks="sichuan", home="chongqing", expected=expected, play=play)


async def gives_yes(_stage: Stage) -> str:
    """Give an answer."""
    return "yes"


async def breaks_off(_stage: Stage) -> str:
    """End as a call does that reaches nobody."""
    raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), "nobody", "")


def told(*steps: Step, width: int = 200, language: Language = Language.EN) -> tuple[int, str]:
    """Play steps, and give the exit code and what was printed."""
    played = asyncio.run(play([Chapter("Chapter", steps)], NOWHERE))
    screen = Console(file=io.StringIO(), width=width)
    code = report(played, console=screen, language=language)
    return code, cast("io.StringIO", screen.file).getvalue()


@pytest.mark.slow
@pytest.mark.xdist_group("sandbox")
def test_every_step_of_the_story_gives_what_it_should(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The demonstration on real processes ends with 0, tells how many steps it played, and leaves no process."""
    folder = tmp_path / "sandbox"
    code = run_demo(folder, port_base=free_port_base())
    printed = capsys.readouterr().out
    count = sum(len(chapter.steps) for chapter in chapters())
    assert code == 0, printed
    assert f"{count} of {count} steps gave what they should" in printed
    assert "NO " not in printed
    assert processes_of(folder) == {}


@pytest.mark.slow
@pytest.mark.xdist_group("sandbox")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_demonstration_that_is_told_to_stop_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """Told to stop, it stops all that it started and ends with 1, without a trace."""
    folder = tmp_path / "sandbox"
    command = [str(ONECARD), "demo", "--folder", str(folder), "--port-base", str(free_port_base())]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            wait_until((folder / "logs" / "platforms.log").exists, what="start of the sandbox")
            process.send_signal(number)
            printed, _ = process.communicate(timeout=60)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
    assert process.returncode == 1
    assert "stopped before the end" in printed
    assert "Traceback" not in printed
    assert processes_of(folder) == {}


def test_a_step_that_gives_something_else_fails_the_demonstration() -> None:
    """One wrong expectation among right ones makes it end with 1, and the step is named with its number."""
    right = step("right one", expected="yes", play=gives_yes)
    wrong = step("wrong one", expected="no", play=gives_yes)
    code, printed = told(right, wrong, right)
    assert code == 1
    assert "1 of 3 steps did not give what they should" in printed
    assert "  2 wrong one" in printed
    assert "right one" not in printed.partition("did not give")[2]


def test_what_was_expected_is_told_only_where_it_was_not_given() -> None:
    """A right step has one line of result; a wrong one both, what should have come and what came."""
    assert "expected" not in told(step("right one", expected="yes", play=gives_yes))[1]
    printed = told(step("wrong one", expected="no", play=gives_yes))[1]
    assert "expected: no" in printed
    assert "got: yes" in printed


def test_an_aside_is_shown_and_not_compared() -> None:
    """What cannot be known beforehand is told beside the answer and fails nothing."""

    async def aside(_stage: Stage) -> str:
        return f"yes{ASIDE}0.3 s"

    code, printed = told(step("right one", expected="yes", play=aside))
    assert code == 0
    assert "0.3 s" in printed


def test_eighty_columns_are_enough() -> None:
    """A table in a terminal of 80 columns stays within them and breaks no word that fits into a column."""
    code = "0123456789" * 3 + "abcdef"
    printed = told(
        step("right one", expected="yes", play=gives_yes), step(code, expected=code, play=gives_yes), width=80
    )
    assert max(map(cell_len, printed[1].splitlines())) == 80
    assert code in printed[1]


def test_titles_are_told_in_chinese() -> None:
    """Every title of the story has a Chinese one, and no Chinese title is left over."""
    story = chapters()
    titles = {chapter.title for chapter in story} | {one.title for chapter in story for one in chapter.steps}
    assert titles == load_titles().keys()
    printed = told(step("unknown region", expected="yes", play=gives_yes), language=Language.ZH_HANS)[1]
    assert "未知地区" in printed
    assert "结果" in printed
    assert "unknown region" in told(step("unknown region", expected="yes", play=gives_yes), language=Language.PT)[1]


def test_chapters_are_counted() -> None:
    """Each chapter has a number of its own."""
    played = asyncio.run(play([Chapter("First", ()), Chapter("Second", ())], NOWHERE))
    screen = Console(file=io.StringIO(), width=100)
    report(played, console=screen)
    printed = cast("io.StringIO", screen.file).getvalue()
    assert "1. First" in printed
    assert "2. Second" in printed


def test_faulty_titles_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A title without its Chinese is refused by file and row."""
    folder = SimpleNamespace(joinpath=lambda _file: SimpleNamespace(read_text=lambda _code: "title,zh_hans\nx,\n"))
    monkeypatch.setattr("gateway.sandbox.titles.files", lambda _package: folder)
    load_titles.cache_clear()
    with pytest.raises(RegionDataError) as refused:
        load_titles()
    assert refused.value.metadata["column"] == "zh_hans"


def test_right_steps_end_with_zero() -> None:
    """Where every step gives what it should, the demonstration ends with 0 and says so."""
    code, printed = told(step("right one", expected="yes", play=gives_yes))
    assert code == 0
    assert "1 of 1 steps gave what they should" in printed


def test_no_step_is_no_success() -> None:
    """A story without steps has shown nothing."""
    assert told()[0] == 1


def test_a_call_that_fails_is_what_its_step_got() -> None:
    """An unforeseen failure of a call fails its step and no other."""
    code, printed = told(
        step("broken", expected="yes", play=breaks_off),
        step("broken as foreseen", expected="UNAVAILABLE WITHOUT DETAILS", play=breaks_off),
        step("right one", expected="yes", play=gives_yes),
    )
    assert code == 1
    assert "1 of 3 steps did not" in printed
    assert "  1 broken\n" in printed


@pytest.mark.parametrize(("published", "told"), [("same", "ExpiredSignatureError"), ("other", "KeyError")])
async def test_a_recognition_that_does_not_verify_is_told(
    published: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step that verifies with the published keys fails for an old token, and for one of an unpublished key."""
    keys = {name: SigningKey.generate("ES256", issuer="chongqing") for name in ("same", "other")}
    header = {"typ": "onecard-recognition+jwt", "kid": keys["same"].kid}
    said = {"iss": "chongqing", "aud": "sichuan", "exp": 1_000_000_000}
    token = jwt.encode(said, keys["same"].to_pem(), algorithm="ES256", headers=header)

    async def library(_stage: object) -> str:
        return token

    async def published_keys(_region: str) -> object:
        return KeyRing([keys[published].public()]).jwks("chongqing")

    monkeypatch.setattr(story_recognitions, "_library", library)
    stage = cast("Stage", SimpleNamespace(published_keys=published_keys))
    assert await story_recognitions._verified_by_pyjwt(stage) == f"not verified: {told}"


@pytest.mark.parametrize(("title", "expected"), [("", "yes"), ("step", "")])
def test_a_step_expects_something(title: str, expected: str) -> None:
    """A step without a title or an expectation cannot be written."""
    with pytest.raises(ValueError, match="expects something"):
        step(title, expected=expected, play=gives_yes)


def test_steps_have_names_of_their_own() -> None:
    """The failing steps that are named can be found: no title occurs twice, and each asks a region that there is."""
    steps = [one for chapter in chapters() for one in chapter.steps]
    assert len({one.title for one in steps}) == len(steps)
    assert {one.asks for one in steps} <= set(load_registry().regions)


def test_a_cancelled_demonstration_is_no_success(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was stopped before its end ends with 1."""

    async def cancelled(_layout: object) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(demo, "_run", cancelled)
    assert run_demo(tmp_path / "sandbox", port_base=free_port_base()) == 1
    assert "stopped before the end" in capsys.readouterr().out
