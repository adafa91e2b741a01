"""Settings of a process that serves anchors: on loopback, with its own shut key, every fault by its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.errors import SettingsError
from gateway.settings import ANCHOR_KEY, SAMPLE_LINE, load_anchors

if TYPE_CHECKING:
    from pathlib import Path

ANCHORS = """\
listen = "127.0.0.1:8080"

[[anchor]]
entity = "https://anchor.onecard.test/one"
folder = "one"
agreement_id = "sichuan-chongqing"

[[anchor.party]]
region = "sichuan"
gateway = "gateway.sichuan"
entity = "https://sichuan.onecard.test"

[[anchor.party]]
region = "chongqing"
gateway = "gateway.chongqing"
entity = "https://chongqing.onecard.test"
holder = true
"""


@pytest.fixture
def anchors(tmp_path: Path) -> Path:
    """Lay out a good configuration of a process that serves an anchor."""
    key = tmp_path / "one" / ANCHOR_KEY
    key.parent.mkdir()
    key.write_bytes(b"key")
    key.chmod(0o600)
    path = tmp_path / "anchors.toml"
    path.write_text(ANCHORS, "utf-8")
    return path


def test_an_anchor_is_read_with_its_parties(anchors: Path) -> None:
    """Its folder lies beside the configuration; nobody holds a mark unless it is said."""
    (anchor,) = load_anchors(anchors).anchor
    assert anchor.folder == anchors.parent / "one"
    assert [(party.region, party.holder) for party in anchor.party] == [("sichuan", False), ("chongqing", True)]


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("127.0.0.1:8080", "0.0.0.0:8080", "the anchors have no TLS of their own: bind them to loopback"),
        ("[[anchor.party]]", "[[party]]", "party: Extra inputs are not permitted"),
        ('agreement_id = "sichuan-chongqing"', 'agreement_id = "?"', "anchor.0.agreement_id: String should match"),
        ("holder = true", 'address = "http://192.0.2.1"', "anchor.0.party.1.address: Value error, without TLS only"),
        ('region = "chongqing"\n', "", "anchor.0.party.1.region: Field required"),
    ],
)
def test_a_wrong_setting_of_an_anchor_is_named(anchors: Path, old: str, new: str, fault: str) -> None:
    """By its place and its rule, as for a gateway."""
    anchors.write_text(ANCHORS.replace(old, new), "utf-8")
    with pytest.raises(SettingsError) as caught:
        load_anchors(anchors)
    assert any(fault in told for told in caught.value.faults)


def test_the_key_of_an_anchor_is_there_shut_and_its_own(anchors: Path) -> None:
    """Open to others, made by the sandbox, or missing: one line each time."""
    key = anchors.parent / "one" / ANCHOR_KEY

    def told() -> str:
        with pytest.raises(SettingsError) as caught:
            load_anchors(anchors)
        (fault,) = caught.value.faults
        return fault

    key.chmod(0o640)
    assert told() == "federation.pem: can be read by others; allow the owner only (mode 600)"
    key.chmod(0o600)
    key.write_bytes(SAMPLE_LINE)
    assert told() == "federation.pem: is a key of the sandbox; make one of your own (onecard keys new)"
    anchors.write_text(f"sandbox = true\n{ANCHORS}", "utf-8")
    assert load_anchors(anchors).sandbox
    key.unlink()
    assert told() == "federation.pem: cannot be read"
