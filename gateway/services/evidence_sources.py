"""Where a log is audited from: the store itself, or a file that an auditor was given.

A file has one JSON object on each line, `{"bundle": ...}`, `{"tile": ...}`, `{"checkpoint": ...}` or
`{"cosignature": ...}`, with the columns of the table, bytes in base64. It has nothing that stands for a person.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import IO, TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, func, select

from gateway.errors import SettingsError
from gateway.store.tables_evidence import BUNDLES, CHECKPOINTS, COSIGNATURES, TILES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

_AT_ONCE: Final = 512
_BUNDLES: Final = select(BUNDLES).where(BUNDLES.c.place > bindparam("after")).order_by(BUNDLES.c.place).limit(_AT_ONCE)
_TILE: Final = select(TILES).where(TILES.c.level == bindparam("level"), TILES.c.number == bindparam("number"))
_TILES: Final = select(TILES).order_by(TILES.c.level, TILES.c.number)
_TILE_COUNT: Final = select(func.count()).select_from(TILES)
_CHECKPOINTS: Final = select(CHECKPOINTS).order_by(CHECKPOINTS.c.size)
_COSIGNATURES: Final = select(COSIGNATURES).order_by(COSIGNATURES.c.size, COSIGNATURES.c.name)
_BYTES: Final = frozenset({"records", "leaves", "frontier", "root", "hashes"})
_PERSONAL: Final = frozenset({"personal", "subjects"})


class StoreSource:
    """A log in the store, over one connection that only reads; each method raises what the connection raises.

    Beside a gateway that writes the connection must see one moment only (`gateway.store.snapshot`).
    """

    exported = False

    def __init__(self, connection: AsyncConnection) -> None:
        """Take the connection."""
        self._connection = connection

    async def bundles(self) -> AsyncIterator[Any]:
        """Give all bundles by place."""
        after = -(2**62)
        while rows := (await self._connection.execute(_BUNDLES, {"after": after})).all():
            for row in rows:
                yield row
            after = rows[-1].place

    async def tile(self, level: int, number: int) -> Any:  # noqa: ANN401 - a row of the table
        """Give a tile."""
        return (await self._connection.execute(_TILE, {"level": level, "number": number})).one_or_none()

    async def tiles(self) -> int:
        """Count the tiles."""
        return int((await self._connection.execute(_TILE_COUNT)).scalar_one())

    async def checkpoints(self) -> Sequence[Any]:
        """Give all checkpoints by size."""
        return (await self._connection.execute(_CHECKPOINTS)).all()

    async def cosignatures(self) -> Sequence[Any]:
        """Give all cosignatures by size."""
        return (await self._connection.execute(_COSIGNATURES)).all()

    async def export(self, file: IO[str]) -> None:
        """Write the log into a file, without what is personal."""
        async for row in self.bundles():
            file.write(_line("bundle", row))
        for name, statement in (("tile", _TILES), ("checkpoint", _CHECKPOINTS), ("cosignature", _COSIGNATURES)):
            for row in (await self._connection.execute(statement)).all():
                file.write(_line(name, row))


def _line(name: str, row: Any) -> str:  # noqa: ANN401 - a row of the table
    """Write a row as a line."""
    told = {
        column: base64.b64encode(value).decode("ascii") if column in _BYTES else value
        for column, value in row._mapping.items()  # noqa: SLF001 - how SQLAlchemy gives the names of a row
        if column not in _PERSONAL
    }
    return json.dumps({name: told}, ensure_ascii=True, separators=(",", ":")) + "\n"


@dataclass(frozen=True, slots=True)
class _Line:
    kind: str
    row: Any


class FileSource:
    """A log in a file that `StoreSource.export` has written; bundles are read as they are needed.

    Raises:
        SettingsError: a line is not one of such a file.
    """

    exported = True

    def __init__(self, file: IO[str]) -> None:
        """Read all but the bundles."""
        self._file = file
        self._tiles: dict[tuple[int, int], Any] = {}
        self._rows: dict[str, list[Any]] = {"checkpoint": [], "cosignature": []}
        for line in self._lines():
            if line.kind == "tile":
                self._tiles[line.row.level, line.row.number] = line.row
            elif line.kind != "bundle":
                self._rows[line.kind].append(line.row)

    def _lines(self) -> Iterable[_Line]:
        self._file.seek(0)
        for number, text in enumerate(self._file, start=1):
            try:
                yield _read(text)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                raise SettingsError((f"line {number}: is none of an exported log",)) from None

    async def bundles(self) -> AsyncIterator[Any]:
        """Give all bundles in the order of the file."""
        for line in self._lines():
            if line.kind == "bundle":
                yield line.row

    async def tile(self, level: int, number: int) -> Any:  # noqa: ANN401 - a row of the table
        """Give a tile."""
        return self._tiles.get((level, number))

    async def tiles(self) -> int:
        """Count the tiles."""
        return len(self._tiles)

    async def checkpoints(self) -> Sequence[Any]:
        """Give all checkpoints by size."""
        return sorted(self._rows["checkpoint"], key=lambda row: int(row.size))

    async def cosignatures(self) -> Sequence[Any]:
        """Give all cosignatures by size."""
        return sorted(self._rows["cosignature"], key=lambda row: int(row.size))


_COLUMNS: Final = {
    "bundle": {"place": int, "entries": int, "time": int, "records": bytes, "leaves": bytes, "frontier": bytes},
    "tile": {"level": int, "number": int, "root": bytes, "hashes": bytes},
    "checkpoint": {"size": int, "time": int, "note": str},
    "cosignature": {"size": int, "name": str, "time": int, "key": str, "line": str},
}


def _read(text: str) -> _Line:
    """Read a line (ValueError, TypeError, KeyError: it is none)."""
    told = json.loads(text)
    ((kind, members),) = told.items()
    columns = _COLUMNS[kind]
    if members.keys() != columns.keys():
        raise ValueError("columns")
    row = dict.fromkeys(_PERSONAL)
    for name, form in columns.items():
        value = members[name]
        if form is bytes:
            value = base64.b64decode(value, validate=True)
        elif type(value) is not form:
            raise TypeError("column")
        row[name] = value
    return _Line(kind, SimpleNamespace(**row))
