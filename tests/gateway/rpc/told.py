"""What an error on the wire tells, read back from its details."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
from google.rpc import error_details_pb2, status_pb2

if TYPE_CHECKING:
    from collections.abc import Awaitable

DETAILS = "grpc-status-details-bin"


@dataclass(frozen=True, slots=True)
class Told:
    """One error; `retry_seconds` is None where no RetryInfo came."""

    code: str
    message: str
    reason: str = ""
    domain: str = ""
    metadata: dict[str, str] = field(default_factory=dict)
    violations: tuple[tuple[str, str], ...] = ()
    retry_seconds: int | None = None
    locale: str = ""
    localized: str = ""

    @property
    def fields(self) -> set[str]:
        """The fields that BadRequest names."""
        return {name for name, _ in self.violations}


def told_by(status: status_pb2.Status) -> Told:
    """Read a status; each kind of detail may come once."""
    info, bad, retry, text = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.RetryInfo(),
        error_details_pb2.LocalizedMessage(),
    )
    kinds = [detail.TypeName() for detail in status.details]
    assert len(set(kinds)) == len(kinds)
    for detail in status.details:
        assert any(detail.Unpack(known) for known in (info, bad, retry, text))
    return Told(
        code=next(code.name for code in grpc.StatusCode if code.value[0] == status.code),
        message=status.message,
        reason=info.reason,
        domain=info.domain,
        metadata=dict(info.metadata),
        violations=tuple((v.field, v.description) for v in bad.field_violations),
        retry_seconds=retry.retry_delay.seconds if "google.rpc.RetryInfo" in kinds else None,
        locale=text.locale,
        localized=text.message,
    )


def told(error: grpc.aio.AioRpcError) -> Told:
    """Read the error of a call; code and message outside and inside the details are the same."""
    trailers: dict[str, bytes] = dict(error.trailing_metadata() or ())  # type: ignore[arg-type]  # pairs
    status = status_pb2.Status.FromString(trailers[DETAILS])
    read = told_by(status)
    assert (error.code().name, error.details()) == (read.code, read.message)
    return read


async def refused(call: Awaitable[object]) -> Told:
    """Wait for a call that must fail, and read its error."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return told(error)
    message = "the call was answered"
    raise AssertionError(message)
