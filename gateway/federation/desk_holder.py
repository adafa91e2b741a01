"""Holds the standing and replaces it as a whole: written down first, used then, and told to everybody last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.federation.desk_alarms import TrustAlarms
from gateway.federation.desk_feed import RevocationFeed
from gateway.federation.desk_restore import fresh_standing, restored, to_remember
from trust.errors import MalformedTokenError, TrustError
from trust.revocation import read_revocation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.federation.desk_memory import TrustMemory
    from gateway.federation.desk_state import AnchorPin, Rules, Standing
    from gateway.journal import Journal
    from trust.revocation import Revocation

MAX_REVOCATION_LENGTH: Final = 8192
"""Characters of a revocation."""


class StandingHolder:
    """The one place where what is believed changes.

    Args:
        pins: by the operator.
        rules: by the operator.
        memory: where beliefs last.
        journal: is told what an operator must hear of.
        feed_base: from where the numbers of the feed count.

    Raises:
        KeyMaterialError: a pin has not the form of one.
    """

    def __init__(
        self, pins: Iterable[AnchorPin], *, rules: Rules, memory: TrustMemory, journal: Journal, feed_base: int = 0
    ) -> None:
        """Begin with the pins, believing nobody."""
        self.pinned = {pin.entity: pin for pin in pins}
        self.alarms = TrustAlarms(journal)
        self.feed = RevocationFeed(memory, unlimited=self.pinned, base=feed_base)
        self.standing = fresh_standing(self.pinned.values(), rules=rules)
        self.listeners: list[Callable[[], None]] = []
        self._memory = memory

    def restore(self, *, now: int) -> None:
        """Go on from what was kept (TrustMemoryError)."""
        revoked = self.feed.restore()
        remembered = self._memory.remembered()
        self._adopt(restored(self.standing, remembered, revoked=revoked, alarms=self.alarms, now=now))

    def admit(self, texts: Sequence[str], *, place: tuple[str, str], links: Sequence[str] = (), now: int) -> None:
        """Believe a chain.

        Args:
            texts: compact JWS, the entity's configuration first, the anchor's last.
            place: the anchor and the entity whose chain it should be.
            links: rotations of the anchor to follow before (`trust.anchor`).
            now: Unix seconds.

        Raises:
            TrustError: a leaf that says why it is not believed.
            TrustMemoryError: it cannot be kept; what was believed stays.
        """
        known = self.standing.links.get(place)
        if known is not None and known.texts == tuple(texts):
            known.verified.require_usable(now)
            known.check(self.standing.federation.revocations, now=now)
            return
        before = self.standing.followed(place[0], links, now=now) if links else self.standing
        standing, again = self._believed_again(before.admitted(texts, place=place, now=now), place, now=now)
        self._memory.keep(to_remember(standing, pinned=self.pinned))
        for text, said in again:
            self.feed.take(text, said, standing.federation.revocations)
        self._adopt(standing)

    def believe_revocation(self, text: str, *, shared: bool = False, now: int) -> bool:
        """Believe a revocation; see `gateway.federation.desk.TrustDesk.believe_revocation`."""
        if len(text) > MAX_REVOCATION_LENGTH:
            raise MalformedTokenError(rule="size")
        if text in self.feed:
            return False
        _, said = read_revocation(text)
        self.feed.require_room(said.iss, shared=shared)
        standing = self.standing.revoked(text, now=now)
        revocations = standing.federation.revocations
        if revocations.entries != self.standing.federation.revocations.entries:
            # Whether or not it can be kept: a key that is known to be dead is not used for another second.
            self._adopt(standing)
        new = self.feed.take(text, said, revocations)
        if new:
            self.alarms.learned(said)
        return new

    def _believed_again(
        self, standing: Standing, place: tuple[str, str], *, now: int
    ) -> tuple[Standing, list[tuple[str, Revocation]]]:
        """Believe under a further anchor what an entity, or the anchor, has revoked; give that too.

        What an entity revokes of its own is dead wherever it is believed, in an agreement of tomorrow as well.
        """
        again: list[tuple[str, Revocation]] = []
        for text, said, anchors in self.feed.of(set(place)):
            if place[0] not in anchors:
                try:
                    standing = standing.revoked(text, now=now)
                except TrustError:
                    continue
                again.append((text, said))
        return standing, again

    def _adopt(self, standing: Standing) -> None:
        """Go by another standing from now on."""
        self.standing = standing
        self.alarms.contradictions(standing)
        for listener in self.listeners:
            listener()
