"""A key in a hardware module signs as a key in memory does: with SoftHSM2, and with a module that misbehaves."""

from __future__ import annotations

import sys
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import KeySet

from gateway.errors import SettingsError
from gateway.hsm import HardwareKey, HardwareSigner
from tests.fakes.softhsm import CURVES, PIN
from tests.trust.forge import GATEWAY, HOME, NOW, VISITED, recognition
from tests.trust.sm2_cases import SM2_KEY
from trust.countersign import countersign, prove
from trust.errors import KeyMaterialError
from trust.keys import KeyRing, thumbprint
from trust.signer import CallerTokenSigner, RecognitionSigner
from trust.status_list import StatusList, pack, sign_status_list, verify_status_list
from trust.verifier import CallerVerifier, RecognitionVerifier

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ALGORITHMS = pytest.mark.parametrize("algorithm", list(CURVES))
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")


def place(module: str = "module", **changes: str) -> HardwareKey:
    """Say where a key lies."""
    return HardwareKey(**{"module": module, "token": "region", "key": "ES256", "pin": PIN, **changes})


@ALGORITHMS
def test_a_module_signs_recognitions(softhsm: str, algorithm: str) -> None:
    """Our verifier and another library believe them; the key's name is its thumbprint; a closed session is no end."""
    signer = HardwareSigner(place(softhsm, key=algorithm), issuer=HOME)
    assert (signer.algorithm, signer.kid) == (algorithm, thumbprint(signer.public().public_key))
    ring = KeyRing([signer.public()])
    issue = RecognitionSigner(signer).issue
    for jti in map(str, range(8)):
        token = issue(recognition(jti=jti))
        assert RecognitionVerifier(ring).verify(token, audience=VISITED, now=NOW).claims.jti == jti
        keys = KeySet.import_key_set(ring.jwks(HOME))  # type: ignore[arg-type]  # a plain dictionary
        assert jwt.decode(token, keys, algorithms=[algorithm]).claims["jti"] == jti
    signer.close()
    assert RecognitionVerifier(ring).verify(issue(recognition()), audience=VISITED, now=NOW).key == signer.public()
    signer.close()


def test_a_module_signs_everything_else(softhsm: str) -> None:
    """Callers' tokens, status lists and counter-signatures."""
    signer = HardwareSigner(place(softhsm), issuer=HOME, kid="hardware-1")
    ring = KeyRing([signer.public(), SM2_KEY.public()])
    token = CallerTokenSigner(signer, new_id=lambda: "1").issue(audience=GATEWAY, now=NOW, scopes=["card.verify"])
    assert CallerVerifier(ring).verify(token, audience=GATEWAY, now=NOW).key.kid == "hardware-1"
    uri = f"{HOME}/status/1"
    listed = StatusList(issuer=HOME, uri=uri, iat=NOW, exp=NOW + 60, ttl=15, statuses=pack({}, places=8))
    text = sign_status_list(listed, key=signer)
    assert verify_status_list(text, uri=uri, issuer=HOME, find=ring.find, now=NOW) == listed
    original = RecognitionSigner(SM2_KEY).issue(recognition())
    verified = RecognitionVerifier(ring).verify(original, audience=VISITED, now=NOW)
    proof = prove(original, countersign(original, verified, key=signer), find=ring.find)
    assert proof.counter_key.kid == "hardware-1"
    signer.close()


@pytest.mark.parametrize(
    "changes", [{"pin": "wrong-pin"}, {"token": "nobody"}, {"key": "nobody"}, {"module": "/no/such/module.so"}], ids=str
)
def test_a_module_that_cannot_be_used_is_told(softhsm: str, changes: dict[str, str]) -> None:
    """The operator learns that it is the module, and nothing that was written is repeated."""
    with pytest.raises(SettingsError) as caught:
        HardwareSigner(place(**{"module": softhsm, **changes}), issuer=HOME)
    assert "hardware module" in str(caught.value)
    assert not [text for text in (*changes.values(), PIN) if text in str(caught.value)]


class FakeError(RuntimeError):
    """What the library raises."""


class LoggedInError(FakeError):
    """What it raises where the PIN was shown before."""


