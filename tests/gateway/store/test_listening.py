"""Who listens hears what is committed, on this replica and on others, and is told when it may have missed something."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from sqlalchemy import text

from gateway.store import listening, notices
from gateway.store.notices import LOOK_YOURSELF, Notices
from tests.fakes.store import opened
from tests.gateway.store.lab import CHANNEL, Sayer, make_tables

if TYPE_CHECKING:
    import pytest

    from gateway.store.store import Store

SECONDS = 10.0
END_LISTENERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%LISTEN%' AND pid <> pg_backend_pid()"
)


class Ear:
    """Listens in the background and keeps what it has heard."""

    def __init__(self, store: Store, channel: str = CHANNEL) -> None:
        """Begin to listen."""
        self.heard: list[str] = []
        self._task = asyncio.create_task(self._listen(store, channel))

    async def _listen(self, store: Store, channel: str) -> None:
        async with aclosing(store.listen(channel)) as told:
            async for payload in told:
                self.heard.append(payload)

    async def hears(self, *payloads: str) -> None:
        """Wait until it has heard these, in any order, and forget all."""
        async with asyncio.timeout(SECONDS):
            while not set(payloads) <= set(self.heard):
                await asyncio.sleep(0.01)
        self.heard.clear()

    async def stop(self) -> None:
        """Listen no more."""
        self._task.cancel()
        await asyncio.wait({self._task})


async def settled(store: Store, ear: Ear, channel: str = CHANNEL) -> None:
    """Wait until a word of our own comes through, so that whatever follows is heard."""
    async with asyncio.timeout(SECONDS):
        while "settled" not in ear.heard:

            async def say(transaction, items):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - as a handler is
                transaction.notify(channel, "settled")
                return items

            await store.commit(say, None)
            await asyncio.sleep(0.01)
    ear.heard.clear()


async def test_what_is_committed_is_heard(store: Store) -> None:
    """A listener hears what was told once it is committed, and nothing of what was refused."""
    await make_tables(store)
    ear = Ear(store)
    await settled(store, ear)
    await store.commit(Sayer().add, 5)
    await ear.hears("5")
    await asyncio.gather(store.commit(Sayer().add, -1), return_exceptions=True)
    await store.commit(Sayer().add, 6)
    async with asyncio.timeout(SECONDS):
        while "6" not in ear.heard:
            await asyncio.sleep(0.01)
    assert "-1" not in ear.heard
    await ear.stop()


async def test_replicas_hear_each_other(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one replica commits is heard by the other, on every channel to which somebody listens there."""
    monkeypatch.setattr(listening, "LOOK_SECONDS", 0.01)
    async with opened(postgres_url) as one, opened(postgres_url) as other:
        await make_tables(one)
        first = Ear(other)
        await settled(one, first)
        second = Ear(other, "another")
        await settled(one, second, "another")
        await first.stop()
        third = Ear(other, "a third")
        await settled(one, third, "a third")
        await second.stop()
        await third.stop()


async def test_a_lost_connection_is_told_and_made_anew(postgres_url: str) -> None:
    """Where the connection was lost the listener is told to look for itself, and then hears again."""
    async with opened(postgres_url) as one, opened(postgres_url) as other:
        await make_tables(one)
        ear = Ear(other)
        await settled(one, ear)
        async with one.reading() as connection:
            await connection.execute(END_LISTENERS)
        await ear.hears(LOOK_YOURSELF)
        await settled(one, ear)
        await ear.stop()


async def test_a_slow_listener_is_told_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not keep up loses the words and hears that it did; nobody else does."""
    monkeypatch.setattr(notices, "MOST_UNHEARD", 3)
    board = Notices()
    async with aclosing(board.listen("a")) as slow, aclosing(board.listen("a")) as quick:
        assert [await anext(slow), await anext(quick)] == [LOOK_YOURSELF] * 2
        heard = []
        for word in "abcde":
            board.tell("a", word)
            board.tell("b", word)
            heard.append(await anext(quick))
        assert heard == list("abcde")
        assert [await anext(slow), await anext(slow)] == [LOOK_YOURSELF, "e"]
        assert board.channels == {"a"}
    assert board.channels == frozenset()
