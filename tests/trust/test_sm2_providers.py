"""The libraries that do SM2: right on the standard's example, of one mind, tidy when something fails."""

from __future__ import annotations

import gc
import sys
import threading
from collections import Counter
from ctypes.util import find_library
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.sm2_cases import (
    MESSAGE,
    PRIVATE,
    PROVIDERS,
    PUBLIC,
    SM2_KEY,
    N,
    R,
    S,
    loaded,
    number,
    private_of,
    provider_of,
)
from trust import sm2_gmssl, sm2_openssl
from trust.errors import KeyMaterialError, SuiteUnavailableError
from trust.sm2 import Sm2PrivateKey, Sm2PublicKey, signature_to_der
from trust.sm2_choice import LOADERS, choose_provider, passes_self_test
from trust.sm2_gmssl import GmsslProvider, load_gmssl
from trust.sm2_openssl import OpensslProvider, load_openssl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trust.sm2 import Sm2Provider

LIBRARIES = ("OpenSSL", "gmssl-pyx")


@PROVIDERS
def test_the_standards_signature_holds(library: str) -> None:
    """GB/T 32918.5 annex A: (r, s) of its message, key and user id."""
    provider = provider_of(library)
    assert provider.name.startswith(f"{library} ")
    assert provider.verify(PUBLIC, MESSAGE, R + S)
    assert passes_self_test(provider)


@PROVIDERS
@pytest.mark.parametrize("bit", range(0, 512, 7))
def test_no_flipped_bit_holds(library: str, bit: int) -> None:
    """The standard's signature with one bit changed is refused."""
    flipped = int.from_bytes(R + S, "big") ^ 1 << bit
    assert not provider_of(library).verify(PUBLIC, MESSAGE, flipped.to_bytes(64, "big"))


@PROVIDERS
@pytest.mark.parametrize(
    "signature",
    [
        b"",
        bytes(64),
        b"\xff" * 64,
        S + R,
        R + S[:-1],
        R + S + b"\0",
        number(1) + number(1),
        number(N - 1) + S,
        R + number(N - int.from_bytes(R, "big")),
        R + number(N - int.from_bytes(S, "big")),
        signature_to_der(R + S),
    ],
)
def test_what_is_no_signature_does_not_hold(library: str, signature: bytes) -> None:
    """Degenerate, swapped, negated, over-long and DER-written signatures are a no and nothing else."""
    assert provider_of(library).verify(PUBLIC, MESSAGE, signature) is False


@pytest.mark.parametrize("signer", LIBRARIES)
@pytest.mark.parametrize("verifier", LIBRARIES)
@pytest.mark.parametrize("user_id", [b"1234567812345678", b"x", b"a\0b", "重庆".encode(), b"x" * 128])
def test_one_library_believes_the_other(signer: str, verifier: str, user_id: bytes) -> None:
    """What one signs the other believes, under the same user id and under no other."""
    theirs, ours = provider_of(signer), provider_of(verifier)
    private = theirs.generate().with_user_id(user_id)
    for message in (b"", b"m", b"x" * 5000):
        signature = theirs.sign(private, message)
        assert len(signature) == 64
        assert ours.verify(private.public, message, signature)
        assert not ours.verify(private.public, message + b"\0", signature)
        assert not ours.verify(private.public.with_user_id(user_id[:-1] + b"?"), message, signature)
        assert not ours.verify(PUBLIC.with_user_id(user_id), message, signature)


@PROVIDERS
@given(message=st.binary(max_size=300))
def test_a_provider_believes_itself(library: str, message: bytes) -> None:
    """Any message survives the round trip; no two signatures are alike, as each has a random number of its own."""
    provider = provider_of(library)
    signatures = [provider.sign(PRIVATE, message) for _ in range(2)]
    assert signatures[0] != signatures[1]
    assert all(provider.verify(PUBLIC, message, signature) for signature in signatures)


@PROVIDERS
def test_each_made_key_is_another(library: str) -> None:
    """Made keys differ and are under the default user id."""
    keys = [provider_of(library).generate() for _ in range(5)]
    assert len({key.secret for key in keys}) == len({key.public for key in keys}) == 5
    assert {key.public.user_id for key in keys} == {PUBLIC.user_id}


@PROVIDERS
def test_several_threads_may_use_a_provider(library: str) -> None:
    """Keys that are made, used and dropped in four threads at once do not get in each other's way."""
    provider, wrong = provider_of(library), []

    def work() -> None:
        for count in range(20):
            private = provider.generate()
            message = str(count).encode()
            signature = provider.sign(private, message)
            if not provider.verify(private.public, message, signature) or provider.verify(PUBLIC, message, signature):
                wrong.append(count)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# The choice.


class Faulty:
    """A provider that is wrong in one way."""

    name = "faulty"

    def __init__(self, **answers: object) -> None:
        """Keep what to answer instead of what is right."""
        self._answers = answers

    def sign(self, private: Sm2PrivateKey, message: bytes) -> bytes:
        """Sign rightly, or answer as told."""
        if "error" in self._answers:
            raise KeyMaterialError
        return cast("bytes", self._answers.get("sign") or choose_provider().sign(private, message))

    def verify(self, public: Sm2PublicKey, message: bytes, signature: bytes) -> bool:
        """Verify rightly, or answer as told, or overlook what is told."""
        if self._answers.get("overlooks") == "user id":
            public = public.with_user_id(PUBLIC.user_id)
        if self._answers.get("overlooks") == "the end":
            message, signature = message[: len(MESSAGE)], signature[:-1] + S[-1:]
        return cast("bool", self._answers.get("verify", choose_provider().verify(public, message, signature)))

    def generate(self) -> Sm2PrivateKey:
        """Is not asked."""
        raise AssertionError


