"""What a hostile or clumsy caller may put into a message, what it must get, and that others are answered afterwards.

UNKNOWN and INTERNAL are bugs whenever they are seen.
"""

from __future__ import annotations

import json
import random
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from onecard.gateway.v1 import identity_service_pb2, recognition_service_pb2
from tests.gateway.hostile_calls import BUGS, VERIFY, Code, each_method, errors_of, sichuan
from tests.gateway.naughty import NAUGHTY
from tests.sandbox_fixture.calls import METHODS, Gateway, detail, leave
from tests.sandbox_fixture.cards import translate_request, vectors, verify_request
from tests.sandbox_fixture.requests import CALLER, bases, good_requests, renewed, variants
from tests.sandbox_fixture.running import REGIONS, RunningSandbox

__all__ = ["sichuan"]

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.slow]

MIB = 1024 * 1024
TRANSLATE_MANY = "IdentityService/BatchTranslateIdentities"
BELIEVE = "RecognitionService/VerifyRecognition"
# Lines of the C core, which no setting turns into JSON: level and day, time, thread, place.
CORE_LINE = re.compile(r"[EWI]\d{4} \d\d:\d\d:\d\d\.\d+|WARNING: All log messages before absl::InitializeLog")


def rubbish(method: str) -> list[bytes]:
    """Give byte strings that are no message, or one of unknown fields: random, cut off, mistyped, nested, huge."""
    chance = random.Random(method)
    good = good_requests("rubbish")[method].SerializeToString()
    made = [chance.randbytes(chance.randrange(1, 200)) for _ in range(60)]
    made += [good[:length] for length in range(1, len(good), max(1, len(good) // 12))]
    made += [bytes([tag]) + chance.randbytes(9) for tag in range(0, 256, 5)]
    made += [b"\x0b" * 10_000, b"\x0a\xff\xff\xff\xff\x07", b"\x0a\x02\xed\xa0", b"\x0a\x03\xed\xa0\x80", b"\xff" * 100]
    made += [b"\xfa\x7f\x80\x80\x40" + b"\x01" * MIB, b"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"]
    made.append(_nested(good, 10_000))
    return made


def _nested(inner: bytes, depth: int) -> bytes:
    """Put a message into groups of an unknown field, one in the other."""
    return b"\xbb\x06" * depth + inner + b"\xbc\x06" * depth


@each_method
def test_rubbish_is_an_invalid_argument(sichuan: Gateway, method: str) -> None:
    """Bytes that are no message, or lack what it needs, are INVALID_ARGUMENT; nothing else but a good answer is."""
    seen = set()
    for data in rubbish(method):
        outcome = sichuan.call(method, data)
        seen |= errors_of(outcome)
    assert seen <= {Code.OK, Code.INVALID_ARGUMENT, Code.NOT_FOUND}
    assert Code.INVALID_ARGUMENT in seen


@each_method
def test_naughty_texts_are_data(sichuan: Gateway, method: str) -> None:
    """Any text in any field is taken as data or refused as the caller's fault, and is not repeated in the error."""
    allowed = {Code.OK, Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED}
    allowed.add(Code.ALREADY_EXISTS)  # a short text is a good request id, and it was used for another card before
    wrong = []
    for name, base in bases("naughty"):
        for what, text in NAUGHTY.items() if name == method else ():
            for path, request in variants(base, text):
                outcome = sichuan.call(method, request)
                if not errors_of(outcome) <= allowed:
                    wrong.append((what, path, outcome.code, outcome.reason))
                if len(text) > 6 and text.encode() in outcome.beside:
                    wrong.append((what, path, outcome.code, "repeats the text"))
    assert wrong == []


@pytest.mark.parametrize("what", NAUGHTY)
def test_names_come_back_as_they_went(sichuan: Gateway, what: str) -> None:
    """A name is kept to the last character, whichever plane or composition it is of, or it is refused."""
    request = translate_request(CALLER, "chongqing")
    request.source.fields["AAC003"] = NAUGHTY[what]
    outcome = sichuan.call("IdentityService/TranslateIdentity", request)
    if outcome.code is Code.OK:
        assert outcome.reply.canonical.holder.name == NAUGHTY[what].rstrip(" ")
        assert outcome.reply.identity.fields["aac003"] == NAUGHTY[what].rstrip(" ")
    else:
        assert outcome.code is Code.INVALID_ARGUMENT
        assert detail(outcome.status, error_details_pb2.BadRequest).field_violations[0].field


def test_names_of_every_plane_are_kept(sichuan: Gateway) -> None:
    """Rare characters beyond the basic plane, and names that differ in composition only, are names."""
    for what in ("Extension B", "composed", "decomposed"):
        request = translate_request(CALLER, "chongqing")
        request.source.fields["AAC003"] = NAUGHTY[what]
        assert sichuan.call("IdentityService/TranslateIdentity", request).reply.canonical.holder.name == NAUGHTY[what]


WRONG_NUMBERS = (
    *("wrong check digit", "fifteen digits", "full-width digits", "Arabic digits", "born in the future", "NUL", "SQL"),
    *("Hong Kong number", "Macao number"),
)


@pytest.mark.parametrize("what", WRONG_NUMBERS)
def test_wrong_numbers_are_named_by_field_only(sichuan: Gateway, what: str) -> None:
    """A wrong number is INVALID_ARGUMENT with the path of its field and the rule, and never the number."""
    request = verify_request("chongqing", "SC-13", request_id="wrong-number")
    request.credential.card_number.social_security_number = NAUGHTY[what]
    outcome = sichuan.call(VERIFY, request)
    assert outcome.code is Code.INVALID_ARGUMENT
    (violation,) = detail(outcome.status, error_details_pb2.BadRequest).field_violations
    assert violation.field == "credential.card_number.social_security_number"
    assert violation.description
    assert NAUGHTY[what].encode() not in outcome.beside


@each_method
def test_messages_over_the_limit_are_refused(sichuan: Gateway, method: str) -> None:
    """A message of one byte over 4 MiB is RESOURCE_EXHAUSTED, and so is one that only unpacks to that much."""
    for size, compression in ((4 * MIB + 1, None), (64 * MIB, grpc.Compression.Gzip)):
        outcome = sichuan.call(method, bytes(size), compression=compression)
        assert outcome.code is Code.RESOURCE_EXHAUSTED


def test_a_message_at_the_limit_is_read(sichuan: Gateway) -> None:
    """A message of exactly 4 MiB is read: here it is one text that is too long for its field."""
    request = recognition_service_pb2.VerifyRecognitionRequest(recognition="e" * (4 * MIB - 5))
    assert request.ByteSize() == 4 * MIB
    assert sichuan.call(BELIEVE, request).code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("size", [4097, 8 * 1024, MIB, 3 * MIB])
def test_long_recognitions_are_refused_alike(sichuan: Gateway, size: int) -> None:
    """A recognition over the limit gets the same answer each time, however long it is."""
    for filling in ("a", ".", "eyJhbGciOiJub25lIn0.", "样"):
        text = (filling * size)[: size if filling.isascii() else max(size // 3, 4097)]
        outcomes = [
            sichuan.call(BELIEVE, recognition_service_pb2.VerifyRecognitionRequest(recognition=text)) for _ in "12"
        ]
        assert {(o.code, o.reason) for o in outcomes} == {(Code.INVALID_ARGUMENT, "INVALID_FIELD")}


def test_batches_over_the_limit_are_refused(sichuan: Gateway) -> None:
    """Too many entries are RESOURCE_EXHAUSTED, none are INVALID_ARGUMENT; at the limit all is read."""
    pb = identity_service_pb2
    table: list[tuple[str, Any, Any, int]] = [
        ("IdentityService/BatchVerifyCards", pb.BatchVerifyCardsRequest, pb.VerifyCardRequest(), 100),
        (
            "IdentityService/BatchTranslateIdentities",
            pb.BatchTranslateIdentitiesRequest,
            pb.TranslateIdentityRequest(),
            1000,
        ),
    ]
    for name, message, entry, limit in table:
        assert sichuan.call(name, message(entries=[entry] * (limit + 1))).reason == "LIMIT"
        assert sichuan.call(name, message()).code is Code.INVALID_ARGUMENT
        outcomes = sichuan.call(name, message(entries=[entry] * limit)).reply.outcomes
        assert {outcome.error.code for outcome in outcomes} == {Code.INVALID_ARGUMENT.value[0]}
        assert len(outcomes) == limit


def test_bad_entries_do_not_end_a_stream(sichuan: Gateway) -> None:
    """Good and bad entries of many messages are answered in their order, one message for each."""
    good, bad = translate_request(CALLER, "macao"), translate_request("macao", "xizang")
    message = identity_service_pb2.BatchTranslateIdentitiesRequest
    messages = [message(entries=[good, bad, good]), message(entries=[bad]), message(entries=[good])] * 20
    outcome = sichuan.call(TRANSLATE_MANY, messages)
    assert outcome.code is Code.OK
    kinds = [[one.WhichOneof("outcome") for one in reply.outcomes] for reply in outcome.replies]
    assert kinds == [["response", "error", "response"], ["error"], ["response"]] * 20
    assert outcome.replies[0].outcomes[1].error.code == Code.PERMISSION_DENIED.value[0]


def test_a_stream_ends_at_an_unreadable_message(sichuan: Gateway) -> None:
    """What was answered before stays answered; the unreadable message ends the stream as the caller's fault."""
    good = identity_service_pb2.BatchTranslateIdentitiesRequest(entries=[translate_request(CALLER, "macao")])
    outcome = sichuan.call(TRANSLATE_MANY, [good, b"\x0a\xff"])
    assert (outcome.code, outcome.reason, len(outcome.replies)) == (Code.INVALID_ARGUMENT, "MALFORMED_REQUEST", 1)
    empty = sichuan.call(TRANSLATE_MANY, [])
    assert (empty.code, empty.replies) == (Code.OK, ())


@each_method
def test_a_deadline_of_a_millisecond_is_kept(sichuan: Gateway, method: str) -> None:
    """A call whose time is over is DEADLINE_EXCEEDED, unless its answer was faster; nothing else."""
    request = good_requests("deadline")[method]
    seen = {sichuan.call(method, renewed(request), timeout=timeout).code for timeout in (0.001, 0.002, 0.005) * 5}
    assert seen <= {Code.OK, Code.DEADLINE_EXCEEDED, Code.UNAUTHENTICATED, Code.INVALID_ARGUMENT, Code.NOT_FOUND}
    assert sichuan.call(method, renewed(request), timeout=3_000_000_000).code not in BUGS


def test_a_hundred_at_once_are_answered(sandbox: RunningSandbox, sichuan: Gateway) -> None:
    """A hundred callers at once, good and bad mixed, get each the right answer."""
    good = verify_request("chongqing", "SC-13", request_id="parallel")
    bad = verify_request("atlantis", "SC-13", request_id="parallel", shown=good.credential)

    def one(number: int) -> tuple[int, Code, str]:
        request = bad if number % 3 == 0 else good
        outcome = sichuan.call(VERIFY, renewed(request))
        return number, outcome.code, outcome.reason

    with ThreadPoolExecutor(100) as pool:
        outcomes = list(pool.map(one, range(100)))
    wanted = [(n, Code.NOT_FOUND, "UNKNOWN_REGION") if n % 3 == 0 else (n, Code.OK, "") for n in range(100)]
    assert outcomes == wanted
    assert sandbox.process.poll() is None


def test_one_request_id_has_one_effect(sandbox: RunningSandbox) -> None:
    """Twenty equal requests at once share one answer; another caller may use the same id for its own request."""
    request = verify_request("chongqing", "SC-13", request_id="one-effect")
    with Gateway(sandbox, CALLER) as one, Gateway(sandbox, "chongqing") as other, ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: one.call(VERIFY, request).reply, range(20)))
        assert len({reply.recognition for reply in replies}) == 1
        assert sum(not reply.replayed for reply in replies) == 1
        theirs = verify_request("sichuan", "CQ-31", request_id="one-effect")
        assert not other.call(VERIFY, theirs).reply.replayed


def test_answers_left_behind_do_no_harm(sandbox: RunningSandbox, sichuan: Gateway) -> None:
    """Callers that go away in the middle of calls and streams leave a gateway that answers the next one."""
    for number in range(30):
        with Gateway(sandbox, CALLER) as leaving:
            request = verify_request("chongqing", "SC-13", request_id=f"leaving-{number}")
            leave(leaving.channel, f"/onecard.gateway.v1.{VERIFY}", request.SerializeToString(), leaving.metadata())
    assert sichuan.call("RegionService/ListRegions", b"").reply.regions


def test_every_log_line_is_one_event(sandbox: RunningSandbox) -> None:
    """After all this, every line of a gateway's log is JSON with an event of the gateway's own, or the C core's."""
    events = set()
    for region in REGIONS:
        for line in (sandbox.folder / "logs" / f"{region}.log").read_text("utf-8").splitlines():
            if CORE_LINE.match(line) is None:
                events.add(json.loads(line)["event"])
    own = {event for event in events if not event.startswith(("trust_", "exchange_peer_"))}
    quiet = {"card_feed_broken", "catalogs_not_followed"}  # of peers that began later
    assert own <= {"store_open", "ready", "call", "stopping", "stopped"} | quiet
    assert METHODS.keys() <= {event.get("method") for event in sandbox.events()}
    assert vectors(CALLER)["active"]["record"]["AAC002"] not in sandbox.logs()
