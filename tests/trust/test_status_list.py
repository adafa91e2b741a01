"""Token Status List: the vectors of the draft, hostile lists, and who may say what about whose tokens."""

from __future__ import annotations

import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import KeySet

from tests.trust.forge import (
    CALLER,
    CALLER_KEY,
    HOME,
    HOME_EDWARDS_KEY,
    HOME_KEY,
    NOW,
    RING,
    STRANGER_KEY,
    VISITED,
    seal,
    text_of,
)
from tests.trust.sm2_cases import SM2_KEY, SM2_RING
from trust.claims import StatusReference
from trust.encoding import encode_base64url
from trust.errors import (
    BadSignatureError,
    ClaimInvalidError,
    EmbeddedKeyError,
    ExpiredError,
    MalformedTokenError,
    NotYetValidError,
    RecognitionRevokedError,
    StatusUnknownError,
    TrustError,
    UnknownIssuerError,
    UnknownKeyError,
    WrongTypeError,
)
from trust.status_list import Status, Statuses, StatusList, pack, sign_status_list, verify_status_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trust.keys import SigningKey

URI = f"{HOME}/regions/chongqing/status/1"
KEYS = pytest.mark.parametrize("key", [HOME_KEY, HOME_EDWARDS_KEY], ids=["ES256", "EdDSA"])
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

MAX_READ = 65_536

# Appendix C of the draft: 2**20 places, these of them set.
ONE_BIT = (0, 1993, 25460, 159495, 495669, 554353, 645645, 723232, 854545, 934534, 1000345)
ONE_BIT_LIST = (
    "eNrt3AENwCAMAEGogklACtKQPg9LugC9k_ACvreiogEAAKkeCQAAAAAAAAAAAAAAAAAAAIBylgQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAXG9IAAAAAAAAAPwsJAAAAAAAAAAAAAAAvhsSAAAAAAAAAAAA7KpLAAAAAAAAAAAAAAAAAAAAAJsLCQAAAAAAAAAAADjelAA"
    "AAAAAAAAAKjDMAQAAAACAZC8L2AEb"
)


def statuses(**changes: object) -> StatusList:
    """Give a good list of 64 places, two of them revoked, with some of it changed."""
    values: dict[str, object] = {
        "issuer": HOME,
        "uri": URI,
        "iat": NOW,
        "exp": NOW + 600,
        "ttl": 15,
        "statuses": pack({3: Status.INVALID, 63: Status.INVALID}, places=64),
    }
    return StatusList(**{**values, **changes})  # type: ignore[arg-type]  # a test may give anything


def believed(text: str, *, now: int = NOW, uri: str = URI, issuer: str = HOME) -> StatusList:
    """Verify a list."""
    return verify_status_list(text, uri=uri, issuer=issuer, find=RING.find, now=now)


def forged(head: Mapping[str, object] | None = None, key: SigningKey = HOME_KEY, /, **changes: object) -> str:
    """Sign a changed list with the real key; None takes a claim away."""
    body = {name: value for name, value in {**statuses().to_payload(), **changes}.items() if value is not None}
    return seal(
        text_of({"alg": key.algorithm, "kid": key.kid, "typ": "statuslist+jwt", **(head or {})}), text_of(body), key
    )


def told(packed: bytes, bits: int = 1) -> dict[str, object]:
    """Give a list of these bytes as it stands in a token."""
    return {"bits": bits, "lst": encode_base64url(zlib.compress(packed))}


def test_the_draft_writes_the_same_bytes() -> None:
    """The examples of section 4.1, 1 and 2 bits, byte for byte."""
    one = pack(dict.fromkeys((0, 3, 4, 5, 7, 8, 9, 13, 15), Status.INVALID), places=16)
    assert (one.packed, one.compressed()) == (b"\xb9\xa3", "eNrbuRgAAhcBXQ")
    two = Statuses.read(2, "eNo76fITAAPfAgc")
    assert [two.at(i) for i in range(len(two))] == [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]


def test_the_draft_reads_as_it_says() -> None:
    """The long vector of 1 bit in appendix C, in both directions."""
    read = Statuses.read(1, ONE_BIT_LIST)
    assert len(read) == 2**20
    assert read == pack(dict.fromkeys(ONE_BIT, Status.INVALID), places=2**20)


