"""gmssl-pyx as a provider: optional, and its errors are ours."""

from __future__ import annotations

from types import ModuleType, SimpleNamespace
from typing import cast

import pytest

from tests.trust.sm2_cases import (
    MESSAGE,
    PRIVATE,
    PUBLIC,
    R,
    S,
)
from trust import sm2_gmssl
from trust.errors import KeyMaterialError
from trust.sm2 import signature_to_der
from trust.sm2_gmssl import GmsslProvider, load_gmssl


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
