"""What turns a method of a servicer into one of the wire: its name, its message, its deadline."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

from google.protobuf.message import DecodeError, Message

from gateway.errors import MalformedRequestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.rpc.boundary import Call

    Work = Callable[[Any, Call], Awaitable[Message]]

_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


def read_message(request_type: type[Message], raw: bytes) -> Message:
    """Read a request (MalformedRequestError, which says nothing of the bytes)."""
    try:
        return request_type.FromString(raw)
    except DecodeError:
        raise MalformedRequestError from None


def snake_case(name: str) -> str:
    """Give the Python name of a contract method."""
    return _WORD_START.sub("_", name).lower()


def within_deadline(work: Work) -> Work:
    """Give up a method's work, for one message of a stream too, when the caller's time or the cap is over."""

    async def timed(request: Message, call: Call) -> Message:
        async with asyncio.timeout(call.seconds_left()):
            return await work(request, call)

    return timed
