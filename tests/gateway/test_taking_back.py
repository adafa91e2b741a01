"""Taking a recognition back between two gateways: by the RPC and by the command, and how soon the other side knows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from onecard.gateway.v1 import recognition_service_pb2 as pb
from tests.gateway.command import onecard, refused
from tests.gateway.small_federation import found
from tests.gateway.trust_calls import claims_of
from tests.gateway.whole_federation import WholeFederation
from tests.sandbox_fixture.cards import credential
from tests.sandbox_fixture.running import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REVOKE = "RecognitionService/RevokeRecognition"
SHOW = "RecognitionService/VerifyRecognition"
CALLER = ("--caller", "platform.chongqing")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeFederation]:
    """Run Chongqing and Sichuan."""
    layout = found(tmp_path_factory.mktemp("two") / "two", "chongqing", "sichuan")
    with WholeFederation(layout) as running:
        running.start("chongqing", "sichuan")
        yield running


def handed_over(two: WholeFederation) -> str:
    """Get a recognition of Chongqing's for Sichuan, which accepts it."""
    token: str = two.verify("sichuan", "chongqing").reply.recognition
    assert shown(two, token) == ""
    return token


def shown(two: WholeFederation, token: str) -> str:
    """Show a recognition in Sichuan; gives the reason of the refusal."""
    outcome = two.call("sichuan", SHOW, pb.VerifyRecognitionRequest(recognition=token))
    assert outcome.code.name in {"OK", "UNAUTHENTICATED"}
    return outcome.reason


def key_of(two: WholeFederation) -> Path:
    """Name the key of Chongqing's platform."""
    return two.layout.caller_key("chongqing")


def test_the_other_side_knows_within_seconds(two: WholeFederation) -> None:
    """Long before its list is old: it is told by the stream that the list has changed, and no other token suffers."""
    token, other = handed_over(two), handed_over(two)
    answer = two.call("chongqing", REVOKE, pb.RevokeRecognitionRequest(token_id=claims_of(token)["jti"]))
    assert answer.reply.revoked_count == 1
    begun = time.monotonic()
    wait_until(lambda: shown(two, token) == "RECOGNITION_REVOKED", what="refused in Sichuan")
    print(f"refused after {time.monotonic() - begun:.2f} s")  # noqa: T201 - told, not asserted: machines differ
    assert shown(two, other) == ""
    assert two.call("chongqing", REVOKE, pb.RevokeRecognitionRequest(recognition=token)).reply.revoked_count == 1


def test_a_card_that_is_reported_lost_takes_all_with_it(two: WholeFederation) -> None:
    """By the card alone; another region's platform has no say in it."""
    tokens = [handed_over(two) for _ in range(2)]
    lost = pb.RevokeRecognitionRequest(credential=credential("chongqing"))
    assert two.call("sichuan", REVOKE, lost).reason == "CARD_NOT_FOUND"
    assert two.call("chongqing", REVOKE, lost).reply.revoked_count >= 2
    for token in tokens:
        wait_until(lambda: shown(two, token) == "RECOGNITION_REVOKED", what="refused")  # noqa: B023 - called at once


def test_the_command_takes_back_by_any_name(two: WholeFederation, tmp_path: Path) -> None:
    """By identifier, by text in a file, and by pseudonym; what does not live is told."""
    config, ca, key = two.config("chongqing"), two.layout.ca, key_of(two)
    common = ("--config", config, *CALLER, "--key", key, "--ca", ca)
    token, other = handed_over(two), handed_over(two)
    file = tmp_path / "recognition.jwt"
    file.write_text(f"{other}\n", "ascii")
    one = onecard("recognition", "revoke", claims_of(token)["jti"], *common)
    assert (one.exit_code, one.stdout) == (0, "1 living recognition of chongqing taken back\n"), one.output
    assert onecard("recognition", "revoke", "--token", file, *common).exit_code == 0
    all_of_it = onecard("recognition", "revoke", "--subject", claims_of(token)["sub"], *common)
    assert all_of_it.exit_code == 0
    assert int(all_of_it.stdout.split()[0]) >= 2
    assert all_of_it.stdout.split()[1:3] == ["living", "recognitions"]
    for text in (token, other):
        wait_until(lambda: shown(two, text) == "RECOGNITION_REVOKED", what="refused")  # noqa: B023 - called at once
    none = onecard("recognition", "revoke", "nobody-knows-it", *common)
    assert (none.exit_code, none.stdout) == (0, "no living recognition of chongqing taken back\n")


def test_the_command_says_why_not(two: WholeFederation, tmp_path: Path) -> None:
    """A refusal has its reason, a gateway that is not there is one, and so is a caller or key that is not."""
    config, ca, key = two.config("chongqing"), two.layout.ca, key_of(two)
    common = ("recognition", "revoke", "--config", config, "--ca", ca)
    assert "give one of" in refused(*common, *CALLER, "--key", key)
    assert "give one of" in refused(*common, "J", "--subject", "S", *CALLER, "--key", key)
    assert "there are: platform.chongqing" in refused(*common, "J", "--caller", "nobody", "--key", key)
    assert "cannot be read" in refused(*common, "J", *CALLER, "--key", tmp_path / "nowhere.pem")
    strange = two.layout.caller_key("sichuan")
    assert "UNAUTHENTICATED UNKNOWN_KEY" in refused(*common, "J", *CALLER, "--key", strange)
    assert "INVALID_ARGUMENT INVALID_FIELD" in refused(*common, "a b", *CALLER, "--key", key)
    text = config.read_text("utf-8")
    elsewhere = config.with_name("elsewhere.toml")
    site = two.site("chongqing")
    elsewhere.write_text(text.replace(f'grpc = "{site.grpc}"', f'grpc = "{site.platform}"'), "utf-8")
    told = refused("recognition", "revoke", "J", "--config", elsewhere, "--ca", ca, *CALLER, "--key", key)
    assert "cannot be reached" in told
    plain = text.replace(text[text.index("[listen.tls]") : text.index("[calls]")], "")
    plain = "\n".join(line for line in plain.splitlines() if not line.startswith("mutual"))
    elsewhere.write_text(plain, "utf-8")
    told = refused("recognition", "revoke", "J", "--config", elsewhere, *CALLER, "--key", key)
    assert "cannot be reached" in told
