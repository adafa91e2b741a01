"""Publishes a catalog: read whole, held against the rules and the layers, signed by those whose list it is, then kept.

A version is the canonical form of its document; every region whose list it is signs that (`trust.party_signature`). A
joint one waits until all have. What was published cannot be changed: the next version names it by its digest, and an
older one, or a second content for the same place in the order, is refused. Whose list it is stays so: no version takes
a list from those who have it, and a party joins with their signatures only.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from adapters.catalog_document import CatalogDocument, read_document
from adapters.layers import check_layers, put_out_of_order
from adapters.tables import Fault
from gateway.errors import (
    CatalogEquivocationError,
    CatalogRollbackError,
    GatewayError,
    InvalidFieldError,
    NotPublisherError,
)
from gateway.services.catalog_signatures import CatalogSignatures, by_region
from gateway.services.catalog_text import read_json
from gateway.services.catalog_version import missing
from trust.party_signature import canonical_bytes, digest_of_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from adapters.taxonomy import Taxonomy
    from gateway.journal import Journal
    from gateway.services.catalog_book import CatalogBook
    from gateway.services.catalog_version import Version
    from gateway.services.ports import Clock
    from trust.errors import TrustError
    from trust.historical_keys import HistoricalKey
    from trust.keys import VerificationKey

_MOST_TOLD = 100
_OVER = "states_a_life_that_is_not_over"


class CatalogShelf(Protocol):
    """Where versions are kept."""

    def keep(
        self, document: CatalogDocument, canonical: bytes, *, signatures: tuple[str, ...], signed_by: frozenset[str]
    ) -> Version:
        """Keep a version, in the place of the same content with fewer signatures (GatewayError where it cannot)."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A document that was read, with its canonical form, and every fault; None where it could not be read at all.

    `out_of_order` names the lists below it that take away what it demands; that is no fault of the document.
    """

    document: CatalogDocument | None
    canonical: bytes = field(repr=False)
    digest: str
    faults: tuple[Fault, ...]
    out_of_order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What publishing would come to: who would have signed, who would still have to, and whether nothing is new."""

    signed_by: tuple[str, ...]
    missing: tuple[str, ...]
    replayed: bool


@dataclass(frozen=True, slots=True)
class Publication:
    """What became of it: the version, the regions that still have to sign it, and whether it was known already."""

    version: Version
    missing: tuple[str, ...]
    replayed: bool


