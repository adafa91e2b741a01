"""Remembers one-time recognitions that were used up, over restarts and for all replicas.

The key is the issuer and the identifier, never the text of the token, which a holder could vary. A token is used up in
the transaction in which its row is written, so of any number of uses, here and elsewhere, exactly one wins. No live row
is ever given up: when there are too many, new tokens are refused.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store.expiry import Expiry
from gateway.store.schema import ID_BYTES
from gateway.store.tables_replay import REPLAY
from trust.errors import ReplayError, ReplayMemoryFullError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

CAPACITY: Final = 1_000_000
_TOKEN: Final = REPLAY.c.token
_INSERT: Final = {
    "sqlite": sqlite.insert(REPLAY).on_conflict_do_nothing().returning(_TOKEN),
    "postgresql": postgresql.insert(REPLAY).on_conflict_do_nothing().returning(_TOKEN),
}
_KNOWN: Final = select(_TOKEN).where(_TOKEN.in_(bindparam("tokens", expanding=True)))
_COUNT: Final = select(func.count()).select_from(REPLAY)


class _Use(NamedTuple):
    """One use of a token."""

    token: bytes
    until: int


class StoreReplay:
    """The memory of used tokens (`gateway.services.recognise.ReplayMemory`).

    How many there are is counted now and then, and in between only what is added here; so the bound may be passed by
    what other replicas add meanwhile, and is not a number for which memory was set aside.
    """

    def __init__(self, store: Store, *, capacity: int = CAPACITY) -> None:
        """Take the store, and how many tokens may be remembered at once."""
        self._store = store
        self._insert = _INSERT[store.dialect]
        self._capacity = capacity
        self._expiry = Expiry(store, REPLAY.c.until)
        self._live: int | None = None

    async def remember(self, issuer: str, jti: str, expires_at: int) -> None:
        """Use a token up, which no verifier accepts from `expires_at` on, Unix seconds.

        Raises:
            ReplayError: it was used before, or is just being used.
            ReplayMemoryFullError: there is no room.
            StoreUnavailableError: it cannot be remembered.
        """
        won = await self._store.commit(self._use_up, _Use(_hash_of(issuer, jti), expires_at))
        if won is None:
            raise ReplayMemoryFullError(capacity=str(self._capacity))
        if not won:
            raise ReplayError(issuer=issuer)
        self._live = (self._live or 0) + 1

    async def sweep(self, now: int) -> int:
        """Forget what has expired by now, Unix seconds, and count what is left (StoreUnavailableError)."""
        forgotten = await self._expiry.sweep(now)
        async with self._store.reading() as connection:
            self._live = (await connection.execute(_COUNT)).scalar_one()
        return forgotten

    async def _use_up(self, transaction: Transaction, uses: Sequence[_Use]) -> Sequence[bool | None]:
        """Write a row for each token; None where there is no room."""
        live = self._live if self._live is not None else (await transaction.execute(_COUNT)).scalar_one()
        full = live + len(uses) > self._capacity
        wanted = dict(uses)
        if full:
            known = set((await transaction.execute(_KNOWN, {"tokens": list(wanted)})).scalars())
            count = (await transaction.execute(_COUNT)).scalar_one()
            fresh = [token for token in wanted if token not in known]
            for token in fresh[max(0, self._capacity - count) :]:
                del wanted[token]
        rows = [{"token": token, "until": until} for token, until in wanted.items()]
        won = set((await transaction.execute(self._insert, rows)).scalars()) if rows else set()
        answers = list[bool | None]()
        for use in uses:
            answers.append(None if use.token not in wanted else use.token in won)
            won.discard(use.token)
        return answers


def _hash_of(issuer: str, jti: str) -> bytes:
    """Give what stands for a token; the length of the issuer is part of it, so that no two pairs give one text."""
    text = f"{len(issuer)} {issuer} {jti}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:ID_BYTES]
