"""Messages between gateways as values: a question going out, an answer coming in and checked like any foreign input."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from adapters.canonical import Card, CardIdentity, Document, Holder, PersonName, RomanisedName
from adapters.credential import CredentialKind
from adapters.errors import AdapterError
from adapters.identifiers import (
    CardNumber,
    DivisionCode,
    ElectronicSignNumber,
    IdentificationCode,
    IntegrityRecordReference,
    SocialSecurityNumber,
)
from adapters.words import ApplicationClass
from gateway.errors import PeerProtocolError
from gateway.rpc.convert import (
    CLASS_WORD,
    DOCUMENT_WORD,
    FUNCTION_WORD,
    MEDIUM,
    PURPOSE,
    SEX_WORD,
    STATUS_WORD,
    reversed_numbers,
)
from gateway.rpc.convert_verdict import DECISION
from gateway.services.model import CardAnswer, CardVerdict, ClassVerdict
from onecard.gateway.v1 import error_reason_pb2
from onecard.gateway.v1 import identity_service_pb2 as pb
from trust.claims import is_issuer
from trust.encoding import is_sixteen_bytes
from trust.parser import MAX_TOKEN_LENGTH
from trust.vocabulary import is_item_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.equivalence import Equivalence
    from gateway.services.model import CardQuestion
    from onecard.gateway.v1 import card_pb2, verdict_pb2

_DECISION_WORD = reversed_numbers(DECISION)
_ALL_CLASSES = tuple(ApplicationClass)
_LATEST = 2**37
"""Unix time that no honest clock shows, and that our calendar still holds (year 6325)."""

_LARGEST_IDENTITY = 64 * 1024
_LONGEST_BASIS = 200
_MOST_ENTRIES = 16
"""Of a list that a peer sends. What it says is remembered with the answer, so all is bounded before it is kept."""

REASONS = frozenset(
    name.removeprefix("ERROR_REASON_") for name in error_reason_pb2.ErrorReason.DESCRIPTOR.values_by_name
) - {"UNSPECIFIED"}
"""Reasons that we can explain to our own callers; a peer that names another one is not understood."""


def question_message(question: CardQuestion, *, disclose: bool) -> pb.VerifyCardRequest:
    """Make the request to the home region's gateway."""
    credential = question.credential
    message = pb.VerifyCardRequest(
        request_id=question.request_id,
        home_region=question.home_region,
        medium=MEDIUM[question.medium],
        visited_item=question.visited_item,
        purpose=PURPOSE[question.purpose],
        consent_reference=question.consent_reference or "",
        view=pb.IDENTITY_VIEW_CANONICAL if disclose else pb.IDENTITY_VIEW_NONE,
        omit_item=True,
    )
    if credential.kind is CredentialKind.CARD_NUMBER:
        message.credential.card_number.card_number = credential.values["card.number"]
        message.credential.card_number.social_security_number = credential.values["holder.social_security_number"]
    else:
        setattr(message.credential, credential.kind.value, credential.text)
    return message


def answer_value(response: pb.VerifyCardResponse, question: CardQuestion, item: Equivalence) -> CardAnswer:
    """Read the answer (PeerProtocolError where it is not one); `item` is our own reading of the catalogs."""
    if len(response.recognition) > MAX_TOKEN_LENGTH or response.identity.ByteSize() > _LARGEST_IDENTITY:
        raise PeerProtocolError(region=question.home_region, rule="size")
    try:
        verdict = _verdict(response.verdict, question, item)
        identity = identity_value(response.identity) if response.HasField("identity") else None
    except (AdapterError, ValueError, KeyError) as error:
        raise PeerProtocolError(region=question.home_region, rule=f"answer:{type(error).__name__}") from None
    if identity is not None and identity.region != question.home_region:
        raise PeerProtocolError(region=question.home_region, rule="identity_region")
    if identity is not None and not verdict.usable:
        raise PeerProtocolError(region=question.home_region, rule="identity_without_recognition")
    return CardAnswer(verdict=verdict, identity=identity, recognition=response.recognition or None, claims=None)


