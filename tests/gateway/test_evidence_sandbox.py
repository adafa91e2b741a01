"""The logs of a running federation: every decision is there once; they are sound, and cosigned by peers."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import grpc
import pytest

from onecard.gateway.v1 import evidence_service_pb2 as pb
from tests.gateway.command import onecard
from tests.sandbox_fixture.calls import Gateway
from tests.sandbox_fixture.cards import FREE_ITEMS, credential, verify_request
from tests.sandbox_fixture.running import REGIONS, wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox_fixture.running import RunningSandbox

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sandbox")]
NUMBER = credential("chongqing").card_number.social_security_number


def config(sandbox: RunningSandbox, region: str) -> Path:
    """Name the configuration of a gateway."""
    return sandbox.folder / region / "gateway.toml"


def accesses(sandbox: RunningSandbox) -> list[str]:
    """List the methods by which the data of a holder of Chongqing was looked at, latest first."""
    with Gateway(sandbox, "chongqing") as home:
        request = pb.ListAccessesRequest(social_security_number=NUMBER, page_size=1000)
        reply = home.call("EvidenceService/ListAccesses", request).reply
    return [f"{one.method} {one.source_region} {one.outcome}" for one in reply.accesses]


def test_a_card_that_is_verified_elsewhere_is_seen_at_home(sandbox: RunningSandbox) -> None:
    """Each look is one access more, whoever looks; the home region sees them all, and its own looks at the list."""
    before = accesses(sandbox)
    with Gateway(sandbox, "sichuan") as visited:
        request = verify_request("chongqing", FREE_ITEMS["sichuan"], request_id=uuid.uuid4().hex)
        ended = visited.call("IdentityService/VerifyCard", request)
        assert ended.code in {grpc.StatusCode.OK, grpc.StatusCode.PERMISSION_DENIED}
    after = accesses(sandbox)
    new = after[: len(after) - len(before)]
    assert len([one for one in new if one.startswith("IdentityService/VerifyCard sichuan")]) == 1
    assert len([one for one in new if one.startswith("EvidenceService/ListAccesses chongqing")]) == 1
    assert len(new) == 2


def test_a_record_is_proved_over_the_wire(sandbox: RunningSandbox) -> None:
    """Checkpoint and proof come from a running gateway, and fit each other."""
    accesses(sandbox)
    with Gateway(sandbox, "chongqing") as home:
        shown = home.call("EvidenceService/GetCheckpoint", pb.GetCheckpointRequest()).reply.checkpoint
        proof = home.call("EvidenceService/GetInclusionProof", pb.GetInclusionProofRequest(index=0)).reply
    assert shown.note.startswith(f"gateway.chongqing\n{shown.size}\n")
    assert proof.tree_size >= shown.size > 0
    assert proof.record.content.startswith(b'{"caller":')


@pytest.mark.parametrize("region", REGIONS)
def test_every_log_is_sound_and_cosigned(sandbox: RunningSandbox, region: str, tmp_path: Path) -> None:
    """An auditor finds nothing, whatever was done to the gateways before, and peers have cosigned."""

    def cosigned() -> bool:
        shown = onecard("evidence", "checkpoint", "--config", config(sandbox, region))
        note.write_text(shown.output, "utf-8")
        return shown.exit_code == 0 and (region in LONELY or shown.output.count("\u2014 ") > 1)

    note = tmp_path / "held.note"
    wait_until(cosigned, what="a cosignature")
    ended = onecard("evidence", "verify", "--config", config(sandbox, region), "--checkpoint", note)
    assert ended.exit_code == 0, ended.output
    assert "all is well" in ended.output
    assert onecard("evidence", "alarms", "--config", config(sandbox, region)).output == ""


LONELY = frozenset({"guangxi", "shiyan"})
"""Regions that have no agreement with anybody."""
