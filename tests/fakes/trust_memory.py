"""A memory of trust that is a few variables, and can be told to fail."""

from __future__ import annotations

from gateway.federation.desk_memory import KnownRevocation, Remembered, TrustMemoryError


class FakeTrustMemory:
    """Keeps what it is given; `broken` makes every write fail."""

    def __init__(self) -> None:
        """Begin empty."""
        self.kept = Remembered()
        self.known: dict[int, KnownRevocation] = {}
        self.writes = 0
        self.broken = False

    def remembered(self) -> Remembered:
        """Give what was kept."""
        return self.kept

    def revocations(self) -> tuple[KnownRevocation, ...]:
        """Give what was kept."""
        return tuple(self.known[cursor] for cursor in sorted(self.known))

    def keep(self, remembered: Remembered) -> None:
        """Keep, or fail."""
        self._write()
        self.kept = remembered

    def keep_revocation(self, known: KnownRevocation) -> None:
        """Keep, or fail."""
        self._write()
        self.known[known.cursor] = known

    def close(self) -> None:
        """Do nothing."""

    def _write(self) -> None:
        if self.broken:
            raise TrustMemoryError(file="fake", fault="write")
        self.writes += 1
