"""The one error table: every error of ours has a line, and the wire says precisely what the line says."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from adapters.errors import (
    AdapterError,
    CardNotFoundError,
    MalformedNumberError,
    PlatformTimeoutError,
    PlatformUnavailableError,
)
from gateway.errors import GatewayError, PeerProtocolError, PeerRefusedError, PeerUnavailableError
from gateway.reasons import Language, load_reasons, text_in
from gateway.rpc.status import CANCELLED, CONTRACT_ERRORS, DOMAIN, RETRY_SECONDS, TABLE, UNFORESEEN, Who, row_of
from onecard.gateway.v1 import error_reason_pb2
from onecard.gateway.v1.region_service_pb2 import GetRegionRequest, ListRegionsRequest
from onecard.gateway.v1.region_service_pb2_grpc import RegionServiceStub
from tests.fakes.callers import PLATFORM, bearer
from tests.fakes.node import FakeNode, channel_to
from tests.gateway.rpc.raising import LEAVES, PLANTED, RaisingServicer, instance
from tests.gateway.rpc.told import Told, refused
from trust.errors import TrustError

ENUM = {name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name}
TO_RETRY = grpc.StatusCode.UNAVAILABLE


def test_every_error_has_a_line_and_every_line_an_error() -> None:
    """All classes below the three roots, and no other."""
    assert len(LEAVES) >= 60
    assert {leaf for leaf in LEAVES if leaf is not PeerRefusedError} == set(TABLE)
    assert set(CONTRACT_ERRORS) == {AdapterError, TrustError, GatewayError}


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.__name__)
def test_every_line_has_a_known_code_and_reason(leaf: type[Exception]) -> None:
    """The reason is in the closed enum and has its texts; INTERNAL and UNKNOWN are never foreseen."""
    row = row_of(instance(leaf))
    assert row.reason in ENUM - {"UNSPECIFIED"}
    assert load_reasons().get(row.reason).code == row.reason
    assert row.code not in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.OK}


def test_codes_say_who_failed() -> None:
    """What the caller must mend is never told as a failure of ours, nor the other way round."""
    ours = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED", "NOT_FOUND"}
    for row in TABLE.values():
        if row.who is Who.CALLER:
            assert row.code.name not in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}
        elif row.who is Who.AGREEMENT:
            assert row.code is grpc.StatusCode.PERMISSION_DENIED
        else:
            assert row.code.name in ours
    for row in (UNFORESEEN, CANCELLED):
        assert row.reason in ENUM
    for root in CONTRACT_ERRORS:
        assert row_of(root()) is UNFORESEEN


def test_a_reason_has_one_code() -> None:
    """A client that knows the reason knows the code."""
    codes: dict[str, set[grpc.StatusCode]] = {}
    for row in TABLE.values():
        codes.setdefault(row.reason, set()).add(row.code)
    assert {reason: found for reason, found in codes.items() if len(found) > 1} == {}


async def test_every_error_reaches_the_caller_as_its_line_says_in_four_languages() -> None:
    """Code, ErrorInfo, BadRequest, RetryInfo and LocalizedMessage, for each class, through a real server."""
    node = FakeNode()
    servicer = RaisingServicer(ValueError())
    reasons = load_reasons()
    async with channel_to(node.server([servicer])) as channel:
        stub = RegionServiceStub(channel)
        for leaf in LEAVES:
            error = servicer.error = instance(leaf)
            row, reason = row_of(error), reasons.get(row_of(error).reason)
            for language in Language:
                metadata = bearer(PLATFORM, node.clock, language=language.value)
                told = await refused(stub.GetRegion(GetRegionRequest(), metadata=metadata))
                line = node.journal.lines[-1]
                known: dict[str, str] = getattr(error, "metadata", {})
                joint = "" if language.value.startswith("zh") else " "
                assert told == Told(
                    code=row.code.name,
                    message=reason.message.en,
                    reason=row.reason,
                    domain=DOMAIN,
                    metadata={
                        **known,
                        "who_failed": row.who.value,
                        "actor": reason.actor.value,
                        "trace_id": line["trace_id"],
                    },
                    violations=expected_violations(error, row.code),
                    retry_seconds=RETRY_SECONDS if row.code is TO_RETRY else None,
                    locale=language.value,
                    localized=text_in(reason.message, language) + joint + text_in(reason.remedy, language),
                )
                assert (line["code"], line["reason"], line["caller"]) == (row.code.name, row.reason, PLATFORM)


def expected_violations(error: Exception, code: grpc.StatusCode) -> tuple[tuple[str, str], ...]:
    """Say which fields BadRequest names: only where a field of the request is wrong."""
    if code is not grpc.StatusCode.INVALID_ARGUMENT:
        return ()
    if type(error).__name__ == "InvalidFieldError":
        return (("one.field", "required"), ("two", "form"))
    return (("one.field", "some_rule"),)


async def test_what_nobody_foresaw_is_told_in_fixed_words_only() -> None:
    """Neither the words of the exception nor its cause reach the wire or the log; type, place and trace id do."""
    node = FakeNode()
    servicer = RaisingServicer(ValueError(PLANTED))
    servicer.error.__cause__ = KeyError(PLANTED)
    async with channel_to(node.server([servicer])) as channel:
        stub: Any = RegionServiceStub(channel)
        for method, request in ((stub.GetRegion, GetRegionRequest()), (stub.ListRegions, ListRegionsRequest())):
            told = await refused(method(request, metadata=bearer(PLATFORM, node.clock, language="en")))
            assert (told.code, told.reason) == ("INTERNAL", "UNFORESEEN")
            assert told.message == load_reasons().get("UNFORESEEN").message.en
            assert told.metadata.keys() == {"who_failed", "actor", "trace_id"}
            assert "canary" not in repr(told)
            unforeseen, line = node.journal.lines[-2:]
            assert unforeseen["type"] == "ValueError"
            assert any(place.startswith("raising.py:") for place in unforeseen["at"])
            assert unforeseen["trace_id"] == line["trace_id"] == told.metadata["trace_id"]
            assert line["code"] == "INTERNAL"
    assert "canary" not in node.journal.text
    assert "500112190302110117" not in node.journal.text


async def test_the_cause_of_a_foreseen_error_is_never_told() -> None:
    """An error of ours may have a foreign cause with a caller's value in it."""
    node = FakeNode()
    error = CardNotFoundError(region="sichuan")
    error.__cause__ = ValueError(PLANTED)
    async with channel_to(node.server([RaisingServicer(error)])) as channel:
        told = await refused(
            RegionServiceStub(channel).GetRegion(GetRegionRequest(), metadata=bearer(PLATFORM, node.clock))
        )
    assert told.reason == "CARD_NOT_FOUND"
    assert "canary" not in repr(told) + node.journal.text


@pytest.mark.parametrize(
    ("who", "shown"),
    [
        ("caller", "caller"),
        ("platform", "platform"),
        ("agreement", "agreement"),
        ("peer", "peer"),
        ("gateway", "peer"),
        ("", "peer"),
        ("somebody", "peer"),
    ],
)
def test_a_peers_refusal_keeps_code_reason_and_who_failed(who: str, shown: str) -> None:
    """But what the peer calls the gateway is the peer to us, and what it invents is too."""
    error = PeerRefusedError(code="FAILED_PRECONDITION", reason="CREDENTIAL_USED", violations=(), who_failed=who)
    row = row_of(error)
    assert (row.code.name, row.reason, row.who.value) == ("FAILED_PRECONDITION", "CREDENTIAL_USED", shown)


def test_a_caller_need_not_guess_which_side_failed() -> None:
    """A platform that is down, one that is slow, a peer that is down and one that lies are told apart by who failed."""
    assert row_of(PlatformUnavailableError()).who is row_of(PlatformTimeoutError()).who is Who.PLATFORM
    assert row_of(PeerUnavailableError()).who is row_of(PeerProtocolError()).who is Who.PEER
    assert row_of(MalformedNumberError()).who is Who.CALLER
