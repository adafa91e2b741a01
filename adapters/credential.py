"""What a holder shows: five kinds of credential, each reduced to the neutral fields that a platform can look up."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from adapters.errors import MalformedFieldError, MissingFieldError
from adapters.identifiers import CardNumber, ElectronicSignNumber, IdentificationCode, SocialSecurityNumber

READER_COLUMNS = 11
_QR_TEXT = re.compile(r"[!-~]{1,512}\Z")


class CredentialKind(StrEnum):
    """Kinds of credential, by the names that manifests use; a reader's text is looked up as a card number."""

    CARD_NUMBER = "card_number"
    IDENTIFICATION_CODE = "identification_code"
    READER_TEXT = "reader_text"
    ELECTRONIC_SIGN_NUMBER = "electronic_sign_number"
    QR_TEXT = "qr_text"


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential that was checked for form.

    `values` are the neutral fields by path; `checks` are fields that the platform's answer must agree with, because
    the reader read them from the chip. `text` is what was shown where it was one text, to be passed on as it is.
    """

    kind: CredentialKind
    values: dict[str, str]
    checks: dict[str, str]
    text: str = ""

    def __repr__(self) -> str:
        """Name the kind only."""
        return f"Credential({self.kind})"

    @property
    def used_up(self) -> bool:
        """Tell whether looking it up uses it up, so that a second try would be refused."""
        return self.kind is CredentialKind.QR_TEXT

    @property
    def lookup_kind(self) -> str:
        """Kind under which a manifest lists how to ask for it."""
        return "card_number" if self.kind is CredentialKind.READER_TEXT else self.kind.value


def by_card_number(card_number: str, social_security_number: str, *, field: str = "credential") -> Credential:
    """Make a credential of a card number and its holder's number (MalformedNumberError)."""
    card = CardNumber(card_number, field=f"{field}.card_number").reveal()
    holder = SocialSecurityNumber(social_security_number, field=f"{field}.social_security_number").reveal()
    values = {"card.number": card, "holder.social_security_number": holder}
    return Credential(CredentialKind.CARD_NUMBER, values, values)


def by_identification_code(text: str, *, field: str = "credential.identification_code") -> Credential:
    """Make a credential of a chip's identification code (MalformedNumberError)."""
    values = {"card.identification_code": IdentificationCode(text, field=field).reveal()}
    return Credential(CredentialKind.IDENTIFICATION_CODE, values, values, text)


def by_electronic_sign_number(text: str, *, field: str = "credential.electronic_sign_number") -> Credential:
    """Make a credential of an electronic card's sign number (MalformedNumberError)."""
    values = {"card.electronic_sign_number": ElectronicSignNumber(text, field=field).reveal()}
    return Credential(CredentialKind.ELECTRONIC_SIGN_NUMBER, values, values, text)


def by_qr_text(text: str, *, field: str = "credential.qr_text") -> Credential:
    """Make a credential of an opaque QR text: printable ASCII, 1 to 512 characters (MalformedFieldError)."""
    if not _QR_TEXT.match(text):
        raise MalformedFieldError(field=field, rule="printable_ascii_1_to_512")
    return Credential(CredentialKind.QR_TEXT, {"qr.text": text}, {}, text)


def by_reader_text(text: str, *, field: str = "credential.reader_text") -> Credential:
    """Read a card reader's string (after the shape in 人社厅 document No. 38).

    Columns: division, social-security number, card number, identification code, name, ATR, specification, issued,
    expires, terminal, device; each ends in a bar, the last bar may be missing. The name may be padded with spaces;
    some readers put `1|` before it all when the read succeeded.
    MalformedFieldError for another shape or a failed read, MalformedNumberError for a wrong number inside.
    """
    columns = text.split("|")
    if columns and columns[-1] == "":
        columns.pop()
    if len(columns) == READER_COLUMNS + 1 and columns[0] in {"0", "1"}:
        if columns[0] == "0":
            raise MalformedFieldError(field=field, rule="reader_reports_failure")
        columns.pop(0)
    if len(columns) != READER_COLUMNS:
        raise MalformedFieldError(field=field, rule="eleven_columns")
    _division, holder, card, code, name = columns[:5]
    if not name.strip(" "):
        raise MissingFieldError(field=f"{field}[name]")
    values = {
        "card.number": CardNumber(card, field=f"{field}[card_number]").reveal(),
        "holder.social_security_number": SocialSecurityNumber(
            holder, field=f"{field}[social_security_number]"
        ).reveal(),
    }
    checks = {
        **values,
        "card.identification_code": IdentificationCode(code, field=f"{field}[identification_code]").reveal(),
        "holder.name": name.strip(" "),
    }
    return Credential(CredentialKind.READER_TEXT, values, checks, text)
