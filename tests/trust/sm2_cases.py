"""The example of the standard, the providers that this machine has, and a key of SM2 for the tests. Nobody is real."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import pytest

from tests.trust.forge import CALLER_KEY, HOME, HOME_EDWARDS_KEY, HOME_KEY, NOW, REQUEST_HASH, VISITED
from trust.keys import KeyRing, SigningKey
from trust.sm2 import Sm2PrivateKey, Sm2PublicKey
from trust.sm2_choice import LOADERS
from trust.verifier import RecognitionVerifier

if TYPE_CHECKING:
    from trust.sm2 import Sm2Provider

# GB/T 32918.5 annex A.
D: Final = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
X: Final = bytes.fromhex("09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020")
Y: Final = bytes.fromhex("CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13")
E: Final = bytes.fromhex("F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640")
R: Final = bytes.fromhex("F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3")
S: Final = bytes.fromhex("B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA")
MESSAGE: Final = b"message digest"
PUBLIC: Final = Sm2PublicKey(X + Y)
PRIVATE: Final = Sm2PrivateKey(D, PUBLIC)

P: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
N: Final = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123

SM2_KEY: Final = SigningKey.generate("SGD_SM3_SM2", issuer=HOME)
SM2_RING: Final = KeyRing([SM2_KEY.public(), HOME_KEY.public(), HOME_EDWARDS_KEY.public(), CALLER_KEY.public()])

PROVIDERS = pytest.mark.parametrize("library", ["OpenSSL", "gmssl-pyx"])


@cache
def loaded(library: str) -> Sm2Provider | None:
    """Load a provider once."""
    return dict(LOADERS)[library]()


def provider_of(library: str) -> Sm2Provider:
    """Give a provider, or skip the test and say so."""
    provider = loaded(library)
    if provider is None:
        pytest.skip(f"NOT TESTED: this machine has no {library}")
    return provider


def private_of(key: SigningKey) -> Sm2PrivateKey:
    """Give the private key of SM2 in a signing key."""
    assert isinstance(key.private_key, Sm2PrivateKey)
    return key.private_key


def number(value: int) -> bytes:
    """Write half a signature, or a coordinate."""
    return value.to_bytes(32, "big")


def believed(token: str, ring: KeyRing = SM2_RING) -> object:
    """Verify a recognition and give its claims."""
    verifier = RecognitionVerifier(ring)
    return verifier.verify(token, audience=VISITED, now=NOW, request_hash=REQUEST_HASH, issuer=HOME).claims
