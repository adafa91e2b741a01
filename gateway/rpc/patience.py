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

    import grpc

    Context = grpc.aio.ServicerContext[bytes, bytes]
    Check = Callable[[], None]

LOOK_SECONDS = 1.0


class _Wait:
    """A wait: how many more times it is looked at, and what may end it earlier by an error of ours."""

    __slots__ = ("check", "context", "failure", "looks")

    def __init__(self, looks: int, context: Context, check: Check | None) -> None:
        self.looks = looks
        self.context = context
        self.check = check
        self.failure: Exception | None = None


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
        task = asyncio.current_task()
        wait = self._waits[task] = _Wait(looks, context, check)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look)
        try:
            raw = await context.read()
        except asyncio.CancelledError:
            if wait.failure is None or task is None:
                raise
            task.uncancel()
            raise wait.failure from None
        finally:
            del self._waits[task]
        return raw if isinstance(raw, bytes) else None

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
        wait.looks -= 1
        left = wait.context.time_remaining()
        return DeadlineError() if wait.looks <= 0 or (left is not None and left <= 0) else None
