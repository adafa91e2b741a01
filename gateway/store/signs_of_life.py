"""What the store writes of itself: something small, to see that it lasts, and words to who listens on a server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import ARRAY, String, bindparam, text
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store.schema import ABOUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.sql.base import Executable

    from gateway.store.transaction import Transaction

_ALIVE: Final = {"name": "alive", "value": "1"}
TOUCH: Final = {
    "sqlite": sqlite.insert(ABOUT).values(_ALIVE).on_conflict_do_update(index_elements=["name"], set_=_ALIVE),
    "postgresql": postgresql.insert(ABOUT).values(_ALIVE).on_conflict_do_update(index_elements=["name"], set_=_ALIVE),
}
NOTIFY: Final = text(
    "SELECT pg_notify(channel, payload) FROM unnest(:channels, :payloads) AS told(channel, payload)"
).bindparams(bindparam("channels", type_=ARRAY(String)), bindparam("payloads", type_=ARRAY(String)))


async def touch(transaction: Transaction, items: Sequence[Executable]) -> Sequence[None]:
    """Write something small, to see that it lasts."""
    for statement in items:
        await transaction.execute(statement)
    return [None] * len(items)
