"""The layers of catalogs: national, province, city, supplementary; joint ones beside them.

A lower layer inherits what is above it. It extends that by items of its own, it may narrow an item or drop it where the
text above only allows it, and it may do neither to what the text above demands (应当): Guangdong Art. 6 and Guangxi
draft Art. 7 let cities add on the basis of the province's list, Chongqing Art. 14 knows one list. A draft is visible,
and nothing in force can stand on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from adapters.layer_demands import demands, flaws
from adapters.scopes import Scope
from adapters.tables import Fault, in_order
from adapters.venues import division_stem
from adapters.words import Layer, LegalStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from adapters.canonical import ApplicationItem
    from adapters.card_rules import CardRules
    from adapters.catalog import Catalog
    from adapters.catalog_document import CatalogDocument, CatalogHead

ORDER = {Layer.NATIONAL: 0, Layer.PROVINCE: 1, Layer.CITY: 2, Layer.SUPPLEMENTARY: 3}
"""How deep a layer lies; joint catalogs stand beside and have no depth."""

_DEEPEST_STACK = 8


class Listed(Protocol):
    """A catalog with its head, as a document or as whatever keeps one."""

    @property
    def head(self) -> CatalogHead:
        """What it says of itself."""

    @property
    def items(self) -> Catalog:
        """Its items."""


@dataclass(frozen=True, slots=True)
class EffectiveItem:
    """An item that applies at a place: the catalog that holds it, and the items above in whose place it stands."""

    item: ApplicationItem
    catalog: str
    in_place_of: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a document is checked against: the other catalogs by id, the regions' divisions, and their rules."""

    catalogs: Mapping[str, Listed]
    divisions: Mapping[str, str]
    rules: Mapping[str, CardRules]

    def stack(self, document: Listed) -> tuple[Listed, ...]:
        """Give what a document stands on, highest first, without itself; a gap or a circle ends it."""
        found: list[Listed] = []
        above = self.catalogs.get(document.head.extends)
        while above is not None and len(found) < _DEEPEST_STACK:
            found.insert(0, above)
            above = self.catalogs.get(above.head.extends)
        return tuple(found)


def effective_items(stack: Sequence[Listed], *, on: date) -> tuple[EffectiveItem, ...]:
    """Put layers one on the other, highest first, and give what applies on a day, drafts and dormant items left out.

    A document that is not in effect on the day changes nothing. What a layer demands stands, whatever a lower one says
    of it that was published before: what is dropped all the same is still there, and an item that takes something of it
    away stands beside it.
    """
    found: dict[str, EffectiveItem] = {}
    for document in stack:
        if document.head.in_effect(on):
            _lay(found, document, on)
    return tuple(found.values())


def _lay(found: dict[str, EffectiveItem], document: Listed, on: date) -> None:
    """Lay a document on what is above it; of what is demanded there, it takes nothing away."""
    for gone in document.head.drops:
        if gone in found and not demands(found[gone].item):
            del found[gone]
    live = [item for item in document.items if item.in_force(on)]
    groups: dict[str, list[ApplicationItem]] = {}
    for item in live:
        if item.overrides:
            groups.setdefault(item.overrides, []).append(item)
    chains: dict[str, tuple[str, ...]] = {}
    for name, items in groups.items():
        above = found.get(name)
        if above is None or not flaws(above.item, items):
            chains[name] = _chain(found.pop(name, None), name)
    for item in live:
        if item.item not in found or not demands(found[item.item].item):
            found[item.item] = EffectiveItem(item, document.head.catalog, chains.get(item.overrides, ()))


def _chain(above: EffectiveItem | None, item: str) -> tuple[str, ...]:
    """Name an item that is replaced, behind those that it had replaced itself."""
    return (*above.in_place_of, item) if above else (item,)


def check_layers(document: CatalogDocument, around: Surroundings) -> list[Fault]:
    """Hold a document against what it stands on; every fault at once, by row and column, row 0 for the head."""
    report = _Report(document)
    stack = around.stack(document)
    _check_head(report, around, stack)
    inherited: dict[str, ApplicationItem] = {}
    for one in stack:
        for dropped in one.head.drops:
            if dropped in inherited and not demands(inherited[dropped]):
                del inherited[dropped]
        inherited |= {item.item: item for item in one.items}
    _check_drops(report, inherited)
    _check_identifiers(report, around, inherited)
    groups: dict[str, list[ApplicationItem]] = {}
    for item in document.items:
        if not item.overrides:
            continue
        if item.overrides not in inherited:
            report.item(item, "overrides", "unknown_item")
        else:
            groups.setdefault(item.overrides, []).append(item)
    for above, items in groups.items():
        _check_override(report, inherited[above], items)
    _check_forms(report, around.rules)
    _check_days(report)
    return in_order(report.faults)


