"""Card states of a node: what was filed elsewhere is taken note of, also where it cannot be read at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway import bootstrap_cards
from gateway.bootstrap_cards import read_surely
from gateway.errors import StoreUnavailableError
from gateway.services.card_ledger import CardLedger
from tests.fakes.cards import FakeCardLog
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    import pytest


async def test_what_cannot_be_read_at_once_is_read_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The word that something was filed is not said again, so it is not lost with a store that is away."""

    class Away(CardLedger):
        tries = 0

        async def heard(self) -> None:
            self.tries += 1
            if self.tries < 3:
                raise StoreUnavailableError(fault="busy")

    monkeypatch.setattr(bootstrap_cards, "_AGAIN_SECONDS", 0)
    ledger = Away("chongqing", secret=b"s" * 32, log=FakeCardLog(), clock=FakeClock())
    await read_surely(ledger)
    assert ledger.tries == 3
