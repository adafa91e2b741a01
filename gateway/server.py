"""The gRPC server: TLS, limits, the services behind the boundary, health that tells the truth, reflection, drain."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc

from gateway.rpc.health import Health
from gateway.rpc.reflection import add_reflection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.rpc.boundary import Boundary, Servicer

_HEALTH_SECONDS = 1.0
_LOOK_SECONDS = 1.0
_MIB = 1024 * 1024
_OPTIONS = (
    ("grpc.max_receive_message_length", 4 * _MIB),
    ("grpc.max_send_message_length", 4 * _MIB),
    ("grpc.max_metadata_size", 8192),
    ("grpc.absolute_max_metadata_size", 8192),
    ("grpc.keepalive_time_ms", 120_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
    ("grpc.http2.max_ping_strikes", 3),
    # What a stranger may hold: some streams on a connection, and no connection for good. A stream of a caller ends with
    # its token, which lives ten minutes at most, so the grace after a connection's age breaks none.
    ("grpc.max_concurrent_streams", 100),
    # On, it counts calls that are over but not yet forgotten as well, and so refuses callers that keep to the limit.
    ("grpc.http.overload_protection", 0),
    # Beyond 1,000 calls that have come and are not yet taken, grpc would cancel some, whoever made them. Here all are
    # taken, and whoever has too many is told so; the second number bounds what a flood can hold before that.
    ("grpc.server.max_pending_requests", 4_000),
    ("grpc.server.max_pending_requests_hard_limit", 8_000),
    # Windows of 64 KiB that only a message that is being read widens. Probing would offer 4 MiB to everybody at once.
    ("grpc.http2.lookahead_bytes", 64 * 1024),
    ("grpc.http2.bdp_probe", 0),
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_idle_ms", 10 * 60_000),
    ("grpc.max_connection_age_ms", 60 * 60_000),
    ("grpc.max_connection_age_grace_ms", 15 * 60_000),
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
        in_company: bool = False,
    ) -> None:
        """Register the services; nothing listens yet. `in_company` lets other processes listen at the same address."""
        boundary.limit(max_concurrent_calls)
        self._boundary = boundary
        self._ready = ready
        # No limit of grpc's own: it counts calls that nobody has proven, and would turn health away with the others.
        self._server = grpc.aio.server(options=(*_OPTIONS, ("grpc.so_reuseport", int(in_company))))
        self._health = Health(ready)
        self._server.add_generic_rpc_handlers(
            [*(boundary.handlers(servicer) for servicer in servicers), self._health.handlers()]
        )
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
        self._tell_health()
        self._watch = asyncio.create_task(self._keep_telling())

    async def _keep_telling(self) -> None:
        while True:
            await asyncio.sleep(_HEALTH_SECONDS)
            self._tell_health()

    def _tell_health(self) -> None:
        self._health.tell("", serving=True)
        for service, ready in self._ready.items():
            self._health.tell(service, serving=ready())

    async def ended(self) -> None:
        """Wait until the server has ended, told to or not; an error that ended it is raised as it is."""
        # In turns: a server that fell while calls run has not ended yet, and says at the end of a turn that it fell.
        while await self._server.wait_for_termination(_LOOK_SECONDS):
            pass

    async def stop(self, *, drain_seconds: float) -> None:
        """Stop gracefully: not ready, no new calls, running ones finish within the time given."""
        self._boundary.stop()
        if self._watch is not None:
            self._watch.cancel()
        self._health.stop()
        await self._server.stop(drain_seconds)
