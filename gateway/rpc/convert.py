"""Between messages of the contract and the values of the program: checks what comes in, copies what goes out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from adapters import credential as credentials
from adapters.words import ApplicationClass, CardFunction, CardStatus, DocumentType, LossKind, Medium, Purpose, Sex
from gateway.errors import InvalidFieldError
from gateway.loss_words import loss_text
from gateway.services.verify_card import View
from onecard.gateway.v1 import card_pb2, identity_service_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable
    from enum import StrEnum

    from google.protobuf.duration_pb2 import Duration
    from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

    from adapters.canonical import CardIdentity, Loss, RegionalIdentity
    from adapters.credential import Credential
    from gateway.reasons import Language

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_REFERENCE = re.compile(r"[!-~]{1,128}\Z")
_SUBJECT = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_REGION = re.compile(r"[a-z][a-z0-9_]{1,31}\Z")
_DIVISION = re.compile(r"[1-9][0-9]{5}\Z")
_ITEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


Word = TypeVar("Word")


class NamedNumbers(Protocol):
    """An enum of the contract, as the generated code has it."""

    def Value(self, name: str) -> int:
        """Give the number of a name (ValueError)."""


def enum_numbers(words: type[StrEnum], wrapper: NamedNumbers, prefix: str) -> dict[Any, Any]:
    """Pair the program's words with the numbers of the contract's enum (ValueError where one is missing)."""
    return {word: wrapper.Value(f"{prefix}_{word.name}") for word in words}


STATUS = enum_numbers(CardStatus, card_pb2.CardStatus, "CARD_STATUS")
FUNCTION = enum_numbers(CardFunction, card_pb2.CardFunction, "CARD_FUNCTION")
MEDIUM = enum_numbers(Medium, card_pb2.Medium, "MEDIUM")
CLASS = enum_numbers(ApplicationClass, card_pb2.ApplicationClass, "APPLICATION_CLASS")
PURPOSE = enum_numbers(Purpose, card_pb2.Purpose, "PURPOSE")
SEX = enum_numbers(Sex, card_pb2.Sex, "SEX")
DOCUMENT = enum_numbers(DocumentType, card_pb2.DocumentType, "DOCUMENT_TYPE")
LOSS = enum_numbers(LossKind, card_pb2.LossKind, "LOSS_KIND")


def reversed_numbers(numbers: dict[Any, Any]) -> dict[Any, Any]:
    """Give the words by number."""
    return {number: word for word, number in numbers.items()}


STATUS_WORD = reversed_numbers(STATUS)
FUNCTION_WORD = reversed_numbers(FUNCTION)
MEDIUM_WORD = reversed_numbers(MEDIUM)
CLASS_WORD = reversed_numbers(CLASS)
PURPOSE_WORD = reversed_numbers(PURPOSE)
SEX_WORD = reversed_numbers(SEX)
DOCUMENT_WORD = reversed_numbers(DOCUMENT)

_VIEWS: dict[int, View] = {
    identity_service_pb2.IDENTITY_VIEW_UNSPECIFIED: View(),
    identity_service_pb2.IDENTITY_VIEW_NONE: View(canonical=False, regional=False),
    identity_service_pb2.IDENTITY_VIEW_CANONICAL: View(canonical=True, regional=False),
    identity_service_pb2.IDENTITY_VIEW_REGIONAL: View(canonical=False, regional=True),
    identity_service_pb2.IDENTITY_VIEW_FULL: View(),
}


class Fields:
    """Collects what is wrong with the fields of one request, so that a caller learns all of it at once."""

    def __init__(self) -> None:
        """Begin with nothing wrong."""
        self._violations: list[tuple[str, str]] = []

    def text(self, name: str, value: str, pattern: re.Pattern[str], *, required: bool = True) -> str:
        """Check a text against a pattern."""
        if not value:
            if required:
                self._violations.append((name, "required"))
        elif not pattern.match(value):
            self._violations.append((name, "form"))
        return value

    def request_id(self, value: str) -> str:
        """Check a request id."""
        return self.text("request_id", value, _REQUEST_ID)

    def token_id(self, name: str, value: str) -> str:
        """Check the identifier of a token."""
        return self.text(name, value, _REQUEST_ID)

    def subject(self, name: str, value: str) -> str:
        """Check a pairwise pseudonym."""
        return self.text(name, value, _SUBJECT)

    def region(self, name: str, value: str) -> str:
        """Check the form of a region code."""
        return self.text(name, value, _REGION)

    def item(self, name: str, value: str) -> str:
        """Check the form of an item identifier."""
        return self.text(name, value, _ITEM)

    def division(self, name: str, value: str) -> str:
        """Check the form of an optional division code, GB/T 2260."""
        return self.text(name, value, _DIVISION, required=False)

    def reference(self, name: str, value: str) -> str | None:
        """Check an optional reference."""
        return self.text(name, value, _REFERENCE, required=False) or None

    def word(self, name: str, number: int, words: dict[int, Word], default: Word) -> Word:
        """Check an enum value; zero counts as missing, and the default only stands in until `finish`."""
        word = words.get(number)
        if word is None:
            self._violations.append((name, "required" if number == 0 else "unknown_value"))
            return default
        return word

    def view(self, number: int) -> View:
        """Check how much of the identity is wanted."""
        view = _VIEWS.get(number)
        if view is None:
            self._violations.append(("view", "unknown_value"))
            return View()
        return view

    def add(self, name: str, rule: str) -> None:
        """Note something wrong."""
        self._violations.append((name, rule))

    def finish(self) -> None:
        """Raise InvalidFieldError with all that was wrong."""
        if self._violations:
            raise InvalidFieldError(*dict.fromkeys(self._violations))


def credential_in(message: identity_service_pb2.Credential, fields: Fields) -> Credential | None:
    """Read a credential; MalformedNumberError and MalformedFieldError name the field, a missing kind is noted."""
    match message.WhichOneof("kind"):
        case "card_number":
            pair = message.card_number
            missing = [name for name in ("card_number", "social_security_number") if not getattr(pair, name)]
            for name in missing:
                fields.add(f"credential.card_number.{name}", "required")
            if missing:
                return None
            return credentials.by_card_number(
                pair.card_number, pair.social_security_number, field="credential.card_number"
            )
        case "identification_code":
            return credentials.by_identification_code(message.identification_code)
        case "reader_text":
            return credentials.by_reader_text(message.reader_text)
        case "electronic_sign_number":
            return credentials.by_electronic_sign_number(message.electronic_sign_number)
        case "qr_text":
            return credentials.by_qr_text(message.qr_text)
        case _:
            fields.add("credential", "required")
            return None


def identity_out(identity: CardIdentity, message: card_pb2.CardIdentity) -> None:
    """Write the neutral form into a message; what is not told stays empty."""
    message.region = identity.region
    source, holder = identity.holder, message.holder
    if source.social_security_number is not None:
        holder.social_security_number = source.social_security_number.reveal()
    if source.name is not None:
        holder.name = source.name.reveal()
    if source.romanised_name is not None:
        holder.romanised_surname = source.romanised_name.surname.reveal()
        if source.romanised_name.given is not None:
            holder.romanised_given_names = source.romanised_name.given.reveal()
    if source.sex is not None:
        holder.sex = SEX[source.sex]
    if source.birth_date is not None:
        holder.birth_date = source.birth_date.isoformat()
    holder.nationality = source.nationality or ""
    for document in source.documents:
        holder.documents.add(type=DOCUMENT[document.type], number=document.number.reveal())
    if source.integrity_record is not None:
        holder.integrity_record = source.integrity_record.reveal()
    card_out(identity, message.card)


def card_out(identity: CardIdentity, message: card_pb2.Card) -> None:
    """Write the card of the neutral form into a message."""
    card = identity.card
    if card.number is not None:
        message.number = card.number.reveal()
    if card.identification_code is not None:
        message.identification_code = card.identification_code.reveal()
    if card.issuer_division is not None:
        message.issuer_division = card.issuer_division.value
    message.specification = card.specification or ""
    if card.issued_on is not None:
        message.issued_on = card.issued_on.isoformat()
    if card.expires_on is not None:
        message.expires_on = card.expires_on.isoformat()
    if card.status is not None:
        message.status = STATUS[card.status]
    if card.suspended_functions:
        message.suspended_functions.extend(sorted(FUNCTION[f] for f in card.suspended_functions))
    if card.electronic_sign_number is not None:
        message.electronic_sign_number = card.electronic_sign_number.reveal()


def regional_out(regional: RegionalIdentity, text: str, message: card_pb2.RegionalIdentity) -> None:
    """Write a regional form into a message."""
    message.region = regional.region
    fields = message.fields
    for key, value in regional.fields.items():  # `update` of this container costs twice as much
        fields[key] = value
    if text:
        message.text = text


def losses_out(
    losses: Iterable[Loss], into: RepeatedCompositeFieldContainer[card_pb2.Loss], language: Language
) -> None:
    """Write losses into a repeated field, in the caller's language."""
    for loss in losses:
        into.add(field=loss.field, kind=LOSS[loss.kind], detail=loss_text(loss.detail, language))


def reword_losses(losses: Iterable[card_pb2.Loss], language: Language) -> None:
    """Tell losses that were written already in another language."""
    for loss in losses:
        loss.detail = loss_text(loss.detail, language)


def timestamp(seconds: float) -> Timestamp:
    """Make a timestamp of Unix time, to the microsecond."""
    made = Timestamp()
    set_seconds(made, seconds)
    return made


def set_seconds(message: Timestamp | Duration, seconds: float) -> None:
    """Set a time or a span in place, to the microsecond."""
    whole = int(seconds)
    message.seconds = whole
    message.nanos = int((seconds - whole) * 1_000_000) * 1000
