"""Recognitions whose header is forged: TF1 to TF6, TF12, TF13 and TF15 of the security contract."""

from __future__ import annotations

import base64
import hmac
import json

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.trust.forge import (
    CALLER_KEY,
    HOME,
    HOME_EDWARDS_KEY,
    HOME_KEY,
    HOME_SECRET,
    NOW,
    REQUEST_HASH,
    RING,
    STRANGER_KEY,
    caller_token,
    forged,
    header,
    issue,
    payload,
    seal,
    text_of,
)
from trust.encoding import encode_base64url
from trust.errors import (
    AlgorithmNotAllowedError,
    EmbeddedKeyError,
    KeyAlgorithmMismatchError,
    MalformedTokenError,
    TrustError,
    UnknownKeyError,
    WrongTypeError,
)

GOOD = issue()
PUBLIC = HOME_SECRET.public_key()
PEM = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DER = PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
JWK = json.dumps(HOME_KEY.public().to_jwk()).encode()
JWKS = json.dumps(RING.jwks(HOME)).encode()

Case = tuple[str, str, type[TrustError]]


def hashed(secret: bytes, algorithm: str = "HS256") -> str:
    """Give a token with a hash keyed by something that everybody knows."""
    signing_input = ".".join(encode_base64url(text_of(part).encode()) for part in (header(alg=algorithm), payload()))
    name = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[algorithm]
    return f"{signing_input}.{encode_base64url(hmac.digest(secret, signing_input.encode(), name))}"


def no_algorithm() -> list[Case]:
    """TF1: alg none in its spellings, with and without a signature; and other algorithms."""
    names = ("none", "None", "nOnE", "NONE", "", "es256", "ES256 ", "ES384", "ES512", "ES256K", "RS256", "PS256", "SM2")
    tokens: list[Case] = []
    for name in (*names, "HS256", "eddsa", "EdDSA448", "SGD_SM3_SM2 ", "sgd_sm3_sm2", "SM2SM3", "SM3withSM2"):
        token = forged(header(alg=name))
        tokens.append((f"alg {name!r}", token, AlgorithmNotAllowedError))
        tokens.append((f"alg {name!r} unsigned", token.rpartition(".")[0] + ".", AlgorithmNotAllowedError))
    values: tuple[object, ...] = (None, 0, True, [], ["ES256"], {"ES256": 1})
    return tokens + [
        (f"alg of another type {value!r}", forged(header(alg=value)), AlgorithmNotAllowedError) for value in values
    ]


def public_key_as_secret() -> list[Case]:
    """TF2: a keyed hash with our public key for the secret."""
    secrets = {
        "PEM": PEM,
        "PEM without line end": PEM.strip(),
        "PEM after a byte-order mark": b"\xef\xbb\xbf" + PEM,
        "DER": DER,
        "JWK": JWK,
        "JWK Set": JWKS,
        "base64 of DER": base64.b64encode(DER),
        "empty": b"",
    }
    tokens: list[Case] = [
        (f"HS256 with {name}", hashed(secret), AlgorithmNotAllowedError) for name, secret in secrets.items()
    ]
    tokens += [(f"{name} with PEM", hashed(PEM, name), AlgorithmNotAllowedError) for name in ("HS384", "HS512")]
    return tokens


def other_algorithm_of_the_key() -> list[Case]:
    """TF3: a good signature of one key under the name of another."""
    es_as_ed = seal(text_of(header(alg="EdDSA")), text_of(payload()))
    ed_as_es = seal(text_of(header(HOME_EDWARDS_KEY, alg="ES256")), text_of(payload()), HOME_EDWARDS_KEY, alg="EdDSA")
    return [
        ("EdDSA with an ES256 key", es_as_ed, KeyAlgorithmMismatchError),
        ("ES256 with an EdDSA key", ed_as_es, KeyAlgorithmMismatchError),
    ]


