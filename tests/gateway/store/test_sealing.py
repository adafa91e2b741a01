"""Sealed values: they open with their key in their place and nowhere else, and tell nothing of what they hold."""

from __future__ import annotations

from itertools import count

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import SettingsError, StoreUnavailableError
from gateway.store import sealing
from gateway.store.sealing import KEY_BYTES, OVERHEAD_BYTES, CipherName, Sealer, SealingKey, sealed_by

CIPHERS = list(CipherName)
OLD, NEW = (SealingKey.new(CipherName.AES) for _ in range(2))


@pytest.mark.parametrize("cipher", CIPHERS)
def test_what_was_sealed_opens(cipher: CipherName) -> None:
    """With the same key and context; nothing of it can be seen, and it is never sealed the same way twice."""
    sealer = Sealer([SealingKey.new(cipher)])
    plain = "测试甲 canary".encode()
    sealed = [sealer.seal(plain, context=b"row 1") for _ in range(2)]
    assert [sealer.open(one, context=b"row 1") for one in sealed] == [plain] * 2
    assert sealed[0] != sealed[1]
    assert all(plain not in one and len(one) == len(plain) + OVERHEAD_BYTES for one in sealed)
    assert sealed_by(sealed[0]) == sealer.newest


@given(cipher=st.sampled_from(CIPHERS), plain=st.binary(max_size=200), context=st.binary(max_size=50), data=st.data())
def test_whatever_is_changed_does_not_open(
    cipher: CipherName, plain: bytes, context: bytes, data: st.DataObject
) -> None:
    """A bit of the value, its length or its context: each of them is noticed."""
    sealer = Sealer([SealingKey(cipher, b"k" * KEY_BYTES[cipher])])
    sealed = sealer.seal(plain, context=context)
    assert sealer.open(sealed, context=context) == plain
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    changed = bytearray(sealed)
    changed[bit // 8] ^= 1 << bit % 8
    for value, under in ((bytes(changed), context), (sealed[:-1], context), (sealed, context + b"x")):
        with pytest.raises(StoreUnavailableError):
            sealer.open(value, context=under)


@pytest.mark.parametrize(
    ("value", "fault"),
    [(b"", "not_sealed"), (b"\x02" + bytes(60), "not_sealed"), (b"\x01" + bytes(60), "sealed_with_unknown_key")],
)
def test_what_is_no_sealed_value_is_told(value: bytes, fault: str) -> None:
    """Too short, of another form, or with a key that nobody has."""
    with pytest.raises(StoreUnavailableError) as refused:
        Sealer([NEW]).open(value, context=b"")
    assert refused.value.metadata == {"fault": fault}


def test_a_new_key_seals_and_the_old_one_still_opens() -> None:
    """After a rotation, and in a replica that learns of it from a value that it cannot open."""
    keys = [OLD]
    before, late = Sealer([OLD]), Sealer([OLD], more=lambda: keys)
    after = Sealer([NEW, OLD])
    old, new = before.seal(b"x", context=b"c"), after.seal(b"x", context=b"c")
    assert after.open(old, context=b"c") == b"x"
    assert (sealed_by(old), sealed_by(new)) == (OLD.id, NEW.id)
    with pytest.raises(StoreUnavailableError):
        late.open(new, context=b"c")
    keys.insert(0, NEW)
    assert late.open(new, context=b"c") == b"x"
    assert late.newest == NEW.id


def test_no_nonce_comes_twice() -> None:
    """Not when the counter is at its end either: it begins anew behind other random bytes."""
    sealer = Sealer([NEW])
    sealer._series = (sealer._series[0], count(2**32 - 2))
    nonces = [sealer._nonce() for _ in range(4)]
    assert len(set(nonces)) == 4
    assert nonces[0][:8] == nonces[1][:8] != nonces[2][:8]
    assert nonces[2][8:] == bytes(4)


def test_a_key_is_no_text() -> None:
    """It is not in its own repr, its id is not a part of it, and no two ciphers share one."""
    key = SealingKey(CipherName.SM4, b"secret-canary-16")
    assert "canary" not in repr(key)
    assert key.id not in key.secret
    with pytest.raises(SettingsError, match="32 bytes"):
        SealingKey(CipherName.AES, b"short")
    with pytest.raises(SettingsError, match="there is no key"):
        Sealer([])


def test_a_cipher_that_is_not_there_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the OpenSSL of a machine has no SM4 the operator is told, before anything is sealed."""

    def unsupported(*_arguments: object) -> None:
        raise UnsupportedAlgorithm("cipher")

    monkeypatch.setattr(sealing, "Cipher", unsupported)
    with pytest.raises(SettingsError, match="has no SM4-GCM"):
        Sealer([SealingKey.new(CipherName.SM4)])


def test_sm4_is_that_of_the_standard() -> None:
    """RFC 8998 appendix A.1: the published example of SM4-GCM."""
    key = sealing._Sm4(bytes.fromhex("0123456789ABCDEFFEDCBA9876543210"))
    nonce = bytes.fromhex("00001234567800000000ABCD")
    associated = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    plain = bytes.fromhex("AA" * 8 + "BB" * 8 + "CC" * 8 + "DD" * 8 + "EE" * 8 + "FF" * 8 + "EE" * 8 + "AA" * 8)
    sealed = key.encrypt(nonce, plain, associated)
    assert sealed[:16].hex().upper() == "17F399F08C67D5EE19D0DC9969C4BB7D"
    assert sealed[-16:].hex().upper() == "83DE3541E4C2B58177E065A9BF7B62EC"
    assert key.decrypt(nonce, sealed, associated) == plain
