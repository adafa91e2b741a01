"""A region's identity form, compiled once from its manifest into readers and writers.

Reading turns a flat record (the region's names to text) into the neutral form; writing goes back and lists all that
the form cannot hold. Nothing is guessed: a value without an equal in the target's table is left out and reported.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from adapters.canonical import CARD_FIELDS, HOLDER_FIELDS, Card, CardIdentity, Holder, Loss, RegionalIdentity
from adapters.errors import MalformedFieldError, RegionDataError
from adapters.form_documents import PATH as DOCUMENTS
from adapters.form_documents import DocumentsField
from adapters.form_fields import single_field
from adapters.form_functions import FunctionsField
from adapters.form_names import RomanisedField
from adapters.words import LossKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapters.field_codec import CompoundField, Read, SingleField, Write
    from adapters.manifest import FieldSpec, Manifest

_DROPPED = "The form of the region has no place for this field."
_COMPOUND: dict[str, Callable[[FieldSpec, Manifest], CompoundField]] = {
    "holder.romanised_name": RomanisedField,
    "card.suspended_functions": FunctionsField,
}


class IdentityForm:
    """Reads and writes the identity form of one region.

    `keys` are the region's field names in its own order. Not thread-bound: holds no state beside the compiled fields.
    """

    def __init__(self, manifest: Manifest) -> None:
        """Compile the manifest's field list (RegionDataError: a field stands twice, or a needed one is missing)."""
        self.region = manifest.region
        specs = manifest.identity.field
        _check_paths(manifest)
        self.keys = tuple(key for spec in specs for key in spec.keys)
        self._known = frozenset(self.keys)
        self._holder = _Part("holder", HOLDER_FIELDS, manifest)
        self._card = _Part("card", CARD_FIELDS, manifest)
        self.status_key = next(spec.key for spec in specs if spec.path == "card.status")

    def read(self, record: Mapping[str, str], *, strict: bool = True) -> CardIdentity:
        """Read a record into the neutral form. Absent and empty fields are the same.

        With `strict` a name that the form does not have is refused; a platform's own reply may carry more.
        MalformedFieldError and MalformedNumberError name the region's field, never what stands in it.
        """
        if strict and not self._known.issuperset(record):
            raise MalformedFieldError(field="fields", rule="unknown_name", region=self.region)
        holder = Holder(**self._holder.read(record))  # type: ignore[arg-type]
        return CardIdentity(self.region, holder, Card(**self._card.read(record)))  # type: ignore[arg-type]

    def write(self, identity: CardIdentity) -> RegionalIdentity:
        """Write the neutral form as a record, with the losses ordered by field."""
        record: dict[str, str] = {}
        losses: list[Loss] = []
        self._holder.write(identity.holder, record, losses)
        self._card.write(identity.card, record, losses)
        if len(losses) > 1:
            losses.sort(key=_by_field)
        return RegionalIdentity(self.region, record, tuple(losses))


class _Part:
    """The fields of the holder, or those of the card, in loops that call as little as can be."""

    def __init__(self, part: str, names: tuple[str, ...], manifest: Manifest) -> None:
        specs = [spec for spec in manifest.identity.field if spec.path.partition(".")[0] == part]
        slots = [spec for spec in specs if spec.path == DOCUMENTS]
        singles = [single_field(s, manifest) for s in specs if s.path != DOCUMENTS and s.path not in _COMPOUND]
        self._compound: list[CompoundField] = [_COMPOUND[s.path](s, manifest) for s in specs if s.path in _COMPOUND]
        if slots:
            self._compound.append(DocumentsField(slots, manifest))
        self._reads: tuple[tuple[str, str, Read], ...] = tuple((s.key, _name(s.path), s.read) for s in singles)
        self._writes: tuple[tuple[str, Write], ...] = tuple(way for single in singles for way in _ways(single))
        written = [_name(single.path) for single in singles for _ in _ways(single)]
        # Two names more than needed, since for a single one it would not give a tuple.
        self._values = attrgetter(*written, *names[:2])
        told = {spec.path for spec in specs}
        self._homeless = tuple(
            (name, Loss(f"{part}.{name}", LossKind.DROPPED, _DROPPED)) for name in names if f"{part}.{name}" not in told
        )

    def read(self, record: Mapping[str, str]) -> dict[str, object]:
        told: dict[str, object] = {}
        get = record.get
        for key, name, read in self._reads:
            text = get(key)
            if text:
                told[name] = read(text)
        for field in self._compound:
            field.read(record, told)
        return told

    def write(self, source: Holder | Card, record: dict[str, str], losses: list[Loss]) -> None:
        for (key, write), value in zip(self._writes, self._values(source), strict=False):
            if value is not None:
                text = write(value)
                if isinstance(text, str):
                    record[key] = text
                elif text is not None:
                    losses.append(text)
        for field in self._compound:
            field.write(source, record, losses)
        for name, loss in self._homeless:
            if getattr(source, name):
                losses.append(loss)


def _ways(single: SingleField) -> list[tuple[str, Write]]:
    """Give what a field writes: itself, and its label where it has one."""
    return [(single.key, single.write), *([single.label] if single.label else [])]


def _name(path: str) -> str:
    return path.partition(".")[2]


def _by_field(loss: Loss) -> str:
    return loss.field


def _check_paths(manifest: Manifest) -> None:
    """Refuse a form in which a field stands twice or a needed one is missing (RegionDataError)."""
    paths = [spec.path for spec in manifest.identity.field if spec.path != DOCUMENTS]
    if len(paths) != len(set(paths)) or "card.status" not in paths or "card.number" not in paths:
        raise RegionDataError(
            region=manifest.region,
            file="manifest.toml",
            rule="identity: each neutral field once; card.number and card.status are required",
        )
