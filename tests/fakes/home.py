"""A home side of prepared answers, as another gateway would be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.services.model import CardAnswer, CardQuestion


@dataclass(slots=True)
class FakeHome:
    """Gives `prepared` to every question, or raises it where it is an error."""

    prepared: CardAnswer | Exception
    reachable: bool = True
    asked: list[tuple[CardQuestion, bool]] = field(default_factory=list)

    async def answer(self, question: CardQuestion, *, disclose: bool) -> CardAnswer:
        """Answer a question."""
        self.asked.append((question, disclose))
        if isinstance(self.prepared, Exception):
            raise self.prepared
        return self.prepared
