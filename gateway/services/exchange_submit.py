"""SubmitRequest: a request is accepted when it is on disk, once for each idempotency key, however often it is sent."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from gateway.errors import (
    ContentErasedError,
    GatewayError,
    IdempotencyKeyReusedError,
    InvalidFieldError,
    QueueFullError,
    RequestStateError,
)
from gateway.services.crash_points import AFTER_COMMIT, AFTER_INSERT, BEFORE_INSERT, NO_CRASH
from gateway.services.exchange_birth import Birth, new_request
from gateway.services.exchange_files import check_files
from gateway.services.exchange_ledger import (
    CLAIM_FILE,
    LANES,
    count,
    counted,
    dialect_of,
)
from gateway.services.exchange_model import MICROS, parse_row, parse_values, request_name, text_of
from gateway.services.exchange_seals import SALT_BYTES, digest_of, request_document
from gateway.services.exchange_states import Event, State
from gateway.services.local_home import china_day
from gateway.store.schema import new_id
from gateway.store.tables_exchange import EVENTS, QUEUE, REQUESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from gateway.services.crash_points import CrashPoints
    from gateway.services.exchange_birth import NewRequest
    from gateway.services.exchange_model import Actor, StoredRequest, Submission
    from gateway.services.exchange_rules import ExchangeRules
    from gateway.services.exchange_seals import Blinding, Seals
    from gateway.services.ports import Clock
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

LEAST_SECONDS: Final = 60
DAY_SECONDS: Final = 86_400
MOST_SECONDS: Final = 180 * DAY_SECONDS
_SKEW: Final = 600 * MICROS


class Submitted(NamedTuple):
    """A request as it is stored, and whether it was there before."""

    request: StoredRequest
    replayed: bool


class SubmitRequest:
    """The use case.

    Args:
        store: where requests are kept.
        rules: what may be asked.
        seals: seals contents.
        blinding: makes of a caller's keys what may be stored.
        homes: the regions of this gateway.
        catalog_version: gives the version of a region's catalog.
        quota: how many requests of one caller may wait for one region.
        clock: Unix seconds.
        cards: what names a card of a home region by its number.
        points: where a test lets the process die.
    """

    def __init__(
        self,
        store: Store,
        *,
        rules: ExchangeRules,
        seals: Seals,
        blinding: Blinding,
        homes: Collection[str],
        catalog_version: Callable[[str], str],
        quota: int,
        clock: Clock,
        cards: Callable[[str, str], bytes],
        points: CrashPoints = NO_CRASH,
    ) -> None:
        """Keep what is needed."""
        self._store = store
        self._rules = rules
        self._seals = seals
        self._blinding = blinding
        self._homes = homes
        self._catalog_version = catalog_version
        self._quota = quota
        self._clock = clock
        self._cards = cards
        self._points = points
        self._handler = self._add

    async def __call__(self, submission: Submission, actor: Actor) -> Submitted:
        """Accept a request; it is on disk when this returns.

        Raises:
            InvalidFieldError: a deadline out of its bounds.
            IdempotencyKeyReusedError: the key was used for another content.
            ContentErasedError: it was used, for what cannot be known any more.
            QueueFullError: too many wait.
            RequestStateError: it is handed over after its deadline.
            GatewayError, AdapterError, TrustError: what the rules raise.
        """
        now = self._clock()
        self._rules.check_route(submission.terms, actor)
        agreement = self._rules.permit(submission.terms, submission.body, on=china_day(now))
        new = self._new(submission, actor, agreement=agreement, now=int(now * MICROS))
        submitted = await self._store.commit(self._handler, new)
        self._points.reach(AFTER_COMMIT)
        if submitted.replayed:
            self._compare(submission, submitted.request)
        return submitted

    def _new(self, submission: Submission, actor: Actor, *, agreement: str, now: int) -> NewRequest:
        """Make the rows of a request."""
        terms, body, handover = submission.terms, submission.body, submission.handover
        ident, salt, submitted_at, deadline = (
            (new_id(), os.urandom(SALT_BYTES), now, self._deadline(submission, now))
            if handover is None
            else (handover.id, handover.salt, *_handed_over(handover.submitted_at, handover.deadline, now))
        )
        key = submission.ordering_key
        digest = digest_of(request_document(request_name(terms.source, ident), salt, body.document))
        return new_request(
            Birth(
                id=ident,
                here=terms.target in self._homes,
                caller=actor.caller,
                terms=terms,
                agreement=agreement,
                catalog_version=self._catalog_version(terms.target),
                idempotency=self._blinding("submit", actor.caller, submission.idempotency_key),
                order_key=self._blinding("order", terms.source, terms.target, key) if key else ident,
                digest=digest,
                content=self._seals.seal_content(ident, salt, body.encoded),
                card=self._card(terms.target, body.card_number),
                submitted_at=submitted_at,
                deadline=deadline,
                now=now,
            ),
            named=handover is not None,
            attachments=body.attachments,
            decision=actor.decision(
                source=terms.source,
                target=terms.target,
                item=terms.item,
                subject=body.subject,
                detail=text_of(digest),
            ),
        )

    def _deadline(self, submission: Submission, now: int) -> int:
        """Give until when there must be a reply (InvalidFieldError where that is too soon or too late)."""
        asked = submission.deadline
        if asked is None:
            return now + self._rules.usual_days(submission.terms) * DAY_SECONDS * MICROS
        if not now + (LEAST_SECONDS - 1) * MICROS <= asked <= now + (MOST_SECONDS + 1) * MICROS:
            rule = f"{LEAST_SECONDS}_s_to_{MOST_SECONDS // DAY_SECONDS}_days_from_now"
            raise InvalidFieldError(("content.deadline", rule))
        return asked

    def _card(self, target: str, number: str) -> bytes | None:
        """Give what the target region calls the card, where that is a home of this gateway and a card is named."""
        return self._cards(target, number) if number and target in self._homes else None

    async def _add(self, transaction: Transaction, items: Sequence[NewRequest]) -> Sequence[Submitted | GatewayError]:
        """Write those that are new, all together."""
        self._points.reach(BEFORE_INSERT)
        rows = [*await transaction.find(REQUESTS.c.idempotency, [new.row["idempotency"] for new in items])]
        named = [new.row["id"] for new in items if new.named]
        if named:
            rows += await transaction.find(REQUESTS.c.id, named)
        known = {row.idempotency: parse_row(row) for row in rows}
        names = {request.id for request in known.values()}
        counts = await counted(transaction, {new.waiting for new in items})
        added: list[NewRequest] = []
        answers: list[Submitted | GatewayError] = []
        for new in items:
            key = new.row["idempotency"]
            before = known.get(key)
            if before is not None:
                answers.append(Submitted(before, replayed=True))
                continue
            try:
                if new.row["id"] in names:  # a gateway hands over another request under a name that it has used
                    raise IdempotencyKeyReusedError
                await self._check(transaction, new, counts.get(new.waiting, 0))
            except GatewayError as refusal:
                answers.append(refusal)
                continue
            counts[new.waiting] = counts.get(new.waiting, 0) + 1
            known[key] = parse_values(new.row)
            names.add(new.row["id"])
            added.append(new)
            answers.append(Submitted(known[key], replayed=False))
        if added:
            await self._write(transaction, added)
        self._points.reach(AFTER_INSERT)
        return answers

    async def _check(self, transaction: Transaction, new: NewRequest, waiting: int) -> None:
        """Demand a place in the queue, and the files that are named (QueueFullError, AttachmentIncompleteError)."""
        if waiting >= self._quota:
            raise QueueFullError(limit=f"{self._quota}_waiting")
        if new.attachments:
            await check_files(transaction, new.attachments, request=new.row["id"], caller=new.row["caller"])

    async def _write(self, transaction: Transaction, added: Sequence[NewRequest]) -> None:
        """Write rows, histories, tasks and counts, one statement each."""
        await transaction.add(REQUESTS, [new.row for new in added])
        await transaction.add(EVENTS, [event for new in added for event in new.events])
        await transaction.add(QUEUE, [new.task for new in added])
        claimed = [
            {"of_file": reference.id, "for_request": new.row["id"]} for new in added for reference in new.attachments
        ]
        if claimed:
            await transaction.execute(CLAIM_FILE, claimed)
        counts = Counter(new.waiting for new in added)
        await count(transaction, counts, dialect=dialect_of(self._store))
        for new in added:
            transaction.record(new.decision)
            transaction.notify(LANES, new.task["lane"])

    def _compare(self, submission: Submission, before: StoredRequest) -> None:
        """Demand that what was submitted before under the key is the same."""
        if before.content is None:
            raise ContentErasedError
        salt = self._seals.open_content(before.id, before.content).salt
        document = request_document(before.name, salt, submission.body.document)
        told, known = submission.handover, (before.id, salt, before.submitted_at, before.deadline)
        same = told is None or (told.id, told.salt, told.submitted_at, told.deadline) == known
        if not same or digest_of(document) != before.digest:
            raise IdempotencyKeyReusedError


def _handed_over(submitted_at: int, deadline: int, now: int) -> tuple[int, int]:
    """Hold the times of a request that is handed over against our own (InvalidFieldError, RequestStateError)."""
    if not submitted_at <= now + _SKEW or not submitted_at < deadline <= now + (MOST_SECONDS + 3600) * MICROS:
        raise InvalidFieldError(("handover", "times"))
    if deadline <= now:
        raise RequestStateError(state=State.EXPIRED, event=Event.DELIVERED)
    return submitted_at, deadline
