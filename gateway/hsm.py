"""A signer whose key never leaves a hardware module, spoken to over PKCS#11 (OASIS, version 2.40 and later).

The module signs digests (CKM_ECDSA) or messages (CKM_EDDSA); what it gives is written as every other signature of the
suite. Modules have no agreed mechanism for SM2, so such a key is refused. A signature costs a call to the module, in
the thread of the caller. The package `python-pkcs11` comes with the extra `hsm` and is imported when it is needed.
"""

from __future__ import annotations

import hashlib
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.errors import SettingsError
from trust.errors import KeyMaterialError
from trust.keys import VerificationKey, thumbprint
from trust.suites import SUITES, PublicKey, suite_of

if TYPE_CHECKING:
    from types import ModuleType

_HALF: Final = 32
_POINT_BYTES: Final = 65
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_TEST_MESSAGE: Final = b"onecard hardware module self-test"


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareKey:
    """Where a key lies: the library of the module, the label of the token and of the key pair, and the user's PIN."""

    module: str
    token: str
    key: str
    pin: str = field(repr=False)


class HardwareSigner:
    """Signs with a key in a hardware module: a `trust.signer.Signer`.

    Args:
        where: names the key.
        issuer: for whom it signs.
        kid: its name; the RFC 7638 thumbprint unless given.

    Raises:
        SettingsError: the package is missing, or the module, the token or the key cannot be used; nothing that the
            operator wrote is repeated.
    """

    def __init__(self, where: HardwareKey, *, issuer: str, kid: str | None = None) -> None:
        """Log in, read the public half, and see that the private one belongs to it."""
        self._where = where
        self._library = _load()
        self._failures: type[Exception] = self._library.exceptions.PKCS11Error
        self._lock = threading.Lock()
        self._session: Any = None
        try:
            public_key = self._log_in()
        # The library raises its own RuntimeError where the file of the module is none.
        except (self._failures, RuntimeError, AttributeError) as error:
            raise _fault(type(error).__name__) from error
        suite = suite_of(public_key)
        self._public = VerificationKey(
            issuer=issuer,
            kid=thumbprint(public_key) if kid is None else kid,
            algorithm=suite.name,
            public_key=public_key,
        )
        if not SUITES[suite.name].algorithm.verify(_TEST_MESSAGE, public_key, self.sign(_TEST_MESSAGE)):
            raise _fault("the halves of the key do not belong together")

    @property
    def issuer(self) -> str:
        """For whom it signs."""
        return self._public.issuer

    @property
    def kid(self) -> str:
        """The name of the key."""
        return self._public.kid

    @property
    def algorithm(self) -> str:
        """The name of the suite."""
        return self._public.algorithm

    def public(self) -> VerificationKey:
        """Give the public half."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """Sign; 64 bytes. A session that the module has dropped is opened again, once.

        Raises:
            KeyMaterialError: the module does not sign.
        """
        with self._lock:
            try:
                return self._sign(message)
            except self._failures:
                return self._sign_again(message)

    def close(self) -> None:
        """Log out."""
        with self._lock, suppress(self._failures):
            self._session.close()

    def _sign_again(self, message: bytes) -> bytes:
        with suppress(self._failures):
            self._session.close()
        try:
            if self._log_in() == self._public.public_key:
                return self._sign(message)
        except (self._failures, SettingsError) as error:
            raise KeyMaterialError(rule="hardware module") from error
        raise KeyMaterialError(rule="another key in the hardware module")

    def _sign(self, message: bytes) -> bytes:
        mechanism = self._library.Mechanism
        if self.algorithm == "EdDSA":
            return bytes(self._private.sign(message, mechanism=mechanism.EDDSA))
        digest = hashlib.sha256(message).digest()
        signature = bytes(self._private.sign(digest, mechanism=mechanism.ECDSA))
        s = int.from_bytes(signature[_HALF:], "big")
        return signature[:_HALF] + min(s, _P256_ORDER - s).to_bytes(_HALF, "big")

    def _log_in(self) -> PublicKey:
        """Open a session and find both halves of the key; give the public one."""
        library, where = self._library, self._where
        token = library.lib(where.module).get_token(token_label=where.token)
        self._session = token.open(user_pin=where.pin)
        kinds = library.ObjectClass
        self._private = self._session.get_key(object_class=kinds.PRIVATE_KEY, label=where.key)
        public = self._session.get_key(object_class=kinds.PUBLIC_KEY, label=where.key)
        return _public_key(library, public)


def _load() -> ModuleType:
    try:
        return import_module("pkcs11")
    except ImportError as error:
        message = "hardware module: python-pkcs11 is not installed; install the gateway with its extra `hsm`"
        raise SettingsError((message,)) from error


def _fault(what: str) -> SettingsError:
    return SettingsError((f"hardware module: {what}",))


def _public_key(library: ModuleType, public: Any) -> PublicKey:  # noqa: ANN401 - an object of the library
    """Read a public key whose point stands, with or without a DER head, at the end of the attribute (CKA_EC_POINT)."""
    kind, point = public[library.Attribute.KEY_TYPE], bytes(public[library.Attribute.EC_POINT])
    try:
        if kind == library.KeyType.EC_EDWARDS:
            return Ed25519PublicKey.from_public_bytes(point[-_HALF:])
        if kind == library.KeyType.EC:
            return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point[-_POINT_BYTES:])
    except ValueError as error:
        raise _fault("the key is not one of P-256 or Ed25519") from error
    raise _fault("the key is not one of P-256 or Ed25519")