@given(
    changed=st.dictionaries(st.integers(0, 199), st.sampled_from(list(Status))),
    bits=st.sampled_from([1, 2]),
)
def test_what_is_packed_is_read(changed: dict[int, Status], bits: int) -> None:
    """Every place keeps its state, and those beside it theirs."""
    fitting = {index: status for index, status in changed.items() if status >> bits == 0}
    packed = pack(fitting, places=200, bits=bits)
    read = Statuses.read(bits, packed.compressed())
    assert read == packed
    assert [read.at(index) for index in range(200)] == [fitting.get(index, Status.VALID) for index in range(200)]
    assert len(read) == 200


@pytest.mark.parametrize("index", [-1, 64, 2**31])
def test_a_place_beyond_the_list_has_no_state(index: int) -> None:
    """Neither before the first nor after the last, and never that of another."""
    with pytest.raises(IndexError):
        statuses().statuses.at(index)


@pytest.mark.parametrize(
    ("changed", "places", "bits"),
    [
        ({}, 8, 4),
        ({}, 8, 0),
        ({}, 8, True),
        ({}, 0, 1),
        ({}, 2**20 + 1, 1),
        ({8: Status.INVALID}, 8, 1),
        ({-1: Status.INVALID}, 8, 1),
        ({0: Status.SUSPENDED}, 8, 1),
    ],
)
def test_a_list_that_cannot_be_is_not_packed(changed: dict[int, Status], places: int, bits: int) -> None:
    """A state that needs more bits, a place that is none, a size that nobody reads."""
    with pytest.raises(ClaimInvalidError):
        pack(changed, places=places, bits=bits)


@KEYS
def test_a_signed_list_is_believed(key: SigningKey) -> None:
    """Our verifier and another library read the same list."""
    text = sign_status_list(statuses(), key=key)
    assert believed(text) == statuses()
    keys = KeySet.import_key_set(RING.jwks(HOME))  # type: ignore[arg-type]  # a plain dictionary
    theirs = jwt.decode(text, keys, algorithms=[key.algorithm])
    assert theirs.header == {"alg": key.algorithm, "kid": key.kid, "typ": "statuslist+jwt"}
    assert theirs.claims == {
        "iss": HOME,
        "sub": URI,
        "iat": NOW,
        "exp": NOW + 600,
        "ttl": 15,
        "status_list": {"bits": 1, "lst": statuses().statuses.compressed()},
    }


def test_a_list_is_signed_with_sm2_too() -> None:
    """The suite of the mainland leg signs lists as it signs recognitions."""
    text = sign_status_list(statuses(), key=SM2_KEY)
    assert verify_status_list(text, uri=URI, issuer=HOME, find=SM2_RING.find, now=NOW) == statuses()


