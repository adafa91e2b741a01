"""A recognition signed with a key that the other side has not seen yet is believed in the very call that shows it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from gateway.keys_console import stage_key, switch_key
from onecard.gateway.v1 import recognition_service_pb2 as pb
from tests.gateway.small_federation import found
from tests.gateway.trust_calls import kid_of, mark_of
from tests.gateway.whole_federation import WholeFederation
from tests.sandbox_fixture.cards import issue_request
from tests.sandbox_fixture.running import wait_until

if TYPE_CHECKING:
    from pathlib import Path

ISSUE = "RecognitionService/IssueRecognition"
SHOW = "RecognitionService/VerifyRecognition"


def issued(running: WholeFederation) -> str:
    """Let Chongqing issue a recognition for Sichuan."""
    request = issue_request("chongqing", "sichuan", "SC-13", request_id=uuid.uuid4().hex)
    token: str = running.call("chongqing", ISSUE, request).reply.recognition
    return token


def test_a_key_that_was_rotated_a_moment_ago_is_believed(tmp_path: Path) -> None:
    """TL6: staged and switched at once, long before Sichuan would fetch anew; nobody's call fails for that."""
    with WholeFederation(found(tmp_path / "two", "chongqing", "sichuan")) as running:
        running.start("chongqing", "sichuan")
        former = issued(running)
        config = running.config("chongqing")
        stage_key(config, use="region", region="")
        switch_key(config, use="region", region="")
        mark = mark_of(config.with_name("region.pem"))
        wait_until(lambda: kid_of(issued(running)) == mark, what="the next key signs")
        for token in (issued(running), former, issued(running)):
            shown = running.call("sichuan", SHOW, pb.VerifyRecognitionRequest(recognition=token))
            assert shown.reply.claims.key_id == kid_of(token)
