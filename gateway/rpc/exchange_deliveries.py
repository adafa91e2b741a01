"""ReceiveRequests: a stream on which requests come under leases, as many as the caller has credit for.

Two things run side by side: what the caller says is read and done, one message after the other; and whenever there is
credit, what waits is leased and sent. What is said of a delivery is answered when it is on disk.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.errors import CallerRegionError, InvalidFieldError, StoreUnavailableError
from gateway.rpc.exchange_in import STATE, STATE_WORD, actor_of, read_request_name
from gateway.rpc.exchange_out import full_request_out, time_out
from gateway.rpc.status import CONTRACT_ERRORS
from gateway.services.exchange_ledger import lane_in
from gateway.services.exchange_read import Found
from gateway.services.exchange_states import Event, State
from gateway.services.exchange_steps import Advance
from onecard.gateway.v1 import exchange_service_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from gateway.rpc.boundary import Call
    from gateway.services.exchange_act import Act
    from gateway.services.exchange_board import Board
    from gateway.services.exchange_inbox import Delivered, Inbox
    from gateway.services.exchange_model import Actor, StoredRequest
    from gateway.services.exchange_seals import Seals

MOST_CREDIT: Final = 1000
AT_ONCE: Final = 100
LOOK_SECONDS: Final = 1.0
_LEASE: Final = range(5, 601)
_USUAL_LEASE: Final = 60
_MOST_DELAY: Final = 3600
_TAKEN: Final = {State.ACCEPTED: Event.ACCEPTED, State.IN_PROGRESS: Event.STARTED}


@dataclass(slots=True)
class _Stream:
    """One stream: who receives, how long its leases are, how much credit is left, and what is to be sent."""

    actor: Actor
    call: Call
    lease_seconds: int
    credit: int
    more: asyncio.Event = field(default_factory=asyncio.Event)
    outgoing: asyncio.Queue[pb.ReceiveRequestsResponse] = field(default_factory=lambda: asyncio.Queue(AT_ONCE))


class Deliveries:
    """Serves streams."""

    def __init__(self, *, inbox: Inbox, act: Act, seals: Seals, lanes: Board) -> None:
        """Take the use cases."""
        self._inbox = inbox
        self._act = act
        self._seals = seals
        self._lanes = lanes

    async def stream(
        self, messages: AsyncIterator[pb.ReceiveRequestsRequest], call: Call
    ) -> AsyncGenerator[pb.ReceiveRequestsResponse]:
        """Serve one stream until the caller has said all it wants to say.

        Raises:
            CallerRegionError: a gateway asks; requests are received by platforms.
            InvalidFieldError: the first message does not open the stream, or a message is not right.
        """
        actor = actor_of(call)
        if actor.gateway:
            raise CallerRegionError(region=actor.region)
        first = await anext(messages, None)
        if first is None or first.WhichOneof("message") != "open":
            raise InvalidFieldError(("open", "first_message"))
        stream = _opened(first.open, actor, call)
        hearing = asyncio.create_task(self._hear(stream, messages))
        sending = asyncio.create_task(self._send(stream))
        try:
            async for response in _outgoing(stream, hearing, sending):
                yield response
        finally:
            for task in (hearing, sending):
                task.cancel()
            # What ended the stream was told; what the other fell over meanwhile, such as an expired token, is too late.
            await asyncio.gather(hearing, sending, return_exceptions=True)

    async def _hear(self, stream: _Stream, messages: AsyncIterator[pb.ReceiveRequestsRequest]) -> None:
        """Do what the caller says, in its order."""
        async for message in messages:
            which = message.WhichOneof("message")
            if which == "add_credit":
                _add(stream, message.add_credit.credit)
            elif which in {"acknowledge", "give_back", "extend"}:
                await stream.outgoing.put(await self._settle(stream, which, getattr(message, which)))
            else:
                raise InvalidFieldError(("message", "acknowledge_give_back_extend_or_add_credit"))

    async def _settle(self, stream: _Stream, which: str, said: Any) -> pb.ReceiveRequestsResponse:  # noqa: ANN401 - one of three messages
        """Do what is said of a delivery; what cannot be done is answered, and ends nothing."""
        try:
            name = read_request_name(said.name, field=f"{which}.name")
            settled = pb.DeliverySettled(name=said.name, lease=said.lease)
            if which == "acknowledge":
                request = await self._acknowledge(stream, name, said)
            elif which == "give_back":
                request = await self._give_back(stream, name, said)
            else:
                seconds = stream.lease_seconds
                longer = await self._inbox.extend(name, lease=said.lease, lease_seconds=seconds, actor=stream.actor)
                settled.lease_expire_time.CopyFrom(time_out(longer.until))
                request = longer.request
            settled.state = STATE[request.state]
            return pb.ReceiveRequestsResponse(settled=settled)
        except CONTRACT_ERRORS as error:
            refused = pb.DeliveryRefused(name=said.name, lease=said.lease, error=stream.call.status(error))
            return pb.ReceiveRequestsResponse(refused=refused)

    async def _acknowledge(
        self, stream: _Stream, name: tuple[str, bytes], said: pb.AcknowledgeDelivery
    ) -> StoredRequest:
        event = _TAKEN.get(STATE_WORD.get(said.state, State.FAILED))
        if event is None:
            raise InvalidFieldError(("acknowledge.state", "accepted_or_in_progress"))
        return (await self._act(name, Advance(event, said.lease), stream.actor)).request

    async def _give_back(self, stream: _Stream, name: tuple[str, bytes], said: pb.ReturnDelivery) -> StoredRequest:
        if not 0 <= said.delay.seconds <= _MOST_DELAY:
            raise InvalidFieldError(("give_back.delay", f"0_to_{_MOST_DELAY}_s"))
        return await self._inbox.give_back(name, lease=said.lease, delay_seconds=said.delay.seconds, actor=stream.actor)

    async def _send(self, stream: _Stream) -> None:
        """Lease and send whenever there is credit and something waits, until cancelled."""
        with self._lanes.waiting(lane_in(stream.actor.region)) as news:
            while True:
                if stream.credit == 0:
                    stream.more.clear()
                    await stream.more.wait()
                sent = await self._send_some(stream)
                if not sent:
                    await news.wait(LOOK_SECONDS)

    async def _send_some(self, stream: _Stream) -> int:
        """Lease and send as many as there is credit for, and not too many at once."""
        most = min(stream.credit, AT_ONCE)
        try:
            delivered = await self._inbox.take(stream.actor, most=most, lease_seconds=stream.lease_seconds)
        except StoreUnavailableError:
            return 0
        stream.credit -= len(delivered)
        for one in delivered:
            try:
                delivery = self._delivery(one)
            except StoreUnavailableError:  # its seal does not open: its lease ends unused, and that counts against it
                stream.credit += 1
                continue
            await stream.outgoing.put(pb.ReceiveRequestsResponse(delivery=delivery))
        return len(delivered)

    def _delivery(self, one: Delivered) -> pb.Delivery:
        return pb.Delivery(
            request=full_request_out(Found(one.request, ()), self._seals),
            lease=one.lease,
            lease_expire_time=time_out(one.until),
            attempt=one.attempt,
        )


def _opened(opened: pb.OpenInbox, actor: Actor, call: Call) -> _Stream:
    """Read what a stream begins with (InvalidFieldError)."""
    seconds = opened.lease.seconds if opened.HasField("lease") else _USUAL_LEASE
    if seconds not in _LEASE:
        raise InvalidFieldError(("open.lease", f"{_LEASE.start}_to_{_LEASE.stop - 1}_s"))
    stream = _Stream(actor, call, seconds, 0)
    _add(stream, opened.credit, field="open.credit")
    return stream


def _add(stream: _Stream, credit: int, *, field: str = "add_credit.credit") -> None:
    """Give credit (InvalidFieldError)."""
    if not 1 <= credit <= MOST_CREDIT:
        raise InvalidFieldError((field, f"1_to_{MOST_CREDIT}"))
    stream.credit = min(MOST_CREDIT, stream.credit + credit)
    stream.more.set()


async def _outgoing(
    stream: _Stream, hearing: asyncio.Task[None], sending: asyncio.Task[None]
) -> AsyncGenerator[pb.ReceiveRequestsResponse]:
    """Give what is to be sent until the caller has finished; what is said by then is still answered.

    Raises:
        Exception: what ended one of the two tasks.
    """
    getting: asyncio.Task[pb.ReceiveRequestsResponse] | None = None
    try:
        while True:
            getting = getting or asyncio.create_task(stream.outgoing.get())
            await asyncio.wait({getting, hearing, sending}, return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                yield getting.result()
                getting = None
            elif hearing.done() and hearing.exception() is None and stream.outgoing.empty():
                return
            else:
                for task in (hearing, sending):
                    if task.done():
                        task.result()
                await asyncio.sleep(0)
    finally:
        if getting is not None:
            getting.cancel()
