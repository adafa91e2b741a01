"""The adapter of a region: its own verbs where its translator has them, the manifest's where not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from adapters.adapter import ManifestAdapter
from adapters.canonical import Card, CardIdentity, Holder, RegionalIdentity
from adapters.catalog import Catalog
from adapters.errors import RegionDataError, UnknownItemError
from adapters.identifiers import CardNumber
from tests.adapters.invented_region import REGION, manifest
from tests.adapters.region_cases import REGISTRY

if TYPE_CHECKING:
    from adapters.form import IdentityForm

ITEM = REGISTRY.get("chongqing").catalog.items[0]
CATALOG = Catalog(REGION, (ITEM,))
IDENTITY = CardIdentity(REGION, Holder(), Card(number=CardNumber("Z00000019")))


def test_region_without_translator_has_the_manifests_verbs() -> None:
    """A manifest alone is enough to translate."""
    adapter = ManifestAdapter(manifest(), CATALOG)
    assert adapter.identity_to_canonical({"card": "Z00000019"}) == IDENTITY
    assert adapter.identity_from_canonical(IDENTITY) == RegionalIdentity(REGION, {"card": "Z00000019"})
    assert adapter.item_to_canonical({"id": ITEM.item}) is ITEM
    assert adapter.item_from_canonical(ITEM)["id"] == ITEM.item


def test_translator_replaces_the_verbs_that_it_defines() -> None:
    """A translator's verb is called with the compiled form, and the other verbs stay."""

    def read(form: IdentityForm, record: dict[str, str], *, strict: bool) -> CardIdentity:
        return form.read({"card": record["number"]}, strict=strict)

    adapter = ManifestAdapter(manifest(), CATALOG, SimpleNamespace(identity_to_canonical=read))
    assert adapter.identity_to_canonical({"number": "Z00000019"}) == IDENTITY
    assert adapter.identity_from_canonical(IDENTITY).fields == {"card": "Z00000019"}


def test_unknown_item_is_refused() -> None:
    """An identifier that the catalog does not have is refused."""
    with pytest.raises(UnknownItemError):
        ManifestAdapter(manifest(), CATALOG).item_to_canonical({"id": "CQ-999"})


def test_wrong_authentication_names_the_region() -> None:
    """A scheme that nobody has written, or an option that it does not know, is a fault of that manifest."""
    with pytest.raises(RegionDataError) as refused:
        ManifestAdapter(manifest({"platform.auth.scheme": "handshake"}), CATALOG)
    assert refused.value.metadata == {"region": REGION, "file": "manifest.toml", "rule": "unknown_scheme"}
    with pytest.raises(RegionDataError) as refused:
        ManifestAdapter(manifest({"platform.auth.option": {"colour": "red"}}), CATALOG)
    assert refused.value.metadata["column"] == "colour"
