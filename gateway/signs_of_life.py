"""Signs of life that forked processes give to the one that has forked them, in memory that they share.

Silence is counted in looks of the parent and not by a clock: where the parent did not run either, as on a machine that
was suspended or is overloaded, nobody else is to blame.
"""

from __future__ import annotations

import asyncio
from mmap import mmap
from typing import Final

SIGN_SECONDS: Final = 1.0
"""How often a sign is given."""

SILENT_SECONDS: Final = 10.0
"""After which who has given signs counts as hung: nothing in an event loop may take nearly as long."""

FIRST_SECONDS: Final = 60.0
"""After which who has given none yet does: it loads what it serves before its event loop turns for the first time."""


class SignsOfLife:
    """A number for each process, by its place from 0 on, which counts while its event loop turns."""

    def __init__(self, count: int) -> None:
        """Make the memory; who is forked from now on shares it."""
        self._given = mmap(-1, count)
        self._seen = [0] * count
        self._silence = [0.0] * count
        self._patience = [FIRST_SECONDS] * count

    def expect(self, place: int) -> None:
        """Begin anew with a process that is about to start."""
        self._seen[place], self._silence[place], self._patience[place] = self._given[place], 0.0, FIRST_SECONDS

    def give(self, place: int) -> None:
        """Give a sign, in the process itself."""
        self._given[place] = (self._given[place] + 1) % 256

    async def keep_giving(self, place: int) -> None:
        """Give signs while the event loop turns, until cancelled."""
        while True:
            self.give(place)
            await asyncio.sleep(SIGN_SECONDS)

    def missed(self, place: int, seconds: float) -> bool:
        """Look, some seconds after the last look; tells that one has been silent for too long, and begins anew."""
        given = self._given[place]
        if given != self._seen[place]:
            self._seen[place], self._silence[place], self._patience[place] = given, 0.0, SILENT_SECONDS
            return False
        self._silence[place] += seconds
        if self._silence[place] < self._patience[place]:
            return False
        self._silence[place] = 0.0
        return True
