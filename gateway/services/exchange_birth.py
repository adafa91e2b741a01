"""How a request begins: its row, the first entries of its history, and the task by which it is handed on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.services.exchange_ledger import RECEIVED, entry, lane_in, lane_out, task
from gateway.services.exchange_states import Event, Held, Open, State

if TYPE_CHECKING:
    from gateway.services.evidence import Decision
    from gateway.services.exchange_model import AttachmentReference, Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Birth:
    """What a request begins with; times in microseconds. `here` says that its target is a home of this gateway."""

    id: bytes
    here: bool
    caller: str
    terms: Terms
    agreement: str
    catalog_version: str
    idempotency: bytes
    order_key: bytes
    digest: bytes
    content: bytes = field(repr=False)
    card: bytes | None = field(repr=False)
    submitted_at: int
    deadline: int
    now: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """A request that is ready to be written; `named` says that another gateway has given it its id."""

    row: dict[str, Any] = field(repr=False)
    events: list[dict[str, Any]]
    task: dict[str, Any]
    waiting: str
    named: bool
    attachments: tuple[AttachmentReference, ...]
    decision: Decision


def new_request(
    birth: Birth, *, named: bool, attachments: tuple[AttachmentReference, ...], decision: Decision
) -> NewRequest:
    """Make the rows of a request: where its target is a home of this gateway, it is delivered at once."""
    terms, now = birth.terms, birth.now
    events = [entry(birth.id, 1, Event.SUBMITTED, State.SUBMITTED, time=birth.submitted_at, region=terms.source)]
    lane, what = lane_out(terms.target), Event.SUBMITTED.value
    if birth.here:
        events.append(entry(birth.id, 2, Event.DELIVERED, State.DELIVERED, time=now, region=terms.target))
        lane, what = lane_in(terms.target), RECEIVED
    return NewRequest(
        row=_row(birth, revision=len(events)),
        events=events,
        task=task(lane, birth.id, what, order_key=birth.order_key, revision=len(events), now=now),
        waiting=f"{birth.caller}>{terms.target}",
        named=named,
        attachments=attachments,
        decision=decision,
    )


def _row(birth: Birth, *, revision: int) -> dict[str, Any]:
    """Make the row."""
    terms = birth.terms
    return {
        "id": birth.id,
        "held": (Held.TARGET if birth.here else Held.SOURCE).value,
        "source": terms.source,
        "target": terms.target,
        "caller": birth.caller,
        "idempotency": birth.idempotency,
        "item": terms.item,
        "item_type": terms.item_type,
        "kind": terms.kind.value,
        "purpose": terms.purpose.value,
        "medium": terms.medium.value,
        "consent": terms.consent,
        "agreement": birth.agreement,
        "catalog_version": birth.catalog_version,
        "digest": birth.digest,
        "order_key": birth.order_key,
        "state": (State.DELIVERED if birth.here else State.SUBMITTED).value,
        "disputed": Open.NONE.value,
        "revision": revision,
        "heard": 0,
        "submitted_at": birth.submitted_at,
        "delivered_at": birth.now if birth.here else None,
        "answered_at": None,
        "deadline": birth.deadline,
        "changed_at": birth.now,
        "open": True,
        "content": birth.content,
        "reply": None,
        "reply_digest": None,
        "disputes": None,
        "receipt": None,
        "chains": None,
        "record": None,
        "card": birth.card,
    }
