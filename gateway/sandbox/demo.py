"""`make demo`: starts a sandbox, plays the story through real gRPC calls, and prints what each step gave."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text

from gateway.console import screen, table
from gateway.lifeline import children_end_with_us, stop_signals
from gateway.reasons import Language
from gateway.sandbox.federation import Federation
from gateway.sandbox.run import alone_in, prepare
from gateway.sandbox.story import ASIDE, Chapter, Stage, Step
from gateway.sandbox.story_catalog import catalog_chapter
from gateway.sandbox.story_errors import error_chapter
from gateway.sandbox.story_exchange import exchange_chapter
from gateway.sandbox.story_items import item_chapter
from gateway.sandbox.story_main import main_chapter
from gateway.sandbox.story_recognitions import recognition_chapter
from gateway.sandbox.story_regions import border_chapter, dialect_chapter
from gateway.sandbox.story_states import state_chapter
from gateway.sandbox.story_status import status_chapter
from gateway.sandbox.story_trust import trust_chapter
from gateway.sandbox.story_words import attempt
from gateway.sandbox.titles import load_titles
from gateway.wording import Wording

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
        """Tell whether it gave what it should, to the letter; an aside is not compared."""
        return self.got.partition(ASIDE)[0] == self.step.expected


_RESULT = 36
"""Columns in which what a step gave can still be read."""

Played = tuple[str, list[Outcome]]
"""A chapter's title with the outcomes of its steps."""


def chapters() -> tuple[Chapter, ...]:
    """Give the whole story, with requests that were never sent before."""
    return (
        main_chapter(),
        recognition_chapter(),
        state_chapter(),
        dialect_chapter(),
        border_chapter(),
        item_chapter(),
        catalog_chapter(),
        error_chapter(),
        exchange_chapter(),
        status_chapter(),
        trust_chapter(),
    )


def run_demo(folder: Path, *, port_base: int, language: Language = Language.EN) -> int:
    """Play the story in a fresh sandbox (SettingsError where it cannot start).

    Returns:
        0 where every step gave what it should, otherwise 1.
    """
    console = screen()
    console.print("starting nine gateways and their simulated platforms; all cardholders are fictitious")
    started = time.monotonic()
    try:
        with children_end_with_us(), alone_in(folder):
            played = asyncio.run(_run(prepare(folder, port_base=port_base)))
    except asyncio.CancelledError:
        console.print("stopped before the end")
        return 1
    code = report(played, console=console, language=language)
    console.print(f"logs in {folder}/logs; {time.monotonic() - started:.1f} s in all")
    return code


async def _run(layout: Layout) -> list[Played]:
    """Play in the sandbox, and stop everything on any signal that asks for it (CancelledError)."""
    task = asyncio.create_task(_in_sandbox(layout))
    for number in stop_signals():
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


async def _in_sandbox(layout: Layout) -> list[Played]:
    async with Federation(layout) as federation, Stage(layout, federation) as stage:
        return await play(chapters(), stage)


async def play(story: Sequence[Chapter], stage: Stage) -> list[Played]:
    """Play all steps in order; each chapter's title with the outcomes of its steps."""
    return [
        (chapter.title, [Outcome(step, await attempt(step.play(stage))) for step in chapter.steps]) for chapter in story
    ]


def report(played: Sequence[Played], *, console: Console, language: Language = Language.EN) -> int:
    """Print one table and, below it, the steps that failed; 0 where there are steps and none failed, otherwise 1."""
    words = Wording(language)
    titles = load_titles() if language is Language.ZH_HANS else {}
    shown = table("#", *map(words, ("step", "came", "ok")), least={0: 2, 2: _RESULT, 3: 4}, console=console)
    failed: list[str] = []
    number = 0
    for chapter, (title, outcomes) in enumerate(played, 1):
        shown.add_section()
        shown.add_row("", Text(f"{chapter}. {titles.get(title, title)}", style="bold"))
        for outcome in outcomes:
            number += 1
            name = titles.get(outcome.step.title, outcome.step.title)
            shown.add_row(str(number), *_cells(outcome, name, words), end_section=True)
            if not outcome.ok:
                failed.append(f"{number} {name}")
    console.print(shown)
    if failed:
        console.print(f"{len(failed)} of {number} steps did not give what they should:", style="bold red")
        for name in failed:
            console.print(f"  {name}")
    else:
        console.print(f"{number} of {number} steps gave what they should")
    return 0 if number and not failed else 1


def _cells(outcome: Outcome, name: str, words: Wording) -> tuple[Text, ...]:
    """Write a step and what it gave; what it should have given only where that is something else."""
    step = outcome.step
    place = Text(f"{name}\n{step.asks} → {step.home or '–'}")
    if outcome.ok:
        return place, Text(outcome.got), Text(words("yes"), style="green")
    told = f"{words('should')}: {step.expected}\n{words('but')}: {outcome.got}"
    return place, Text(told), Text(words("no"), style="bold red")
