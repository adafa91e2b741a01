"""Waiting for callers that may never write: every wait has an end, and none costs a timer of its own.

A message is waited for by the task of its call. One timer for all calls looks at the waits every second, and ends those
whose time is over or whose caller is proven no longer. A timer for each call would cost more than the wait itself.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.errors import DeadlineError, GatewayError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    import grpc

    Context = grpc.aio.ServicerContext[bytes, bytes]
    Check = Callable[[], None]

LOOK_SECONDS = 1.0


class _Wait:
    """What a task does within has an end: `looks` more looks, None for ever, or what a check says."""

    __slots__ = ("check", "context", "failure", "looks", "outer", "task", "waits")

    def __init__(
        self, waits: dict[asyncio.Task[object] | None, _Wait], looks: int | None, context: Context, check: Check | None
    ) -> None:
        self.waits = waits
        self.looks = looks
        self.context = context
        self.check = check
        self.failure: Exception | None = None

    def __enter__(self) -> None:
        self.task = asyncio.current_task()
        self.outer = self.waits.get(self.task)
        self.waits[self.task] = self

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if self.outer is None:
            del self.waits[self.task]
        else:
            self.waits[self.task] = self.outer
        if self.failure is not None and self.task is not None and isinstance(error, asyncio.CancelledError):
            self.task.uncancel()
            raise self.failure from None


class Patience:
    """Reads messages, each with a bound."""

    def __init__(self, errors: tuple[type[Exception], ...] = (GatewayError,)) -> None:
        """Take the errors by which a check ends a wait."""
        self._errors = errors
        self._waits: dict[asyncio.Task[object] | None, _Wait] = {}
        self._timer: asyncio.TimerHandle | None = None

    async def message(self, context: Context, looks: int, check: Check | None = None) -> bytes | None:
        """Read the next message of a call, or None where there is no further whole one.

        Args:
            context: the call.
            looks: after how many looks the wait is over, about as many seconds; the caller's deadline counts too.
            check: is called at every look, and may end the wait by one of the errors.

        Raises:
            DeadlineError: no message came in time.
        """
        with self._bounded(looks, context, check):
            raw = await context.read()
        return raw if isinstance(raw, bytes) else None

    def watching(self, context: Context, check: Check) -> AbstractContextManager[None]:
        """Look every second, as long as something runs, whether a check or the caller's deadline ends it."""
        return self._bounded(None, context, check)

    def _bounded(self, looks: int | None, context: Context, check: Check | None) -> _Wait:
        """End what the task does within, by an error of ours, when the wait is over."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)
        return _Wait(self._waits, looks, context, check)

    def _look(self) -> None:
        """End the waits whose time has come; go on looking while there are any."""
        for task, wait in self._waits.items():
            if wait.failure is None:
                wait.failure = self._over(wait)
                if wait.failure is not None and task is not None:
                    task.cancel()
        again = asyncio.get_running_loop().call_later
        self._timer = again(LOOK_SECONDS, self._look) if self._waits else None

    def _over(self, wait: _Wait) -> Exception | None:
        """Tell why a wait is over, if it is."""
        if wait.check is not None:
            try:
                wait.check()
            except self._errors as error:
                return error
        if wait.looks is not None:
            wait.looks -= 1
        left = wait.context.time_remaining()
        return DeadlineError() if wait.looks == 0 or (left is not None and left <= 0) else None
