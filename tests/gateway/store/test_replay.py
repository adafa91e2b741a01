"""One-time recognitions that were used up: once, whoever asks, and for as long as they live."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gateway.store.replay import StoreReplay
from tests.fakes.store import opened
from tests.house.tree import ROOT
from trust.errors import ReplayError, ReplayMemoryFullError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.store.store import Store

NOW = 1_790_000_000
LATER = NOW + 600
OTHER_PROCESS = """
import asyncio, sys
from gateway.store.replay import StoreReplay
from tests.fakes.store import opened

async def main(url, kill):
    async with opened(url) as store:
        await StoreReplay(store).remember("home", "jti", 2_000_000_000)
        print("used", flush=True)
        if kill:
            import os, signal
            os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(sys.argv[1], sys.argv[2] == "kill"))
"""


async def uses(memories: Iterable[StoreReplay], jti: str = "jti") -> list[type[BaseException] | None]:
    """Use a token once by each memory, all at the same time, and give how each ended."""
    gathered = await asyncio.gather(
        *(memory.remember("home", jti, LATER) for memory in memories), return_exceptions=True
    )
    return [None if outcome is None else type(outcome) for outcome in gathered]


async def test_of_a_hundred_uses_at_once_one_wins(store: Store) -> None:
    """RP1: exactly one gets through, the others are replays."""
    memory = StoreReplay(store)
    outcomes = await uses([memory] * 100)
    assert outcomes.count(None) == 1
    assert outcomes.count(ReplayError) == 99
    with pytest.raises(ReplayError) as refused:
        await memory.remember("home", "jti", LATER)
    assert refused.value.metadata == {"issuer": "home"}


async def test_of_uses_at_two_replicas_one_wins(postgres_url: str) -> None:
    """RP1: the same with two replicas on one server, for many tokens."""
    async with opened(postgres_url) as one, opened(postgres_url) as other:
        memories = [StoreReplay(one), StoreReplay(other)]
        for number in range(20):
            outcomes = await uses(memories * 5, f"jti {number}")
            assert outcomes.count(None) == 1
            assert outcomes.count(ReplayError) == 9


@pytest.mark.parametrize("how", ["end", "kill"])
def test_a_used_token_stays_used_over_a_restart(store_url: str, how: str) -> None:
    """RP2: another process on the same store refuses it, however the first one ended."""
    first = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, store_url, how],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert first.stdout == "used\n", first.stderr

    async def again() -> None:
        async with opened(store_url) as store:
            with pytest.raises(ReplayError):
                await StoreReplay(store).remember("home", "jti", 2_000_000_000)

    asyncio.run(again())


async def test_two_issuers_may_use_one_identifier(store: Store) -> None:
    """RP3: both are accepted; no issuer and identifier are taken for another pair."""
    memory = StoreReplay(store)
    for issuer, jti in (("home", "1"), ("visited", "1"), ("home 1", "x"), ("home", "1 x"), ("home", "\ud800")):
        await memory.remember(issuer, jti, LATER)


async def test_a_full_memory_refuses_new_tokens_and_forgets_none(store: Store) -> None:
    """RP4: no live token makes room, one that has expired does; what is remembered is still a replay."""
    memory = StoreReplay(store, capacity=3)
    await memory.remember("home", "1", NOW + 10)
    assert [outcome for n in ("2", "3", "4") for outcome in await uses([memory], n)] == [
        None,
        None,
        ReplayMemoryFullError,
    ]
    assert await uses([memory] * 2, "4") == [ReplayMemoryFullError] * 2
    for used in ("1", "2", "3"):
        assert await uses([memory], used) == [ReplayError]
    assert await memory.sweep(NOW + 9) == 0
    assert await uses([memory], "4") == [ReplayMemoryFullError]
    assert await memory.sweep(NOW + 10) == 1
    assert await uses([memory], "4") == [None]


async def test_a_refusal_does_not_name_the_token(store: Store) -> None:
    """Neither that it was used nor that there is no room repeats the identifier."""
    memory = StoreReplay(store, capacity=1)
    await memory.remember("home", "jti-canary", LATER)
    for jti in ("jti-canary", "other-canary"):
        with pytest.raises((ReplayError, ReplayMemoryFullError)) as refused:
            await memory.remember("home", jti, LATER)
        assert "canary" not in f"{refused.value} {refused.value!r} {refused.value.metadata}"


async def test_room_is_given_up_to_the_last_place(store: Store) -> None:
    """RP4: of many that come at once as many are remembered as there is room for, and a later process knows."""
    memory = StoreReplay(store, capacity=5)
    gathered = await asyncio.gather(*(memory.remember("home", str(n), LATER) for n in range(9)), return_exceptions=True)
    assert [type(outcome) for outcome in gathered if outcome] == [ReplayMemoryFullError] * 4
    assert await uses([StoreReplay(store, capacity=5)], "new") == [ReplayMemoryFullError]
    assert await uses([StoreReplay(store, capacity=6)], "new") == [None]


async def test_much_that_has_expired_is_forgotten(store: Store) -> None:
    """Some at a time, whatever there is, and nothing that lives."""
    memory = StoreReplay(store)
    await asyncio.gather(*(memory.remember("home", str(n), NOW + n % 2) for n in range(1300)))
    assert await memory.sweep(NOW) == 650
    assert await memory.sweep(NOW + 1) == 650
    assert await memory.sweep(NOW + 1) == 0
