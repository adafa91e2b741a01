"""Cards that requests of the exchange name, and what their states mean."""

from __future__ import annotations

from typing import Final

from gateway.services.card_ledger import card_key
from gateway.services.verdict import VerdictRules, load_status_rules
from tests.fakes.regions import REGISTRY, SECRET
from trust.pseudonym import home_card

RULES: Final = VerdictRules(load_status_rules(), REGISTRY.taxonomy)


def card_name(region: str, number: str) -> bytes:
    """Give what a home region calls a card."""
    return home_card(SECRET, home=region, card_key=card_key(number))
