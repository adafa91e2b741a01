"""Sichuan (synthetic dialect): two codes for residence permits, told apart by whom the permit is for.

The document table has 18 for residence permits of Hong Kong and Macao residents and 19 for those of Taiwan residents.
The neutral form has one kind, because the number itself says which: 810000, 820000 or 830000.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from adapters.errors import MalformedFieldError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.canonical import CardIdentity, RegionalIdentity
    from adapters.form import IdentityForm

TYPE, NUMBER = "AAC058", "AAC147"
HONG_KONG_OR_MACAO, TAIWAN = "18", "19"
TAIWAN_PREFIX = "830000"


def identity_to_canonical(form: IdentityForm, record: Mapping[str, str], *, strict: bool) -> CardIdentity:
    """Read a record; refuse a residence permit under the other code (MalformedFieldError, beside the form's own)."""
    identity = form.read(record, strict=strict)
    told = record.get(TYPE)
    if told in {HONG_KONG_OR_MACAO, TAIWAN} and told != _code(record[NUMBER]):
        raise MalformedFieldError(field=f"fields[{TYPE}]", rule="type_contradicts_number", region=form.region)
    return identity


def identity_from_canonical(form: IdentityForm, identity: CardIdentity) -> RegionalIdentity:
    """Write an identity, residence permits under the code that their number asks for."""
    written = form.write(identity)
    if written.fields.get(TYPE) != HONG_KONG_OR_MACAO:
        return written
    return replace(written, fields={**written.fields, TYPE: _code(written.fields[NUMBER])})


def _code(number: str) -> str:
    return TAIWAN if number.startswith(TAIWAN_PREFIX) else HONG_KONG_OR_MACAO
