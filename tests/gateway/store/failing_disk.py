"""A program to be run where synchronizing the disk fails now and then: it says what was kept and what was refused."""

from __future__ import annotations

import asyncio
import sys

from gateway.errors import StoreUnavailableError
from tests.fakes.store import opened
from tests.gateway.store.lab import Sayer, kept, make_tables

ITEMS = 20


async def main(url: str) -> None:
    """Commit items one after another, waiting after each refusal until the store is back."""
    async with opened(url) as store:
        await make_tables(store)
        sayer = Sayer()
        for number in range(ITEMS):
            try:
                await store.commit(sayer.add, number)
            except StoreUnavailableError as error:
                print("refused", number, error.metadata["fault"], flush=True)  # noqa: T201 - it is what the test reads
            else:
                print("kept", number, flush=True)  # noqa: T201 - it is read as well
            while not store.ready:
                await asyncio.sleep(0.01)
        print("there", *await kept(store), flush=True)  # noqa: T201 - it is read as well


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
