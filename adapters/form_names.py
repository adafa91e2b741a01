"""Romanised names in an identity form: in two fields, or in one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.canonical import Card, Holder, Loss, PersonName, RomanisedName
from adapters.field_codec import TOO_LONG, Place
from adapters.words import LossKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.manifest import FieldSpec, Manifest


class RomanisedField(Place):
    """Romanised name, in two fields, or in one as `SURNAME, Given`."""

    def __init__(self, spec: FieldSpec, manifest: Manifest) -> None:
        """Compile the field."""
        super().__init__(spec, manifest)
        self.max_length = spec.max_length
        self.given_key = spec.given_key
        self.ambiguous = self.loss(LossKind.DROPPED, "The name holds the mark that the region's form splits at.")
        self.too_long = self.loss(LossKind.DROPPED, TOO_LONG)

    def read(self, record: Mapping[str, str], into: dict[str, object]) -> None:
        """Read surname and given names; given names alone are refused, because the surname would be lost."""
        surname = record.get(self.key)
        given = record.get(self.given_key, "") if self.given_key else ""
        if not surname:
            if given:
                raise self.bad("surname_missing")
            return
        if not self.given_key:
            surname, _, given = surname.partition(", ")
        into[self.name] = RomanisedName(
            PersonName(surname, field=self.field), PersonName(given, field=self.field) if given else None
        )

    def write(self, source: Holder | Card, record: dict[str, str], losses: list[Loss]) -> None:
        """Write the name, or report why the form cannot hold it."""
        name: RomanisedName | None = getattr(source, self.name)
        if name is None:
            return
        surname, given = name.surname.reveal(), name.given.reveal() if name.given else ""
        if self.max_length and len(surname) + len(given) + 2 > self.max_length:
            losses.append(self.too_long)
        elif self.given_key:
            record[self.key] = surname
            if given:
                record[self.given_key] = given
        elif ", " in surname or surname.endswith(","):
            losses.append(self.ambiguous)
        else:
            record[self.key] = f"{surname}, {given}" if given else surname
