"""One anchor whole: its configuration, its members, its feed of revocations, made from one folder.

The folder holds `federation.pem`, the key that signs; `federation.next.pem`, announced and not signing yet; and
`federation.former.pem`, listed until it is retired; a running anchor follows them. All that it remembers is there too.
"""

from __future__ import annotations

import stat
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gateway.errors import SettingsError
from gateway.federation.publisher import DAY_SECONDS, EntityPublisher
from gateway.federation.publisher_content import EntityContent, anchor_endpoints
from gateway.federation.register import WEEK_SECONDS, MemberRegister
from gateway.federation.register_feed import AnchorFeed
from gateway.federation.register_resolve import Resolver
from gateway.federation.rotation import follow_shelf
from gateway.key_shelf import KeyShelf
from trust.entity import MAX_STATEMENT_LIFETIME_SECONDS
from trust.errors import ClaimInvalidError, TrustError
from trust.federation import Federation
from trust.revocation_set import RevocationSet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gateway.federation.register_members import Member, Party
    from gateway.key_shelf import Key
    from trust.verified_entity import VerifiedEntity

KEY_FILES: Final = ("federation.pem", "federation.next.pem", "federation.former.pem")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorConfig:
    """What an anchor is: its identifier, its folder, whom its agreements list, and their ids.

    `mark_type` is the type of the mark of parties to the joint catalog, if the anchor issues one. Lives are in seconds,
    at most 90 days.
    """

    entity: str
    folder: Path
    parties: tuple[Party, ...]
    agreements: tuple[str, ...]
    mark_type: str | None = None
    configuration_seconds: int = DAY_SECONDS
    statement_seconds: int = WEEK_SECONDS


class AnchorShelf(KeyShelf):
    """The federation keys of an anchor, in its folder; each file must be closed to others.

    Raises:
        SettingsError: the first is missing, or one cannot be read, can be read by others, or is no key.
    """

    def __init__(self, folder: Path, *, entity: str) -> None:
        """Read the keys."""
        self._folder = folder
        super().__init__(folder / KEY_FILES[0], issuer=entity)

    def look(self) -> bool:
        """Read the files again if they are not what they were; tells whether they changed (SettingsError)."""
        for path in (self._folder / name for name in KEY_FILES):
            if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise SettingsError((f"{path.name}: can be read by others; allow the owner only (mode 600)",))
        try:
            return super().look()
        except OSError as error:
            raise SettingsError((f"{KEY_FILES[0]}: cannot be read ({type(error).__name__})",)) from error
        except TrustError as error:
            raise SettingsError((f"{KEY_FILES[0]} or a sister: not a key ({type(error).__name__})",)) from error


