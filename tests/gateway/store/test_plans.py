"""No statement of the gateway reads through a table that grows with its use, as SQLite itself plans it."""

from __future__ import annotations

import importlib
import pkgutil
import re
from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest
from sqlalchemy import Delete, Select, Update, create_engine
from sqlalchemy.dialects import sqlite

import gateway
from gateway.store.tables import METADATA

if TYPE_CHECKING:
    from collections.abc import Iterator

    Statement = Select[tuple[object, ...]] | Update | Delete

SMALL: Final = frozenset({"evidence_alarms", "evidence_peers", "about", "counted"})
"""Tables with a row for each peer, or each fault that an operator has to look at; parts of a statement that stop."""

WHOLE: Final = {
    "gateway.services.evidence_sources": "an audit reads all that there is",
    "gateway.services.exchange_dead_letters": "an operator's command lists what was laid aside",
    "gateway.services.exchange_errands._FREE": "once at the start of a gateway, over what still waits",
    "gateway.store.shared_catalogs._TOLD": "a list has some versions a year; they are gone through when one was told",
    "gateway.store.replay._COUNT": "once at the start of a gateway",
}
"""Modules and statements that may read through a table, and why."""

_FEW: Final = re.compile(r"\(?__\[POSTCOMPILE_\w+(~~.*?~~)?\]\)?")
_SCAN: Final = re.compile(r"SCAN (?!CONSTANT)(\w+)")


def statements() -> Iterator[tuple[str, Statement]]:
    """Give every statement that a module of the gateway holds ready, with its name."""
    for module in pkgutil.walk_packages(gateway.__path__, "gateway."):
        if module.name.rpartition(".")[2] == "__main__" or ".migrations." in module.name:
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            held = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else (value,)
            for one in held:
                if isinstance(one, (Select, Update, Delete)):
                    yield f"{module.name}.{name}", one


def excused(name: str) -> bool:
    """Tell whether a statement may read through a table."""
    return name in WHOLE or name.rpartition(".")[0] in WHOLE


@pytest.fixture(scope="module")
def plans() -> dict[str, list[tuple[str, list[str]]]]:
    """How SQLite would go about each statement, by its name: text and steps."""
    engine = create_engine("sqlite://")
    METADATA.create_all(engine)
    found: dict[str, list[tuple[str, list[str]]]] = {}
    with closing(engine.raw_connection()) as connection:
        for name, statement in statements():
            text = _FEW.sub("(?, ?, ?)", str(statement.compile(dialect=sqlite.dialect())))
            cursor = connection.cursor()
            cursor.execute(f"EXPLAIN QUERY PLAN {text}", (None,) * text.count("?"))
            found.setdefault(name, []).append((text, [step[3] for step in cursor.fetchall()]))
    return found


def reads_through(text: str, steps: list[str]) -> bool:
    """Tell whether a table that grows is read from its beginning for no known number of rows.

    To follow the order of a key from one end, and to stop after some rows, is no such thing, if nothing is left out.
    """
    grows = [table for step in steps for table in _SCAN.findall(step) if table not in SMALL]
    stops = " LIMIT " in text.replace("\n", " ") and "WHERE" not in text
    return bool(grows) and not (stops and not any("TEMP B-TREE" in step for step in steps))


def test_no_statement_reads_through_a_table_that_grows(plans: dict[str, list[tuple[str, list[str]]]]) -> None:
    """Each finds its rows by a key or an index, whatever is stored."""
    assert len(plans) > 60
    slow = {
        name: steps
        for name, several in plans.items()
        for text, steps in several
        if not excused(name) and reads_through(text, steps)
    }
    assert slow == {}


def test_every_excuse_is_needed(plans: dict[str, list[tuple[str, list[str]]]]) -> None:
    """What reads through nothing any more needs none."""
    reading = {name for name, several in plans.items() for text, steps in several if reads_through(text, steps)}
    assert {excuse for excuse in WHOLE if not any(name.startswith(excuse) for name in reading)} == set()


def test_what_is_due_is_found_by_its_index(plans: dict[str, list[tuple[str, list[str]]]]) -> None:
    """SQLite uses an index of some rows only where the statement says which, in the words of the index."""
    for name, index in (("_DUE", "ix_exchange_requests_deadline"), ("_OLD", "ix_exchange_requests_erasure")):
        ((_, steps),) = plans[f"gateway.services.exchange_upkeep.{name}"]
        assert any(index in step for step in steps)
        assert not any("TEMP B-TREE" in step for step in steps)


def test_what_waits_is_counted_within_its_index(plans: dict[str, list[tuple[str, list[str]]]]) -> None:
    """However much waits, and whatever was laid aside: no row is read for a count, and one for the oldest."""
    ((text, steps),) = plans["gateway.services.exchange_backlog._LOOK"]
    within = [step for step in steps if "COVERING INDEX ix_exchange_queue_lane (lane=? AND dead=?)" in step]
    oldest = [step for step in steps if "USING INDEX ix_exchange_queue_lane (lane=? AND dead=?)" in step]
    assert (len(within), len(oldest)) == (2, 1)
    assert text.count(" LIMIT ") == 3
    assert not any("TEMP B-TREE" in step for step in steps)
