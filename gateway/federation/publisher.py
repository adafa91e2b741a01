"""A node's own entity configuration: numbered, signed, renewed at half of its life, published as text.

A rotation has three steps, each an act of its own: `announce` lists the new key while the old one signs, so that
superiors and peers learn of it; `rotate` lets the new one sign; `retire` takes the old one off the list and into the
history. What the old key last signed stays in `links`, by which a node that slept follows (`trust.anchor`); that it is
kept makes a link, too, where the step was taken while no publisher ran.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gateway.errors import SettingsError
from gateway.federation.publisher_history import KeyHistory
from gateway.federation.publisher_ledger import Issue, Numbering, VersionLedger, write_whole
from trust.entity import EntityConfiguration
from trust.errors import ClaimInvalidError, KeyMaterialError, TrustError, UnknownKeyError
from trust.historical_keys import HistoricalKey, sign_historical_keys, verify_historical_keys
from trust.keys import thumbprint
from trust.statement import read_configuration, sign_statement

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from gateway.federation.publisher_content import EntityContent
    from gateway.key_shelf import Key
    from trust.keys import VerificationKey

DAY_SECONDS = 86_400
FARTHEST = 2**26
"""How far a number of another replica may be ahead of ours: that is decades of publications, and far from the last."""
PUBLISHED_LAST = "configuration.jwt"
"""File of the folder with the configuration that was published last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A configuration as it was published."""

    text: str
    claims: EntityConfiguration

    def due(self, now: int) -> bool:
        """Tell whether half of its life is over (Unix seconds)."""
        iat, exp = self.claims.iat, self.claims.exp
        return now >= iat + (exp - iat) // 2


class EntityPublisher:
    """Publishes what an entity says of itself; of one number there is never a second content.

    Args:
        content: what is said; the first of its keys signs.
        folder: where numbers, ended keys and links are kept; this user's alone.
        clock: Unix seconds.
        lifetime_seconds: life of a configuration, at most 90 days.
        numbering: which numbers are those of this replica.

    Raises:
        SettingsError: the folder cannot be used, or the key that signs has been retired.
        ClaimInvalidError, KeyMaterialError, MalformedTokenError: the content cannot be signed.
    """

    def __init__(
        self,
        content: EntityContent,
        *,
        folder: Path,
        clock: Callable[[], float],
        lifetime_seconds: int = DAY_SECONDS,
        numbering: Numbering = Numbering(),  # noqa: B008 - an immutable value
    ) -> None:
        """Publish for the first time; keys that have been retired are not listed again."""
        self._clock = clock
        self._lifetime = lifetime_seconds
        self._ledger = VersionLedger(folder / "versions.json", numbering=numbering)
        self._history = KeyHistory(folder, entity=content.entity)
        self._last = folder / PUBLISHED_LAST
        living = tuple(key for key in content.keys if not self._history.has(_mark(key)))
        if living[:1] != content.keys[:1] or not living:
            raise SettingsError(("federation key: none that signs, or one that was retired",))
        self._content = replace(content, keys=living)
        self._ours: dict[str, VerificationKey] = {}
        self._before = 0
        self._go_on_from_before(living[0])
        self._current = self._sign(self._content)
        self._old_keys: tuple[object, str] | None = None

    @property
    def entity(self) -> str:
        """The entity identifier."""
        return self._content.entity

    @property
    def key(self) -> Key:
        """The federation key that signs."""
        return self._content.keys[0]

    @property
    def keys(self) -> tuple[VerificationKey, ...]:
        """The federation keys that are listed, the one that signs first."""
        return tuple(key.public() for key in self._content.keys)

    @property
    def ended(self) -> tuple[HistoricalKey, ...]:
        """The federation keys that have ended, oldest first."""
        return self._history.ended

    @property
    def current(self) -> Publication:
        """The configuration last published; it may be due."""
        return self._current

    @property
    def links(self) -> tuple[str, ...]:
        """Configurations of former keys that list the next key, oldest first, the last 16."""
        return self._history.links

    def text(self) -> str:
        """Give the configuration, compact JWS; renewed first if half of its life is over.

        Raises:
            SettingsError: it has run out, and the folder cannot be used to renew it.
        """
        try:
            self.renew()
        except SettingsError:
            if self._now() >= self._current.claims.exp:
                raise
        return self._current.text

    def renew(self) -> bool:
        """Publish the same content anew if half of the life is over; tells whether it did (SettingsError as above)."""
        if not self._current.due(self._now()):
            return False
        self._current = self._sign(self._content)
        return True

    def history(self) -> dict[str, Any]:
        """Give links, and the ended keys as a signed set, as JSON, for another replica's `adopt`."""
        return {"links": list(self._history.links), "ended": self.historical_keys()}

    def adopt(self, text: str, *, links: object, ended: object, above: int = 0) -> None:
        """Publish what another replica of ours has published; what we say next has a greater number and a later date.

        It came by way of a store, which proves nothing: only a key that we know by ourselves makes it ours.

        Args:
            text: the configuration, compact JWS.
            links: its links.
            ended: its ended keys, a signed set; an earlier build gave a list that nobody had signed, which is left out.
            above: its number must be greater.

        Raises:
            TrustError: it is no configuration of this entity that one of its keys has signed, it is an older one, or
                its number is far beyond ours.
            SettingsError: the links are none, or the folder cannot be used.
        """
        claims, signer = read_configuration(text)
        if claims.sub != self.entity:
            raise ClaimInvalidError(claim="sub", rule="this entity")
        known = self._known_keys()
        if thumbprint(signer.public_key) not in known:
            raise UnknownKeyError
        if not above < claims.version <= self._current.claims.version + FARTHEST:
            raise ClaimInvalidError(claim="version", rule="after ours")
        theirs: tuple[HistoricalKey, ...] = ()
        if isinstance(ended, str):
            theirs = verify_historical_keys(ended, entity=self.entity, keys=known.values(), now=self._now())
        self._history.join(links, theirs)
        self._ledger.reach(self.entity, Issue(version=claims.version, iat=claims.iat))
        write_whole(self._last, text.encode("ascii"))
        self._current = Publication(text=text, claims=claims)
        self._remember(claims.keys)

    def resume(self, text: str, *, links: object, ended: object) -> None:
        """Adopt a configuration at the start, and say anew what is to be said where that is something else.

        One that is older than what we have published ourselves is left. Raises as `adopt`.
        """
        if read_configuration(text)[0].version < self._before:
            return
        self.adopt(text, links=links, ended=ended)
        said = self._current.claims
        wanted = self._claims(self._content, Issue(version=said.version, iat=said.iat))
        if said != wanted or self._current.due(self._now()):
            self._current = self._sign(self._content)

    def replace_keys(self, role: str, keys: Iterable[VerificationKey]) -> None:
        """List other keys for a role; KeyError where the entity has no such role.

        Raises:
            KeyMaterialError: no key, keys of another issuer, or two with one kid.
        """
        changed = replace(self._content.roles[role], keys=tuple(keys))
        if any(key.issuer != changed.issuer for key in changed.keys):
            raise KeyMaterialError(rule="issuer of the role")
        self._say(roles=MappingProxyType({**self._content.roles, role: changed}))

    def tell(self, role: str, texts: Mapping[str, str]) -> None:
        """Tell these texts of a role, and no others; KeyError where the entity has no such role."""
        changed = replace(self._content.roles[role], texts=MappingProxyType(dict(texts)))
        self._say(roles=MappingProxyType({**self._content.roles, role: changed}))

    def show_marks(self, marks: Mapping[str, str]) -> None:
        """Show these trust marks, type -> compact JWS, and no others (ClaimInvalidError where a type is none)."""
        self._say(marks=MappingProxyType(dict(marks)))

    def name_superiors(self, hints: Iterable[str]) -> None:
        """Name these superiors and no others (ClaimInvalidError where one is no entity identifier)."""
        self._say(hints=tuple(hints))

    def announce(self, key: Key) -> None:
        """List a key that does not sign yet.

        Raises:
            KeyMaterialError: it has been retired, another has its kid, or sixteen are listed.
            ClaimInvalidError: it is another entity's.
        """
        if self._history.has(_mark(key)) or key.issuer != self.entity:
            raise KeyMaterialError(rule="a new key of the entity")
        self._say(keys=(*(old for old in self._content.keys if _mark(old) != _mark(key)), key))

    def rotate(self, key: Key) -> None:
        """Let a key sign from now on; it is announced first if it was not. The former one stays listed.

        Raises:
            KeyMaterialError: as `announce`.
            SettingsError: the folder cannot be used.
        """
        if _mark(key) == _mark(self.key):
            return
        if all(_mark(key) != _mark(old) for old in self._content.keys):
            self.announce(key)
        self._history.link(self._current.text)
        self._say(keys=(key, *(old for old in self._content.keys if _mark(old) != _mark(key))))

    def retire(self, kid: str, *, reason: str | None = None) -> None:
        """Take a former key off the list and into the history; `reason` is given where it was revoked.

        Raises:
            KeyMaterialError: no such key is listed, or it is the one that signs.
            SettingsError: the folder cannot be used.
        """
        old = next((key for key in self._content.keys[1:] if key.kid == kid), None)
        if old is None:
            raise KeyMaterialError(rule="a former key that is listed")
        now = self._now()
        self._history.end(
            HistoricalKey(key=old.public(), expires_at=now, revoked_at=None if reason is None else now, reason=reason)
        )
        self._say(keys=tuple(key for key in self._content.keys if key is not old))

    def _known_keys(self) -> dict[str, VerificationKey]:
        """Give the keys that are ours as we know by ourselves, those that have ended too, unless they are revoked."""
        revoked = {thumbprint(old.key.public_key) for old in self._history.ended if old.revoked_at is not None}
        return {mark: key for mark, key in self._ours.items() if mark not in revoked}

    def _remember(self, keys: Iterable[VerificationKey]) -> None:
        """Know some keys as ours, until this ends."""
        self._ours.update((thumbprint(key.public_key), key) for key in keys)

    def _go_on_from_before(self, key: Key) -> None:
        """Remember what was published last.

        It makes a link, where a key signed it that listed this one and has handed on to none. What is kept is ours
        alone; if it cannot be read as a configuration, there is no link.
        """
        with suppress(TrustError, OSError, UnicodeDecodeError):
            text = self._last.read_text("ascii")
            claims, signer = read_configuration(text)
            self._before = claims.version
            self._remember(claims.keys)
            listed = {thumbprint(known.public_key) for known in claims.keys}
            if signer.kid != key.kid and _mark(key) in listed and not self._history.handed_on(signer):
                self._history.link(text)

    def historical_keys(self) -> str:
        """Give the keys that have ended, a signed key set (OpenID Federation 1.0 section 8.7)."""
        of = (self._history.ended, self.key)
        if self._old_keys is None or self._old_keys[0] != of:
            self._old_keys = (of, sign_historical_keys(self._history.ended, key=self.key, now=self._now()))
        return self._old_keys[1]

    def _now(self) -> int:
        return int(self._clock())

    def _say(self, **changes: Any) -> None:  # noqa: ANN401 - fields of the content, each checked by its type there
        """Publish a changed content; nothing changes where it cannot be signed, or is the same."""
        content = replace(self._content, **changes)
        if content != self._content:
            self._current = self._sign(content)
            self._content = content

    def _sign(self, content: EntityContent) -> Publication:
        """Number and sign a content."""
        claims = self._claims(content, self._ledger.next(content.entity, now=self._now()))
        text = sign_statement(claims, key=content.keys[0])
        self._remember(claims.keys)
        write_whole(self._last, text.encode("ascii"))
        return Publication(text=text, claims=claims)

    def _claims(self, content: EntityContent, issue: Issue) -> EntityConfiguration:
        """Give the claims of a content under a number and date."""
        return EntityConfiguration(
            sub=content.entity,
            version=issue.version,
            iat=issue.iat,
            exp=issue.iat + self._lifetime,
            keys=tuple(key.public() for key in content.keys),
            metadata=content.to_metadata(),
            authority_hints=content.hints,
            trust_marks=content.marks,
            trust_mark_issuers=content.mark_issuers,
        )


def _mark(key: Key) -> str:
    """Give the thumbprint of a key."""
    return thumbprint(key.public().public_key)
