"""The context of a call that no network carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import grpc


class AbortedError(Exception):
    """The call was ended with a status."""


@dataclass(slots=True)
class FakeContext:
    """Has metadata and a deadline, and remembers how the call was ended."""

    metadata: tuple[tuple[str, str | bytes], ...] | None = ()
    seconds_left: float | None = None
    code: grpc.StatusCode | None = None
    details: str = ""
    trailers: tuple[tuple[str, str | bytes], ...] = ()

    def invocation_metadata(self) -> tuple[tuple[str, str | bytes], ...] | None:
        """Give the metadata."""
        return self.metadata

    def time_remaining(self) -> float | None:
        """Give the time to the deadline."""
        return self.seconds_left

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: tuple[tuple[str, str | bytes], ...] = ()
    ) -> NoReturn:
        """End the call."""
        self.code, self.details, self.trailers = code, details, trailing_metadata
        raise AbortedError
