"""The revocations that a node believes, in the order in which it learned of them; nothing leaves the feed."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.errors import LimitError
from gateway.federation.desk_memory import KnownRevocation
from trust.revocation import Revoked, read_revocation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from gateway.federation.desk_memory import TrustMemory
    from trust.revocation import Revocation
    from trust.revocation_set import RevocationSet

MAX_OF_AN_ISSUER: Final = 500
"""Revocations of one issuer that is no anchor; whoever has its key cannot fill the memory of all."""
MAX_SHARED_OF_AN_ISSUER: Final = 2 * MAX_OF_AN_ISSUER
"""The same with those that other replicas of ours have believed: each counts by itself until it hears of the others,
and what one of them has accepted all are to go by."""


class RevocationFeed:
    """Keeps revocations, and wakes those who wait for more.

    Args:
        memory: where they last.
        unlimited: issuers that may revoke as much as they like.
        base: is added to the numbers that readers see. Replicas learn in different orders, so with bases of their own a
            reader that comes from one to the other is given everything again rather than too little.
    """

    def __init__(self, memory: TrustMemory, *, unlimited: Collection[str], base: int = 0) -> None:
        """Begin empty; `restore` takes in what was kept."""
        self._memory = memory
        self._unlimited = unlimited
        self._base = base
        self._entries: list[tuple[int, str]] = []
        self._places: dict[str, tuple[Revocation, KnownRevocation]] = {}
        self._kept: set[Revoked] = set()
        self._of: Counter[str] = Counter()
        self._changed = asyncio.Event()

    def restore(self) -> frozenset[Revoked]:
        """Take in what was kept, and give it; it was proven when it was learned (TrustMemoryError)."""
        for known in self._memory.revocations():
            _, said = read_revocation(known.text)
            self._enter(said, known)
        return frozenset(self._kept)

    def __contains__(self, text: str) -> bool:
        """Tell whether this very text is in the feed."""
        return text in self._places

    def require_room(self, issuer: str, *, shared: bool = False) -> None:
        """Demand that an issuer has not revoked too much already, also by what replicas share (LimitError)."""
        most = MAX_SHARED_OF_AN_ISSUER if shared else MAX_OF_AN_ISSUER
        if issuer not in self._unlimited and self._of[issuer] >= most:
            raise LimitError(limit="revocations of an issuer")

    def take(self, text: str, said: Revocation, revocations: RevocationSet) -> bool:
        """Keep a revocation that is believed, or that is believed under further anchors; tells whether that is new.

        Raises:
            TrustMemoryError: it cannot be kept; it is as if it had not been taken.
        """
        believed = {entry for entry in revocations.entries if entry.revocation == said}
        if believed <= self._kept:
            return False
        place = self._places.get(text)
        anchors = frozenset(entry.anchor for entry in believed)
        cursor = len(self._entries) + 1
        known = KnownRevocation(cursor=cursor, text=text, anchors=anchors) if place is None else place[1]
        known = replace(known, anchors=known.anchors | anchors)
        self._memory.keep_revocation(known)
        self._enter(said, known)
        return True

    def of(self, issuers: Collection[str]) -> Iterator[tuple[str, Revocation, frozenset[str]]]:
        """Give texts, contents and anchors of the revocations of some issuers."""
        for text, (said, known) in tuple(self._places.items()):
            if said.iss in issuers:
                yield text, said, known.anchors

    def after(self, cursor: int) -> tuple[Sequence[tuple[int, str]], int]:
        """Give what came after a cursor, each entry with its own, and the last cursor.

        A cursor that the feed has not reached is of a former life of it, or of another replica: then all is given.
        """
        reached = cursor - self._base
        entries = self._entries[reached:] if 0 <= reached <= len(self._entries) else self._entries[:]
        return entries, self._base + len(self._entries)

    async def changed(self, after: int) -> None:
        """Wait until there is something after a cursor."""
        while not self.after(after)[0]:
            await self._changed.wait()

    def _enter(self, said: Revocation, known: KnownRevocation) -> None:
        """Add to the feed what lasts."""
        if known.text not in self._places:
            self._entries.append((self._base + known.cursor, known.text))
            self._of[said.iss] += 1
            self._changed.set()
            self._changed = asyncio.Event()
        self._places[known.text] = said, known
        self._kept.update(Revoked(anchor, said) for anchor in known.anchors)
