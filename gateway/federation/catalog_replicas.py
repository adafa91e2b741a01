"""Replicas of one gateway answer by the same catalogs: what is published at one, the others take up.

Each tells the store of every version that it keeps, whether it was published here or came from a peer, and of each
signature that a version gains. What the others have told it proves like what comes from a peer: signatures, owners,
order and content. The store is no authority. What is not believed now is left, and tried again; what is known already
adds nothing, so that no word goes round in a circle.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import DigestMismatchError, GatewayError, SettingsError
from gateway.services.catalog_signatures import by_region
from trust.errors import ForeignKeyError, TrustError, TrustExpiredError, UnknownIssuerError, UnknownKeyError
from trust.party_signature import digest_of_bytes

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence

    from gateway.journal import Journal
    from gateway.services.catalog_book import CatalogBook
    from gateway.services.catalog_version import Version
    from gateway.services.publish_catalog import Checked, PublishCatalog

_RETRY_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 1.0
_LAST_AGAIN_SECONDS: Final = 30.0
_LATER: Final = (ForeignKeyError, TrustExpiredError, UnknownIssuerError, UnknownKeyError, SettingsError)
"""Why a version is not taken now, and may be without any word from another replica."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A version as replicas share it: list and number, digest of its canonical form, and its signatures by region."""

    catalog: str
    sequence: int
    digest: str
    signatures: dict[str, str]

    @property
    def marks(self) -> frozenset[tuple[str, str]]:
        """Who has signed what."""
        return frozenset((self.digest, region) for region in self.signatures)


class SharedCatalogs(Protocol):
    """What replicas share; `gateway.store.shared_catalogs` keeps it. Every method may raise StoreUnavailableError."""

    async def told(self) -> Sequence[Told]:
        """Give all versions with their signatures, by catalog and sequence."""

    async def document(self, digest: str) -> bytes:
        """Give what was kept under a digest, empty where there is nothing."""

    async def keep(self, told: Told, document: bytes) -> None:
        """Keep a version and the signatures that it has more than before; of each region one for a number."""

    def listen(self) -> AsyncGenerator[str]:
        """Give a word whenever another replica may have told something."""


class CatalogReplicas:
    """Keeps the catalogs of a replica in step with those of the others.

    Args:
        shared: what they share.
        book: the versions that are known here; those that it has already are told too.
        publish: proves and takes what others have told.
        journal: is told what cannot be shared or taken up.
    """

    def __init__(self, shared: SharedCatalogs, *, book: CatalogBook, publish: PublishCatalog, journal: Journal) -> None:
        """Begin without having told or heard anything."""
        self._shared = shared
        self._publish = publish
        self._journal = journal
        self._known: set[tuple[str, str]] = set()
        self._stored: set[tuple[str, str]] = set()
        self._untold: dict[str, Version] = {}
        self._skipped: dict[str, str] = {}
        self._later = False
        self._more = asyncio.Event()
        self._hearing = asyncio.Lock()
        for version in book.all_versions():
            self._note(version)
        book.on_change(self._note)

    async def start(self) -> None:
        """Take up what the others have published, before anything is served (StoreUnavailableError)."""
        await self._take_up()

    async def settle(self) -> None:
        """Try again what was not believed at the start, once others are; a store that is away is told of."""
        await self._try_again()

    async def tell(self) -> None:
        """Tell the others what is published here, for ever."""
        while True:
            await self._more.wait()
            self._more.clear()
            while self._untold:
                version = next(iter(self._untold.values()))
                try:
                    await self._tell(version)
                except GatewayError as error:
                    await self._wait_out("replica_not_told", error)
                else:
                    # Meanwhile it may have gained a signature.
                    if self._untold[version.digest] is version:
                        del self._untold[version.digest]

    async def hear(self) -> None:
        """Take up what the others tell, for ever."""
        while True:
            try:
                async with aclosing(self._shared.listen()) as words:
                    async for _ in words:
                        await self._take_up()
            except GatewayError as error:
                await self._wait_out("replica_not_heard", error)

    async def again(self) -> None:
        """Try again and again what is not believed yet, less and less often, for ever."""
        wait = _AGAIN_SECONDS
        while True:
            await asyncio.sleep(wait)
            await self._try_again()
            wait = min(wait * 2, _LAST_AGAIN_SECONDS) if self._later else _AGAIN_SECONDS

    def _note(self, version: Version) -> None:
        """Hear of a version that is kept here, wherever it came from."""
        self._known.update(_marks(version))
        self._untold[version.digest] = version
        self._more.set()

    async def _tell(self, version: Version) -> None:
        """Share a version, unless all of it is shared already (StoreUnavailableError)."""
        if self._stored.issuperset(_marks(version)):
            return
        head, signatures = version.head, by_region(version)
        told = Told(catalog=head.catalog, sequence=head.sequence, digest=version.digest, signatures=signatures)
        try:
            document = await asyncio.to_thread(version.canonical)
        except SettingsError as error:
            self._journal.event("catalog_unreadable", catalog=head.catalog, fault=str(error))
            return
        await self._shared.keep(told, document)
        self._stored |= told.marks

    async def _try_again(self) -> None:
        if not self._later:
            return
        try:
            await self._take_up()
        except GatewayError as error:
            self._journal.event("replica_not_heard", error=type(error).__name__)

    async def _take_up(self) -> None:
        """Take what is new of what others have told (StoreUnavailableError).

        By sequence; what was refused is tried again as long as others are taken, for which it may have waited.
        """
        async with self._hearing:
            told = await self._shared.told()
            self._stored.update(mark for one in told for mark in one.marks)
            left = [one for one in told if not self._known.issuperset(one.marks)]
            before = len(left) + 1
            while 0 < len(left) < before:
                before, self._later = len(left), False
                left = [one for one in left if not await self._take(one)]
            self._later = self._later and bool(left)

    async def _take(self, told: Told) -> bool:
        """Take one version, or tell why not; tells whether it is done with (StoreUnavailableError)."""
        document, checked = await self._shared.document(told.digest), None
        try:
            if digest_of_bytes(document) != told.digest:
                raise DigestMismatchError
            checked = await asyncio.to_thread(self._publish.check, document)
            # What is proven here stays proven, whatever has become of its key since; all may have come another way.
            new = [text for region, text in told.signatures.items() if (told.digest, region) not in self._known]
            if new:
                self._publish.take_up(checked, new)
        except (GatewayError, TrustError) as error:
            self._later = self._later or isinstance(error, _LATER)
            self._skip(told.digest, _catalog(checked), type(error).__name__)
            return False
        self._known |= told.marks
        self._skipped.pop(told.digest, None)
        return True

    def _skip(self, digest: str, catalog: str, error: str) -> None:
        """Tell what is not taken up, and why, once."""
        if self._skipped.get(digest) != error:
            self._skipped[digest] = error
            self._journal.event("replica_catalog_skipped", catalog=catalog, error=error)

    async def _wait_out(self, event: str, error: GatewayError) -> None:
        """Tell of a fault, and wait a little."""
        self._journal.event(event, error=type(error).__name__)
        await asyncio.sleep(_RETRY_SECONDS)


def _marks(version: Version) -> Iterable[tuple[str, str]]:
    """Pair a version with each region that has signed it."""
    return ((version.digest, region) for region in version.signed_by)


def _catalog(checked: Checked | None) -> str:
    """Name the catalog of a document, "" for one that cannot be read."""
    return "" if checked is None or checked.document is None else checked.document.head.catalog
