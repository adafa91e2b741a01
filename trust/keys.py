"""Keys of one issuer: the private one that signs, the public one that verifies, and a ring of public ones.

A key has one issuer, one kid and one algorithm, fixed when it is registered; a token never chooses. Its kid is by
default the thumbprint of RFC 7638. Key documents are JWK Sets (RFC 7517), read more strictly than the RFC asks: a
member or a key that we do not understand refuses the document, so that nothing is believed by half.

A key of SM2 has a user id (`trust.sm2`), which no key file and no key document holds: it is agreed with each partner
and given where a key is read. Keys of other suites take no notice of it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, TypeAlias

from trust.encoding import encode_base64url
from trust.errors import KeyMaterialError, KeyUseError, UnknownIssuerError, UnknownKeyError
from trust.sm2 import DEFAULT_USER_ID
from trust.sm2_suite import under_user_id
from trust.suites import (
    SUITES,
    PrivateKey,
    PublicKey,
    Suite,
    read_coordinates,
    read_private,
    suite_named,
    suite_of,
    write_coordinates,
    write_private,
)

KID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PUBLIC_MEMBERS: Final = frozenset({"kty", "crv", "x", "y", "alg", "kid", "use", "key_ops"})
_PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def thumbprint(key: PublicKey) -> str:
    """Give the SHA-256 thumbprint of a public key, RFC 7638: 43 characters of base64url."""
    suite = suite_of(key)
    members = {"kty": suite.key_type, "crv": suite.curve, **write_coordinates(suite, key)}
    return encode_base64url(
        hashlib.sha256(json.dumps(members, sort_keys=True, separators=(",", ":")).encode()).digest()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationKey:
    """A public key that we believe to be an issuer's, for verifying and for nothing else.

    Raises:
        AlgorithmNotAllowedError: the table of suites has no such algorithm.
        KeyMaterialError: kid or key do not have the form that the algorithm demands.
    """

    issuer: str
    kid: str
    algorithm: str
    public_key: PublicKey = field(repr=False, hash=False)

    def __post_init__(self) -> None:
        """Refuse a key that does not belong to its algorithm."""
        if not KID.fullmatch(self.kid):
            raise KeyMaterialError(rule="kid")
        if not suite_named(self.algorithm).owns(self.public_key):
            raise KeyMaterialError(rule="key type")

    def to_jwk(self) -> dict[str, object]:
        """Write the key as a JWK with `use` and `alg`."""
        suite = SUITES[self.algorithm]
        head = {"kty": suite.key_type, "crv": suite.curve, **write_coordinates(suite, self.public_key)}
        return {**head, "use": "sig", "alg": self.algorithm, "kid": self.kid}

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, object], *, issuer: str, user_id: bytes = DEFAULT_USER_ID) -> VerificationKey:
        """Read a JWK: `alg` and `kid` must be there, `use` may only be sig, `key_ops` only verify.

        Raises:
            KeyUseError: the key is meant for something else.
            AlgorithmNotAllowedError: `alg` is missing or not in the table of suites.
            KeyMaterialError: a private or unknown member, a wrong type, a point off the curve.
        """
        _check_members(jwk)
        suite = suite_named(jwk.get("alg"))
        kid = jwk.get("kid")
        if not isinstance(kid, str):
            raise KeyMaterialError(rule="kid")
        public_key = under_user_id(_read_public(suite, jwk), user_id)
        return cls(issuer=issuer, kid=kid, algorithm=suite.name, public_key=public_key)


def _check_members(jwk: Mapping[str, object]) -> None:
    """Refuse private and unknown members and any use but verifying signatures (RFC 7517 sections 4.2 and 4.3)."""
    if not _PRIVATE_MEMBERS.isdisjoint(jwk):
        raise KeyMaterialError(rule="private member")
    if not _PUBLIC_MEMBERS.issuperset(jwk):
        raise KeyMaterialError(rule="unknown member")
    if jwk.get("use", "sig") != "sig":
        raise KeyUseError(rule="use")
    if jwk.get("key_ops", ["verify"]) not in (["verify"], ("verify",)):
        raise KeyUseError(rule="key_ops")


def _read_public(suite: Suite, jwk: Mapping[str, object]) -> PublicKey:
    """Read the public key of a JWK once its type and curve are seen to be those of the algorithm."""
    if (jwk.get("kty"), jwk.get("crv")) != (suite.key_type, suite.curve):
        raise KeyMaterialError(rule="key type")
    return read_coordinates(suite, jwk)


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A private key of an issuer; it never shows itself but through `to_pem`."""

    issuer: str
    kid: str
    algorithm: str
    private_key: PrivateKey = field(repr=False)

    @classmethod
    def from_pem(
        cls, pem: bytes, *, issuer: str, kid: str | None = None, user_id: bytes = DEFAULT_USER_ID
    ) -> SigningKey:
        """Read an unencrypted PEM; the algorithm follows from the key, the kid is its thumbprint unless given.

        Raises:
            KeyMaterialError: no such key, or one that no suite uses.
            SuiteUnavailableError: a key of SM2, where no library for that passes its self-test.
        """
        return cls._of(under_user_id(read_private(pem), user_id), issuer=issuer, kid=kid)

    @classmethod
    def generate(
        cls, algorithm: str, *, issuer: str, kid: str | None = None, user_id: bytes = DEFAULT_USER_ID
    ) -> SigningKey:
        """Make a fresh key from the operating system's randomness.

        Raises:
            AlgorithmNotAllowedError: the table of suites has no such algorithm.
            SuiteUnavailableError: no library for SM2 passes its self-test.
        """
        return cls._of(under_user_id(suite_named(algorithm).generate(), user_id), issuer=issuer, kid=kid)

    @classmethod
    def _of(cls, key: PrivateKey, *, issuer: str, kid: str | None) -> SigningKey:
        """Give a private key its names."""
        name = thumbprint(key.public_key()) if kid is None else kid
        if not KID.fullmatch(name):
            raise KeyMaterialError(rule="kid")
        return cls(issuer=issuer, kid=name, algorithm=suite_of(key).name, private_key=key)

    def to_pem(self) -> bytes:
        """Write the private key as unencrypted PKCS #8 PEM; the caller guards the bytes."""
        return write_private(self.private_key)

    def public(self) -> VerificationKey:
        """Give the public half."""
        public_key = self.private_key.public_key()
        return VerificationKey(issuer=self.issuer, kid=self.kid, algorithm=self.algorithm, public_key=public_key)


