"""Days in requests: ISO 8601, and today in the regions' time where none is told."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from gateway.services.local_home import china_day

if TYPE_CHECKING:
    from gateway.rpc.convert import Fields
    from gateway.services.ports import Clock

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


class Days:
    """Reads the day that a query is about."""

    def __init__(self, clock: Clock) -> None:
        """Take the clock that says what today is."""
        self._clock = clock

    def today(self) -> date:
        """Give today in China."""
        return china_day(self._clock())

    def read(self, text: str, fields: Fields, *, name: str = "as_of") -> date:
        """Read a day; an empty text means today, and a wrong one is noted (rule `iso_date`)."""
        if not text:
            return self.today()
        try:
            found = date.fromisoformat(text) if _DAY.match(text) else None
        except ValueError:
            found = None
        if found is None:
            fields.add(name, "iso_date")
        return found or self.today()
