"""What the `onecard` command prints of regions, catalogs and adapters: tables for people, in the terminal's width."""

from __future__ import annotations

import os
import time
import tomllib
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from adapters.canonical import LocalizedText
from adapters.credential import CredentialKind
from adapters.equivalence import EquivalenceBook, FixedCatalogs
from adapters.errors import UnknownItemError, UnknownRegionError
from adapters.registry import load_agreements, load_registry
from gateway.adapter_check import CLAUSES, check_region
from gateway.adapter_vectors import read_region, read_taxonomy
from gateway.reasons import Language, text_in
from gateway.services.local_home import china_day
from gateway.wording import Wording
from trust.agreement import Agreement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from adapters.adapter import ManifestAdapter
    from adapters.canonical import ApplicationItem
    from adapters.manifest import Words
    from adapters.registry import Registry
    from gateway.adapter_check import Finding

_WIDTH = 160
"""Columns where the output is no terminal that could tell its own width, and COLUMNS does not either."""
_SCHEME, _CODE, _SCOPE, _AGREEMENT = 25, 18, 30, 17
"""Columns that the longest name of a scheme, code of an item type, code with its kind, and agreement's name take."""
_BORDER = 3
_LEAST_SHARE = 8


def screen() -> Console:
    """Give a console as wide as the terminal, or wide enough for a table where nothing tells a width."""
    # Published words are printed as they are: brackets in them are no markup, colons no emoji.
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal and not os.environ.get("COLUMNS", "").isdecimal():
        console.width = _WIDTH
    return console


