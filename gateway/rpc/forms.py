"""The forms of a method: one message or a stream, in either direction.

What a servicer's method is tells its form. A coroutine answers one message; where the contract has streams both ways it
is called for each message, and its answers keep their order. An async generator gives a stream of its own: it takes the
one message, or, where the contract has a stream in, whatever comes of it. Callers are proven before a message is read;
on a stream they are proven again with each message and each second, so that what ends a token, a key or a certificate
ends the stream too.
"""

from __future__ import annotations

import asyncio
import inspect
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import grpc

from gateway.errors import MalformedRequestError
from gateway.rpc.methods import read_message, within_deadline
from gateway.rpc.recording import Note

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from google.protobuf.message import Message

    from gateway.rpc.boundary import Call, OpenCall
    from gateway.rpc.patience import Patience

    Context = grpc.aio.ServicerContext[bytes, bytes]
    Answer = Callable[[OpenCall, Context], Awaitable[bytes]]
    Handler = Callable[[AsyncIterator[bytes], Context], Awaitable[bytes]]
    Work = Callable[[Any, Call], Awaitable[Message]]
    Telling = Callable[[Any, Call], AsyncGenerator[Message]]
    Record = Callable[[OpenCall, Note], Awaitable[None]]
    Recheck = Callable[[OpenCall], None]
    Admit = Callable[[OpenCall, str, Context], Call]

MESSAGE_LOOKS = 10
"""How many seconds the one message of a single call may take; by then a caller that means it has sent it."""
IDLE_LOOKS = 600
"""How many seconds a stream may wait for its next message; its token lives no longer anyway."""
_CANCEL_SECONDS = 0.01
_WATCH = "watch_"
"""Begins the name of a method whose stream goes on until the caller has seen enough; other streams have an end."""


class Forms:
    """Makes the handlers of methods.

    Args:
        admit: proves the caller of a call and its scope.
        recheck: proves the caller of a running stream again.
        goes_on: does the same for a stream of ours that has no end of its own, and ends it where the gateway stops.
        record: writes the record of a message that was answered, before the answer is told.
        patience: reads messages, each with a bound.
    """

    def __init__(self, *, admit: Admit, recheck: Recheck, goes_on: Recheck, record: Record, patience: Patience) -> None:
        """Take what all forms need."""
        self._admit = admit
        self._recheck = recheck
        self._goes_on = goes_on
        self._record = record
        self._patience = patience

    def handler(
        self,
        work: Any,  # noqa: ANN401 - one of four forms, told apart here
        *,
        scope: str,
        request_type: type[Message],
        streams: tuple[bool, bool],
        waits: bool,
        decides: bool,
        answered: Callable[[Answer], Handler],
    ) -> grpc.RpcMethodHandler[bytes, bytes]:
        """Make the handler of a method; to grpc all take streams, so that we run before a message is there.

        Args:
            work: the method of the servicer.
            scope: what the caller must be allowed.
            request_type: the message that it takes.
            streams: whether the contract has a stream in, and one out.
            waits: whether the method waits for something and so needs a timer for its deadline.
            decides: whether its answers are recorded; streams of a servicer's own record what they do themselves.
            answered: wraps what answers: opens the call, maps errors, writes the log line.
        """
        stream_in, stream_out = streams
        if inspect.isasyncgenfunction(work):
            telling = self._duplex if stream_in else self._telling
            answer = telling(scope, request_type, work)
        else:
            form = (self._each if stream_out else self._gathering) if stream_in else self._single
            answer = form(scope, request_type, within_deadline(work) if waits else work, decides=decides)
        handle = answered(answer)
        if stream_out:
            stream: Any = handle  # it reads and writes itself
            return grpc.stream_stream_rpc_method_handler(stream)
        return grpc.stream_unary_rpc_method_handler(handle)

    def _single(self, scope: str, request_type: type[Message], work: Work, *, decides: bool) -> Answer:
        async def answer(opened: OpenCall, context: Context) -> bytes:
            call = self._admit(opened, scope, context)
            message = await self._one(request_type, context)
            reply = (await work(message, call)).SerializeToString()
            if decides:
                await self._record(opened, call.note)
            return reply

        return answer

    def _each(self, scope: str, request_type: type[Message], work: Work, *, decides: bool) -> Answer:
        async def answer(opened: OpenCall, context: Context) -> bytes:
            call = self._admit(opened, scope, context)
            async with aclosing(self._messages(opened, request_type, context)) as messages:
                async for message in messages:
                    opened.note = Note()
                    reply = (await work(message, replace(call, note=opened.note))).SerializeToString()
                    if decides:
                        await self._record(opened, opened.note)
                    await context.write(reply)
            return b""

        return answer

    def _gathering(self, scope: str, request_type: type[Message], work: Work, *, decides: bool) -> Answer:
        async def answer(opened: OpenCall, context: Context) -> bytes:
            call = self._admit(opened, scope, context)
            async with aclosing(self._messages(opened, request_type, context)) as messages:
                reply = (await work(messages, call)).SerializeToString()
            if decides:
                await self._record(opened, call.note)
            return reply

        return answer

    def _telling(self, scope: str, request_type: type[Message], work: Telling) -> Answer:
        watched = work.__name__.startswith(_WATCH)

        async def answer(opened: OpenCall, context: Context) -> bytes:
            call = self._admit(opened, scope, context)
            message = await self._one(request_type, context)
            opened.open_ended = watched
            return await self._tell(opened, context, work(message, call))

        return answer

    def _duplex(self, scope: str, request_type: type[Message], work: Telling) -> Answer:
        async def answer(opened: OpenCall, context: Context) -> bytes:
            call = self._admit(opened, scope, context)
            opened.open_ended = True
            async with aclosing(self._messages(opened, request_type, context)) as messages:
                return await self._tell(opened, context, work(messages, call))

        return answer

    async def _one(self, request_type: type[Message], context: Context) -> Message:
        raw = await self._patience.message(context, MESSAGE_LOOKS)
        if raw is None:
            await asyncio.sleep(_CANCEL_SECONDS)  # a call that was cancelled has no message either: it ends here
            raise MalformedRequestError
        return read_message(request_type, raw)

    async def _messages(
        self, opened: OpenCall, request_type: type[Message], context: Context
    ) -> AsyncGenerator[Message]:
        check = partial(self._recheck, opened)
        while (raw := await self._patience.message(context, IDLE_LOOKS, check)) is not None:
            check()
            yield read_message(request_type, raw)

    async def _tell(self, opened: OpenCall, context: Context, answers: AsyncGenerator[Message]) -> bytes:
        """Write what a servicer gives, as long as the caller is who it was and the gateway does not stop."""
        check = partial(self._goes_on, opened)
        with self._patience.watching(context, check):
            async with aclosing(answers):
                async for answer in answers:
                    await context.write(answer.SerializeToString())
                    check()
        return b""
