"""How single fields of an identity form are read and written: one small codec for each kind of neutral field."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from adapters.canonical import NATIONALITY, SPECIFICATIONS, Loss, PersonName
from adapters.field_codec import TOO_LONG, UNMAPPABLE, FieldBase
from adapters.form_names import RomanisedField
from adapters.identifiers import (
    CardNumber,
    DivisionCode,
    ElectronicSignNumber,
    IdentificationCode,
    SocialSecurityNumber,
)
from adapters.words import CardStatus, LossKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapters.canonical import Card, Holder
    from adapters.field_codec import FieldCodec
    from adapters.manifest import FieldSpec, Manifest


class _ValueField(FieldBase):
    """Field whose value type checks its own text: numbers, codes and names."""

    def __init__(self, spec: FieldSpec, manifest: Manifest) -> None:
        super().__init__(spec, manifest)
        self.make: Callable[..., Any] = VALUE_TYPES[spec.path]
        self.pad = spec.pad or 0
        self.hex_length = spec.hex_length
        self.too_long = self.loss(LossKind.DROPPED, TOO_LONG)
        self.wrong_length = self.loss(
            LossKind.DROPPED, f"The region's form holds {spec.hex_length} digits only; the code cannot be cut."
        )

    def read(self, record: Mapping[str, str], into: dict[str, object]) -> None:
        text = record.get(self.key)
        if self.pad and text:
            text = text.rstrip(" ")
        if not text:
            return
        value = self.make(text, field=self.field)
        if self.hex_length and len(text) != self.hex_length:
            raise self.bad(f"{self.hex_length}_digits")
        into[self.name] = value

    def write(self, source: Holder | Card, record: dict[str, str], losses: list[Loss]) -> None:
        value = getattr(source, self.name)
        if value is None:
            return
        text: str = value.value if type(value) is DivisionCode else value.reveal()
        if self.hex_length and len(text) != self.hex_length:
            losses.append(self.wrong_length)
        elif self.max_length and len(text) > self.max_length:
            losses.append(self.too_long)
        else:
            record[self.key] = text.ljust(self.pad) if self.pad else text


class _TextField(FieldBase):
    """Field that is plain checked text: nationality, specification version."""

    def __init__(self, spec: FieldSpec, manifest: Manifest) -> None:
        super().__init__(spec, manifest)
        self.rule, self.fits = TEXT_RULES[spec.path]

    def read(self, record: Mapping[str, str], into: dict[str, object]) -> None:
        text = record.get(self.key)
        if text:
            if not self.fits(text):
                raise self.bad(self.rule)
            into[self.name] = text

    def write(self, source: Holder | Card, record: dict[str, str], losses: list[Loss]) -> None:  # noqa: ARG002 - FieldCodec
        value = getattr(source, self.name)
        if value is not None:
            record[self.key] = value


class _DateField(FieldBase):
    """Date in the region's own pattern."""

    def __init__(self, spec: FieldSpec, manifest: Manifest) -> None:
        super().__init__(spec, manifest)
        self.pattern = spec.date_pattern or ""
        self.layout = _layout(self.pattern)

    def read(self, record: Mapping[str, str], into: dict[str, object]) -> None:
        text = record.get(self.key)
        if text:
            day = parse_date(text, self.pattern)
            if day is None:
                raise self.bad(f"date_{self.pattern}")
            into[self.name] = day

    def write(self, source: Holder | Card, record: dict[str, str], losses: list[Loss]) -> None:  # noqa: ARG002 - FieldCodec
        day = getattr(source, self.name)
        if day is not None:
            record[self.key] = self.layout(day.isoformat())


