"""Where the records of calls go in tests that need no store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.errors import StoreUnavailableError
from gateway.rpc.recording import Recorder, known_names
from tests.fakes.regions import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.rpc.recording import Allowance
    from gateway.services.evidence import Decision
    from gateway.store.transaction import Handler


KNOWN = frozenset(known_names(REGISTRY))
"""Regions and items that there are."""


class FakeStore:
    """Runs handlers at once, and keeps the decisions that they record, of each commit by itself."""

    def __init__(self) -> None:
        """Begin empty and whole."""
        self.commits: list[list[Decision]] = []
        self.broken = False

    @property
    def decisions(self) -> list[Decision]:
        """All decisions, in their order."""
        return [one for commit in self.commits for one in commit]

    async def commit(self, handler: Handler[Any, Any], item: object) -> Any:  # noqa: ANN401 - what the handler answers
        """Run a handler for one item (StoreUnavailableError where the store is broken)."""
        if self.broken:
            raise StoreUnavailableError(fault="broken")
        recorded: list[Decision] = []
        transaction: Any = _FakeTransaction(recorded)
        answers: Sequence[Any] = await handler(transaction, [item])
        self.commits.append(recorded)
        return answers[0]


class _FakeTransaction:
    def __init__(self, recorded: list[Decision]) -> None:
        self.record = recorded.append


def recorder(store: FakeStore, *, allowance: Allowance | None = None) -> Recorder:
    """Make what records calls there."""
    any_store: Any = store
    return Recorder(any_store, known=KNOWN, allowance=allowance)
