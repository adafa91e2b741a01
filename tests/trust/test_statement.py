"""The form of entity statements, their signing, and static chains: strict, bounded, and never another error."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.alliance import (
    CITY,
    DAY,
    HOME,
    KEYS,
    NOW,
    SOUTHWEST,
    VISITED,
    about,
    configuration,
    metadata,
    short,
    signed,
)
from tests.trust.forge import seal, text_of
from tests.trust.test_entity import BARE_STATEMENT, FULL_CONFIGURATION, forged, head
from trust.entity import EntityConfiguration, SubordinateStatement
from trust.errors import (
    AlgorithmNotAllowedError,
    ClaimInvalidError,
    EmbeddedKeyError,
    KeyMaterialError,
    KeyUseError,
    MalformedTokenError,
    PolicyConflictError,
    TrustError,
    UnknownKeyError,
    WrongTypeError,
)
from trust.jws import MAX_STATEMENT_LENGTH
from trust.keys import SigningKey
from trust.metadata_policy import MetadataPolicy
from trust.statement import read_chain, read_statement, sign_statement, write_chain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trust.entity import EntityClaims


@pytest.mark.parametrize(
    ("jwk", "error"),
    [
        ({"use": "enc"}, KeyUseError),
        ({"key_ops": ["encrypt"]}, KeyUseError),
        ({"alg": "none"}, AlgorithmNotAllowedError),
        ({"d": "x"}, KeyMaterialError),
        ({"x": "AA"}, KeyMaterialError),
        ({"kid": "a/b"}, KeyMaterialError),
    ],
)
def test_a_key_that_is_not_good_refuses_the_statement(jwk: Mapping[str, object], error: type[TrustError]) -> None:
    """TF7: a key set is read as strictly here as anywhere."""
    keys = {"keys": [{**KEYS[HOME].public().to_jwk(), **jwk}]}
    with pytest.raises(error):
        read_statement(forged(FULL_CONFIGURATION, jwks=keys))


def test_a_key_set_holds_sixteen_keys_at_most_and_no_kid_twice() -> None:
    """The work that a statement can cause is bounded."""
    jwk = KEYS[HOME].public().to_jwk()
    sixteen = [jwk, *({**jwk, "kid": f"k{n}"} for n in range(15))]
    assert len(read_statement(forged(FULL_CONFIGURATION, jwks={"keys": sixteen})).claims.keys) == 16
    for keys in ([*sixteen, {**jwk, "kid": "k15"}], [jwk, jwk], []):
        with pytest.raises(KeyMaterialError):
            read_statement(forged(FULL_CONFIGURATION, jwks={"keys": keys}))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"typ": "onecard-recognition+jwt"}, WrongTypeError),
        ({"typ": "Entity-Statement+jwt"}, WrongTypeError),
        ({"typ": 1}, WrongTypeError),
        ({"alg": "none"}, AlgorithmNotAllowedError),
        ({"alg": "HS256"}, AlgorithmNotAllowedError),
        ({"jwk": {}}, EmbeddedKeyError),
        ({"trust_chain": []}, MalformedTokenError),
        ({"crit": ["b64"]}, MalformedTokenError),
        ({"kid": "../x"}, UnknownKeyError),
    ],
)
def test_the_header_is_closed(changes: Mapping[str, object], error: type[TrustError]) -> None:
    """TF15: the type is exact; keys and chains do not travel in a header."""
    text = seal(text_of(head(FULL_CONFIGURATION, **changes)), text_of(FULL_CONFIGURATION.to_payload()), KEYS[HOME])
    with pytest.raises(error):
        read_statement(text)


def test_a_statement_may_be_longer_than_a_token_but_not_than_64_kib() -> None:
    """A statement of many parameters is read, a longer one is neither signed nor read."""
    long = configuration(HOME, metadata=metadata({"t": {f"p{n}": "x" * 4000 for n in range(11)}}))
    text = signed(long)
    assert 32_768 < len(text) <= MAX_STATEMENT_LENGTH
    assert read_statement(text).claims == long
    over = replace(long, metadata=metadata({"t": {f"p{n}": "x" * 4000 for n in range(13)}}))
    with pytest.raises(MalformedTokenError):
        signed(over)
    with pytest.raises(MalformedTokenError):
        read_statement(forged(over))
    with pytest.raises(MalformedTokenError):
        read_statement(forged(long, metadata={"t": {"p": [[]] * 500}}))


def test_nobody_signs_what_he_could_not_read() -> None:
    """The signer refuses a claim against its rule, another's name, and a key that the configuration does not list."""
    faults: list[tuple[EntityClaims, SigningKey]] = [
        (configuration(HOME, exp=NOW - 2 * DAY), KEYS[HOME]),
        (configuration(HOME), KEYS[VISITED]),
        (configuration(HOME), SigningKey.generate("ES256", issuer=HOME)),
        (configuration(HOME), SigningKey.generate("ES256", issuer=HOME, kid=KEYS[HOME].kid)),
        (about(SOUTHWEST, HOME), KEYS[HOME]),
        (about(SOUTHWEST, HOME, version=0), KEYS[SOUTHWEST]),
    ]
    for claims, key in faults:
        with pytest.raises(ClaimInvalidError):
            sign_statement(claims, key=key)
    with pytest.raises(PolicyConflictError):
        signed(about(SOUTHWEST, HOME, metadata_policy=MetadataPolicy({"t": {"p": {"add": ("a",), "one_of": ("a",)}}})))


def test_the_digest_is_of_the_content() -> None:
    """Signed again the content has the same digest; changed by a second it has another."""
    claims = configuration(HOME)
    assert read_statement(signed(claims)).digest == read_statement(signed(claims)).digest
    assert read_statement(signed(claims)).digest != read_statement(signed(replace(claims, iat=claims.iat + 1))).digest


def test_a_configuration_speaks_of_itself() -> None:
    """The two kinds are told apart by issuer and subject alone, and neither reads the other's claims."""
    assert FULL_CONFIGURATION.iss == HOME
    for kind, payload in (
        (EntityConfiguration, {**FULL_CONFIGURATION.to_payload(), "sub": CITY}),
        (SubordinateStatement, {**BARE_STATEMENT.to_payload(), "iss": HOME}),
    ):
        with pytest.raises(ClaimInvalidError):
            kind.from_payload(payload)


def test_a_chain_is_written_and_read() -> None:
    """A static chain is a JSON list, and comes back as it was."""
    texts = short()
    assert read_chain(write_chain(texts)) == texts
    assert json.loads(write_chain(texts)) == list(texts)


@pytest.mark.parametrize(
    "document",
    [
        *(
            b"",
            b"{}",
            b"[]",
            b"[1]",
            b"[null]",
            b'"a"',
            b'["a"',
            b'[["a"]]',
            b'[{"a":1}]',
            b'["\xff"]',
            b"\xef\xbb\xbf[]",
        ),
        *(b'["a","a","a","a","a","a","a"]', b'["' + b"a" * 400_000 + b'"]', b"[" * 1000),
    ],
)
def test_what_is_no_chain(document: bytes) -> None:
    """Anything but a short list of texts is refused, before it costs anything."""
    with pytest.raises(MalformedTokenError):
        read_chain(document)


@given(st.binary(max_size=200) | st.text(max_size=60).map(lambda text: json.dumps([text]).encode()))
def test_reading_never_ends_otherwise(document: bytes) -> None:
    """Whatever is read, the chain is one of texts, or an error of ours."""
    try:
        texts = read_chain(document)
    except MalformedTokenError:
        return
    with pytest.raises(TrustError):
        read_statement(texts[0])
