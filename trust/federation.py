"""The entities that a node believes, and the keys that they bring: what stands behind every look-up of a key.

An issuer belongs to one entity and a key to one entity; who lists the name or the key of another is refused. The same
key id under two issuers is two keys. An entity is believed under each anchor to which it has a chain, and under no
other: what holds in one agreement says nothing in the next. Its keys are those of the newest configuration among its
chains, so that a key that was retired does not live on in a chain that is fetched later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trust.errors import ForeignKeyError, TransitiveTrustError, UnknownIssuerError, UnknownKeyError
from trust.keys import thumbprint
from trust.revocation import RevocationSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trust.keys import VerificationKey
    from trust.revocation import Revocation
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

    __slots__ = ("_bearers", "_entities", "_keys", "revocations")

    def __init__(self, entities: Iterable[VerifiedEntity], *, revocations: RevocationSet | None = None) -> None:
        """Sort the entities by role and issuer, those of the newest configuration first."""
        self.revocations = RevocationSet() if revocations is None else revocations
        self._entities = {(entity.anchor, entity.entity): entity for entity in entities}
        self._bearers: dict[tuple[str, str], list[VerifiedEntity]] = {}
        self._keys: dict[tuple[str, str, str, str], tuple[VerificationKey, str]] = {}
        owners: dict[str, str] = {}
        for entity in sorted(self._entities.values(), key=lambda entity: -entity.pins[-1].version):
            for name in _names_of(entity):
                if owners.setdefault(name, entity.entity) != entity.entity:
                    raise ForeignKeyError(rule="an issuer or a key of another entity")
            for role, issuer, key in _role_keys(entity):
                self._keys[entity.anchor, role, issuer, key.kid] = (key, thumbprint(key.public_key))
            for role, ring in entity.keys.items():
                for issuer in ring.issuers:
                    self._bearers.setdefault((role, issuer), []).append(entity)

    @property
    def entities(self) -> tuple[VerifiedEntity, ...]:
        """All entities, by anchor and identifier; one that has chains to two anchors is there twice."""
        return tuple(self._entities[place] for place in sorted(self._entities))

    def with_revocations(self, revocations: RevocationSet) -> Federation:
        """Give the federation that knows these revocations too."""
        return Federation(self._entities.values(), revocations=self.revocations.merged(revocations))

    def entity(self, role: str, issuer: str, *, now: int, anchor: str | None = None) -> VerifiedEntity:
        """Find the entity that acts under an issuer.

        Args:
            role: its entity type (`trust.roles`).
            issuer: the `iss` of what it signed.
            now: Unix seconds.
            anchor: the anchor of the agreement that is gone by, where one is.

        Raises:
            UnknownIssuerError: nobody acts under it.
            TransitiveTrustError: somebody does, but not under this anchor.
            TrustExpiredError: its chain, or each of them, has run out.
            PeerRevokedError: it is revoked.
        """
        bearers = self._bearers.get((role, issuer))
        if bearers is None:
            raise UnknownIssuerError
        here = bearers if anchor is None else [entity for entity in bearers if entity.anchor == anchor]
        if not here:
            raise TransitiveTrustError(rule="anchor of the agreement")
        bearer = next((entity for entity in here if now < entity.usable_until), here[0])
        bearer.require_usable(now)
        self.revocations.check_entity(bearer.entity, now=now)
        return bearer

    def find(self, role: str, issuer: str, kid: str, *, now: int, anchor: str | None = None) -> VerificationKey:
        """Look up the key with which somebody acts under an issuer; the same object each time.

        Args:
            role: the entity type that the key must serve.
            issuer: the `iss` of the token.
            kid: the key id of the token.
            now: Unix seconds.
            anchor: the anchor of the agreement that is gone by, where one is.

        Raises:
            UnknownIssuerError, TransitiveTrustError, TrustExpiredError, PeerRevokedError: as `entity`.
            UnknownKeyError: the newest configuration of the issuer has no such key.
            KeyRevokedError: the key is revoked, whatever the dates of the token.
        """
        self.entity(role, issuer, now=now, anchor=anchor)
        bearer = self.entity(role, issuer, now=now)
        found = self._keys.get((bearer.anchor, role, issuer, kid))
        if found is None:
            raise UnknownKeyError
        key, mark = found
        self.revocations.check_key(bearer.entity, mark, now=now)
        return key

    def federation_keys(self, entity: str) -> tuple[VerificationKey, ...]:
        """Give the keys with which an entity signs statements, of each of its chains; none for a stranger."""
        keys = (
            key for verified in self._entities.values() if verified.entity == entity for key in verified.federation_keys
        )
        return tuple({thumbprint(key.public_key): key for key in keys}.values())

    def may_revoke(self, revocation: Revocation) -> bool:
        """Tell whether the issuer of a revocation has a say in it.

        Everybody may revoke what is its own, and what is of one for whom it vouches, at whatever distance; an
        agreement may be stopped by its anchor and by each entity below that.
        """
        issuer, subject = revocation.iss, revocation.sub
        if issuer == subject:
            return True
        if revocation.kind == "agreement":
            return (subject, issuer) in self._entities
        return any(
            subject in entity.path and issuer in entity.path[entity.path.index(subject) :]
            for entity in self._entities.values()
        )


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
