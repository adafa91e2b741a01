"""What an answer says, in one line: the words in which the story expects and reports.

A line names everything of an answer that its step is about. Of personal data only fields of the sandbox's fictitious
holders are shown, and only where the step is about them.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError
from google.rpc import code_pb2, error_details_pb2, status_pb2

from gateway.sandbox.story import ASIDE
from onecard.gateway.v1 import card_pb2, catalog_pb2, verdict_pb2

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

    from onecard.gateway.v1 import recognition_pb2
    from onecard.gateway.v1.identity_service_pb2 import VerifyCardResponse

_FRESH_SECONDS = 60.0
_DETAILS = "grpc-status-details-bin"
_HANDED_OVER = {
    (True, True): "recognition and identity",
    (True, False): "recognition only",
    (False, True): "identity, no recognition",
    (False, False): "nothing handed over",
}


def _short(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower()


def decision(one: verdict_pb2.ClassVerdict) -> str:
    """Tell the verdict of one class: for a refusal who must act, and it is noted where why or what to do is missing."""
    name = _short(card_pb2.ApplicationClass.Name(one.application_class), "APPLICATION_CLASS_")
    words = f"{name} {_short(verdict_pb2.Decision.Name(one.decision), 'DECISION_')}"
    if one.reason != "OK":
        words += f" {one.reason}"
    if one.item_types:
        words += f", only {', '.join(one.item_types)}"
    if one.decision == verdict_pb2.DECISION_REFUSED:
        actor = _short(verdict_pb2.Actor.Name(one.actor), "ACTOR_").replace("unspecified", "nobody").replace("_", " ")
        words += f", {actor} must act" + ("" if one.message and one.remedy else ", NOT TOLD WHY OR HOW")
    return words


def verdict(response: VerifyCardResponse) -> str:
    """Tell the verdicts of all classes that the item offers, the card's state, and what was handed over."""
    told = response.verdict
    words = [decision(one) for one in told.classes if one.decision != verdict_pb2.DECISION_NOT_OFFERED]
    words.append(f"card {_short(card_pb2.CardStatus.Name(told.card_status), 'CARD_STATUS_')}")
    functions = [_short(card_pb2.CardFunction.Name(f), "CARD_FUNCTION_") for f in told.suspended_functions]
    words += [f"{name} function suspended" for name in functions]
    identity = response.HasField("identity") or response.HasField("regional_identity")
    words.append(_HANDED_OVER[bool(response.recognition), identity])
    return "; ".join(words)


def basis(response: VerifyCardResponse) -> str:
    """Tell the verdicts, and which rule decided."""
    rules = sorted({one.legal_basis for one in response.verdict.classes if one.legal_basis})
    return f"{verdict(response)}; {', '.join(rules) or 'no legal basis'}"


def freshness(response: VerifyCardResponse) -> str:
    """Tell whether the answer says for which moment the platform vouches, and that this is not long ago."""
    told = response.verdict
    if not told.HasField("status_as_of") or not told.HasField("data_age"):
        return "age not told"
    age = told.data_age.seconds + told.data_age.nanos / 1e9
    young = age < _FRESH_SECONDS and abs(time.time() - told.status_as_of.seconds) < _FRESH_SECONDS
    words = f"state less than a minute old, under {told.agreement}" if young else "state too old"
    return f"{words}{ASIDE}{age:.1f} s"


def by_place(messages: Iterable[Iterable[str]]) -> str:
    """Tell the outcomes of a stream: each message and each entry by its place, so that the order is seen."""
    told = (
        f"message {number}: "
        + ", ".join(f"entry {place} {one.partition(',')[0]}" for place, one in enumerate(words, 1))
        for number, words in enumerate(messages, 1)
    )
    return "; ".join(told)


def fields(response: VerifyCardResponse, *names: str) -> str:
    """Tell some fields of the identity in the visited region's own form."""
    regional = response.regional_identity
    shown = " ".join(f"{name}={regional.fields.get(name, '-').strip()}" for name in names)
    return f"{regional.region or 'no'} form: {shown}"


