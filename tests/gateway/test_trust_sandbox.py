"""Trust between real gateways: keys are rotated and revoked, agreements stopped, anchors withdraw and fall silent.

These tests spoil their sandbox one after the other, so it is their own, and their order is that of the file.
"""

from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
import jwt
import pytest

from adapters.registry import load_registry
from gateway.anchor_console import admit, revoke, withdraw
from gateway.keys_console import retire_key, stage_key, switch_key
from gateway.sandbox.layout import Layout
from gateway.trust_console import revoke as revoke_own
from tests.gateway.trust_calls import (
    AsGateway,
    Conversation,
    Load,
    Platform,
    anchors_pid,
    ask,
    asked,
    certificate_mark,
    claims_of,
    found,
    kid_of,
    mark_of,
    refused_with,
    show,
    soon,
    taken_up,
)
from tests.sandbox_fixture.running import RunningSandbox, free_port_base, onecard, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.slow]

OK = grpc.StatusCode.OK
ROTATIONS = ("region", "caller", "federation", "region", "caller", "region", "federation", "caller", "region", "region")
FILES = {"region": "region.pem", "caller": "gateway.pem", "federation": "federation.pem"}
REFRESH_SECONDS = 2


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """Run a sandbox that these tests may spoil."""
    if not Path("/proc/self/cmdline").is_file():
        pytest.skip("no process table at /proc on this machine")
    running = RunningSandbox(tmp_path_factory.mktemp("trust") / "sandbox", free_port_base(), ("--keep",))
    found(running.folder, running.port_base, load_registry(), refresh_seconds=REFRESH_SECONDS)
    try:
        running.start()
        yield running
    finally:
        try:
            running.stop(signal.SIGINT)
        finally:
            running.sweep()


def config_of(sandbox: RunningSandbox, region: str) -> Path:
    """Name the configuration of a region's gateway."""
    return Layout.load(sandbox.folder).config(region)


def entity_of(region: str) -> str:
    """Name the entity of a region."""
    return f"https://{region}.onecard.test"


def cards_asked(sandbox: RunningSandbox, region: str) -> int:
    """Count how often a gateway was asked about a card; it hears other things all the time."""
    return sum(event.get("method") == "IdentityService/VerifyCard" for event in sandbox.events(region))


def admit_again(sandbox: RunningSandbox, *, fingerprint: str) -> None:
    """Have each anchor take Chongqing's configuration now and not within the minute, as its operator can."""
    layout = Layout.load(sandbox.folder)
    for agreement in ("chongqing-guizhou", "chongqing-xizang", "sichuan-chongqing"):
        at = layout.anchor(agreement).entity
        admit(layout.anchors_config, at, entity=entity_of("chongqing"), fingerprint=fingerprint, request=None)


def step(sandbox: RunningSandbox, act: Callable[..., None], use: str) -> None:
    """Take one step of a rotation, and wait until the running gateway tells that it has followed."""
    before = taken_up(sandbox, "chongqing")
    act(config_of(sandbox, "chongqing"), use=use, region="")
    soon(lambda: taken_up(sandbox, "chongqing") > before, what=f"{act.__name__} of the {use} key is taken up")


def retire_at_once(config: Path, *, use: str, region: str) -> None:
    """Retire a key while what it signed is alive, which is then refused."""
    retire_key(config, use=use, region=region, at_once=True)


def rotate(sandbox: RunningSandbox, load: Load, use: str) -> None:
    """Rotate one key of Chongqing, step by step; what the former key signed is good until it is retired."""
    path = sandbox.folder / "chongqing" / FILES[use]
    former = mark_of(path)
    step(sandbox, stage_key, use)
    if use == "federation":
        admit_again(sandbox, fingerprint=former)
    old = load.latest["sichuan", "chongqing"]
    step(sandbox, switch_key, use)
    load.next_round()
    with Platform(sandbox, "sichuan") as sichuan, AsGateway(sandbox, "chongqing", "sichuan") as chongqing:
        assert show(sichuan, old).code is OK, "what the former key signed is good until it is retired"
        step(sandbox, retire_at_once, use)
        if use == "region":
            assert kid_of(old) == former
            soon(lambda: show(sichuan, old).reason == "UNKNOWN_KEY", what="the former region key is not believed")
            assert show(sichuan, load.latest["sichuan", "chongqing"]).code is OK
        assert ask(chongqing, "sichuan").code is OK, "the caller key that signs now"
    if use == "federation":
        admit_again(sandbox, fingerprint=mark_of(path))
    load.next_round()


def test_ten_rotations_under_load_fail_no_valid_call(own: RunningSandbox) -> None:
    """TL6: keys of recognitions, calls and statements change ten times; no honest call fails, no former key is good."""
    with Load(own, (("sichuan", "chongqing"), ("chongqing", "sichuan"))) as load:
        load.next_round()
        former = AsGateway(own, "chongqing", "sichuan")
        for use in ROTATIONS:
            rotate(own, load, use)
        soon(lambda: ask(former, "sichuan").reason == "UNKNOWN_KEY", what="the first caller key is not believed")
        former.channel.close()
    print(f"{load.good} calls beside ten rotations")  # noqa: T201 - told, and only bounded from below
    assert load.failed == []
    assert load.good >= 50


