"""Checks what a region's folder promises, clause by clause, so that an author need not read our tests.

Pure: texts in, findings out (`gateway.adapter_vectors.read_region` gives the texts). A finding names files, fields and
rules; it never repeats a value of a record.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from adapters import errors
from adapters.adapter import ManifestAdapter
from adapters.canonical import CardStatus
from adapters.catalog import parse_catalog
from adapters.errors import AdapterError, RegionDataError
from adapters.manifest import parse_manifest
from gateway.adapter_vectors import Vectors, neutral_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from adapters.catalog import Catalog
    from adapters.manifest import Manifest
    from adapters.taxonomy import Taxonomy
    from gateway.adapter_vectors import Reading, Refusal, RegionFolder, RoundTrip

CLAUSES = (
    "files",
    "manifest",
    "catalog",
    "items in the region's form",
    "vectors",
    "record read",
    "record written",
    "text of a record",
    "refusals",
    "request and answer",
    "faults of the platform",
    "login",
)
"""What is checked, in this order. Where manifest or catalog is wrong, what rests on them is not checked."""

# What a translator can raise by mistake. It is the region's fault, to be told by its type and never by its words.
_BROKEN = (AdapterError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check: the clause, what was looked at (a vector, a field, a row), and what is wrong, if anything."""

    clause: str
    name: str
    fault: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.fault


def check_region(folder: RegionFolder, taxonomy: Taxonomy) -> list[Finding]:
    """Check a region whole; never raises for what is wrong in the folder.

    Returns:
        At least one finding for each clause that could be checked, in the order of CLAUSES.
    """
    found = [Finding("files", name, fault) for name, fault in folder.faults] or [Finding("files", "all are there")]
    manifest = _take(found, _manifest(folder))
    catalog = _take(found, _catalog(folder, taxonomy))
    vectors = _take(found, _vectors(folder))
    adapter = _adapter(folder, manifest, catalog, found)
    if adapter is not None:
        found += _items(adapter)
        if vectors is not None:
            found += _statuses(adapter, vectors)
            found += _records(adapter, vectors)
            found += check_mirror(adapter, vectors)
    return sorted(found, key=lambda finding: CLAUSES.index(finding.clause))


def finding(clause: str, name: str, check: Callable[[], str]) -> Finding:
    """Run one check, which says what is wrong or nothing; an error is a fault too."""
    try:
        return Finding(clause, name, check())
    except _BROKEN as error:
        return Finding(clause, name, error_words(error))


def error_words(error: Exception) -> str:
    """Tell an error of ours in its own words, which hold no value, and any other by its type only."""
    return f"{type(error).__name__}: {error}" if isinstance(error, AdapterError) else type(error).__name__
