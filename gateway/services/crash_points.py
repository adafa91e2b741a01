"""Named points at which a test lets the process die, as if its power were cut. Without a name nothing happens."""

from __future__ import annotations

import os
import signal
from typing import Final

BEFORE_INSERT: Final = "before_insert"
AFTER_INSERT: Final = "after_insert_before_fsync"
AFTER_COMMIT: Final = "after_commit_before_ack"
AFTER_SEND: Final = "after_send_before_mark"
AFTER_EFFECT: Final = "after_effect_before_mark"

POINTS: Final = (BEFORE_INSERT, AFTER_INSERT, AFTER_COMMIT, AFTER_SEND, AFTER_EFFECT)
"""In the order in which a request passes them: two in the transaction, one after it, one at the gateway that hands over
when the other has taken it, one at the gateway of the target when its platform says what it has done."""


class CrashPoints:
    """Kills the process when it reaches a point for the n-th time.

    Args:
        point: one of `POINTS`; nothing for none.
        times: at which time.
    """

    def __init__(self, point: str = "", times: int = 1) -> None:
        """Begin to count."""
        self._point = point
        self._left = times

    def reach(self, point: str) -> None:
        """Pass a point, or die there."""
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    @classmethod
    def from_text(cls, text: str) -> CrashPoints:
        """Read `point` or `point:times` (ValueError where there is no such point)."""
        point, _, times = text.partition(":")
        if point and point not in POINTS:
            raise ValueError(point)
        return cls(point, int(times or "1"))


NO_CRASH: Final = CrashPoints()
