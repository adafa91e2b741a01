"""The boundary of every method: bytes in, bytes out, and nothing but contract errors on the way.

grpc.aio answers an unreadable message with UNKNOWN and sends the words of an exception to the peer. So the servicers
are registered with raw bytes, and this one place proves the caller, reads the message, keeps the deadline, maps errors
by the table, and writes one log line. A caller is proven before its message is waited for: who is not takes no place,
and holds memory only while its refusal waits for its turn. It stands in the handler and not in a chain of interceptors,
because each link of such a chain costs another coroutine per call.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Protocol

import grpc
from google.protobuf import message_factory

from gateway.errors import DeadlineError, ShuttingDownError, UnauthenticatedError
from gateway.reasons import Language, Reasons, negotiate
from gateway.rpc.brake import Brake
from gateway.rpc.forms import Forms
from gateway.rpc.methods import snake_case
from gateway.rpc.patience import Patience
from gateway.rpc.recording import Note
from gateway.rpc.shares import DEFAULT_CALLS, Shares
from gateway.rpc.status import CANCELLED, CONTRACT_ERRORS, UNFORESEEN, row_of, status_of
from trust.errors import ScopeError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
    from google.rpc import status_pb2

    from gateway.callers import Caller, Callers
    from gateway.certificates import Certificate, CertificateRule
    from gateway.journal import Journal
    from gateway.rpc.recording import Recorder

    Context = grpc.aio.ServicerContext[bytes, bytes]
    Answer = Callable[["OpenCall", Context], Awaitable[bytes]]
    Handler = Callable[[AsyncIterator[bytes], Context], Awaitable[bytes]]

DEADLINE_CAP_SECONDS = 30.0
_BEARER = "bearer "
_STATUS_DETAILS = "grpc-status-details-bin"


@dataclass(slots=True)
class OpenCall:
    """A call from its first moment on; caller, token and certificate are filled in as they are proven."""

    name: str
    trace_id: str
    started_ns: int
    language: Language
    authorization: str | None = field(repr=False)
    caller: str = ""
    token: str = field(default="", repr=False)
    certificate: Certificate | None = None
    proven: Caller | None = None
    note: Note = field(default_factory=Note)
    open_ended: bool = False
    """Whether it goes on until the caller ends it, which is then no failure."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a servicer may know of a call beside its request; `note` is what it tells of it for the record.

    `name` is that of its service and method.
    """

    caller: Caller
    language: Language
    trace_id: str
    boundary: Boundary
    context: Context
    note: Note = field(default_factory=Note)
    name: str = ""

    def seconds_left(self) -> float:
        """Give the caller's own deadline, or the cap where it set none or a longer one."""
        remaining = self.context.time_remaining()
        return DEADLINE_CAP_SECONDS if remaining is None else min(remaining, DEADLINE_CAP_SECONDS)

    def status(self, error: Exception) -> status_pb2.Status:
        """Turn the error of one entry of a batch into the status that the single method would have given."""
        return self.boundary.status(error, language=self.language, trace_id=self.trace_id)


class Servicer(Protocol):
    """One service: a method in snake case for each of the contract's, and the scope that each method needs.

    `WAITS` names the methods that wait for something; only they need a timer for their deadline. What a method is tells
    its form (`gateway.rpc.forms`). `DECIDES` names those that answer about a person or have an effect, each call of
    which is recorded.
    """

    SERVICE: ClassVar[ServiceDescriptor]
    SCOPES: ClassVar[dict[str, str]]
    WAITS: ClassVar[frozenset[str]]
    DECIDES: ClassVar[frozenset[str]]


