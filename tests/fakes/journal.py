"""A journal that is a list, written through the real one so that its lines can be searched."""

from __future__ import annotations

import io
import json
from typing import Any

from gateway.journal import JsonJournal


class FakeJournal(JsonJournal):
    """Keeps its lines in memory."""

    def __init__(self) -> None:
        """Begin empty."""
        self._kept = io.StringIO()
        super().__init__(self._kept)

    @property
    def text(self) -> str:
        """Everything that was written."""
        self._lines.hand_over()
        return self._kept.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What was written, line by line."""
        return [json.loads(line) for line in self.text.splitlines()]
