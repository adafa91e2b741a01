"""What the `onecard exchange` commands do."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.bootstrap_evidence import evidence_append
from gateway.console import screen, table
from gateway.services.exchange_dead_letters import AT_MOST, DeadLetters
from gateway.services.exchange_model import MICROS
from gateway.settings import load_settings, stored_at
from gateway.store.engine import open_engine
from gateway.store.migrate import require_schema
from gateway.store.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from gateway.services.exchange_dead_letters import DeadLetter


@asynccontextmanager
async def _dead_letters(config: Path, url: str) -> AsyncIterator[DeadLetters]:
    """Open the store of a gateway, which may run, and close it (StoreSchemaError, StoreUnavailableError)."""
    settings = load_settings(config)
    settings = stored_at(settings, url) if url else settings
    engine = open_engine(settings.store.address, existing=True)
    try:
        await require_schema(engine)
        store = Store(engine, append=evidence_append(settings)(engine.writing.dialect.name))
        await store.open()
        try:
            yield DeadLetters(store)
        finally:
            await store.close()
    finally:
        await engine.close()


def list_dead_letters(config: Path, *, url: str) -> None:
    """Print what was laid aside (SettingsError, StoreUnavailableError)."""

    async def read() -> list[DeadLetter]:
        async with _dead_letters(config, url) as letters:
            return await letters.all()

    console, found = screen(), asyncio.run(read())
    shown = table(
        "number", "lane", "task", "state", "reason", "tries", "since", "request", least={7: 40}, console=console
    )
    for one in found:
        since = datetime.fromtimestamp(one.added_at // MICROS, UTC).isoformat()
        shown.add_row(str(one.place), one.lane, one.task, one.state, one.reason, str(one.tries), since, one.request)
    if found:
        console.print(shown)
    more = ", and perhaps more: put some back first" if len(found) == AT_MOST else ""
    console.print(f"{_so_many(len(found))}{more}")


def _so_many(letters: int) -> str:
    return f"{letters} dead letter" if letters == 1 else f"{letters} dead letters"


def requeue_dead_letters(config: Path, numbers: Sequence[int], *, url: str) -> int:
    """Put dead letters back and name them; gives the exit code (SettingsError, StoreUnavailableError)."""

    async def put_back() -> tuple[list[DeadLetter], list[int]]:
        async with _dead_letters(config, url) as letters:
            wanted = tuple(numbers) or tuple(one.place for one in await letters.all())
            back = await letters.requeue(wanted)
            return back, sorted(set(wanted) - {one.place for one in back})

    console = screen()
    back, left = asyncio.run(put_back())
    for one in back:
        console.print(f"{one.place} {one.lane} {one.task} {one.request}: put back", soft_wrap=True, highlight=False)
    for number in left:
        console.print(f"{number}: no dead letter", highlight=False)
    console.print(f"{len(back)} of {_so_many(len(back) + len(left))} put back")
    return 1 if left else 0
