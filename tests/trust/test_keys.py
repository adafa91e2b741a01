"""Keys, key documents and suites: read strictly, written plainly, never shown."""

from __future__ import annotations

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.trust.forge import CALLER, CALLER_KEY, HOME, HOME_EDWARDS_KEY, HOME_KEY, HOME_SECRET, RING
from trust.edge import FOREIGN_ERRORS, ForeignErrors
from trust.errors import (
    AlgorithmNotAllowedError,
    BadSignatureError,
    KeyMaterialError,
    KeyUseError,
    TrustError,
    UnknownIssuerError,
    UnknownKeyError,
)
from trust.keys import KeyRing, SigningKey, VerificationKey, thumbprint
from trust.suites import SUITES

JWK = HOME_KEY.public().to_jwk()
EDWARDS_JWK = HOME_EDWARDS_KEY.public().to_jwk()


def pem(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed448.Ed448PrivateKey | ed25519.Ed25519PrivateKey,
) -> bytes:
    """Write a private key as operators store it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA"])
def test_a_key_survives_pem_and_jwk(algorithm: str) -> None:
    """A key written and read again is the same key, under the same name."""
    key = SigningKey.generate(algorithm, issuer=HOME)
    again = SigningKey.from_pem(key.to_pem(), issuer=HOME)
    assert (again.kid, again.algorithm) == (key.kid, algorithm)
    assert again.public() == key.public()
    assert VerificationKey.from_jwk(key.public().to_jwk(), issuer=HOME) == key.public()


def test_the_default_kid_is_the_thumbprint_of_rfc_8037() -> None:
    """RFC 8037 appendix A.3: the thumbprint of its Ed25519 key."""
    x = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    public_key = ed25519.Ed25519PublicKey.from_public_bytes(x)
    assert thumbprint(public_key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_a_kid_can_be_chosen() -> None:
    """An operator may name a key, within the known form."""
    key = SigningKey.from_pem(HOME_KEY.to_pem(), issuer=HOME, kid="2026.first-key_1")
    assert key.public().kid == "2026.first-key_1"


@pytest.mark.parametrize("kid", ["", "a b", "../x", "k" * 65, "键", "a\n"])
def test_a_kid_of_another_form_is_refused(kid: str) -> None:
    """TF6: neither our own key nor another's may have such a name."""
    with pytest.raises(KeyMaterialError):
        SigningKey.generate("ES256", issuer=HOME, kid=kid)
    with pytest.raises(KeyMaterialError):
        VerificationKey.from_jwk({**JWK, "kid": kid}, issuer=HOME)


FOREIGN_KEYS = {
    "P-384": pem(ec.generate_private_key(ec.SECP384R1())),
    "secp256k1": pem(ec.generate_private_key(ec.SECP256K1())),
    "RSA": pem(rsa.generate_private_key(65537, 2048)),
    "Ed448": pem(ed448.Ed448PrivateKey.generate()),
    "encrypted": HOME_SECRET.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"a password")),
    "public": HOME_SECRET.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    "cut off": HOME_KEY.to_pem()[:60],
    "empty": b"",
    "text": "不是密钥".encode(),
}


@pytest.mark.parametrize("data", FOREIGN_KEYS.values(), ids=FOREIGN_KEYS)
def test_a_file_that_holds_no_usable_key_is_refused(data: bytes) -> None:
    """Other curves, other kinds, passwords and rubbish are one error of ours."""
    with pytest.raises(KeyMaterialError):
        SigningKey.from_pem(data, issuer=HOME)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS256", "es256", "SM2", "sgd_sm3_sm2", ""])
def test_no_key_is_made_for_an_unknown_algorithm(algorithm: str) -> None:
    """The table of suites is closed."""
    with pytest.raises(AlgorithmNotAllowedError):
        SigningKey.generate(algorithm, issuer=HOME)
    with pytest.raises(AlgorithmNotAllowedError):
        VerificationKey.from_jwk({**JWK, "alg": algorithm}, issuer=HOME)


def test_a_key_of_one_suite_is_not_registered_for_another() -> None:
    """Algorithm and key belong together from the start."""
    with pytest.raises(KeyMaterialError):
        VerificationKey(issuer=HOME, kid="k", algorithm="EdDSA", public_key=HOME_KEY.public().public_key)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"use": "enc"}, KeyUseError),
        ({"use": ""}, KeyUseError),
        ({"use": ["sig"]}, KeyUseError),
        ({"use": None}, KeyUseError),
        ({"key_ops": ["encrypt"]}, KeyUseError),
        ({"key_ops": ["sign"]}, KeyUseError),
        ({"key_ops": ["verify", "sign"]}, KeyUseError),
        ({"key_ops": []}, KeyUseError),
        ({"key_ops": "verify"}, KeyUseError),
        ({"d": "AAAA"}, KeyMaterialError),
        ({"k": "AAAA"}, KeyMaterialError),
        ({"x5c": []}, KeyMaterialError),
        ({"exp": 1}, KeyMaterialError),
        ({"alg": None}, AlgorithmNotAllowedError),
        ({"alg": ["ES256"]}, AlgorithmNotAllowedError),
        ({"alg": "EdDSA"}, KeyMaterialError),
        ({"kid": None}, KeyMaterialError),
        ({"kid": 1}, KeyMaterialError),
        ({"kty": "RSA"}, KeyMaterialError),
        ({"crv": "P-384"}, KeyMaterialError),
        ({"crv": ["P-256"]}, KeyMaterialError),
        ({"x": 1}, KeyMaterialError),
        ({"x": "A" * 42}, KeyMaterialError),
        ({"x": "A" * 44}, KeyMaterialError),
        ({"x": str(JWK["x"]) + "="}, KeyMaterialError),
        ({"x": "A" * 43}, KeyMaterialError),
        ({"y": JWK["x"]}, KeyMaterialError),
        ({"y": None}, KeyMaterialError),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else value.__name__,
)
def test_a_jwk_that_is_not_plainly_good_is_refused(changes: dict[str, object], error: type[TrustError]) -> None:
    """TF7 and RFC 7517: another use, a private member, a wrong type or a point off the curve."""
    with pytest.raises(error):
        VerificationKey.from_jwk({**JWK, **changes}, issuer=HOME)


