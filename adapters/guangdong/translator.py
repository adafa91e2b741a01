"""Guangdong (synthetic dialect): a residence permit is coded by its holder's place of origin.

The form has one document code each for permits of residents of Hong Kong (181), Macao (182) and Taiwan (183), where
the neutral form knows one kind of permit whose number tells the origin: 810000, 820000 or 830000. A table cannot choose
among three codes, so the code is taken from the number when writing, and held against it when reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.errors import MalformedFieldError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.canonical import CardIdentity, RegionalIdentity
    from adapters.form import IdentityForm

_TYPE, _NUMBER = "certType", "certNo"
_CODE_BY_ORIGIN = {"81": "181", "82": "182", "83": "183"}
_ORIGIN_BY_CODE = {code: origin for origin, code in _CODE_BY_ORIGIN.items()}


def identity_to_canonical(form: IdentityForm, record: Mapping[str, str], *, strict: bool) -> CardIdentity:
    """Read the form; MalformedFieldError (rule `permit_origin`) where a permit's code and number name two origins."""
    identity = form.read(record, strict=strict)
    origin = _ORIGIN_BY_CODE.get(record.get(_TYPE, ""))
    if origin is not None and not record[_NUMBER].startswith(origin):
        raise MalformedFieldError(field=f"fields[{_TYPE}]", rule="permit_origin", region=form.region)
    return identity


def identity_from_canonical(form: IdentityForm, identity: CardIdentity) -> RegionalIdentity:
    """Write the form, a residence permit under the code of its origin."""
    written = form.write(identity)
    if written.fields.get(_TYPE) in _ORIGIN_BY_CODE:
        written.fields[_TYPE] = _CODE_BY_ORIGIN[written.fields[_NUMBER][:2]]
    return written
