"""Macao (synthetic dialect): every service has a Chinese name beside its Portuguese one.

Both languages are official there, and a manifest names a single language for items, so the second name is added here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.canonical import ApplicationItem
    from adapters.item_form import ItemForm


def item_from_canonical(form: ItemForm, item: ApplicationItem) -> dict[str, str]:
    """Write the item with its name in traditional Chinese as `designacaoChinesa`."""
    return {**form.write(item), "designacaoChinesa": item.name.zh_hant}
