"""An anchor changes its own key while it runs: who watches follows, who slept follows by links, nobody pins anew."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

import pytest

from gateway import anchor_console
from gateway.errors import SettingsError
from gateway.key_shelf import former_file, next_file, write_key
from gateway.settings import ANCHOR_KEY
from tests.gateway.command import onecard, refused
from tests.gateway.small_federation import SmallFederation, found
from tests.gateway.trust_calls import mark_of
from tests.sandbox_fixture.running import wait_until
from trust.errors import ChainError, TrustError
from trust.historical_keys import verify_historical_keys
from trust.keys import SigningKey
from trust.statement import read_configuration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AGREEMENT = "sichuan-chongqing"


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallFederation]:
    """Run two regions and their anchor; whoever cannot be believed is not waited for."""
    monkeypatch.setenv("COLUMNS", "400")
    with SmallFederation(found(tmp_path / "two", "chongqing", "sichuan", first_round_seconds=0.5)) as running:
        running.start("chongqing", "sichuan")
        yield running


def key_file(federation: SmallFederation) -> Path:
    """Name the file of the key that signs."""
    return federation.anchors.parent / AGREEMENT / ANCHOR_KEY


def fetched(federation: SmallFederation, path: str) -> str:
    """Fetch what the anchor serves."""
    url = f"http://{federation.layout.anchors_address}/{AGREEMENT}{path}"
    with urllib.request.urlopen(url, timeout=10) as reply:
        return str(reply.read().decode())


def published(federation: SmallFederation) -> tuple[str, frozenset[str]]:
    """Give the kid that signs the anchor's configuration, and those that it lists."""
    claims, signer = read_configuration(fetched(federation, "/.well-known/openid-federation"))
    return signer.kid, frozenset(key.kid for key in claims.keys)


def step(federation: SmallFederation, name: str) -> None:
    """Take a step by the command, and wait until the running anchor has followed."""
    before = published(federation)
    anchor_console.rotate(federation.anchors, federation.anchor(), step=name)
    wait_until(lambda: published(federation) != before, what=f"{name} is taken up")


def rotate(federation: SmallFederation) -> None:
    """Rotate the anchor's key, all three steps at once."""
    for name in ("stage", "switch", "retire"):
        step(federation, name)


def believes(federation: SmallFederation, region: str = "sichuan", peer: str = "chongqing") -> bool:
    """Tell whether a fresh look at the anchor's statements is believed."""
    desk = federation.sides[region].desk
    return bool(federation.run(desk.refresh((federation.anchor(), federation.entity(peer)))))


def soon_believes(federation: SmallFederation, *place: str) -> None:
    """Wait until it does: each issue is dated a second after the one before, and tests issue faster than that."""
    wait_until(lambda: believes(federation, *place), what="the anchor is followed")


def why_not(federation: SmallFederation) -> TrustError | None:
    """Say why Sichuan does not believe what it fetched last."""
    (told,) = federation.sides["sichuan"].desk.explain("chongqing")
    assert told.chain is not None
    return told.chain.error


def test_an_anchor_rotates_its_key_without_a_restart(federation: SmallFederation) -> None:
    """TL5: v1 to v5: who looks at each step follows, and so do the statements about members."""
    first = mark_of(key_file(federation))
    for _ in range(5):
        for name in ("stage", "switch", "retire"):
            step(federation, name)
            soon_believes(federation)
            soon_believes(federation, "chongqing", "sichuan")
    last = mark_of(key_file(federation))
    assert published(federation) == (last, frozenset({last}))
    assert first != last
    statement = federation.sides["sichuan"].desk.chain_for(federation.entity("chongqing"), federation.anchor())
    assert read_configuration(statement[2])[1].kid == last
    assert believes(federation)


def test_who_slept_through_rotations_follows_the_links(federation: SmallFederation) -> None:
    """TL5: with the first fingerprint pinned and nothing remembered, five links lead to today's key."""
    first = mark_of(key_file(federation))
    for _ in range(5):
        rotate(federation)
    assert len(json.loads(fetched(federation, "/federation/links"))) == 5
    federation.forget("sichuan")
    assert first in federation.config("sichuan").read_text("utf-8")
    soon_believes(federation)
    ended = verify_historical_keys(
        fetched(federation, "/federation/historical-keys"),
        entity=federation.anchor(),
        keys=read_configuration(fetched(federation, "/.well-known/openid-federation"))[0].keys,
        now=2**40,
    )
    assert (len(ended), ended[0].key.kid, [key.reason for key in ended]) == (5, first, [None] * 5)


