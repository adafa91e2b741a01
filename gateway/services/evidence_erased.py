"""What the log says of its own erasures, and whether that is all that is gone.

Each transaction that erases personal parts appends how many, and before which time where they went by their age. So
whoever takes a part out of the database without a word leaves one more gone than was told of, and whoever puts parts
back leaves one less. What is younger than all that went by age can be gone by orders only; so one part that is put back
does not make up for another that was taken, unless an order explains that. For an order about one person no places are
told: records of one holder, listed together, would say what erasure is to make nobody know.
"""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING, Final

from gateway.services.evidence import Decision, Outcome

if TYPE_CHECKING:
    from gateway.services.evidence_bundle import Stored

METHOD: Final = "evidence/erase"
_TELLS: Final = f'"method":"{METHOD}"'.encode("ascii")
_DETAIL: Final = re.compile(rb'"detail":"([0-9]{1,15})(?: before ([0-9]{1,19}))?"')


def erasure(parts: int, *, before: int | None = None) -> Decision:
    """Make the record of an erasure: how many parts, and before which time (microseconds) where they went by age."""
    return Decision(
        method=METHOD, outcome=Outcome.ALLOWED, detail=f"{parts}" if before is None else f"{parts} before {before}"
    )


class ErasureAccount:
    """Takes all records of a log in their order, and says at the end whether the account balances."""

    def __init__(self) -> None:
        """Begin with nothing gone and nothing told."""
        self._gone = array("q")
        self._times = array("q")
        self._left: int | None = None
        self._told = 0
        self._ordered = 0
        self._before = 0

    @property
    def gone(self) -> int:
        """Count the parts that are gone."""
        return len(self._gone)

    def take(self, one: Stored, *, time: int, named: bool) -> None:
        """Take a record; `time` is its own, microseconds, and `named` whether it commits to a personal part."""
        if _TELLS in one.record and (told := _DETAIL.search(one.record)) is not None:
            self._told += int(told[1])
            self._ordered += 0 if told[2] else int(told[1])
            self._before = max(self._before, int(told[2] or 0))
        if one.personal is not None:
            if self._left is None:
                self._left = one.place
        elif named:
            self._gone.append(one.place)
            self._times.append(time)

    def fault(self) -> tuple[int, str] | None:
        """Give the first place that may be wrong, and what is; None where all that is gone was told of."""
        young = [place for place, time in zip(self._gone, self._times, strict=True) if time >= self._before]
        if self.gone > self._told or len(young) > self._ordered:
            return (young or self._gone)[0], "personal part: gone, and more are than were erased; the first that may be"
        if self.gone < self._told:
            return (
                self._left or 0,
                "personal part: there again, and fewer are gone than were erased; the first there",
            )
        return None
