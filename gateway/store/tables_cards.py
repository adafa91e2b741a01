"""The states of cards: what home regions have reported, and the copies of what other regions tell ours.

A card is its pseudonym of 16 bytes: at home the region's own, in a copy the one for that pair of regions. No card
number is kept. What was reported stays, with how it stood to what was known by then; `detail` is a legal basis, or the
pseudonym of the card that replaces this one.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, LargeBinary, SmallInteger, String, Table

from gateway.store.schema import METADATA, Id, Micros

_REGION: Final = String(32)
_FEED: Final = String(64)

FEEDS: Final = Table(
    "card_feeds",
    METADATA,
    Column("home", _REGION, primary_key=True),
    Column("feed", _FEED, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("heard", Micros),
    sqlite_with_rowid=False,
)
"""`last` is the number of the last event of a home region; `heard` is when its platform last reported, or said that
there is nothing to report."""

EVENTS: Final = Table(
    "card_events",
    METADATA,
    Column("home", _REGION, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("card", Id, nullable=False),
    Column("slot", SmallInteger, nullable=False),
    Column("time", Micros, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("detail", String(200), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("reported", Micros, nullable=False),
    sqlite_with_rowid=False,
)

Index("ix_card_events_home_card", EVENTS.c.home, EVENTS.c.card)

COPIES: Final = Table(
    "card_copies",
    METADATA,
    Column("home", _REGION, primary_key=True),
    Column("visited", _REGION, primary_key=True),
    Column("feed", _FEED, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("as_of", Micros),
    sqlite_with_rowid=False,
)
"""How far each copy goes, and until when it was known to be whole at its last change."""

COPIED: Final = Table(
    "copied_cards",
    METADATA,
    Column("home", _REGION, primary_key=True),
    Column("visited", _REGION, primary_key=True),
    Column("card", Id, primary_key=True),
    Column("marks", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
