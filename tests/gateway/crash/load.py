"""Callers under whom gateways die: platforms that submit, and one that receives and answers.

Each notes what it was told, and says again, under the same key, what it was told nothing about.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Self

import grpc
from google.protobuf.duration_pb2 import Duration

from gateway.sandbox.tokens import platform_token
from onecard.gateway.v1 import exchange_service_pb2 as pb
from onecard.gateway.v1.exchange_service_pb2_grpc import ExchangeServiceStub
from tests.fakes.exchange_contents import content, reply

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gateway.sandbox.layout import Layout
    from tests.gateway.crash.gateways import Gateways, Replica

ORDER_KEYS: Final = 5
NOT_BEGUN: Final = "CANCELLED before it was begun"
_TOKEN_SECONDS: Final = 250
_CALL_SECONDS: Final = 5.0
_AGAIN_SECONDS: Final = 0.1
_PATIENCE: Final = 60.0
_AGAIN: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
    }
)
OPTIONS: Final = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 200),
    ("grpc.use_local_subchannel_pool", 1),
)


class Door:
    """A gateway as its region's own platform calls it; several replicas are tried in turn."""

    def __init__(self, layout: Layout, replicas: Sequence[Replica]) -> None:
        """Open a channel to each."""
        self._layout = layout
        self._region = replicas[0].region
        credentials = grpc.ssl_channel_credentials(layout.ca.read_bytes())
        name = (("grpc.ssl_target_name_override", f"{self._region}.onecard.test"),)
        self._channels = [grpc.aio.secure_channel(one.grpc, credentials, options=[*OPTIONS, *name]) for one in replicas]
        self.stubs: list[Any] = [ExchangeServiceStub(channel) for channel in self._channels]
        self.failures: Counter[str] = Counter()
        """How often a call was made again, by the code that it had ended with."""

        self._turn = 0
        self._token, self._until = "", 0.0

    async def close(self) -> None:
        """Close the channels."""
        for channel in self._channels:
            await channel.close(None)

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """Give the metadata of a call."""
        if time.monotonic() > self._until:
            self._token = platform_token(self._layout.folder, self._region, lifetime_seconds=_TOKEN_SECONDS + 30)
            self._until = time.monotonic() + _TOKEN_SECONDS
        return (("authorization", f"Bearer {self._token}"),)

    async def call(self, method: str, request: Any, *, again: Collection[grpc.StatusCode] = _AGAIN) -> Any:  # noqa: ANN401 - each method's own
        """Call a method until it is answered; a code that is not one of those to call `again` for is raised."""
        while True:
            tried = self._turn
            try:
                stub = self.stubs[tried % len(self.stubs)]
                return await getattr(stub, method)(request, metadata=self.metadata, timeout=_CALL_SECONDS)
            except grpc.aio.AioRpcError as error:
                if error.code() not in again:
                    raise
                self.failures[_told(error)] += 1
                self._turn = max(self._turn, tried + 1)  # those who failed together go on together
                await asyncio.sleep(_AGAIN_SECONDS)


def _told(error: grpc.aio.AioRpcError) -> str:
    """Name how a call ended; one that gRPC gave up before the gateway had seen it has a code, and no word of ours."""
    if error.code() is grpc.StatusCode.CANCELLED and not error.trailing_metadata():
        return NOT_BEGUN
    return error.code().name


@dataclass(slots=True)
class Notes:
    """What callers were told.

    `acknowledged` are names of requests by idempotency key; `effects` counts, by name, answers to a completion that
    did not say that it was there before; `came` counts deliveries; `longest` is the slowest submit, seconds.
    """

    acknowledged: dict[str, str] = field(default_factory=dict)
    replayed: int = 0
    completed: set[str] = field(default_factory=set)
    effects: Counter[str] = field(default_factory=Counter)
    came: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0

    @property
    def waiting(self) -> int:
        """How many were acknowledged and are not completed."""
        return len(self.acknowledged) - len(self.completed)