def test_hongkong_reads_a_recognition_of_guangdong_that_both_can_prove(own: RunningSandbox) -> None:
    """Guangdong signs in SM2 and counter-signs for Hong Kong in ES256; later it proves that both say the same."""
    with Platform(own, "hongkong") as hongkong:
        recognition = ask(hongkong, "guangdong").reply.recognition
        shown = show(hongkong, recognition).reply
    assert jwt.get_unverified_header(recognition)["alg"] == "ES256"
    assert kid_of(recognition) == mark_of(own.folder / "guangdong" / "partner.pem")
    said = claims_of(recognition)
    assert shown.claims.token_id == said["jti"]
    proven = onecard("recognition", "prove", said["jti"], "--config", str(config_of(own, "guangdong")))
    assert proven.returncode == 0, proven.stderr
    original = mark_of(own.folder / "guangdong" / "region.pem")
    assert f"original        SGD_SM3_SM2  {original}" in proven.stdout
    assert f"counter-signed  ES256        {kid_of(recognition)}" in proven.stdout
    assert "both say the same: guangdong to hongkong" in proven.stdout
    strange = onecard("recognition", "prove", "nobody-knows-it", "--config", str(config_of(own, "guangdong")))
    assert (strange.returncode, "no recognition of this identifier" in strange.stderr) == (2, True)


def test_without_an_agreement_nobody_is_asked(own: RunningSandbox) -> None:
    """AZ1: Sichuan has no agreement with Macao: its gateway refuses, and Macao's hears nothing of it."""
    before = len(own.events("macao"))
    refused = asked(own, "sichuan", "macao")
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NO_AGREEMENT")
    assert len(own.events("macao")) == before


def test_trust_ends_at_the_agreement(own: RunningSandbox) -> None:
    """AZ3: Sichuan believes Chongqing, and Chongqing Xizang; Xizang is nobody to Sichuan, nor a way through."""
    with AsGateway(own, "xizang", "sichuan") as xizang:
        stranger = ask(xizang, "sichuan")
    assert (stranger.code, stranger.reason) == (grpc.StatusCode.UNAUTHENTICATED, "ISSUER_UNKNOWN")
    with AsGateway(own, "xizang", "chongqing") as xizang:
        assert ask(xizang, "chongqing").code is OK, "its own agreement"
        through = ask(xizang, "sichuan")
    assert (through.code, through.reason) == (grpc.StatusCode.PERMISSION_DENIED, "NOT_TRANSITIVE")
    recognition = asked(own, "xizang", "chongqing").reply.recognition
    with Platform(own, "sichuan") as sichuan, Platform(own, "xizang") as xizang_platform:
        assert show(xizang_platform, recognition).code is OK
        assert show(sichuan, recognition).reason == "AUDIENCE"


def test_a_certificate_and_a_token_of_two_regions_do_not_go_together(own: RunningSandbox) -> None:
    """AZ2: Guizhou's certificate under Xizang's token is refused by Chongqing, which believes both by themselves."""
    with AsGateway(own, "guizhou", "chongqing") as mixed, AsGateway(own, "xizang", "chongqing") as xizang:
        assert ask(mixed, "chongqing").code is OK
        mixed.token = xizang.token
        refused = ask(mixed, "chongqing")
        mixed.token = AsGateway.bearer(own, "xizang", "chongqing", bound=False)
        unbound = ask(mixed, "chongqing")
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "BINDING")
    assert unbound.reason == "PEER_ISSUER_MISMATCH"


def test_a_revoked_key_is_dead_at_every_node(own: RunningSandbox) -> None:
    """TL7: Chongqing revokes the key of its recognitions: all three who share an agreement with it refuse them."""
    visitors = ("guizhou", "sichuan", "xizang")
    tokens = {visited: asked(own, visited, "chongqing").reply.recognition for visited in visitors}
    path = own.folder / "chongqing" / "region.pem"
    with Platform(own, "guizhou") as guizhou, Platform(own, "sichuan") as sichuan, Platform(own, "xizang") as xizang:
        platforms = {"guizhou": guizhou, "sichuan": sichuan, "xizang": xizang}
        assert {show(platforms[visited], tokens[visited]).code for visited in visitors} == {OK}
        revoke_own(config_of(own, "chongqing"), kind="key", target=mark_of(path), reason="compromised", region="")
        for visited in visitors:
            dead = refused_with("KEY_REVOKED", show, platforms[visited], tokens[visited])
            soon(dead, what=f"refused in {visited}")
        refused = show(sichuan, tokens["sichuan"])
        assert (refused.code, refused.reason) == (grpc.StatusCode.UNAUTHENTICATED, "KEY_REVOKED")
        assert ask(sichuan, "chongqing").reason == "PEER_PROTOCOL", "what a dead key signs is believed by nobody"
        for act in (stage_key, switch_key, retire_at_once):
            step(own, act, "region")
        soon(lambda: ask(sichuan, "chongqing").code is OK, what="another key is believed")
        assert show(sichuan, tokens["sichuan"]).reason in {"KEY_REVOKED", "UNKNOWN_KEY"}