class _CodedField(FieldBase):
    """Field with a code table: status, sex. A raw value outside the table is UNKNOWN for a status, else refused."""

    def __init__(self, spec: FieldSpec, manifest: Manifest) -> None:
        super().__init__(spec, manifest)
        table: dict[str, Any] = getattr(manifest.tables, spec.table or "")
        self.neutral = table
        self.raw: dict[Any, str] = {value: raw for raw, value in reversed(table.items())}
        self.label_key = spec.label_key
        self.labels = manifest.tables.label.get(spec.table or "", {})
        self.fallback = CardStatus.UNKNOWN if spec.path == "card.status" else None
        self.unmappable = self.loss(LossKind.UNMAPPABLE, UNMAPPABLE)

    def read(self, record: Mapping[str, str], into: dict[str, object]) -> None:
        text = record.get(self.key)
        if not text:
            return
        value = self.neutral.get(text, self.fallback)
        if value is None:
            raise self.bad("unknown_code")
        into[self.name] = value

    def write(self, source: Holder | Card, record: dict[str, str], losses: list[Loss]) -> None:
        value = getattr(source, self.name)
        if value is None:
            return
        raw = self.raw.get(value)
        if raw is None:
            losses.append(self.unmappable)
            return
        record[self.key] = raw
        if self.label_key and raw in self.labels:
            record[self.label_key] = self.labels[raw]


class _FunctionsField(_CodedField):
    """Suspended functions, codes joined by a separator; an unknown code is refused, it could hide a suspension."""

    def __init__(self, spec: FieldSpec, manifest: Manifest) -> None:
        super().__init__(spec, manifest)
        self.separator = spec.separator

    def read(self, record: Mapping[str, str], into: dict[str, object]) -> None:
        text = record.get(self.key)
        if not text:
            return
        functions = [self.neutral.get(code) for code in text.split(self.separator)]
        if None in functions:
            raise self.bad("unknown_code")
        into[self.name] = frozenset(functions)

    def write(self, source: Holder | Card, record: dict[str, str], losses: list[Loss]) -> None:
        functions = getattr(source, self.name)
        codes = sorted(self.raw[f] for f in functions if f in self.raw)
        if codes:
            record[self.key] = self.separator.join(codes)
        if len(codes) < len(functions):
            losses.append(self.unmappable)


VALUE_TYPES: dict[str, Callable[..., Any]] = {
    "holder.social_security_number": SocialSecurityNumber,
    "holder.name": PersonName,
    "card.number": CardNumber,
    "card.identification_code": IdentificationCode,
    "card.issuer_division": DivisionCode.parse,
    "card.electronic_sign_number": ElectronicSignNumber,
}

TEXT_RULES: dict[str, tuple[str, Callable[[str], object]]] = {
    "holder.nationality": ("iso_3166_alpha_3", NATIONALITY.match),
    "card.specification": ("known_version", SPECIFICATIONS.__contains__),
}

SINGLE_FIELDS: dict[str, Callable[[FieldSpec, Manifest], FieldCodec]] = {
    **dict.fromkeys(VALUE_TYPES, _ValueField),
    "holder.romanised_name": RomanisedField,
    "holder.sex": _CodedField,
    "holder.birth_date": _DateField,
    "holder.nationality": _TextField,
    "card.specification": _TextField,
    "card.issued_on": _DateField,
    "card.expires_on": _DateField,
    "card.status": _CodedField,
    "card.suspended_functions": _FunctionsField,
}


def _layout(pattern: str) -> Callable[[str], str]:
    """Make what lays out an ISO date by a pattern; the two commonest need no general layout, which costs five times."""
    if pattern == "YYYY-MM-DD":
        return str
    if pattern == "YYYYMMDD":
        return lambda iso: iso.replace("-", "")
    return lambda iso: pattern.replace("YYYY", iso[:4]).replace("MM", iso[5:7], 1).replace("DD", iso[8:], 1)


@lru_cache(maxsize=64)
def _expression(pattern: str) -> re.Pattern[str]:
    text = re.escape(pattern).replace("YYYY", "(?P<y>[0-9]{4})")
    return re.compile(text.replace("MM", "(?P<m>[0-9]{2})", 1).replace("DD", "(?P<d>[0-9]{2})", 1) + r"\Z")


@lru_cache(maxsize=8192)
def parse_date(text: str, pattern: str) -> date | None:
    """Read a date by a pattern such as `YYYY-MM-DD`; None when it does not fit or is no day of the calendar.

    Remembered, because the same birth and issue days come again and again and this was the dearest step of a field.
    """
    match = _expression(pattern).match(text)
    if match is None:
        return None
    try:
        return date(int(match["y"]), int(match["m"]), int(match["d"]))
    except ValueError:
        return None
