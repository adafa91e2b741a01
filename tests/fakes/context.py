"""The context of a call that no network carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc


class AbortedError(Exception):
    """The call was ended with a status."""


@dataclass(slots=True)
class FakeContext:
    """Has metadata, a deadline and messages, and remembers what was answered and how the call was ended."""

    metadata: tuple[tuple[str, str | bytes], ...] | None = ()
    seconds_left: float | None = None
    code: grpc.StatusCode | None = None
    details: str = ""
    trailers: tuple[tuple[str, str | bytes], ...] = ()
    messages: list[bytes] = field(default_factory=list)
    written: list[bytes] = field(default_factory=list)

    async def read(self) -> object:
        """Give the next message, or the end."""
        end: Any = grpc.aio
        return self.messages.pop(0) if self.messages else end.EOF

    async def write(self, message: bytes) -> None:
        """Take an answer."""
        self.written.append(message)

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...] | None:
        """Give the metadata."""
        return self.metadata

    def peer(self) -> str:
        """Give the address of the other side."""
        return "ipv4:192.0.2.1:50000"

    def time_remaining(self) -> float | None:
        """Give the time to the deadline."""
        return self.seconds_left

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: tuple[tuple[str, str | bytes], ...] = ()
    ) -> NoReturn:
        """End the call."""
        self.code, self.details, self.trailers = code, details, trailing_metadata
        raise AbortedError