class Load:
    """The callers; as a context. Inside it they submit, until `finish`.

    Args:
        gateways: whom they call.
        clients: how many submit at once.
        most_waiting: how many requests may be on their way; the callers wait then.
    """

    def __init__(self, gateways: Gateways, *, clients: int = 4, most_waiting: int = 60) -> None:
        """Nobody calls yet."""
        self.notes = Notes()
        self.source = Door(gateways.layout, gateways.source)
        self.target = Door(gateways.layout, [gateways.target])
        self._clients = clients
        self._most_waiting = most_waiting
        self._numbers = count()
        self._ending = False
        self._submitting: list[asyncio.Task[None]] = []
        self._answering: list[asyncio.Task[None]] = []
        self._random = random.Random(4)

    async def __aenter__(self) -> Self:
        """Begin, when the gateways believe each other and take requests."""
        asked = pb.SubmitRequestRequest(idempotency_key="key-first", content=content())
        async with asyncio.timeout(_PATIENCE):
            name = (await self.source.call("SubmitRequest", asked, again=set(grpc.StatusCode))).request.name
        self.notes.acknowledged["key-first"] = name
        self._submitting = [asyncio.create_task(self._submit_on()) for _ in range(self._clients)]
        self._answering = [asyncio.create_task(self._receive_on())]
        return self

    async def __aexit__(self, *_error: object) -> None:
        """End, whatever is on its way."""
        for task in (*self._submitting, *self._answering):
            task.cancel()
        await asyncio.gather(*self._submitting, *self._answering, return_exceptions=True)
        await self.source.close()
        await self.target.close()

    async def finish(self, seconds: float) -> None:
        """Submit no more, and wait until all that was acknowledged is completed."""
        self._ending = True
        async with asyncio.timeout(seconds):
            await asyncio.gather(*self._submitting)
            while self.notes.waiting:
                self.look()
                await asyncio.sleep(_AGAIN_SECONDS)

    def look(self) -> None:
        """Raise what a caller was told that it should not have been."""
        for task in (*self._submitting, *self._answering):
            if task.done() and not task.cancelled():
                task.result()

    async def _submit_on(self) -> None:
        """Submit one request after the other, each until it is acknowledged."""
        while not self._ending:
            if self.notes.waiting >= self._most_waiting:
                await asyncio.sleep(_AGAIN_SECONDS / 4)
                continue
            number = next(self._numbers)
            order = f"order-{number % ORDER_KEYS}" if number % 2 else None
            asked = pb.SubmitRequestRequest(idempotency_key=f"key-{number}", content=content(ordering_key=order))
            began = time.monotonic()
            answer = await self.source.call("SubmitRequest", asked)
            self.notes.longest = max(self.notes.longest, time.monotonic() - began)
            self.notes.acknowledged[f"key-{number}"] = answer.request.name
            self.notes.replayed += answer.replayed
            await asyncio.sleep(self._random.uniform(0, 0.05))

    async def _receive_on(self) -> None:
        """Keep a stream open, and answer whatever comes."""
        while True:
            with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                await self._receive()
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _receive(self) -> None:
        """Answer what one stream delivers, until it breaks."""
        call = self.target.stubs[0].ReceiveRequests(metadata=self.target.metadata)
        await call.write(pb.ReceiveRequestsRequest(open=pb.OpenInbox(credit=16, lease=Duration(seconds=5))))
        answering: set[asyncio.Task[None]] = set()
        try:
            while message := await call.read():
                if message.WhichOneof("message") == "delivery":
                    answering.add(asyncio.create_task(self._answer(message.delivery.request.name)))
                    await call.write(pb.ReceiveRequestsRequest(add_credit=pb.AddCredit(credit=1)))
        finally:
            call.cancel()
            for end in await asyncio.gather(*answering, return_exceptions=True):
                if isinstance(end, Exception) and not isinstance(end, grpc.aio.AioRpcError):
                    raise end

    async def _answer(self, name: str) -> None:
        """Complete a request."""
        self.notes.came[name] += 1
        told = pb.CompleteRequestRequest(name=name, reply=reply(certificate_of(name)))
        answer = await self.target.call("CompleteRequest", told)
        self.notes.effects[name] += not answer.replayed
        self.notes.completed.add(name)


def certificate_of(name: str) -> str:
    """Give the number of the certificate that answers a request."""
    return f"C-{name[-12:]}"
