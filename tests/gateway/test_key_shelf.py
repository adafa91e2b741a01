"""The key shelf: three files, three steps between them, and at no moment a key that signs and is not published."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from gateway.errors import SettingsError
from gateway.key_shelf import (
    KeyShelf,
    ShelfSigner,
    former_file,
    next_file,
    retire,
    stage,
    switch,
    write_key,
)
from gateway.settings import SAMPLE_LINE
from trust.errors import TrustError
from trust.keys import SigningKey

if TYPE_CHECKING:
    from pathlib import Path

ISSUER = "chongqing"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Make a key that signs."""
    file = tmp_path / "keys" / "region.pem"
    write_key(file, SigningKey.generate("ES256", issuer=ISSUER))
    return file


def kids(shelf: KeyShelf) -> list[str]:
    """Give the names of the published keys."""
    return [key.kid for key in shelf.published]


def test_a_key_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    """Closed to others, marked where that is wanted, without a draft left, and never over another one."""
    file = tmp_path / "region.pem"
    key = SigningKey.generate("ES256", issuer=ISSUER)
    write_key(file, key, preamble=SAMPLE_LINE)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes() == SAMPLE_LINE + key.to_pem()
    assert [one.name for one in tmp_path.iterdir()] == ["region.pem"]
    assert KeyShelf(file, issuer=ISSUER).signing.kid == key.kid
    with pytest.raises(SettingsError, match=r"region\.pem: is there already"):
        write_key(file, SigningKey.generate("ES256", issuer=ISSUER))
    assert file.read_bytes() == SAMPLE_LINE + key.to_pem()


def test_a_rotation_publishes_before_it_signs_and_after(path: Path) -> None:
    """Each step is seen by a running shelf; the key that signs is always among those published before."""
    shelf = KeyShelf(path, issuer=ISSUER)
    signer = ShelfSigner(shelf)
    old = shelf.signing.kid
    coming = stage(path, issuer=ISSUER)
    assert stat.S_IMODE(next_file(path).stat().st_mode) == 0o600
    assert shelf.look()
    assert (signer.kid, kids(shelf)) == (old, [old, coming.kid])
    switch(path)
    assert shelf.look()
    assert (signer.kid, kids(shelf)) == (coming.kid, [coming.kid, old])
    retire(path)
    assert shelf.look()
    assert (signer.kid, kids(shelf)) == (coming.kid, [coming.kid])
    assert [one.name for one in path.parent.iterdir()] == ["region.pem"]


def test_a_shelf_that_did_not_change_is_not_read_again(path: Path) -> None:
    """Looking often costs nothing and gives the same keys."""
    shelf = KeyShelf(path, issuer=ISSUER)
    keys = shelf.keys
    assert not shelf.look()
    assert shelf.keys is keys


def test_what_cannot_be_read_leaves_the_keys_as_they_were(path: Path) -> None:
    """A broken or missing file is told each time anybody looks, until it is mended."""
    shelf = KeyShelf(path, issuer=ISSUER)
    keys = shelf.keys
    next_file(path).write_bytes(b"no key")
    for _ in range(2):
        with pytest.raises(TrustError):
            shelf.look()
        assert shelf.keys is keys
    next_file(path).unlink()
    assert not shelf.look()
    path.rename(path.with_name("gone"))
    with pytest.raises(FileNotFoundError):
        shelf.look()
    assert shelf.keys is keys


def test_a_key_in_two_files_is_published_once(path: Path) -> None:
    """Between the two halves of a switch the key that signs is the one that was, too."""
    former_file(path).hardlink_to(path)
    shelf = KeyShelf(path, issuer=ISSUER)
    assert kids(shelf) == [shelf.signing.kid]


@pytest.mark.parametrize("algorithm", [None, "EdDSA"])
@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_a_rotation_may_change_the_suite(path: Path, algorithm: str | None) -> None:
    """The suite of the key that signs, unless another one is asked for."""
    assert stage(path, issuer=ISSUER, algorithm=algorithm).algorithm == (algorithm or "ES256")
    switch(path)
    shelf = KeyShelf(path, issuer=ISSUER)
    signer = ShelfSigner(shelf)
    assert (signer.issuer, signer.algorithm) == (ISSUER, algorithm or "ES256")
    assert signer.public().kid == signer.kid
    assert len(signer.sign(b"message")) == 64


def test_steps_out_of_order_are_refused(path: Path) -> None:
    """Nothing to switch to, nothing to retire, two keys to come, or a third one while the former is believed still."""
    with pytest.raises(SettingsError, match=r"region\.next\.pem: is not there; stage a key first"):
        switch(path)
    with pytest.raises(SettingsError, match=r"region\.former\.pem: is not there"):
        retire(path)
    stage(path, issuer=ISSUER)
    with pytest.raises(SettingsError, match=r"region\.next\.pem: is there already"):
        stage(path, issuer=ISSUER)
    switch(path)
    with pytest.raises(SettingsError, match=r"region\.former\.pem: retire it first"):
        stage(path, issuer=ISSUER)


def test_a_switch_that_was_broken_off_can_be_done_again(path: Path) -> None:
    """Killed between its two halves, it leaves a key that signs; done again, it ends as if nothing had been."""
    old = KeyShelf(path, issuer=ISSUER).signing.kid
    coming = stage(path, issuer=ISSUER)
    former_file(path).hardlink_to(path)
    assert KeyShelf(path, issuer=ISSUER).signing.kid == old
    switch(path)
    assert kids(KeyShelf(path, issuer=ISSUER)) == [coming.kid, old]
