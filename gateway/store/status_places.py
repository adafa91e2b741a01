"""Keeps places of status lists for all replicas and over restarts (`gateway.services.status_register.PlaceBook`)."""

from __future__ import annotations

import hashlib
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store.expiry import Expiry
from gateway.store.schema import ID_BYTES
from gateway.store.tables_cards import EVENTS, FEEDS
from gateway.store.tables_status import PLACES, REVOKED, STATUS_LISTS

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection, Iterable, Sequence

    from sqlalchemy.sql.base import Executable

    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

CHANNEL: Final = "status_lists"
_AT_ONCE: Final = 500

_LAST: Final = select(func.max(STATUS_LISTS.c.number)).where(STATUS_LISTS.c.region == bindparam("of"))
_OPEN: Final = insert(STATUS_LISTS)
_EXTEND: Final = (
    update(STATUS_LISTS)
    .where(STATUS_LISTS.c.region == bindparam("of"), STATUS_LISTS.c.number == bindparam("list"))
    .values(until=bindparam("end"))
)
_KEEP: Final = insert(PLACES)
_IS_OPEN: Final = select(STATUS_LISTS.c.until).where(
    STATUS_LISTS.c.region == bindparam("of"), STATUS_LISTS.c.number == bindparam("list")
)
_REVOKED: Final = select(REVOKED.c.place, REVOKED.c.since).where(
    REVOKED.c.region == bindparam("of"), REVOKED.c.number == bindparam("list"), REVOKED.c.until > bindparam("now")
)
_LIVING: Final = select(PLACES.c.number, PLACES.c.place, PLACES.c.until).where(
    PLACES.c.until > bindparam("now"), PLACES.c.region == bindparam("of")
)
_OF_TOKEN: Final = _LIVING.where(PLACES.c.token == bindparam("hash"))
_OF_SUBJECT: Final = _LIVING.where(PLACES.c.subject == bindparam("hash"))
_OF_CARDS: Final = _LIVING.where(PLACES.c.card.in_(bindparam("cards", expanding=True)))
_NEWS: Final = (
    select(EVENTS.c.card, func.max(EVENTS.c.number).label("number"))
    .join(FEEDS, FEEDS.c.home == EVENTS.c.home)
    .where(
        FEEDS.c.home == bindparam("of"),
        FEEDS.c.last > bindparam("known"),
        EVENTS.c.number > bindparam("known"),
        EVENTS.c.card.in_(bindparam("cards", expanding=True)),
    )
    .group_by(EVENTS.c.card)
)
_REVOKE: Final = {
    "sqlite": sqlite.insert(REVOKED).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(REVOKED).on_conflict_do_nothing(),
}


@dataclass(frozen=True, slots=True)
class TakenPlace:
    """Who has a place: until when (Unix seconds), and neither identifier nor pseudonym is shown.

    `card` is what the region calls the card, empty for none; `known` is the number up to which its reports were known.
    """

    region: str
    number: int
    place: int
    until: int
    jti: str = field(repr=False)
    subject: str = field(repr=False)
    card: bytes = field(default=b"", repr=False)
    known: int = 0


@dataclass(frozen=True, slots=True)
class ListState:
    """What is revoked on a list, and since when the last of it is, Unix seconds."""

    revoked: frozenset[int]
    changed: int


class _List(NamedTuple):
    """A list, and until when it is served."""

    region: str
    number: int
    until: int


class StatusPlaces:
    """Lists, places and revocations in the store; what it says of time is Unix seconds."""

    def __init__(self, store: Store) -> None:
        """Take the store."""
        self._store = store
        self._revoke = _REVOKE[store.dialect]
        self._expiries = tuple(Expiry(store, table.c.until) for table in (PLACES, REVOKED, STATUS_LISTS))

    async def open_list(self, region: str, *, at_least: int, until: int) -> int:
        """Begin a list whose number nobody has had, and give the number (StoreUnavailableError)."""
        return await self._store.commit(_open, _List(region, at_least, until))

    async def extend(self, region: str, number: int, *, until: int) -> bool:
        """Serve a list until later; tell whether it is still there (StoreUnavailableError)."""
        return await self._store.commit(_extend, _List(region, number, until))

    async def keep(self, taken: TakenPlace) -> bool:
        """Note who has a place, unless more was reported of the card than was known (StoreUnavailableError)."""
        return await self._store.commit(_keep, taken)

    async def state(self, region: str, number: int, *, now: int) -> ListState | None:
        """Give what is revoked on a list, None where there is no such list (StoreUnavailableError)."""
        asked = {"of": region, "list": number}
        async with self._store.reading() as connection:
            until = (await connection.execute(_IS_OPEN, asked)).scalar()
            if until is None or until <= now:
                return None
            rows = (await connection.execute(_REVOKED, {**asked, "now": now})).all()
        return ListState(frozenset(row.place for row in rows), max((row.since for row in rows), default=0))

    async def revoke(self, region: str, *, jti: str, now: int, remembered_seconds: int) -> tuple[int, ...]:
        """Revoke the recognition of an identifier; see `revoke_subject`."""
        return await self._revoke_living(_OF_TOKEN, region, jti, now, remembered_seconds)

    async def revoke_subject(self, region: str, *, subject: str, now: int, remembered_seconds: int) -> tuple[int, ...]:
        """Revoke all living recognitions of a pseudonym; give the list of each (StoreUnavailableError).

        They are told as revoked for some seconds longer than they live, because readers hold lists for as long.
        """
        return await self._revoke_living(_OF_SUBJECT, region, subject, now, remembered_seconds)

    async def sweep(self, now: int) -> int:
        """Forget what is over (StoreUnavailableError)."""
        return sum([await expiry.sweep(now) for expiry in self._expiries])

    async def heard(self) -> AsyncGenerator[tuple[str, int]]:
        """Give region and number of each list on which something is revoked, by any replica, from now on."""
        async with aclosing(self._store.listen(CHANNEL)) as words:
            async for word in words:
                region, _, number = word.rpartition("/")
                if region:
                    yield region, int(number)

    async def _revoke_living(self, of: object, region: str, text: str, now: int, longer: int) -> tuple[int, ...]:
        asked = {"now": now, "of": region, "hash": _hash_of(text)}
        async with self._store.reading() as connection:
            rows = (await connection.execute(of, asked)).all()  # type: ignore[call-overload]  # one of the two above
        if rows:
            await self._store.commit(self._write_revoked, _revoked(region, rows, now, longer))
        return tuple(row.number for row in rows)

    async def _write_revoked(self, transaction: Transaction, items: Sequence[list[dict[str, Any]]]) -> Sequence[None]:
        await _write(transaction, [row for rows in items for row in rows], self._revoke)
        return [None] * len(items)


