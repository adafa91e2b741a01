"""Health (grpc.health.v1) that no caller can hold up: states change at once, and each watcher is written to by itself.

The library's own servicer writes under a lock that the next change of state waits for, so one watcher that does not
read freezes the health of a service for everybody. Health needs no token; so what it costs is bounded: a time for the
request, a time for each answer, and a number of watchers. `List` of newer versions of the protocol is not served.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    Context = grpc.aio.ServicerContext[bytes, bytes]

SERVICE = "grpc.health.v1.Health"
MOST_WATCHERS = 200
_READ_SECONDS = 10.0
_WRITE_SECONDS = 5.0
_Status = health_pb2.HealthCheckResponse


class Health:
    """Tells the state of each service; the empty name stands for the whole server."""

    def __init__(self, services: Iterable[str], *, most_watchers: int = MOST_WATCHERS) -> None:
        """Begin with every service not serving."""
        self._states = dict.fromkeys(("", *services), _Status.NOT_SERVING)
        self._changed = asyncio.Event()
        self._watchers = 0
        self._most_watchers = most_watchers
        self._stopped = False

    def handlers(self) -> grpc.GenericRpcHandler[bytes, bytes]:
        """Give the handlers. Both read the request themselves, so that it can be waited for no longer than is good."""
        methods = {
            "Check": grpc.stream_unary_rpc_method_handler(self._check),
            "Watch": grpc.stream_stream_rpc_method_handler(self._watch),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    def tell(self, service: str, *, serving: bool) -> None:
        """Set the state of a service; its watchers hear of it."""
        state = _Status.NOT_SERVING if self._stopped or not serving else _Status.SERVING
        if self._states.get(service) != state:
            self._states[service] = state
            self._wake()

    def stop(self) -> None:
        """Tell that nothing is served any more, for good; watchers hear it and are then let go."""
        self._stopped = True
        self._states = dict.fromkeys(self._states, _Status.NOT_SERVING)
        self._wake()

    def _wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _check(self, _messages: AsyncIterator[bytes], context: Context) -> bytes:
        state = self._states.get(await _service(context))
        if state is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "The service is not known.")
        return bytes(_Status(status=state).SerializeToString())

    async def _watch(self, _messages: AsyncIterator[bytes], context: Context) -> None:
        if self._watchers >= self._most_watchers:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "Too many watch already.")
        self._watchers += 1
        try:
            await self._follow(await _service(context), context)
        except TimeoutError:
            # Its answer cannot be sent, so nor can a status; the stream ends with its connection, and costs no place.
            return
        finally:
            self._watchers -= 1

    async def _follow(self, service: str, context: Context) -> None:
        """Write the state whenever it is another (TimeoutError where it is not read)."""
        told = None
        while True:
            changed, stopped = self._changed, self._stopped
            state = self._states.get(service, _Status.SERVICE_UNKNOWN)
            if state != told:
                async with asyncio.timeout(_WRITE_SECONDS):
                    await context.write(_Status(status=state).SerializeToString())
                told = state
            if stopped:
                return
            await changed.wait()


async def _service(context: Context) -> str:
    """Read for which service it is asked; whoever does not say so in time is let go."""
    try:
        async with asyncio.timeout(_READ_SECONDS):
            raw = await context.read()
        if isinstance(raw, bytes):
            return str(health_pb2.HealthCheckRequest.FromString(raw).service)
    except TimeoutError:
        await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, "No request came.")
    except DecodeError:
        pass
    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "The request cannot be read.")
    raise AssertionError("abort does not return")
