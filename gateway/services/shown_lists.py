"""Catalogs and regions as the public sees them on a day: which version of each holds, and what is too old to show."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from adapters.canonical import LocalizedText
from adapters.catalog import Catalog
from adapters.words import Layer, LegalStatus
from gateway.errors import CatalogStaleError, UnknownCatalogError
from gateway.services.local_home import CHINA_TIME

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from adapters.adapter import ManifestAdapter
    from adapters.card_rules import CardRules
    from adapters.catalog_document import CatalogHead
    from adapters.manifest import Manifest
    from adapters.venues import Venues
    from gateway.services.catalog_version import Version


class Lists(Protocol):
    """All catalogs, version by version; `gateway.services.catalog_book.CatalogBook` is one."""

    @property
    def catalogs(self) -> tuple[str, ...]:
        """The identifiers of all catalogs, sorted; a region's own list has the region's code."""

    def versions(self, catalog: str) -> tuple[Version, ...]:
        """Give all versions by sequence, those that lack a signature last (UnknownCatalogError)."""

    def version(self, catalog: str, digest: str) -> Version:
        """Give one version by its digest (UnknownCatalogError)."""

    def current(self, catalog: str, on: date) -> Version:
        """Give the version that holds on a day (UnknownCatalogError, CatalogStaleError)."""

    def unfollowed(self, head: CatalogHead) -> tuple[str, ...]:
        """Name the regions of a list whose publications are not followed here."""


@dataclass(frozen=True, slots=True)
class ShownList:
    """A catalog as it holds today; where its stated life is over, nothing of it is shown but what it is."""

    version: Version
    stale: bool = False

    @property
    def head(self) -> CatalogHead:
        """What it says of itself."""
        return self.version.head

    @property
    def items(self) -> Catalog:
        """Its items; they may be read only now."""
        return Catalog(self.head.owner, ()) if self.stale else self.version.items

    @property
    def draft(self) -> bool:
        """Whether it is a draft, which authorizes nothing."""
        return self.head.legal_status is LegalStatus.DRAFT


@dataclass(frozen=True, slots=True)
class ShownRegion:
    """A region as the public sees it: its manifest, its rules of the card, its venues, and its own list."""

    manifest: Manifest
    rules: CardRules
    venues: Venues
    own: ShownList

    @classmethod
    def of(cls, adapter: ManifestAdapter, own: ShownList) -> ShownRegion:
        """Take what is public of an installed region."""
        return cls(adapter.manifest, adapter.rules, adapter.venues, own)

    @property
    def code(self) -> str:
        """The region code."""
        return self.manifest.region

    @property
    def name(self) -> LocalizedText:
        """The name of the region."""
        name = self.manifest.name
        return LocalizedText(name.zh_hans, name.zh_hant, name.en, name.pt)

    @property
    def catalog(self) -> Catalog:
        """The items of its own list."""
        return self.own.items

    @property
    def synthetic(self) -> bool:
        """Whether its own list is an example of ours."""
        return self.own.head.synthetic

    @property
    def draft(self) -> bool:
        """Whether its own list is a draft."""
        return self.own.draft


def shown_lists(known: Lists, regions: Collection[str], *, on: date) -> dict[str, ShownList]:
    """Give the catalogs of these regions, the joint ones of any of them and the national ones, as they hold on a day.

    The regions' own come first. One that no party but some have signed is not shown yet.
    """
    found: dict[str, ShownList] = {}
    for name in (*(name for name in known.catalogs if name in regions), *known.catalogs):
        head = known.versions(name)[0].head
        if name in found or not (head.layer is Layer.NATIONAL or set(head.regions) & set(regions)):
            continue
        try:
            found[name] = ShownList(known.current(name, on))
        except CatalogStaleError:
            found[name] = ShownList(known.versions(name)[-1], stale=True)
        except UnknownCatalogError:
            continue
    return found


def published_at(version: Version) -> datetime | None:
    """Tell when a version came into being: when the last party signed it, else when its first day began.

    None for a draft that nobody has signed. The signatures were proven when the version was taken up.
    """
    signed = [int(json.loads(_part(text))["iat"]) for text in version.signatures]
    if signed:
        return datetime.fromtimestamp(max(signed), CHINA_TIME)
    first = version.head.effective_from
    return datetime(first.year, first.month, first.day, tzinfo=CHINA_TIME) if first else None


def _part(text: str) -> bytes:
    """Give the payload of a compact JWS (RFC 7515)."""
    payload = text.split(".")[1]
    return urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
