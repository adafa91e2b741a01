"""Catalogs to publish: keys of entities made for this run, a shelf in memory, and next versions of what ships."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.services.publish_catalog import PublishCatalog
from tests.fakes.clock import NOON
from tests.fakes.regions import REGISTRY
from trust.keys import SigningKey
from trust.party_signature import PartySignature, canonical_bytes, canonical_digest, digest_of_bytes, sign_as_party

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from adapters.canonical import ApplicationItem
    from adapters.catalog import Catalog
    from adapters.catalog_document import CatalogDocument, CatalogHead
    from gateway.journal import Journal
    from gateway.services.catalog_book import CatalogBook
    from tests.fakes.clock import FakeClock
    from trust.keys import VerificationKey

LIFE = int(NOON) + 30 * 86_400
ENTITIES = {region: f"https://{region}.onecard.test" for region in REGISTRY.regions}
ENTITY_KEYS = {region: SigningKey.generate("ES256", issuer=entity) for region, entity in ENTITIES.items()}


def believed(entity: str, region: str) -> Iterable[VerificationKey]:
    """Give the key of an entity that stands for a region."""
    return (ENTITY_KEYS[region].public(),) if ENTITIES.get(region) == entity else ()


@dataclass(slots=True)
class MemoryVersion:
    """A version that lies in memory."""

    content: CatalogDocument
    text: bytes
    signatures: tuple[str, ...]
    signed_by: frozenset[str]
    shipped: bool = False

    @property
    def head(self) -> CatalogHead:
        """What it says of itself."""
        return self.content.head

    @property
    def digest(self) -> str:
        """The digest of its canonical form."""
        return digest_of_bytes(self.text)

    @property
    def items(self) -> Catalog:
        """Its items."""
        return self.content.items

    def document(self) -> CatalogDocument:
        """Give head and items."""
        return self.content

    def canonical(self) -> bytes:
        """Give the canonical form."""
        return self.text


@dataclass(slots=True)
class MemoryShelf:
    """Keeps versions in memory."""

    kept: list[MemoryVersion] = field(default_factory=list)

    def keep(
        self, document: CatalogDocument, canonical: bytes, *, signatures: tuple[str, ...], signed_by: frozenset[str]
    ) -> MemoryVersion:
        """Keep a version."""
        self.kept.append(MemoryVersion(document, canonical, signatures, signed_by))
        return self.kept[-1]


def publisher(
    book: CatalogBook, clock: FakeClock, journal: Journal, shelf: MemoryShelf | None = None
) -> PublishCatalog:
    """Make the use case with keys of this run."""
    return PublishCatalog(
        book=book,
        shelf=shelf or MemoryShelf(),
        keys=believed,
        taxonomy=REGISTRY.taxonomy,
        clock=clock,
        journal=journal,
    )


def following(
    book: CatalogBook,
    catalog: str,
    items: Sequence[ApplicationItem] | None = None,
    **changes: Any,  # noqa: ANN401 - any key of a document
) -> dict[str, Any]:
    """Make the plain data of the next version of a catalog, with the same items unless told otherwise."""
    newest = book.newest(catalog)
    assert newest is not None
    told = {"valid_until": LIFE, **changes}
    made = newest.document().following(
        previous=newest.digest, items=tuple(newest.items) if items is None else items, **told
    )
    plain: dict[str, Any] = json.loads(json.dumps(made.plain()))
    return plain


def signature(region: str, plain: dict[str, Any], **changes: Any) -> str:  # noqa: ANN401 - any claim
    """Sign a document for a region, or say something else in the signature."""
    claims: dict[str, Any] = {
        "iss": ENTITIES[region],
        "region": changes.pop("as_region", region),
        "iat": int(NOON),
        "content": "catalog",
        "name": plain["catalog"],
        "digest": canonical_digest(plain),
        **changes,
    }
    return sign_as_party(PartySignature(**claims), key=ENTITY_KEYS[region])


def written(plain: dict[str, Any]) -> bytes:
    """Write plain data in its canonical form."""
    return canonical_bytes(plain)
