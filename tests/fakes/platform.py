"""A home platform that knows one card, notes what it is asked, and can fail or hang."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.wire import Draft, PlatformRecord
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    import asyncio


@dataclass(slots=True)
class FakePlatform:
    """Answers every look-up with `record`, or raises `failure`; waits for `gate` where there is one."""

    record: dict[str, str] = field(default_factory=dict)
    clock: FakeClock = field(default_factory=FakeClock)
    age_seconds: float = 0.0
    failure: Exception | None = None
    gate: asyncio.Event | None = None
    reachable: bool = True
    asked: list[Draft] = field(default_factory=list)

    async def lookup(self, draft: Draft, *, timeout_seconds: float | None = None) -> PlatformRecord:
        """Answer a look-up."""
        del timeout_seconds
        self.asked.append(draft)
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return PlatformRecord(dict(self.record), self.clock() - self.age_seconds)
