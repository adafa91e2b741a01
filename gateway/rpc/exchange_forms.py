"""The forms of what is exchanged: for each field of the typed contents one rule, and all that is wrong is told at once.

Which fields must be there says the contract itself (`field_behavior`); what a text must look like says the table here,
by the name of its field. A text without a rule is a mistake of the program, and is found by a test.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from google.api import field_behavior_pb2
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.timestamp_pb2 import Timestamp

from adapters.canonical import FIELD_PATHS, PersonName
from adapters.errors import AdapterError
from adapters.identifiers import CardNumber, SocialSecurityNumber
from trust.encoding import is_sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from google.protobuf.message import Message

    from gateway.rpc.convert import Fields

    Fault = Callable[[str], str]
    """Names the rule that a text breaks; an empty text where it breaks none."""

CURRENCIES: Final = frozenset({"CNY", "HKD", "MOP"})
_CONTROL: Final = "\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"
_FORM: Final = "form"
_ISO_DATE: Final = "iso_date"
_ISO_MONTH: Final = "iso_month"
_REFERENCE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MONTH: Final = re.compile(r"[12][0-9]{3}-(0[1-9]|1[0-2])")
_DIVISION: Final = re.compile(r"[1-9][0-9]{5}")
_MEDIA_TYPE: Final = re.compile(r"[a-z]{1,20}/[a-z0-9][a-z0-9.+-]{0,78}")
_ITEM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VENUE: Final = re.compile(r"regions/[a-z][a-z0-9_]{1,31}/venues/[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_REGION: Final = re.compile(r"[a-z][a-z0-9_]{1,31}")
_CONSENT: Final = re.compile(r"[!-~]{1,128}")
_PSEUDONYM: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _fits(accepts: Callable[[str], object], rule: str = _FORM) -> Fault:
    return lambda value: "" if accepts(value) else rule


def _matches(pattern: re.Pattern[str]) -> Fault:
    return _fits(pattern.fullmatch)


def _text(most: int) -> Fault:
    fits = _fits(re.compile(rf"(?!\s)[^{_CONTROL}]+(?<!\s)").fullmatch)
    return lambda value: fits(value) if len(value) <= most else f"at_most_{most}"


def _is_day(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _reads(kind: Callable[[str], object]) -> Fault:
    """Accept what a kind of number or name accepts, and name the rule that it names."""

    def fault(value: str) -> str:
        try:
            kind(value)
        except AdapterError as error:
            return error.metadata["rule"]
        return ""

    return fault


_NAME: Final = _reads(PersonName)
_DAY: Final = _fits(_is_day, _ISO_DATE)
_A_MONTH: Final = _fits(_MONTH.fullmatch, _ISO_MONTH)
_PLAIN: Final = _matches(_REFERENCE)
FORMS: Final[dict[str, Fault]] = {
    **dict.fromkeys(("name", "romanised_surname", "romanised_given_names", "agent_name"), _NAME),
    **dict.fromkeys(("birth_date", "due_date", "ready_on", "issued_on", "sent_on", "happened_on"), _DAY),
    **dict.fromkeys(("period", "from_month", "to_month"), _A_MONTH),
    **dict.fromkeys(("batch", "bank_reference", "bill", "payment_reference", "reference"), _PLAIN),
    **dict.fromkeys(("certificate", "file", "notice", "carrier_reference", "idempotency_key", "upload_key"), _PLAIN),
    **dict.fromkeys(("benefit", "payer", "payee", "issuer"), _text(100)),
    **dict.fromkeys(("holding_institution", "receiving_institution"), _text(100)),
    **dict.fromkeys(("source_region", "target_region"), _matches(_REGION)),
    **dict.fromkeys(("description", "legal_basis"), _text(200)),
    "text": _text(1000),
    "answer": _text(1000),
    "social_security_number": _reads(SocialSecurityNumber),
    "card_number": _reads(CardNumber),
    "pseudonym": _matches(_PSEUDONYM),
    "field": _fits(FIELD_PATHS.__contains__),
    "currency": _fits(CURRENCIES.__contains__),
    "venue": _matches(_VENUE),
    "pickup_division": _matches(_DIVISION),
    "digest": _fits(is_sha256),
    "media_type": _matches(_MEDIA_TYPE),
    "item": _matches(_ITEM),
    "item_type": _matches(_ITEM),
    "consent_reference": _matches(_CONSENT),
    "ordering_key": _text(128),
}
"""What a text must be, by the name of its field: what names the rule it breaks. An attachment's `name` is not here."""

COUNTS: Final = {"minor_units": 10**15, "paid_months": 1200, "volumes": 1000, "size": 100_000_000}
"""The most that a number may be; the least is 0, or 1 where it must be there."""

