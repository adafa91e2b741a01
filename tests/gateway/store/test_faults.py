"""What errors of a database mean for the store."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from gateway.errors import SettingsError
from gateway.store.faults import is_conflict, outage, why_closed

if TYPE_CHECKING:
    from pathlib import Path


class _Stated(Exception):  # noqa: N818 - stands for an error of a driver
    """An error with an SQLSTATE."""

    def __init__(self, state: str | None) -> None:
        super().__init__("words of the server, which may quote")
        self.sqlstate = state


def stated(state: str | None, *, lost: bool = False) -> DBAPIError:
    """Give an error as SQLAlchemy hands it on."""
    return DBAPIError("SELECT", None, _Stated(state), connection_invalidated=lost)


@pytest.mark.parametrize(
    ("state", "fault"),
    [
        ("08006", "connection"),
        ("25006", "read_only"),
        ("28P01", "permission"),
        ("3D000", "cannot_open"),
        ("53100", "full"),
        ("53300", "resources"),
        ("57P01", "connection"),
        ("58030", "disk"),
        ("XX001", "corrupt"),
        ("42601", None),
        ("22021", None),
        ("40001", None),
        (None, None),
    ],
)
def test_states_of_postgresql(state: str | None, fault: str | None) -> None:
    """What the server could not do is an outage, what it was asked wrongly is not."""
    assert outage(stated(state)) == fault
    assert is_conflict(stated(state)) is (state == "40001")


def test_other_errors() -> None:
    """A lost connection is an outage however it is told; an error of ours is none."""
    assert outage(stated(None, lost=True)) == "connection"
    assert outage(InterfaceError("SELECT", None, _Stated(None))) == "connection"
    assert outage(ConnectionResetError()) == "connection"
    assert outage(TimeoutError()) == "connection"
    assert outage(ValueError()) is None
    assert is_conflict(IntegrityError("INSERT", None, _Stated("23505")))
    assert why_closed(SettingsError(("x",))) == "refused"
    assert why_closed(ValueError()) == "cannot_open"
    assert why_closed(stated("53300")) == "resources"
    assert why_closed(stated("42601")) == "statement"


def test_results_of_sqlite(tmp_path: Path) -> None:
    """Errors that SQLite itself raised are known by their codes, the finer ones too."""
    path = tmp_path / "file.sqlite"
    made = sqlite3.connect(path)
    made.execute("CREATE TABLE t (a INTEGER)")
    made.execute("PRAGMA max_page_count=2")
    only_read = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    found = []
    for connection, sql in (
        (only_read, "INSERT INTO t VALUES (1)"),
        (made, "INSERT INTO t VALUES (zeroblob(100000))"),
        (made, "SELEC 1"),
    ):
        with pytest.raises(sqlite3.OperationalError) as raised:
            connection.execute(sql)
        found.append(outage(OperationalError(sql, None, raised.value)))
    made.close()
    only_read.close()
    assert found == ["read_only", "full", None]
    assert outage(OperationalError("", None, sqlite3.OperationalError(), connection_invalidated=True)) == "connection"
