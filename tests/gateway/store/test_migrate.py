"""The steps to the schema of today, on both engines."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from alembic import command
from sqlalchemy import event, inspect, text

from gateway.errors import StoreSchemaError, StoreUnavailableError
from gateway.store.engine import open_engine
from gateway.store.migrate import NONE, check, known_revision, migrate, require_schema
from gateway.store.tables import METADATA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.store.engine import StoreEngine


@asynccontextmanager
async def engine_of(url: str) -> AsyncIterator[StoreEngine]:
    """Give an engine, and close it."""
    engine = open_engine(url)
    try:
        yield engine
    finally:
        await engine.close()


async def run(engine: StoreEngine, sql: str, **parameters: str) -> None:
    """Run a statement and commit it."""
    async with engine.writing.begin() as connection:
        await connection.execute(text(sql), parameters)


async def test_an_empty_database_gets_every_table_once(store_url: str) -> None:
    """The first run makes the tables, the next one finds them, and they are those of the program."""
    async with engine_of(store_url) as engine:
        assert await migrate(engine) == NONE
        assert await migrate(engine) == known_revision()
        assert await check(engine) == ()
        async with engine.reading.connect() as connection:
            names = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert set(names) == {*METADATA.tables, "alembic_version"}


async def statements(engine: StoreEngine) -> list[str]:
    """Give the statements with which the tables and indexes of a file of SQLite were made, in one line each."""
    asked = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name <> 'alembic_version' ORDER BY sql"
    async with engine.reading.connect() as connection:
        return [" ".join(sql.split()) for sql in (await connection.execute(text(asked))).scalars()]


async def test_the_migrations_make_what_the_tables_say(sqlite_url: str, tmp_path: Path) -> None:
    """To the letter, whichever step has made a table."""
    async with engine_of(sqlite_url) as migrated, engine_of(f"sqlite:///{tmp_path}/other.sqlite") as made:
        await migrate(migrated)
        async with made.writing.begin() as connection:
            await connection.run_sync(METADATA.create_all)
        assert await statements(migrated) == await statements(made)


@pytest.mark.parametrize(("revision", "told"), [("9999", "9999"), ("测试甲", "unreadable")])
async def test_a_later_schema_is_refused(store_url: str, revision: str, told: str) -> None:
    """A program does not touch what a later one has made, DU9; it names both, but nothing it cannot read."""
    async with engine_of(store_url) as engine:
        await migrate(engine)
        await run(engine, "UPDATE alembic_version SET version_num = :revision", revision=revision)
        for look in (migrate, check, require_schema):
            with pytest.raises(StoreSchemaError, match=f"fault=newer found={told} known={known_revision()}"):
                await look(engine)


async def test_an_older_schema_is_told(store_url: str) -> None:
    """A check says that steps are missing, and changes nothing; so does what only looks at the schema."""
    async with engine_of(store_url) as engine:
        for look in (check, require_schema):
            with pytest.raises(StoreSchemaError) as refused:
                await look(engine)
            assert refused.value.metadata["fault"] == "older"
            assert str(refused.value).endswith("Run `onecard store migrate`.")


async def test_who_needs_the_schema_does_not_read_the_whole_file(sqlite_url: str) -> None:
    """A look at the schema alone runs no check that takes longer the more is stored."""
    async with engine_of(sqlite_url) as engine:
        await migrate(engine)
        said: list[str] = []
        event.listen(engine.reading.sync_engine, "before_cursor_execute", lambda *told: said.append(told[2]))
        await require_schema(engine)
        assert said
        assert not [one for one in said if "check" in one.lower()]
        await check(engine)
        assert [one for one in said if "integrity_check" in one]


async def test_a_store_of_the_first_schema_goes_on(store_url: str) -> None:
    """What lay in it stays, and the tables that have come since are added."""
    async with engine_of(store_url) as engine:
        await migrate(engine)
        for table in ("catalog_versions", "catalog_signatures"):
            await run(engine, f"DROP TABLE {table}")
        await run(engine, "UPDATE alembic_version SET version_num = '0001'")
        await run(engine, "INSERT INTO about (name, value) VALUES ('before', 'kept')")
        assert await migrate(engine) == "0001"
        assert await check(engine) == ()
        async with engine.reading.connect() as connection:
            asked = text("SELECT value FROM about WHERE name = 'before'")
            assert (await connection.execute(asked)).scalar_one() == "kept"


async def test_what_was_broken_off_is_begun_anew(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration that ends in its middle leaves no table behind, DU9."""
    upgrade = command.upgrade

    def break_off(*arguments: object) -> None:
        upgrade(*arguments)  # type: ignore[arg-type]  # whatever it was given
        raise KeyboardInterrupt

    async with engine_of(store_url) as engine:
        with monkeypatch.context() as patch:
            patch.setattr(command, "upgrade", break_off)
            with pytest.raises(KeyboardInterrupt):
                await migrate(engine)
        async with engine.reading.connect() as connection:
            assert await connection.run_sync(lambda sync: inspect(sync).get_table_names()) == []
        assert await migrate(engine) == NONE
        assert await check(engine) == ()


async def test_a_check_names_what_differs(store_url: str) -> None:
    """A table or column that the program does not know is told by its kind, without words of the database."""
    async with engine_of(store_url) as engine:
        await migrate(engine)
        await run(engine, "CREATE TABLE stray (id INTEGER PRIMARY KEY)")
        await run(engine, "ALTER TABLE about ADD COLUMN more INTEGER")
        assert sorted(await check(engine)) == ["schema: remove_column", "schema: remove_table"]


async def test_a_check_looks_at_the_file(sqlite_url: str) -> None:
    """Pages that were changed behind SQLite's back are found, and so are rows that refer to nothing."""
    async with engine_of(sqlite_url) as engine:
        await migrate(engine)
        await run(engine, "CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        await run(engine, "CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent)")
        async with engine.reading.connect() as connection:
            for pragma in ("query_only=0", "foreign_keys=0"):
                await connection.execute(text(f"PRAGMA {pragma}"))
            await connection.execute(text("INSERT INTO child VALUES (1, 7)"))
        assert "file: a row refers to one that is not there" in await check(engine)
        await run(engine, "CREATE TABLE wide (words TEXT)")
        await run(engine, "CREATE INDEX words_of_wide ON wide (words)")
        await run(engine, "INSERT INTO wide VALUES ('canary')")
    assert engine.file is not None
    data = engine.file.read_bytes()
    place = data.rindex(b"canary")
    engine.file.write_bytes(data[:place] + b"CANARY" + data[place + 6 :])
    async with engine_of(sqlite_url) as engine:
        assert "file: integrity_check finds faults" in await check(engine)


async def test_a_store_that_cannot_be_had_is_told_as_such(sqlite_url: str) -> None:
    """A file that is no database is unavailable to both."""
    async with engine_of(sqlite_url) as engine:
        assert engine.file is not None
        engine.file.write_bytes(b"no database at all, but long enough to be looked at as one" * 100)
        for look in (migrate, check, require_schema):
            with pytest.raises(StoreUnavailableError) as refused:
                await look(engine)
            assert refused.value.metadata == {"fault": "corrupt"}
