"""Replicas of one gateway answer by the same catalogs: what is published at one, the others take up.

Each tells the store of every version that it keeps, whether it was published here or came from a peer, and of each
signature that a version gains. What the others have told it proves like what comes from a peer: signatures, owners,
order and content. The store is no authority: each signature is proved by itself and before anything else is read, so
that what somebody else has put there costs little and takes nothing away; what is not there any more is told again.
What is not believed now is left, and tried again; what is known already adds nothing, so that no word goes round in a
circle.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from adapters.catalog_document import is_catalog_id
from gateway.errors import DigestMismatchError, GatewayError, InvalidFieldError, SettingsError
from gateway.federation.catalogs_told import Told
from gateway.federation.lasting_faults import LastingFaults
from gateway.services.catalog_signatures import by_region
from trust.errors import (
    ForeignKeyError,
    NotYetValidError,
    TrustError,
    TrustExpiredError,
    UnknownIssuerError,
    UnknownKeyError,
)
from trust.party_signature import digest_of_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.federation.catalogs_told import SharedCatalogs
    from gateway.journal import Journal
    from gateway.services.catalog_book import CatalogBook
    from gateway.services.catalog_version import Version
    from gateway.services.publish_catalog import PublishCatalog

_RETRY_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 3.0
"""How often a replica looks without any word, which may be lost."""

_LATER: Final = (
    ForeignKeyError,
    NotYetValidError,
    TrustExpiredError,
    UnknownIssuerError,
    UnknownKeyError,
    SettingsError,
)
"""Why a version is not taken now, and may be without any word from another replica."""


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
        self._book = book
        self._publish = publish
        self._journal = journal
        self._known: set[tuple[str, str]] = set()
        self._stored: set[tuple[str, str]] = set()
        self._untold: dict[str, Version] = {}
        self._refused: dict[int, int] = {}
        self._said: dict[tuple[str, str, str], str] = {}
        self._faults = LastingFaults(journal)
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
        await self._look()

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
                    self._faults.over("replica_not_told")
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
        """Look every few seconds, for ever: a word may be lost with who has it, and beliefs come by themselves."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self._look()

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
            self._event("catalog_unreadable", told, str(error), fault=str(error))
            return
        passed_over = await self._shared.keep(told, document)
        self._stored |= told.marks
        if passed_over:
            regions = " ".join(passed_over)
            self._event("replica_catalog_passed_over", told, regions, sequence=head.sequence, regions=regions)

    async def _look(self) -> None:
        """Take up what is new; tells once of a store that is away."""
        try:
            await self._take_up()
        except GatewayError as error:
            self._faults.tell("replica_not_heard", error)

    async def _take_up(self) -> None:
        """Take what is new of what others have told (StoreUnavailableError).

        By sequence; what was refused is tried again as long as others are taken, for which it may have waited.
        """
        async with self._hearing:
            told = await self._shared.told()
            self._compare(told)
            left = [one for one in told if self._refused.get(one.content) != self._book.revision]
            before = -1
            while left and before != self._book.revision:
                before = self._book.revision
                left = [one for one in left if not await self._take(one)]
        self._faults.over("replica_not_heard")

    def _compare(self, told: Sequence[Told]) -> None:
        """Go by what is there now: forget of what is not, and tell again what was lost there.

        A place that has another content is left: of two the first counts.
        """
        self._stored = {mark for one in told if one.whole for mark in one.marks}
        places = {(one.catalog, one.sequence, region): one.digest for one in told for region in one.signatures}
        versions = tuple(self._book.all_versions())
        for version in versions:
            head = version.head
            if any(
                places.get((head.catalog, head.sequence, region), digest) == digest
                for digest, region in _marks(version)
                if (digest, region) not in self._stored
            ):
                self._note(version)
        contents = {one.content for one in told}
        self._refused = {content: at for content, at in self._refused.items() if content in contents}
        digests = {one.digest for one in told} | {version.digest for version in versions}
        self._said = {place: said for place, said in self._said.items() if place[2] in digests}

    async def _take(self, told: Told) -> bool:
        """Take what holds of a version, or tell why not; tells whether it is done with (StoreUnavailableError)."""
        new = {region: text for region, text in told.signatures.items() if (told.digest, region) not in self._known}
        if not new:
            return True
        await asyncio.sleep(0)  # many that do not hold must not keep calls waiting
        sound, faults = self._publish.sound_signatures(told.catalog, told.digest, new)
        if sound:
            document = await self._shared.document(told.digest)
            try:
                await self._take_sound(told, document, sound)
            except (GatewayError, TrustError) as error:
                faults.insert(0, error)
        if not faults:
            self._said.pop(("replica_catalog_skipped", told.catalog, told.digest), None)
            return True
        why = type(faults[0]).__name__
        self._event("replica_catalog_skipped", told, why, error=why)
        if not any(isinstance(fault, _LATER) for fault in faults):
            self._refused[told.content] = self._book.revision
        return False

    async def _take_sound(self, told: Told, document: bytes, signatures: dict[str, str]) -> None:
        """Take a version with those of its signatures that hold (GatewayError, TrustError)."""
        if digest_of_bytes(document) != told.digest:
            raise DigestMismatchError
        checked = await asyncio.to_thread(self._publish.check, document)
        regions = signatures if checked.document is None else checked.document.head.regions
        own = {region: text for region, text in signatures.items() if region in regions}
        # What is proven here stays proven, whatever has become of its key since; all may have come another way.
        new = [text for region, text in own.items() if (told.digest, region) not in self._known]
        if new:
            self._publish.take_up(checked, new)
        self._known |= {(told.digest, region) for region in own}
        if len(own) < len(signatures):
            raise InvalidFieldError(("signatures", "of_this_document_by_its_regions"))

    def _event(self, event: str, told: Told, what: str, **fields: str | float) -> None:
        """Tell something of a version, and again only where it is something else."""
        place = event, told.catalog, told.digest
        if self._said.get(place) != what:
            self._said[place] = what
            # What stands in the store may be anything.
            self._journal.event(event, catalog=told.catalog if is_catalog_id(told.catalog) else "", **fields)

    async def _wait_out(self, event: str, error: GatewayError) -> None:
        """Tell of a fault, and wait a little."""
        self._faults.tell(event, error)
        await asyncio.sleep(_RETRY_SECONDS)


def _marks(version: Version) -> Iterable[tuple[str, str]]:
    """Pair a version with each region that has signed it."""
    return ((version.digest, region) for region in version.signed_by)
