"""Which library does SM2: the self-test sees what is wrong, and the first that passes is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from tests.trust.sm2_cases import (
    MESSAGE,
    PUBLIC,
    S,
    loaded,
)
from trust.errors import KeyMaterialError, SuiteUnavailableError
from trust.sm2_choice import LOADERS, choose_provider, passes_self_test

if TYPE_CHECKING:
    from collections.abc import Callable

    from trust.sm2 import Sm2PrivateKey, Sm2Provider, Sm2PublicKey


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
    assert [name for name, _ in LOADERS] == ["OpenSSL", "gmssl-pyx"]
    present = [name for name, _ in LOADERS if loaded(name)]
    assert choose_provider().name.startswith(present[0])
