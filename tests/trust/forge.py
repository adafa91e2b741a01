"""Makes good tokens and, from the same parts, forged ones. All keys are made for the test run; nobody is real."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from trust.claims import CALLER_TYPE, RECOGNITION_TYPE, RecognitionClaims
from trust.encoding import encode_base64url, hash_request
from trust.keys import KeyRing, SigningKey
from trust.signer import CallerTokenSigner, RecognitionSigner
from trust.suites import SUITES

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW: Final = 1_800_000_000
HOME: Final = "https://chongqing.example"
VISITED: Final = "https://sichuan.example"
CALLER: Final = "sichuan-window-7"
GATEWAY: Final = "https://gateway.sichuan.example"
REQUEST_HASH: Final = hash_request(b"a request")

HOME_SECRET: Final[EllipticCurvePrivateKey] = generate_private_key(SECP256R1())
HOME_KEY: Final = SigningKey.from_pem(
    HOME_SECRET.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), issuer=HOME
)
HOME_EDWARDS_KEY: Final = SigningKey.generate("EdDSA", issuer=HOME)
CALLER_KEY: Final = SigningKey.generate("ES256", issuer=CALLER)
STRANGER_KEY: Final = SigningKey.generate("ES256", issuer=HOME, kid=HOME_KEY.kid)
RING: Final = KeyRing([HOME_KEY.public(), HOME_EDWARDS_KEY.public(), CALLER_KEY.public()])


def recognition(**changes: object) -> RecognitionClaims:
    """Give good claims, with some of them changed."""
    values: dict[str, object] = {
        "iss": HOME,
        "aud": VISITED,
        "sub": hash_request(b"a pseudonym"),
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 300,
        "jti": "b1946ac92492d2347c6235b4d2611184",
        "item": "SC-02",
        "home_items": ("CQ-02",),
        "catalog_version": "2024.1",
        "purpose": "identity_check",
        "classes": {"identity": ("SI.PERSON.CERT", "SI.PERSON.REG")},
        "card_status": "active",
        "card_status_as_of": NOW - 30,
        "medium": "electronic",
        "assurance": "platform",
        "request_hash": REQUEST_HASH,
        "agreement": "sichuan-chongqing",
        "one_time": False,
    }
    return RecognitionClaims(**{**values, **changes})  # type: ignore[arg-type]  # a test may give anything


def issue(key: SigningKey = HOME_KEY, /, **changes: object) -> str:
    """Give a good recognition, with some claims changed."""
    return RecognitionSigner(key).issue(recognition(**changes))


def caller_token(*scopes: str, key: SigningKey = CALLER_KEY, lifetime_seconds: int = 300, new_id: str = "c-1") -> str:
    """Give a caller's good token."""
    signer = CallerTokenSigner(key, new_id=lambda: new_id)
    return signer.issue(
        audience=GATEWAY, now=NOW, scopes=scopes or ("identity.verify",), lifetime_seconds=lifetime_seconds
    )


def header(key: SigningKey = HOME_KEY, /, **changes: object) -> dict[str, object]:
    """Give the header of a recognition, with some members changed; None takes a member away."""
    members = {"alg": key.algorithm, "kid": key.kid, "typ": RECOGNITION_TYPE, **changes}
    return {name: value for name, value in members.items() if value is not None}


def caller_header(**changes: object) -> dict[str, object]:
    """Give the header of a caller's token, with some members changed."""
    return header(CALLER_KEY, **{"typ": CALLER_TYPE, **changes})


def payload(**changes: object) -> dict[str, object]:
    """Give the payload of a good recognition, with some claims put in or changed, whatever they are."""
    return {**recognition().to_payload(), **changes}


def without(name: str) -> dict[str, object]:
    """Give the payload of a good recognition without one claim."""
    return {claim: value for claim, value in payload().items() if claim != name}


def text_of(document: Mapping[str, object]) -> str:
    """Write JSON as an attacker may: anything that Python can write."""
    return json.dumps(document)


def seal(head: str | bytes, body: str | bytes, key: SigningKey = HOME_KEY, *, alg: str | None = None) -> str:
    """Sign any header and payload text, however wrong, with a real key."""
    signing_input = ".".join(encode_base64url(_bytes(part)) for part in (head, body))
    return f"{signing_input}.{encode_base64url(sign(signing_input, key, alg=alg))}"


def each(name: str, *values: object) -> list[tuple[str, object]]:
    """Give a row for each value that something of this name is to have."""
    return [(name, value) for value in values]


def sign(signing_input: str, key: SigningKey = HOME_KEY, *, alg: str | None = None) -> bytes:
    """Give the raw signature over the signing input."""
    return SUITES[alg or key.algorithm].algorithm.sign(signing_input.encode(), key.private_key)


def forged(head: Mapping[str, object] | None = None, body: Mapping[str, object] | None = None) -> str:
    """Sign a changed header or a changed payload with the home region's real key."""
    return seal(text_of(header() if head is None else head), text_of(payload() if body is None else body))


def spliced(name: str, raw: str, *, of: Mapping[str, object] | None = None) -> str:
    """Give JSON text in which one claim has a raw value, well formed or not."""
    document = dict(payload() if of is None else of)
    document[name] = "\0"
    return text_of(document).replace(r'"\u0000"', raw)


def with_signature(signature: bytes, token: str | None = None) -> str:
    """Give a token another signature."""
    return f"{(token or issue()).rpartition('.')[0]}.{encode_base64url(signature)}"


def _bytes(part: str | bytes) -> bytes:
    """Encode a text as UTF-8, lone surrogates too."""
    return part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
