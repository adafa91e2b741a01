"""The verifier of trust chains: one descent from a pinned anchor to the subject, no input or output, no clock.

A chain is a list of entity statements, from the subject's configuration up to the anchor's (OpenID Federation 1.0
sections 4 and 10.2). It is judged from the anchor down, so that no key is used before somebody who is believed has
listed it. For each statement these invariants are established in this order, and the first that fails names the error:

1. The chain has 1 statement (the anchor alone) or 3 to 6; each has the strict form of `trust.statement`.
2. It is the right link: on top the configuration of a pinned anchor; then statements that the entity above has issued
   about somebody else; last the configuration of the entity that the lowest of them is about, which names its issuer
   among its superiors. No entity occurs twice.
3. Its signature holds with a key that was listed one level up: of the anchor one that is pinned or was handed on to,
   of the subject one that its superior and it itself both list.
4. It was not issued in the future, and is not past its end and the grace; 10 s of clock skew are tolerated.
5. Neither the key that signed it nor its subject is revoked under this anchor, whatever its dates.
6. It is no rollback of, and no other version beside, what was seen before (`trust.pinboard`).
7. None of the keys that it lists belongs to an entity above.
8. Constraints: nobody vouches further down than all above allow, and no name is outside of what they allow.
9. The metadata policies of the chain do not contradict each other, from the anchor down.

Then the subject's metadata is resolved: what its superior states, entity types that are allowed, the merged policy. A
role is believed only under an issuer that a superior has fixed; an entity cannot give itself a region's name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from trust.chain_faults import AtStatement
from trust.claims import CLOCK_SKEW_SECONDS
from trust.entity import EntityConfiguration, SubordinateStatement
from trust.errors import (
    ChainError,
    ForeignKeyError,
    NotYetValidError,
    TransitiveTrustError,
    TrustError,
    TrustExpiredError,
)
from trust.keys import thumbprint
from trust.metadata_policy import Metadata, MetadataPolicy, resolve_metadata
from trust.pinboard import Freshness, Pinboard
from trust.revocation_set import RevocationSet
from trust.roles import read_roles
from trust.statement import MAX_CHAIN, read_statement
from trust.trust_mark import verify_mark
from trust.verified_entity import CHAIN_SEAL, VerifiedEntity

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from trust.anchor import TrustAnchor
    from trust.constraints import Constraints
    from trust.keys import VerificationKey
    from trust.pinboard import Pin
    from trust.statement import Statement

_LENGTHS: Final = (1, *range(3, MAX_CHAIN + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Beliefs:
    """What a node goes by when it judges a chain.

    `anchors` are the pinned ones by entity identifier; `pinboard` is what was seen before, `revocations` what is dead;
    `grace_seconds` is how long a statement serves after its end.
    """

    anchors: Mapping[str, TrustAnchor]
    pinboard: Pinboard = field(default_factory=Pinboard)
    revocations: RevocationSet = field(default_factory=RevocationSet)
    grace_seconds: int = CLOCK_SKEW_SECONDS


def verify_chain(chain: Sequence[str], *, beliefs: Beliefs, now: int) -> VerifiedEntity:
    """Establish all invariants.

    Args:
        chain: compact JWS, the subject's configuration first, the anchor's last.
        beliefs: anchors, memory, revocations, grace.
        now: Unix seconds.

    Raises:
        ChainError: a statement is not of the right form, not the right link, or not proven.
        TransitiveTrustError: somebody vouches whom nobody above has allowed to.
        TrustExpiredError, KeyRevokedError, PeerRevokedError: it was good once.
        RollbackError, EquivocationError: something else was seen before.
        ForeignKeyError: a key belongs to somebody else.
        PolicyConflictError, MetadataPolicyError: policies contradict each other, or metadata them.
    """
    if len(chain) not in _LENGTHS:
        raise ChainError(rule="length")
    return _Descent(chain, beliefs=beliefs, now=now).descend()


class _Descent:
    """What is believed so far on the way down; `_path` ends with the entity that the last statement was about."""

    def __init__(self, chain: Sequence[str], *, beliefs: Beliefs, now: int) -> None:
        """Begin above the anchor, believing nothing but the pins."""
        self._chain = chain
        self._beliefs = beliefs
        self._now = now
        self._path: list[str] = []
        self._keys: dict[str, tuple[VerificationKey, ...]] = {}
        self._pins: list[Pin] = []
        self._constraints: list[Constraints] = []
        self._policy = MetadataPolicy()
        self._stated: Metadata = MappingProxyType({})

    def descend(self) -> VerifiedEntity:
        """Go down, statement by statement, and say what has been reached."""
        top = len(self._chain) - 1
        with AtStatement(top):
            subject = configuration = self._anchor(self._chain[top])
        for position in range(top - 1, 0, -1):
            with AtStatement(position):
                self._subordinate(self._chain[position], below=position - 1)
        with AtStatement(0):
            if top:
                subject = self._subject(self._chain[0])
            return self._conclude(subject, mark_issuers=configuration.trust_mark_issuers)

    def _anchor(self, text: str) -> EntityConfiguration:
        """Believe the anchor's configuration."""
        statement = read_statement(text)
        claims = statement.claims
        anchor = self._beliefs.anchors.get(claims.sub)
        if anchor is None or not isinstance(claims, EntityConfiguration):
            raise ChainError(rule="configuration of a pinned anchor")
        key = anchor.prove(statement)
        self._state = anchor.handed_on(statement)
        self._path.append(claims.sub)
        self._believe(statement, signed_with=key)
        self._list_keys(claims.sub, claims.keys)
        return claims

    def _subordinate(self, text: str, *, below: int) -> None:
        """Believe what the entity above says of the next one; `below` counts the entities still under that."""
        statement = read_statement(text)
        claims, superior = statement.claims, self._path[-1]
        if not isinstance(claims, SubordinateStatement) or claims.iss != superior:
            raise ChainError(rule="statement of the entity above")
        if claims.sub in self._path:
            raise ChainError(rule="no entity twice")
        key = statement.proven_by(self._keys[superior])
        self._path.append(claims.sub)
        self._believe(statement, signed_with=key)
        self._list_keys(claims.sub, claims.keys)
        self._constrain(claims, below=below)
        self._policy = self._policy.merged(claims.metadata_policy)
        self._stated = claims.metadata

    def _subject(self, text: str) -> EntityConfiguration:
        """Believe what the subject says of itself."""
        statement = read_statement(text)
        claims, (*_, superior, entity) = statement.claims, self._path
        if not isinstance(claims, EntityConfiguration) or claims.sub != entity:
            raise ChainError(rule="configuration of the entity vouched for")
        if superior not in claims.authority_hints:
            raise ChainError(rule="superior among the authority hints")
        key = statement.proven_by(self._keys[entity])
        mark = thumbprint(key.public_key)
        if all((own.kid, thumbprint(own.public_key)) != (key.kid, mark) for own in claims.keys):
            raise ChainError(rule="signed with a key of its own")
        self._believe(statement, signed_with=key)
        return claims

    def _believe(self, statement: Statement, *, signed_with: VerificationKey) -> None:
        """Establish invariants 4 to 6 of a statement whose signature holds."""
        claims, beliefs, now = statement.claims, self._beliefs, self._now
        if claims.iat - now > CLOCK_SKEW_SECONDS:
            raise NotYetValidError(claim="iat", skew_seconds=str(claims.iat - now))
        pin = statement.pin(anchor=self._path[0])
        if pin.freshness(now, grace_seconds=beliefs.grace_seconds) is Freshness.EXPIRED:
            raise TrustExpiredError(skew_seconds=str(now - claims.exp))
        anchor = self._path[0]
        beliefs.revocations.check_key(claims.iss, thumbprint(signed_with.public_key), anchor=anchor, now=now)
        beliefs.revocations.check_entity(claims.sub, anchor=anchor, now=now)
        self._pins.append(beliefs.pinboard.check(pin))

    def _list_keys(self, entity: str, keys: tuple[VerificationKey, ...]) -> None:
        """Keep the federation keys of an entity, none of which may be those of another."""
        marks = {thumbprint(key.public_key) for key in keys}
        others = {thumbprint(key.public_key) for of_one in self._keys.values() for key in of_one}
        if marks & others:
            raise ForeignKeyError(rule="a key of an entity above")
        self._keys[entity] = keys

    def _constrain(self, claims: SubordinateStatement, *, below: int) -> None:
        """Establish invariant 8."""
        self._constraints.append(claims.constraints)
        if claims.constraints.max_path_length < below:
            raise TransitiveTrustError(rule="max_path_length")
        if not all(constraints.allows_name(claims.sub) for constraints in self._constraints):
            raise ChainError(rule="naming_constraints")

    def _conclude(self, subject: EntityConfiguration, *, mark_issuers: Mapping[str, tuple[str, ...]]) -> VerifiedEntity:
        """Resolve the metadata and say what the chain has shown."""
        metadata = resolve_metadata(
            subject.metadata, superior=self._stated, allowed_types=self._allowed_types(), policy=self._policy
        )
        expires_at = min(pin.expires_at for pin in self._pins)
        return VerifiedEntity(
            entity=subject.sub,
            anchor=self._path[0],
            path=tuple(reversed(self._path)),
            metadata=metadata,
            keys=read_roles(metadata, stated=self._stated, policy=self._policy),
            federation_keys=self._keys[subject.sub],
            marks=frozenset(self._marks_held(subject, issuers=mark_issuers)),
            expires_at=expires_at,
            usable_until=expires_at + self._beliefs.grace_seconds,
            pins=tuple(self._pins),
            anchor_state=self._state,
            seal=CHAIN_SEAL,
        )

    def _allowed_types(self) -> frozenset[str] | None:
        """Give the entity types that all constraints allow; None when none speaks of them."""
        limits = [c.allowed_entity_types for c in self._constraints if c.allowed_entity_types is not None]
        return frozenset.intersection(*limits) if limits else None

    def _marks_held(self, subject: EntityConfiguration, *, issuers: Mapping[str, tuple[str, ...]]) -> Iterable[str]:
        """Give the types of the trust marks that hold; one that does not is as good as not shown."""
        keys = {entity: tuple(filter(self._lives, of_one)) for entity, of_one in self._keys.items()}
        for name, text in subject.trust_marks.items():
            try:
                mark = verify_mark(text, subject=subject.sub, issuers=issuers, keys=keys, now=self._now)
            except TrustError:
                continue
            if mark.trust_mark_type == name:
                yield name

    def _lives(self, key: VerificationKey) -> bool:
        """Tell whether a federation key is not revoked."""
        mark, revocations = thumbprint(key.public_key), self._beliefs.revocations
        return revocations.reason("key", key.issuer, mark, anchor=self._path[0], now=self._now) is None
