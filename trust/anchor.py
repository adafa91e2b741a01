"""The pinned anchor: which keys of an agreement's body are believed, from the fingerprint in the settings onwards.

The fingerprint of a key is its RFC 7638 SHA-256 thumbprint, 43 characters of base64url; any JOSE library computes it.
An operator pins one or more of them together with the anchor's entity identifier, and there is no default. The anchor's
configuration is believed if a believed key has signed it; the keys that it lists are then the anchor's.

Rotation: a configuration that a believed key has signed hands on to the keys that it lists (old introduces new), and
keys that it does not list any more are believed no longer. A node that slept through several rotations follows them one
after the other; these links may have expired, but not be revoked. A link left out, or a configuration signed by none
but its own new key, leads nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trust.claim_rules import is_digest, is_entity
from trust.entity import EntityConfiguration
from trust.errors import ChainError, EquivocationError, KeyMaterialError, RollbackError
from trust.keys import thumbprint
from trust.statement import read_statement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trust.keys import VerificationKey
    from trust.revocation_set import RevocationSet
    from trust.statement import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustAnchor:
    """An anchor as this node believes it. `version` is that of the configuration last followed, 0 when only pinned.

    Raises:
        KeyMaterialError: no entity identifier, or no thumbprint, or one of the wrong form.
    """

    entity: str
    fingerprints: frozenset[str]
    version: int = 0

    def __post_init__(self) -> None:
        """Refuse a pin that could never fit."""
        if not is_entity(self.entity):
            raise KeyMaterialError(rule="entity identifier")
        if not self.fingerprints or not all(map(is_digest, self.fingerprints)):
            raise KeyMaterialError(rule="fingerprint")

    def prove(self, statement: Statement) -> VerificationKey:
        """Give the believed key that signed the anchor's configuration.

        Raises:
            ChainError: it is not the anchor's configuration, or lists no believed key.
            RollbackError: a newer one was followed.
            UnknownKeyError, KeyAlgorithmMismatchError, BadSignatureError: no believed key signed it.
        """
        claims = statement.claims
        if not isinstance(claims, EntityConfiguration) or claims.sub != self.entity:
            raise ChainError(rule="configuration of a pinned anchor")
        candidates = [key for key in claims.keys if thumbprint(key.public_key) in self.fingerprints]
        if not candidates:
            raise ChainError(rule="a believed key of the anchor")
        key = statement.proven_by(candidates)
        if claims.version < self.version:
            raise RollbackError(rule="version", known_version=str(self.version), offered_version=str(claims.version))
        return key

    def handed_on(self, statement: Statement) -> TrustAnchor:
        """Give the anchor as a proven configuration leaves it.

        Raises:
            EquivocationError: the configuration of this version lists other keys.
        """
        listed = frozenset(thumbprint(key.public_key) for key in statement.claims.keys)
        if statement.claims.version == self.version and listed != self.fingerprints:
            version = str(self.version)
            raise EquivocationError(rule="version", known_version=version, offered_version=version)
        return replace(self, fingerprints=listed, version=statement.claims.version)

    def follow(self, links: Iterable[str], *, revocations: RevocationSet, now: int) -> TrustAnchor:
        """Give the anchor after its rotations, each configuration a link, oldest first.

        Args:
            links: configurations of the anchor as compact JWS; they may have expired.
            revocations: a revoked key hands nothing on.
            now: Unix seconds.

        Raises:
            TrustError: a leaf that names the first check that fails; nothing is followed then.
        """
        anchor = self
        for text in links:
            statement = read_statement(text)
            key = anchor.prove(statement)
            revocations.check_key(anchor.entity, thumbprint(key.public_key), anchor=anchor.entity, now=now)
            anchor = anchor.handed_on(statement)
        return anchor
