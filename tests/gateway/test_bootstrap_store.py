"""The store of a node: taken hold of, brought up to date, kept clean, let go of."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway import bootstrap_store
from gateway.bootstrap_store import StoreSide, build_store
from gateway.errors import SettingsError, StoreUnavailableError
from gateway.settings import load_settings, stored_at
from gateway.store.key_folder import new_key, read_keys
from gateway.store.migrate import known_revision
from gateway.store.replay import StoreReplay
from gateway.store.sealing import CipherName
from gateway.store.status_places import StatusPlaces
from tests.fakes.configuration import FakeConfiguration
from tests.fakes.journal import FakeJournal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.settings import Settings
    from gateway.store.store import Transaction


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Lay out a configuration and read it."""
    return load_settings(FakeConfiguration(tmp_path).path)


async def nothing(_transaction: Transaction, _decisions: Sequence[object]) -> None:
    """Append nothing."""


def built(settings: Settings, journal: FakeJournal | None = None) -> StoreSide:
    """Make the store of a node."""
    return build_store(settings, journal or FakeJournal(), evidence=lambda _dialect: nothing)


async def test_a_store_is_opened_and_let_go_of(settings: Settings) -> None:
    """It is migrated at the start; one gateway at a time has the file, and the next one finds it as it was."""
    journal = FakeJournal()
    one, other = built(settings, journal), built(settings, journal)
    assert not one.store.ready
    await one.start()
    assert one.store.ready
    with pytest.raises(SettingsError, match="another gateway"):
        await other.start()
    await other.close()
    await one.close()
    assert not one.store.ready
    await other.start()
    await other.close()
    opened = [line for line in journal.lines if line["event"] == "store_open"]
    assert [line["schema_before"] for line in opened] == ["none", known_revision()]
    assert {line["engine"] for line in opened} == {"sqlite"}


async def test_replicas_open_one_server(settings: Settings, postgres_url: str) -> None:
    """Several that start at once: one migrates, all are ready."""
    sides = [built(stored_at(settings, postgres_url)) for _ in range(3)]
    await asyncio.gather(*(side.start() for side in sides))
    assert [side.store.ready for side in sides] == [True] * 3
    await asyncio.gather(*(side.close() for side in sides))


async def test_it_is_kept_clean(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is over is deleted, and a new key is taken up, again and again; faults of one round are of that round."""
    monkeypatch.setattr(bootstrap_store, "SWEEP_SECONDS", 0.01)
    side = built(settings)
    await side.start()
    await side.replay.remember("home", "1", 1)
    cleaning = asyncio.create_task(side.keep_clean())
    new_key(settings.store.keys, CipherName.AES)
    newest = read_keys(settings.store.keys)[0].id
    async with asyncio.timeout(10):
        while side.sealer.newest != newest or side.replay._live != 0:
            await asyncio.sleep(0.01)
    (settings.store.keys / "0003.key").write_text("no key")

    async def fail(_now: int) -> int:
        raise StoreUnavailableError(fault="disk")

    failed = asyncio.Event()

    async def after(now: int) -> int:
        failed.set()
        return now

    monkeypatch.setattr(StoreReplay, "sweep", lambda _self, now: fail(now))
    monkeypatch.setattr(StatusPlaces, "sweep", lambda _self, now: after(now))
    async with asyncio.timeout(10):
        await failed.wait()
    assert not cleaning.done()
    assert side.sealer.newest == newest
    cleaning.cancel()
    await side.close()


def test_a_folder_of_keys_that_cannot_be_used_is_refused(settings: Settings) -> None:
    """Before anything is connected."""
    (settings.store.keys / "0002.key").write_text("no key")
    (settings.store.keys / "0002.key").chmod(0o600)
    with pytest.raises(SettingsError, match=r"0002\.key is no key"):
        built(settings)


async def test_a_server_that_is_away_is_told_with_what_to_look_at(settings: Settings) -> None:
    """As the commands do that open a store, and without its address."""
    side = built(stored_at(settings, "postgresql+asyncpg://user@127.0.0.1:1/name"))
    with pytest.raises(SettingsError, match="look whether it runs") as refused:
        await side.start()
    assert "127.0.0.1" not in str(refused.value)
    await side.close()
