"""What the `onecard` command prints of regions, catalogs and adapters: tables for people, in the terminal's width."""

from __future__ import annotations

import time
import tomllib
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from adapters.equivalence import EquivalenceBook
from adapters.errors import UnknownRegionError
from adapters.registry import load_agreements, load_registry
from gateway.adapter_check import CLAUSES, check_region
from gateway.adapter_vectors import read_region, read_taxonomy
from gateway.reasons import text_in
from gateway.services.local_home import china_day
from trust.agreement import Agreement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.adapter import ManifestAdapter
    from adapters.canonical import ApplicationItem
    from adapters.registry import Registry
    from gateway.adapter_check import Finding
    from gateway.reasons import Language

_WIDTH = 160
"""Columns where the output is no terminal that could tell its own width."""


def screen() -> Console:
    """Give a console as wide as the terminal, or wide enough for a table where there is none."""
    # Published words are printed as they are: brackets in them are no markup, colons no emoji.
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDTH
    return console


def table(*names: str) -> Table:
    """Make a table that folds what does not fit, so that nothing is cut off."""
    return Table(*(Column(name, overflow="fold") for name in names))


def print_regions() -> None:
    """List the installed regions: names, code, platform, credentials, catalog, and the agreements they are party to."""
    agreements = [Agreement.from_mapping(tomllib.loads(text)) for text in load_agreements().values()]
    shown = table("region", "name", "division", "platform proves by", "credentials", "items", "agreements (examples)")
    for adapter in load_registry():
        manifest, catalog = adapter.manifest, adapter.catalog
        shown.add_row(
            adapter.region,
            f"{manifest.name.zh_hans} {manifest.name.en}",
            manifest.division_code,
            manifest.platform.auth.scheme,
            ", ".join(manifest.platform.lookup.credential),
            f"{len(catalog)}, {_standing(draft=catalog.legal_status == 'draft', synthetic=catalog.synthetic)}",
            ", ".join(sorted(a.id for a in agreements if adapter.region in a.regions)) or "none",
        )
    screen().print(shown)


def print_items(region: str) -> None:
    """List the items of a region's catalog, of all regions where it is empty (UnknownRegionError)."""
    registry = load_registry()
    adapters = [_adapter(registry, region)] if region else list(registry)
    shown = table("item", "name", "in English", "classes", "media", "item types", "standing", "article")
    for adapter in adapters:
        for item in adapter.catalog:
            shown.add_row(
                item.item,
                item.name.zh_hans,
                item.name.en,
                ", ".join(item.classes),
                ", ".join(item.media),
                _types(item) or "none",
                _standing(draft=item.legal_status == "draft", synthetic=item.synthetic),
                item.article,
            )
        shown.add_section()
    screen().print(shown)


def print_item(region: str, item: str) -> None:
    """Show one item with all that is known of it (UnknownRegionError, UnknownItemError)."""
    found = _adapter(load_registry(), region).catalog.get(item)
    shown = Table("what", Column("as published", overflow="fold"), show_lines=True)
    for name, value in _facts(found):
        if value:
            shown.add_row(name, Text(value))
    screen().print(shown)


def _facts(item: ApplicationItem) -> Iterable[tuple[str, str]]:
    """Give everything that is known of an item, in the order in which people ask."""
    yield "item", f"{item.region} {item.item}"
    yield "name", f"{item.name.zh_hans}\n{item.name.zh_hant}\n{item.name.en}\n{item.name.pt}"
    yield "content", item.content
    yield "unit", item.unit
    yield "cooperating units", item.co_units
    yield "classes", ", ".join(item.classes)
    yield "media", ", ".join(item.media)
    yield "item types", "\n".join(f"{r.relation.value}: {r.item_type}" for r in item.relations)
    yield "outside every type", item.residue
    yield "depth", "\n".join(f"{d.year} {d.application_class.value}: {d.printed}" for d in item.depths)
    yield "how depth was read", item.depth_note
    yield "layer", item.layer.value
    yield "standing", _standing(draft=item.legal_status == "draft", synthetic=item.synthetic)
    yield "in force from", str(item.effective_from or "")
    yield "in force to", str(item.effective_to or "")
    yield "source", f"{item.source} {item.article}".strip()
    yield "sensitive", "yes" if item.sensitive else ""
    yield "recognition", "good once" if item.one_time else "good until it expires"
    yield "note", item.note


def print_translation(region: str, item: str, target: str, language: Language) -> None:
    """Say what an item corresponds to in another region's catalog today (UnknownRegionError, UnknownItemError)."""
    registry = load_registry()
    source, other = _adapter(registry, region), _adapter(registry, target)
    book = EquivalenceBook(registry.taxonomy, {a.region: a.catalog for a in (source, other)})
    answer = book.translate(region, item, target, on=china_day(time.time()))
    shown = table("item", "name", f"relation to {item}", "shared item types", "lost", "beyond, and not granted")
    for one in answer.items:
        name = text_in(one.item.name, language)
        lists = (", ".join(part) for part in (one.shared_item_types, one.lost, one.beyond))
        shown.add_row(one.item.item, name, one.relation.value, *lists)
    console = screen()
    console.print(text_in(answer.explanation, language))
    if answer.items:
        console.print(shown)
    if answer.complete_set:
        console.print(f"complete set: {' + '.join(answer.complete_set)}")
    if answer.uncovered_item_types:
        console.print(f"not covered: {', '.join(answer.uncovered_item_types)}")


def check_adapter(region: str) -> int:
    """Check a region's folder and print what passed and what did not, by clause (UnknownRegionError).

    Returns:
        0 where everything is as it should be, otherwise 1.
    """
    found = check_region(read_region(region), read_taxonomy())
    shown = table("clause", "passed", "failed", "verdict")
    for clause in CLAUSES:
        ours = [one for one in found if one.clause == clause]
        shown.add_row(clause, *_counts(ours))
    console = screen()
    console.print(shown)
    faults = [one for one in found if not one.ok]
    for one in faults:
        console.print(Text(f"{region}: {one.clause}: {one.name}: {one.fault}", style="red"))
    console.print(f"{region}: {len(found) - len(faults)} of {len(found)} checks passed")
    return 1 if faults else 0


def _counts(found: list[Finding]) -> tuple[str, str, Text]:
    """Count what passed and what failed; a clause that could not be checked is no success."""
    passed = sum(one.ok for one in found)
    failed = len(found) - passed
    if not found:
        return "0", "0", Text("not checked", style="yellow")
    return str(passed), str(failed), Text("FAILED", style="bold red") if failed else Text("ok", style="green")


def _adapter(registry: Registry, region: str) -> ManifestAdapter:
    """Find a region; the error tells those that are there, since a person typed the name."""
    if region not in registry:
        raise UnknownRegionError(known=", ".join(registry.regions))
    return registry.get(region)


def _types(item: ApplicationItem) -> str:
    return ", ".join(f"{relation.item_type} ({relation.relation.value})" for relation in item.relations)


def _standing(*, draft: bool, synthetic: bool) -> str:
    """Say whether something binds, and whether it is an example of ours."""
    return ("draft" if draft else "in force") + (", synthetic" if synthetic else "")
