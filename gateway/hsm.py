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
_WORDS: Final = {
    "NoSuchToken": "it has no token of this label",
    "NoSuchKey": "its token has no key pair of this label",
    "PinIncorrect": "it refuses the PIN",
    "PinLocked": "its PIN is locked",
    "RuntimeError": "its library cannot be loaded",
    "PKCS11Error": "its library cannot be loaded",
}
"""What the library's errors mean for the operator, by their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HardwareKey:
    """Where a key lies: the library of the module, the label of the token and of the key pair, and the user's PIN."""

    module: str
    token: str
    key: str
    pin: str = field(repr=False)


class HardwareToken:
    """One session with one token of a module, for all keys that lie there: a module logs a user in once.

    Args:
        where: names module, token and PIN.

    Raises:
        SettingsError: the package is missing.
    """

    def __init__(self, where: HardwareKey) -> None:
        """Open nothing yet."""
        self.library = _load()
        self.failures: type[Exception] = self.library.exceptions.PKCS11Error
        self.lock = threading.RLock()
        self._where = where
        self._session: Any = None

    @property
    def session(self) -> Any:  # noqa: ANN401 - an object of the library
        """The session, opened where there is none (what the library raises)."""
        if self._session is None:
            token = self.library.lib(self._where.module).get_token(token_label=self._where.token)
            try:
                self._session = token.open(user_pin=self._where.pin)
            except self.library.exceptions.UserAlreadyLoggedIn:
                # Another part of this process has shown the PIN; a module asks for it once a process.
                self._session = token.open()
        return self._session

    def drop(self) -> None:
        """Give the session up; the next use opens another one."""
        session, self._session = self._session, None
        if session is not None:
            with suppress(self.failures):
                session.close()

    def public_key(self, label: str) -> PublicKey:
        """Read the public half of a key pair (SettingsError where no suite has such a key; what the library raises)."""
        kind = self.library.ObjectClass.PUBLIC_KEY
        return _public_key(self.library, self.session.get_key(object_class=kind, label=label))

    def find(self, label: str) -> PublicKey | None:
        """Look for the public half of a key pair that need not be there; a dropped session is opened again, once.

        Raises:
            KeyMaterialError: the module cannot be asked.
            SettingsError: no suite has such a key.
        """
        with self.lock:
            for _ in range(2):
                try:
                    return self.public_key(label)
                except self.library.exceptions.NoSuchKey:
                    return None
                except self.failures:
                    self.drop()
            raise KeyMaterialError(rule="hardware module")


class HardwareSigner:
    """Signs with a key in a hardware module: a `trust.signer.Signer`.

    Args:
        where: names the key.
        issuer: for whom it signs.
        kid: its name; the RFC 7638 thumbprint unless given.
        token: the session that it shares with others; one of its own unless given.

    Raises:
        SettingsError: the package is missing, or the module, the token or the key cannot be used; nothing that the
            operator wrote is repeated.
    """

    def __init__(
        self, where: HardwareKey, *, issuer: str, kid: str | None = None, token: HardwareToken | None = None
    ) -> None:
        """Log in, read the public half, and see that the private one belongs to it."""
        self._label = where.key
        self._token = HardwareToken(where) if token is None else token
        self._found_in: Any = None
        try:
            public_key = self._log_in()
        # The library raises its own RuntimeError where the file of the module is none.
        except (self._token.failures, RuntimeError, AttributeError) as error:
            self.close()
            raise _fault(_WORDS.get(type(error).__name__, type(error).__name__)) from error
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
        token = self._token
        with token.lock:
            try:
                # Another key may have opened a new session meanwhile; handles of the old one are dead.
                return self._sign(message) if self._found_in is token.session else self._find_and_sign(message)
            except token.failures:
                token.drop()
            try:
                return self._find_and_sign(message)
            except (token.failures, SettingsError) as error:
                raise KeyMaterialError(rule="hardware module") from error

    def close(self) -> None:
        """Log out, all keys of the token."""
        with self._token.lock:
            self._token.drop()

    def _find_and_sign(self, message: bytes) -> bytes:
        """Sign in a session in which the key was not looked for yet."""
        if self._log_in() != self._public.public_key:
            raise KeyMaterialError(rule="another key in the hardware module")
        return self._sign(message)

    def _sign(self, message: bytes) -> bytes:
        mechanism = self._token.library.Mechanism
        if self.algorithm == "EdDSA":
            return bytes(self._private.sign(message, mechanism=mechanism.EDDSA))
        digest = hashlib.sha256(message).digest()
        signature = bytes(self._private.sign(digest, mechanism=mechanism.ECDSA))
        s = int.from_bytes(signature[_HALF:], "big")
        return signature[:_HALF] + min(s, _P256_ORDER - s).to_bytes(_HALF, "big")

    def _log_in(self) -> PublicKey:
        """Find both halves of the key in the session; give the public one."""
        token = self._token
        session = token.session
        self._private = session.get_key(object_class=token.library.ObjectClass.PRIVATE_KEY, label=self._label)
        self._found_in = session
        return token.public_key(self._label)


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
