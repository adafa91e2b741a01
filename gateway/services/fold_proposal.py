"""Folds what districts of the parties propose into the next version of a joint catalog (Chongqing Art. 18)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.catalog import Catalog
from adapters.catalog_document import parse_document
from adapters.joint import Proposal, check_proposal, fold, read_proposal_head
from adapters.layers import check_layers
from gateway.errors import NotPublisherError, UnknownCatalogError
from trust.party_signature import canonical_bytes, digest_of_bytes

if TYPE_CHECKING:
    from adapters.registry import Registry
    from adapters.tables import Fault
    from gateway.services.catalog_book import CatalogBook


@dataclass(frozen=True, slots=True)
class Folded:
    """The canonical form of the next version and its digest, for the parties to sign; or what is wrong."""

    canonical: bytes = field(repr=False)
    digest: str
    faults: tuple[Fault, ...]


class FoldProposal:
    """The use case."""

    def __init__(self, *, book: CatalogBook, registry: Registry) -> None:
        """Take the versions, and the regions with their divisions."""
        self._book = book
        self._registry = registry

    def __call__(
        self, catalog: str, *, proposal: str, divisions: tuple[str, ...], table: str, valid_until: int, region: str
    ) -> Folded:
        """Fold a proposal for a party.

        Args:
            catalog: the joint catalog.
            proposal: identifier of the proposal.
            divisions: GB/T 2260 codes of the districts.
            table: the proposed items, CSV.
            valid_until: end of the next version's life, Unix seconds; 0 keeps that of the version it replaces.
            region: the party for which it is asked.

        Raises:
            UnknownCatalogError: there is no such catalog.
            NotPublisherError: the region is no party to it.
        """
        newest = self._book.newest(catalog)
        if newest is None:
            raise UnknownCatalogError
        if region not in newest.head.regions:
            raise NotPublisherError(catalog=catalog)
        told = {"proposal": proposal, "catalog": catalog, "previous": newest.digest, "divisions": divisions}
        head, faults = read_proposal_head(proposal, told)
        listed, rows = parse_document(proposal, newest.head, table, self._registry.taxonomy)
        if head is None or rows:
            return Folded(b"", "", (*faults, *rows))
        proposed = Proposal(head, Catalog(newest.head.owner, tuple(listed.items)))
        joint = newest.document()
        around = self._book.surroundings()
        faults = check_proposal(proposed, joint, digest=newest.digest, divisions=around.divisions)
        if faults:
            return Folded(b"", "", tuple(faults))
        changes = {"valid_until": valid_until} if valid_until else {}
        folded = fold(proposed, joint, digest=newest.digest, **changes)
        if faults := check_layers(folded, around):
            return Folded(b"", "", tuple(faults))
        canonical = canonical_bytes(folded.plain())
        return Folded(canonical, digest_of_bytes(canonical), ())
