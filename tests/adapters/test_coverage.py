"""What a home region covers of an item, in types, classes and forms of the card."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from adapters.catalog import Catalog
from adapters.equivalence import CoverageKind, coverage
from adapters.words import ApplicationClass, Medium
from tests.adapters.item_examples import TODAY, draft, item, source

IDENTITY, DISBURSEMENT, PAYMENT = ApplicationClass
PHYSICAL, ELECTRONIC = Medium


def test_coverage_is_full_only_where_everything_is_covered() -> None:
    """Types whole, and no residue."""
    home = Catalog(
        "there", (item("TT-01", "TRA.BUS:exact"), item("TT-02", "TRA.METRO:narrower"), item("TT-03", "TRA.FERRY:exact"))
    )
    full = coverage(source("TRA.BUS:broader;TRA.FERRY:narrower"), home, on=TODAY)
    assert (full.kind, full.whole, full.missing) == (CoverageKind.FULL, ("TRA.BUS", "TRA.FERRY"), ())
    assert (full.items, full.residue) == (("TT-01", "TT-03"), False)
    part = coverage(source("TRA.BUS:broader;TRA.METRO:broader"), home, on=TODAY)
    assert (part.kind, part.whole, part.missing) == (CoverageKind.PART, ("TRA.BUS",), ("TRA.METRO",))
    open_end = coverage(source("TRA.BUS:broader", residue="其他"), home, on=TODAY)
    assert (open_end.kind, open_end.missing, open_end.residue) == (CoverageKind.PART, (), True)
    assert coverage(source("TRA.METRO:exact"), home, on=TODAY).kind is CoverageKind.NONE
    assert coverage(source("", residue="其他"), home, on=TODAY).kind is CoverageKind.NONE


def test_coverage_ignores_what_is_not_in_force() -> None:
    """Drafts and items before their first day."""
    bus = item("TT-01", "TRA.BUS:exact")
    asked = source("TRA.BUS:exact")
    assert coverage(asked, Catalog("there", (draft(bus),)), on=TODAY).kind is CoverageKind.NONE
    assert coverage(asked, Catalog("there", (bus,)), on=date(2024, 1, 1)).kind is CoverageKind.NONE


def test_coverage_is_told_per_class_and_medium() -> None:
    """One item must offer the class and accept the form for a type to count."""
    bus = replace(item("TT-01", "TRA.BUS:exact"), classes=(IDENTITY,), media=(PHYSICAL,))
    metro = replace(item("TT-02", "TRA.METRO:exact"), classes=(IDENTITY, PAYMENT), media=(PHYSICAL, ELECTRONIC))
    found = coverage(source("TRA.BUS:broader;TRA.METRO:broader"), Catalog("there", (bus, metro)), on=TODAY)
    assert found.covered(IDENTITY, PHYSICAL) == {"TRA.BUS", "TRA.METRO"}
    assert found.covered(IDENTITY, ELECTRONIC) == found.covered(PAYMENT, PHYSICAL) == {"TRA.METRO"}
    assert found.covered(DISBURSEMENT, PHYSICAL) == frozenset()
    assert found.kind_for(IDENTITY, PHYSICAL) is CoverageKind.FULL
    assert found.kind_for(PAYMENT, PHYSICAL) is CoverageKind.PART
    assert found.kind_for(DISBURSEMENT, PHYSICAL) is CoverageKind.NONE
    less = coverage(source("TRA.BUS:broader;TRA.METRO:broader"), Catalog("there", (bus,)), on=TODAY)
    assert less.kind_for(IDENTITY, PHYSICAL) is CoverageKind.PART


def test_an_item_covers_itself_at_home() -> None:
    """Parts and residue too; under the same identifier in another region it does not."""
    local = replace(item("TT-01", "TRA.BUS:overlapping", residue="其他"), media=(PHYSICAL,))
    catalog = Catalog("there", (local,))
    own = coverage(local, catalog, on=TODAY)
    assert (own.kind, own.whole, own.residue) == (CoverageKind.FULL, ("TRA.BUS",), False)
    assert own.covered(PAYMENT, PHYSICAL) == {"TRA.BUS"}
    assert own.kind_for(PAYMENT, PHYSICAL) is CoverageKind.FULL
    assert own.kind_for(PAYMENT, ELECTRONIC) is CoverageKind.NONE
    assert coverage(replace(local, region="here"), catalog, on=TODAY).kind is CoverageKind.NONE
    assert coverage(replace(local, item="TT-09"), catalog, on=TODAY).kind is CoverageKind.NONE
    outside = replace(local, relations=())
    assert coverage(outside, Catalog("there", (outside,)), on=TODAY).kind is CoverageKind.FULL
    assert coverage(draft(local), Catalog("there", (draft(local),)), on=TODAY).kind is CoverageKind.NONE
