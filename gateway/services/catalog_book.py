"""All catalogs that a node knows, version by version, and which version of each holds on a day.

A version holds once every region whose list it is has signed it, from its first day on, until a later one does. Those
that ship with the program need no signature. A draft is shown where nothing holds, and authorizes nothing. A version
that was fetched has a stated life; after it nobody may rest on it (`CatalogStaleError`), and no older one comes back
in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.equivalence import Catalogs
from adapters.errors import UnknownRegionError
from adapters.layers import Surroundings, effective_items
from adapters.venues import division_stem
from adapters.words import Layer, LegalStatus
from gateway.errors import CatalogStaleError, UnknownCatalogError
from gateway.services.catalog_version import ShippedVersion, missing
from gateway.services.local_home import china_day
from trust.party_signature import canonical_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date

    from adapters.catalog import Catalog
    from adapters.catalog_document import CatalogDocument, CatalogHead
    from adapters.layers import EffectiveItem
    from adapters.registry import Registry
    from gateway.services.catalog_version import Version
    from gateway.services.ports import Clock

_MOST_PENDING = 4
"""Of one catalog, signed by the same regions: nobody's drafts put those of another away."""


class CatalogBook(Catalogs):
    """The versions, by catalog; those of the registry to begin with."""

    def __init__(self, registry: Registry, *, clock: Clock) -> None:
        """Begin with what ships."""
        self._registry = registry
        self._clock = clock
        self._complete: dict[str, list[Version]] = {}
        self._pending: dict[str, dict[str, Version]] = {}
        self._listeners: list[Callable[[Version], None]] = []
        self._revision = 0
        self._state = (-1, "")
        self._followed: frozenset[str] | None = None
        for name, document in registry.documents.items():
            self._complete[name] = [ShippedVersion(document, canonical_digest(document.plain()))]

    def lead(self) -> None:
        """Have the regions' adapters give what this book holds today, from now on."""
        for adapter in self._registry:
            adapter.follow(_Follower(self, adapter.region))

    @property
    def revision(self) -> int:
        """Count the changes."""
        return self._revision

    @property
    def state(self) -> str:
        """Name what is known now: the same at every replica that knows the same versions, however they came to it."""
        revision, told = self._state
        if revision != self._revision:
            versions = (version for catalog in self.catalogs for version in self.versions(catalog))
            words = [" ".join((version.digest, *sorted(version.signed_by))) for version in versions]
            told = canonical_digest({"versions": words})
            self._state = self._revision, told
        return told

    def follow_only(self, regions: Iterable[str]) -> None:
        """Say whose publications are followed here: those of our homes, and of those with whom one has an agreement."""
        self._followed = frozenset(regions)
        self._revision += 1

    def unfollowed(self, head: CatalogHead) -> tuple[str, ...]:
        """Name the regions of a list whose publications are not followed here: it may have changed without our knowing.

        Trust does not go on from one agreement to the next, so that their signatures cannot be proved here either.
        """
        return () if self._followed is None else tuple(r for r in head.regions if r not in self._followed)

    @property
    def catalogs(self) -> tuple[str, ...]:
        """The identifiers of all catalogs, sorted."""
        return tuple(sorted({*self._complete, *self._pending}))

    def today(self) -> date:
        """Give today in China."""
        return china_day(self._clock())

    def versions(self, catalog: str) -> tuple[Version, ...]:
        """Give all versions of a catalog, by sequence; those that lack a signature last (UnknownCatalogError)."""
        pending = sorted(self._pending.get(catalog, {}).values(), key=lambda v: (v.head.sequence, v.digest))
        found = (*self._complete.get(catalog, ()), *pending)
        if not found:
            raise UnknownCatalogError
        return found

    def version(self, catalog: str, digest: str) -> Version:
        """Give one version by its digest (UnknownCatalogError)."""
        for version in self.versions(catalog):
            if version.digest == digest:
                return version
        raise UnknownCatalogError

    def newest(self, catalog: str) -> Version | None:
        """Give the last version that every party has signed, whether its day has come or not."""
        known = self._complete.get(catalog)
        return known[-1] if known else None

    def document(self, catalog: str) -> CatalogDocument:
        """Give the last version that every party has signed as a document (UnknownCatalogError)."""
        newest = self.newest(catalog)
        if newest is None:
            raise UnknownCatalogError
        return newest.document()

    def current(self, catalog: str, on: date) -> Version:
        """Give the version that holds on a day, else the newest draft, else the first.

        Raises:
            UnknownCatalogError: none is complete.
            CatalogStaleError: its stated life is over.
        """
        known = self._complete.get(catalog)
        if not known:
            raise UnknownCatalogError
        begun = [v for v in known if v.head.effective_from is not None and v.head.effective_from <= on]
        drafts = [v for v in known if v.head.legal_status is LegalStatus.DRAFT]
        found = (begun or drafts or known[:1])[-1]
        if 0 < found.head.valid_until < self._clock():
            raise CatalogStaleError(catalog=catalog)
        return found

    def holds(self, version: Version, on: date) -> bool:
        """Tell whether a version is the one that holds on a day; one whose life is over holds for nobody."""
        try:
            return self.current(version.head.catalog, on).digest == version.digest and version.head.in_effect(on)
        except (UnknownCatalogError, CatalogStaleError):
            return False

    def on(self, region: str, day: date) -> Catalog:
        """Give a catalog's items on a day; a region's own list has the region's code (UnknownRegionError)."""
        try:
            return self.current(region, day).items
        except UnknownCatalogError:
            raise UnknownRegionError from None

    def add(self, version: Version) -> None:
        """Keep a version, in the place of the same content with fewer signatures; who listens is told."""
        catalog = version.head.catalog
        pending = self._pending.setdefault(catalog, {})
        if missing(version):
            pending[version.digest] = version
            alike = [digest for digest, v in pending.items() if v.signed_by == version.signed_by]
            for digest in alike[:-_MOST_PENDING]:
                del pending[digest]
        else:
            kept = [v for v in self._complete.get(catalog, []) if v.head.sequence != version.head.sequence]
            self._complete[catalog] = sorted([*kept, version], key=lambda v: v.head.sequence)
            self._pending[catalog] = {
                digest: v for digest, v in pending.items() if v.head.sequence > version.head.sequence
            }
        self._pending = {name: held for name, held in self._pending.items() if held}
        self._revision += 1
        for tell in tuple(self._listeners):
            tell(version)

    def on_change(self, tell: Callable[[Version], None]) -> Callable[[], None]:
        """Tell of each version from now on; what is given back ends that."""
        self._listeners.append(tell)
        return lambda: self._listeners.remove(tell)

    def all_versions(self) -> Iterator[Version]:
        """Go through all versions that are not shipped, catalog by catalog."""
        for catalog in self.catalogs:
            yield from (version for version in self.versions(catalog) if not version.shipped)

    def surroundings(self) -> Surroundings:
        """Give what a new version is checked against: the newest complete version of every other catalog."""
        around = self._registry.surroundings
        newest = {name: known[-1] for name, known in self._complete.items()}
        return Surroundings(newest, around.divisions, around.rules)

    def stack(self, region: str, division: str, on: date) -> tuple[Version, ...]:
        """Give the layers that apply in a region, or at a division of it, highest first (UnknownRegionError).

        A list that is not in effect on the day, or whose life is over, is left out; the region's own is refused then.
        """
        self._registry.get(region)
        own = self.current(region, on)
        stem = division_stem(division) if division else ""
        lists = [
            name
            for name, known in self._complete.items()
            if (head := known[-1].head).layer in {Layer.CITY, Layer.SUPPLEMENTARY}
            and name != region
            and head.regions == (region,)
            and stem
            and stem.startswith(division_stem(head.division))
        ]
        above: list[Version] = []
        name = own.head.extends
        while name and len(above) < len(self._complete):
            above[:0] = self._usable((name,), on)
            name = self._complete[name][-1].head.extends if name in self._complete else ""
        below = sorted(self._usable(lists, on), key=lambda v: (v.head.layer is Layer.SUPPLEMENTARY, v.head.catalog))
        return (*above, own, *below)

    def _usable(self, names: Iterable[str], on: date) -> list[Version]:
        found = []
        for name in names:
            try:
                found.append(self.current(name, on))
            except (UnknownCatalogError, CatalogStaleError):
                continue
        return found

    def effective(self, region: str, division: str, on: date) -> tuple[EffectiveItem, ...]:
        """Give what applies at a place on a day, layer on layer (UnknownRegionError)."""
        return effective_items(self.stack(region, division, on), on=on)

    def joint(self, region: str, on: date) -> tuple[Version, ...]:
        """Give the joint catalogs beside a region's layers, those in effect on a day."""
        names = [
            name
            for name, known in sorted(self._complete.items())
            if known[-1].head.layer is Layer.JOINT and region in known[-1].head.regions
        ]
        return tuple(version for version in self._usable(names, on) if version.head.in_effect(on))


class _Follower:
    """Gives a region's items as they are known today."""

    __slots__ = ("_book", "_region")

    def __init__(self, book: CatalogBook, region: str) -> None:
        self._book = book
        self._region = region

    def __call__(self) -> Catalog:
        return self._book.on(self._region, self._book.today())
