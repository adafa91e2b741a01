"""Suspended functions of a card in an identity form: codes joined by a separator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.field_codec import UNMAPPABLE, Place
from adapters.form_fields import raw_values
from adapters.words import LossKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.canonical import Card, Holder, Loss
    from adapters.manifest import FieldSpec, Manifest
    from adapters.words import CardFunction


class FunctionsField(Place):
    """Reads and writes all codes; an unknown code is refused, because it could hide a suspension."""

    def __init__(self, spec: FieldSpec, manifest: Manifest) -> None:
        """Compile the field."""
        super().__init__(spec, manifest)
        self.separator = spec.separator
        self.neutral = manifest.tables.card_function
        self.raw: dict[CardFunction, str] = raw_values(self.neutral)
        self.unmappable = self.loss(LossKind.UNMAPPABLE, UNMAPPABLE)

    def read(self, record: Mapping[str, str], into: dict[str, object]) -> None:
        """Read the codes (MalformedFieldError)."""
        text = record.get(self.key)
        if not text:
            return
        functions = [self.neutral.get(code) for code in text.split(self.separator)]
        if None in functions:
            raise self.bad("unknown_code")
        into[self.name] = frozenset(functions)

    def write(self, source: Holder | Card, record: dict[str, str], losses: list[Loss]) -> None:
        """Write the codes that there are; a loss where a function has none."""
        functions: frozenset[CardFunction] = getattr(source, self.name)
        codes = sorted(self.raw[f] for f in functions if f in self.raw)
        if codes:
            record[self.key] = self.separator.join(codes)
        if len(codes) < len(functions):
            losses.append(self.unmappable)
