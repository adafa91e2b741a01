"""The part of a manifest that describes the platform: how it authenticates, how it is asked, how it answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

FieldKey = Annotated[str, StringConstraints(min_length=1, max_length=32)]
CredentialName = Literal["card_number", "identification_code", "electronic_sign_number", "qr_text"]
Fault = Literal[
    "card_not_found",
    "holder_mismatch",
    "credential_used",
    "platform_refused",
    "token_refused",
    "unavailable",
    "bad_request",
]

_ASKED: dict[CredentialName, frozenset[str]] = {
    "card_number": frozenset({"card.number", "holder.social_security_number"}),
    "identification_code": frozenset({"card.identification_code"}),
    "electronic_sign_number": frozenset({"card.electronic_sign_number"}),
    "qr_text": frozenset({"qr.text"}),
}


class Part(BaseModel):
    """Base of all parts: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class AuthPart(Part):
    """Authentication scheme by name, with its options; the scheme itself checks them."""

    scheme: str
    option: dict[str, str] = Field(default_factory=dict)


class CredentialPart(Part):
    """How one kind of credential is asked for: request fields by name, and what fills each."""

    record: dict[FieldKey, str]
    constant: dict[FieldKey, str] = Field(default_factory=dict)


class LookupPart(Part):
    """How the platform is asked about a card."""

    method: Literal["GET", "POST"] = "POST"
    path: Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9/_.\-]*$")]
    envelope: Literal["json", "xml", "form", "query"]
    record: Literal["flat", "line", "rows"] = "flat"
    record_at: str = ""
    root: str = "ALL"
    constant: dict[FieldKey, str] = Field(default_factory=dict)
    credential: dict[CredentialName, CredentialPart] = Field(min_length=1)

    @model_validator(mode="after")
    def _asks_for_what_it_has(self) -> LookupPart:
        for kind, part in self.credential.items():
            if not part.record or not _ASKED[kind].issuperset(part.record.values()):
                raise ValueError(f"credential.{kind} asks for a field that such a credential does not tell")
        if self.record != "flat" and not self.record_at:
            raise ValueError("a line and rows need `record_at`")
        return self


class ReplyPart(Part):
    """How the platform answers: where its code stands, which codes mean what, and where the record is."""

    envelope: Literal["json", "xml"]
    record: Literal["flat", "line", "rows"] = "flat"
    record_at: str = ""
    root: str = "ALL"
    code_at: str
    ok: tuple[str, ...] = ()
    message_at: str = ""
    text: dict[str, str] = Field(default_factory=dict)
    code_is_status: bool = False
    as_of_at: str = ""
    as_of_format: str = ""
    fault: dict[str, Fault] = Field(min_length=3)
    http_status: dict[str, int] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_a_good_answer(self) -> ReplyPart:
        if not self.ok and not self.code_is_status:
            raise ValueError("`ok` is empty and no code is a status")
        if bool(self.as_of_at) != bool(self.as_of_format):
            raise ValueError("`as_of_at` and `as_of_format` go together")
        return self


class PlatformPart(Part):
    """The region's HTTP dialect. `utc_offset_hours` is the platform's local time."""

    auth: AuthPart
    lookup: LookupPart
    reply: ReplyPart
    line_columns: tuple[FieldKey, ...] = ()
    utc_offset_hours: int = 8

    @model_validator(mode="after")
    def _line_has_columns(self) -> PlatformPart:
        if self.reply.record == "line" and not self.line_columns:
            raise ValueError("a line record needs `line_columns`")
        return self
