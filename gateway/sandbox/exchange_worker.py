"""The part of a simulated platform that receives requests of other regions, does what they ask once, and answers.

What was done is written to a file, one line for each request, and is on disk before it is told: when the platform or
its gateway dies in between, the request comes again, and is not done again.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf.json_format import MessageToDict, ParseDict

from gateway.sandbox.exchange_answers import answer
from gateway.sandbox.tokens import platform_token
from onecard.gateway.v1 import exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from onecard.gateway.v1.exchange_service_pb2_grpc import ExchangeServiceStub

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.sandbox.layout import Layout, Site

    Bearer = tuple[tuple[str, str], ...]

CREDIT: Final = 32
LEASE_SECONDS: Final = 5
_AGAIN_SECONDS: Final = 0.5
_CALL_SECONDS: Final = 10.0
_OPTIONS: Final = (("grpc.enable_http_proxy", 0), ("grpc.max_reconnect_backoff_ms", 1000))


class Deeds:
    """What a platform has done, by the name of the request: the reply, or the refusal."""

    def __init__(self, file: Path) -> None:
        """Read what was done before; a last line that was not written whole was never told."""
        self._file = file
        self._done: dict[str, exchange_pb2.RequestReply] = {}
        if file.exists():
            for line in file.read_text("utf-8").splitlines():
                with suppress(ValueError):
                    deed = json.loads(line)
                    self._done[deed["request"]] = ParseDict(deed["reply"], exchange_pb2.RequestReply())

    def once(self, name: str, reply: exchange_pb2.RequestReply) -> exchange_pb2.RequestReply:
        """Do what a request asks, unless it was done; gives the reply that belongs to it."""
        known = self._done.get(name)
        if known is not None:
            return known
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"request": name, "reply": MessageToDict(reply)}, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._done[name] = reply
        return reply


class ExchangeWorker:
    """Receives for one region."""

    def __init__(self, layout: Layout, site: Site, *, holders: frozenset[str]) -> None:
        """Take the sandbox, the site of the region, and the numbers of its invented cardholders."""
        self._layout = layout
        self._site = site
        self._holders = holders
        self._deeds = Deeds(layout.folder / "callers" / f"{site.region}.deeds.jsonl")

    async def run(self) -> None:
        """Receive until cancelled; whatever ends a stream, another is opened soon."""
        credentials = grpc.ssl_channel_credentials(self._layout.ca.read_bytes())
        async with grpc.aio.secure_channel(self._site.grpc, credentials, _OPTIONS) as channel:
            stub: Any = ExchangeServiceStub(channel)
            while True:
                with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                    bearer = (("authorization", f"Bearer {platform_token(self._layout.folder, self._site.region)}"),)
                    await self._catch_up(stub, bearer)
                    await self._receive(stub, bearer)
                await asyncio.sleep(_AGAIN_SECONDS)

    async def _catch_up(self, stub: Any, bearer: Bearer) -> None:  # noqa: ANN401 - the generated stub has no types for this
        """Answer what was taken before the last stream broke, and not answered."""
        left = pb.ListRequestsRequest(
            direction=pb.REQUEST_DIRECTION_RECEIVED, states=[exchange_pb2.REQUEST_STATE_ACCEPTED]
        )
        while True:
            page = await stub.ListRequests(left, metadata=bearer, timeout=_CALL_SECONDS)
            for one in page.requests:
                asked = pb.GetRequestRequest(name=one.name)
                found = (await stub.GetRequest(asked, metadata=bearer, timeout=_CALL_SECONDS)).request
                await _tell(stub, one.name, self._do(one.name, found.content), bearer)
            if not page.next_page_token:
                return
            left.page_token = page.next_page_token

    def _do(self, name: str, content: exchange_pb2.RequestContent) -> exchange_pb2.RequestReply:
        """Do what is asked, once; gives the reply."""
        return self._deeds.once(name, answer(content, name=name, now=time.time(), holders=self._holders))

    async def _receive(self, stub: Any, bearer: Bearer) -> None:  # noqa: ANN401 - a stub of grpc, which has no type
        """Receive on one stream, until it ends."""
        stream = stub.ReceiveRequests(metadata=bearer)
        opening = pb.OpenInbox(credit=CREDIT)
        opening.lease.seconds = LEASE_SECONDS
        await stream.write(pb.ReceiveRequestsRequest(open=opening))
        while message := await stream.read():
            if message.WhichOneof("message") != "delivery":
                continue
            delivery = message.delivery
            name = delivery.request.name
            reply = self._do(name, delivery.request.content)
            taken = pb.AcknowledgeDelivery(name=name, lease=delivery.lease, state=exchange_pb2.REQUEST_STATE_ACCEPTED)
            await stream.write(pb.ReceiveRequestsRequest(acknowledge=taken))
            await _tell(stub, name, reply, bearer)
            await stream.write(pb.ReceiveRequestsRequest(add_credit=pb.AddCredit(credit=1)))


async def _tell(stub: Any, name: str, reply: exchange_pb2.RequestReply, bearer: Bearer) -> None:  # noqa: ANN401 - a stub of grpc, which has no type
    """Tell the reply; one that the gateway does not take any more is let be."""
    try:
        if reply.WhichOneof("result") == "rejection":
            rejected = pb.RejectRequestRequest(name=name, rejection=reply.rejection)
            await stub.RejectRequest(rejected, metadata=bearer, timeout=_CALL_SECONDS)
        else:
            completed = pb.CompleteRequestRequest(name=name, reply=reply)
            await stub.CompleteRequest(completed, metadata=bearer, timeout=_CALL_SECONDS)
    except grpc.aio.AioRpcError as error:
        if error.code() not in {grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.PERMISSION_DENIED}:
            raise
