"""A region's identity form, compiled once from its manifest into readers and writers.

Reading turns a flat record (the region's names to text) into the neutral form; writing goes back and lists all that
the form cannot hold. Nothing is guessed: a value without an equal in the target's table is left out and reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.canonical import CARD_FIELDS, HOLDER_FIELDS, Card, CardIdentity, Holder, Loss, RegionalIdentity
from adapters.errors import MalformedFieldError, RegionDataError
from adapters.form_documents import PATH as DOCUMENTS
from adapters.form_documents import DocumentsField
from adapters.form_fields import SINGLE_FIELDS
from adapters.words import LossKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.field_codec import FieldCodec
    from adapters.manifest import Manifest

_DROPPED = "The form of the region has no place for this field."


class IdentityForm:
    """Reads and writes the identity form of one region.

    `keys` are the region's field names in its own order. Not thread-bound: holds no state beside the compiled fields.
    """

    def __init__(self, manifest: Manifest) -> None:
        """Compile the manifest's field list."""
        self.region = manifest.region
        codecs = _compile(manifest)
        self.keys = tuple(key for spec in manifest.identity.field for key in spec.keys)
        self._known = frozenset(self.keys)
        paths = {codec.path for codec in codecs}
        self._homeless = tuple(
            (part, name, Loss(f"{part}.{name}", LossKind.DROPPED, _DROPPED))
            for part, names in (("holder", HOLDER_FIELDS), ("card", CARD_FIELDS))
            for name in names
            if f"{part}.{name}" not in paths
        )
        self._holder = tuple(codec for codec in codecs if codec.part == "holder")
        self._card = tuple(codec for codec in codecs if codec.part == "card")
        self.status_key = next(codec.keys[0] for codec in codecs if codec.path == "card.status")

    def read(self, record: Mapping[str, str], *, strict: bool = True) -> CardIdentity:
        """Read a record into the neutral form. Absent and empty fields are the same.

        With `strict` a name that the form does not have is refused; a platform's own reply may carry more.
        MalformedFieldError and MalformedNumberError name the region's field, never what stands in it.
        """
        if strict and not self._known.issuperset(record):
            raise MalformedFieldError(field="fields", rule="unknown_name", region=self.region)
        holder: dict[str, object] = {}
        for codec in self._holder:
            codec.read(record, holder)
        card: dict[str, object] = {}
        for codec in self._card:
            codec.read(record, card)
        return CardIdentity(self.region, Holder(**holder), Card(**card))  # type: ignore[arg-type]

    def write(self, identity: CardIdentity) -> RegionalIdentity:
        """Write the neutral form as a record, with the losses ordered by field."""
        record: dict[str, str] = {}
        losses: list[Loss] = []
        holder, card = identity.holder, identity.card
        for codec in self._holder:
            codec.write(holder, record, losses)
        for codec in self._card:
            codec.write(card, record, losses)
        for part, name, loss in self._homeless:
            if getattr(holder if part == "holder" else card, name):
                losses.append(loss)
        if len(losses) > 1:
            losses.sort(key=_by_field)
        return RegionalIdentity(self.region, record, tuple(losses))


def _by_field(loss: Loss) -> str:
    return loss.field


def _compile(manifest: Manifest) -> tuple[FieldCodec, ...]:
    """Make one codec for each neutral field; RegionDataError where a field stands twice or a needed one is missing."""
    slots = [spec for spec in manifest.identity.field if spec.path == DOCUMENTS]
    singles = [spec for spec in manifest.identity.field if spec.path != DOCUMENTS]
    paths = [spec.path for spec in singles]
    if len(paths) != len(set(paths)) or "card.status" not in paths or "card.number" not in paths:
        raise RegionDataError(
            region=manifest.region,
            file="manifest.toml",
            rule="identity: each neutral field once; card.number and card.status are required",
        )
    codecs: list[FieldCodec] = [SINGLE_FIELDS[spec.path](spec, manifest) for spec in singles]
    if slots:
        codecs.append(DocumentsField(slots, manifest))
    return tuple(codecs)
