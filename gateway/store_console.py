"""What the `onecard store` commands do."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from gateway.console import screen, table
from gateway.errors import SettingsError, StoreUnavailableError
from gateway.settings import SAMPLE_LINE, load_settings, stored_at
from gateway.store.engine import open_engine
from gateway.store.export import export
from gateway.store.key_folder import key_files, new_key, read_keys, switch_keys
from gateway.store.lock import FileLock
from gateway.store.migrate import check, known_revision, migrate, require_schema
from gateway.store.rotation import keys_in_use, reseal
from gateway.store.sealing import Sealer
from gateway.store.snapshot import snapshot
from gateway.store.tables import METADATA
from gateway.store_advice import advice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path
    from typing import TextIO

    from gateway.settings import Settings
    from gateway.store.engine import StoreEngine


def _settings(config: Path, url: str) -> Settings:
    settings = load_settings(config)
    return stored_at(settings, url) if url else settings


@asynccontextmanager
async def _engine(settings: Settings, *, existing: bool = True) -> AsyncIterator[StoreEngine]:
    """Lend a store; where the database cannot be had, say what to look at (SettingsError)."""
    engine = open_engine(settings.store.address, existing=existing)
    try:
        yield engine
    except StoreUnavailableError as error:
        raise advice(error, engine) from error
    finally:
        await engine.close()


def migrate_store(config: Path, *, url: str) -> None:
    """Bring the store to the schema of this version (SettingsError, StoreSchemaError)."""
    before = asyncio.run(_migrate(_settings(config, url)))
    screen().print(f"schema {before} -> {known_revision()}" if before != known_revision() else f"schema {before}")


async def _migrate(settings: Settings) -> str:
    async with _engine(settings, existing=False) as engine:
        lock = None if engine.file is None else FileLock(engine.file)
        if lock is not None:
            lock.take()
        try:
            return await migrate(engine)
        finally:
            if lock is not None:
                lock.release()


def check_store(config: Path, *, url: str) -> int:
    """Look at the store, tell what is there and what is wrong with it (SettingsError, StoreSchemaError)."""
    settings, console = _settings(config, url), screen()
    faults, counts = asyncio.run(_check(settings))
    shown = table("table", "rows", least={1: 12}, console=console)
    for name, count in counts.items():
        shown.add_row(name, str(count))
    console.print(shown)
    for fault in faults:
        console.print(fault, soft_wrap=True)
    console.print(f"schema {known_revision()}: {'something is wrong' if faults else 'all is well'}")
    return 1 if faults else 0


async def _check(settings: Settings) -> tuple[tuple[str, ...], dict[str, int]]:
    keys = {key.id for key in read_keys(settings.store.keys)}
    async with _engine(settings) as engine:
        faults = await check(engine)
        try:
            missing = await keys_in_use(engine) - keys
        except StoreUnavailableError as error:
            return (*faults, f"sealed values: {error.metadata['fault']}"), {}
        if missing:
            faults = (*faults, f"keys: something is sealed with {len(missing)} that the folder of keys does not have")
        async with snapshot(engine) as connection:
            counts = {
                one.name: (await connection.execute(select(func.count()).select_from(one))).scalar_one()
                for one in METADATA.sorted_tables
            }
    return faults, counts


def export_store(config: Path, output: Path | None, *, url: str) -> None:
    """Write the store out (SettingsError: also where the file is there or cannot be made)."""
    settings = _settings(config, url)
    if output is None:
        asyncio.run(_export(settings, sys.stdout))
        return
    try:
        descriptor = os.open(output, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsError((f"{output.name}: cannot be made ({type(error).__name__})",)) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        lines = asyncio.run(_export(settings, file))
    screen().print(f"{lines} lines in {output.name}", soft_wrap=True)


async def _export(settings: Settings, stream: TextIO) -> int:
    lines = 0
    async with _engine(settings) as engine:
        async for line in export(engine):
            stream.write(f"{line}\n")
            lines += 1
    return lines


def stage_key(config: Path) -> None:
    """Make the key to come (SettingsError)."""
    settings = load_settings(config)
    keys = settings.store.keys
    if any(file.suffix == ".next" for file in key_files(keys)):
        raise SettingsError((f"{keys.name}: there is a key to come already",))
    made = new_key(keys, settings.store.cipher, preamble=_preamble(settings), to_come=True)
    screen().print(f"{keys.name}/{made.name}: copy it to all replicas, then `onecard store rotate`", soft_wrap=True)


def rotate_keys(config: Path, *, url: str) -> None:
    """Let the newest key seal and seal everything anew (SettingsError, StoreSchemaError)."""
    settings, console = _settings(config, url), screen()
    keys = settings.store.keys
    if switch_keys(keys) is None:
        if settings.store.folder is None:
            raise SettingsError((f"{keys.name}: make a key to come first (--stage), so that all replicas can have it",))
        new_key(keys, settings.store.cipher, preamble=_preamble(settings))
    done, used = asyncio.run(_rotate(settings))
    for name, count in done.items():
        console.print(f"{name}: {count} sealed anew")
    for file, key in zip(key_files(keys), read_keys(keys), strict=True):
        needed = key.id in used or file == key_files(keys)[0]
        console.print(f"{keys.name}/{file.name}: {'in use' if needed else 'nothing needs it any more'}")


async def _rotate(settings: Settings) -> tuple[Mapping[str, int], frozenset[bytes]]:
    async with _engine(settings) as engine:
        await require_schema(engine)
        done = await reseal(engine, Sealer(read_keys(settings.store.keys)))
        return done, await keys_in_use(engine)


def _preamble(settings: Settings) -> bytes:
    return SAMPLE_LINE if settings.sandbox else b""
