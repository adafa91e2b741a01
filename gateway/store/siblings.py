"""Tells the other processes of this machine that are the same gateway what was written: SQLite has no words for that.

A datagram holds what one transaction told. Whoever is too slow to take one is told later to look for themselves, so
nothing is ever waited for.
"""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gateway.store.notices import Notices

    Pair = tuple[socket.socket, socket.socket]

_LOOK_SECONDS: Final = 0.2
_LONGEST: Final = 32 * 1024
_LOOK_YOURSELF: Final = b"[]"


@contextmanager
def paired(count: int) -> Iterator[tuple[Pair, ...]]:
    """Make for each of some processes what it reads, and what the others write to; they inherit them."""
    with ExitStack() as stack:
        made = tuple(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(count))
        for pair in made:
            for end in pair:
                stack.enter_context(end).setblocking(False)  # noqa: FBT003 - its parameter has no name
        yield made


class Siblings:
    """The others, as one process sees them."""

    def __init__(self, place: int, made: Sequence[Pair]) -> None:
        """Take the place of this process, from 0 on, and what `paired` has made for all."""
        self._inbox = made[place][0]
        self._others = [out for number, (_, out) in enumerate(made) if number != place]
        self._owed = set[socket.socket]()

    def tell(self, told: Iterable[tuple[str, str]]) -> None:
        """Tell the others of channels and payloads."""
        words = list(told)
        if not words:
            return
        text = json.dumps(words, separators=(",", ":")).encode()
        if len(text) > _LONGEST:
            text = _LOOK_YOURSELF
        for other in self._others:
            self._send(other, _LOOK_YOURSELF if other in self._owed else text)

    async def run(self, notices: Notices) -> None:
        """Pass on what the others tell, until cancelled.

        It begins by telling them to look for themselves: the process that had this place before may have been lost when
        what it wrote was there and not told yet.
        """
        loop = asyncio.get_running_loop()
        loop.add_reader(self._inbox.fileno(), self._hear, notices)
        self._owed.update(self._others)
        try:
            while True:
                for other in tuple(self._owed):
                    self._send(other, _LOOK_YOURSELF)
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            loop.remove_reader(self._inbox.fileno())

    def _send(self, other: socket.socket, text: bytes) -> None:
        try:
            other.send(text)
        except OSError:  # it takes no more, or is not there just now; once started it begins by looking anyway
            self._owed.add(other)
        else:
            self._owed.discard(other)

    def _hear(self, notices: Notices) -> None:
        """Take one datagram; the loop asks again while there are more."""
        try:
            text = self._inbox.recv(2 * _LONGEST)
        except BlockingIOError:
            return
        words = json.loads(text)
        if not words:
            notices.tell_all()
        for channel, payload in words:
            notices.tell(channel, payload)
