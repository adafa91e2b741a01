"""Values of the exchange: what is submitted, a request as it is stored, and who acts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from adapters.payload_kinds import PayloadKind
from gateway.services.evidence import Decision, Outcome
from gateway.services.exchange_states import OPEN_STATES, Event, Held, Open, Party, Stage, State
from trust.encoding import encode_base64url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.words import Medium, Purpose
    from gateway.services.evidence import Subject

ID_BYTES: Final = 16
MICROS: Final = 1_000_000


class Sealing(Protocol):
    """Encrypts what is personal before it is stored."""

    def seal(self, plain: bytes, *, context: bytes) -> bytes:
        """Encrypt and authenticate; `context` says what it is, and must be the same to open it."""

    def open(self, sealed: bytes, *, context: bytes) -> bytes:
        """Decrypt what `seal` made (a GatewayError where it is not that)."""


def request_name(source: str, request: bytes) -> str:
    """Write the resource name of a request."""
    return f"regions/{source}/requests/{request.hex()}"


def attachment_name(owner: str, attachment: bytes) -> str:
    """Write the resource name of an attachment."""
    return f"regions/{owner}/attachments/{attachment.hex()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A proven caller as the exchange knows it, and what of its call goes into the evidence."""

    caller: str
    region: str
    gateway: bool
    method: str = ""
    trace_id: str = ""
    certificate: str = ""
    kid: str = ""
    token: str = field(default="", repr=False)

    def decision(self, outcome: Outcome = Outcome.ALLOWED, **what: Any) -> Decision:  # noqa: ANN401 - those of Decision
        """Make the record of a decision about what this caller asked."""
        return Decision(
            method=self.method,
            outcome=outcome,
            caller=self.caller,
            certificate=self.certificate,
            kid=self.kid,
            token=self.token,
            trace_id=self.trace_id,
            **what,
        )


@dataclass(frozen=True, slots=True)
class AttachmentReference:
    """A file that a request or reply names: its id, its owner's region, SHA-256 and size."""

    id: bytes
    owner: str
    digest: bytes
    size: int
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What is asked, or what is answered, as the contract has it.

    `document` is its JSON form, of which digests are made, `encoded` its bytes; `fields` are the canonical fields of a
    person that it names, each of which the agreement must let out. `card_number` is the card that must be in use.
    """

    kind: PayloadKind | None
    document: Mapping[str, object] = field(repr=False)
    encoded: bytes = field(repr=False)
    fields: frozenset[str]
    attachments: tuple[AttachmentReference, ...] = ()
    subject: Subject | None = field(default=None, repr=False)
    card_number: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Under which terms something is asked: what the agreement is held against."""

    source: str
    target: str
    item: str
    item_type: str
    kind: PayloadKind
    purpose: Purpose
    medium: Medium
    consent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What the gateway of the source region says of a request that it hands over; times in microseconds."""

    id: bytes
    salt: bytes
    submitted_at: int
    deadline: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What SubmitRequest brings. `deadline` in microseconds; None where the caller leaves it to us."""

    idempotency_key: str = field(repr=False)
    terms: Terms
    body: Body
    deadline: int | None
    ordering_key: str = field(repr=False)
    handover: Handover | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One thing that happened; `time` in microseconds by the clock of the gateway where it did."""

    revision: int
    event: Event
    state: State
    time: int
    region: str
    reason: str


@dataclass(frozen=True, slots=True)
class News:
    """What the other gateway tells of a request: an entry of its history, and what of a reply goes with it."""

    entry: HistoryEntry
    salt: bytes = b""
    receipt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRequest:
    """A row of the table of requests; what is sealed stays so. Digests are raw, times in microseconds."""

    id: bytes
    held: Held
    source: str
    target: str
    caller: str
    item: str
    item_type: str
    kind: PayloadKind
    purpose: str
    medium: str
    consent: bool
    agreement: str
    catalog_version: str
    digest: bytes
    order_key: bytes
    stage: Stage
    revision: int
    heard: int
    submitted_at: int
    delivered_at: int | None
    answered_at: int | None
    deadline: int
    changed_at: int
    content: bytes | None = field(repr=False)
    reply: bytes | None = field(repr=False)
    reply_digest: bytes | None
    disputes: bytes | None = field(repr=False)
    receipt: str | None = field(repr=False)
    chains: bytes | None
    record: bytes | None
    card: bytes | None = field(repr=False)

    @property
    def name(self) -> str:
        """Its resource name."""
        return request_name(self.source, self.id)

    @property
    def state(self) -> State:
        """Its state."""
        return self.stage.state or State.SUBMITTED

    @property
    def waiting(self) -> str | None:
        """Where it counts as waiting, None where it does not wait to be handed on."""
        waits = State.DELIVERED if self.held is Held.TARGET else State.SUBMITTED
        return f"{self.caller}>{self.target}" if self.state in {waits, State.SUBMITTED} else None

    def party(self, actor: Actor) -> Party | None:
        """Say as whom somebody acts; None who has nothing to do with it, and must not learn that it is there."""
        if actor.gateway:
            if actor.region == self.source and self.held is Held.TARGET and actor.caller == self.caller:
                return Party.SOURCE
            return Party.TARGET if actor.region == self.target and self.held is Held.SOURCE else None
        if actor.caller == self.caller:
            return Party.SOURCE
        return Party.TARGET if actor.region == self.target and self.held is Held.TARGET else None

    def moved(self, stage: Stage) -> dict[str, object]:
        """Give what changes in the row with its stage."""
        state = stage.state or State.SUBMITTED
        return {"state": state.value, "disputed": stage.open.value, "open": state in OPEN_STATES}


def parse_row(row: Any) -> StoredRequest:  # noqa: ANN401 - a row of the table
    """Read a row."""
    return parse_values(row._mapping)  # noqa: SLF001 - how SQLAlchemy calls the mapping of a row


def parse_values(values: Mapping[str, Any]) -> StoredRequest:
    """Read the values of a row, by the names of their columns, as a driver gives them: SQLite's has no truth values."""
    told = {name: values[name] for name in _AS_THEY_ARE}
    stage = Stage(State(values["state"]), Open(values["disputed"]))
    kind, consent = PayloadKind(values["kind"]), bool(values["consent"])
    return StoredRequest(held=Held(values["held"]), kind=kind, consent=consent, stage=stage, **told)


_AS_THEY_ARE: Final = tuple(
    name for name in StoredRequest.__slots__ if name not in {"held", "kind", "consent", "stage"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """An objection as it is kept, sealed; times in microseconds, 0 while it is open. Its texts are personal data."""

    region: str
    ground: str
    text: str = field(repr=False)
    raised_at: int
    outcome: str = ""
    answer: str = field(default="", repr=False)
    settled_at: int = 0


def write_disputes(disputes: tuple[Dispute, ...]) -> bytes:
    """Write objections as JSON."""
    names = Dispute.__slots__
    return json.dumps([{name: getattr(one, name) for name in names} for one in disputes], ensure_ascii=False).encode()


def read_disputes(raw: bytes) -> tuple[Dispute, ...]:
    """Read objections."""
    return tuple(Dispute(**one) for one in json.loads(raw))


def text_of(digest: bytes | None) -> str:
    """Write a digest in base64url, nothing for none."""
    return encode_base64url(digest) if digest else ""
