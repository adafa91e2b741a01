"""Messages between gateways: what goes out reads as the same question, what comes in is checked as foreign."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from adapters import credential as credentials
from adapters.canonical import PersonName, RomanisedName
from adapters.words import CardFunction, CardStatus, Medium, Purpose
from gateway.errors import PeerProtocolError
from gateway.peers.messages import answer_value, question_message
from gateway.reasons import Language
from gateway.rpc import convert
from gateway.rpc.identity import question_of
from gateway.services.model import CardVerdict, ClassVerdict, Decision
from onecard.gateway.v1 import card_pb2
from onecard.gateway.v1 import identity_service_pb2 as pb
from tests.fakes.clock import NOON
from tests.fakes.node import FakeNode
from tests.fakes.regions import BOOK, local_home, question
from tests.gateway.rpc.test_convert import CHIP, READER

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.services.model import CardQuestion

ASKED = question()
CREDENTIALS = [
    credentials.by_card_number("A00000001", "500112190302110117"),
    credentials.by_identification_code(CHIP),
    credentials.by_reader_text(READER),
    credentials.by_reader_text("1|" + READER),
    credentials.by_electronic_sign_number("SYN-CQ-00000001"),
    credentials.by_qr_text("SYN/QR&x=%20+<1>"),
]


def read_by_the_peer(message: pb.VerifyCardRequest) -> CardQuestion:
    """Read a request as the peer's servicer does, for a caller of Sichuan."""
    received = pb.VerifyCardRequest.FromString(message.SerializeToString())
    fields = convert.Fields()
    home = fields.region("home_region", received.home_region)
    return question_of(received, home_region=home, visited_region="sichuan", asked_by="", fields=fields)


@given(
    credential=st.sampled_from(CREDENTIALS),
    medium=st.sampled_from(Medium),
    purpose=st.sampled_from(Purpose),
    consent=st.none() | st.text("!~ABCxyz019", min_size=1, max_size=128),
    disclose=st.booleans(),
)
def test_both_ends_hash_the_same_question(
    credential: credentials.Credential, medium: Medium, purpose: Purpose, consent: str | None, *, disclose: bool
) -> None:
    """Else no recognition could answer it."""
    asked = question(credential=credential, medium=medium, purpose=purpose, consent_reference=consent)
    message = question_message(asked, disclose=disclose)
    assert read_by_the_peer(message) == asked
    assert read_by_the_peer(message).digest() == asked.digest()
    assert message.view == (pb.IDENTITY_VIEW_CANONICAL if disclose else pb.IDENTITY_VIEW_NONE)


async def response() -> pb.VerifyCardResponse:
    """Make the response of Chongqing's gateway."""
    answer = await local_home().answer(ASKED, disclose=True)
    message = written(answer.verdict)
    assert answer.identity
    assert answer.recognition
    convert.identity_out(answer.identity, message.identity)
    message.recognition = answer.recognition
    return message


def written(verdict: CardVerdict) -> pb.VerifyCardResponse:
    """Write a verdict as the peer's servicer does."""
    (servicer,) = [one for one in FakeNode().servicers() if "VerifyCard" in one.SCOPES]
    message = pb.VerifyCardResponse()
    verdicts: Any = servicer
    verdicts._verdicts.write(verdict, message.verdict, Language.EN)
    return message


ITEM = BOOK.translate("sichuan", "SC-15", "chongqing", on=date(2026, 6, 1))
ONE_CLASS = st.builds(
    ClassVerdict,
    st.just(None),
    st.sampled_from(Decision),
    st.sampled_from(["OK", "CARD_LOST_FORMAL", "FUNCTION_SUSPENDED"]),
    st.lists(st.sampled_from(["CUL.MUSEUM", "TRA.FERRY"]), max_size=2, unique=True).map(tuple),
    st.sampled_from(["", "第十七条", "第十条\u3000第二款", "条" * 200]),
)