class PublishCatalog:
    """The use case.

    Args:
        book: is told of what is published.
        shelf: keeps it.
        keys: the federation keys that are believed to be those of an entity which stands for a region.
        taxonomy: what items map to.
        clock: Unix time.
        journal: is told of each version.
        ended: the federation keys of such an entity that have ended and were not revoked.
    """

    def __init__(
        self,
        *,
        book: CatalogBook,
        shelf: CatalogShelf,
        keys: Callable[[str, str], Iterable[VerificationKey]],
        taxonomy: Taxonomy,
        clock: Clock,
        journal: Journal,
        ended: Callable[[str, str], Iterable[HistoricalKey]] = lambda _entity, _region: (),
    ) -> None:
        """Take what publishing needs."""
        self._book = book
        self._shelf = shelf
        self._signatures = CatalogSignatures(keys, clock, ended)
        self._taxonomy = taxonomy
        self._clock = clock
        self._journal = journal

    def check(self, text: bytes) -> Checked:
        """Read a document and give every fault of form, rows, layers and order of days; nothing is changed."""
        data = read_json(text)
        document, faults = read_document(data, self._taxonomy)
        if document is None or faults:
            return Checked(document, b"", "", tuple(faults))
        canonical = canonical_bytes(document.plain())
        found = check_layers(document, self._book.surroundings())
        if data != document.plain():
            found.append(Fault(document.head.catalog, 0, "", "normal_form"))
        found += self._days(document)
        below = () if found else put_out_of_order(document, self._book.surroundings(), self._book.document)
        return Checked(document, canonical, digest_of_bytes(canonical), tuple(found), below)

    def _days(self, document: CatalogDocument) -> list[Fault]:
        """A version states how long it lives, and begins no earlier than the one that it replaces."""
        head = document.head
        faults = []
        if head.valid_until <= self._clock():
            faults.append(Fault(head.catalog, 0, "valid_until", _OVER))
        last = self._book.newest(head.catalog)
        before = last.head.effective_from if last is not None and last.digest == head.previous else None
        if before and head.effective_from and head.effective_from < before:
            faults.append(Fault(head.catalog, 0, "effective_from", "not_before_the_version_it_replaces"))
        return faults

    def publish(self, checked: Checked, signatures: Sequence[str], *, region: str) -> Publication:
        """Publish for a region that is one of those whose list it is.

        Raises:
            InvalidFieldError: the document has faults, or the region itself has not signed it.
            NotPublisherError: the list is not the region's.
            CatalogRollbackError, CatalogEquivocationError: it does not follow the version that holds.
            TrustError: a signature does not hold, by the first thing that is wrong with it.
        """
        document = self._sound(checked)
        self._require_owner(document, region)
        self._require_order(checked, document, ours=True)
        return self._take(checked, document, signatures, must=region)

    def rehearse(self, checked: Checked, signatures: Sequence[str], *, region: str) -> Rehearsal:
        """Do all that `publish` does but keep the version (the same errors); nothing is changed.

        A draft has no signature yet: where none is sent, the region's own is supposed, and nothing is said of others.
        """
        document = self._sound(checked)
        self._require_owner(document, region)
        self._require_order(checked, document, ours=True)
        if signatures:
            known, joined = self._joined(checked, document, signatures, must=region)
            signed_by = frozenset(joined)
        else:
            known = self._same(checked, document)
            signed_by = known.signed_by if known else frozenset()
            self._refuse_two_contents(checked, document, signed_by | {region})
        replayed = known is not None and region in signed_by and _nothing_new(known, signed_by)
        left = tuple(one for one in document.head.regions if one not in signed_by)
        return Rehearsal(tuple(sorted(signed_by)), left, replayed)

    def accept(self, checked: Checked, signatures: Sequence[str], *, peer: str) -> Publication:
        """Take a version from a peer's gateway, for lists of the peer's region only (errors as for `publish`).

        One that was signed with a key that has ended since is taken too.
        """
        document = self._sound(checked)
        self._require_owner(document, peer)
        self._require_order(checked, document, ours=False)
        return self._take(checked, document, signatures, must="", past=True)

    def take_up(self, checked: Checked, signatures: Sequence[str]) -> Publication:
        """Take a version that another replica of this gateway has kept, proved like a peer's (errors as for `publish`).

        One whose life is over is taken too: a list that is stale at one replica is so at all, and none goes back to an
        older version.
        """
        document = self._sound(replace(checked, faults=tuple(one for one in checked.faults if one.rule != _OVER)))
        self._require_owner(document, min(self._owners(document), default=""))
        self._require_order(checked, document, ours=False)
        return self._take(checked, document, signatures, must="", past=True)

    def sound_signatures(
        self, catalog: str, digest: str, signatures: Mapping[str, str]
    ) -> tuple[dict[str, str], list[GatewayError | TrustError]]:
        """Give, of what another replica has kept as signatures by region, those that hold, and the faults of others."""
        return self._signatures.sound(catalog, digest, signatures)

    def _sound(self, checked: Checked) -> CatalogDocument:
        """Give the document of what was checked and has no fault (InvalidFieldError names up to 100 faults)."""
        if checked.faults or checked.document is None:
            raise InvalidFieldError(*((_place(fault), fault.rule) for fault in checked.faults[:_MOST_TOLD]))
        return checked.document

    def _require_owner(self, document: CatalogDocument, region: str) -> None:
        """Demand that the list is the region's, by what holds already, and stays that of all who have it."""
        owners = self._owners(document)
        if region not in owners or not owners <= set(document.head.regions):
            raise NotPublisherError(catalog=document.head.catalog)

    def _owners(self, document: CatalogDocument) -> set[str]:
        """Give whose list it is, by what holds already, or by what it says where nothing does."""
        last = self._book.newest(document.head.catalog)
        return set(document.head.regions if last is None else last.head.regions)

    def _require_order(self, checked: Checked, document: CatalogDocument, *, ours: bool) -> None:
        """Demand that it follows the version that holds; the same version again is no step back."""
        head = document.head
        last = self._book.newest(head.catalog)
        if last is None:
            if ours and head.sequence != 1:
                raise CatalogRollbackError(catalog=head.catalog, rule="first_version")
            return
        if any(known.digest == checked.digest for known in self._book.versions(head.catalog)):
            return
        if head.sequence == last.head.sequence:
            raise CatalogEquivocationError(catalog=head.catalog, region=document.items.region)
        if head.sequence < last.head.sequence:
            raise CatalogRollbackError(catalog=head.catalog, rule="newer_than_the_last")
        if head.previous != last.digest and (ours or not last.shipped):
            raise CatalogRollbackError(catalog=head.catalog, rule="replaces_the_last")

    def _joined(
        self,
        checked: Checked,
        document: CatalogDocument,
        signatures: Sequence[str],
        *,
        must: str,
        past: bool = False,
    ) -> tuple[Version | None, dict[str, str]]:
        """Prove the signatures and join them with those known; gives the version known so far, and all by region."""
        proven = self._signatures.proven(document.head, checked.digest, signatures, past=past)
        known = self._same(checked, document)
        joined = {**proven, **(by_region(known) if known else {})}
        if (must and must not in joined) or not joined:
            raise InvalidFieldError(("signatures", "of_the_callers_region" if must else "required"))
        self._refuse_two_contents(checked, document, frozenset(joined))
        return known, joined

    def _take(
        self,
        checked: Checked,
        document: CatalogDocument,
        signatures: Sequence[str],
        *,
        must: str,
        past: bool = False,
    ) -> Publication:
        """Keep the version if anything of it, or of its signatures, is new."""
        known, joined = self._joined(checked, document, signatures, must=must, past=past)
        signed_by = frozenset(joined)
        if known is not None and _nothing_new(known, signed_by):
            return Publication(known, missing(known), replayed=True)
        texts = tuple(joined[region] for region in sorted(joined))
        version = self._shelf.keep(document, checked.canonical, signatures=texts, signed_by=signed_by)
        self._book.add(version)
        left = missing(version)
        catalog = document.head.catalog
        self._journal.event("catalog_published", catalog=catalog, sequence=document.head.sequence, missing=len(left))
        return Publication(version, left, replayed=False)

    def _same(self, checked: Checked, document: CatalogDocument) -> Version | None:
        """Find the version of this very content, if it is known."""
        return next((v for v in self._known(document.head.catalog) if v.digest == checked.digest), None)

    def _known(self, catalog: str) -> tuple[Version, ...]:
        return self._book.versions(catalog) if catalog in self._book.catalogs else ()

    def _refuse_two_contents(self, checked: Checked, document: CatalogDocument, signed_by: frozenset[str]) -> None:
        """Refuse a region's signature of a second content for the same place in the order."""
        for other in self._known(document.head.catalog):
            twice = other.signed_by & signed_by
            if other.head.sequence == document.head.sequence and other.digest != checked.digest and twice:
                raise CatalogEquivocationError(catalog=document.head.catalog, region=min(twice))


def _nothing_new(known: Version, signed_by: frozenset[str]) -> bool:
    """Tell whether a known version has all these signatures already, or needs none."""
    return known.shipped or signed_by == known.signed_by


def _place(fault: Fault) -> str:
    """Name where a fault is, as a path of the request."""
    where = f"document.items[{fault.row}]" if fault.row else "document"
    return f"{where}.{fault.column}" if fault.column else where
