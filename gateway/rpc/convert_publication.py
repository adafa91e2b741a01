"""Versions of catalogs as messages of the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.rpc.convert import timestamp
from gateway.rpc.convert_catalog import LAYER, LEGAL_STATUS, item_message, text_message
from gateway.services.catalog_version import missing
from onecard.gateway.v1 import catalog_publication_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.catalog_diff import CatalogDiff, FieldChange
    from adapters.catalog_document import CatalogHead
    from adapters.tables import Fault
    from gateway.services.catalog_version import Version


def head_message(head: CatalogHead, digest: str) -> pb.CatalogVersion:
    """Make what a document says of itself."""
    message = pb.CatalogVersion(
        name=f"catalogs/{head.catalog}/versions/{digest}",
        catalog=head.catalog,
        title=text_message(head.name),
        layer=LAYER[head.layer],
        regions=head.regions,
        division_code=head.division,
        extends=head.extends,
        sequence=head.sequence,
        digest=digest,
        previous_digest=head.previous,
        legal_status=LEGAL_STATUS[head.legal_status],
        effective_from=head.effective_from.isoformat() if head.effective_from else "",
        effective_to=head.effective_to.isoformat() if head.effective_to else "",
        synthetic=head.synthetic,
        missing_signatures=head.regions,
    )
    if head.valid_until:
        message.valid_until.CopyFrom(timestamp(head.valid_until))
    return message


def version_message(version: Version, *, holds: bool) -> pb.CatalogVersion:
    """Make a version with who has signed it."""
    message = head_message(version.head, version.digest)
    message.shipped = version.shipped
    message.holds = holds
    del message.missing_signatures[:]
    message.missing_signatures.extend(missing(version))
    message.signed_by.extend(sorted(version.signed_by))
    return message


def signed_message(version: Version, *, holds: bool, document: bool = True) -> pb.SignedCatalog:
    """Make a version, with its canonical form and signatures where they are wanted."""
    message = pb.SignedCatalog(version=version_message(version, holds=holds))
    if document:
        message.document = version.canonical()
        message.signatures.extend(version.signatures)
    return message


def fault_messages(faults: Iterable[Fault]) -> list[pb.CatalogFault]:
    """Make all faults of a document."""
    return [pb.CatalogFault(row=fault.row, column=fault.column, rule=fault.rule) for fault in faults]


def diff_message(diff: CatalogDiff, before: Version, after: Version) -> pb.CatalogDiff:
    """Make everything that differs between two versions."""
    message = pb.CatalogDiff(
        before=version_message(before, holds=False),
        after=version_message(after, holds=False),
        head=[_change(change) for change in diff.head],
        added=[item_message(item) for item in diff.added],
        removed=[item_message(item) for item in diff.removed],
        summary=[text_message(text) for text in diff.summary],
    )
    for changed in diff.changed:
        message.changed.add(item=item_message(changed.item), fields=[_change(change) for change in changed.fields])
    return message


def _change(change: FieldChange) -> pb.FieldChange:
    return pb.FieldChange(
        field=change.field, before=change.before, after=change.after, sentence=text_message(change.sentence)
    )