@given(
    classes=st.tuples(ONE_CLASS, ONE_CLASS, ONE_CLASS),
    status=st.sampled_from(CardStatus),
    suspended=st.frozensets(st.sampled_from(CardFunction)),
    age=st.integers(0, 10**6),
)
def test_a_verdict_comes_in_as_it_went_out(
    classes: tuple[ClassVerdict, ...], status: CardStatus, suspended: frozenset[CardFunction], age: int
) -> None:
    """Every decision, reason, status and time survives the wire."""
    named = tuple(replace(one, application_class=c) for one, c in zip(classes, convert.CLASS, strict=True))
    verdict = CardVerdict(
        home_region="chongqing",
        visited_region="sichuan",
        classes=named,
        card_status=status,
        suspended_functions=suspended,
        status_as_of=NOON - age / 4,
        answered_at=NOON,
        item=ITEM,
        agreement="sichuan-chongqing",
    )
    received = pb.VerifyCardResponse.FromString(written(verdict).SerializeToString())
    assert answer_value(received, ASKED, ITEM).verdict == verdict


async def test_an_honest_answer_is_read_whole() -> None:
    """The claims are for the verifier to give."""
    told = answer_value(await response(), ASKED, ITEM)
    own = await local_home().answer(ASKED, disclose=True)
    assert (told.verdict, told.identity, told.claims) == (own.verdict, own.identity, None)
    assert told.recognition


def _set(path: str, value: object) -> Callable[[pb.VerifyCardResponse], None]:
    def change(message: Any) -> None:  # noqa: ANN401 - any message on the way
        *parents, last = path.split(".")
        for name in parents:
            message = message[int(name)] if name.isdigit() else getattr(message, name)
        setattr(message, last, value)

    return change


def _swap(message: pb.VerifyCardResponse) -> None:
    classes = list(message.verdict.classes)
    del message.verdict.classes[:]
    message.verdict.classes.extend(reversed(classes))


def _repeat(message: pb.VerifyCardResponse) -> None:
    message.verdict.classes.append(message.verdict.classes[0])


def _drop(message: pb.VerifyCardResponse) -> None:
    del message.verdict.classes[1:]


def _add(path: str, *values: object) -> Callable[[pb.VerifyCardResponse], None]:
    def change(message: Any) -> None:  # noqa: ANN401 - any message on the way
        for name in path.split("."):
            message = message[int(name)] if name.isdigit() else getattr(message, name)
        message.extend(values)

    return change


def _documents(message: pb.VerifyCardResponse) -> None:
    for number in range(17):
        message.identity.holder.documents.add(type=6, number=f"E{number:08d}")


FOREIGN: list[tuple[str, Callable[[pb.VerifyCardResponse], None]]] = [
    ("answer:ValueError", _set("verdict.home_region", "guizhou")),
    ("answer:ValueError", _set("verdict.visited_region", "guizhou")),
    ("answer:KeyError", _set("verdict.card_status", 0)),
    ("answer:KeyError", _set("verdict.card_status", 99)),
    ("answer:KeyError", _set("verdict.classes.0.decision", 0)),
    ("answer:KeyError", _set("verdict.classes.0.decision", 99)),
    ("answer:KeyError", _set("verdict.classes.0.application_class", 99)),
    ("answer:ValueError", _set("verdict.classes.0.application_class", 2)),
    ("answer:ValueError", _set("verdict.classes.0.reason", "")),
    ("answer:ValueError", _set("verdict.classes.0.reason", "UNSPECIFIED")),
    ("answer:ValueError", _set("verdict.classes.0.reason", "OF_A_LATER_VERSION")),
    ("answer:ValueError", _swap),
    ("answer:ValueError", _repeat),
    ("answer:ValueError", _drop),
    ("answer:ValueError", _set("verdict.status_as_of.seconds", -1)),
    ("answer:ValueError", _set("verdict.status_as_of.seconds", 2**62)),
    ("answer:ValueError", _set("verdict.data_age.seconds", -1)),
    ("answer:ValueError", _set("verdict.data_age.seconds", 2**62)),
    ("answer:MalformedNumberError", _set("identity.holder.social_security_number", "500112190302110118")),
    ("answer:MalformedNumberError", _set("identity.card.number", "1")),
    ("answer:MalformedFieldError", _set("identity.holder.name", " 测试甲")),
    ("answer:MalformedFieldError", _set("identity.card.specification", "9")),
    ("answer:MalformedFieldError", _set("identity.holder.nationality", "chn")),
    ("answer:ValueError", _set("identity.holder.birth_date", "19030211x")),
    ("answer:KeyError", _set("identity.holder.sex", 99)),
    ("answer:KeyError", _set("identity.card.status", 99)),
    ("answer:ValueError", _set("verdict.agreement", "")),
    ("answer:ValueError", _set("verdict.agreement", "a" * 129)),
    ("answer:ValueError", _set("verdict.agreement", "sichuan chongqing")),
    ("answer:ValueError", _set("verdict.classes.0.legal_basis", "x" * 201)),
    ("answer:ValueError", _set("verdict.classes.2.legal_basis", "x" * 1_000_000)),
    ("answer:ValueError", _set("verdict.classes.0.legal_basis", "第十条\n")),
    ("answer:ValueError", _set("verdict.classes.0.legal_basis", "\u202e第十条")),
    ("answer:ValueError", _add("verdict.classes.0.item_types", *(f"CUL.A{n}" for n in range(17)))),
    ("answer:ValueError", _add("verdict.classes.0.item_types", "CUL.MUSEUM", "CUL.MUSEUM")),
    ("answer:ValueError", _add("verdict.classes.0.item_types", "cul.museum")),
    ("answer:ValueError", _add("verdict.classes.0.item_types", "CUL." + "A" * 61)),
    ("answer:ValueError", _add("verdict.suspended_functions", *[1] * 17)),
    ("answer:ValueError", _add("identity.card.suspended_functions", *[1] * 17)),
    ("answer:ValueError", _documents),
    ("size", _set("recognition", "x" * 4097)),
    ("size", _set("identity.holder.name", "测" * 30_000)),
    ("identity_region", _set("identity.region", "sichuan")),
    ("identity_without_recognition", _set("verdict.classes.0.decision", 3)),
]


