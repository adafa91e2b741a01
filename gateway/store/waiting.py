"""Who waits for a commit, and who hears what happens to the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio

    from gateway.store.transaction import Handler


class Told(Protocol):
    """Hears what happens to the store: `gateway.journal.Journal.event`."""

    def __call__(self, name: str, **fields: str | float | bool) -> None:
        """Note an event."""


def tell_nobody(name: str, **fields: str | float | bool) -> None:
    """Note nothing."""


class Waiting:
    """One item, and who waits for its answer."""

    __slots__ = ("answer", "handler", "item")

    def __init__(self, handler: Handler[Any, Any], item: object, answer: asyncio.Future[Any]) -> None:
        """Begin without an answer."""
        self.handler = handler
        self.item = item
        self.answer = answer

    def tell(self, answer: object) -> None:
        """Give the answer, unless whoever waited has left."""
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)
