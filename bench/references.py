"""Bare servers to measure against: `python -m bench.references KIND`, with a plan on standard input.

Kinds: `http` answers GET with a fixed JSON body; `echo` answers a call with fixed bytes; `fetch` does the same after
an aiohttp GET; `relay` passes a call on to another server. All but `http` speak gRPC over TLS by grpc.aio on uvloop,
with bytes handlers and no interceptor, at whatever method they are called. The plan is one JSON object: `certificate`
and `key` (PEM); `reply` (hex) for `echo` and `fetch`; `body_bytes` for `http`; `upstream` (address or URL) for `fetch`
and `relay`; `method`, `ca` (PEM), `server_name` and `token` for `relay`. Prints its port when it listens.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import TYPE_CHECKING, Any

import aiohttp
import grpc
import uvloop
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Context = grpc.aio.ServicerContext[bytes, bytes]
    Handler = Callable[[bytes, Context], Awaitable[bytes]]

HOST = "127.0.0.1"


def echo(plan: dict[str, Any]) -> Handler:
    """Answer with bytes of the size that the measured method answers."""
    reply = bytes.fromhex(plan["reply"])

    async def answer(_request: bytes, _context: Context) -> bytes:
        return reply

    return answer


def fetch(plan: dict[str, Any]) -> Handler:
    """Answer as `echo` does, after a GET over one kept session."""
    reply, url = bytes.fromhex(plan["reply"]), plan["upstream"]
    sessions: list[aiohttp.ClientSession] = []

    async def answer(_request: bytes, _context: Context) -> bytes:
        if not sessions:
            sessions.append(aiohttp.ClientSession())
        async with sessions[0].get(url) as response:
            json.loads(await response.read())
        return reply

    return answer


def relay(plan: dict[str, Any]) -> Handler:
    """Pass a call on over one kept channel, with a bearer header, and answer what comes back."""
    credentials = grpc.ssl_channel_credentials(plan["ca"].encode())
    options = (("grpc.ssl_target_name_override", plan["server_name"]),)
    metadata = (("authorization", f"Bearer {plan['token']}"),)
    calls: list[grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = []

    async def answer(request: bytes, _context: Context) -> bytes:
        if not calls:
            channel = grpc.aio.secure_channel(plan["upstream"], credentials, options)
            calls.append(channel.unary_unary(plan["method"], bytes, bytes))
        return await calls[0](request, metadata=metadata)

    return answer


HANDLERS = {"echo": echo, "fetch": fetch, "relay": relay}


class EveryMethod(grpc.GenericRpcHandler):  # type: ignore[type-arg] # generic in the stubs only
    """Serves one handler, whatever method is called."""

    def __init__(self, handler: Handler) -> None:
        """Take the handler."""
        self._rpc = grpc.unary_unary_rpc_method_handler(handler)

    def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Give the handler."""
        return self._rpc


async def serve_grpc(handler: Handler, plan: dict[str, Any]) -> None:
    """Serve one handler."""
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    server.add_generic_rpc_handlers((EveryMethod(handler),))
    credentials = grpc.ssl_server_credentials([(plan["key"].encode(), plan["certificate"].encode())])
    port = server.add_secure_port(f"{HOST}:0", credentials)
    await server.start()
    await _until_told(port)
    await server.stop(0)


async def serve_http(plan: dict[str, Any]) -> None:
    """Serve a JSON body of a given size at every path."""
    body = json.dumps({"data": "x" * max(0, plan["body_bytes"] - len('{"data": ""}'))}).encode()

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, HOST, 0)
    await site.start()
    await _until_told(runner.addresses[0][1])
    await runner.cleanup()


async def _until_told(port: int) -> None:
    """Say where we listen, and wait for SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print(port, flush=True)
    await stop.wait()


def main(kind: str, plan: dict[str, Any]) -> None:
    """Run one server on uvloop, as the gateway does."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_http(plan) if kind == "http" else serve_grpc(HANDLERS[kind](plan), plan))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.stdin.read()))
