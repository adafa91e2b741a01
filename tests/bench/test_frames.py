"""Tests of the load's own HTTP/2, against a real server of grpc.aio over TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count

import grpc
import pytest

from bench.frames import Client, LoadError, Server, drive
from tests.fakes.authority import FakeAuthority

METHOD = "/load.v1.Load/Take"
Context = grpc.aio.ServicerContext[bytes, bytes]
Answer = Callable[[bytes, Context], Awaitable[bytes]]


class _EveryMethod(grpc.GenericRpcHandler):  # type: ignore[type-arg] # generic in the stubs only
    def __init__(self, answer: Answer) -> None:
        self._rpc = grpc.unary_unary_rpc_method_handler(answer)
        self.methods = set[str]()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        self.methods.add(details.method)
        return self._rpc


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[Server, _EveryMethod]]:
    """Serve one answer to every call."""
    authority, methods = FakeAuthority(), _EveryMethod(answer)
    certificate, key = authority.issue("load.test")
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((methods,))
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, certificate)]))
    await server.start()
    try:
        yield Server(f"127.0.0.1:{port}", authority.certificate.decode("ascii"), "load.test"), methods
    finally:
        await server.stop(0)


async def call(server: Server, *, calls: int, clients: int = 1, message: bytes = b"asked") -> list[int]:
    """Make so many calls in all; gives the size of each answer."""
    numbers, sizes = count(), list[int]()

    def told(_seconds: float, size: int) -> bool:
        sizes.append(size)
        return len(sizes) < calls

    def request() -> tuple[bytes, str]:
        return message, f"token-{next(numbers)}"

    load = [Client(METHOD, authority=server.name, request=request, told=told) for _ in range(clients)]
    async with asyncio.timeout(20):
        await drive(server, load)
    return sizes


async def test_a_message_of_any_size_and_a_new_token_arrive_with_each_call() -> None:
    """The server reads the very message, each token once, and a deadline; the client counts the bytes of answers."""
    seen: list[tuple[bytes, str]] = []

    async def answer(message: bytes, context: Context) -> bytes:
        metadata = dict(context.invocation_metadata() or ())
        assert (context.time_remaining() or 0) > 20
        seen.append((message, str(metadata["authorization"])))
        return b"x" * 700

    async with serving(answer) as (server, methods):
        # More than the window of 64 KiB, so that calls go on only when the server has widened it.
        sizes = await call(server, calls=40, message=b"m" * 9_000)
    assert methods.methods == {METHOD}
    assert seen == [(b"m" * 9_000, f"Bearer token-{n}") for n in range(40)]
    assert sizes == [700] * 40


async def test_clients_call_side_by_side() -> None:
    """Each client has a call of its own under way, and all end."""
    running = most = 0

    async def answer(_message: bytes, _context: Context) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        running -= 1
        return b"good"

    async with serving(answer) as (server, _):
        sizes = await call(server, calls=32, clients=8)
    assert most == 8
    assert len(sizes) >= 32


@pytest.mark.parametrize("answered", [False, True], ids=["before a message", "after a message"])
async def test_a_call_that_fails_is_the_end(answered: bool) -> None:
    """Any status but 0 ends the load with an error, also where a message came before it."""

    async def answer(_message: bytes, context: Context) -> bytes:
        if not answered:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        context.set_code(grpc.StatusCode.INTERNAL)
        return b"some"

    async with serving(answer) as (server, _):
        with pytest.raises(ExceptionGroup) as failure:
            await call(server, calls=2)
    assert failure.group_contains(LoadError, match="a call was answered by")


async def test_a_server_that_goes_is_the_end() -> None:
    """A connection that is lost while a call is under way ends the load with an error."""
    came = asyncio.Event()

    async def answer(_message: bytes, _context: Context) -> bytes:
        came.set()
        await asyncio.sleep(30)
        return b""

    async with serving(answer) as (server, _):
        calling = asyncio.create_task(call(server, calls=1))
        await came.wait()
    with pytest.raises(ExceptionGroup) as failure:
        await calling
    assert failure.group_contains(LoadError)