def put_out_of_order(
    document: CatalogDocument, around: Surroundings, read: Callable[[str], CatalogDocument]
) -> tuple[str, ...]:
    """Name the catalogs that stand on a document and break a rule of layers by it which they keep today, sorted.

    They are no fault of the document: what stands above comes first. `read` gives the document of a catalog.
    """
    catalog = document.head.catalog
    then = replace(around, catalogs={**around.catalogs, catalog: document})
    below = [name for name, one in then.catalogs.items() if catalog in {a.head.catalog for a in then.stack(one)}]
    return tuple(
        name
        for name in sorted(below)
        if name != catalog and set(check_layers(read(name), then)) - set(check_layers(read(name), around))
    )


class _Report:
    """Gathers the faults of one document."""

    def __init__(self, document: CatalogDocument) -> None:
        self.document = document
        self.head = document.head
        self.faults: list[Fault] = []

    def key(self, key: str, rule: str) -> None:
        """Note a fault of the head."""
        self.faults.append(Fault(self.head.catalog, 0, key, rule))

    def item(self, item: ApplicationItem, column: str, rule: str) -> None:
        """Note a fault of an item."""
        self.faults.append(Fault(self.head.catalog, self.document.rows[item.item], column, rule))


def _check_head(report: _Report, around: Surroundings, stack: Sequence[Listed]) -> None:
    """Check place and standing: known regions, a base on a higher layer that is no draft, a layer the rules allow."""
    head = report.head
    unknown = [region for region in head.regions if region not in around.divisions]
    if unknown:
        report.key("regions", "unknown_region")
    elif head.division and not _lies_below(head.division, around.divisions[head.regions[0]]):
        report.key("division", "below_the_region")
    if head.extends and not stack:
        report.key("extends", "unknown_catalog")
    elif stack and head.layer in ORDER and ORDER[stack[-1].head.layer] >= ORDER[head.layer]:
        report.key("extends", "higher_layer")
    if head.legal_status is LegalStatus.IN_FORCE and any(a.head.legal_status is LegalStatus.DRAFT for a in stack):
        report.key("legal_status", "stands_on_a_draft")
    rules = around.rules.get(head.regions[0]) if len(head.regions) == 1 else None
    if rules is not None and rules.list is not None and head.layer not in rules.list.layers:
        report.key("layer", "not_allowed_by_the_region")


def _lies_below(division: str, region: str) -> bool:
    """Tell whether a division lies in another one and is not it."""
    return division != region and division.startswith(division_stem(region))


def _check_drops(report: _Report, inherited: Mapping[str, ApplicationItem]) -> None:
    """A dropped item must be there to be dropped, and not be demanded."""
    for dropped in report.head.drops:
        if dropped not in inherited:
            report.key("drops", "unknown_item")
        elif demands(inherited[dropped]):
            report.key("drops", "required_above")


def _check_identifiers(report: _Report, around: Surroundings, inherited: Mapping[str, ApplicationItem]) -> None:
    """No identifier is used above already, or by another catalog of the same region."""
    beside = {
        item.item
        for catalog, other in around.catalogs.items()
        if catalog != report.head.catalog and set(other.head.regions) & set(report.head.regions)
        for item in other.items
    }
    for item in report.document.items:
        if item.item in inherited or item.item in beside:
            report.item(item, "item_id", "used_by_another_catalog")


def _check_override(report: _Report, above: ApplicationItem, items: Sequence[ApplicationItem]) -> None:
    """Items stand together in the place of one above: of it in part at least, and of all of it where it is demanded."""
    base = Scope.of(above)
    for item in items:
        if not base.shared(Scope.of(item)) and not (base.residue and Scope.of(item).residue):
            report.item(item, "overrides", "nothing_in_common")
    for item, column, rule in flaws(above, items):
        report.item(item, column, rule)


def _check_days(report: _Report) -> None:
    """Items of a first version begin no earlier than it, and where a version ends, its items end with it or before."""
    head = report.head
    for item in report.document.items:
        begins, ends = item.effective_from, item.effective_to
        if head.sequence == 1 and begins and head.effective_from and begins < head.effective_from:
            report.item(item, "effective_from", "before_its_catalog")
        if head.effective_to and item.legal_status is LegalStatus.IN_FORCE and (not ends or ends > head.effective_to):
            report.item(item, "effective_to", "after_its_catalog")


def _check_forms(report: _Report, rules: Mapping[str, CardRules]) -> None:
    """An item of one form goes against a text in force that gives both forms of the card the same effect."""
    for region in report.head.regions:
        known = rules.get(region)
        if known is None:
            continue
        for item in report.document.items:
            if item.effective_from is not None and known.one_form_for(item.media, item.effective_from):
                report.item(item, "media", "both_forms_have_equal_effect")