@pytest.mark.parametrize(
    ("faulty", "passes"),
    [
        (Faulty(), True),
        (Faulty(verify=True), False),
        (Faulty(verify=False), False),
        (Faulty(overlooks="user id"), False),
        (Faulty(overlooks="the end"), False),
        (Faulty(sign=bytes(64)), False),
        (Faulty(error=True), False),
    ],
)
def test_the_self_test_sees_what_is_wrong(faulty: Faulty, *, passes: bool) -> None:
    """A provider that believes too much, too little, or cannot sign does not pass."""
    assert passes_self_test(faulty) is passes


def loader(provider: Sm2Provider | None, calls: list[str]) -> Callable[[], Sm2Provider | None]:
    """Give a loader that is told apart from all others and counts."""

    def load() -> Sm2Provider | None:
        calls.append("")
        return provider

    return load


def test_the_first_that_passes_is_taken_once() -> None:
    """An absent and a faulty library are passed over; the choice is made once."""
    good = Faulty()
    calls: list[str] = []
    providers = (("absent", None), ("liar", Faulty(verify=True)), ("good", good), ("next", Faulty()))
    loaders = tuple((name, loader(provider, calls)) for name, provider in providers)
    assert choose_provider(loaders) is good
    assert choose_provider(loaders) is good
    assert len(calls) == 3


def test_without_a_library_the_suite_is_refused() -> None:
    """The error says what was tried, and a second question does not look again."""
    calls: list[str] = []
    loaders = (("one", loader(None, calls)), ("other", loader(Faulty(verify=True), calls)))
    with pytest.raises(SuiteUnavailableError):
        choose_provider(loaders)
    with pytest.raises(SuiteUnavailableError) as caught:
        choose_provider(loaders)
    assert caught.value.metadata == {"suite": "SGD_SM3_SM2", "tried": "one is absent; other fails its self-test"}
    assert len(calls) == 2


def test_openssl_is_taken_before_gmssl() -> None:
    """The faster library comes first."""
    assert [name for name, _ in LOADERS] == list(LIBRARIES)
    present = [library for library in LIBRARIES if loaded(library)]
    assert choose_provider().name.startswith(present[0])


# gmssl-pyx: what it does that ours does not do.


class InnerError(Exception):
    """Stands for the library's own error."""


def broken(**functions: object) -> GmsslProvider:
    """Give a provider over a library of which every function fails."""

    def fail(*_: object) -> object:
        raise InnerError

    names = dict.fromkeys(("sm2_sign_sm3_digest", "sm2_verify_sm3_digest", "sm2_key_generate"), fail)
    library = SimpleNamespace(GmsslInnerError=InnerError, version="0", **{**names, **functions})
    return GmsslProvider(cast("ModuleType", library))


def test_an_error_of_gmssl_is_ours() -> None:
    """Signing and making keys fail with an error of ours, verifying with a no."""
    provider = broken()
    assert provider.name == "gmssl-pyx 0"
    with pytest.raises(KeyMaterialError):
        provider.sign(PRIVATE, MESSAGE)
    with pytest.raises(KeyMaterialError):
        provider.generate()
    assert provider.verify(PUBLIC, MESSAGE, R + S) is False
    assert provider.verify(PUBLIC, MESSAGE, b"") is False


def test_rubbish_of_gmssl_is_not_believed() -> None:
    """A library that answers with something else than it should is refused, or means no."""
    assert broken(sm2_verify_sm3_digest=lambda *_: 1).verify(PUBLIC, MESSAGE, R + S) is False
    with pytest.raises(KeyMaterialError):
        broken(sm2_sign_sm3_digest=lambda *_: b"").sign(PRIVATE, MESSAGE)
    with pytest.raises(KeyMaterialError):
        broken(sm2_key_generate=lambda: (bytes(64), bytes(32))).generate()


def test_gmssl_is_loaded_if_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is optional."""
    module = ModuleType("gmssl_pyx")
    module.__dict__["version"] = "9"
    monkeypatch.setattr(sm2_gmssl, "import_module", lambda _name: module)
    provider = load_gmssl()
    assert provider is not None
    assert provider.name == "gmssl-pyx 9"
    sign, point = (lambda *_: signature_to_der(R + S)), (PUBLIC.point, PRIVATE.secret)
    working = broken(sm2_sign_sm3_digest=sign, sm2_verify_sm3_digest=lambda *_: True, sm2_key_generate=lambda: point)
    assert working.sign(PRIVATE, MESSAGE) == R + S
    assert working.verify(PUBLIC, MESSAGE, R + S)
    assert working.generate().public == PUBLIC

    def absent(_name: str) -> ModuleType:
        raise ModuleNotFoundError

    monkeypatch.setattr(sm2_gmssl, "import_module", absent)
    assert load_gmssl() is None


# OpenSSL: what is looked for, and what is freed.


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
