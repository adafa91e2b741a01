"""One clock for leases and deadlines: that of the server, or of the only process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.services.exchange_clock import store_time
from tests.fakes.clock import FakeClock
from tests.fakes.store import opened

if TYPE_CHECKING:
    from gateway.store.transaction import Transaction

MICROS = 1_000_000


async def test_a_store_has_one_time(store_url: str) -> None:
    """On SQLite it is the clock of this process; PostgreSQL goes by its own, whatever this process believes."""
    clock = FakeClock()
    now = store_time(store_url.partition(":")[0].partition("+")[0], clock)

    async def tell(transaction: Transaction, items: Any) -> list[int]:  # noqa: ANN401 - it tells nothing
        return [await now(transaction) for _ in items]

    async with opened(store_url) as store:
        first = await store.commit(tell, None)
        clock.advance(1_000_000_000)
        second = await store.commit(tell, None)
    moved = second - first
    assert moved == 1_000_000_000 * MICROS if store_url.startswith("sqlite") else 0 < moved < 600 * MICROS