def losses(lost: Iterable[card_pb2.Loss]) -> str:
    """Tell what a translation could not keep; takes the repeated field of an answer."""
    kinds = [f"{one.field} {_short(card_pb2.LossKind.Name(one.kind), 'LOSS_KIND_')}" for one in lost]
    return f"lost: {', '.join(kinds)}" if kinds else "nothing lost"


def equivalence(answer: catalog_pb2.Equivalence) -> str:
    """Tell what an item corresponds to: each target item by its relation to the source, the set, what is missing."""
    found = [_item(one.item, one.relation) for one in answer.items]
    words = [f"{_item(answer.source, answer.relation)} in {answer.target_region}", *found]
    if answer.complete_set:
        words.append(f"together {' + '.join(answer.complete_set)}")
    if answer.uncovered_item_types:
        words.append(f"not covered {', '.join(answer.uncovered_item_types)}")
    if not all((answer.explanation.zh_hans, answer.explanation.zh_hant, answer.explanation.en, answer.explanation.pt)):
        words.append("NOT EXPLAINED")
    return "; ".join(words)


def _item(item: catalog_pb2.ApplicationItem, relation: catalog_pb2.Relation.ValueType) -> str:
    draft = ", a draft" if item.legal_status == catalog_pb2.LEGAL_STATUS_DRAFT else ""
    return f"{item.item} {item.display_name.zh_hans} {_short(catalog_pb2.Relation.Name(relation), 'RELATION_')}{draft}"


def claims(said: recognition_pb2.Recognition) -> str:
    """Tell what a verified recognition says."""
    classes = "+".join(
        _short(card_pb2.ApplicationClass.Name(c.application_class), "APPLICATION_CLASS_") for c in said.classes
    )
    once = ", good once" if said.one_time else ""
    return f"{said.issuer} to {said.audience}: {said.visited_item} = {'+'.join(said.home_items)}, {classes}{once}"


async def attempt(work: Awaitable[str]) -> str:
    """Give what the work says it got, or the error that its call ended with."""
    try:
        return await work
    except grpc.aio.AioRpcError as error:
        return failure(error)


def failure(error: grpc.aio.AioRpcError) -> str:
    """Tell the error of a call from its details; one without our details is told by its code."""
    try:
        status = _status(error)
    except DecodeError:
        return f"{error.code().name} WITH UNREADABLE DETAILS"
    return status_words(status) if status.details else f"{error.code().name} WITHOUT DETAILS"


def _status(error: grpc.aio.AioRpcError) -> status_pb2.Status:
    """Read the details of an error (DecodeError)."""
    trailers: dict[str, str | bytes] = dict(error.trailing_metadata() or ())  # type: ignore[arg-type]  # pairs
    raw = trailers.get(_DETAILS, b"")
    return status_pb2.Status.FromString(raw if isinstance(raw, bytes) else b"")


def localized(error: grpc.aio.AioRpcError) -> str:
    """Tell the sentence for people that an error carries, with its language."""
    text = error_details_pb2.LocalizedMessage()
    for detail in _status(error).details:
        detail.Unpack(text)
    return f"{text.locale}: {text.message}"


def status_words(status: status_pb2.Status) -> str:
    """Tell code, reason and who failed, the fields named, whether to retry, the language unless zh-Hans."""
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    text, retry = error_details_pb2.LocalizedMessage(), error_details_pb2.RetryInfo()
    for detail in status.details:
        for wanted in (info, bad, text, retry):
            detail.Unpack(wanted)  # does nothing where the detail is of another type
    words = f"{code_pb2.Code.Name(status.code)} {info.reason}, failed by {info.metadata['who_failed']}"
    words += "".join(f"; {v.field}: {v.description}" for v in bad.field_violations)
    words += "; try again later" if retry.retry_delay.seconds else ""
    if not text.message:
        return f"{words}; NOT TOLD"
    return words if text.locale == "zh-Hans" else f"{words}; told in {text.locale}"
