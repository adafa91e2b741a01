"""Gateways are killed under load, at random and at each named point: nothing acknowledged is lost or done twice.

`make crash` does it hundreds of times; ONECARD_CRASH_KILLS and ONECARD_CRASH_EACH say how often, for each
engine.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from itertools import cycle
from typing import TYPE_CHECKING

import pytest

from gateway.services.crash_points import AFTER_EFFECT, POINTS
from tests.gateway.crash.gateways import SOURCE, TARGET, Gateways, children, ended
from tests.gateway.crash.load import Load
from tests.gateway.crash.verdict import check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.gateway.crash.gateways import Replica

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sandbox")]
KILLS = int(os.environ.get("ONECARD_CRASH_KILLS", "5"))
EACH = int(os.environ.get("ONECARD_CRASH_EACH", "1"))
_RANDOM = random.SystemRandom()
_REACHED_SECONDS = 20.0
_DRAIN_SECONDS = 420.0
"""What was in hand at many of the kills rests, the longest for four minutes, before it is tried again."""
_LONGEST_LIFE = 0.5
_BOTH = 0.5
"""Share of the kills that are of a whole gateway, where one of its processes can be killed alone."""


@pytest.fixture(params=["sqlite", "postgresql"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[dict[str, str], int]:
    """Give an empty store for each region, and how many replicas the gateway of the source is."""
    if request.param == "sqlite":
        return {region: f"sqlite:///{tmp_path}/{region}.sqlite" for region in (SOURCE, TARGET)}, 1
    names = {SOURCE: "postgres_url", TARGET: "second_postgres_url"}
    urls = {region: str(request.getfixturevalue(name)) for region, name in names.items()}
    return {region: url.replace("postgresql://", "postgresql+asyncpg://") for region, url in urls.items()}, 2


async def listening(gateways: Gateways, one: Replica) -> None:
    """Wait until a gateway takes connections."""
    async with asyncio.timeout(_REACHED_SECONDS):
        while not gateways.listens(one):
            await asyncio.sleep(0.02)


async def kill_at_random(gateways: Gateways, load: Load) -> None:
    """Let one of the gateways live for a moment, kill it, and start it again."""
    one = _RANDOM.choice(gateways.all)
    await listening(gateways, one)
    await asyncio.sleep(_RANDOM.uniform(0, _LONGEST_LIFE))
    load.look()
    gateways.kill(one)
    gateways.start(one)


async def kill_one_process(gateways: Gateways, load: Load) -> None:
    """Kill one process of the source's gateway, which is started again by the one that started it."""
    one = gateways.source[0]
    await listening(gateways, one)
    await asyncio.sleep(_RANDOM.uniform(0, _LONGEST_LIFE))
    load.look()
    for pid in children(one.pid)[:1]:
        os.kill(pid, signal.SIGKILL)


async def die_at(gateways: Gateways, load: Load, point: str, turns: Iterator[Replica]) -> bool:
    """Let a gateway die at a point, and start it again; tells whether it came there."""
    one = gateways.target if point == AFTER_EFFECT else next(turns)
    await listening(gateways, one)
    gateways.kill(one)
    gateways.start(one, crash_at=f"{point}:{_RANDOM.randint(1, 8)}")
    reached = await asyncio.to_thread(ended, one.pid, _REACHED_SECONDS)
    load.look()
    if not reached:
        gateways.kill(one)
    gateways.start(one)
    return reached


async def test_nothing_acknowledged_is_lost_or_done_twice(tmp_path: Path, places: tuple[dict[str, str], int]) -> None:
    """After kills at random and at each named point each request is there once, answered once, proved (DU1, DU2)."""
    stores, replicas = places
    reached: Counter[str] = Counter()
    with Gateways(tmp_path / "box", stores, replicas=replicas) as gateways:
        # In turn: callers leave a replica that dies for another, and it has little to do when it is back.
        turns = cycle(_RANDOM.sample(gateways.all, len(gateways.all)))
        async with Load(gateways) as load:
            for _ in range(KILLS):
                await kill_at_random(gateways, load)
            for point in POINTS:
                for _ in range(8 * EACH):  # on a busy machine not each try comes to the point in time
                    reached[point] += reached[point] < EACH and await die_at(gateways, load, point, turns)
            for one in gateways.all:
                await listening(gateways, one)
            await load.finish(_DRAIN_SECONDS)
            await check(gateways, load)
    notes = load.notes
    print(  # noqa: T201 - the figures of `make crash`
        f"\n{len(gateways.source)} replicas: {KILLS} random kills, {dict(reached)} at points,"
        f" {sum(one.kills for one in gateways.all)} kills in all; {len(notes.acknowledged)} acknowledged, 0 lost,"
        f" 0 done twice; {notes.replayed} answered as sent before, {sum(notes.came.values())} deliveries,"
        f" slowest submit {notes.longest:.1f} s"
    )
    assert reached == dict.fromkeys(POINTS, EACH)


async def test_processes_with_one_file_lose_nothing(tmp_path: Path) -> None:
    """Two processes on one file of SQLite are killed, one or both: each request is there once, answered once (DU1)."""
    stores = {region: f"sqlite:///{tmp_path}/{region}.sqlite" for region in (SOURCE, TARGET)}
    with Gateways(tmp_path / "box", stores, processes=2) as gateways:
        async with Load(gateways) as load:
            for _ in range(KILLS):
                await (kill_at_random if _RANDOM.random() < _BOTH else kill_one_process)(gateways, load)
            for one in gateways.all:
                await listening(gateways, one)
            await load.finish(_DRAIN_SECONDS)
            await check(gateways, load)
    print(  # noqa: T201 - the figures of `make crash`
        f"\n2 processes: {KILLS} random kills, {len(load.notes.acknowledged)} acknowledged, 0 lost, 0 done twice"
    )