def _verdict(message: verdict_pb2.CardVerdict, question: CardQuestion, item: Equivalence) -> CardVerdict:
    if (message.home_region, message.visited_region) != (question.home_region, question.visited_region):
        raise ValueError("regions")
    as_of = message.status_as_of.seconds + message.status_as_of.nanos / 1e9
    age = message.data_age.seconds + message.data_age.nanos / 1e9
    if not 0 <= as_of <= as_of + age < _LATEST:
        raise ValueError("times")
    if len(message.classes) != len(_ALL_CLASSES) or len(message.suspended_functions) > _MOST_ENTRIES:
        raise ValueError("entries")
    classes = tuple([_class_verdict(one) for one in message.classes])
    if tuple([one.application_class for one in classes]) != _ALL_CLASSES:
        raise ValueError("classes")
    if not is_issuer(message.agreement):
        raise ValueError("agreement")
    return CardVerdict(
        home_region=message.home_region,
        visited_region=message.visited_region,
        classes=classes,
        card_status=STATUS_WORD[message.card_status],
        suspended_functions=frozenset([FUNCTION_WORD[f] for f in message.suspended_functions]),
        status_as_of=as_of,
        answered_at=as_of + age,
        item=item,
        agreement=message.agreement,
        since=_time(message, "status_change_time"),
        known_at=_time(message, "known_time"),
        successor=_successor(message.successor),
    )


def _time(message: verdict_pb2.CardVerdict, name: str) -> float | None:
    """Read a time that need not be there."""
    if not message.HasField(name):  # type: ignore[arg-type]  # one of two names, see above
        return None
    told = getattr(message, name)
    seconds: float = told.seconds + told.nanos / 1e9
    if not 0 <= seconds < _LATEST:
        raise ValueError(name)
    return seconds


def _successor(text: str) -> str:
    if text and not is_sixteen_bytes(text):
        raise ValueError("successor")
    return text


def _class_verdict(message: verdict_pb2.ClassVerdict) -> ClassVerdict:
    if message.reason not in REASONS:
        raise ValueError("reason")
    basis = message.legal_basis
    # Chinese texts may have the ideographic space, which Python does not call printable.
    if basis and (len(basis) > _LONGEST_BASIS or not basis.replace("\u3000", "").isprintable()):
        raise ValueError("legal_basis")
    return ClassVerdict(
        CLASS_WORD[message.application_class],
        _DECISION_WORD[message.decision],
        message.reason,
        _item_types(message.item_types),
        basis,
    )


def _item_types(told: Sequence[str]) -> tuple[str, ...]:
    """Read distinct item types; whether they are those of the item is for the services to say."""
    if not told:
        return ()
    if len(told) > _MOST_ENTRIES or len(set(told)) != len(told) or not all(map(is_item_type, told)):
        raise ValueError("item_types")
    return tuple(told)


def identity_value(message: card_pb2.CardIdentity) -> CardIdentity:
    """Read the neutral form; every value is checked again, as one that came from outside."""
    return CardIdentity(message.region, _holder(message.holder), _card(message.card))


def _holder(message: card_pb2.Holder) -> Holder:
    if len(message.documents) > _MOST_ENTRIES:
        raise ValueError("documents")
    romanised = None
    if message.romanised_surname:
        given = PersonName(message.romanised_given_names) if message.romanised_given_names else None
        romanised = RomanisedName(PersonName(message.romanised_surname), given)
    number, record = message.social_security_number, message.integrity_record
    return Holder(
        social_security_number=SocialSecurityNumber(number) if number else None,
        name=PersonName(message.name) if message.name else None,
        romanised_name=romanised,
        sex=SEX_WORD[message.sex] if message.sex else None,
        birth_date=date.fromisoformat(message.birth_date) if message.birth_date else None,
        nationality=message.nationality or None,
        documents=tuple([Document.parse(DOCUMENT_WORD[d.type], d.number) for d in message.documents]),
        integrity_record=IntegrityRecordReference(record) if record else None,
    )


def _card(message: card_pb2.Card) -> Card:
    if len(message.suspended_functions) > _MOST_ENTRIES:
        raise ValueError("suspended_functions")
    return Card(
        number=CardNumber(message.number) if message.number else None,
        identification_code=IdentificationCode(message.identification_code) if message.identification_code else None,
        issuer_division=DivisionCode(message.issuer_division) if message.issuer_division else None,
        specification=message.specification or None,
        issued_on=date.fromisoformat(message.issued_on) if message.issued_on else None,
        expires_on=date.fromisoformat(message.expires_on) if message.expires_on else None,
        status=STATUS_WORD[message.status] if message.status else None,
        suspended_functions=frozenset([FUNCTION_WORD[f] for f in message.suspended_functions]),
        electronic_sign_number=(
            ElectronicSignNumber(message.electronic_sign_number) if message.electronic_sign_number else None
        ),
    )