class Boundary:
    """Wraps the methods of servicers."""

    def __init__(
        self,
        *,
        callers: Callers,
        reasons: Reasons,
        journal: Journal,
        recorder: Recorder,
        certificates: CertificateRule | None = None,
        traced: Callable[[OpenCall, str | None], None] | None = None,
    ) -> None:
        """Take what every call needs; without `certificates` no call is asked for one, and none counts.

        `traced` is told of each call that begins, and the trace to which its caller says that it belongs.
        """
        self._traced = traced
        self._callers = callers
        self._recorder = recorder
        self._certificates = certificates
        self.reasons = reasons
        self._journal = journal
        self._prefix = secrets.token_hex(6)
        self._numbers = itertools.count(1)
        self._stopping = False
        self._forms = Forms(
            admit=self._admit,
            recheck=self._recheck,
            goes_on=self._goes_on,
            record=recorder.answered,
            patience=Patience(CONTRACT_ERRORS),
        )
        self._brake = Brake()
        self._shares = Shares(DEFAULT_CALLS)

    def limit(self, most_calls: int) -> None:
        """Set how many calls may run at once."""
        self._shares = Shares(most_calls)

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
        """Make the handler of a method."""
        decides = method.name in servicer.DECIDES
        name = f"{method.containing_service.name}/{method.name}"
        return self._forms.handler(
            getattr(servicer, snake_case(method.name)),
            scope=servicer.SCOPES[method.name],
            request_type=message_factory.GetMessageClass(method.input_type),
            streams=(method.client_streaming, method.server_streaming),
            waits=method.name in servicer.WAITS,
            decides=decides,
            answered=partial(self._answered, name, decides=decides),
        )

    def _answered(self, name: str, answer: Answer, *, decides: bool) -> Handler:
        async def handle(messages: AsyncIterator[bytes], context: Context) -> bytes:
            opened = self._open(name, context)
            try:
                reply = await answer(opened, context)
            except CONTRACT_ERRORS as error:
                failure: Exception = error
            except TimeoutError:
                failure = DeadlineError()
            except asyncio.CancelledError:
                self._journal.call(opened, None if opened.open_ended else CANCELLED)
                raise
            except Exception as error:  # noqa: BLE001 - the outermost line: type and place are logged, never its words
                failure = error
            else:
                self._journal.call(opened, None)
                return reply
            # Asked of the failure itself: one that is recorded no more is told as another one, and held all the same.
            held = row_of(failure).code is grpc.StatusCode.UNAUTHENTICATED and not opened.caller
            try:
                failure = await self._recorder.failed(opened, failure, decides=decides)
                return await self._fail(opened, context, failure, held=held)
            finally:
                # The failure knows this frame by its trace, and with it all that was read; so does what `abort` raises,
                # and the context keeps that. Let go of all at once, or it waits for the collector.
                del failure, context, messages

        return handle

    def _open(self, name: str, context: Context) -> OpenCall:
        """Note when a call began and what its metadata say; cheap, since every call pays for it."""
        authorization = accept_language = parent = None
        for key, value in context.invocation_metadata() or ():
            if key == "authorization":
                authorization = value
            elif key == "accept-language":
                accept_language = value
            elif key == "traceparent":
                parent = value
        opened = OpenCall(
            name,
            f"{self._prefix}-{next(self._numbers):x}",
            time.perf_counter_ns(),
            negotiate(accept_language if isinstance(accept_language, str) else None),
            authorization if isinstance(authorization, str) else None,
        )
        if self._traced is not None:
            self._traced(opened, parent if isinstance(parent, str) else None)
        return opened

    def _admit(self, opened: OpenCall, scope: str, context: Context) -> Call:
        """Prove the caller and what it may do; permission comes before everything the request says."""
        if self._stopping:
            raise ShuttingDownError
        if opened.authorization is None or opened.authorization[: len(_BEARER)].lower() != _BEARER:
            raise UnauthenticatedError
        opened.token = opened.authorization[len(_BEARER) :]
        if self._certificates is not None:
            opened.certificate = self._certificates.shown(context.auth_context())
        caller = self._callers.authenticate(opened.token, opened.certificate)
        opened.caller, opened.proven = caller.id, caller
        if scope not in caller.scopes:
            raise ScopeError(scope=scope)
        self._shares.take(caller.id)
        return Call(caller, opened.language, opened.trace_id, self, context, opened.note, opened.name)

    def _recheck(self, opened: OpenCall) -> None:
        """Prove the caller of a stream again: token, key and certificate may have come to their end since."""
        if self._certificates is not None and opened.certificate is not None:
            self._certificates.require(opened.certificate)
        self._callers.recheck(opened.token, opened.certificate)

    def _goes_on(self, opened: OpenCall) -> None:
        """Let a stream without an end go on; whoever listens to a gateway that stops goes elsewhere."""
        if self._stopping:
            raise ShuttingDownError
        self._recheck(opened)

    def status(self, error: Exception, *, language: Language, trace_id: str) -> status_pb2.Status:
        """Give the status of an error; what is not of the contract becomes the fixed text of an unforeseen one."""
        return status_of(error, reasons=self.reasons, language=language, trace_id=trace_id)

    async def _fail(self, opened: OpenCall, context: Context, failure: Exception, *, held: bool) -> bytes:
        """Log the failure and end the call with its status, in turn where it is held."""
        row = row_of(failure)
        if row is UNFORESEEN:
            self._journal.unforeseen(opened, failure)
        self._journal.call(opened, row)
        if held:
            await self._brake.hold(context.peer(), context.time_remaining())
        status = self.status(failure, language=opened.language, trace_id=opened.trace_id)
        try:
            await context.abort(row.code, status.message, ((_STATUS_DETAILS, status.SerializeToString()),))
        finally:
            del failure, context  # as in `_answered`
        raise AssertionError("abort does not return")