class KeyRing:
    """Public keys by issuer and kid. A ring never changes; a rotation makes another one.

    Raises:
        KeyMaterialError: two keys share issuer and kid.
    """

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[VerificationKey] = ()) -> None:
        """Sort the keys by issuer; the same kid under two issuers is two keys."""
        table: dict[str, dict[str, VerificationKey]] = {}
        for key in keys:
            of_issuer = table.setdefault(key.issuer, {})
            if key.kid in of_issuer:
                raise KeyMaterialError(rule="duplicate kid")
            of_issuer[key.kid] = key
        self._keys: Mapping[str, Mapping[str, VerificationKey]] = MappingProxyType(table)

    @property
    def issuers(self) -> tuple[str, ...]:
        """The issuers that have a key here, sorted."""
        return tuple(sorted(self._keys))

    def of(self, issuer: str) -> tuple[VerificationKey, ...]:
        """Give the keys of one issuer, by kid; an unknown issuer has none."""
        return tuple(key for _, key in sorted(self._keys.get(issuer, {}).items()))

    def find(self, issuer: str, kid: str) -> VerificationKey:
        """Look a key up.

        Raises:
            UnknownIssuerError: the issuer has no key here.
            UnknownKeyError: the issuer has keys, but none with this kid.
        """
        keys = self._keys.get(issuer)
        if keys is None:
            raise UnknownIssuerError
        key = keys.get(kid)
        if key is None:
            raise UnknownKeyError
        return key

    def joined(self, other: KeyRing) -> KeyRing:
        """Make a ring of the keys of both.

        Raises:
            KeyMaterialError: the two share an issuer and kid.
        """
        rings = (*self._keys.values(), *other._keys.values())
        return KeyRing(key for keys in rings for key in keys.values())

    def jwks(self, issuer: str) -> dict[str, list[dict[str, object]]]:
        """Write the keys of one issuer as a JWK Set, by kid; an unknown issuer has an empty one."""
        keys = self._keys.get(issuer, {})
        return {"keys": [keys[kid].to_jwk() for kid in sorted(keys)]}

    @classmethod
    def from_jwks(cls, issuer: str, document: Mapping[str, object], *, user_id: bytes = DEFAULT_USER_ID) -> KeyRing:
        """Read the JWK Set of one issuer, `{"keys": [...]}`; one key that is not good refuses the document.

        Raises:
            KeyMaterialError: not a JWK Set, no key in it, or a key that cannot be used.
            KeyUseError: a key is meant for something other than verifying.
            AlgorithmNotAllowedError: a key is for an algorithm outside the table of suites.
        """
        keys = document.get("keys")
        if set(document) != {"keys"} or not isinstance(keys, list) or not keys:
            raise KeyMaterialError(rule="key set")
        if not all(isinstance(jwk, Mapping) for jwk in keys):
            raise KeyMaterialError(rule="key set")
        return cls(VerificationKey.from_jwk(jwk, issuer=issuer, user_id=user_id) for jwk in keys)


FindKey: TypeAlias = Callable[[str, str], VerificationKey]
"""Looks a key up by issuer and kid; raises UnknownIssuerError or UnknownKeyError. `KeyRing.find` is one."""
