"""To what a sealed value is bound."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table

from gateway.store.sealed_columns import SEALED, context_of, sealed_columns

LAB = MetaData()
NOTES = Table(
    "notes",
    LAB,
    Column("a", String, primary_key=True),
    Column("b", Integer, primary_key=True),
    Column("text", LargeBinary, info=SEALED),
    Column("more", LargeBinary, info=SEALED),
)
PLAIN = Table("plain", LAB, Column("a", LargeBinary, primary_key=True))


def test_a_value_is_bound_to_its_column_and_row() -> None:
    """No two columns, rows, or ways to cut a key give the same context."""
    text, more = NOTES.c.text, NOTES.c.more
    contexts = [
        context_of(text, "a", 1),
        context_of(more, "a", 1),
        context_of(text, "a", 2),
        context_of(text, "a1", 0),
        context_of(text, "a", "1"),
        context_of(text, b"a", 1),
        context_of(text, "a"),
        context_of(text),
    ]
    assert len(set(contexts)) == len(contexts)
    assert context_of(text, "a", 1) == contexts[0]


def test_columns_say_of_themselves_that_they_are_sealed() -> None:
    """They are found in the metadata, with their tables."""
    assert list(sealed_columns(LAB)) == [(NOTES, NOTES.c.text), (NOTES, NOTES.c.more)]
