"""A static trust chain beside a recognition, between whole gateways and in files."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from gateway.settings import ANCHOR_KEY
from onecard.gateway.v1 import recognition_service_pb2 as pb
from tests.gateway.command import onecard, refused
from tests.gateway.small_federation import found
from tests.gateway.trust_calls import claims_of, mark_of
from tests.gateway.whole_federation import WholeFederation
from tests.sandbox_fixture.cards import issue_request, verify_request
from tests.sandbox_fixture.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ISSUE = "RecognitionService/IssueRecognition"
SHOW = "RecognitionService/VerifyRecognition"
AGREEMENT = "sichuan-chongqing"
MOST_BYTES = 16 * 1024


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeFederation]:
    """Run both; then the anchors fall silent, and Sichuan begins anew without anything that it remembers."""
    with WholeFederation(found(tmp_path_factory.mktemp("apart") / "two", "chongqing", "sichuan")) as running:
        running.start("chongqing", "sichuan")
        wait_until(lambda: bool(handed_over(running).trust_chain), what="Chongqing's own chain")
        running.stop_anchors()
        running.forget("sichuan")
        yield running


def handed_over(apart: WholeFederation) -> pb.IssueRecognitionResponse:
    """Let Chongqing issue a recognition, to be handed over with its chain."""
    request = issue_request("chongqing", "sichuan", "SC-13", request_id=f"chain-{time.monotonic_ns()}")
    request.include_trust_chain = True
    answer: pb.IssueRecognitionResponse = apart.call("chongqing", ISSUE, request).reply
    return answer


def shown(apart: WholeFederation, given: pb.IssueRecognitionResponse, *chain: str) -> str:
    """Show a recognition in Sichuan; gives code and reason where it is refused."""
    outcome = apart.call("sichuan", SHOW, pb.VerifyRecognitionRequest(recognition=given.recognition, trust_chain=chain))
    return "" if outcome.code.name == "OK" else f"{outcome.code.name} {outcome.reason}"


def test_who_cannot_fetch_believes_by_the_chain(apart: WholeFederation) -> None:
    """From the pinned anchor on: the key, the signature of the agreement, and the status list hang on it alone."""
    given = handed_over(apart)
    assert len(given.trust_chain) == 3
    assert sum(map(len, given.trust_chain)) < MOST_BYTES
    assert shown(apart, given) == "UNAUTHENTICATED ISSUER_UNKNOWN"
    assert shown(apart, given, *given.trust_chain) == ""
    assert shown(apart, given) == "UNAUTHENTICATED ISSUER_UNKNOWN", "the next one is refused as before"
    assert "chain" not in claims_of(given.recognition)


def test_a_chain_that_does_not_hold_is_refused_with_its_reason(apart: WholeFederation) -> None:
    """Cut short, turned round, or with a character changed: nobody takes it for a fault of ours."""
    given = handed_over(apart)
    own, about, top = given.trust_chain
    for chain in ((own, about), (top, about, own), (own, about[:-6] + "AAAAAA", top), ("", "", "")):
        assert shown(apart, given, *chain) == "PERMISSION_DENIED CHAIN_INVALID"


def test_a_recognition_that_was_taken_back_is_refused_beside_its_chain(apart: WholeFederation) -> None:
    """The status list is fetched from the region itself, and believed by the same key."""
    given = handed_over(apart)
    revoke = pb.RevokeRecognitionRequest(token_id=given.claims.token_id)
    assert apart.call("chongqing", "RecognitionService/RevokeRecognition", revoke).reply.revoked_count == 1
    wait_until(lambda: shown(apart, given, *given.trust_chain) == "UNAUTHENTICATED RECOGNITION_REVOKED", what="refused")


def test_a_chain_comes_with_a_verified_card_too(tmp_path: Path) -> None:
    """What Sichuan believes of Chongqing, if it is asked for; the same chain is printed by the command."""
    with WholeFederation(found(tmp_path / "two", "chongqing", "sichuan")) as running:
        running.start("chongqing", "sichuan")
        request = verify_request("chongqing", "SC-13", request_id="chain-1")
        request.include_trust_chain = True
        answer = running.call("sichuan", "IdentityService/VerifyCard", request).reply
        request.include_trust_chain = False
        again = running.call("sichuan", "IdentityService/VerifyCard", request).reply
        assert (len(answer.trust_chain), again.replayed, len(again.trust_chain)) == (3, True, 0)
        printed = onecard("trust", "chain", "chongqing", "--config", running.config("sichuan"))
        assert printed.exit_code == 0, printed.output
        about = json.loads(printed.stdout)
        assert (len(about), about[1:]) == (3, list(answer.trust_chain[1:]))
        mine = onecard("trust", "chain", "sichuan", "--config", running.config("sichuan"))
        assert (mine.exit_code, len(json.loads(mine.stdout))) == (0, 3)
        unknown = onecard("trust", "chain", "macao", "--config", running.config("sichuan"))
        assert (unknown.exit_code, unknown.stdout) == (1, "")
        assert "no chain to an anchor" in unknown.stderr


def test_of_several_chains_one_is_named(tmp_path: Path) -> None:
    """Chongqing is party to two agreements: which of its chains is meant has to be said."""
    with WholeFederation(found(tmp_path / "three", "chongqing", "sichuan", "xizang")) as running:
        running.start("chongqing", "sichuan", "xizang")
        config = running.config("chongqing")
        told = refused("trust", "chain", "chongqing", "--config", config)
        assert running.anchor() in told
        assert running.anchor("chongqing-xizang") in told
        one = onecard("trust", "chain", "chongqing", "--config", config, "--anchor", running.anchor())
        assert (one.exit_code, len(json.loads(one.stdout))) == (0, 3)


@pytest.fixture
def files(apart: WholeFederation, tmp_path: Path) -> tuple[Path, Path, str]:
    """Write a recognition and its chain into files; gives them and the fingerprint of the anchor."""
    given = handed_over(apart)
    token, chain = tmp_path / "recognition.jwt", tmp_path / "chain.json"
    token.write_text(f"{given.recognition}\n", "ascii")
    chain.write_text(json.dumps(list(given.trust_chain)), "ascii")
    return token, chain, mark_of(apart.layout.anchors_config.parent / AGREEMENT / ANCHOR_KEY)


def test_files_are_verified_without_a_network(apart: WholeFederation, files: tuple[Path, Path, str]) -> None:
    """Two files and a fingerprint tell what was recognised, and what nobody can see from files."""
    token, chain, mark = files
    verify = ("recognition", "verify", "--token", token, "--chain", chain, "--anchor", mark)
    ended = onecard(*verify, "--audience", "sichuan")
    assert ended.exit_code == 0, ended.output
    lines = {line[:14].strip(): line[14:] for line in ended.stdout.splitlines()}
    assert lines["anchor"] == apart.anchor(AGREEMENT)
    assert lines["issuer"].startswith(f"chongqing, {apart.entity('chongqing')}, until ")
    assert lines["item"] == f"SC-13, service_access, physical, under {AGREEMENT}"
    assert "whether it was taken back" in ended.stdout
    assert "revoked since" in ended.stdout
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 300))
    assert onecard(*verify, "--at", moment).exit_code == 0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--audience", "guizhou"), "another audience"),
        (("--at", "2020-01-01T00:00:00Z"), "The trust chain does not hold"),
        (("--at", "2999-01-01T00:00:00Z"), "expired"),
    ],
)
def test_files_that_do_not_hold_are_refused(files: tuple[Path, Path, str], more: tuple[str, ...], words: str) -> None:
    """For another region, or another time."""
    token, chain, mark = files
    assert words in refused("recognition", "verify", "--token", token, "--chain", chain, "--anchor", mark, *more)


def test_files_of_somebody_else_are_refused(files: tuple[Path, Path, str], tmp_path: Path) -> None:
    """Another anchor's fingerprint, a chain that is none, a token that is none, and files that are not there."""
    token, chain, mark = files

    def told(**changes: object) -> str:
        said = {"token": token, "chain": chain, "anchor": mark, **changes}
        return refused("recognition", "verify", *(word for name, to in said.items() for word in (f"--{name}", str(to))))

    assert "The trust chain does not hold" in told(anchor="A" * 43)
    assert "key material" in told(anchor="short")
    assert f"{token.name}: is no trust chain: `onecard trust chain` writes one" in told(chain=token)
    assert "canonical form" in told(token=chain)
    assert "nowhere: cannot be read" in told(token=tmp_path / "nowhere")
    large = tmp_path / "large"
    large.write_bytes(b"x" * 600_000)
    assert "is longer than" in told(chain=large)
