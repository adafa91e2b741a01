"""Brings a store to the schema of this program, and says whether one is as it should be.

All steps that are missing run in one transaction, so that one that was broken off leaves nothing behind and is begun
anew. On PostgreSQL one replica at a time does it, the others wait and find it done. A store whose schema is of a later
version is refused: this program would not know what it overlooks.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Final, TypeVar

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import StoreSchemaError, StoreUnavailableError
from gateway.store.faults import why_closed
from gateway.store.tables import METADATA

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Connection

    from gateway.store.engine import StoreEngine

Seen = TypeVar("Seen")

NONE: Final = "none"
"""The revision of an empty database."""

_LOCK: Final = text(f"SELECT pg_advisory_xact_lock({int.from_bytes(b'onecard')})")
_REVISION: Final = re.compile(r"[0-9a-z_]{1,32}\Z")


def known_revision() -> str:
    """Give the revision of this program's schema."""
    return _steps().get_current_head() or NONE


async def migrate(engine: StoreEngine) -> str:
    """Run the steps that are missing; gives the revision before (StoreSchemaError, StoreUnavailableError)."""
    try:
        async with engine.writing.begin() as connection:
            if engine.file is None:
                await connection.execute(_LOCK)
            before = await connection.run_sync(_found)
            if before != known_revision():
                await connection.run_sync(_upgrade)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        raise StoreUnavailableError(fault=why_closed(error)) from error
    return before


async def require_schema(engine: StoreEngine) -> None:
    """Demand the schema of this program (StoreSchemaError; StoreUnavailableError where it cannot be read)."""
    await _look(engine, _require)


async def check(engine: StoreEngine) -> tuple[str, ...]:
    """Look at the schema and through all of the file; gives what is wrong, nothing where all is well.

    Raises:
        StoreSchemaError: the schema is of another version; nothing else is looked at then.
        StoreUnavailableError: the store cannot be read.
    """
    return await _look(engine, _faults)


async def _look(engine: StoreEngine, look: Callable[[Connection], Seen]) -> Seen:
    try:
        async with engine.reading.connect() as connection:
            return await connection.run_sync(look)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        raise StoreUnavailableError(fault=why_closed(error)) from error


def _require(connection: Connection) -> None:
    found = _found(connection)
    if found != known_revision():
        raise StoreSchemaError(fault="older", found=found, known=known_revision())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "gateway.store:migrations")
    config.set_main_option("path_separator", "os")
    return config


@cache
def _steps() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _found(connection: Connection) -> str:
    """Give the revision of a database (StoreSchemaError where it is none that this program knows)."""
    found = MigrationContext.configure(connection).get_current_revision()
    if found is None:
        return NONE
    if found not in {step.revision for step in _steps().walk_revisions()}:
        told = found if _REVISION.match(found) else "unreadable"
        raise StoreSchemaError(fault="newer", found=told, known=known_revision())
    return found


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _faults(connection: Connection) -> tuple[str, ...]:
    """Compare the tables with those of this program, and let SQLite look at its file."""
    _require(connection)
    differences = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), METADATA)
    faults = [f"schema: {_difference(one)}" for one in differences]
    if connection.dialect.name == "sqlite":
        said = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
        faults += ["file: integrity_check finds faults"] if said != ["ok"] else []
        lost = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        faults += ["file: a row refers to one that is not there"] if lost is not None else []
    return tuple(faults)


def _difference(one: object) -> str:
    """Give the kind of a difference, such as `remove_table`; its other parts are objects."""
    first = one[0] if isinstance(one, (list, tuple)) else one
    return str(first if isinstance(first, str) else _difference(first))
