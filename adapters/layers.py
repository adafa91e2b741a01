"""The layers of catalogs: national, province, city, supplementary; joint ones beside them.

A lower layer inherits what is above it. It extends that by items of its own, it may narrow an item or drop it where the
text above only allows it, and it may do neither to what the text above demands (应当): Guangdong Art. 6 and Guangxi
draft Art. 7 let cities add on the basis of the province's list, Chongqing Art. 14 knows one list. A draft is visible,
and nothing in force can stand on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from adapters.scopes import Scope
from adapters.tables import Fault, in_order
from adapters.venues import division_stem
from adapters.words import Layer, LegalStatus, Requirement

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
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

    A document that is not in effect on the day changes nothing.
    """
    found: dict[str, EffectiveItem] = {}
    for document in stack:
        if not document.head.in_effect(on):
            continue
        for gone in document.head.drops:
            found.pop(gone, None)
        live = [item for item in document.items if item.in_force(on)]
        replaced = {item.overrides for item in live if item.overrides}
        chains = {name: _chain(found.get(name), name) for name in replaced}
        for name in replaced:
            found.pop(name, None)
        for item in live:
            found[item.item] = EffectiveItem(item, document.head.catalog, chains.get(item.overrides, ()))
    return tuple(found.values())


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
            inherited.pop(dropped, None)
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
        elif inherited[dropped].requirement is Requirement.REQUIRED:
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
    if above.requirement is Requirement.REQUIRED:
        _check_required(report, above, items)


def _check_required(report: _Report, above: ApplicationItem, items: Sequence[ApplicationItem]) -> None:
    """What is demanded above stays demanded, in force as long, and whole in scope, classes and forms of the card."""
    base = Scope.of(above)
    for item in items:
        if item.legal_status is not above.legal_status:
            report.item(item, "legal_status", "required_above")
        if item.requirement is not Requirement.REQUIRED:
            report.item(item, "requirement", "required_above")
        if _ends_earlier(item, above):
            report.item(item, "effective_to", "required_above")
    if not _covered(base, items):
        report.item(items[0], "relations", "narrows_what_is_required")
        return
    for column, wanted in (("classes", above.classes), ("media", above.media)):
        for word in wanted:
            if not _covered(base, [item for item in items if word in getattr(item, column)]):
                report.item(items[0], column, "narrows_what_is_required")
                break


def _ends_earlier(item: ApplicationItem, above: ApplicationItem) -> bool:
    """Tell whether an item ends before the one above does; before it begins, the one above applies."""
    ends = item.effective_to
    return ends is not None and (above.effective_to is None or ends < above.effective_to)


def _covered(base: Scope, items: Iterable[ApplicationItem]) -> bool:
    """Tell whether items together provably hold all of a scope: its types whole, its parts in part, its residue."""
    scopes = [Scope.of(item) for item in items]
    whole = frozenset[str]().union(*(scope.whole for scope in scopes))
    touched = frozenset[str]().union(*(scope.touched for scope in scopes))
    residue = any(scope.residue for scope in scopes)
    return base.whole <= whole and base.part <= touched and (residue or not base.residue)


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