def embedded_keys() -> list[Case]:
    """TF4 and TF5: a key in the header, or a place to fetch one, even with a good signature."""
    own = STRANGER_KEY.public().to_jwk()
    urls = ("https://attacker.example/keys", "file:///etc/passwd", "http://169.254.169.254/latest", "")
    heads: list[dict[str, object]] = [{"jwk": own}, {"jwk": HOME_KEY.public().to_jwk()}, {"jwk": 0}]
    heads += [{"x5c": [base64.b64encode(DER).decode()]}, {"x5c": []}]
    heads += [{name: url} for name in ("jku", "x5u") for url in urls]
    tokens: list[Case] = [
        (f"{'/'.join(extra)} {position}", forged({**header(), **extra}), EmbeddedKeyError)
        for position, extra in enumerate(heads)
    ]
    stranger = seal(text_of({**header(), "jwk": own}), text_of(payload()), STRANGER_KEY)
    return [*tokens, ("jwk that verifies", stranger, EmbeddedKeyError)]


def key_identifiers() -> list[Case]:
    """TF6: key identifiers that are paths, queries, numbers, or just not ours."""
    values: tuple[object, ...] = (
        "../../etc/passwd",
        "' OR 1=1--",
        "\x00",
        HOME_KEY.kid + "\x00",
        HOME_KEY.kid + "\n",
        " " + HOME_KEY.kid,
        HOME_KEY.kid[:-1],
        HOME_KEY.kid.swapcase(),
        "",
        "k" * 65,
        "k" * 2000,
        "😀",
        "\ud800",
        "аbc",
        "unknown",
        7,
        True,
        1.5,
        [HOME_KEY.kid],
        {"kid": HOME_KEY.kid},
        None,
    )
    tokens: list[Case] = [
        (f"kid {position}", forged(header(kid=value)), UnknownKeyError) for position, value in enumerate(values)
    ]
    tokens.append(("kid null", seal(text_of({**header(), "kid": None}), text_of(payload())), UnknownKeyError))
    tokens.append(("kid of 64 KiB", forged(header(kid="k" * 65536)), MalformedTokenError))
    tokens.append(("kid of another issuer", forged(header(kid=CALLER_KEY.kid)), UnknownKeyError))
    return tokens


def header_members() -> list[Case]:
    """TF12 and TF13: header members that ask for more than a plain signature."""
    extras: tuple[dict[str, object], ...] = (
        {"crit": ["exp"], "exp": NOW},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"crit": ["b64"], "b64": True},
        {"b64": False},
        {"b64": True},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"enc": "A256GCM"},
        {"p2c": 2**31, "p2s": "AAAA"},
        {"x5t": "AAAA"},
        {"x5t#S256": REQUEST_HASH},
        {"iss": HOME},
        {"trust_chain": []},
        {"": ""},
        {"nonce": "1"},
    )
    tokens: list[Case] = [
        (f"header with {'+'.join(extra)}", forged({**header(), **extra}), MalformedTokenError) for extra in extras
    ]
    key_derivation = forged({"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2**31, "p2s": "AAAA"})
    return [
        *tokens,
        ("PBES2", key_derivation, MalformedTokenError),
        ("nested", seal(text_of(header()), GOOD), MalformedTokenError),
    ]


def types() -> list[Case]:
    """TF15: tokens of another kind."""
    kinds = ("JWT", "jwt", "at+jwt", "onecard-caller+jwt", "onecard-checkpoint+jwt", "ONECARD-RECOGNITION+JWT", "")
    more = ("application/onecard-recognition+jwt", "onecard-recognition+jwt ", "onecard-recognition")
    tokens: list[Case] = [(f"typ {kind!r}", forged(header(typ=kind)), WrongTypeError) for kind in (*kinds, *more)]
    values: tuple[object, ...] = (None, 1, ["onecard-recognition+jwt"], {})
    tokens += [(f"typ of another type {value!r}", forged(header(typ=value)), WrongTypeError) for value in values]
    return [*tokens, ("a caller's token", caller_token(), WrongTypeError)]
