"""Xizang (synthetic dialect): a word for the card's status, and beside it a code that says only "valid" or not.

The word is what is read. The code AAZ502 (1 valid, 0 not) cannot tell a loss from a cancellation, but it can contradict
the word; then neither is believed, and an unknown status fails closed. Writing needs no help: the code is the label
of the word in the manifest's table.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.words import CardStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.canonical import CardIdentity
    from adapters.form import IdentityForm

FLAG, VALID = "AAZ502", "1"


def identity_to_canonical(form: IdentityForm, record: Mapping[str, str], *, strict: bool) -> CardIdentity:
    """Read a record; the status is UNKNOWN where word and code contradict each other."""
    identity = form.read(record, strict=strict)
    flag = record.get(FLAG)
    if not flag or (flag == VALID) == (identity.card.status is CardStatus.ACTIVE):
        return identity
    return replace(identity, card=replace(identity.card, status=CardStatus.UNKNOWN))
