"""The outbox: tells the gateway of one other region what there is to tell, in order, again and again until it has it.

Sending is at least once; the other side takes each request once by its name, and each entry of a history once by its
number. While the other gateway cannot be reached, one errand at a time is tried, after pauses that grow; nothing counts
as failed for that. What it refuses is the errand's own fault: it is tried some times more, or laid aside for the
operator, and what comes behind it goes on.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import (
    DeadlineError,
    GatewayError,
    PeerProtocolError,
    PeerRefusedError,
    PeerUnavailableError,
    StoreUnavailableError,
)
from gateway.services.crash_points import AFTER_SEND, NO_CRASH
from gateway.services.exchange_errands import Refused, Verdict, pause_seconds
from gateway.services.exchange_ledger import lane_out
from gateway.store.sealing import SEAL_FAULTS
from trust.errors import TrustError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.journal import Journal
    from gateway.services.crash_points import CrashPoints
    from gateway.services.exchange_board import Board
    from gateway.services.exchange_errands import Errand, Errands

BATCH: Final = 16
"""How many are taken in one transaction, for which live callers wait meanwhile."""

IN_FLIGHT: Final = 3
"""How many calls to one gateway are under way at once; few enough that other callers are served in between."""

TICK_SECONDS: Final = 0.05
"""What is told within this time is noted together, where more waits to be told: live callers share the disk with us."""

LOOK_SECONDS: Final = 1.0
GONE_SECONDS: Final = 10.0
"""How long a gateway that was lost is left alone at most: so soon after it is back it is told what waits."""

_MOST_DOUBLED: Final = 16
_RENEW_SECONDS: Final = 1.0
_AGREEMENT: Final = frozenset(
    {"NO_AGREEMENT", "AGREEMENT_NOT_IN_FORCE", "AGREEMENT_STOPPED", "AGREEMENT_NOT_SIGNED", "PURPOSE_NOT_ALLOWED"}
    | {"ITEM_NOT_IN_AGREEMENT", "CLASS_NOT_IN_AGREEMENT", "MEDIUM_NOT_ACCEPTED", "CROSS_BORDER_BASIS_MISSING"}
    | {"FIELD_NOT_IN_AGREEMENT", "ITEM_NOT_OFFERED"}
)
_FOR_GOOD: Final = frozenset({"INVALID_ARGUMENT", "ALREADY_EXISTS", "NOT_FOUND", "PERMISSION_DENIED"})
_NOT_NOW: Final = frozenset({"UNAVAILABLE", "RESOURCE_EXHAUSTED"})
_OF_THE_MESSAGE: Final = frozenset({"UNFORESEEN", "INTERNAL", "UNKNOWN", "unreadable", "MALFORMED_REQUEST", "answer"})
"""Rules of a PeerProtocolError that say something of this message, and not of the other gateway as a whole."""


class Send(Protocol):
    """Tells a gateway."""

    async def __call__(self, errand: Errand) -> str:
        """Tell it; gives the receipt that came back with a reply, else nothing.

        Raises:
            PeerUnavailableError, DeadlineError, PeerProtocolError, PeerRefusedError: as they say.
            GatewayError: what is to be told is not there, or cannot be read.
        """


class Outbox:
    """Works off the lane to one gateway.

    Args:
        errands: the transactions around what is told.
        peer: the region whose gateway it is.
        send: tells it.
        board: wakes when there is something new.
        journal: is told when the gateway is lost and found.
        points: where a test lets the process die.
    """

    def __init__(
        self,
        errands: Errands,
        *,
        peer: str,
        send: Send,
        board: Board,
        journal: Journal,
        points: CrashPoints = NO_CRASH,
    ) -> None:
        """Begin with a gateway that is thought to be there."""
        self._errands = errands
        self._peer = peer
        self._send = send
        self._board = board
        self._journal = journal
        self._points = points
        self._gone = 0
        self._at_once = asyncio.Semaphore(IN_FLIGHT)

    async def run(self) -> None:
        """Work until cancelled; what is held then is given back."""
        with self._board.waiting(lane_out(self._peer)) as news:
            while True:
                try:
                    worked = await self._round()
                except StoreUnavailableError:
                    worked = False
                if self._gone:
                    await asyncio.sleep(_pause(self._gone))  # what is new would be lost on it too, and wakes nobody
                elif not worked:
                    await news.wait(LOOK_SECONDS)

    async def _round(self) -> bool:
        """Take some errands and do them; tells whether there may be more at once."""
        errands = await self._errands.take(self._peer, most=1 if self._gone else BATCH)
        if not errands:
            return False
        left = {errand.taken.place: errand for errand in errands}
        renewing = asyncio.create_task(self._keep(left))
        try:
            reached = await self._do_all(errands, left)
        finally:
            renewing.cancel()
            await self._give_back(list(left.values()))
        self._tell(gone=not reached)
        return reached

    async def _do_all(self, errands: Sequence[Errand], left: dict[int, Errand]) -> bool:
        """Do errands side by side, those of one key one after the other; tells whether the gateway was reached."""
        lines: dict[bytes, list[Errand]] = defaultdict(list)
        for errand in errands:
            lines[errand.taken.order_key].append(errand)
        ends = await asyncio.gather(*(self._do_line(line, left) for line in lines.values()), return_exceptions=True)
        failed = [(line, end) for line, end in zip(lines.values(), ends, strict=True) if isinstance(end, BaseException)]
        for line, _ in failed:  # what nobody foresaw is not given back: its lease ends, and that counts as a failure
            left.pop(next(errand.taken.place for errand in line if errand.taken.place in left))
        for _, end in failed:
            raise end
        return True in ends

    async def _do_line(self, line: Sequence[Errand], left: dict[int, Errand]) -> bool:
        """Do the errands of one key in order, until one cannot be done; tells whether the gateway was reached."""
        reached = False
        for errand in line:
            async with self._at_once:
                try:
                    receipt = await self._send(errand)
                except GatewayError as error:
                    refused = judge(errand, error, self._errands.reason_of(error))
                    if refused is None:
                        return reached
                    await self._refuse(refused, left)
                    return True
            self._points.reach(AFTER_SEND)
            reached = True
            if not await self._settle(errand, receipt, left):
                return True
        return reached

    async def _settle(self, errand: Errand, receipt: str, left: dict[int, Errand]) -> bool:
        """Note that an errand was done; tells whether the next one of its key may follow."""
        if len(left) > 1:
            await asyncio.sleep(TICK_SECONDS - asyncio.get_running_loop().time() % TICK_SECONDS)
        try:
            await self._errands.settle(errand, receipt)
        except TrustError:
            await self._refuse(Refused(errand, Verdict.FOR_NOW, "RECEIPT_INVALID"), left)
            return False
        except GatewayError:  # the lease went to somebody else, or the store is away: it will be told once more
            return False
        left.pop(errand.taken.place)
        return True

    async def _refuse(self, refused: Refused, left: dict[int, Errand]) -> None:
        """Note that an errand was refused."""
        try:
            await self._errands.refuse(refused)
        except GatewayError:
            return
        left.pop(refused.errand.taken.place)

    async def _keep(self, left: dict[int, Errand]) -> None:
        """Renew the leases of what is still to be done, until cancelled."""
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                await self._errands.renew([errand.taken for errand in left.values()])
            except StoreUnavailableError:
                continue

    async def _give_back(self, errands: Sequence[Errand]) -> None:
        """Give back what was not done; where that cannot be noted, the leases end by themselves."""
        if not errands:
            return
        delay = _pause(self._gone + 1)
        giving = asyncio.ensure_future(self._errands.release([errand.taken for errand in errands], delay_seconds=delay))
        try:
            await asyncio.shield(giving)
        except StoreUnavailableError:
            return

    def _tell(self, *, gone: bool) -> None:
        """Note whether the gateway was reached, and tell the operator when that has changed."""
        if gone and not self._gone:
            self._journal.event("exchange_peer_lost", region=self._peer)
        if not gone and self._gone:
            self._journal.event("exchange_peer_found", region=self._peer)
        self._gone = self._gone + 1 if gone else 0


def _pause(gone: int) -> float:
    """Give how long to leave a gateway alone that was lost so many times in a row, seconds."""
    return min(GONE_SECONDS, pause_seconds(min(gone, _MOST_DOUBLED)))


def judge(errand: Errand, error: GatewayError, reason: str) -> Refused | None:
    """Say what an error means for an errand; None where it says something of the other gateway or the store."""
    match error:
        case PeerUnavailableError() | DeadlineError():
            return None
        case PeerRefusedError():
            return _judge_refusal(errand, error)
        case PeerProtocolError():
            rule = error.metadata.get("rule", "").partition(":")[0]
            return Refused(errand, Verdict.FOR_NOW, reason) if rule in _OF_THE_MESSAGE else None
        case StoreUnavailableError():
            return Refused(errand, Verdict.FOR_NOW, reason) if error.metadata.get("fault") in SEAL_FAULTS else None
        case _:
            return Refused(errand, Verdict.FOR_GOOD, reason)


def _judge_refusal(errand: Errand, error: PeerRefusedError) -> Refused | None:
    """Say what it means that the other gateway refused an errand."""
    if error.code in _NOT_NOW:
        return None
    if error.reason in _AGREEMENT:
        return Refused(errand, Verdict.AGREEMENT, error.reason)
    if error.reason == "REQUEST_STATE":
        return Refused(errand, Verdict.MOOT, error.reason)
    return Refused(errand, Verdict.FOR_GOOD if error.code in _FOR_GOOD else Verdict.FOR_NOW, error.reason)
