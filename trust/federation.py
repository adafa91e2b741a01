"""The entities that a node believes, and the keys that they bring: what stands behind every look-up of a key.

Each look-up is made under one anchor, that of the agreement which is gone by: who is believed in one agreement, and
with which keys, says nothing in the next. An issuer belongs to one entity and a key to one entity; who lists the name
or the key of another is refused. The same key id under two issuers is two keys.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from trust.errors import ForeignKeyError, TransitiveTrustError, TrustError, UnknownIssuerError, UnknownKeyError
from trust.keys import thumbprint
from trust.revocation import read_revocation, verify_revocation
from trust.revocation_set import RevocationSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trust.keys import VerificationKey
    from trust.revocation import Revocation, Revoked
    from trust.verified_entity import VerifiedEntity


class Federation:
    """Verified entities and what is revoked. A federation never changes; news make another one.

    Args:
        entities: what the chain verifier has made, the anchors themselves included; of two for one entity and anchor
            the last counts.
        revocations: what is dead.

    Raises:
        ForeignKeyError: two entities have one issuer, or one key.
    """

    __slots__ = ("_bearers", "_entities", "_issuers", "_keys", "revocations")

    def __init__(self, entities: Iterable[VerifiedEntity] = (), *, revocations: RevocationSet | None = None) -> None:
        """Sort the entities by anchor, role and issuer."""
        self.revocations = RevocationSet() if revocations is None else revocations
        self._entities = {(entity.anchor, entity.entity): entity for entity in entities}
        self._bearers: dict[tuple[str, str, str], VerifiedEntity] = {}
        self._keys: dict[tuple[str, str, str, str], tuple[VerificationKey, str]] = {}
        owners: dict[str, str] = {}
        for entity in self._entities.values():
            for name in _names_of(entity):
                if owners.setdefault(name, entity.entity) != entity.entity:
                    raise ForeignKeyError(rule="an issuer or a key of another entity")
            for role, issuer, key in _role_keys(entity):
                self._bearers[entity.anchor, role, issuer] = entity
                self._keys[entity.anchor, role, issuer, key.kid] = (key, thumbprint(key.public_key))
        self._issuers = {(role, issuer) for _, role, issuer in self._bearers}

    @property
    def entities(self) -> tuple[VerifiedEntity, ...]:
        """All entities, by anchor and identifier; one that has chains to two anchors is there twice."""
        return tuple(self._entities[place] for place in sorted(self._entities))

    def with_entity(self, entity: VerifiedEntity) -> Federation:
        """Give the federation that believes this entity too, or in this new form.

        Raises:
            ForeignKeyError: it brings the issuer or a key of another; this federation stays as it is.
        """
        return Federation((*self._entities.values(), entity), revocations=self.revocations)

    def with_revocations(self, revocations: RevocationSet) -> Federation:
        """Give the federation that knows these revocations too."""
        return Federation(self._entities.values(), revocations=self.revocations.merged(revocations))

    def entity(self, role: str, issuer: str, *, anchor: str, now: int) -> VerifiedEntity:
        """Find the entity that acts under an issuer.

        Args:
            role: its entity type (`trust.roles`).
            issuer: the `iss` of what it signed.
            anchor: the anchor of the agreement that is gone by.
            now: Unix seconds.

        Raises:
            UnknownIssuerError: nobody acts under it.
            TransitiveTrustError: somebody does, but not under this anchor.
            TrustExpiredError: its chain has run out.
            PeerRevokedError: it is revoked.
        """
        bearer = self._bearers.get((anchor, role, issuer))
        if bearer is None:
            if (role, issuer) in self._issuers:
                raise TransitiveTrustError(rule="anchor of the agreement")
            raise UnknownIssuerError
        bearer.require_usable(now)
        self.revocations.check_entity(bearer.entity, anchor=anchor, now=now)
        return bearer

    def find(self, role: str, issuer: str, kid: str, *, anchor: str, now: int) -> VerificationKey:
        """Look up the key with which somebody acts under an issuer; the same object each time.

        Args:
            role: the entity type that the key must serve.
            issuer: the `iss` of the token.
            kid: the key id of the token.
            anchor: the anchor of the agreement that is gone by.
            now: Unix seconds.

        Raises:
            UnknownIssuerError, TransitiveTrustError, TrustExpiredError, PeerRevokedError: as `entity`.
            UnknownKeyError: the issuer has no such key.
            KeyRevokedError: the key is revoked, whatever the dates of the token.
        """
        bearer = self.entity(role, issuer, anchor=anchor, now=now)
        found = self._keys.get((anchor, role, issuer, kid))
        if found is None:
            raise UnknownKeyError
        key, mark = found
        self.revocations.check_key(bearer.entity, mark, anchor=anchor, now=now)
        return key

    def revoke(self, text: str, *, now: int) -> Federation:
        """Give the federation that knows a revocation too, under each anchor under which it is believed.

        Args:
            text: compact JWS.
            now: Unix seconds.

        Raises:
            UnknownIssuerError: no chain leads to its issuer.
            TrustError: a leaf that says why it is believed under none of the anchors to which its issuer has a chain.
        """
        _, said = read_revocation(text)
        anchors = [anchor for anchor, entity in self._entities if entity == said.iss]
        if not anchors:
            raise UnknownIssuerError
        believed: list[Revoked] = []
        refusals: list[TrustError] = []
        for anchor in anchors:
            try:
                believed.append(self._believe(text, anchor=anchor, now=now))
            except TrustError as error:
                refusals.append(error)
        if not believed:
            raise refusals[0]
        return self.with_revocations(RevocationSet(frozenset(believed)))

    def _believe(self, text: str, *, anchor: str, now: int) -> Revoked:
        """Believe a revocation under an anchor."""
        return verify_revocation(
            text,
            anchor=anchor,
            keys=partial(self.federation_keys, anchor=anchor),
            may_revoke=partial(self.may_revoke, anchor=anchor),
            known=self.revocations,
            now=now,
        )

    def federation_keys(self, entity: str, *, anchor: str) -> tuple[VerificationKey, ...]:
        """Give the keys with which an entity signs statements under an anchor; none for a stranger."""
        verified = self._entities.get((anchor, entity))
        return () if verified is None else verified.federation_keys

    def may_revoke(self, revocation: Revocation, *, anchor: str) -> bool:
        """Tell whether the issuer of a revocation has a say in it under an anchor.

        Everybody may revoke what is its own, and what is of one for whom it vouches, at whatever distance; the anchor
        also what is of one of whom nothing is known here yet. An agreement may be stopped by its anchor and by each
        entity below that.
        """
        issuer, subject = revocation.iss, revocation.sub
        if issuer == subject:
            return True
        if revocation.kind == "agreement":
            return subject == anchor and (anchor, issuer) in self._entities
        if issuer == anchor:
            return True
        paths = (entity.path for (top, _), entity in self._entities.items() if top == anchor)
        return any(subject in path and issuer in path[path.index(subject) :] for path in paths)

    def disputed(self) -> tuple[str, ...]:
        """Name the entities of which two anchors have shown different configurations of one version: an alarm."""
        shown: dict[tuple[str, int], set[str]] = {}
        for entity in self._entities.values():
            own = entity.pins[-1]
            shown.setdefault((entity.entity, own.version), set()).add(own.digest)
        return tuple(sorted({entity for (entity, _), digests in shown.items() if len(digests) > 1}))


def _names_of(entity: VerifiedEntity) -> Iterator[str]:
    """Give what belongs to an entity alone: its issuers, and the thumbprints of all its keys."""
    yield from (f"issuer {issuer}" for ring in entity.keys.values() for issuer in ring.issuers)
    yield from (f"key {thumbprint(key.public_key)}" for key in entity.federation_keys)
    yield from (f"key {thumbprint(key.public_key)}" for _, _, key in _role_keys(entity))


def _role_keys(entity: VerifiedEntity) -> Iterator[tuple[str, str, VerificationKey]]:
    """Give the keys of all roles of an entity, each with role and issuer."""
    for role, ring in entity.keys.items():
        for issuer in ring.issuers:
            for jwk in ring.jwks(issuer)["keys"]:
                yield role, issuer, ring.find(issuer, str(jwk["kid"]))
