"""The identity documents of a holder: one codec for all the slots that a region's form has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.canonical import Document, Loss
from adapters.errors import MalformedFieldError
from adapters.form_fields import raw_values
from adapters.words import LossKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adapters.canonical import Card, Holder
    from adapters.manifest import FieldSpec, Manifest

PATH = "holder.documents"


class _Slot:
    """A place for one document: of a fixed kind, or with the kind told by a coded field beside.

    `raw` has the kinds that it holds, with the code of each.
    """

    def __init__(self, spec: FieldSpec, manifest: Manifest) -> None:
        self.region = manifest.region
        self.key = spec.key
        self.field = f"fields[{spec.key}]"
        self.type_key = spec.type_key
        self.fixed = spec.document
        self.kinds = manifest.tables.document_type
        self.raw = {spec.document: ""} if spec.document else raw_values(self.kinds)

    def read(self, record: Mapping[str, str]) -> Document | None:
        text = record.get(self.key)
        code = record.get(self.type_key) if self.type_key else None
        if not text:
            if code:
                raise MalformedFieldError(field=self.field, rule="number_missing", region=self.region)
            return None
        kind = self.fixed or self.kinds.get(code or "")
        if kind is None:
            raise MalformedFieldError(field=f"fields[{self.type_key}]", rule="unknown_code", region=self.region)
        return Document.parse(kind, text, field=self.field)

    def write(self, document: Document, record: dict[str, str]) -> None:
        record[self.key] = document.number.reveal()
        if self.type_key:
            record[self.type_key] = self.raw[document.type]


class DocumentsField:
    """Reads all slots in their order, and fills them with the documents that fit, first come first placed."""

    path = PATH
    part, _, name = PATH.partition(".")

    def __init__(self, specs: Sequence[FieldSpec], manifest: Manifest) -> None:
        """Compile the slots; at least one."""
        self._slots = tuple(_Slot(spec, manifest) for spec in specs)
        self.keys = tuple(key for spec in specs for key in spec.keys)
        self._reduced = Loss(
            PATH, LossKind.REDUCED, "The region's form has no place for some documents, or another order."
        )
        self._dropped = Loss(PATH, LossKind.DROPPED, "The region's form has no place for documents of these kinds.")

    def read(self, record: Mapping[str, str], into: dict[str, object]) -> None:
        """Collect the documents of all filled slots (MalformedFieldError, MalformedNumberError)."""
        told = [document for slot in self._slots if (document := slot.read(record))]
        if told:
            into[self.name] = tuple(told)

    def write(self, source: Holder | Card, record: dict[str, str], losses: list[Loss]) -> None:
        """Place the documents; a loss unless reading the record would give the same ones in the same order."""
        documents: tuple[Document, ...] = getattr(source, self.name)
        if not documents:
            return
        left = list(documents)
        placed: list[Document] = []
        for slot in self._slots:
            for document in left:
                if document.type in slot.raw:
                    left.remove(document)
                    placed.append(document)
                    slot.write(document, record)
                    break
        if tuple(placed) != documents:
            losses.append(self._reduced if placed else self._dropped)
