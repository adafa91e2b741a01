"""The boundary of every method: bytes in, bytes out, and nothing but contract errors on the way.

grpc.aio answers an unreadable message with UNKNOWN and sends the words of an exception to the peer. So the servicers
are registered with raw bytes, and this one place reads the message, proves the caller, keeps the deadline, maps errors
by the table, and writes one log line. It stands in the handler and not in a chain of interceptors, because each link
of such a chain costs another coroutine per call.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import grpc
from google.protobuf import message_factory
from google.protobuf.message import DecodeError, Message

from gateway.errors import DeadlineError, MalformedRequestError, ShuttingDownError, UnauthenticatedError
from gateway.reasons import Language, Reasons, negotiate
from gateway.rpc.status import CANCELLED, CONTRACT_ERRORS, UNFORESEEN, row_of, status_of
from trust.errors import ScopeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
    from google.rpc import status_pb2

    from gateway.callers import Caller, Callers
    from gateway.journal import Journal

    Context = grpc.aio.ServicerContext[bytes, bytes]
    UnaryWork = Callable[[Any, "Call"], Awaitable[Message]]
    UnaryHandler = Callable[[bytes, Context], Awaitable[bytes]]
    StreamHandler = Callable[[AsyncIterator[bytes], Context], AsyncIterator[bytes]]

DEADLINE_CAP_SECONDS = 30.0
_BEARER = "bearer "
_STATUS_DETAILS = "grpc-status-details-bin"
_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(slots=True)
class OpenCall:
    """A call from its first moment on; the caller is filled in when it is proven."""

    name: str
    trace_id: str
    started_ns: int
    language: Language
    authorization: str | None = field(repr=False)
    caller: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """What a servicer may know of a call beside its request."""

    caller: Caller
    language: Language
    trace_id: str
    boundary: Boundary
    context: Context

    def seconds_left(self) -> float:
        """Give the caller's own deadline, or the cap where it set none or a longer one."""
        remaining = self.context.time_remaining()
        return DEADLINE_CAP_SECONDS if remaining is None else min(remaining, DEADLINE_CAP_SECONDS)

    def status(self, error: Exception) -> status_pb2.Status:
        """Turn the error of one entry of a batch into the status that the single method would have given."""
        return self.boundary.status(error, language=self.language, trace_id=self.trace_id)


class Servicer(Protocol):
    """One service: a method in snake case for each of the contract's, and the scope that each method needs.

    `WAITS` names the methods that wait for something; only they need a timer for their deadline.
    """

    SERVICE: ClassVar[ServiceDescriptor]
    SCOPES: ClassVar[dict[str, str]]
    WAITS: ClassVar[frozenset[str]]


