"""Signing entity statements, and reading them: what is read has the right form, and is proven only against keys.

A statement about itself (iss = sub) is an entity configuration, any other a subordinate statement; the claims decide,
and each kind has its own closed table.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trust.entity import ENTITY_STATEMENT_TYPE, EntityClaims, EntityConfiguration, SubordinateStatement
from trust.errors import ClaimInvalidError, MalformedTokenError
from trust.jws import MAX_STATEMENT_LENGTH, digest_of, prove, read_jws, sign_jws
from trust.keys import thumbprint
from trust.pinboard import Pin

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trust.keys import SigningKey, VerificationKey
    from trust.parser import ParsedToken
    from trust.signer import Signer

MAX_CHAIN: Final = 6
"""Statements of a chain: the anchor's configuration, four statements about others, the subject's configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """An entity statement of the right form; nothing in it is proven. `digest` is the SHA-256 of its payload."""

    claims: EntityClaims
    token: ParsedToken
    digest: str

    def pin(self, *, anchor: str) -> Pin:
        """Give what is to be remembered of it once it is believed under an anchor."""
        claims = self.claims
        return Pin(
            anchor=anchor,
            issuer=claims.iss,
            subject=claims.sub,
            version=claims.version,
            issued_at=claims.iat,
            expires_at=claims.exp,
            digest=self.digest,
        )

    def proven_by(self, keys: Iterable[VerificationKey]) -> VerificationKey:
        """Give the key among these that signed it.

        Raises:
            UnknownKeyError: none has its kid.
            KeyAlgorithmMismatchError, BadSignatureError: the one that has did not sign it.
        """
        return prove(self.token, keys=keys)


def read_statement(text: str) -> Statement:
    """Read an entity statement of either kind.

    Raises:
        TrustError: a leaf that names the first fault of its form.
    """
    token = read_jws(text, kind=ENTITY_STATEMENT_TYPE)
    about_itself = token.payload.get("iss") == token.payload.get("sub")
    kind = EntityConfiguration if about_itself else SubordinateStatement
    return Statement(claims=kind.from_payload(token.payload), token=token, digest=digest_of(token))


def read_configuration(text: str) -> tuple[EntityConfiguration, VerificationKey]:
    """Read an entity configuration and see that one of the keys that it lists has signed it.

    That proves no more than that the signer has the key; whether the key is the entity's is for the chain.

    Raises:
        TrustError: a leaf that names the first check that fails.
    """
    statement = read_statement(text)
    if not isinstance(statement.claims, EntityConfiguration):
        raise ClaimInvalidError(claim="iss", rule="equal to sub")
    return statement.claims, statement.proven_by(statement.claims.keys)


def sign_statement(claims: EntityClaims, *, key: SigningKey | Signer) -> str:
    """Sign an entity statement, typ `entity-statement+jwt`.

    Raises:
        ClaimInvalidError: a claim is against its rule, or `iss` is not the issuer of the key.
        PolicyConflictError: the metadata policy contradicts itself.
        KeyMaterialError: a key cannot be used.
        MalformedTokenError: the statement would be longer than 64 KiB.
    """
    payload = claims.to_payload()
    type(claims).from_payload(payload)
    if claims.iss != key.issuer:
        raise ClaimInvalidError(claim="iss", rule="issuer of the signing key")
    if isinstance(claims, EntityConfiguration) and not _lists(claims, key):
        raise ClaimInvalidError(claim="jwks", rule="holds the signing key")
    return sign_jws(payload, key=key, kind=ENTITY_STATEMENT_TYPE)


def _lists(claims: EntityConfiguration, key: SigningKey | Signer) -> bool:
    """Tell whether a configuration lists the key under its kid."""
    mark = thumbprint(key.public().public_key)
    return any(listed.kid == key.kid and thumbprint(listed.public_key) == mark for listed in claims.keys)


def write_chain(chain: Sequence[str]) -> bytes:
    """Write a static trust chain, `application/trust-chain+json`: a list from the subject's configuration upwards."""
    return json.dumps(list(chain), separators=(",", ":")).encode("ascii")


def read_chain(document: bytes) -> tuple[str, ...]:
    """Read a static trust chain; its statements are as yet any text.

    Raises:
        MalformedTokenError: too long, or not a JSON list of 1 to 6 texts.
    """
    if len(document) > MAX_CHAIN * (MAX_STATEMENT_LENGTH + 4) or document.count(b"[") != 1 or b"{" in document:
        raise MalformedTokenError(rule="chain")
    try:
        texts = json.loads(document.decode("ascii"))
    except ValueError:
        texts = None
    # Raised outside the handler: the decoder's own errors carry the document, which must not travel with ours.
    if not isinstance(texts, list) or not 1 <= len(texts) <= MAX_CHAIN or not all(isinstance(t, str) for t in texts):
        raise MalformedTokenError(rule="chain")
    return tuple(texts)
