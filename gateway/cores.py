"""Cores: each of several processes stays on its own of those that a gateway may use.

A call passes several threads of a process, and what wakes a thread on another core, and fetches there what the first
one has in its cache, costs more than the thread's own work. Threads of one process that stay on one core wake each
other there. Where other programs want the same cores, a process that may not leave its own waits for them; so this is
the operator's to ask for.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


def own_cores(place: int, processes: int, cores: Collection[int]) -> frozenset[int]:
    """Give the cores of one of several processes: none is shared as long as there are enough, and none is left over.

    Args:
        place: which process it is, from 0 on.
        processes: how many there are.
        cores: the numbers of those that all of them may use, one at least.
    """
    ordered = sorted(cores)
    return frozenset(ordered[place % len(ordered) :: processes])


def stay_on_own_cores(place: int, processes: int) -> None:
    """Have this process, with all threads that it has or starts from now on, run on its own cores only (Linux)."""
    cores = own_cores(place, processes, os.sched_getaffinity(0))
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)
