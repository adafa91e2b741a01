"""Guangxi (synthetic dialect): an item carries the level of its catalog and whether its rule is in force, in words.

The region's regulation is a draft, whose Art. 7 knows a catalog and supplementary catalogs of cities. A form that
showed an item without both would let a draft pass for law, so they are always written, for items of other regions too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.words import Layer, LegalStatus

if TYPE_CHECKING:
    from adapters.canonical import ApplicationItem
    from adapters.item_form import ItemForm

_LEVELS = {
    Layer.NATIONAL: "国家规定",
    Layer.PROVINCE: "自治区（省级）应用目录",
    Layer.CITY: "市级应用目录",
    Layer.SUPPLEMENTARY: "市级补充目录",
    Layer.JOINT: "协同应用目录",
}
_IN_FORCE = {LegalStatus.IN_FORCE: "施行", LegalStatus.DRAFT: "草案"}


def item_from_canonical(form: ItemForm, item: ApplicationItem) -> dict[str, str]:
    """Write the item with the level of its catalog (`mlcc`) and its legal status (`flzt`)."""
    return {**form.write(item), "mlcc": _LEVELS[item.layer], "flzt": _IN_FORCE[item.legal_status]}
