"""Guizhou (synthetic dialect): kiosks of another make send the two card fields under each other's names.

The province's form has the card number under aaz501 and the identification code under ksbm. The other make sends both
as aaz500 and aaz501, in either order. Shape decides, since a card number has 9 characters and an identification code
24 or 32: what has the shape of the one cannot be the other. Where the shapes contradict each other, nothing is read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.errors import MalformedFieldError
from adapters.identifiers import IdentificationCode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.canonical import CardIdentity
    from adapters.form import IdentityForm

NUMBER, CODE, OTHER = "aaz501", "ksbm", "aaz500"
NUMBER_LENGTH, CODE_LENGTHS = 9, frozenset({24, 32})


def identity_to_canonical(form: IdentityForm, record: Mapping[str, str], *, strict: bool) -> CardIdentity:
    """Read a record of either make of kiosk (MalformedFieldError for contradicting shapes, beside the form's own)."""
    if OTHER not in record:
        return form.read(record, strict=strict)
    rest = {key: text for key, text in record.items() if key != OTHER}
    if not record[OTHER]:
        return form.read(rest, strict=strict)
    key = _key_of_code(record)
    if key is None:
        raise MalformedFieldError(field=f"fields[{OTHER}]", rule="shapes_contradict", region=form.region)
    code = IdentificationCode(record[key], field=f"fields[{key}]")
    identity = form.read({**rest, NUMBER: record[OTHER if key == NUMBER else NUMBER]}, strict=strict)
    return replace(identity, card=replace(identity.card, identification_code=code))


def _key_of_code(record: Mapping[str, str]) -> str | None:
    """Tell under which of the two names the identification code stands; None unless the other has a card number."""
    here, there = record[OTHER], record.get(NUMBER, "")
    if record.get(CODE):
        return None
    if len(here) in CODE_LENGTHS and len(there) == NUMBER_LENGTH:
        return OTHER
    return NUMBER if len(there) in CODE_LENGTHS and len(here) == NUMBER_LENGTH else None