class Boundary:
    """Wraps the methods of servicers."""

    def __init__(self, *, callers: Callers, reasons: Reasons, journal: Journal) -> None:
        """Take what every call needs."""
        self._callers = callers
        self.reasons = reasons
        self._journal = journal
        self._prefix = secrets.token_hex(6)
        self._numbers = itertools.count(1)
        self._stopping = False

    def stop(self) -> None:
        """Refuse new calls from now on; running ones go on."""
        self._stopping = True

    def handlers(self, servicer: Servicer) -> grpc.GenericRpcHandler[bytes, bytes]:
        """Make the handlers of a service, with bytes on both sides."""
        service = servicer.SERVICE
        return grpc.method_handlers_generic_handler(
            service.full_name, {method.name: self._handler(servicer, method) for method in service.methods}
        )

    def _handler(self, servicer: Servicer, method: MethodDescriptor) -> grpc.RpcMethodHandler[bytes, bytes]:
        work = getattr(servicer, snake_case(method.name))
        request_type = message_factory.GetMessageClass(method.input_type)
        scope = servicer.SCOPES[method.name]
        name = f"{method.containing_service.name}/{method.name}"
        if method.name in servicer.WAITS:
            work = _within_deadline(work)
        if method.client_streaming:
            return grpc.stream_stream_rpc_method_handler(self._stream(name, scope, request_type, work))
        return grpc.unary_unary_rpc_method_handler(self._unary(name, scope, request_type, work))

    def _unary(self, name: str, scope: str, request_type: type[Message], work: UnaryWork) -> UnaryHandler:
        async def handle(raw: bytes, context: Context) -> bytes:
            opened = self._open(name, context)
            try:
                call = self._admit(opened, scope, context)
                reply = (await work(read_message(request_type, raw), call)).SerializeToString()
            except CONTRACT_ERRORS as error:
                failure: Exception = error
            except TimeoutError:
                failure = DeadlineError()
            except asyncio.CancelledError:
                self._journal.call(opened, CANCELLED)
                raise
            except Exception as error:  # noqa: BLE001 - the outermost line: type and place are logged, never its words
                failure = error
            else:
                self._journal.call(opened, None)
                return reply
            return await self._fail(opened, context, failure)

        return handle

    def _stream(self, name: str, scope: str, request_type: type[Message], work: UnaryWork) -> StreamHandler:
        async def handle(messages: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
            opened = self._open(name, context)
            try:
                call = self._admit(opened, scope, context)
                async for raw in messages:
                    self._callers.recheck(call.caller)
                    yield (await work(read_message(request_type, raw), call)).SerializeToString()
            except CONTRACT_ERRORS as error:
                failure: Exception = error
            except TimeoutError:
                failure = DeadlineError()
            except asyncio.CancelledError:
                self._journal.call(opened, CANCELLED)
                raise
            except Exception as error:  # noqa: BLE001 - the outermost line: type and place are logged, never its words
                failure = error
            else:
                self._journal.call(opened, None)
                return
            await self._fail(opened, context, failure)

        return handle

    def _open(self, name: str, context: Context) -> OpenCall:
        """Note when a call began and what its metadata say; cheap, since every call pays for it."""
        authorization = accept_language = None
        for key, value in context.invocation_metadata() or ():
            if key == "authorization":
                authorization = value
            elif key == "accept-language":
                accept_language = value
        return OpenCall(
            name,
            f"{self._prefix}-{next(self._numbers):x}",
            time.perf_counter_ns(),
            negotiate(accept_language if isinstance(accept_language, str) else None),
            authorization if isinstance(authorization, str) else None,
        )

    def _admit(self, opened: OpenCall, scope: str, context: Context) -> Call:
        """Prove the caller and what it may do; permission comes before everything the request says."""
        if self._stopping:
            raise ShuttingDownError
        if opened.authorization is None or opened.authorization[: len(_BEARER)].lower() != _BEARER:
            raise UnauthenticatedError
        caller = self._callers.authenticate(opened.authorization[len(_BEARER) :])
        opened.caller = caller.id
        if scope not in caller.scopes:
            raise ScopeError(scope=scope)
        return Call(caller, opened.language, opened.trace_id, self, context)

    def status(self, error: Exception, *, language: Language, trace_id: str) -> status_pb2.Status:
        """Give the status of an error; what is not of the contract becomes the fixed text of an unforeseen one."""
        return status_of(error, reasons=self.reasons, language=language, trace_id=trace_id)

    async def _fail(self, opened: OpenCall, context: Context, failure: Exception) -> bytes:
        """Log the failure and end the call with its status."""
        row = row_of(failure)
        if row is UNFORESEEN:
            self._journal.unforeseen(opened, failure)
        self._journal.call(opened, row)
        status = self.status(failure, language=opened.language, trace_id=opened.trace_id)
        await context.abort(row.code, status.message, ((_STATUS_DETAILS, status.SerializeToString()),))
        raise AssertionError("abort does not return")


def read_message(request_type: type[Message], raw: bytes) -> Message:
    """Read a request (MalformedRequestError, which says nothing of the bytes)."""
    try:
        return request_type.FromString(raw)
    except DecodeError:
        raise MalformedRequestError from None


def snake_case(name: str) -> str:
    """Give the Python name of a contract method."""
    return _WORD_START.sub("_", name).lower()


def _within_deadline(work: UnaryWork) -> UnaryWork:
    """Give up a method's work, for one message of a stream too, when the caller's time or the cap is over."""

    async def timed(request: Message, call: Call) -> Message:
        async with asyncio.timeout(call.seconds_left()):
            return await work(request, call)

    return timed
