"""Circuit breaker: stops asking a platform that keeps failing, and lets one call at a time find out whether it is back.

Pure: the monotonic time is an argument. A caller asks `admit` for a permit and settles it with `succeed`, `fail` or
`abandon`. A permit that was given before the breaker last changed says nothing about the present and is ignored.
"""

from __future__ import annotations


class Breaker:
    """Closed until `failures_to_open` calls in a row fail; then open for `open_seconds`; then one probe decides."""

    __slots__ = ("_epoch", "_failures", "_failures_to_open", "_open_seconds", "_opened_at", "_probing")

    def __init__(self, *, failures_to_open: int, open_seconds: float) -> None:
        """Start closed."""
        self._failures_to_open = failures_to_open
        self._open_seconds = open_seconds
        self._opened_at: float | None = None
        self._failures = 0
        self._probing = False
        self._epoch = 0

    def would_admit(self, now: float) -> bool:
        """Tell whether a call at this monotonic time would be let through."""
        if self._opened_at is None:
            return True
        return not self._probing and now - self._opened_at >= self._open_seconds

    def admit(self, now: float) -> int | None:
        """Give a permit to call, or None while the breaker is open or its probe is under way."""
        if not self.would_admit(now):
            return None
        if self._opened_at is not None:
            self._probing = True
            self._epoch += 1
        return self._epoch

    def succeed(self, permit: int) -> None:
        """Close, and forget the failures: the platform answered."""
        if permit == self._epoch:
            self._opened_at = None
            self._probing = False
            self._failures = 0

    def fail(self, permit: int, now: float) -> None:
        """Count a failure of the platform, and open when it was one too many or the probe."""
        if permit != self._epoch:
            return
        self._failures += 1
        if self._probing or self._failures >= self._failures_to_open:
            self._opened_at = now
            self._probing = False
            self._failures = 0
            self._epoch += 1

    def abandon(self, permit: int) -> None:
        """Give a permit back that told nothing of the platform; does nothing to one that is settled."""
        if permit == self._epoch:
            self._probing = False
