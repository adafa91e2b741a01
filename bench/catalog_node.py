"""`python -m bench.catalog_node FOLDER REPEATS`: what translating costs and what items weigh, told as JSON.

It is a process of its own, so that what it holds is the catalogs and nothing else.
"""

from __future__ import annotations

import gc
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.equivalence import translate_item
from adapters.registry import load_registry
from bench.process import resident_mb
from gateway.federation.catalog_shelf import FileCatalogs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from adapters.canonical import ApplicationItem
    from adapters.catalog import Catalog
    from adapters.registry import Registry

    Question = tuple[ApplicationItem, Catalog]

_QUESTIONS = 2000
_SEED = 5
_MILLION = 1_000_000


def measure(folder: Path, repeats: int) -> dict[str, object]:
    """Read all catalogs, and translate within one of them and across all, by turns; microseconds of CPU and bytes."""
    registry = load_registry()
    pid = os.getpid()
    gc.collect()
    before = resident_mb(pid)
    started = time.perf_counter()
    versions = list(FileCatalogs(folder, registry.taxonomy).load())
    listed = time.perf_counter() - started
    catalogs = [version.items for version in versions]
    gc.collect()
    items = sum(map(len, catalogs))
    weight = (resident_mb(pid) - before) * _MILLION / items
    gc.freeze()
    draw = random.Random(_SEED)
    first = catalogs[0]
    alone = [(draw.choice(first.items), first) for _ in range(_QUESTIONS)]
    across = [(draw.choice(draw.choice(catalogs).items), draw.choice(catalogs)) for _ in range(_QUESTIONS)]
    on = versions[0].head.effective_from
    assert on is not None
    for questions in (alone, across):
        _micros(questions, registry, on)
    turns = [(_micros(alone, registry, on), _micros(across, registry, on)) for _ in range(repeats)]
    return {
        "items": items,
        "bytes": weight,
        "listed_ms": listed * 1000,
        "alone": [one for one, _ in turns],
        "across": [many for _, many in turns],
    }


def _micros(questions: Sequence[Question], registry: Registry, on: date) -> float:
    """Answer each question anew; gives microseconds of CPU for one."""
    started = time.process_time()
    for source, target in questions:
        translate_item(source, target, registry.taxonomy, on=on)
    return (time.process_time() - started) * _MILLION / len(questions)


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))))