@pytest.mark.parametrize(("rule", "change"), FOREIGN)
async def test_an_answer_with_one_thing_wrong_is_refused(
    rule: str, change: Callable[[pb.VerifyCardResponse], None]
) -> None:
    """What comes from a peer is checked like any foreign input; the error names the kind of fault and no value."""
    message = await response()
    change(message)
    with pytest.raises(PeerProtocolError) as caught:
        answer_value(message, ASKED, ITEM)
    assert caught.value.metadata == {"region": "chongqing", "rule": rule}
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


async def test_an_unknown_document_or_function_is_refused() -> None:
    """A number of a later version is not dropped in silence."""
    for change in ("documents", "suspended"):
        message = await response()
        if change == "documents":
            message.identity.holder.documents.add(type=99, number="x")
        else:
            message.verdict.suspended_functions.append(99)  # type: ignore[arg-type]  # of a later version
        with pytest.raises(PeerProtocolError):
            answer_value(message, ASKED, ITEM)


@given(st.binary(max_size=300))
def test_random_answers_are_answers_or_refused(raw: bytes) -> None:
    """Whatever can be read as a response becomes an answer or a PeerProtocolError."""
    try:
        message = pb.VerifyCardResponse.FromString(raw)
    except DecodeError:
        return
    with pytest.raises(PeerProtocolError):
        answer_value(message, ASKED, ITEM)


async def test_the_most_that_a_list_may_have_is_read() -> None:
    """Sixteen of each; one more is refused, see above."""
    message = await response()
    types = tuple(f"CUL.A{number}" for number in range(16))
    message.verdict.classes[0].item_types.extend(types)
    message.verdict.suspended_functions.extend([card_pb2.CARD_FUNCTION_SOCIAL_SECURITY] * 16)
    for number in range(16 - len(message.identity.holder.documents)):
        message.identity.holder.documents.add(type=6, number=f"E{number:08d}")
    told = answer_value(message, ASKED, ITEM)
    assert told.verdict.classes[0].item_types == types
    assert len(told.verdict.suspended_functions) == 1
    assert told.identity
    assert len(told.identity.holder.documents) == 16


@pytest.mark.parametrize("given", ["SAN", ""])
async def test_a_romanised_name_is_read_with_or_without_given_names(given: str) -> None:
    """As Hong Kong and Macao write it."""
    message = await response()
    message.identity.holder.romanised_surname = "CHEONG"
    message.identity.holder.romanised_given_names = given
    told = answer_value(message, ASKED, ITEM).identity
    assert told
    assert told.holder.romanised_name == RomanisedName(PersonName("CHEONG"), PersonName(given) if given else None)
