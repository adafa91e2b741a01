"""Which library does SM2: the first that is there and passes its self-test, OpenSSL before gmssl-pyx as it is faster.

The choice is made once, when a key of the suite is first made, read or used. A gateway that has such a key, its own
or a peer's, calls `choose_provider` when it starts, and so does not start where no library passes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final, TypeAlias

from trust.errors import KeyMaterialError, SuiteUnavailableError
from trust.sm2 import Sm2PrivateKey, Sm2Provider, Sm2PublicKey
from trust.sm2_gmssl import load_gmssl
from trust.sm2_openssl import load_openssl

Loader: TypeAlias = Callable[[], Sm2Provider | None]
"""Loads a library; None where it is absent."""

SUITE: Final = "SGD_SM3_SM2"
LOADERS: Final[tuple[tuple[str, Loader], ...]] = (("OpenSSL", load_openssl), ("gmssl-pyx", load_gmssl))

# GB/T 32918.5 annex A, the example of signing, under the default user id. Its random number cannot be given to a
# library, so its signature is verified, and one of our own is made and verified.
_MESSAGE: Final = b"message digest"
_KEY: Final = Sm2PrivateKey(
    bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"),
    Sm2PublicKey(
        bytes.fromhex(
            "09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
            "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
        )
    ),
)
_SIGNATURE: Final = bytes.fromhex(
    "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)


def passes_self_test(provider: Sm2Provider) -> bool:
    """Tell whether a provider believes what it must, refuses what it must, and signs what it believes."""
    try:
        return _believes_and_refuses(provider) and signs_what_it_verifies(provider, _KEY)
    except KeyMaterialError:
        return False


def signs_what_it_verifies(provider: Sm2Provider, private: Sm2PrivateKey) -> bool:
    """Tell whether the halves of a key belong together.

    Raises:
        KeyMaterialError: the library cannot use the key.
    """
    return provider.verify(private.public, _MESSAGE, provider.sign(private, _MESSAGE))


def _believes_and_refuses(provider: Sm2Provider) -> bool:
    """Verify the example of the standard, and three that differ from it in message, signature or user id."""
    public = _KEY.public
    wrong = (
        provider.verify(public, _MESSAGE + b".", _SIGNATURE),
        provider.verify(public, _MESSAGE, _SIGNATURE[:-1] + bytes([_SIGNATURE[-1] ^ 1])),
        provider.verify(public.with_user_id(b"another"), _MESSAGE, _SIGNATURE),
    )
    return provider.verify(public, _MESSAGE, _SIGNATURE) and not any(wrong)


def choose_provider(loaders: tuple[tuple[str, Loader], ...] = LOADERS) -> Sm2Provider:
    """Give the provider that this process uses.

    Raises:
        SuiteUnavailableError: no library is there that passes the self-test; the metadata says what was tried.
    """
    provider, tried = _survey(loaders)
    if provider is None:
        raise SuiteUnavailableError(suite=SUITE, tried=tried)
    return provider


@cache
def _survey(loaders: tuple[tuple[str, Loader], ...]) -> tuple[Sm2Provider | None, str]:
    """Load one library after the other, once for each process; a failure is remembered too, as tokens may ask often."""
    tried = []
    for name, load in loaders:
        provider = load()
        if provider is not None and passes_self_test(provider):
            return provider, ""
        tried.append(f"{name} {'is absent' if provider is None else 'fails its self-test'}")
    return None, "; ".join(tried)
