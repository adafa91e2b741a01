"""Cards that requests of the exchange name."""

from __future__ import annotations

from gateway.services.card_ledger import card_key
from tests.fakes.regions import SECRET
from trust.pseudonym import home_card


def card_name(region: str, number: str) -> bytes:
    """Give what a home region calls a card."""
    return home_card(SECRET, home=region, card_key=card_key(number))
