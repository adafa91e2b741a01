"""The gRPC server: TLS, limits, the services behind the boundary, health that tells the truth, reflection, drain."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer  # the public name `health.aio` has no types

from gateway.rpc.reflection import add_reflection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.rpc.boundary import Boundary, Servicer

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
_HEALTH_SECONDS = 1.0
_MIB = 1024 * 1024
_OPTIONS = (
    ("grpc.max_receive_message_length", 4 * _MIB),
    ("grpc.max_send_message_length", 4 * _MIB),
    ("grpc.max_metadata_size", 8192),
    ("grpc.absolute_max_metadata_size", 8192),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 120_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
    ("grpc.http2.max_ping_strikes", 3),
)


class GrpcServer:
    """One listening server. `ready` tells, by service name, whether that service can do its work just now."""

    def __init__(
        self,
        *,
        boundary: Boundary,
        servicers: Sequence[Servicer],
        ready: dict[str, Callable[[], bool]],
        reflection: bool,
        max_concurrent_calls: int,
    ) -> None:
        """Register the services; nothing listens yet."""
        self._boundary = boundary
        self._ready = ready
        self._server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=max_concurrent_calls)
        self._server.add_generic_rpc_handlers([boundary.handlers(servicer) for servicer in servicers])
        self._health = HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if reflection:
            add_reflection(self._server, [servicer.SERVICE.full_name for servicer in servicers])
        self._watch: asyncio.Task[None] | None = None

    def listen(self, address: str, credentials: grpc.ServerCredentials | None) -> int:
        """Bind an address, with TLS where credentials are given; returns the port (RuntimeError where it is taken)."""
        if credentials is None:
            return self._server.add_insecure_port(address)
        return self._server.add_secure_port(address, credentials)

    async def start(self) -> None:
        """Begin to serve, and to tell the health of each service."""
        await self._server.start()
        await self._tell_health()
        self._watch = asyncio.create_task(self._keep_telling())

    async def _keep_telling(self) -> None:
        while True:
            await asyncio.sleep(_HEALTH_SECONDS)
            await self._tell_health()

    async def _tell_health(self) -> None:
        await self._health.set("", _SERVING)
        for service, ready in self._ready.items():
            await self._health.set(service, _SERVING if ready() else _NOT_SERVING)

    async def stop(self, *, drain_seconds: float) -> None:
        """Stop gracefully: not ready, no new calls, running ones finish within the time given."""
        if self._watch is not None:
            self._watch.cancel()
        await self._health.enter_graceful_shutdown()
        self._boundary.stop()
        await self._server.stop(drain_seconds)
