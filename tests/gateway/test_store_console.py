"""What the `onecard store` commands do to a store, on both engines."""

from __future__ import annotations

import asyncio
import json
import stat
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from gateway import store_console
from gateway.errors import SettingsError, StoreSchemaError
from gateway.settings import SAMPLE, load_settings, stored_at
from gateway.store.engine import open_engine
from gateway.store.key_folder import new_key, read_keys
from gateway.store.lock import FileLock
from gateway.store.migrate import known_revision
from gateway.store.sealing import CipherName, Sealer
from tests.fakes.configuration import FakeConfiguration
from tests.fakes.store import opened
from tests.gateway.store.test_rotation import add, opens

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.settings import Settings


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Lay out a configuration, in a wide terminal."""
    monkeypatch.setenv("COLUMNS", "300")
    return FakeConfiguration(tmp_path).path


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Give what is typed after --store: nothing, where the configured file serves, or a PostgreSQL."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))


def settings_of(config: Path, url: str) -> Settings:
    """Read the settings as the command does."""
    settings = load_settings(config)
    return stored_at(settings, url) if url else settings


def work(settings: Settings, *numbers: int) -> list[str]:
    """Add sealed rows as a gateway with the keys of the folder does, and give all rows opened."""

    async def run() -> list[str]:
        sealer = Sealer(read_keys(settings.store.keys))
        async with opened(settings.store.address) as store:
            for number in numbers:
                await store.commit(add, (number, sealer))
            return await opens(store, sealer)

    return asyncio.run(run())


def run_sql(settings: Settings, sql: str) -> None:
    """Change something behind the store's back."""

    async def run() -> None:
        engine = open_engine(settings.store.address)
        async with engine.writing.begin() as connection:
            await connection.execute(text(sql))
        await engine.close()

    asyncio.run(run())


def test_a_store_is_migrated_and_checked(config: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty place is no store; migrated it is, and a check names its tables and finds nothing."""
    with pytest.raises((StoreSchemaError, SettingsError)):
        store_console.check_store(config, url=url)
    for told in (f"schema none -> {known_revision()}", f"schema {known_revision()}"):
        store_console.migrate_store(config, url=url)
        assert capsys.readouterr().out == f"{told}\n"
    assert store_console.check_store(config, url=url) == 0
    out = capsys.readouterr().out
    assert "exchange_chunks" in out
    assert "all is well" in out


def test_a_check_names_what_is_wrong(config: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A table too many, a key that is not there any more, a value that nobody sealed: each is told, and ends with 1."""
    settings = settings_of(config, url)
    work(settings, 1)
    run_sql(settings, "CREATE TABLE stray (id INTEGER PRIMARY KEY)")
    (settings.store.keys / "0001.key").unlink()
    new_key(settings.store.keys, CipherName.AES)
    assert store_console.check_store(config, url=url) == 1
    out = capsys.readouterr().out
    assert "schema: remove_table" in out
    assert "keys: something is sealed with 1 that the folder of keys does not have" in out
    assert "something is wrong" in out
    run_sql(settings, "UPDATE exchange_chunks SET data = ''")
    assert store_console.check_store(config, url=url) == 1
    assert "sealed values: not_sealed" in capsys.readouterr().out


def test_a_running_gateway_is_not_migrated(config: Path) -> None:
    """Whoever holds the file is told first."""
    settings = load_settings(config)
    assert settings.store.folder is not None
    settings.store.folder.mkdir()
    lock = FileLock(settings.store.folder / "store.sqlite")
    lock.take()
    with pytest.raises(SettingsError, match="another gateway"):
        store_console.migrate_store(config, url="")
    lock.release()


def test_an_export_is_a_file_of_its_owner(
    config: Path, url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON lines, in a new file that nobody else reads, or on standard output."""
    work(settings_of(config, url), 1, 2)
    output = tmp_path / "rows.jsonl"
    store_console.export_store(config, output, url=url)
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    lines = output.read_text("utf-8").splitlines()
    assert f"{len(lines)} lines in rows.jsonl" in capsys.readouterr().out
    assert [json.loads(line)["row"]["start"] for line in lines if "exchange_chunks" in line] == [1, 2]
    store_console.export_store(config, None, url=url)
    assert capsys.readouterr().out.splitlines()[1:] == lines[1:]
    with pytest.raises(SettingsError, match=r"rows\.jsonl: cannot be made"):
        store_console.export_store(config, output, url=url)


def test_keys_are_rotated(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On one machine in one step: a new key, everything sealed anew, and the old one needed no more."""
    settings = load_settings(config)
    before = work(settings, 1, 2, 3)
    store_console.rotate_keys(config, url="")
    out = capsys.readouterr().out
    assert "exchange_chunks: 3 sealed anew" in out
    assert "store-keys/0002.key: in use" in out
    assert "store-keys/0001.key: nothing needs it any more" in out
    assert (settings.store.keys / "0002.key").read_bytes().startswith(SAMPLE)
    (settings.store.keys / "0001.key").unlink()
    assert work(settings) == before


def test_replicas_get_a_key_before_one_seals_with_it(
    config: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With several replicas the key is made first and used later, so that all of them have it by then."""
    settings = settings_of(config, postgres_url)
    work(settings, 1)
    config.write_text(config.read_text("utf-8").replace('folder = "store"', f'url = "{postgres_url}"'), "utf-8")
    with pytest.raises(SettingsError, match="--stage"):
        store_console.rotate_keys(config, url="")
    store_console.stage_key(config)
    assert "store-keys/0002.next: copy it to all replicas" in capsys.readouterr().out
    with pytest.raises(SettingsError, match="a key to come already"):
        store_console.stage_key(config)
    work(settings, 2)
    store_console.rotate_keys(config, url="")
    out = capsys.readouterr().out
    assert "exchange_chunks: 2 sealed anew" in out
    assert {path.name for path in settings.store.keys.iterdir()} == {"0001.key", "0002.key"}
    assert work(settings) == ["测试 1", "测试 2"]