def test_a_full_list_of_any_content_fits() -> None:
    """A list of 2**17 places that does not compress at all is still shorter than what is read."""
    noisy = Statuses(1, bytes(zlib.crc32(i.to_bytes(4, "big")) & 0xFF for i in range(2**14)))
    assert believed(sign_status_list(statuses(statuses=noisy), key=HOME_KEY)).statuses == noisy


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"iss": None}, ClaimInvalidError),
        ({"iss": VISITED}, ClaimInvalidError),
        ({"iss": [HOME]}, ClaimInvalidError),
        ({"sub": None}, ClaimInvalidError),
        ({"sub": URI + "0"}, ClaimInvalidError),
        ({"sub": "not an address"}, ClaimInvalidError),
        ({"iat": None}, ClaimInvalidError),
        ({"iat": "1800000000"}, ClaimInvalidError),
        ({"exp": None}, ClaimInvalidError),
        ({"exp": NOW}, ClaimInvalidError),
        ({"exp": NOW + 86_401}, ClaimInvalidError),
        ({"ttl": None}, ClaimInvalidError),
        ({"ttl": 0}, ClaimInvalidError),
        ({"ttl": -1}, ClaimInvalidError),
        ({"ttl": True}, ClaimInvalidError),
        ({"ttl": 15.5}, ClaimInvalidError),
        ({"aud": VISITED}, ClaimInvalidError),
        ({"status_list": None}, ClaimInvalidError),
        ({"status_list": "eNrbuRgAAhcBXQ"}, ClaimInvalidError),
        ({"status_list": {"lst": "eNrbuRgAAhcBXQ"}}, ClaimInvalidError),
        ({"status_list": {"bits": 1}}, ClaimInvalidError),
        *[
            ({"status_list": {"bits": bits, "lst": "eNrbuRgAAhcBXQ"}}, ClaimInvalidError)
            for bits in (0, 4, 8, "1", True)
        ],
        ({"status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXQ", "aggregation_uri": URI}}, ClaimInvalidError),
        ({"status_list": {"bits": 1, "lst": ""}}, ClaimInvalidError),
        ({"status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXQ=="}}, ClaimInvalidError),
        ({"status_list": {"bits": 1, "lst": "eNrbuRgAAhcBXA"}}, ClaimInvalidError),
        ({"status_list": {"bits": 1, "lst": "eNrbuRgAAhcB"}}, ClaimInvalidError),
        ({"status_list": {"bits": 1, "lst": encode_base64url(zlib.compress(b"ab") + b"x")}}, ClaimInvalidError),
        ({"status_list": {"bits": 1, "lst": encode_base64url(b"\xb9\xa3")}}, ClaimInvalidError),
        ({"status_list": {"bits": 1, "lst": [1]}}, ClaimInvalidError),
        ({"status_list": told(b"")}, ClaimInvalidError),
        ({"status_list": told(bytes(2**17 + 1))}, ClaimInvalidError),
        ({"status_list": told(bytes(2**18 + 1), bits=2)}, ClaimInvalidError),
        ({"iat": NOW + 11}, NotYetValidError),
        ({"iat": NOW - 700, "exp": NOW - 100}, ExpiredError),
        ({"iat": NOW - 600, "exp": NOW}, ExpiredError),
    ],
    ids=str,
)
def test_a_list_against_its_rules_is_refused(changes: dict[str, object], error: type[TrustError]) -> None:
    """Each fault under a good signature meets its own error."""
    with pytest.raises(TrustError) as caught:
        believed(forged(**changes))
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (forged({"typ": "onecard-recognition+jwt"}), WrongTypeError),
        (forged({"typ": "JWT"}), WrongTypeError),
        (forged({"jwk": {}}), EmbeddedKeyError),
        (forged({"kid": "another"}), UnknownKeyError),
        (forged(None, STRANGER_KEY), BadSignatureError),
        (forged() + "=", MalformedTokenError),
        ("", MalformedTokenError),
        ("<html>", MalformedTokenError),
        ("A" * 70_000, MalformedTokenError),
    ],
)
def test_what_is_no_list_of_the_issuer_is_refused(text: str, error: type[TrustError]) -> None:
    """TF4, TF8, TF14, TF15: the strict parser and the issuer's key stand before every list."""
    with pytest.raises(TrustError) as caught:
        believed(text)
    assert type(caught.value) is error


def test_a_list_of_another_issuer_says_nothing() -> None:
    """Whoever has a key of its own cannot speak of the tokens of others."""
    with pytest.raises(ClaimInvalidError):
        believed(forged(iss=CALLER))
    with pytest.raises(UnknownIssuerError):
        believed(forged(iss="https://nobody.example"), issuer="https://nobody.example")
    with pytest.raises(UnknownKeyError):
        verify_status_list(forged(), uri=URI, issuer=HOME, find=lambda _issuer, _kid: CALLER_KEY.public(), now=NOW)


def test_a_bomb_is_not_unpacked() -> None:
    """A few kilobytes that promise 64 MiB cost no more than the longest list."""
    bomb = forged(status_list=told(bytes(2**26)))
    assert len(bomb) > MAX_READ
    bomb = forged(status_list=told(bytes(2**24)))
    assert len(bomb) < MAX_READ
    tracemalloc.start()
    try:
        with pytest.raises(ClaimInvalidError):
            believed(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()


def test_a_revoked_token_is_named_so() -> None:
    """Revoked, suspended, valid, and what nobody knows."""
    two_bits = statuses(statuses=Statuses(2, bytes([0b11_10_01_00])))
    two_bits.demand_valid(StatusReference(uri=URI, index=0))
    for index, status in ((1, "revoked"), (2, "suspended")):
        with pytest.raises(RecognitionRevokedError) as caught:
            two_bits.demand_valid(StatusReference(uri=URI, index=index))
        assert caught.value.metadata == {"issuer": HOME, "status": status}
    for reference in (
        StatusReference(uri=URI, index=3),
        StatusReference(uri=URI, index=4),
        StatusReference(uri=URI + "1", index=0),
    ):
        with pytest.raises(StatusUnknownError):
            two_bits.demand_valid(reference)


def test_a_list_for_others_is_not_signed() -> None:
    """The signer signs for its own issuer, and only what a reader accepts."""
    with pytest.raises(ClaimInvalidError):
        sign_status_list(statuses(issuer=VISITED), key=HOME_KEY)
    with pytest.raises(ClaimInvalidError):
        sign_status_list(statuses(exp=NOW), key=HOME_KEY)


def test_the_states_do_not_show() -> None:
    """The repr of a list does not pour out its bytes."""
    assert "packed" not in repr(statuses())
