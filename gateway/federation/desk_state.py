"""What a node believes at one moment: anchors, memory, chains and keys. It never changes; news make another one."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from trust.chain import Beliefs, verify_chain
from trust.errors import ChainError, ForeignKeyError, TrustError
from trust.federation import Federation
from trust.keys import thumbprint
from trust.pinboard import Pinboard
from trust.roles import GATEWAY_ROLE, REGION_ROLE
from trust.statement import read_statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trust.anchor import TrustAnchor
    from trust.keys import VerificationKey
    from trust.revocation_set import RevocationSet
    from trust.verified_entity import VerifiedEntity

_LENGTHS = (3, 4)
"""Statements of a chain that is believed: with one intermediate between the entity and the anchor, or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorPin:
    """An anchor as the operator pins it.

    `fingerprints` are RFC 7638 thumbprints of its federation keys, `agreements` the ids of those it stands for.
    """

    entity: str
    fingerprints: frozenset[str]
    agreements: frozenset[str]


@dataclass(frozen=True, slots=True)
class Link:
    """A chain that is believed; `signers` are entity and thumbprint of each key that signed a part of it."""

    texts: tuple[str, ...]
    verified: VerifiedEntity
    signers: tuple[tuple[str, str], ...]

    def touched_by(self, revocations: RevocationSet) -> bool:
        """Tell whether something in the chain is revoked, now or at a stated time."""
        return any(
            entry.anchor == self.verified.anchor
            and (
                (entry.revocation.kind == "entity" and entry.revocation.sub in self.verified.path)
                or (entry.revocation.kind == "key" and (entry.revocation.sub, entry.revocation.target) in self.signers)
            )
            for entry in revocations.entries
        )

    def check(self, revocations: RevocationSet, *, now: int) -> None:
        """Demand that no entity of the chain, and no key that signed it, is revoked by now (Unix seconds).

        Raises:
            KeyRevokedError, PeerRevokedError: one is.
        """
        anchor = self.verified.anchor
        for entity, mark in self.signers:
            revocations.check_key(entity, mark, anchor=anchor, now=now)
        for entity in self.verified.path:
            revocations.check_entity(entity, anchor=anchor, now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator has settled: how long a statement serves after its end, and which entity acts for a region."""

    grace_seconds: int
    regions: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is believed. `links` are chains by anchor and entity; `gateways` maps the id of a gateway to its entity."""

    rules: Rules = field(hash=False)
    anchors: Mapping[str, TrustAnchor] = field(hash=False)
    pinboard: Pinboard = field(default_factory=Pinboard, hash=False)
    federation: Federation = field(default_factory=Federation)
    links: Mapping[tuple[str, str], Link] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    gateways: Mapping[str, str] = field(init=False, hash=False)
    _touched: frozenset[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        """Work out who has which gateway, and which chains a revocation touches."""
        gateways = {
            issuer: link.verified.entity
            for link in self.links.values()
            for issuer in _issuers(link.verified, GATEWAY_ROLE)
        }
        revocations = self.federation.revocations
        touched = frozenset(place for place, link in self.links.items() if link.touched_by(revocations))
        object.__setattr__(self, "gateways", MappingProxyType(gateways))
        object.__setattr__(self, "_touched", touched)

    @property
    def beliefs(self) -> Beliefs:
        """What a chain is judged by."""
        return Beliefs(
            anchors=self.anchors,
            pinboard=self.pinboard,
            revocations=self.federation.revocations,
            grace_seconds=self.rules.grace_seconds,
        )

    def find(self, role: str, issuer: str, kid: str, *, anchor: str, now: int) -> VerificationKey:
        """Look up a key as `trust.federation.Federation.find` does, and see that nothing in its chain is revoked since.

        A chain is verified once and used for days; who signed it may have been revoked meanwhile.
        """
        if self._touched:
            bearer = self.federation.entity(role, issuer, anchor=anchor, now=now)
            if (anchor, bearer.entity) in self._touched:
                self.links[anchor, bearer.entity].check(self.federation.revocations, now=now)
        return self.federation.find(role, issuer, kid, anchor=anchor, now=now)

    def admitted(self, texts: Sequence[str], *, place: tuple[str, str], now: int) -> Standing:
        """Give the standing that believes a chain of an entity, and of the anchor itself.

        Args:
            texts: its configuration, the statement about it, that about its superior if this is not the anchor, and the
                anchor's configuration; compact JWS.
            place: the anchor and the entity whose chain it should be.
            now: Unix seconds.

        Raises:
            TrustError: a leaf that says why it is not believed; ForeignKeyError also when the entity acts for a region
                that is not its own in the settings.
        """
        verified = self._verified_at(place, texts, now=now)
        top = verify_chain(texts[-1:], beliefs=self.beliefs, now=now)
        standing = replace(
            self,
            anchors=MappingProxyType({**self.anchors, verified.anchor: verified.anchor_state}),
            pinboard=self.pinboard.admit(verified.pins),
            federation=self.federation.with_entity(top).with_entity(verified),
            links=MappingProxyType({**self.links, place: _link(texts, verified)}),
        )
        return standing._below_new_top(verified.anchor, texts[-1], now=now)  # noqa: SLF001 - of the same class

    def beside(self, texts: Sequence[str], *, place: tuple[str, str], now: int) -> Standing:
        """Give the standing that goes by a chain for one question, and remembers nothing of it.

        Takes and raises what `admitted` does.
        """
        verified = self._verified_at(place, texts, now=now)
        return replace(
            self,
            federation=self.federation.with_entity(verified),
            links=MappingProxyType({**self.links, place: _link(texts, verified)}),
        )

    def revoked(self, text: str, *, now: int) -> Standing:
        """Give the standing that knows a revocation too (TrustError where it is not believed)."""
        return replace(self, federation=self.federation.revoke(text, now=now))

    def followed(self, anchor: str, links: Sequence[str], *, now: int) -> Standing:
        """Give the standing after rotations of an anchor; links that are older than what is known are left out.

        Raises:
            TrustError: a leaf that names the first link that fails; nothing is followed then.
        """
        known = self.anchors[anchor]
        newer = [text for text in links if read_statement(text).claims.version > known.version]
        state = known.follow(newer, revocations=self.federation.revocations, now=now)
        return replace(self, anchors=MappingProxyType({**self.anchors, anchor: state}))

    def _verified_at(self, place: tuple[str, str], texts: Sequence[str], *, now: int) -> VerifiedEntity:
        """Verify the chain of an entity to an anchor."""
        if len(texts) not in _LENGTHS:
            raise ChainError(rule="length")
        verified = self._verified(texts, now=now)
        if (verified.anchor, verified.entity) != place:
            raise ChainError(rule="the anchor and the entity asked for")
        return verified

    def _verified(self, texts: Sequence[str], *, now: int) -> VerifiedEntity:
        """Verify a chain, and see that its entity acts for the region that the settings name."""
        verified = verify_chain(texts, beliefs=self.beliefs, now=now)
        for issuer in _issuers(verified, REGION_ROLE):
            if self.rules.regions.get(issuer) != verified.entity:
                raise ForeignKeyError(rule="the region of another entity")
        return verified

    def _below_new_top(self, anchor: str, top: str, *, now: int) -> Standing:
        """Put an anchor's newest configuration into its other chains too, as far as they hold with it.

        Otherwise they would count as rolled back when they are read again at the next start. One that does not hold
        stays as it was believed, until it is fetched anew.
        """
        standing = self
        for place, link in self.links.items():
            if place[0] != anchor or link.texts[-1] == top:
                continue
            texts = (*link.texts[:-1], top)
            try:
                verified = standing._verified(texts, now=now)
            except TrustError:
                continue
            standing = replace(
                standing,
                federation=standing.federation.with_entity(verified),
                links=MappingProxyType({**standing.links, place: _link(texts, verified)}),
            )
        return standing


def _link(texts: Sequence[str], verified: VerifiedEntity) -> Link:
    """Work out who signed a chain that holds: each statement with a key that the one above lists, the last its own."""
    statements = [read_statement(text) for text in texts]
    above = (*statements[1:], statements[-1])
    signers = tuple(
        (statement.claims.iss, thumbprint(key.public_key))
        for statement, superior in zip(statements, above, strict=True)
        for key in superior.claims.keys
        if key.kid == statement.token.kid
    )
    return Link(tuple(texts), verified, signers)


def _issuers(verified: VerifiedEntity, role: str) -> tuple[str, ...]:
    """Name the issuers under which an entity acts in a role."""
    ring = verified.keys.get(role)
    return () if ring is None else ring.issuers
