"""Signs of life of processes: who counts as hung, and who does not."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from itertools import takewhile

from gateway.signs_of_life import FIRST_SECONDS, SILENT_SECONDS, SignsOfLife


def patience(signs: SignsOfLife, place: int) -> int:
    """Count the looks, a second apart, until a process is missed."""
    return 1 + len(list(takewhile(lambda _: not signs.missed(place, 1.0), range(1_000))))


def test_who_falls_silent_is_missed() -> None:
    """Some seconds after the last sign, and once for each such time."""
    signs = SignsOfLife(2)
    signs.give(1)
    assert not signs.missed(1, 1.0)
    assert patience(signs, 1) == SILENT_SECONDS
    assert patience(signs, 1) == SILENT_SECONDS


def test_who_begins_has_longer() -> None:
    """What is loaded before the first sign may take its time, again for who is started again."""
    signs = SignsOfLife(2)
    assert patience(signs, 0) == FIRST_SECONDS
    signs.give(0)
    assert not signs.missed(0, 1.0)
    signs.expect(0)
    assert patience(signs, 0) == FIRST_SECONDS


def test_who_gives_signs_is_never_missed() -> None:
    """However many they were: the number begins again at 0."""
    signs = SignsOfLife(1)
    for _ in range(600):
        signs.give(0)
        assert not signs.missed(0, SILENT_SECONDS)


async def test_an_event_loop_that_turns_gives_signs() -> None:
    """It begins at once, and ends where it is told to."""
    signs = SignsOfLife(1)
    living = asyncio.create_task(signs.keep_giving(0))
    await asyncio.sleep(0)
    assert not signs.missed(0, FIRST_SECONDS)
    living.cancel()
    with suppress(asyncio.CancelledError):
        await living


def test_a_sign_crosses_from_one_process_to_another() -> None:
    """What a process gives, the one that has forked it sees."""
    signs = SignsOfLife(1)
    pid = os.fork()
    if not pid:
        signs.give(0)
        os._exit(0)
    os.waitpid(pid, 0)
    assert not signs.missed(0, FIRST_SECONDS)
