"""The commands about trust: join, show, explain, sign, revoke, stop and prove, beside gateways that run or do not."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import pytest

from gateway import anchor_console, trust_console
from gateway.bootstrap_trust import build_trust
from gateway.errors import SettingsError
from gateway.federation.fetch import FetchError
from gateway.settings import load_settings
from tests.fakes.journal import FakeJournal
from tests.gateway.small_federation import SmallFederation, found
from tests.sandbox_fixture.running import wait_until
from tests.trust.forge import recognition
from trust.keys import SigningKey, thumbprint
from trust.statement import read_configuration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.federation.desk import AnchorExplanation

MARK = "A" * 43


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the commands a terminal in which no word is broken."""
    monkeypatch.setenv("COLUMNS", "400")


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[SmallFederation]:
    """Run three regions and their anchors; Chongqing is party to both agreements."""
    with SmallFederation(found(tmp_path / "three", "chongqing", "sichuan", "xizang")) as running:
        running.start("chongqing", "sichuan", "xizang")
        yield running


def told(federation: SmallFederation, region: str, about: str) -> tuple[AnchorExplanation, ...]:
    """Ask the running trust of a region about another."""
    return federation.sides[region].desk.explain(about)


def test_join_says_who_vouches(federation: SmallFederation, capsys: pytest.CaptureFixture[str]) -> None:
    """Where each anchor has admitted us, join ends with 0 and one line for each; one can be named."""
    config = federation.config("chongqing")
    assert trust_console.join(config, anchor="") == 0
    lines = capsys.readouterr().out.splitlines()
    assert sorted(lines) == sorted(
        f"{federation.anchor(name)} vouches for {federation.entity('chongqing')}"
        for name in ("chongqing-xizang", "sichuan-chongqing")
    )
    assert trust_console.join(config, anchor=federation.anchor()) == 0
    assert capsys.readouterr().out.splitlines() == [lines[-1]] or federation.anchor() in lines[-1]


def test_join_writes_the_request_where_nobody_vouches_yet(
    federation: SmallFederation, capsys: pytest.CaptureFixture[str]
) -> None:
    """Join tells what to give the anchor's operator, who admits us by exactly that."""
    entity, config = federation.entity("sichuan"), federation.config("sichuan")
    anchor_console.withdraw(federation.anchors, federation.anchor(), entity=entity)
    federation.forget("sichuan")
    assert trust_console.join(config, anchor="") == 1
    out = capsys.readouterr().out
    key = SigningKey.from_pem((config.parent / "federation.pem").read_bytes(), issuer=entity)
    mark = thumbprint(key.public().public_key)
    assert f"fingerprint  {mark}" in out
    assert f"entity       {entity}" in out
    request = config.with_name("sichuan.join-request.jwt")
    assert f"request      {request.name}" in out
    anchor_console.admit(federation.anchors, federation.anchor(), entity=entity, fingerprint=mark, request=request)
    wait_until(lambda: trust_console.join(config, anchor="") == 0, what="the anchor vouches")


def test_a_request_to_join_is_what_the_running_gateway_publishes(federation: SmallFederation) -> None:
    """Where the gateway runs, the request is its own configuration, so that no later number goes round."""
    anchor_console.withdraw(federation.anchors, federation.anchor(), entity=federation.entity("sichuan"))
    federation.forget("sichuan")
    config = federation.config("sichuan")
    published = federation.sides["sichuan"].homes["sichuan"].publisher.text()
    assert trust_console.join(config, anchor="") == 1
    assert config.with_name("sichuan.join-request.jwt").read_text("ascii") == published


def test_commands_that_only_look_leave_the_state_alone(federation: SmallFederation) -> None:
    """Explain, chain, show and join beside a running gateway change no file of its state, not even a number."""
    config, state = federation.config("sichuan"), federation.layout.home("sichuan") / "trust"

    def kept() -> dict[str, bytes]:
        own = (state / "sichuan", state / "signed.json")
        files = (path for place in own for path in (place, *place.rglob("*")) if path.is_file())
        return {path.name: path.read_bytes() for path in files}

    before = kept()
    assert trust_console.explain(config, "chongqing") == 0
    assert trust_console.print_chain(config, "sichuan", anchor="") == 0
    assert trust_console.show(config) == 0
    assert trust_console.join(config, anchor="") == 0
    assert {"versions.json", "configuration.jwt", "signed.json"} <= set(before)
    assert kept() == before