def test_a_link_that_is_left_out_leads_nowhere(federation: SmallFederation) -> None:
    """TL5: one of five is gone: the fingerprint of the first key proves nothing any more."""
    for _ in range(5):
        rotate(federation)
    federation.stop_anchors()
    path = key_file(federation).with_name("links.json")
    links = json.loads(path.read_text("ascii"))
    path.write_text(json.dumps(links[:2] + links[3:]), "ascii")
    federation.start_anchors()
    federation.forget("sichuan")
    assert not believes(federation)
    assert isinstance(why_not(federation), ChainError)


def test_another_root_is_not_followed(federation: SmallFederation) -> None:
    """TL5: a key that no former one has listed, though it signs itself well, is not the anchor's."""
    federation.stop_anchors()
    path = key_file(federation)
    path.unlink()
    write_key(path, SigningKey.generate("ES256", issuer=federation.anchor()), preamble=b"# Made by the sandbox")
    federation.start_anchors()
    assert not believes(federation)
    assert isinstance(why_not(federation), ChainError)


def test_a_step_that_is_taken_while_nothing_runs_leaves_a_link_too(federation: SmallFederation) -> None:
    """Announced by the running anchor, switched and retired before the next start: whoever slept follows."""
    step(federation, "stage")
    federation.stop_anchors()
    for name in ("switch", "retire"):
        anchor_console.rotate(federation.anchors, federation.anchor(), step=name)
    federation.start_anchors()
    federation.stop_anchors()
    federation.start_anchors()
    assert len(json.loads(fetched(federation, "/federation/links"))) == 1, "each key hands on once"
    soon_believes(federation)
    federation.forget("sichuan")
    soon_believes(federation)


def test_a_key_that_cannot_be_used_changes_nothing(federation: SmallFederation) -> None:
    """It is told once, and the anchor goes on with the keys that it has; put right, it is taken up."""
    before, path = published(federation), next_file(key_file(federation))

    def told() -> list[str]:
        return [line["error"] for line in federation.journal.lines if line["event"] == "anchor_not_renewed"]

    closed = path.with_name("not-looked-at")
    closed.touch(0o600)
    closed.write_bytes(b"no key at all")
    closed.replace(path)  # as a whole: an open file in between would be a fault of its own
    wait_until(lambda: len(told()) == 1, what="it is told")
    path.chmod(0o644)
    wait_until(lambda: len(told()) == 2, what="the other fault is told")
    assert believes(federation)
    assert (published(federation), told()) == (before, ["SettingsError"] * 2)
    path.unlink()
    step(federation, "stage")
    assert published(federation)[0] == before[0]


def test_a_retired_key_does_not_come_back(federation: SmallFederation) -> None:
    """Put into the folder again, it is refused, and told."""
    old = key_file(federation).read_bytes()
    rotate(federation)
    before, path = published(federation), next_file(key_file(federation))
    path.touch(0o600)
    path.write_bytes(old)
    wait_until(
        lambda: any(line.get("error") == "KeyMaterialError" for line in federation.journal.lines), what="it is told"
    )
    assert published(federation) == before


def test_the_command_tells_the_fingerprint(federation: SmallFederation) -> None:
    """Of the key that each step is about; a step out of turn, or of another anchor, is refused."""
    common = (federation.anchor(), "--config", federation.anchors)
    staged = onecard("anchor", "key", *common, "stage")
    assert staged.stdout == f"{mark_of(next_file(key_file(federation)))} is announced, and signs nothing yet\n"
    assert "a key is never overwritten" in refused("anchor", "key", *common, "stage")
    switched = onecard("anchor", "key", *common, "switch")
    assert switched.stdout == f"{mark_of(key_file(federation))} signs; the former key is listed still\n"
    assert former_file(key_file(federation)).exists()
    retired = onecard("anchor", "key", *common, "retire")
    assert retired.stdout == f"{mark_of(key_file(federation))} signs; the former key is among the historical ones\n"
    assert "is not there" in refused("anchor", "key", *common, "retire")
    with pytest.raises(SettingsError, match="no such anchor"):
        anchor_console.rotate(federation.anchors, "https://elsewhere.example", step="stage")
