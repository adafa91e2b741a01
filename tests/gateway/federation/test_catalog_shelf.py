"""The shelf of published catalogs: whole files, heads first, items only if the digest still fits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from adapters.catalog_document import read_document
from gateway.errors import SettingsError
from gateway.federation.catalog_shelf import FileCatalogs, KeptVersion
from gateway.services.catalog_book import CatalogBook
from tests.fakes.catalogs import following, signature, written
from tests.fakes.clock import FakeClock
from tests.fakes.regions import REGISTRY
from trust.party_signature import digest_of_bytes

if TYPE_CHECKING:
    from pathlib import Path

BOOK = CatalogBook(REGISTRY, clock=FakeClock())
PLAIN = following(BOOK, "chongqing")


def shelf(folder: Path) -> FileCatalogs:
    """Make a shelf in a folder."""
    return FileCatalogs(folder / "catalogs", REGISTRY.taxonomy)


def keep(folder: Path, plain: dict[str, Any] = PLAIN, *signed: str) -> KeptVersion:
    """Keep a version that some regions have signed."""
    document, faults = read_document(plain, REGISTRY.taxonomy)
    assert document is not None
    assert faults == []
    texts = tuple(signature(region, plain) for region in sorted(signed))
    return shelf(folder).keep(document, written(plain), signatures=texts, signed_by=frozenset(signed))


def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    """Head, digest, signatures and items, after a restart."""
    kept = keep(tmp_path, PLAIN, "chongqing")
    (found,) = shelf(tmp_path).load()
    assert (found.head, found.digest) == (kept.head, kept.digest)
    assert (found.signed_by, found.signatures) == (kept.signed_by, kept.signatures)
    assert found.canonical() == written(PLAIN)
    assert found.items == kept.items
    assert found.document() is found.document()
    assert not found.shipped


def test_more_signatures_take_the_place_of_the_same_version(tmp_path: Path) -> None:
    """One file a version, of this user alone."""
    plain = following(BOOK, "sichuan-chongqing")
    keep(tmp_path, plain, "chongqing")
    keep(tmp_path, plain, "chongqing", "sichuan")
    (found,) = shelf(tmp_path).load()
    assert found.signed_by == {"chongqing", "sichuan"}
    (file,) = (tmp_path / "catalogs" / "sichuan-chongqing").iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_nothing_is_there_at_first(tmp_path: Path) -> None:
    """No folder, no version."""
    assert list(shelf(tmp_path).load()) == []


def test_items_are_not_read_before_they_are_asked_for(tmp_path: Path) -> None:
    """A file whose items were changed loads, and is refused when they are read."""
    keep(tmp_path, PLAIN, "chongqing")
    (file,) = (tmp_path / "catalogs" / "chongqing").iterdir()
    file.write_bytes(file.read_bytes().replace(b"CQ-31", b"CQ-32"))
    (found,) = shelf(tmp_path).load()
    with pytest.raises(SettingsError) as caught:
        _ = found.items
    assert "is not the version that was kept" in str(caught.value)


@pytest.mark.parametrize(
    "first",
    [b"", b"[]\n", b'{"head":{}}\n', b'{"head":{},"digest":"","signed_by":[],"signatures":[]}\n', b"\xff\n"],
)
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, first: bytes) -> None:
    """The operator is told which one."""
    folder = tmp_path / "catalogs" / "chongqing"
    folder.mkdir(parents=True)
    (folder / "0000002-x.catalog").write_bytes(first)
    with pytest.raises(SettingsError) as caught:
        list(shelf(tmp_path).load())
    assert "0000002-x.catalog" in str(caught.value)


def test_a_version_that_todays_rules_refuse_is_told(tmp_path: Path) -> None:
    """Such as one of a later program, with an item type that this one does not know."""
    keep(tmp_path, PLAIN, "chongqing")
    (file,) = (tmp_path / "catalogs" / "chongqing").iterdir()
    first = json.loads(file.read_bytes().partition(b"\n")[0])
    later = {**PLAIN, "items": [{**PLAIN["items"][0], "relations": "NEW.TYPE:exact", "residue": ""}]}
    body = written(later)
    first["digest"] = digest_of_bytes(body)
    file.write_bytes(json.dumps(first).encode() + b"\n" + body)
    (found,) = shelf(tmp_path).load()
    with pytest.raises(SettingsError) as caught:
        found.document()
    assert "today's rules" in str(caught.value)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file stands where the folder should."""
    (tmp_path / "catalogs").write_text("x")
    with pytest.raises(SettingsError):
        keep(tmp_path, PLAIN, "chongqing")
