"""The anchor's own feed of revocations: what it and its members have revoked, in the order in which it learned of it.

The feed is a file, one compact JWS a line, which is only added to; the number of a line is its place in the feed. A
command beside the running node may add to it as well: additions are made under a lock, and read again by `refresh`.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import TYPE_CHECKING

from gateway.errors import LimitError, SettingsError
from gateway.federation.publisher_ledger import locked
from trust.errors import ForeignKeyError, TrustError
from trust.jws import digest_of
from trust.revocation import MIN_LIFE_SECONDS, Revocation, Revoked, read_revocation, sign_revocation
from trust.revocation_set import RevocationSet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.federation.publisher import EntityPublisher
    from trust.federation import Federation

MAX_OF_A_MEMBER = 500
"""Revocations of one member that are believed; a member whose key was stolen cannot fill the disk of all."""


class RevocationFile:
    """Lines that are only added to, by one process at a time (the caller holds the lock)."""

    def __init__(self, path: Path) -> None:
        """Take the file; it is made with the first line."""
        self.path = path
        self._offset = 0

    def news(self) -> list[str]:
        """Read the lines that are new since the last time; a line that is not whole yet waits (SettingsError)."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                whole, newline, _ = file.read().rpartition(b"\n")
            self._offset += len(whole) + len(newline)
            return whole.decode("ascii").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError((f"{self.path.name}: cannot be read ({type(error).__name__})",)) from None

    def add(self, text: str) -> None:
        """Add a line; it is on the disk when this returns. Half a line left by a crash goes (SettingsError)."""
        data = f"{text}\n".encode("ascii")
        try:
            descriptor = os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.truncate(self._offset)
                file.seek(self._offset)
                file.write(data)
                file.flush()
                os.fsync(descriptor)
        except OSError as error:
            raise SettingsError((f"{self.path.name}: cannot be written ({type(error).__name__})",)) from error
        self._offset += len(data)


class AnchorFeed:
    """What an anchor believes to be revoked; see `gateway.web.revocations.RevocationDesk`.

    Args:
        publisher: the anchor's own configuration; its key signs.
        federation: builds the federation of the anchor and its members.
        path: the file of the feed.
        clock: Unix seconds.

    Raises:
        SettingsError: the file cannot be read, or holds something else.
    """

    def __init__(
        self,
        publisher: EntityPublisher,
        *,
        federation: Callable[[], Federation],
        path: Path,
        clock: Callable[[], float],
    ) -> None:
        """Read the feed."""
        self._publisher = publisher
        self._federation = federation
        self._file = RevocationFile(path)
        self._clock = clock
        self._entries: list[tuple[int, str]] = []
        self._digests: set[str] = set()
        self._of: Counter[str] = Counter()
        self._last_own = 0
        self._known = RevocationSet()
        self._made: tuple[Federation, RevocationSet, Federation] | None = None
        self._news = asyncio.Event()
        self.refresh()

    @property
    def revocations(self) -> RevocationSet:
        """All that is believed."""
        return self._known

    def refresh(self) -> bool:
        """Take in what another process has added; tells whether there was anything.

        Raises:
            SettingsError: the file cannot be read, or holds something else.
        """
        texts = self._file.news()
        try:
            self._take(texts)
        except TrustError as error:
            name = self._file.path.name
            raise SettingsError((f"{name}: a line that is no revocation ({type(error).__name__})",)) from error
        return bool(texts)

    def believe_revocation(self, text: str) -> bool:
        """Believe a revocation of the anchor or of a member; tells whether it is new.

        Raises:
            TrustError: a leaf that says why it is not believed.
            LimitError: its issuer has revoked too much already.
            SettingsError: the file cannot be used.
        """
        parsed, said = read_revocation(text)
        with locked(self._file.path):
            self.refresh()
            if digest_of(parsed) in self._digests:
                return False
            self._believe(text, issuer=said.iss)
        return True

    def revoke(self, kind: str, *, subject: str, target: str, reason: str, effective: int | None = None) -> str:
        """Revoke something with the anchor's key, from now on or from a time on (Unix seconds); gives the compact JWS.

        Args:
            kind: key, entity, certificate or agreement.
            subject: the anchor or a member; of an agreement the anchor.
            target: what of it (`trust.revocation.Revocation`).
            reason: of the closed list.
            effective: from when.

        Raises:
            ClaimInvalidError: something is against its rule.
            ForeignKeyError: the subject is neither the anchor nor a member.
            SettingsError: the file cannot be used.
        """
        issuer = self._publisher.entity
        with locked(self._file.path):
            self.refresh()
            now = int(self._clock())
            begins = now if effective is None else effective
            said = Revocation(
                iss=issuer,
                sub=subject,
                iat=now,
                exp=max(now, begins) + MIN_LIFE_SECONDS,
                sequence=self._last_own + 1,
                kind=kind,
                target=target,
                reason=reason,
                effective=begins,
            )
            if all(known.entity != subject for known in self._federation().entities):
                raise ForeignKeyError(rule="of the anchor or a member")
            text = sign_revocation(said, key=self._publisher.key)
            self._believe(text, issuer=issuer)
        return text

    def feed(self, after: int) -> tuple[Sequence[tuple[int, str]], int]:
        """Give what came after a number, each with its own, and the number to ask after next.

        A number that this feed has not reached is of a former life of it: then all is given.
        """
        entries = self._entries[after:] if after <= len(self._entries) else self._entries[:]
        return entries, len(self._entries)

    async def changed(self, after: int) -> None:
        """Wait until the feed has something after a number."""
        while not self.feed(after)[0]:
            await self._news.wait()

    def _believe(self, text: str, *, issuer: str) -> None:
        """Believe a revocation that is not known yet, and write it down."""
        if issuer != self._publisher.entity and self._of[issuer] >= MAX_OF_A_MEMBER:
            raise LimitError(limit="revocations of a member")
        self._joined().revoke(text, now=int(self._clock()))
        self._file.add(text)
        self._take([text])

    def _joined(self) -> Federation:
        """Give the federation that knows all that is believed here; made anew only where something has changed."""
        federation = self._federation()
        if self._made is None or self._made[0] is not federation or self._made[1] is not self._known:
            self._made = (federation, self._known, federation.with_revocations(self._known))
        return self._made[2]

    def _take(self, texts: Sequence[str]) -> None:
        """Keep revocations that are believed, and wake who waits for them."""
        if not texts:
            return
        read = [read_revocation(text) for text in texts]
        for text, (parsed, said) in zip(texts, read, strict=True):
            self._entries.append((len(self._entries) + 1, text))
            self._digests.add(digest_of(parsed))
            self._of[said.iss] += 1
            if said.iss == self._publisher.entity:
                self._last_own = max(self._last_own, said.sequence)
        anchor = self._publisher.entity
        self._known = self._known.merged(RevocationSet(frozenset(Revoked(anchor, said) for _, said in read)))
        waiting, self._news = self._news, asyncio.Event()
        waiting.set()