class AnchorBody:
    """The body of an agreement as an entity: what it publishes, whom it vouches for, what it revokes.

    Args:
        config: what it is.
        clock: Unix seconds.
        keys: its federation keys, the one that signs first; those of its folder unless given, followed as they change.
        configuration_of: gives the configuration of a member that was fetched last, or None.

    Raises:
        SettingsError: the folder cannot be used.
        TrustError: the configuration cannot be signed as it stands.
    """

    def __init__(
        self,
        config: AnchorConfig,
        *,
        clock: Callable[[], float],
        keys: Sequence[Key] | None = None,
        configuration_of: Callable[[str], str | None] | None = None,
    ) -> None:
        """Put the parts together and publish for the first time."""
        self.config = config
        self._clock = clock
        self._shelf = AnchorShelf(config.folder, entity=config.entity) if keys is None else None
        self._behind = False
        marks = {} if config.mark_type is None else {config.mark_type: (config.entity,)}
        content = EntityContent(
            entity=config.entity,
            keys=tuple(keys or ()) if self._shelf is None else self._shelf.keys,
            endpoints=anchor_endpoints(config.entity),
            mark_issuers=MappingProxyType(marks),
        )
        seconds = config.configuration_seconds
        self.publisher = EntityPublisher(content, folder=config.folder, clock=clock, lifetime_seconds=seconds)
        self.register = MemberRegister(
            self.publisher,
            parties=config.parties,
            folder=config.folder,
            clock=clock,
            lifetime_seconds=config.statement_seconds,
            mark_type=config.mark_type,
        )
        self.resolver = Resolver(
            self.publisher,
            register=self.register,
            revocations=lambda: self._feed.revocations,
            configuration_of=configuration_of,
        )
        self._built: tuple[tuple[tuple[str, ...], ...], Federation] = ((), Federation())
        path = config.folder / "revocations.txt"
        self._feed = AnchorFeed(self.publisher, federation=self.federation, path=path, clock=clock)

    @property
    def entity(self) -> str:
        """The entity identifier."""
        return self.config.entity

    def federation(self) -> Federation:
        """Give the federation of the anchor and its members, as far as their chains hold.

        What is revoked is left to who asks, and a member's configuration may have run out: a member that cannot be
        reached may still revoke.

        Raises:
            SettingsError: the folder cannot be used.
        """
        chains = tuple(self.resolver.chain(entity) for entity in (self.entity, *self.register.members()))
        if chains != self._built[0]:
            federation = Federation()
            for chain in chains:
                with suppress(TrustError):
                    federation = federation.with_entity(self._judge(chain))
            self._built = (chains, federation)
        return self._built[1]

    def _judge(self, chain: tuple[str, ...]) -> VerifiedEntity:
        """Judge a chain for the sake of revocations only."""
        grace = MAX_STATEMENT_LIFETIME_SECONDS
        return self.resolver.judge(chain, now=int(self._clock()), revocations=RevocationSet(), grace_seconds=grace)

    def admit(self, request: str, *, fingerprint: str | None = None) -> Member:
        """Admit a candidate, or follow a member (see `MemberRegister.admit` for what it raises)."""
        return self.register.admit(request, fingerprint=fingerprint, revocations=self._feed.revocations)

    def follow(self, configuration: str) -> Member:
        """Take a newer configuration of a member, and of nobody else (see `MemberRegister.admit`)."""
        return self.register.admit(configuration, revocations=self._feed.revocations, members_only=True)

    def revoke(self, kind: str, *, subject: str, target: str, reason: str, effective: int | None = None) -> str:
        """Revoke something of a member or of the anchor, and act on it (see `AnchorFeed.revoke` for what it raises)."""
        text = self._feed.revoke(kind, subject=subject, target=target, reason=reason, effective=effective)
        self.register.enforce(self._feed.revocations)
        return text

    def stop_agreement(self, agreement: str, *, reason: str, effective: int | None = None) -> str:
        """Stop an agreement for everybody; gives the revocation, compact JWS.

        Raises:
            ClaimInvalidError: the anchor does not stand for the agreement, or the reason is not of the closed list.
            SettingsError: the folder cannot be used.
        """
        if agreement not in self.config.agreements:
            raise ClaimInvalidError(claim="target", rule="an agreement of this anchor")
        return self.revoke("agreement", subject=self.entity, target=agreement, reason=reason, effective=effective)

    def believe_revocation(self, text: str) -> bool:
        """Believe a revocation and act on it; tells whether it is new (see `AnchorFeed` for what it raises)."""
        new = self._feed.believe_revocation(text)
        if new:
            self.register.enforce(self._feed.revocations)
        return new

    @property
    def revocations(self) -> RevocationSet:
        """All that is believed to be revoked."""
        return self._feed.revocations

    async def changed(self, after: int) -> None:
        """Wait until the feed has something after a number."""
        await self._feed.changed(after)

    def feed(self, after: int) -> tuple[Sequence[tuple[int, str]], int]:
        """Give what the feed has after a number, and the number to ask after next."""
        return self._feed.feed(after)

    def renew(self) -> None:
        """Take in what a command has changed in the folder, act on what is revoked, sign anew what is due.

        Keys come last: one that cannot be used holds up nothing else.

        Raises:
            SettingsError: the folder, or a key, cannot be used; with keys it stays as it was.
            KeyMaterialError: a key was retired before.
        """
        self._feed.refresh()
        self.register.enforce(self._feed.revocations)
        self.publisher.renew()
        self._follow_keys()
        for entity in self.register.members():
            self.register.fetch(entity)

    def _follow_keys(self) -> None:
        """Announce, use and retire federation keys as the files of the folder have them now."""
        if self._shelf is not None:
            self._behind |= self._shelf.look()
            if self._behind:
                follow_shelf(self.publisher, self._shelf)
                self._behind = False
