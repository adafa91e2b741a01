"""What an operator should look at where the database of a store cannot be had, by the word for why.

No path, address or user is told: a file by its name only, everything else by the name of its setting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from gateway.errors import StoreUnavailableError
    from gateway.store.engine import StoreEngine

HEADING: Final = "The store cannot be used."
_PLACE: Final = "store.folder, store.url or --store"
_OF_A_FILE: Final = {
    "cannot_open": "{file}, or {file}-wal and {file}-shm beside it, cannot be opened: look whether the folder is there"
    f" and the one that is meant ({_PLACE}), whether this user may read and write it and these files, and whether the"
    " disk has room",
    "permission": "this user may not use {file}: look at the owner and the mode of the file and of its folder",
    "read_only": "{file} cannot be written: look at the mode of the file and its folder, and whether the disk is"
    " mounted read-only",
    "full": "the disk has no room for {file} and its log: make room",
    "disk": "the disk gives errors with {file}: look at the log of the system, and whether it is full",
    "corrupt": "{file} is damaged or no database of SQLite: look at what lies there, and restore a backup",
    "busy": "another process holds {file}: look whether a gateway or a copy is at work, and try again",
}
_OF_A_SERVER: Final = {
    "cannot_open": "the server answers, but the database cannot be opened: look whether it is there, and at its name in"
    " the address (store.url or --store)",
    "permission": "the server does not let this user in: look at user and password (PGPASSFILE) and at what the server"
    " permits (pg_hba.conf)",
    "connection": "the server cannot be reached: look whether it runs, at host, port and ssl in the address (store.url"
    " or --store), and at what lies between",
    "statement": "the server does not take what it is asked: look at its version, and whether this user may make"
    " tables and use them",
    "read_only": "the server takes no writes: look whether it is a standby",
    "full": "the disk of the server has no room: make room",
    "resources": "the server has no more room for connections or memory: look at its limits",
}
_OF_A_VALUE: Final = {
    "sealed_with_unknown_key": "something is sealed with a key that the folder of keys does not have: look into"
    " store.keys and its copies",
    "seal_broken": "a sealed value was changed, or belongs elsewhere: look who writes to the database, and restore"
    " a backup",
    "not_sealed": "a value that must be sealed is not: look who writes to the database, and restore a backup",
}
_ELSE: Final = "look at the log of the database and of the system"


def advice(error: StoreUnavailableError, engine: StoreEngine) -> SettingsError:
    """Say in words what to look at where a store cannot be had: gives the error that a command ends with."""
    fault = error.metadata.get("fault", "")
    of_the_place = _OF_A_SERVER if engine.file is None else _OF_A_FILE
    words = {**of_the_place, **_OF_A_VALUE}.get(fault, _ELSE)
    if engine.file is not None:
        words = words.format(file=engine.file.name)
    return SettingsError((f"fault={fault}: {words}",), heading=HEADING)