def test_join_knows_pinned_anchors_only(federation: SmallFederation) -> None:
    """An anchor that is not pinned is a mistake, and the pinned ones are told, or that there are none."""
    with pytest.raises(SettingsError, match=r"not pinned in this configuration; pinned: https://.*/chongqing-xizang"):
        trust_console.join(federation.config("xizang"), anchor="https://elsewhere.example")
    config = federation.config("xizang")
    text = config.read_text("utf-8")
    begin, end = text.index("[[trust.anchor]]"), text.index("[[home]]")
    config.write_text(text[:begin] + text[end:], "utf-8")
    with pytest.raises(SettingsError, match="pinned: none"):
        trust_console.join(config, anchor="https://elsewhere.example")
    assert trust_console.join(config, anchor="") == 0


def test_show_lists_every_party(federation: SmallFederation, capsys: pytest.CaptureFixture[str]) -> None:
    """Where all is well it ends with 0; where a party is not believed with 1, and says why."""
    config = federation.config("chongqing")
    assert trust_console.show(config) == 0
    out = capsys.readouterr().out
    assert [line.split("│")[2].strip() for line in out.splitlines() if line.startswith("│")] == [
        "chongqing",
        "xizang",
        "chongqing",
        "sichuan",
    ]
    anchor_console.withdraw(federation.anchors, federation.anchor(), entity=federation.entity("sichuan"))
    federation.forget("sichuan", "chongqing")
    assert trust_console.show(federation.config("sichuan")) == 1
    assert "could not be fetched. (status, 404)" in capsys.readouterr().out


