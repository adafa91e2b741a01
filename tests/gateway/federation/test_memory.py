"""What is remembered of the federation: whole or an error that names the file, and this user's alone."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING

import pytest

from gateway.federation.desk_memory import (
    KnownAnchor,
    KnownChain,
    KnownRevocation,
    Remembered,
    TrustMemoryError,
)
from gateway.federation.memory import FileTrustMemory
from tests.trust.alliance import ANCHORS, DAY, HOME, KEYS, NOW, SOUTHWEST, believed, fingerprint, short
from trust.revocation import MIN_LIFE_SECONDS, Revocation, sign_revocation

if TYPE_CHECKING:
    from pathlib import Path

CHAIN = short()
REMEMBERED = Remembered(
    anchors=(KnownAnchor(state=ANCHORS[SOUTHWEST], pinned=ANCHORS[SOUTHWEST].fingerprints),),
    pins=believed(CHAIN).pins,
    chains=(KnownChain(anchor=SOUTHWEST, entity=HOME, texts=CHAIN),),
)
REVOCATION = sign_revocation(
    Revocation(
        iss=HOME,
        sub=HOME,
        iat=NOW,
        exp=NOW + MIN_LIFE_SECONDS + DAY,
        sequence=1,
        kind="key",
        target=fingerprint(KEYS[HOME]),
        reason="compromised",
        effective=NOW,
    ),
    key=KEYS[HOME],
)


def known(cursor: int) -> KnownRevocation:
    """Give the revocation at a place in the feed."""
    return KnownRevocation(cursor=cursor, text=REVOCATION, anchors=frozenset({SOUTHWEST}))


def faulty(memory: FileTrustMemory) -> tuple[str, str]:
    """Give file and fault of the error with which the memory is read."""
    with pytest.raises(TrustMemoryError) as caught:
        _ = memory.remembered(), memory.revocations()
    assert caught.value.metadata["file"] in str(caught.value)
    return caught.value.metadata["file"], caught.value.metadata["fault"]


def test_remembers_over_restarts(tmp_path: Path) -> None:
    """What one memory keeps, the next one of the same folder reads."""
    memory = FileTrustMemory(tmp_path / "trust")
    assert (memory.remembered(), memory.revocations()) == (Remembered(), ())
    memory.keep(REMEMBERED)
    memory.keep_revocation(known(1))
    memory.keep_revocation(known(2))
    memory.close()
    again = FileTrustMemory(tmp_path / "trust")
    assert again.remembered() == REMEMBERED
    assert again.revocations() == (known(1), known(2))


def test_is_of_this_user_alone(tmp_path: Path) -> None:
    """Folders and files can be entered and read by their owner only, and a folder that others can enter is refused."""
    folder = tmp_path / "trust"
    memory = FileTrustMemory(folder)
    memory.keep(REMEMBERED)
    memory.keep_revocation(known(1))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    assert modes == {
        "trust": 0o700,
        "revocations": 0o700,
        "beliefs.json": 0o600,
        "00000001.json": 0o600,
        ".lock": 0o600,
    }
    folder.chmod(0o755)
    with pytest.raises(TrustMemoryError, match="mode"):
        FileTrustMemory(folder)


def test_one_process_writes(tmp_path: Path) -> None:
    """A second writer is refused until the first lets go; a reader is not."""
    first, second = FileTrustMemory(tmp_path / "trust"), FileTrustMemory(tmp_path / "trust")
    first.keep(REMEMBERED)
    with pytest.raises(TrustMemoryError, match="in_use"):
        second.keep(Remembered())
    assert second.remembered() == REMEMBERED
    first.close()
    first.close()
    second.keep(Remembered())


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda data: data[: len(data) // 2], "form"),
        (lambda _: b"[" * 100_000, "form"),
        (lambda _: b"[]", "form"),
        (lambda data: data.replace(b'"version": 1', b'"version": 2'), "checksum"),
        (lambda data: data.replace(SOUTHWEST.encode(), b"https://elsewhere.example"), "checksum"),
    ],
)
def test_names_the_file_that_is_damaged(tmp_path: Path, damage: object, fault: str) -> None:
    """A file that was cut short or changed is an error, never an empty memory."""
    memory = FileTrustMemory(tmp_path / "trust")
    memory.keep(REMEMBERED)
    path = tmp_path / "trust" / "beliefs.json"
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]  # a function, see above
    assert faulty(memory) == ("beliefs.json", fault)


@pytest.mark.parametrize(
    "content",
    [
        None,
        {"anchors": [], "pins": []},
        {"anchors": [{}], "pins": [], "chains": []},
        {"anchors": [], "pins": [{"anchor": "somebody"}], "chains": []},
        {"anchors": [], "pins": [], "chains": [{"anchor": SOUTHWEST, "entity": HOME, "texts": []}]},
    ],
)
def test_refuses_what_has_another_form(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: dict[str, object] | None
) -> None:
    """A file whose checksum holds is still read with exact types."""
    memory = FileTrustMemory(tmp_path / "trust")
    monkeypatch.setattr("gateway.federation.memory._checksum", lambda _: "same")
    (tmp_path / "trust" / "beliefs.json").write_text(json.dumps({"content": content, "sha256": "same"}))
    assert faulty(memory) == ("beliefs.json", "form")


def test_misses_a_revocation(tmp_path: Path) -> None:
    """A revocation that has been taken away, moved or changed is an error."""
    memory = FileTrustMemory(tmp_path / "trust")
    folder = tmp_path / "trust" / "revocations"
    for cursor in (1, 2, 3):
        memory.keep_revocation(known(cursor))
    (folder / "00000002.json").rename(tmp_path / "kept")
    assert faulty(memory) == ("revocations/00000002.json", "missing")
    (folder / "00000003.json").rename(folder / "00000002.json")
    assert faulty(memory) == ("revocations/00000002.json", "form")
    memory.keep_revocation(KnownRevocation(cursor=2, text="none", anchors=frozenset()))
    assert faulty(memory) == ("revocations/00000002.json", "form")


def test_tells_of_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """A file where the folder should be, or a folder where a file should be, is an error of ours."""
    (tmp_path / "file").write_text("")
    with pytest.raises(TrustMemoryError, match="write"):
        FileTrustMemory(tmp_path / "file")
    memory = FileTrustMemory(tmp_path / "trust")
    (tmp_path / "trust" / "beliefs.json").mkdir()
    assert faulty(memory) == ("beliefs.json", "read")
    with pytest.raises(TrustMemoryError, match=r"trust\.state: beliefs\.json: fault=write"):
        memory.keep(REMEMBERED)
    other = FileTrustMemory(tmp_path / "other")
    (tmp_path / "other" / "revocations").rmdir()
    assert faulty(other) == ("revocations", "read")
    (tmp_path / "other" / ".lock").mkdir()
    with pytest.raises(TrustMemoryError, match=r"\.lock: fault=write"):
        other.keep(REMEMBERED)