@pytest.mark.parametrize("missing", ["kty", "crv", "x", "y", "alg", "kid"])
def test_a_jwk_without_a_member_is_refused(missing: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(TrustError):
        VerificationKey.from_jwk({name: value for name, value in JWK.items() if name != missing}, issuer=HOME)


@pytest.mark.parametrize("changes", [{}, {"key_ops": ["verify"]}])
def test_a_plain_jwk_is_read(changes: dict[str, object]) -> None:
    """The positive twin; `use` may be absent."""
    members = {name: value for name, value in {**EDWARDS_JWK, **changes}.items() if name != "use"}
    assert VerificationKey.from_jwk(members, issuer=HOME) == HOME_EDWARDS_KEY.public()


def test_a_ring_finds_by_issuer_and_kid() -> None:
    """TL9: the same kid under two issuers is two keys."""
    one, other = (SigningKey.generate("ES256", issuer=issuer, kid="k").public() for issuer in (HOME, CALLER))
    ring = KeyRing([one]).joined(KeyRing([other]))
    assert ring.find(HOME, "k") is one
    assert ring.find(CALLER, "k") is other
    assert ring.issuers == tuple(sorted((HOME, CALLER)))


def test_a_ring_does_not_guess() -> None:
    """An unknown issuer and an unknown kid are two errors."""
    with pytest.raises(UnknownIssuerError):
        RING.find("https://nobody.example", HOME_KEY.kid)
    with pytest.raises(UnknownKeyError):
        RING.find(HOME, CALLER_KEY.kid)


def test_two_keys_of_one_name_are_refused() -> None:
    """A ring in which a kid means two keys is not made."""
    key = HOME_KEY.public()
    with pytest.raises(KeyMaterialError):
        KeyRing([key, HOME_KEY.public()])
    with pytest.raises(KeyMaterialError):
        RING.joined(RING)
    with pytest.raises(KeyMaterialError):
        KeyRing.from_jwks(HOME, {"keys": [JWK, JWK]})


def test_a_key_document_round_trips() -> None:
    """What is published is what a peer reads, for this issuer and no other."""
    document = RING.jwks(HOME)
    ring = KeyRing.from_jwks(HOME, document)
    assert ring.jwks(HOME) == document
    assert {key["kid"] for key in document["keys"]} == {HOME_KEY.kid, HOME_EDWARDS_KEY.kid}
    assert ring.issuers == (HOME,)
    assert RING.jwks("https://nobody.example") == {"keys": []}


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ({}, KeyMaterialError),
        ({"keys": []}, KeyMaterialError),
        ({"keys": JWK}, KeyMaterialError),
        ({"keys": ["key"]}, KeyMaterialError),
        ({"keys": [JWK], "more": 1}, KeyMaterialError),
        ({"keys": [JWK, {**EDWARDS_JWK, "use": "enc"}]}, KeyUseError),
        ({"keys": [JWK, {**EDWARDS_JWK, "alg": "none"}]}, AlgorithmNotAllowedError),
    ],
    ids=["nothing", "no key", "no list", "no objects", "more members", "one for another use", "one unknown"],
)
def test_one_bad_key_refuses_the_document(document: dict[str, object], error: type[TrustError]) -> None:
    """TF7: nothing is believed by half."""
    with pytest.raises(error):
        KeyRing.from_jwks(HOME, document)


def test_a_private_key_does_not_show() -> None:
    """The repr of a signing key holds names only."""
    text = repr(HOME_KEY)
    assert "private" not in text
    assert HOME_KEY.kid in text


def test_the_table_of_suites_cannot_be_changed() -> None:
    """Nobody adds an algorithm while the program runs."""
    with pytest.raises(TypeError):
        SUITES["none"] = SUITES["ES256"]  # type: ignore[index]


def pyjwt_errors() -> list[type[jwt.PyJWTError]]:
    """Walk all errors of PyJWT."""
    found, queue = [], [jwt.PyJWTError]
    while queue:
        kind = queue.pop()
        found.append(kind)
        queue += kind.__subclasses__()
    return found


@pytest.mark.parametrize("foreign", [*pyjwt_errors(), *(foreign for foreign, _ in FOREIGN_ERRORS)])
def test_every_foreign_error_leaves_as_ours(foreign: type[Exception]) -> None:
    """The table covers all of PyJWT and cryptography; the cause is kept, its words are not."""
    error = foreign("secret words")
    with pytest.raises(TrustError) as caught, ForeignErrors(rule="test"):
        raise error
    assert caught.value.__cause__ is error
    assert "secret words" not in str(caught.value)
    assert caught.value.metadata == {"rule": "test"}


def test_the_table_reads_from_the_leaf_to_the_root() -> None:
    """No row hides a later one, and a bad signature stays one."""
    for position, (foreign, _) in enumerate(FOREIGN_ERRORS):
        assert not any(issubclass(foreign, earlier) for earlier, _ in FOREIGN_ERRORS[:position])
    with pytest.raises(BadSignatureError), ForeignErrors():
        raise jwt.InvalidSignatureError


def test_a_mistake_in_the_program_is_not_disguised() -> None:
    """What no library raises passes through."""
    with pytest.raises(RuntimeError), ForeignErrors():
        raise RuntimeError
