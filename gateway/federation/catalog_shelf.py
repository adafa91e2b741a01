"""Where published catalogs are kept: one file a version in a folder of this node, whole or not at all.

The first line says what the file is without reading on: the head, the digest, the signatures, and the regions whose
signature is proven. The rest is the canonical document to the letter. A node with many catalogs begins by the first
lines alone; the items of a version are read when somebody asks for them, and only if the digest still fits.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from adapters.catalog_document import CatalogDocument, CatalogHead, read_document, read_head
from gateway.errors import SettingsError
from gateway.federation.publisher_ledger import write_whole
from trust.party_signature import digest_of_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from adapters.catalog import Catalog
    from adapters.taxonomy import Taxonomy

_MOST_FIRST_LINE = 256 * 1024
_FOLDER_MODE = 0o700


@dataclass(slots=True)
class KeptVersion:
    """A version in its file; the items are read at first use and stay."""

    head: CatalogHead
    digest: str
    signed_by: frozenset[str]
    signatures: tuple[str, ...] = field(repr=False)
    _file: Path = field(repr=False)
    _taxonomy: Taxonomy = field(repr=False)
    _document: CatalogDocument | None = field(default=None, repr=False)
    shipped: bool = False

    @property
    def items(self) -> Catalog:
        """Its items (SettingsError where the file is not what was kept)."""
        return self.document().items

    def document(self) -> CatalogDocument:
        """Give head and items (SettingsError where the file is not what was kept)."""
        if self._document is None:
            self._document = self._read()
        return self._document

    def canonical(self) -> bytes:
        """Give the canonical form, to the letter (SettingsError where the file is not what was kept)."""
        canonical = _bytes_of(self._file).partition(b"\n")[2]
        if digest_of_bytes(canonical) != self.digest:
            raise SettingsError((f"{self._file.name}: is not the version that was kept",))
        return canonical

    def _read(self) -> CatalogDocument:
        document, faults = read_document(json.loads(self.canonical()), self._taxonomy)
        if document is None or faults:
            raise SettingsError((f"{self._file.name}: is no catalog by today's rules",))
        return replace(document, rows={})  # which are for faults, and it has none


class FileCatalogs:
    """Keeps versions in a folder."""

    def __init__(self, folder: Path, taxonomy: Taxonomy) -> None:
        """Take the folder; it is made with the first version."""
        self._folder = folder
        self._taxonomy = taxonomy

    def load(self) -> Iterator[KeptVersion]:
        """Give what was kept, oldest first within a catalog (SettingsError where a file is something else)."""
        for file in sorted(self._folder.glob("*/*.catalog")) if self._folder.is_dir() else ():
            first = _first_line(file)
            head, faults = read_head(file.name, first["head"])
            if head is None or faults:
                raise SettingsError((f"{file.name}: its head cannot be read",))
            yield KeptVersion(
                head, first["digest"], frozenset(first["signed_by"]), tuple(first["signatures"]), file, self._taxonomy
            )

    def keep(
        self, document: CatalogDocument, canonical: bytes, *, signatures: tuple[str, ...], signed_by: frozenset[str]
    ) -> KeptVersion:
        """Write a version, in the place of the same content with fewer signatures (SettingsError)."""
        head, digest = document.head, digest_of_bytes(canonical)
        file = self._folder / head.catalog / f"{head.sequence:07}-{digest[:16]}.catalog"
        try:
            file.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError((f"{file.parent.name}: cannot be made ({type(error).__name__})",)) from error
        first = {
            "head": head.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            "digest": digest,
            "signed_by": sorted(signed_by),
            "signatures": signatures,
        }
        write_whole(file, json.dumps(first, ensure_ascii=False).encode() + b"\n" + canonical)
        return KeptVersion(head, digest, signed_by, signatures, file, self._taxonomy, document)


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError((f"{file.name}: cannot be read ({type(error).__name__})",)) from error


def _first_line(file: Path) -> dict[str, Any]:
    """Read what a file says of itself (SettingsError where it is no file of ours)."""
    try:
        with file.open("rb") as opened:
            found = json.loads(opened.readline(_MOST_FIRST_LINE))
    except (OSError, ValueError) as error:
        raise SettingsError((f"{file.name}: cannot be read ({type(error).__name__})",)) from None
    known = {"head": dict, "digest": str, "signed_by": list, "signatures": list}
    if not isinstance(found, dict) or any(not isinstance(found.get(key), kind) for key, kind in known.items()):
        raise SettingsError((f"{file.name}: is not what was written there",))
    return found