LENGTHS: Final = {"fields": 16, "kinds": 5, "periods": 64, "attachments": 8}
"""How many entries a list may have."""

_READ_APART: Final = frozenset({"onecard.gateway.v1.Attachment.name"})
_MESSAGES: Final = "onecard.gateway.v1."


_FIRST_SECOND: Final = -62_135_596_800
_LAST_SECOND: Final = 253_402_300_799
_NANOS: Final = 1_000_000_000


class _Field(NamedTuple):
    name: str
    required: bool
    repeated: bool
    kind: int
    descriptor: Any


@cache
def _fields(descriptor: Any) -> tuple[_Field, ...]:  # noqa: ANN401 - a descriptor
    """Give what there is to check of a message type, worked out once."""
    extension = field_behavior_pb2.field_behavior
    return tuple(
        _Field(
            field.name,
            field_behavior_pb2.REQUIRED in field.GetOptions().Extensions[extension],
            field.is_repeated,
            field.cpp_type,
            field,
        )
        for field in descriptor.fields
        if field.full_name not in _READ_APART
    )


def check(message: Message, path: str, fields: Fields) -> None:
    """Hold a message and all within it against the rules; what is wrong is noted by its path."""
    there = {field.name: value for field, value in message.ListFields()}
    for field in _fields(message.DESCRIPTOR):
        value = there.get(field.name)
        if value is None and not field.required:
            continue
        place = f"{path}.{field.name}" if path else field.name
        if value is None:
            fields.add(place, "required")
        elif field.repeated:
            _check_list(field, value, place, fields)
        elif field.kind == FieldDescriptor.CPPTYPE_MESSAGE:
            _check_within(value, place, fields)
        elif value:
            rule = _fault(field, value)
            if rule:
                fields.add(place, rule)
        elif field.required:
            fields.add(place, "required")
    _check_months(message, path, fields)


def _check_months(message: Any, path: str, fields: Fields) -> None:  # noqa: ANN401 - a message of any type
    """Note a period that ends before it begins, where both months can be read."""
    if "from_month" not in message.DESCRIPTOR.fields_by_name:
        return
    first, last = message.from_month, message.to_month
    if _MONTH.fullmatch(first) and _MONTH.fullmatch(last) and last < first:
        fields.add(f"{path}.to_month", "not_before_from_month")


def _check_within(value: Message, place: str, fields: Fields) -> None:
    """Hold a message of ours against its rules, and a time against the range in which it can be written."""
    if value.DESCRIPTOR.full_name.startswith(_MESSAGES):
        check(value, place, fields)
    elif isinstance(value, Timestamp) and not _has_a_text(value):
        fields.add(place, "time_between_years_1_and_9999")


def _has_a_text(time: Timestamp) -> bool:
    """Tell whether a time lies in the range that `google.protobuf.Timestamp` has; only then it can be written."""
    return _FIRST_SECOND <= time.seconds <= _LAST_SECOND and 0 <= time.nanos < _NANOS


def _check_list(field: _Field, values: Any, place: str, fields: Fields) -> None:  # noqa: ANN401 - a repeated field
    """Hold a list against its length, its entries against theirs."""
    most = LENGTHS[field.name]
    if len(values) > most:
        fields.add(place, f"at_most_{most}_entries")
        return
    for number, value in enumerate(values):
        if field.kind == FieldDescriptor.CPPTYPE_MESSAGE:
            check(value, f"{place}[{number}]", fields)
        elif (rule := _fault(field, value)) or list(values).count(value) > 1:
            fields.add(f"{place}[{number}]", rule or "each_once")


def _fault(field: _Field, value: Any) -> str:  # noqa: ANN401 - text, number or enum
    """Say which rule a value breaks, nothing where it breaks none."""
    if field.kind == FieldDescriptor.CPPTYPE_STRING:
        return FORMS[field.name](value)
    if field.kind == FieldDescriptor.CPPTYPE_ENUM:
        known = field.descriptor.enum_type.values_by_number
        return "" if value in known and value else "unknown_value"
    if field.kind == FieldDescriptor.CPPTYPE_BOOL:
        return ""
    least, most = int(field.required), COUNTS[field.name]
    return "" if least <= value <= most else f"{least}_to_{most}"


def texts_of(descriptor: Any) -> Iterator[str]:  # noqa: ANN401 - a descriptor
    """Name the fields of a message type and of all within it that need a rule."""
    for field in descriptor.fields:
        if field.full_name in _READ_APART:
            continue
        if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            yield field.name
        elif field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE and field.message_type.full_name.startswith(_MESSAGES):
            yield from texts_of(field.message_type)
