"""How fields of one text are read and written: for each kind of neutral field, what makes its two functions."""

from __future__ import annotations

from functools import lru_cache, partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, TypeVar

from adapters.canonical import NATIONALITY, SPECIFICATIONS, PersonName
from adapters.field_codec import TOO_LONG, UNMAPPABLE, Place, SingleField
from adapters.form_dates import date_reader, date_writer
from adapters.identifiers import (
    CardNumber,
    DivisionCode,
    ElectronicSignNumber,
    IdentificationCode,
    IntegrityRecordReference,
    SocialSecurityNumber,
)
from adapters.words import CardStatus, LossKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.canonical import Loss
    from adapters.field_codec import Read, Write
    from adapters.manifest import FieldSpec, Manifest
    from adapters.masked_values import Identifier

    Ways = tuple[Read, Write]

Key = TypeVar("Key")
Value = TypeVar("Value")

_DIVISIONS_REMEMBERED = 512


class Codes(dict[Key, Value]):
    """A code table whose gaps are answered by a function, so that looking a code up costs no call of ours."""

    __slots__ = ("_gap",)

    def __init__(self, rows: dict[Key, Value], gap: Callable[[], Value]) -> None:
        """Copy the rows."""
        super().__init__(rows)
        self._gap = gap

    def __missing__(self, _key: Key) -> Value:
        """Answer a gap."""
        return self._gap()


def single_field(spec: FieldSpec, manifest: Manifest) -> SingleField:
    """Compile a field of the manifest."""
    place = Place(spec, manifest)
    if spec.table is not None:
        return _coded(spec, manifest, place)
    read, write = _BARE[spec.path](spec, place)
    if spec.hex_length or spec.pad or spec.max_length:
        read, write = _exact(spec, place, read), _bounded(spec, place, write)
    return SingleField(spec.path, spec.key, read, write)


def _number(kind: type[Identifier], _spec: FieldSpec, place: Place) -> Ways:
    """Read a number, a code or a name, whose type checks its own text."""
    return kind.reader(place.field), kind.reveal


def _division(_spec: FieldSpec, place: Place) -> Ways:
    """Read a division; the same few come again and again, and they name nobody, so they are remembered."""
    return lru_cache(_DIVISIONS_REMEMBERED)(partial(DivisionCode.parse, field=place.field)), attrgetter("value")


def _nationality(_spec: FieldSpec, place: Place) -> Ways:
    def read(text: str) -> str:
        if NATIONALITY.match(text) is None:
            raise place.bad("iso_3166_alpha_3")
        return text

    return read, str


def _specification(_spec: FieldSpec, place: Place) -> Ways:
    return Codes({version: version for version in SPECIFICATIONS}, _refuse(place, "known_version")).__getitem__, str


def _date(spec: FieldSpec, place: Place) -> Ways:
    pattern = spec.date_pattern or ""
    return date_reader(pattern, place), date_writer(pattern)


def _coded(spec: FieldSpec, manifest: Manifest, place: Place) -> SingleField:
    """Read a status or a sex by its table. A raw value outside it is UNKNOWN for a status, and else refused."""
    table: dict[str, Any] = getattr(manifest.tables, spec.table or "")
    unknown = (lambda: CardStatus.UNKNOWN) if spec.path == "card.status" else _refuse(place, "unknown_code")
    unmappable: str | Loss = place.loss(LossKind.UNMAPPABLE, UNMAPPABLE)
    raw = Codes(raw_values(table), lambda: unmappable)
    labels = manifest.tables.label.get(spec.table or "", {})
    shown = {value: labels[text] for value, text in raw.items() if text in labels}
    label = (spec.label_key, shown.get) if spec.label_key else None
    return SingleField(spec.path, spec.key, Codes(table, unknown).__getitem__, raw.__getitem__, label)


def raw_values(table: dict[str, Any]) -> dict[Any, Any]:
    """Turn a table round; of several raw values with one meaning the first is written."""
    return {value: raw for raw, value in reversed(table.items())}


def _refuse(place: Place, rule: str) -> Callable[[], Any]:
    def refuse() -> Any:  # noqa: ANN401 - stands where a table would give a value
        raise place.bad(rule)

    return refuse


def _exact(spec: FieldSpec, place: Place, read: Read) -> Read:
    """Strip what the form pads, and hold the text against the one length that the form knows."""
    pad, exact = spec.pad, spec.hex_length

    def read_exact(text: str) -> object:
        if pad:
            text = text.rstrip(" ")
            if not text:
                return None
        value = read(text)
        if exact and len(text) != exact:
            raise place.bad(f"{exact}_digits")
        return value

    return read_exact


def _bounded(spec: FieldSpec, place: Place, write: Callable[[Any], Any]) -> Write:
    """Leave out what is too long for the form, and fill up what is shorter."""
    exact, longest, pad = spec.hex_length, spec.max_length, spec.pad or 0
    too_long = place.loss(LossKind.DROPPED, TOO_LONG)
    wrong_length = place.loss(LossKind.DROPPED, f"The region's form holds {exact} digits only; the code cannot be cut.")

    def write_bounded(value: object) -> str | Loss:
        text: str = write(value)
        if exact and len(text) != exact:
            return wrong_length
        return too_long if longest and len(text) > longest else text.ljust(pad)

    return write_bounded


_BARE: dict[str, Callable[[FieldSpec, Place], Ways]] = {
    "holder.social_security_number": partial(_number, SocialSecurityNumber),
    "holder.name": partial(_number, PersonName),
    "holder.birth_date": _date,
    "holder.nationality": _nationality,
    "holder.integrity_record": partial(_number, IntegrityRecordReference),
    "card.number": partial(_number, CardNumber),
    "card.identification_code": partial(_number, IdentificationCode),
    "card.issuer_division": _division,
    "card.specification": _specification,
    "card.issued_on": _date,
    "card.expires_on": _date,
    "card.electronic_sign_number": partial(_number, ElectronicSignNumber),
}
