"""`make demo`: starts a sandbox, plays the story through real gRPC calls, and prints what each step gave."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from gateway.console import screen, table
from gateway.sandbox.federation import Federation
from gateway.sandbox.run import prepare
from gateway.sandbox.story import Chapter, Stage, Step
from gateway.sandbox.story_errors import error_chapter
from gateway.sandbox.story_items import item_chapter
from gateway.sandbox.story_main import main_chapter
from gateway.sandbox.story_recognitions import recognition_chapter
from gateway.sandbox.story_regions import region_chapter
from gateway.sandbox.story_states import state_chapter
from gateway.sandbox.story_words import attempt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import Console

    from gateway.sandbox.layout import Layout


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step gave, in the words of the story."""

    step: Step
    got: str

    @property
    def ok(self) -> bool:
        """Tell whether it gave what it should, to the letter."""
        return self.got == self.step.expected


Played = tuple[str, list[Outcome]]
"""A chapter's title with the outcomes of its steps."""


def chapters() -> tuple[Chapter, ...]:
    """Give the whole story, with requests that were never sent before."""
    return (
        main_chapter(),
        recognition_chapter(),
        state_chapter(),
        region_chapter(),
        item_chapter(),
        error_chapter(),
    )


def run_demo(folder: Path, *, port_base: int) -> int:
    """Play the story in a fresh sandbox (SettingsError where it cannot start).

    Returns:
        0 where every step gave what it should, otherwise 1.
    """
    console = screen()
    console.print("starting nine gateways and their simulated platforms; all cardholders are fictitious")
    started = time.monotonic()
    try:
        played = asyncio.run(_run(prepare(folder, port_base=port_base)))
    except asyncio.CancelledError:
        console.print("stopped before the end")
        return 1
    code = report(played, console=console)
    console.print(f"logs in {folder}/logs; {time.monotonic() - started:.1f} s in all")
    return code


async def _run(layout: Layout) -> list[Played]:
    """Play in the sandbox, and stop everything on SIGTERM too (CancelledError)."""
    task = asyncio.create_task(_in_sandbox(layout))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


async def _in_sandbox(layout: Layout) -> list[Played]:
    async with Federation(layout) as federation, Stage(layout, federation) as stage:
        return await play(chapters(), stage)


async def play(story: Sequence[Chapter], stage: Stage) -> list[Played]:
    """Play all steps in order; each chapter's title with the outcomes of its steps."""
    return [
        (chapter.title, [Outcome(step, await attempt(step.play(stage))) for step in chapter.steps]) for chapter in story
    ]


def report(played: Sequence[Played], *, console: Console) -> int:
    """Print one table and, below it, the steps that failed; 0 where there are steps and none failed, otherwise 1."""
    shown = table("#", "step", "region asked → home", "expected", "got", "ok")
    failed: list[str] = []
    number = 0
    for title, outcomes in played:
        shown.add_section()
        shown.add_row("", Text(title, style="bold"))
        for outcome in outcomes:
            number += 1
            shown.add_row(str(number), *_cells(outcome))
            if not outcome.ok:
                failed.append(f"{number} {outcome.step.title}")
    console.print(shown)
    if failed:
        console.print(f"{len(failed)} of {number} steps did not give what they should:", style="bold red")
        for name in failed:
            console.print(f"  {name}")
    else:
        console.print(f"{number} of {number} steps gave what they should")
    return 0 if number and not failed else 1


def _cells(outcome: Outcome) -> tuple[Text, ...]:
    step = outcome.step
    ok = Text("yes", style="green") if outcome.ok else Text("NO", style="bold red")
    return (Text(step.title), Text(f"{step.asks} → {step.home or '–'}"), Text(step.expected), Text(outcome.got), ok)