def test_explain_tells_the_chain(federation: SmallFederation, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a believed peer it tells each statement; of one that cannot be had the fault; of a stranger that it is one."""
    config = federation.config("chongqing")
    assert trust_console.explain(config, "sichuan") == 0
    out = capsys.readouterr().out
    assert out.count("  holds ") == 3
    assert "=> believed until " in out
    anchor_console.withdraw(federation.anchors, federation.anchor(), entity=federation.entity("sichuan"))
    federation.forget("chongqing")
    assert trust_console.explain(config, "sichuan") == 1
    out = capsys.readouterr().out
    assert "  not fetched " in out
    assert "=> not believed: " in out
    assert trust_console.explain(config, "macao") == 1
    assert capsys.readouterr().out.startswith("macao: no agreement of ours names it")


def test_sign_adds_a_signature_that_is_proven(federation: SmallFederation, capsys: pytest.CaptureFixture[str]) -> None:
    """An agreement that lacks our signature stands once we have signed it; another one's is none of our business."""
    config = federation.config("sichuan")
    signatures = federation.layout.folder / "agreements" / "sichuan_chongqing.signatures"
    kept = signatures.read_text("ascii").splitlines()
    for region in ("chongqing", "sichuan"):
        federation.stop(region)
        (federation.layout.home(region) / "trust" / "signed.json").unlink()
    signatures.write_text(kept[1] + "\n", "ascii")
    assert trust_console.show(config) == 1
    assert "│ no " in capsys.readouterr().out
    trust_console.sign_agreement(config, "sichuan-chongqing", region="")
    assert capsys.readouterr().out.startswith("sichuan has signed sichuan-chongqing: ")
    assert len(signatures.read_text("ascii").splitlines()) == 2
    federation.start("chongqing", "sichuan")
    trust_console.sign_agreement(federation.config("chongqing"), "sichuan-chongqing", region="chongqing")
    assert trust_console.show(config) == 0
    with pytest.raises(SettingsError, match="greater-bay-area: no pinned anchor stands for it"):
        trust_console.sign_agreement(config, "greater-bay-area", region="")


def test_what_is_revoked_goes_round(federation: SmallFederation, capsys: pytest.CaptureFixture[str]) -> None:
    """Our gateway takes what we revoke and the others learn of it; each revocation has the next number."""
    config = federation.config("sichuan")
    for kind, mark in (("certificate", MARK), ("key", "B" * 42 + "A")):
        trust_console.revoke(config, kind=kind, target=mark, reason="superseded", region="")
    assert f"key of {federation.entity('sichuan')} is revoked: superseded" in capsys.readouterr().out
    wait_until(lambda: len(told(federation, "chongqing", "sichuan")[0].revocations) == 2, what="both are known")
    assert [said.sequence for said in told(federation, "chongqing", "sichuan")[0].revocations] == [1, 2]
    trust_console.revoke(config, kind="entity", target="", reason="ceased", region="sichuan")
    wait_until(lambda: len(told(federation, "chongqing", "sichuan")[0].revocations) == 3, what="the entity is dead")
    last = told(federation, "chongqing", "sichuan")[0].revocations[-1]
    assert (last.kind, last.target, last.sequence) == ("entity", federation.entity("sichuan"), 3)


def test_an_agreement_is_stopped_by_a_party(federation: SmallFederation, capsys: pytest.CaptureFixture[str]) -> None:
    """The other party learns that it is stopped; an agreement that we are no party to cannot be stopped by us."""
    config = federation.config("sichuan")
    trust_console.stop_agreement(config, "sichuan-chongqing", reason="emergency", region="")
    assert "sichuan-chongqing is stopped: emergency" in capsys.readouterr().out
    wait_until(lambda: trust_console.show(federation.config("chongqing")) == 1, what="the other party knows")
    assert "stopped" in capsys.readouterr().out
    assert trust_console.explain(federation.config("chongqing"), "sichuan") in {0, 1}
    assert "revoked     agreement sichuan-chongqing by" in capsys.readouterr().out
    with pytest.raises(SettingsError, match="chongqing-xizang: no pinned anchor stands for it"):
        trust_console.stop_agreement(config, "chongqing-xizang", reason="emergency", region="")


def test_nothing_is_revoked_beside_a_gateway_that_does_not_run(federation: SmallFederation) -> None:
    """A revocation that nobody would tell the others of is not made."""
    federation.stop("sichuan")
    with pytest.raises(FetchError):
        trust_console.revoke(
            federation.config("sichuan"), kind="key", target=MARK, reason="compromised", region="sichuan"
        )


def test_a_home_region_that_is_not_ours_is_told(federation: SmallFederation) -> None:
    """The home regions that there are, are named."""
    with pytest.raises(SettingsError, match="--home: name one of sichuan"):
        trust_console.revoke(
            federation.config("sichuan"), kind="key", target=MARK, reason="compromised", region="chongqing"
        )


def test_prove_tells_both_signatures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was counter-signed is proven from what was kept; nobody proves what was not."""
    layout = found(tmp_path / "bay", "guangdong", "hongkong", "macao")
    config = layout.config("guangdong")
    now = int(time.time())
    claims = dataclasses.replace(
        recognition(iss="guangdong", aud="hongkong"),
        iat=now,
        nbf=now,
        exp=now + 300,
        card_status_as_of=now,
        agreement="greater-bay-area",
    )
    keys = build_trust(load_settings(config), journal=FakeJournal()).homes["guangdong"]
    keys.issue(claims)
    trust_console.prove_recognition(config, claims.jti, region="")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["original", "SGD_SM3_SM2"], ["counter-signed", "ES256"]]
    assert lines[3] == f"both say the same: guangdong to hongkong, item {claims.item}"
    with pytest.raises(SettingsError, match="no recognition of this identifier was kept"):
        trust_console.prove_recognition(config, "another", region="")
    with pytest.raises(SettingsError, match="hongkong counter-signs nothing"):
        trust_console.prove_recognition(layout.config("hongkong"), claims.jti, region="")


def test_a_join_request_is_a_configuration(federation: SmallFederation) -> None:
    """What is written beside a gateway that does not run is an entity configuration of the region, signed by it."""
    anchor_console.withdraw(federation.anchors, federation.anchor(), entity=federation.entity("sichuan"))
    federation.forget("sichuan")
    federation.stop("sichuan")
    config = federation.config("sichuan")
    assert trust_console.join(config, anchor=federation.anchor()) == 1
    asked, _ = read_configuration(config.with_name("sichuan.join-request.jwt").read_text("ascii"))
    assert (asked.sub, asked.authority_hints) == (federation.entity("sichuan"), (federation.anchor(),))
