"""How many events of a feed a visited region applies with one core: judged, joined, and kept in a store on disk.

Events come in messages of 500, as a gateway that has missed some gets them. First each card is lost, then each is
thawed. Time is CPU of the whole process, that of the store's threads included. Run as a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from pathlib import Path

from adapters.card_events import CardEvent
from adapters.words import CardEventKind
from gateway.services.card_copy import CardCopy
from gateway.services.card_news import MOST_AT_ONCE, FeedState, Told
from gateway.services.card_table import KEY_BYTES
from gateway.store.card_copies import StoredCopies
from gateway.store.engine import open_engine
from gateway.store.migrate import migrate
from gateway.store.store import Store

CARDS = 20_000
_BEGIN = 1_700_000_000_000_000
_FEED = "a-feed"


async def measure(folder: Path, cards: int = CARDS) -> list[float]:
    """Apply both rounds; gives the events of a second of CPU, one number for each."""
    engine = open_engine(f"sqlite:///{folder}/store.sqlite")
    await migrate(engine)
    store = Store(engine)
    await store.open()
    chance = random.Random(7)
    keys = [chance.randbytes(KEY_BYTES) for _ in range(cards)]
    try:
        copy = CardCopy("home_region", "visited_region", store=StoredCopies(store), clock=time.time)
        await copy.start()
        rates = []
        for kind in (CardEventKind.LOST_FORMAL, CardEventKind.THAWED):
            begun = time.process_time()
            for first in range(0, cards, MOST_AT_ONCE):
                await _apply(copy, keys[first : first + MOST_AT_ONCE], kind)
            rates.append(cards / (time.process_time() - begun))
        assert copy.state.last == 2 * cards
    finally:
        await store.close()
    return rates


async def _apply(copy: CardCopy, keys: list[bytes], kind: CardEventKind) -> None:
    last = copy.state.last
    news = [
        Told(number, key, (CardEvent(kind=kind, time=_BEGIN + number),), _BEGIN + number)
        for number, key in enumerate(keys, last + 1)
    ]
    await copy.apply(news, FeedState(feed=_FEED, last=last + len(news), age=0.0, sent_at=time.time()))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="onecard-bench-") as place:
        print(json.dumps(asyncio.run(measure(Path(place)))), flush=True)
