"""What the trailers of a failed call tell: read, cut, and believed no further than their form."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

if TYPE_CHECKING:
    import grpc

_DETAILS = "grpc-status-details-bin"
_ERROR_INFO = "google.rpc.ErrorInfo"
_BAD_REQUEST = "google.rpc.BadRequest"
_MOST_VIOLATIONS = 20
_PLAIN = re.compile(r"(?!.*\d{5})[A-Za-z0-9_.,:/\[\]-]{1,64}")  # a name or a rule has no long number in it


def plain(text: str) -> str:
    """Give a name or a rule as it is, and nothing for what is none: a peer's prose is not passed on to our callers."""
    return text if _PLAIN.fullmatch(text) else ""


def details_of(
    error: grpc.aio.AioRpcError,
) -> tuple[error_details_pb2.ErrorInfo | None, tuple[tuple[str, str], ...]]:
    """Read ErrorInfo and BadRequest from the trailers, or nothing where they are not there or not readable."""
    trailers: dict[str, str | bytes] = dict(error.trailing_metadata() or ())  # type: ignore[arg-type]  # pairs
    raw = trailers.get(_DETAILS, b"")
    info: error_details_pb2.ErrorInfo | None = None
    violations: tuple[tuple[str, str], ...] = ()
    try:
        for detail in status_pb2.Status.FromString(raw if isinstance(raw, bytes) else b"").details:
            if detail.TypeName() == _ERROR_INFO:
                info = error_details_pb2.ErrorInfo()
                detail.Unpack(info)
            elif detail.TypeName() == _BAD_REQUEST:
                bad = error_details_pb2.BadRequest()
                detail.Unpack(bad)
                named = bad.field_violations[:_MOST_VIOLATIONS]
                told = ((plain(v.field), plain(v.description)) for v in named)
                violations = tuple((field, rule) for field, rule in told if field)
    except DecodeError:
        return None, ()
    return info, violations
