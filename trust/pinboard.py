"""The memory that protects against rollback, equivocation and freeze: what was last believed of each statement.

The rule, for each anchor, issuer and subject (OpenID Federation has none; this is of our profile; the anchor is part of
it, so that who vouches in one agreement cannot spoil the memory of another):

- the same content again is nothing new, whoever signed it again;
- a lower version is refused (RollbackError), and so is a higher version of an earlier date;
- another content of the same version, or of a higher version and the same second, is refused (EquivocationError):
  somebody shows different things to different people, which an operator must hear of;
- whatever is refused leaves the memory as it was. A statement enters only when it has been believed.

Against freeze, where somebody goes on serving what has run out, time is part of the verdict (`freshness`): from half of
its life a statement is due for renewal, after its end it serves for a stated grace, and then no more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from trust.claims import CLOCK_SKEW_SECONDS
from trust.errors import EquivocationError, RollbackError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Freshness(IntEnum):
    """How near to its end a statement is; the greater, the nearer."""

    FRESH = 0
    HALF_LIFE = 1
    """Half of the life is over and nothing newer has come: a warning."""

    GRACE = 2
    """The life is over; for a stated time it serves on."""

    EXPIRED = 3
    """Not to be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What is remembered of one statement. Times are Unix seconds, `digest` is the SHA-256 of its payload."""

    anchor: str
    issuer: str
    subject: str
    version: int
    issued_at: int
    expires_at: int
    digest: str

    @property
    def place(self) -> tuple[str, str, str]:
        """Anchor, issuer and subject: what it is the memory of."""
        return self.anchor, self.issuer, self.subject

    def freshness(self, now: int, *, grace_seconds: int = CLOCK_SKEW_SECONDS) -> Freshness:
        """Say how near to its end the statement is.

        Args:
            now: Unix seconds.
            grace_seconds: how long it serves after its end; the default is what honest clocks may differ.
        """
        if 2 * (now - self.issued_at) < self.expires_at - self.issued_at:
            return Freshness.FRESH
        if now < self.expires_at:
            return Freshness.HALF_LIFE
        return Freshness.GRACE if now < self.expires_at + grace_seconds else Freshness.EXPIRED

    def succeeded_by(self, offered: Pin) -> Pin:
        """Give what is to be remembered once another statement of the same place is believed.

        Raises:
            RollbackError: the other is older.
            EquivocationError: the other claims the same version or date with another content.
        """
        if offered.digest == self.digest:
            return self
        known = {"known_version": str(self.version), "offered_version": str(offered.version)}
        if offered.version < self.version:
            raise RollbackError(rule="version", **known)
        if offered.version == self.version:
            raise EquivocationError(rule="version", **known)
        if offered.issued_at < self.issued_at:
            raise RollbackError(rule="date", **known)
        if offered.issued_at == self.issued_at:
            raise EquivocationError(rule="date", **known)
        return offered


@dataclass(frozen=True, slots=True)
class Pinboard:
    """All that is remembered, by anchor, issuer and subject. It never changes; believing a statement makes another."""

    pins: Mapping[tuple[str, str, str], Pin] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, pins: Iterable[Pin]) -> Pinboard:
        """Make a pinboard of what was stored; of two for one place the higher version counts."""
        table: dict[tuple[str, str, str], Pin] = {}
        for pin in sorted(pins, key=lambda pin: pin.version):
            table[pin.place] = pin
        return cls(MappingProxyType(table))

    def check(self, offered: Pin) -> Pin:
        """Give what is to be remembered of a statement.

        Raises:
            RollbackError: a newer one is known.
            EquivocationError: another one of the same version or date is known.
        """
        known = self.pins.get(offered.place)
        return offered if known is None else known.succeeded_by(offered)

    def admit(self, offered: Iterable[Pin]) -> Pinboard:
        """Give the pinboard that remembers these too; one that is refused refuses them all.

        Raises:
            RollbackError: a newer one is known.
            EquivocationError: another one of the same version or date is known.
        """
        board = self
        for pin in offered:
            kept = board.check(pin)
            board = Pinboard(MappingProxyType({**board.pins, pin.place: kept}))
        return board
