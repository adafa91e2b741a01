"""CatalogPublicationService: catalogs as signed documents, version by version, and what changes between them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, ClassVar

from adapters.catalog_diff import diff_catalogs
from gateway.errors import InvalidFieldError, LimitError
from gateway.rpc import names
from gateway.rpc.convert import Fields
from gateway.rpc.convert_publication import (
    diff_message,
    fault_messages,
    head_message,
    signed_message,
    version_message,
)
from gateway.services.catalog_version import missing
from onecard.gateway.v1 import catalog_publication_pb2 as told
from onecard.gateway.v1 import catalog_publication_service_pb2 as pb
from trust.encoding import is_sha256

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Sequence
    from datetime import date

    from adapters.catalog_diff import CatalogDiff
    from gateway.rpc.boundary import Call
    from gateway.rpc.days import Days
    from gateway.rpc.paging import Paging
    from gateway.services.catalog_book import CatalogBook
    from gateway.services.catalog_version import Version
    from gateway.services.fold_proposal import FoldProposal
    from gateway.services.publish_catalog import Checked, PublishCatalog

_MOST_UNREAD = 1000
_MOST_KNOWN = 10_000
_READ, _PUBLISH = "catalog.read", "catalog.publish"


class CatalogPublicationServicer:
    """Serves CatalogPublicationService."""

    SERVICE: ClassVar = pb.DESCRIPTOR.services_by_name["CatalogPublicationService"]
    SCOPES: ClassVar = {
        **dict.fromkeys((method.name for method in SERVICE.methods), _READ),
        "PublishCatalog": _PUBLISH,
        "FoldProposal": _PUBLISH,
    }
    WAITS: ClassVar = frozenset({"PublishCatalog", "FoldProposal", "DiffCatalogs"})
    DECIDES: ClassVar = frozenset({"PublishCatalog"})

    def __init__(
        self, *, book: CatalogBook, publish: PublishCatalog, fold: FoldProposal, paging: Paging, days: Days
    ) -> None:
        """Take the versions and the use cases."""
        self._book = book
        self._publish = publish
        self._fold = fold
        self._paging = paging
        self._days = days

    async def list_catalog_versions(
        self, request: pb.ListCatalogVersionsRequest, _call: Call
    ) -> pb.ListCatalogVersionsResponse:
        """List the versions of one catalog or of all."""
        catalog = names.read_catalogs(request.parent, field="parent")
        fields = Fields()
        on = self._days.read(request.as_of, fields)
        fields.finish()
        found = [
            version
            for name in (self._book.catalogs if catalog == names.ALL_REGIONS else (catalog,))
            for version in self._book.versions(name)
        ]
        arguments = f"versions\x1f{request.parent}\x1f{request.as_of}"
        page, token = self._paging.page(found, size=request.page_size, token=request.page_token, arguments=arguments)
        return pb.ListCatalogVersionsResponse(
            versions=[version_message(version, holds=self._holds(version, on)) for version in page],
            next_page_token=token,
        )

    async def get_signed_catalog(self, request: pb.GetSignedCatalogRequest, _call: Call) -> pb.GetSignedCatalogResponse:
        """Get a version by its digest, or the one that holds on a day."""
        fields = Fields()
        on = self._days.read(request.as_of, fields)
        fields.finish()
        if "/versions/" in request.name:
            version = self._book.version(*names.read_version(request.name))
        else:
            version = self._book.current(names.read_catalogs(request.name), on)
        return pb.GetSignedCatalogResponse(catalog=signed_message(version, holds=self._holds(version, on)))

    def _holds(self, version: Version, on: date) -> bool:
        return self._book.holds(version, on)

    async def publish_catalog(self, request: pb.PublishCatalogRequest, call: Call) -> pb.PublishCatalogResponse:
        """Publish a version for the caller's region, or go through all of that but keeping it."""
        if not request.document:
            raise InvalidFieldError(("document", "required"))
        checked = await asyncio.to_thread(self._publish.check, request.document)
        if request.dry_run:
            return self._rehearsed(checked, request.signatures, call)
        done = self._publish.publish(checked, request.signatures, region=call.caller.region)
        holds = self._holds(done.version, self._days.today())
        return pb.PublishCatalogResponse(
            version=version_message(done.version, holds=holds),
            replayed=done.replayed,
            out_of_order=_names(checked.out_of_order),
        )

    def _rehearsed(self, checked: Checked, signatures: Sequence[str], call: Call) -> pb.PublishCatalogResponse:
        """Tell every fault of the document, or else what the version would be (errors as for publishing)."""
        answer = pb.PublishCatalogResponse(
            faults=fault_messages(checked.faults), out_of_order=_names(checked.out_of_order)
        )
        if checked.document is not None and checked.digest:
            answer.version.CopyFrom(head_message(checked.document.head, checked.digest))
        if not checked.faults:
            done = self._publish.rehearse(checked, signatures, region=call.caller.region)
            answer.replayed = done.replayed
            answer.version.missing_signatures[:] = done.missing
            answer.version.signed_by[:] = done.signed_by
        return answer

    async def fold_proposal(self, request: pb.FoldProposalRequest, call: Call) -> pb.FoldProposalResponse:
        """Make the next version of a joint catalog of what districts propose."""
        fields = Fields()
        name = names.note(fields, names.read_catalogs, request.name)
        for field in ("proposal", "division_codes", "items"):
            if not getattr(request, field):
                fields.add(field, "required")
        fields.finish()
        folded = await asyncio.to_thread(
            self._fold,
            name,
            proposal=request.proposal,
            divisions=tuple(request.division_codes),
            table=request.items,
            valid_until=request.valid_until,
            region=call.caller.region,
        )
        return pb.FoldProposalResponse(
            document=folded.canonical, digest=folded.digest, faults=fault_messages(folded.faults)
        )

    async def diff_catalogs(self, request: pb.DiffCatalogsRequest, _call: Call) -> pb.DiffCatalogsResponse:
        """Say what differs between two versions."""
        fields = Fields()
        for field in ("before", "after"):
            if not getattr(request, field):
                fields.add(field, "required")
        fields.finish()
        before, after = (
            self._book.version(*names.read_version(name, field=field))
            for field, name in (("before", request.before), ("after", request.after))
        )
        diff = await asyncio.to_thread(_diff, before, after)
        return pb.DiffCatalogsResponse(diff=diff_message(diff, before, after))

    async def watch_catalogs(
        self, request: pb.WatchCatalogsRequest, _call: Call
    ) -> AsyncGenerator[pb.WatchCatalogsResponse]:
        """Tell of versions as they come, after those that the caller does not have."""
        wanted = frozenset(names.read_catalogs(name, field="names") for name in request.names)
        if len(request.known_digests) > _MOST_KNOWN:
            raise InvalidFieldError(("known_digests", f"at_most_{_MOST_KNOWN}"))
        known = frozenset(request.known_digests)
        if not all(map(is_sha256, known)):
            raise InvalidFieldError(("known_digests", "form"))
        news = _News(self._book, wanted)
        try:
            for version in self._told_first(wanted, known):
                yield self._event(version, told.CATALOG_EVENT_KIND_KNOWN, documents=request.documents)
            while True:
                version = await news.next()
                kind = told.CATALOG_EVENT_KIND_PENDING if missing(version) else told.CATALOG_EVENT_KIND_COMPLETE
                yield self._event(version, kind, documents=request.documents)
        finally:
            news.close()

    def _told_first(self, wanted: frozenset[str], known: frozenset[str]) -> Iterator[Version]:
        """Give what is there already: all versions that are not shipped, less those that the caller has whole."""
        for version in tuple(self._book.all_versions()):
            if (not wanted or version.head.catalog in wanted) and version.digest not in known:
                yield version

    def _event(
        self, version: Version, kind: told.CatalogEventKind.ValueType, *, documents: bool
    ) -> pb.WatchCatalogsResponse:
        holds = self._holds(version, self._days.today())
        return pb.WatchCatalogsResponse(kind=kind, catalog=signed_message(version, holds=holds, document=documents))


def _names(catalogs: Sequence[str]) -> list[str]:
    """Give the resource names of catalogs."""
    return [f"catalogs/{catalog}" for catalog in catalogs]


def _diff(before: Version, after: Version) -> CatalogDiff:
    """Compare two versions; reading them may take a while, so it is done beside the loop."""
    return diff_catalogs(before.document(), after.document())


class _News:
    """Versions that one reader has not read yet; who falls too far behind is let go (LimitError)."""

    def __init__(self, book: CatalogBook, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self._unread: deque[Version] = deque()
        self._more = asyncio.Event()
        self._end = book.on_change(self._add)

    def _add(self, version: Version) -> None:
        if not self._wanted or version.head.catalog in self._wanted:
            self._unread.append(version)
            self._more.set()

    async def next(self) -> Version:
        """Wait for the next one."""
        while not self._unread:
            self._more.clear()
            await self._more.wait()
        if len(self._unread) > _MOST_UNREAD:
            raise LimitError(limit=f"{_MOST_UNREAD}_events_unread")
        return self._unread.popleft()

    def close(self) -> None:
        """Hear nothing more."""
        self._end()
