"""Checks what a region's folder promises, clause by clause, so that its author need not read our tests.

Pure: texts in, findings out. `read_region` of `gateway.adapter_vectors` gives the texts of an installed region.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

from pydantic import ValidationError

from adapters.adapter import ManifestAdapter
from adapters.catalog import parse_catalog
from adapters.errors import AdapterError, RegionDataError
from adapters.manifest import parse_manifest
from adapters.words import CardStatus
from gateway.adapter_findings import CLAUSES, Finding, differing, error_words, finding
from gateway.adapter_mirror import check_mirror
from gateway.adapter_vectors import Vectors, neutral_fields

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.canonical import ApplicationItem
    from adapters.catalog import Catalog
    from adapters.manifest import Manifest
    from adapters.taxonomy import Taxonomy
    from gateway.adapter_vectors import Reading, Refusal, RegionFolder, RoundTrip

_LONGEST_WORD = 3
"""Characters up to which a value may also stand in a sentence by chance."""

__all__ = ["CLAUSES", "Finding", "check_region"]


def check_region(folder: RegionFolder, taxonomy: Taxonomy) -> list[Finding]:
    """Check a region whole; what is wrong in the folder becomes a finding and never an error.

    Returns:
        At least one finding for each clause that could be checked, in the order of CLAUSES.
    """
    found = [Finding("files", name, fault) for name, fault in folder.faults] or [Finding("files", "all readable")]
    manifest = _manifest(folder, found)
    catalog = _catalog(folder, taxonomy, found)
    vectors = _vectors(folder, found)
    adapter = None if manifest is None or catalog is None else _adapter(folder, manifest, catalog, found)
    if adapter is not None:
        found += _items(adapter)
    if adapter is not None and vectors is not None:
        found += [*_statuses(adapter, vectors), *_records(adapter, vectors), *check_mirror(adapter, vectors)]
    return sorted(found, key=lambda one: CLAUSES.index(one.clause))


def _manifest(folder: RegionFolder, found: list[Finding]) -> Manifest | None:
    try:
        manifest = parse_manifest(folder.region, folder.manifest)
    except RegionDataError as error:
        found += [Finding("manifest", *_split(fault)) for fault in error.metadata["rule"].split("; ")]
        return None
    found.append(Finding("manifest", f"{len(manifest.identity.field)} fields"))
    return manifest


def _split(fault: str) -> tuple[str, str]:
    """Part a fault of the manifest into its place and the rule."""
    place, _, rule = fault.rpartition(": ")
    return place or "whole", rule


def _catalog(folder: RegionFolder, taxonomy: Taxonomy, found: list[Finding]) -> Catalog | None:
    catalog, faults = parse_catalog(folder.region, folder.catalog, taxonomy)
    found += [Finding("catalog", f"row {fault.row} {fault.column}".rstrip(), fault.rule) for fault in faults]
    if catalog is not None:
        found.append(Finding("catalog", f"{len(catalog)} items"))
    return catalog


def _vectors(folder: RegionFolder, found: list[Finding]) -> Vectors | None:
    try:
        vectors = Vectors.model_validate(json.loads(folder.vectors))
    except ValidationError as error:
        found += [Finding("vectors", ".".join(map(str, e["loc"])), e["msg"]) for e in error.errors()]
        return None
    except ValueError:
        found.append(Finding("vectors", "whole", "not JSON"))
        return None
    names = Counter([*(one.id for one in vectors.round_trips), *(one.id for one in vectors.readings)])
    names.update(one.id for one in vectors.refusals)
    twice = [Finding("vectors", name, "the id stands twice") for name, count in names.items() if count > 1]
    found += twice or [Finding("vectors", f"{len(vectors.round_trips)} round trips, {len(vectors.refusals)} refusals")]
    return vectors


def _adapter(
    folder: RegionFolder, manifest: Manifest, catalog: Catalog, found: list[Finding]
) -> ManifestAdapter | None:
    """Put the parts together as the registry does; only the options of the authentication scheme can still be wrong."""
    try:
        return ManifestAdapter(manifest, catalog, folder.translator)
    except RegionDataError as error:
        found.append(Finding("manifest", "platform.auth", error_words(error)))
        return None


def _items(adapter: ManifestAdapter) -> Iterable[Finding]:
    """Each item of the catalog, written by the region's field names, names that item."""
    for item in adapter.catalog:
        yield finding("items", item.item, partial(_item, adapter, item))


def _item(adapter: ManifestAdapter, item: ApplicationItem) -> str:
    return "" if adapter.item_to_canonical(adapter.item_from_canonical(item)) == item else "names another item"


def _statuses(adapter: ManifestAdapter, vectors: Vectors) -> Iterable[Finding]:
    """Each status that the table can say, and one that it cannot, has a round trip."""
    told = {one.told.get("card.status") for one in vectors.round_trips}
    for status in sorted({*adapter.manifest.tables.card_status.values(), CardStatus.UNKNOWN}):
        yield Finding("statuses", status.value, "" if status.value in told else "no round trip has it")


def _records(adapter: ManifestAdapter, vectors: Vectors) -> Iterable[Finding]:
    """Read, write and refuse every record of the vectors."""
    for reading in (*vectors.round_trips, *vectors.readings):
        yield finding("record read", reading.id, partial(_read, adapter, reading))
    for trip in vectors.round_trips:
        yield finding("record written", trip.id, partial(_written, adapter, trip))
        yield finding("text of a record", trip.id, partial(_text, adapter, trip))
    for refusal in vectors.refusals:
        yield finding("refusals", refusal.id, partial(_refused, adapter, refusal))


def _read(adapter: ManifestAdapter, case: Reading) -> str:
    return differing(neutral_fields(adapter.identity_to_canonical(case.record)), case.told)


def _written(adapter: ManifestAdapter, case: RoundTrip) -> str:
    """The neutral form becomes the record again, less the losses that the vector states, and no others."""
    written = adapter.identity_from_canonical(adapter.identity_to_canonical(case.record))
    losses = differing({loss.field: loss.kind.value for loss in written.losses}, {**case.losses})
    gone = {key for spec in adapter.manifest.identity.field if spec.path in case.losses for key in spec.keys}
    kept = {key: text for key, text in case.record.items() if key not in gone}
    return f"what is lost {losses}" if losses else differing({**written.fields}, {**kept})


def _text(adapter: ManifestAdapter, case: RoundTrip) -> str:
    return differing({**adapter.parse_text(adapter.write_text(case.record))}, {**case.record})


def _refused(adapter: ManifestAdapter, case: Refusal) -> str:
    """The record is refused with the error, the field and the rule that the vector states, and repeats no value."""
    try:
        adapter.identity_to_canonical(case.record)
    except AdapterError as error:
        if any(len(text) > _LONGEST_WORD and text in str(error) for text in case.record.values()):
            return "the error repeats a value of the record"
        told = {"error": type(error).__name__, **{key: error.metadata.get(key, "") for key in ("field", "rule")}}
        return differing({**told}, {"error": case.error, "field": case.field, "rule": case.rule})
    return "is not refused"
