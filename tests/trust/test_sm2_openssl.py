"""OpenSSL as a provider: where it is looked for, what is freed, what is kept."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from ctypes.util import find_library
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.trust.sm2_cases import (
    MESSAGE,
    PRIVATE,
    PUBLIC,
    SM2_KEY,
    R,
    S,
    private_of,
    provider_of,
)
from trust import sm2_openssl
from trust.errors import KeyMaterialError
from trust.sm2 import Sm2PublicKey
from trust.sm2_openssl import OpensslProvider, load_openssl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trust.sm2 import Sm2Provider


def test_a_library_that_is_no_openssl_3_is_passed_over() -> None:
    """A missing library, and one without the functions, are none."""
    assert load_openssl(["lib-that-is-nowhere.so.3"]) is None
    assert load_openssl(name for name in (find_library("c"),) if name) is None
    assert load_openssl([]) is None


@pytest.mark.parametrize(
    ("platform", "found", "last"),
    [("linux", "libcrypto.so.9", "libcrypto.so.9"), ("linux", None, None), ("darwin", "libcrypto.dylib", None)],
)
def test_the_library_is_searched_for(
    monkeypatch: pytest.MonkeyPatch, platform: str, found: str | None, last: str | None
) -> None:
    """What the system names is tried last, but for macOS, which would end the process."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(sm2_openssl, "find_library", lambda _name: found)
    tried: list[str] = []

    def bind(name: str) -> SimpleNamespace:
        tried.append(name)
        raise OSError

    monkeypatch.setattr(sm2_openssl, "bind", bind)
    assert load_openssl() is None
    assert tried == [*sm2_openssl._NAMES, *([last] if last else [])]


MAKERS = {
    "EVP_MD_CTX_new": "EVP_MD_CTX_free",
    "EVP_PKEY_CTX_new_from_name": "EVP_PKEY_CTX_free",
    "d2i_AutoPrivateKey": "EVP_PKEY_free",
    "d2i_PUBKEY": "EVP_PKEY_free",
    "EVP_PKEY_generate": "EVP_PKEY_free",
}


class Watched:
    """The real library, watched: what is made and not freed, and what was called last; one function may fail."""

    def __init__(self, failing: str = "", answer: object = None) -> None:
        """Wrap each function of the real library."""
        provider = provider_of("OpenSSL")
        assert isinstance(provider, OpensslProvider)
        self.alive: Counter[str] = Counter()
        self.last = ""
        functions = {name: self._watch(name, function) for name, function in vars(provider._library).items()}
        if failing:
            functions[failing] = lambda *_: answer
        self.provider = OpensslProvider(SimpleNamespace(**functions))

    def _watch(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Count what a function makes or frees."""

        def call(*arguments: Any) -> Any:  # noqa: ANN401 - whatever the C function takes and gives
            self.last = name
            result = function(*arguments)
            if name in MAKERS and result:
                self.alive[MAKERS[name]] += 1
            elif name in MAKERS.values() and getattr(arguments[0], "value", arguments[0]):
                self.alive[name] -= 1
            return result

        return call


def uses(provider: Sm2Provider) -> Iterator[tuple[str, Callable[[], object]]]:
    """Give each use of a provider."""
    yield "sign", lambda: provider.sign(PRIVATE.with_user_id(b"u"), MESSAGE)
    yield "verify", lambda: provider.verify(PUBLIC.with_user_id(b"u"), MESSAGE, R + S)
    yield "generate", provider.generate


def refusal(use: Callable[[], object]) -> dict[str, str] | None:
    """Give what an error of ours says, but not the error, whose traceback would keep keys alive."""
    try:
        use()
    except KeyMaterialError as error:
        return error.metadata
    return None


FAILURES = [
    ("EVP_MD_CTX_new", None, "sign verify"),
    ("EVP_DigestSignInit_ex", 0, "sign"),
    ("EVP_DigestVerifyInit_ex", -1, "verify"),
    ("EVP_PKEY_CTX_set1_id", 0, "sign verify"),
    ("EVP_PKEY_CTX_set1_id", -2, "sign verify"),
    ("EVP_DigestSign", 0, "sign"),
    ("d2i_AutoPrivateKey", None, "sign"),
    ("d2i_PUBKEY", None, "verify"),
    ("EVP_PKEY_CTX_new_from_name", None, "generate"),
    ("EVP_PKEY_keygen_init", 0, "generate"),
    ("EVP_PKEY_generate", 0, "generate"),
    ("i2d_PrivateKey", -1, "generate"),
    ("i2d_PrivateKey", 0, "generate"),
    ("", None, ""),
]


@pytest.mark.parametrize(("failing", "answer", "hit"), FAILURES)
def test_nothing_is_left_behind(failing: str, answer: object, hit: str) -> None:
    """Whatever fails, everything made is freed, no error stays on the thread, and the error is ours."""
    watched = Watched(failing, answer)
    for name, use in uses(watched.provider):
        assert refusal(use) == ({"rule": "SM2 in OpenSSL"} if name in hit.split() else None)
        if not failing:
            assert watched.last in {"ERR_clear_error", "EVP_PKEY_free"}
    del use
    gc.collect()
    assert watched.alive.total() == 0
    assert not any(watched.alive.values())


@pytest.mark.parametrize("answer", [0, -1, 2])
def test_only_one_means_yes(answer: int) -> None:
    """OpenSSL answers 1 for a good signature; everything else is a no."""
    watched = Watched("EVP_DigestVerify", answer)
    assert watched.provider.verify(PUBLIC, MESSAGE, R + S) is False


def test_a_key_is_given_to_the_library_once_and_freed_with_ours() -> None:
    """To read a key costs a third of a verification, so it is kept for as long as our own key lives."""
    watched = Watched()
    public = Sm2PublicKey(private_of(SM2_KEY).public.point)
    for _ in range(3):
        watched.provider.verify(public, MESSAGE, R + S)
    assert watched.alive == {"EVP_PKEY_free": 1, "EVP_MD_CTX_free": 0}
    assert watched.provider.verify(Sm2PublicKey(public.point), MESSAGE, R + S) is False
    assert watched.alive["EVP_PKEY_free"] == 1
    del public
    gc.collect()
    assert watched.alive["EVP_PKEY_free"] == 0