def table(*names: str, least: Mapping[int, int], console: Console) -> Table:
    """Make a table that folds what does not fit, other columns before those of codes.

    Args:
        names: headings of the columns.
        least: width that a column of codes needs so that no code is broken, by its place; one column is not there.
        console: where it will be printed.
    """
    free = console.width - _BORDER * len(names) - 1 - sum(least.values())
    share = max(_LEAST_SHARE, free // (len(names) - len(least)))
    heads = (name.replace(" (", "\n(") for name in names)
    return Table(
        *(Column(name, overflow="fold", max_width=None if i in least else share) for i, name in enumerate(heads))
    )


def counted(number: int, word: str) -> str:
    """Say how many there are of something, in English."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def print_regions(language: Language = Language.EN) -> None:
    """List the installed regions: names, platform with credentials, catalog, and the agreements they are party to."""
    words, console = Wording(language), screen()
    agreements = [Agreement.from_mapping(tomllib.loads(text)) for text in load_agreements().values()]
    shown = table(
        *map(words, ("region", "platform", "items", "agreements")),
        least={0: 14, 1: _SCHEME, 3: _AGREEMENT},
        console=console,
    )
    for adapter in load_registry():
        manifest, catalog = adapter.manifest, adapter.catalog
        standing = _standing(words, draft=catalog.legal_status == "draft", synthetic=catalog.synthetic)
        ours = sorted(a.id for a in agreements if adapter.region in a.regions)
        shown.add_row(
            f"{adapter.region}\n{words.name(LocalizedText(*_four(manifest.name)))}\n{manifest.division_code}",
            f"{manifest.platform.auth.scheme}\n{', '.join(map(words, _kinds(adapter)))}",
            f"{len(catalog)}, {standing}",
            "\n".join(ours) or words("none"),
            end_section=True,
        )
    console.print(shown)


def _kinds(adapter: ManifestAdapter) -> list[str]:
    """Give the kinds of credential that can be shown; a reader's text is looked up as a card number."""
    told = set(adapter.manifest.platform.lookup.credential)
    return [kind for kind in CredentialKind if kind in told or (kind == "reader_text" and "card_number" in told)]


def _four(name: Words) -> tuple[str, str, str, str]:
    return name.zh_hans, name.zh_hant, name.en, name.pt


def print_items(region: str, language: Language = Language.EN) -> None:
    """List the items of a region's catalog, of all regions where it is empty (UnknownRegionError)."""
    words, console = Wording(language), screen()
    registry = load_registry()
    adapters = [_adapter(registry, region)] if region else list(registry)
    shown = table(
        *map(words, ("item", "name", "used_for", "item_types", "standing")), least={0: 5, 3: _CODE}, console=console
    )
    for adapter in adapters:
        for item in adapter.catalog:
            standing = _standing(words, draft=item.legal_status == "draft", synthetic=item.synthetic)
            shown.add_row(
                item.item,
                words.name(item.name),
                f"{', '.join(map(words, item.classes))}\n{', '.join(map(words, item.media))}",
                "\n".join(f"{r.item_type} ({words(r.relation)})" for r in item.relations) or words("none"),
                f"{standing}\n{item.article}",
                end_section=True,
            )
    console.print(shown)


def print_item(region: str, item: str, language: Language = Language.EN) -> None:
    """Show one item with all that is known of it (UnknownRegionError, UnknownItemError)."""
    words, console = Wording(language), screen()
    found = _item(_adapter(load_registry(), region), item)
    shown = table(
        words("what"), words("made_up" if found.synthetic else "as_published"), least={0: 15}, console=console
    )
    shown.show_lines = True
    for name, value in _facts(found, words):
        if value:
            shown.add_row(words(name), Text(value))
    console.print(shown)


def _facts(item: ApplicationItem, words: Wording) -> Iterable[tuple[str, str]]:
    """Give everything that is known of an item, in the order in which people ask."""
    yield "item", f"{item.region} {item.item}"
    yield "name", f"{item.name.zh_hans}\n{item.name.zh_hant}\n{item.name.en}\n{item.name.pt}"
    yield "content", item.content
    yield "unit", item.unit
    yield "co_units", item.co_units
    yield "classes", ", ".join(map(words, item.classes))
    yield "media", ", ".join(map(words, item.media))
    yield "item_types", "\n".join(f"{words(r.relation)}: {r.item_type}" for r in item.relations)
    yield "residue", item.residue
    yield "depth", "\n".join(f"{d.year} {words(d.application_class)}: {d.printed}" for d in item.depths)
    yield "depth_note", item.depth_note
    yield "layer", words(item.layer)
    yield "standing", _standing(words, draft=item.legal_status == "draft", synthetic=item.synthetic)
    yield "effective_from", str(item.effective_from or "")
    yield "effective_to", str(item.effective_to or "")
    yield "source", f"{item.source} {item.article}".strip()
    yield "sensitive", words("yes") if item.sensitive else ""
    yield "recognition", words("good_once" if item.one_time else "good_until")
    yield "note", item.note


def print_translation(region: str, item: str, target: str, language: Language) -> None:
    """Say what an item corresponds to in another region's catalog today (UnknownRegionError, UnknownItemError)."""
    words, console = Wording(language), screen()
    registry = load_registry()
    source, other = _adapter(registry, region), _adapter(registry, target)
    _item(source, item)
    book = EquivalenceBook(registry.taxonomy, FixedCatalogs({a.region: a.catalog for a in (source, other)}))
    answer = book.translate(region, item, target, on=china_day(time.time()))
    shown = table(*map(words, ("item", "name", "relation_to", "what")), least={0: 5, 3: _SCOPE}, console=console)
    for one in answer.items:
        lists = (("shared", one.shared_item_types), ("lost", one.lost), ("beyond", one.beyond))
        told = "\n".join(f"{words(name)}:\n" + "\n".join(f"  {code}" for code in part) for name, part in lists if part)
        shown.add_row(one.item.item, text_in(one.item.name, language), words(one.relation), told)
    console.print(text_in(answer.explanation, language))
    if answer.items:
        console.print(shown)
    if answer.complete_set:
        console.print(f"{words('complete_set')}: {' + '.join(answer.complete_set)}")
    if answer.uncovered_item_types:
        console.print(f"{words('not_covered')}: {', '.join(answer.uncovered_item_types)}")


def check_adapter(region: str) -> int:
    """Check a region's folder and print what passed and what did not, by clause (UnknownRegionError).

    Returns:
        0 where everything is as it should be, otherwise 1.
    """
    found = check_region(read_region(region), read_taxonomy())
    console = screen()
    shown = table("clause", "passed", "failed", "verdict", least={1: 6, 2: 6, 3: 11}, console=console)
    for clause in CLAUSES:
        ours = [one for one in found if one.clause == clause]
        shown.add_row(clause, *_counts(ours))
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
        raise unknown_region(registry.regions, region)
    return registry.get(region)


def unknown_region(known: Iterable[str], asked: str) -> UnknownRegionError:
    """Make the error for a region that a person typed: which there are, and what may be wrong with the name."""
    known = tuple(known)
    hint = {"hint": "codes are in lower case"} if asked.lower() in known else {}
    return UnknownRegionError(known=", ".join(known), **hint)


def _item(adapter: ManifestAdapter, item: str) -> ApplicationItem:
    """Find an item; the error tells where they are listed, since a person typed the name."""
    if item not in adapter.catalog:
        raise UnknownItemError(region=adapter.region, see=f"onecard catalog list {adapter.region}")
    return adapter.catalog.get(item)


def _standing(words: Wording, *, draft: bool, synthetic: bool) -> str:
    """Say whether something binds, and whether it is an example of ours."""
    return words("draft" if draft else "in_force") + (f", {words('synthetic')}" if synthetic else "")
