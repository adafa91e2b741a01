"""What an error of a database means for the store: a conflict to try again, an outage, or a fault of our own.

No words of the database go on: they may quote values.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError

from gateway.errors import GatewayError

_SQLITE_FAULTS: Final = {
    sqlite3.SQLITE_PERM: "permission",
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_NOMEM: "memory",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_INTERRUPT: "interrupted",
    sqlite3.SQLITE_IOERR: "disk",
    sqlite3.SQLITE_CORRUPT: "corrupt",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_CANTOPEN: "cannot_open",
    sqlite3.SQLITE_PROTOCOL: "busy",
    sqlite3.SQLITE_AUTH: "permission",
    sqlite3.SQLITE_NOTADB: "corrupt",
}
"""SQLite result codes that say nothing of the statement."""

_PRIMARY_CODE: Final = 0xFF

_CONFLICTS: Final = frozenset({"40001", "40P01", "55P03"})
"""PostgreSQL, appendix A: serialization failure, deadlock, lock not available."""

_STATE_FAULTS: Final = {"25006": "read_only", "53100": "full", "58030": "disk"}
_CLASS_FAULTS: Final = {
    "08": "connection",
    "28": "permission",
    "3D": "cannot_open",
    "53": "resources",
    "57": "connection",
    "58": "disk",
    "XX": "corrupt",
}
"""PostgreSQL, appendix A: states and classes that say nothing of the statement."""

_NOT_UNDERSTOOD: Final = "42"
"""PostgreSQL, appendix A: syntax error or access rule violation; a statement of ours that this server does not take."""


def is_conflict(error: BaseException) -> bool:
    """Tell whether the same work may succeed when it is done again on what others have written meanwhile."""
    return isinstance(error, IntegrityError) or (isinstance(error, DBAPIError) and _state(error) in _CONFLICTS)


def outage(error: BaseException) -> str | None:
    """Give a word for why the store cannot be used, None where the error is of the work and not of the store."""
    if isinstance(error, (OSError, TimeoutError)):
        return "connection"
    if not isinstance(error, DBAPIError) or is_conflict(error):
        return None
    if isinstance(error.orig, sqlite3.Error):
        return sqlite_fault(error.orig) or ("connection" if error.connection_invalidated else None)
    state = _state(error)
    found = _STATE_FAULTS.get(state) or _CLASS_FAULTS.get(state[:2])
    return found or ("connection" if error.connection_invalidated or isinstance(error, InterfaceError) else None)


def sqlite_fault(error: sqlite3.Error) -> str | None:
    """Give a word for why SQLite cannot be used, None where the error is of the statement."""
    return _SQLITE_FAULTS.get(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & _PRIMARY_CODE)


def why_closed(error: BaseException) -> str:
    """Give a word for why no connection could be had; whatever it was, there is none."""
    if isinstance(error, DBAPIError) and _state(error)[:2] == _NOT_UNDERSTOOD:
        return "statement"
    return outage(error) or ("refused" if isinstance(error, GatewayError) else "cannot_open")


def _state(error: DBAPIError) -> str:
    """Give the SQLSTATE, empty where there is none."""
    return getattr(error.orig, "sqlstate", None) or ""