async def _open(transaction: Transaction, lists: Sequence[_List]) -> Sequence[int]:
    """Begin lists; a number that another replica takes at the same time is a conflict, and this is done again."""
    numbers = []
    for one in lists:
        last = (await transaction.execute(_LAST, {"of": one.region})).scalar()
        number = max(one.number, 0 if last is None else last + 1)
        await transaction.execute(_OPEN, {"region": one.region, "number": number, "until": one.until})
        numbers.append(number)
    return numbers


async def _extend(transaction: Transaction, lists: Sequence[_List]) -> Sequence[bool]:
    changed = []
    for one in lists:
        done = await transaction.execute(_EXTEND, {"of": one.region, "list": one.number, "end": one.until})
        changed.append(done.rowcount == 1)
    return changed


async def _keep(transaction: Transaction, taken: Sequence[TakenPlace]) -> Sequence[bool]:
    late = await _late(transaction, taken)
    kept = [one not in late for one in taken]
    rows = [
        {
            "until": one.until,
            "region": one.region,
            "number": one.number,
            "place": one.place,
            "token": _hash_of(one.jti),
            "subject": _hash_of(one.subject),
            "card": one.card or None,
        }
        for one, good in zip(taken, kept, strict=True)
        if good
    ]
    if rows:
        await transaction.execute(_KEEP, rows)
    return kept


async def _late(transaction: Transaction, taken: Sequence[TakenPlace]) -> set[TakenPlace]:
    """Find for which cards more was reported than was known."""
    late = set[TakenPlace]()
    for region in sorted({one.region for one in taken if one.card}):
        own = [one for one in taken if one.region == region and one.card]
        asked = {"of": region, "known": min(one.known for one in own), "cards": sorted({one.card for one in own})}
        told = {row.card: row.number for row in await transaction.execute(_NEWS, asked)}
        late |= {one for one in own if told.get(one.card, 0) > one.known}
    return late


async def revoke_cards(
    transaction: Transaction, region: str, cards: Collection[bytes], *, now: int, remembered_seconds: int
) -> int:
    """Revoke, in a transaction, all living recognitions of some cards, by what their region calls them; counts them."""
    wanted = sorted(cards)
    rows: list[dict[str, Any]] = []
    for first in range(0, len(wanted), _AT_ONCE):
        asked = {"now": now, "of": region, "cards": wanted[first : first + _AT_ONCE]}
        found = (await transaction.execute(_OF_CARDS, asked)).all()
        rows += _revoked(region, found, now, remembered_seconds)
    await _write(transaction, rows, _REVOKE[transaction.dialect])
    return len(rows)


def _revoked(region: str, places: Iterable[Any], now: int, longer: int) -> list[dict[str, Any]]:
    """Make the rows of places that are revoked."""
    return [
        {"region": region, "number": place.number, "place": place.place, "since": now, "until": place.until + longer}
        for place in places
    ]


async def _write(transaction: Transaction, rows: Sequence[dict[str, Any]], revoke: Executable) -> None:
    """Revoke places, and tell of which lists they are."""
    if rows:
        await transaction.execute(revoke, rows)
    for row in rows:
        transaction.notify(CHANNEL, f"{row['region']}/{row['number']}")


def _hash_of(text: str) -> bytes:
    """Give what stands for an identifier or a pseudonym, both of which nobody can guess."""
    return hashlib.sha256(text.encode()).digest()[:ID_BYTES]
