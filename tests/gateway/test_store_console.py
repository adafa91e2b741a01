"""What the `onecard store` commands do to a store, on both engines."""

from __future__ import annotations

import asyncio
import json
import stat
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url

from gateway import store_console
from gateway.errors import SettingsError, StoreSchemaError, StoreUnavailableError
from gateway.settings import SAMPLE, load_settings, stored_at
from gateway.store.engine import open_engine
from gateway.store.key_folder import new_key, read_keys
from gateway.store.lock import FileLock
from gateway.store.migrate import known_revision
from gateway.store.sealing import SEAL_FAULTS, CipherName, Sealer
from gateway.store_advice import advice
from tests.fakes.configuration import FakeConfiguration
from tests.fakes.store import opened
from tests.gateway.command import onecard, refused
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


def store_file(config: Path) -> Path:
    """Name the file of the store of a configuration."""
    folder = load_settings(config).store.folder
    assert folder is not None
    return folder / "store.sqlite"


@pytest.mark.parametrize("verb", ["migrate", "check", "export", "rotate"])
def test_a_file_that_cannot_be_opened_is_told_with_what_to_look_at(config: Path, verb: str) -> None:
    """Here its log cannot be made: folder, permission and disk are named, files by name, and no path."""
    work(load_settings(config), 1)
    store_file(config).with_name("store.sqlite-wal").mkdir()
    heading, *faults = onecard("store", verb, "--config", config).stderr.splitlines()
    assert heading == "The store cannot be used."
    assert [fault[:49] for fault in faults] == ["fault=cannot_open: store.sqlite, or store.sqlite-"]
    assert all(word in faults[0] for word in ("store.sqlite-wal", "folder", "may read and write", "disk has room"))
    assert str(store_file(config).parent) not in faults[0]


def test_a_file_that_is_no_database_is_told_as_such(config: Path) -> None:
    """Whatever lies there was not made by a gateway, or is damaged."""
    file = store_file(config)
    file.parent.mkdir()
    file.write_bytes(b"no database at all, but long enough to be looked at as one" * 100)
    heading, fault = refused("store", "check", "--config", config).splitlines()
    assert heading == "The store cannot be used."
    assert fault.startswith("fault=corrupt: store.sqlite is damaged or no database of SQLite")


@pytest.mark.parametrize(
    ("part", "fault", "named"),
    [
        ("/nowhere", "cannot_open", "its name in the address"),
        ("nobody", "permission", "PGPASSFILE"),
        ("port", "connection", "host, port and ssl"),
    ],
)
def test_a_server_that_does_not_give_the_database_is_told_with_what_to_look_at(
    config: Path, postgres_url: str, part: str, fault: str, named: str
) -> None:
    """No such database, no such user, no server: each is told apart, and nothing of the address is repeated."""
    place = make_url(postgres_url)
    wrong = {
        "/nowhere": place.set(database="nowhere_canary"),
        "nobody": place.set(username="nobody_canary"),
        "port": make_url("postgresql://canary:canary@127.0.0.1:1/canary"),
    }[part]
    said = refused("store", "check", "--config", config, "--store", wrong.render_as_string(hide_password=False))
    heading, told = said.splitlines()
    assert heading == "The store cannot be used."
    assert told.startswith(f"fault={fault}: ")
    assert named in told
    assert "canary" not in said


def test_a_fault_without_words_of_its_own_is_told_by_its_word(sqlite_url: str, postgres_url: str) -> None:
    """Then the logs are what to look at."""
    for url in (sqlite_url, postgres_url):
        (told,) = advice(StoreUnavailableError(fault="memory"), open_engine(url)).faults
        assert told == "fault=memory: look at the log of the database and of the system"


def test_every_fault_of_a_sealed_value_has_words(sqlite_url: str) -> None:
    """What is wrong there is a value or a key, and no log of a database tells of it."""
    for fault in SEAL_FAULTS:
        (told,) = advice(StoreUnavailableError(fault=fault), open_engine(sqlite_url)).faults
        assert "look at the log" not in told


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
