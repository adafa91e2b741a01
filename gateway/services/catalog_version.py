"""One version of a catalog: what it says of itself, who has signed it, and who still has to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from trust.party_signature import canonical_bytes

if TYPE_CHECKING:
    from adapters.catalog import Catalog
    from adapters.catalog_document import CatalogDocument, CatalogHead


class Version(Protocol):
    """One version of a catalog, wherever it is kept."""

    @property
    def head(self) -> CatalogHead:
        """What it says of itself."""

    @property
    def digest(self) -> str:
        """SHA-256 of its canonical form, base64url."""

    @property
    def signed_by(self) -> frozenset[str]:
        """The regions whose signature of this very content is proven."""

    @property
    def signatures(self) -> tuple[str, ...]:
        """Their signatures, compact JWS."""

    @property
    def shipped(self) -> bool:
        """Whether it came with the program."""

    @property
    def items(self) -> Catalog:
        """Its items; they may be read only now."""

    def document(self) -> CatalogDocument:
        """Give head and items as a document."""

    def canonical(self) -> bytes:
        """Give the canonical form, which is what was signed."""


@dataclass(frozen=True, slots=True)
class ShippedVersion:
    """A version that came with the program: nobody has signed it, and nobody needs to."""

    content: CatalogDocument
    digest: str
    signed_by: frozenset[str] = frozenset()
    signatures: tuple[str, ...] = ()
    shipped: bool = True

    @property
    def head(self) -> CatalogHead:
        """What it says of itself."""
        return self.content.head

    @property
    def items(self) -> Catalog:
        """Its items."""
        return self.content.items

    def document(self) -> CatalogDocument:
        """Give head and items as a document."""
        return self.content

    def canonical(self) -> bytes:
        """Give the canonical form."""
        return canonical_bytes(self.content.plain())


def missing(version: Version) -> tuple[str, ...]:
    """Name the regions that still have to sign a version; none where it shipped with the program."""
    return () if version.shipped else tuple(r for r in version.head.regions if r not in version.signed_by)
