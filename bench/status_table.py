"""What a million cards cost in the table of states: memory, a look-up, an event applied. Run as a process of its own.

Memory is that of the process before and after the table was filled; cards have two events each, every tenth three.
Look-ups and events go to cards in random order; time is CPU of the one thread.
"""

from __future__ import annotations

import json
import os
import random
import time
from typing import TYPE_CHECKING

from adapters.card_events import CardEvent
from adapters.card_state import CardState, Outcome
from adapters.words import CardEventKind
from bench.process import resident_mb
from gateway.services.card_table import KEY_BYTES, CardTable

if TYPE_CHECKING:
    from collections.abc import Callable

CARDS = 1_000_000
LOOKUPS = 200_000
EVENTS = 50_000
ROUNDS = 5
_BEGIN = 1_700_000_000_000_000
_LOST, _ACTIVATED = CardEventKind.LOST_FORMAL, CardEventKind.ACTIVATED


def fill(cards: int) -> tuple[CardTable, list[bytes]]:
    """Make a table of so many cards, and some of their keys in random order."""
    chance = random.Random(6)
    table, some = CardTable(), []
    for number in range(cards):
        key = chance.randbytes(KEY_BYTES)
        events = [CardEvent(kind=_ACTIVATED, time=_BEGIN + number), CardEvent(kind=_LOST, time=_BEGIN + cards + number)]
        if number % 10 == 0:
            events.append(CardEvent(kind=CardEventKind.THAWED, time=_BEGIN + 2 * cards + number))
        table.put(key, CardState.of(events))
        if number % 5 == 0:
            some.append(key)
    chance.shuffle(some)
    return table, some


def _seconds(work: Callable[[], None]) -> float:
    begun = time.thread_time()
    work()
    return time.thread_time() - begun


def _look_up(find: Callable[[bytes], object], keys: list[bytes]) -> None:
    for key in keys:
        find(key)


def _apply(table: CardTable, keys: list[bytes], begin: int) -> None:
    """Apply a loss to each card, as a feed does: judge it, join it, keep it."""
    for number, key in enumerate(keys):
        event = CardEvent(kind=_LOST, time=begin + number)
        state = table.state(key)
        assert state.judge(event) is Outcome.NEWS
        table.put(key, state.with_event(event))


def measure(cards: int = CARDS) -> dict[str, object]:
    """Measure all of it: `look_up`, and `bare` of a dictionary, in microseconds, `events` per second, by round."""
    before = resident_mb(os.getpid())
    table, some = fill(cards)
    filled = resident_mb(os.getpid()) - before - len(some) * 57 / 1_000_000  # the sample's own keys are not the table's
    keys = (some * (1 + LOOKUPS // len(some)))[:LOOKUPS]
    plain = {key: table.shown(key) for key in some}
    lookups, bare = [], []
    for _ in range(ROUNDS):
        lookups.append(_seconds(lambda: _look_up(table.shown, keys)) / len(keys) * 1_000_000)
        bare.append(_seconds(lambda: _look_up(plain.get, keys)) / len(keys) * 1_000_000)
    begin = _BEGIN + 10 * cards
    lot = some[:EVENTS]
    events = [
        len(lot) / _seconds(lambda first=begin + n * EVENTS: _apply(table, lot, first))  # type: ignore[misc]  # a default
        for n in range(ROUNDS)
    ]
    return {"cards": len(table), "megabytes": filled, "look_up": lookups, "bare": bare, "events": events}


if __name__ == "__main__":
    print(json.dumps(measure()), flush=True)
