"""What the `onecard exchange` commands do."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.bootstrap_evidence import evidence_append
from gateway.console import screen, table
from gateway.services.exchange_dead_letters import DeadLetters
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
    console.print(f"{len(found)} dead letters")


def requeue_dead_letters(config: Path, numbers: Sequence[int], *, url: str) -> int:
    """Put dead letters back; gives the exit code (SettingsError, StoreUnavailableError)."""

    async def put_back() -> tuple[int, int]:
        async with _dead_letters(config, url) as letters:
            wanted = tuple(numbers) or tuple(one.place for one in await letters.all())
            return await letters.requeue(wanted), len(set(wanted))

    back, wanted = asyncio.run(put_back())
    screen().print(f"{back} of {wanted} put back")
    return 0 if back == wanted else 1