def test_a_key_is_revoked_under_an_open_stream(own: RunningSandbox) -> None:
    """TL7: the next message of a stream that began before is refused, and so is a call over the same connection."""
    with AsGateway(own, "guizhou", "chongqing") as guizhou, AsGateway(own, "xizang", "chongqing") as other:
        talk, bystander = Conversation(guizhou), Conversation(other)
        assert (talk.ask("chongqing"), bystander.ask("chongqing")) == ("OK", "OK")
        key = mark_of(own.folder / "guizhou" / "gateway.pem")
        revoke_own(config_of(own, "guizhou"), kind="key", target=key, reason="compromised", region="")
        soon(lambda: ask(guizhou, "chongqing").reason == "KEY_REVOKED", what="a call with a revoked key")
        assert talk.ask("chongqing") == "UNAUTHENTICATED KEY_REVOKED"
        assert bystander.ask("chongqing") == "OK"
        bystander.close()


def test_a_certificate_is_revoked_under_an_open_connection(own: RunningSandbox) -> None:
    """TR2: the anchor revokes Xizang's certificate: no message and no call comes through on the open connection."""
    layout = Layout.load(own.folder)
    anchor = layout.anchor("chongqing-xizang").entity
    with AsGateway(own, "xizang", "chongqing") as xizang:
        talk = Conversation(xizang)
        assert (talk.ask("chongqing"), ask(xizang, "chongqing").code) == ("OK", OK)
        mark = certificate_mark(own, "xizang")
        at = entity_of("xizang")
        revoke(layout.anchors_config, anchor, kind="certificate", entity=at, target=mark, reason="compromised")
        soon(lambda: ask(xizang, "chongqing").reason == "PEER_REVOKED", what="a call with a revoked certificate")
        refused = ask(xizang, "chongqing")
        assert (refused.code, talk.ask("chongqing")) == (
            grpc.StatusCode.UNAUTHENTICATED,
            "UNAUTHENTICATED PEER_REVOKED",
        )


def test_an_agreement_is_stopped_by_one_command(own: RunningSandbox) -> None:
    """Guizhou stops its agreement with Chongqing: neither side gives anything under it, and no other one is touched."""
    recognition = asked(own, "chongqing", "guizhou").reply.recognition
    stopped = onecard("federation", "stop", "chongqing-guizhou", "--config", str(config_of(own, "guizhou")))
    assert stopped.returncode == 0, stopped.stderr
    for visited, home in (("guizhou", "chongqing"), ("chongqing", "guizhou")):
        soon(refused_with("AGREEMENT_STOPPED", asked, own, visited, home), what=f"nothing of {home} for {visited}")
    refused = asked(own, "chongqing", "guizhou")
    assert (refused.code, refused.reason) == (grpc.StatusCode.PERMISSION_DENIED, "AGREEMENT_STOPPED")
    with Platform(own, "chongqing") as chongqing:
        assert show(chongqing, recognition).reason == "AGREEMENT_STOPPED"
    assert asked(own, "chongqing", "sichuan").code is OK
    shown = onecard("federation", "show", "--config", str(config_of(own, "chongqing")))
    assert shown.returncode == 1
    assert "stopped" in shown.stdout


def test_a_node_believes_what_it_remembers_while_the_anchors_are_silent(own: RunningSandbox) -> None:
    """A gateway that starts while no anchor answers goes by what it has kept, and answers at once."""
    with own.paused(anchors_pid(own)):
        own.serve_again("hongkong")
        with Platform(own, "hongkong") as hongkong:
            answer = ask(hongkong, "guangdong")
            assert show(hongkong, answer.reply.recognition).code is OK
        soon(lambda: asked(own, "guangdong", "hongkong").code is OK, what="Hong Kong is reached again")


def test_whom_an_anchor_dropped_is_not_believed_without_memory(own: RunningSandbox) -> None:
    """Withdrawn, Sichuan is believed until its statement ends by who has one; who begins afresh does not believe it."""
    layout = Layout.load(own.folder)
    withdraw(layout.anchors_config, layout.anchor("sichuan-chongqing").entity, entity=entity_of("sichuan"))
    own.serve_again("chongqing")
    assert asked(own, "chongqing", "sichuan").code is OK, "remembered"
    own.send("chongqing", signal.SIGTERM)
    wait_until(lambda: own.pid("chongqing") is None, what="end of a gateway")
    shutil.rmtree(own.folder / "chongqing" / "trust" / "desk")
    own.restart("chongqing")
    before = cards_asked(own, "sichuan")
    refused = asked(own, "chongqing", "sichuan")
    assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "PEER_PROTOCOL")
    assert cards_asked(own, "sichuan") == before, "no card number goes to whom nobody vouches for"
    with AsGateway(own, "sichuan", "chongqing") as sichuan:
        stranger = ask(sichuan, "chongqing")
    assert (stranger.code, stranger.reason) == (grpc.StatusCode.UNAUTHENTICATED, "ISSUER_UNKNOWN")
    assert asked(own, "chongqing", "chongqing").code is OK