class FakeModule:
    """A stand-in for `pkcs11` with one key pair; a test decides what goes wrong."""

    ObjectClass = SimpleNamespace(PRIVATE_KEY="private", PUBLIC_KEY="public")
    Attribute = SimpleNamespace(KEY_TYPE="type", EC_POINT="point")
    KeyType = SimpleNamespace(EC="EC", EC_EDWARDS="EC_EDWARDS")
    Mechanism = SimpleNamespace(ECDSA="ecdsa", EDDSA="eddsa")
    exceptions = SimpleNamespace(PKCS11Error=FakeError, UserAlreadyLoggedIn=LoggedInError)

    def __init__(self, algorithm: str = "ES256") -> None:
        """Make a key pair."""
        self.failures = 0
        self.opened = 0
        self.closed = 0
        self.change(algorithm)

    def change(self, algorithm: str) -> None:
        """Put another key pair in its place."""
        self.secret: Any = generate_private_key(SECP256R1()) if algorithm == "ES256" else Ed25519PrivateKey.generate()
        self.kind = "EC" if algorithm == "ES256" else "EC_EDWARDS"
        form = PublicFormat.UncompressedPoint if algorithm == "ES256" else PublicFormat.Raw
        encoding = Encoding.X962 if algorithm == "ES256" else Encoding.Raw
        self.point: bytes = self.secret.public_key().public_bytes(encoding, form)

    def lib(self, _module: str) -> FakeModule:
        """Be the library, too."""
        return self

    def get_token(self, *, token_label: str) -> FakeModule:
        """Be the token, too."""
        assert token_label == "region"
        return self

    def open(self, *, user_pin: str) -> FakeModule:
        """Be the session, too."""
        assert user_pin == PIN
        self.opened += 1
        return self

    def close(self) -> None:
        """Count, and fail as a session does that is gone."""
        self.closed += 1
        raise FakeError

    def get_key(self, *, object_class: str, label: str) -> Any:  # noqa: ANN401 - either half
        """Give the half that was asked for."""
        assert label == "ES256"
        return self if object_class == "private" else {"type": self.kind, "point": b"\x04\x41" + self.point}

    def sign(self, data: bytes, *, mechanism: str) -> bytes:
        """Sign with the high half of s, as modules do half of the time; or fail."""
        if self.failures:
            self.failures -= 1
            raise FakeError
        if mechanism == "eddsa":
            return bytes(self.secret.sign(data))
        assert len(data) == sha256().digest_size
        r, s = decode_dss_signature(self.secret.sign(data, ECDSA(Prehashed(SHA256()))))
        return r.to_bytes(32, "big") + max(s, N - s).to_bytes(32, "big")


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> FakeModule:
    """Put the stand-in where the package would be."""
    fake = FakeModule()
    monkeypatch.setitem(sys.modules, "pkcs11", fake)
    return fake


@ALGORITHMS
def test_what_a_module_gives_is_written_as_ours(module: FakeModule, algorithm: str) -> None:
    """64 bytes with s in the low half, whichever half the module chose."""
    module.change(algorithm)
    signer = HardwareSigner(place(), issuer=HOME)
    assert (signer.issuer, signer.algorithm) == (HOME, algorithm)
    token = RecognitionSigner(signer).issue(recognition())
    verified = RecognitionVerifier(KeyRing([signer.public()])).verify(token, audience=VISITED, now=NOW)
    assert verified.claims == recognition()
    signature = signer.sign(b"x")
    assert len(signature) == 64
    if algorithm == "ES256":
        assert int.from_bytes(signature[32:], "big") <= N // 2


def test_a_session_that_was_dropped_is_opened_again(module: FakeModule) -> None:
    """Once for each signature; a module that goes on failing is an error of ours."""
    signer = HardwareSigner(place(), issuer=HOME)
    module.failures = 1
    assert len(signer.sign(b"x")) == 64
    assert (module.opened, module.closed) == (2, 1)
    module.failures = 2
    with pytest.raises(KeyMaterialError) as caught:
        signer.sign(b"x")
    assert caught.value.metadata == {"rule": "hardware module"}
    signer.close()
    assert module.closed == 3


def test_another_key_under_the_same_label_does_not_sign(module: FakeModule) -> None:
    """A module whose key was replaced meanwhile does not sign under the old name."""
    signer = HardwareSigner(place(), issuer=HOME)
    module.change("ES256")
    module.failures = 1
    with pytest.raises(KeyMaterialError) as caught:
        signer.sign(b"x")
    assert caught.value.metadata == {"rule": "another key in the hardware module"}
    module.kind = "RSA"
    module.failures = 1
    with pytest.raises(KeyMaterialError):
        signer.sign(b"x")


def test_halves_that_do_not_belong_together_are_refused(module: FakeModule) -> None:
    """What is published would not verify what is signed."""
    module.point = FakeModule().point
    with pytest.raises(SettingsError) as caught:
        HardwareSigner(place(), issuer=HOME)
    assert "halves" in str(caught.value)


def test_keys_of_other_kinds_are_refused(module: FakeModule) -> None:
    """Another curve, a point off the curve, RSA: there is no suite for them."""
    other = generate_private_key(SECP384R1()).public_key()
    points = (other.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint), b"\x04" + bytes(64), b"")
    for point in points:
        module.point = point
        with pytest.raises(SettingsError):
            HardwareSigner(place(), issuer=HOME)
    module.kind = "RSA"
    with pytest.raises(SettingsError):
        HardwareSigner(place(), issuer=HOME)


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator learns which extra to install."""
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(SettingsError) as caught:
        HardwareSigner(place(), issuer=HOME)
    assert "extra `hsm`" in str(caught.value)


def test_the_pin_does_not_show() -> None:
    """The repr of where a key lies leaves the PIN out."""
    assert PIN not in repr(place())
