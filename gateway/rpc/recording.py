"""The record of a call: written before the reply, by what the servicer has noted of it and by how it ended.

Recorded are all calls of methods that decide about a person or have an effect, and on every method whoever is refused
for want of proof or permission. Not recorded is what nobody has decided: a gateway that is full, or stopping, or cannot
keep a record has said nothing about anybody.

Refusals cost whoever sends them as much as others: there is an allowance of records for strangers together, and one for
each caller. Beyond it a call that would be refused is told that a limit was reached, whatever else was wrong with it,
and is counted; the next record but one says how many they were. So nobody fills the disk with forged tokens.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import grpc

from gateway.errors import LimitError, ShuttingDownError, StoreUnavailableError
from gateway.rpc.status import UNFORESEEN, row_of
from gateway.services.evidence import Decision, Outcome
from trust.keys import KID

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from adapters.registry import Registry
    from gateway.errors import GatewayError
    from gateway.rpc.boundary import OpenCall
    from gateway.services.evidence import Subject
    from gateway.store.store import Store
    from gateway.store.transaction import Transaction

REFUSALS_PER_SECOND: Final = 50.0
BURST_SECONDS: Final = 20.0
_Code = grpc.StatusCode
_UNPROVEN: Final = frozenset({_Code.UNAUTHENTICATED, _Code.PERMISSION_DENIED})
_REFUSED: Final = _UNPROVEN | {_Code.NOT_FOUND, _Code.FAILED_PRECONDITION, _Code.ALREADY_EXISTS}
_UNDECIDED: Final = (LimitError, ShuttingDownError, StoreUnavailableError)


@dataclass(slots=True)
class Note:
    """What a servicer tells of a call beyond what the call itself shows; `Decision` says what each member is.

    `recorded` says that the use case has written the record itself, in the transaction of its effect; `parts` are the
    entries of a batch, each with its own note and with its error where it failed.
    """

    source: str = ""
    target: str = ""
    item: str = ""
    subject: Subject | None = field(default=None, repr=False)
    recognition: str = field(default="", repr=False)
    outcome: Outcome = Outcome.ALLOWED
    reason: str = "OK"
    detail: str = ""
    recorded: bool = False
    parts: list[tuple[Note, Exception | None]] = field(default_factory=list)


class Allowance:
    """How many refusals of each caller are recorded: some in a second, and more for a moment.

    Args:
        rate: for one second.
        clock: seconds that only grow.
    """

    def __init__(self, rate: float = REFUSALS_PER_SECOND, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with a full allowance for everybody."""
        self._rate = rate
        self._most = rate * BURST_SECONDS
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, caller: str) -> bool:
        """Take one of a caller's, the empty name standing for all strangers; tell whether there was one."""
        now = self._clock()
        left, since = self._left.get(caller, (self._most, now))
        left = min(self._most, left + (now - since) * self._rate)
        has = left >= 1
        self._left[caller] = (left - has, now)
        return has


class Recorder:
    """Writes the records of calls.

    Args:
        store: where they go.
        known: the codes of regions and items that there are. What a caller has typed in the place of one, and is none,
            is not recorded: it may be anything.
        allowance: of refusals.
    """

    def __init__(
        self, store: Store, *, known: Container[str] = frozenset(), allowance: Allowance | None = None
    ) -> None:
        """Begin with nobody turned away."""
        self._store = store
        self._known = known
        self._allowance = allowance or Allowance()
        self._turned_away = 0

    async def answered(self, opened: OpenCall, note: Note) -> None:
        """Record that a message of a call was answered (StoreUnavailableError: it was not, and must not be)."""
        if note.parts:
            await self._write([self._decision(opened, part, error) for part, error in note.parts])
        elif not note.recorded:
            await self._write([self._decision(opened, note, None)])

    async def failed(self, opened: OpenCall, failure: Exception, *, decides: bool) -> Exception:
        """Record that a call failed, where that is a decision; gives the failure to tell, perhaps another one."""
        note, code = opened.note, row_of(failure).code
        unproven = code in _UNPROVEN
        if isinstance(failure, _UNDECIDED) or note.recorded or not (decides or unproven):
            return failure
        if unproven and not self._allowance.take(opened.caller):
            self._turned_away += 1
            return LimitError(limit="refusals")
        try:
            await self._write([self._decision(opened, note, failure)])
        except StoreUnavailableError as error:
            return error
        return failure

    async def _write(self, decisions: list[Decision]) -> None:
        turned_away, self._turned_away = self._turned_away, 0
        if turned_away:
            decisions.append(
                Decision(method="refusals", outcome=Outcome.REFUSED, reason="LIMIT", detail=str(turned_away))
            )
        try:
            await self._store.commit(_record, decisions)
        except StoreUnavailableError:
            self._turned_away += turned_away
            raise

    def _decision(self, opened: OpenCall, note: Note, failure: Exception | None) -> Decision:
        """Put together what is recorded; of what is not proven, nothing but the form of a known key's name."""
        outcome, reason, who = note.outcome, note.reason, ""
        caller = opened.proven
        kid = "" if caller is None else caller.kid
        if failure is not None:
            row = row_of(failure)
            outcome = Outcome.REFUSED if row.code in _REFUSED else Outcome.FAILED
            reason, who = row.reason, row.who.value
            if caller is None and row is not UNFORESEEN:
                named = getattr(failure, "metadata", {}).get("kid", "")
                kid = named if KID.fullmatch(named) else ""
        return Decision(
            method=opened.name,
            outcome=outcome,
            reason=reason,
            who_failed=who,
            caller=opened.caller,
            certificate="" if opened.certificate is None else opened.certificate.fingerprint,
            kid=kid,
            token="" if caller is None else caller.token,
            source="" if caller is None else note.source or caller.region,
            target=note.target if note.target in self._known else "",
            item=note.item if note.item in self._known else "",
            subject=note.subject,
            recognition=note.recognition,
            trace_id=opened.trace_id,
            detail=note.detail,
        )


def known_names(registry: Registry) -> Iterator[str]:
    """Give the codes of all regions, and of the items of their catalogs."""
    for adapter in registry:
        yield adapter.region
        yield from (item.item for item in adapter.catalog)


async def _record(transaction: Transaction, items: Sequence[Sequence[Decision]]) -> Sequence[GatewayError | None]:
    """Record the decisions of several calls; a handler of the store."""
    for decisions in items:
        for one in decisions:
            transaction.record(one)
    return [None] * len(items)
