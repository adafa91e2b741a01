"""What libraries, threads and the loop say of faults becomes an event without their words."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import warnings
from typing import Any

import pytest

from gateway.overheard import overhear
from tests.fakes.journal import FakeJournal

CANARY = "测试金丝雀"
LOG = logging.getLogger("some.library")


def failing() -> None:
    """Fail with words that quote what came in."""
    raise ValueError(CANARY)


async def told(journal: FakeJournal) -> dict[str, Any]:
    """Give the one event that was told, once others had their turn."""
    for _ in range(100):
        if journal.lines:
            break
        await asyncio.sleep(0.01)
    (line,) = journal.lines
    assert CANARY not in str(line)
    return line


async def test_a_warning_of_a_library_is_told_by_its_place() -> None:
    """Who spoke, how bad it is, and where; neither its words nor the lines for debugging."""
    journal = FakeJournal()
    with overhear(journal):
        LOG.info("read %s", CANARY)
        LOG.warning("cannot read %s", CANARY)
        line = await told(journal)
    assert (line["event"], line["library"], line["level"], line["type"]) == (
        *("library_fault", "some.library", "WARNING", ""),
    )
    assert line["at"].startswith("test_overheard.py:")


async def test_an_exception_of_a_library_is_told_by_its_type() -> None:
    """The places are those that the exception passed."""
    journal = FakeJournal()
    with overhear(journal):
        try:
            failing()
        except ValueError:
            LOG.exception("failed with %s", CANARY)
        line = await told(journal)
    assert (line["level"], line["type"]) == ("ERROR", "ValueError")
    assert line["at"].endswith(" failing")


async def test_a_warning_of_python_is_told() -> None:
    """What `warnings` would write to standard error."""
    journal = FakeJournal()
    with warnings.catch_warnings(), overhear(journal):
        warnings.simplefilter("always")
        warnings.warn(CANARY, RuntimeWarning, stacklevel=1)
        line = await told(journal)
    assert (line["event"], line["library"]) == ("library_fault", "py.warnings")


async def test_a_task_that_nobody_holds_is_named() -> None:
    """The sentence is asyncio's own; the task is named by the function it runs."""
    journal = FakeJournal()

    async def forgotten() -> None:
        await asyncio.get_running_loop().create_future()

    with overhear(journal):
        task = asyncio.create_task(forgotten())
        await asyncio.sleep(0)
        del task
        gc.collect()
        line = await told(journal)
    assert (line["event"], line["says"]) == ("loop_fault", "Task was destroyed but it is pending!")
    assert line["task"].endswith("forgotten")


async def test_a_callback_that_fails_is_told_without_what_it_was_given() -> None:
    """The loop's sentence quotes the arguments, so it is left out."""
    journal = FakeJournal()

    def callback(_given: str) -> None:
        failing()

    with overhear(journal):
        asyncio.get_running_loop().call_soon(callback, CANARY)
        line = await told(journal)
    assert (line["event"], line["says"], line["type"]) == ("loop_fault", "", "ValueError")
    assert line["at"].endswith(" failing")


async def test_a_thread_that_ends_in_a_fault_is_told() -> None:
    """Its trace would otherwise stand in the log, its words with it."""
    journal = FakeJournal()
    with overhear(journal):
        thread = threading.Thread(target=failing)
        thread.start()
        line = await told(journal)
        thread.join()
    assert (line["event"], line["type"]) == ("thread_fault", "ValueError")
    assert line["at"].endswith(" failing")


async def test_what_is_raised_where_nobody_can_catch_it_is_told() -> None:
    """As in the removal of an object."""
    journal = FakeJournal()

    class Leaving:
        def __del__(self) -> None:
            failing()

    with overhear(journal):
        gone = Leaving()
        del gone
        line = await told(journal)
    assert (line["event"], line["type"]) == ("thread_fault", "ValueError")


async def test_that_a_caller_left_is_no_fault() -> None:
    """Its answer could not be sent."""
    journal = FakeJournal()
    grpc_says = logging.getLogger("grpc._cython.cygrpc")

    class ExecuteBatchError(Exception):
        """What the C core raises for an answer that nobody takes."""

    with overhear(journal):
        grpc_says.error("raised in core", exc_info=ExecuteBatchError())
        grpc_says.error("another")
        line = await told(journal)
    assert (line["event"], line["type"]) == ("library_fault", "")


async def test_all_is_as_before_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    """Handlers and hooks are given back, also when the body fails."""
    before = (threading.excepthook, sys.unraisablehook, logging.getLogger().handlers[:], warnings.showwarning)
    with pytest.raises(ValueError, match=CANARY), overhear(FakeJournal()):
        failing()
    assert (threading.excepthook, sys.unraisablehook, logging.getLogger().handlers, warnings.showwarning) == before
    assert asyncio.get_running_loop().get_exception_handler() is None
    assert capsys.readouterr().err == ""
