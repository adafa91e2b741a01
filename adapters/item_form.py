"""A region's own form of an application item, compiled from its manifest: names of fields and words for codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.errors import MalformedFieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapters.canonical import ApplicationItem
    from adapters.manifest import Manifest


class ItemForm:
    """Writes a neutral item by the region's field names, and reads which item such a record names."""

    def __init__(self, manifest: Manifest) -> None:
        """Compile the manifest's item part."""
        self.region = manifest.region
        self._language = manifest.item.language
        self._separator = manifest.item.separator
        self._classes = {value: raw for raw, value in reversed(manifest.tables.application_class.items())}
        self._media = {value: raw for raw, value in reversed(manifest.tables.medium.items())}
        self._fields = tuple((key, self._writer(attribute)) for key, attribute in manifest.item.field.items())
        self._id_key = next(key for key, attribute in manifest.item.field.items() if attribute == "item")

    def _writer(self, attribute: str) -> Callable[[ApplicationItem], str]:
        """Choose how one attribute becomes text."""
        match attribute:
            case "name":
                return lambda item: str(getattr(item.name, self._language))
            case "classes":
                return lambda item: self._separator.join(self._classes[c] for c in item.classes)
            case "media":
                return lambda item: self._separator.join(self._media[m] for m in item.media)
            case _:
                return lambda item: str(getattr(item, attribute))

    def write(self, item: ApplicationItem) -> dict[str, str]:
        """Give the region's fields; empty attributes are left out."""
        return {key: text for key, write in self._fields if (text := write(item))}

    def read(self, record: Mapping[str, str]) -> str:
        """Give the identifier of the item that a record names (MalformedFieldError where it names none)."""
        item_id = record.get(self._id_key, "").strip()
        if not item_id:
            raise MalformedFieldError(field=f"fields[{self._id_key}]", rule="item_identifier", region=self.region)
        return item_id
