"""The exchange of a running federation: asked in one region, answered in another, proved to anybody."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from onecard.gateway.v1 import exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from tests.fakes.exchange_contents import content
from tests.gateway.command import onecard
from tests.sandbox_fixture.calls import Gateway
from tests.sandbox_fixture.running import wait_until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.sandbox_fixture.running import RunningSandbox

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("sandbox")]
ENDED = frozenset({exchange_pb2.REQUEST_STATE_COMPLETED, exchange_pb2.REQUEST_STATE_REJECTED})


def ended(sandbox: RunningSandbox, **changes: Any) -> exchange_pb2.Request:  # noqa: ANN401 - of `content`
    """Ask Chongqing as Sichuan, and wait until that has an end and a receipt."""
    found: list[exchange_pb2.Request] = []
    with Gateway(sandbox, "sichuan") as source:
        asked = pb.SubmitRequestRequest(idempotency_key=uuid.uuid4().hex, content=content(**changes))
        submitted = source.call("ExchangeService/SubmitRequest", asked)
        assert submitted.code is grpc.StatusCode.OK, submitted
        name = submitted.reply.request.name

        def is_over() -> bool:
            found[:] = [source.call("ExchangeService/GetRequest", pb.GetRequestRequest(name=name)).reply.request]
            return found[0].state in ENDED and found[0].receipt_ready

        wait_until(is_over, what="an answer")
    return found[0]


def receipt_of(sandbox: RunningSandbox, region: str, name: str) -> str:
    """Get a receipt, as a file, from the gateway of one of the two regions."""
    documents: list[str] = []

    def is_there() -> bool:
        with Gateway(sandbox, region) as gateway:
            got = gateway.call("ExchangeService/GetReceipt", pb.GetReceiptRequest(name=name))
        documents[:] = [got.reply.document] if got.code is grpc.StatusCode.OK else []
        return bool(documents)

    wait_until(is_there, what="a receipt")
    return documents[0]


def test_a_request_is_answered_by_the_other_platform(sandbox: RunningSandbox) -> None:
    """The simulated platform answers, and says that the answer is invented; each thing that happened has its place."""
    request = ended(sandbox)
    assert request.state == exchange_pb2.REQUEST_STATE_COMPLETED
    assert request.reply.synthetic
    assert request.reply.insurance_certificate.periods[0].from_month == "2020-01"
    assert [one.region for one in request.history] == ["sichuan", *["chongqing"] * (len(request.history) - 1)]


def test_a_request_about_somebody_unknown_is_rejected(sandbox: RunningSandbox) -> None:
    """The simulated platform knows its own invented holders only."""
    request = ended(sandbox, subject={"name": "测试乙", "social_security_number": "110101190001010014"})
    assert request.state == exchange_pb2.REQUEST_STATE_REJECTED
    assert request.reply.rejection.reason == exchange_pb2.REJECTION_REASON_SUBJECT_NOT_FOUND


def test_both_regions_prove_the_same_to_anybody(sandbox: RunningSandbox, tmp_path: Path) -> None:
    """Either receipt verifies with nothing but the fingerprint of the anchor; each has the proof of its own log."""
    request = ended(sandbox)
    told: dict[str, str] = {}
    for region in ("sichuan", "chongqing"):
        file = tmp_path / f"{region}.json"
        file.write_text(receipt_of(sandbox, region, request.name), "utf-8")
        config = sandbox.folder / region / "gateway.toml"
        verified = onecard("receipt", "verify", file, "--config", config)
        assert verified.exit_code == 0, verified.output
        told[region] = verified.stdout
    lines = {region: dict(line.split(None, 1) for line in text.splitlines()[:-1]) for region, text in told.items()}
    assert {region: said.pop("recorded") for region, said in lines.items()} == {
        region: f"by  {region}" for region in lines
    }
    assert lines["sichuan"] == lines["chongqing"]
    changed: dict[str, Any] = json.loads((tmp_path / "sichuan.json").read_text("utf-8"))
    changed["request"]["content"]["purpose"] = "PURPOSE_IDENTITY_CHECK"
    (tmp_path / "changed.json").write_text(json.dumps(changed), "utf-8")
    config = sandbox.folder / "sichuan" / "gateway.toml"
    refused = onecard("receipt", "verify", tmp_path / "changed.json", "--config", config)
    assert (refused.exit_code, refused.stdout.split(" ")[:3]) == (1, ["NOT", "VALID:", "request"])
