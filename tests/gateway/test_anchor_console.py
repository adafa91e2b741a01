"""The commands of an anchor: they change its folder, whether it runs or not, and say what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway import anchor_console
from gateway.bootstrap_anchors import anchor_config
from gateway.errors import SettingsError
from gateway.federation.fetch import FetchError
from gateway.federation.register_body import AnchorBody
from gateway.settings import load_anchors
from tests.gateway.command import refused
from tests.gateway.small_federation import SmallFederation, found
from trust.errors import ClaimInvalidError, UnknownIssuerError, UnknownKeyError
from trust.keys import SigningKey, thumbprint
from trust.revocation import read_revocation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trust.revocation import Revocation

MARK = "A" * 43


@pytest.fixture
def federation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallFederation]:
    """Run two regions and their anchor, in a wide terminal."""
    monkeypatch.setenv("COLUMNS", "400")
    with SmallFederation(found(tmp_path / "two", "chongqing", "sichuan")) as running:
        running.start("chongqing", "sichuan")
        yield running


def mark_of(federation: SmallFederation, region: str) -> str:
    """Give the fingerprint that a region's operator would tell."""
    pem = (federation.layout.home(region) / "federation.pem").read_bytes()
    return thumbprint(SigningKey.from_pem(pem, issuer=federation.entity(region)).public().public_key)


def body_of(federation: SmallFederation) -> AnchorBody:
    """Open the folder of the anchor, as a command does."""
    return AnchorBody(anchor_config(load_anchors(federation.anchors).anchor[0]), clock=lambda: 0.0)


def revoked(federation: SmallFederation) -> list[Revocation]:
    """Give what the anchor has revoked."""
    return [read_revocation(text)[1] for _, text in body_of(federation).feed(0)[0]]


def test_members_are_listed_with_their_keys(federation: SmallFederation, capsys: pytest.CaptureFixture[str]) -> None:
    """Each party is there, admitted with the thumbprint of its key, or not admitted."""
    anchor_console.withdraw(federation.anchors, federation.anchor(), entity=federation.entity("sichuan"))
    assert "vouches for https://sichuan.onecard.test no longer" in capsys.readouterr().out
    anchor_console.list_members(federation.anchors)
    rows = {
        cells[2].strip(): cells for line in capsys.readouterr().out.splitlines() if len(cells := line.split("│")) > 5
    }
    assert (rows["sichuan"][4].strip(), rows["sichuan"][5].strip()) == ("no", "")
    assert rows["chongqing"][4].strip().count("-") == 2
    assert rows["chongqing"][5].strip() == mark_of(federation, "chongqing")


def test_an_anchor_that_is_none_is_told_before_anybody_is_asked(federation: SmallFederation) -> None:
    """A wrong name is not taken for a member that cannot be reached."""
    federation.stop("sichuan")
    with pytest.raises(SettingsError, match="no such anchor in this configuration; there are: https"):
        anchor_console.admit(
            federation.anchors,
            "https://nobody.example",
            entity=federation.entity("sichuan"),
            fingerprint=MARK,
            request=None,
        )


def test_a_member_that_cannot_be_reached_is_named(federation: SmallFederation) -> None:
    """The command tells whose document could not be had, and why."""
    federation.stop("sichuan")
    entity = federation.entity("sichuan")
    told = refused(
        "anchor", "admit", federation.anchor(), entity, "--config", federation.anchors, "--fingerprint", MARK
    )
    assert f"(entity={entity}, fault=connect)" in told


def test_a_party_is_admitted_by_the_fingerprint_that_its_operator_told(
    federation: SmallFederation, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Its configuration is fetched, or comes in a file; another key or another entity is refused."""
    anchor, entity = federation.anchor(), federation.entity("sichuan")
    anchor_console.withdraw(federation.anchors, anchor, entity=entity)
    with pytest.raises(UnknownKeyError):
        anchor_console.admit(federation.anchors, anchor, entity=entity, fingerprint=MARK, request=None)
    mark = mark_of(federation, "sichuan")
    anchor_console.admit(federation.anchors, anchor, entity=entity, fingerprint=mark, request=None)
    assert capsys.readouterr().out.endswith(f"{anchor} vouches for {entity} as sichuan and gateway.sichuan\n")
    request = tmp_path / "request.jwt"
    request.write_text(federation.sides["sichuan"].homes["sichuan"].publisher.text() + "\n", "ascii")
    anchor_console.withdraw(federation.anchors, anchor, entity=entity)
    anchor_console.admit(federation.anchors, anchor, entity=entity, fingerprint=mark, request=request)
    assert entity in body_of(federation).register.members()
    with pytest.raises(SettingsError, match=f"the request is that of {entity}"):
        anchor_console.admit(
            federation.anchors, anchor, entity=federation.entity("chongqing"), fingerprint=mark, request=request
        )


def test_an_anchor_that_is_not_here_is_told(federation: SmallFederation) -> None:
    """The anchors of the configuration are named, and what is no member cannot be withdrawn."""
    with pytest.raises(SettingsError, match=f"no such anchor in this configuration; there are: {federation.anchor()}"):
        anchor_console.withdraw(federation.anchors, "https://elsewhere.example", entity=federation.entity("sichuan"))
    with pytest.raises(UnknownIssuerError):
        anchor_console.withdraw(federation.anchors, federation.anchor(), entity="https://elsewhere.example")


def test_what_an_anchor_revokes_is_in_its_feed(federation: SmallFederation, capsys: pytest.CaptureFixture[str]) -> None:
    """A key, a certificate, the whole of a member, and the agreement, each with the next number."""
    anchor, entity = federation.anchor(), federation.entity("sichuan")
    for kind in ("certificate", "key", "entity"):
        anchor_console.revoke(federation.anchors, anchor, kind=kind, entity=entity, target=MARK, reason="compromised")
        assert f"{kind} of {entity} is revoked: compromised" in capsys.readouterr().out
    anchor_console.stop(federation.anchors, anchor, agreement="sichuan-chongqing", reason="withdrawn")
    assert "sichuan-chongqing is stopped: withdrawn" in capsys.readouterr().out
    said = [(one.sequence, one.kind, one.sub, one.target) for one in revoked(federation)]
    assert said == [
        (1, "certificate", entity, MARK),
        (2, "key", entity, MARK),
        (3, "entity", entity, entity),
        (4, "agreement", anchor, "sichuan-chongqing"),
    ]
    assert entity not in body_of(federation).register.members()
    with pytest.raises(ClaimInvalidError):
        anchor_console.stop(federation.anchors, anchor, agreement="greater-bay-area", reason="withdrawn")


def test_a_party_that_cannot_be_reached_is_told(federation: SmallFederation) -> None:
    """Where nothing is given and nothing can be fetched, nobody is admitted."""
    federation.stop("sichuan")
    with pytest.raises(FetchError):
        anchor_console.admit(
            federation.anchors,
            federation.anchor(),
            entity=federation.entity("sichuan"),
            fingerprint=mark_of(federation, "sichuan"),
            request=None,
        )
