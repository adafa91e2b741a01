"""Forged and misused recognitions: group TF of the security contract. None is believed, each has its own reason."""

from __future__ import annotations

import base64
import hmac
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.trust.forge import (
    CALLER,
    CALLER_KEY,
    GATEWAY,
    HOME,
    HOME_EDWARDS_KEY,
    HOME_KEY,
    NOW,
    REQUEST_HASH,
    RING,
    STRANGER_KEY,
    VISITED,
    caller_token,
    forged,
    header,
    issue,
    payload,
    seal,
    sign,
    spliced,
    text_of,
    with_signature,
    without,
)
from trust.encoding import encode_base64url
from trust.errors import (
    AlgorithmNotAllowedError,
    AudienceError,
    BadSignatureError,
    BindingError,
    ClaimInvalidError,
    EmbeddedKeyError,
    ExpiredError,
    KeyAlgorithmMismatchError,
    MalformedTokenError,
    NotYetValidError,
    PeerIssuerMismatchError,
    TrustError,
    UnknownIssuerError,
    UnknownKeyError,
    WrongTypeError,
)
from trust.keys import VerificationKey
from trust.verifier import RecognitionVerifier

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
L = 2**252 + 27742317777372353535851937790883648493
VERIFIER = RecognitionVerifier(RING)
GOOD = issue()
HEAD, BODY, SIGNATURE = GOOD.split(".")
RAW = base64.urlsafe_b64decode(SIGNATURE + "==")
R, S = RAW[:32], RAW[32:]
EDWARDS = issue(HOME_EDWARDS_KEY)
EDWARDS_RAW = base64.urlsafe_b64decode(EDWARDS.rpartition(".")[2] + "==")
PUBLIC = HOME_KEY.private_key.public_key()
PEM = PUBLIC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DER = PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
JWK = json.dumps(HOME_KEY.public().to_jwk()).encode()
JWKS = json.dumps(RING.jwks(HOME)).encode()

Case = tuple[str, str, type[TrustError]]


def number(value: int, order: str = "big") -> bytes:
    """Write half a signature."""
    return value.to_bytes(32, "big" if order == "big" else "little")


def hashed(secret: bytes, algorithm: str = "HS256") -> str:
    """Give a token with a hash keyed by something that everybody knows."""
    signing_input = ".".join(encode_base64url(text_of(part).encode()) for part in (header(alg=algorithm), payload()))
    name = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}[algorithm]
    return f"{signing_input}.{encode_base64url(hmac.digest(secret, signing_input.encode(), name))}"


def no_algorithm() -> list[Case]:
    """TF1: alg none in its spellings, with and without a signature; and other algorithms."""
    names = ("none", "None", "nOnE", "NONE", "", "es256", "ES256 ", "ES384", "ES512", "ES256K", "RS256", "PS256", "SM2")
    tokens: list[Case] = []
    for name in (*names, "HS256", "eddsa", "EdDSA448", "SGD_SM3_SM2"):
        token = forged(header(alg=name))
        tokens.append((f"alg {name!r}", token, AlgorithmNotAllowedError))
        tokens.append((f"alg {name!r} unsigned", token.rpartition(".")[0] + ".", AlgorithmNotAllowedError))
    for value in (None, 0, True, [], ["ES256"], {"ES256": 1}):
        tokens.append((f"alg of another type {value!r}", forged(header(alg=value)), AlgorithmNotAllowedError))
    return tokens


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


def signatures() -> list[Case]:
    """TF8: signatures that are degenerate, badly written, or somebody else's."""
    edges = (0, 1, N - 1, N, N + 1, 2**256 - 1)
    raw = {f"psychic r={r:x} s={s:x}": number(r) + number(s) for r in edges for s in edges}
    raw |= {
        "r zero": number(0) + S,
        "s zero": R + number(0),
        "s beyond n": R + number((int.from_bytes(S, "big") + N) % 2**256),
        "over-long by a zero": b"\0" + RAW,
        "a byte at the end": RAW + b"\0",
        "a byte short": RAW[:-1],
        "33 bytes each": b"\0" + R + b"\0" + S,
        "128 bytes": RAW + RAW,
        "DER": encode_dss_signature(int.from_bytes(R, "big"), int.from_bytes(S, "big")),
        "halves swapped": S + R,
        "zeros": bytes(64),
        "ones": b"\xff" * 64,
        "empty": b"",
        "one bit": RAW[:-1] + bytes([RAW[-1] ^ 1]),
        "of an EdDSA key": sign(f"{HEAD}.{BODY}", HOME_EDWARDS_KEY),
        "of a stranger": sign(f"{HEAD}.{BODY}", STRANGER_KEY),
    }
    tokens: list[Case] = [(name, with_signature(value, GOOD), BadSignatureError) for name, value in raw.items()]
    s = int.from_bytes(EDWARDS_RAW[32:], "little")
    edwards = {
        "S beyond L": EDWARDS_RAW[:32] + number(s + L, "little"),
        "zeros": bytes(64),
        "neutral element": b"\x01" + bytes(63),
        "short": EDWARDS_RAW[:63],
        "long": EDWARDS_RAW + b"\0",
        "114 bytes": bytes(114),
    }
    tokens += [(f"EdDSA {name}", with_signature(value, EDWARDS), BadSignatureError) for name, value in edwards.items()]
    other = issue(jti="another")
    tokens.append(("payload of another token", f"{HEAD}.{other.split('.')[1]}.{SIGNATURE}", BadSignatureError))
    tokens.append(("signed by a stranger under our kid", issue(STRANGER_KEY), BadSignatureError))
    return tokens


def encodings() -> list[Case]:
    """TF10 and TF14: everything that is not three parts of canonical base64url."""
    unused = chr(ord(SIGNATURE[-1]) + 1) if SIGNATURE[-1] not in "Zz9" else "_"
    texts = {
        "padded signature": GOOD + "==",
        "padded once": GOOD + "=",
        "padded header": f"{HEAD}=.{BODY}.{SIGNATURE}",
        "unused bits": GOOD[:-1] + unused,
        "exclamation marks": GOOD + "!!!!",
        "space before": " " + GOOD,
        "space after": GOOD + " ",
        "tab inside": GOOD[:9] + "\t" + GOOD[9:],
        "line end": GOOD + "\n",
        "CR LF": GOOD + "\r\n",
        "CR LF inside": f"{HEAD}\r\n.{BODY}.{SIGNATURE}",
        "plus": f"{HEAD}.{BODY}.+{SIGNATURE[1:]}",
        "slash": f"{HEAD}.{BODY}./{SIGNATURE[1:]}",
        "NUL": GOOD + "\0",
        "lone surrogate": GOOD + "\ud800",
        "full-width letter": "\uff45" + GOOD[1:],
        "byte-order mark": "\ufeff" + GOOD,
        "a length that no bytes have": GOOD + "AAA",
        "two parts": f"{HEAD}.{BODY}",
        "four parts": GOOD + ".",
        "five parts of a JWE": f"{HEAD}.{BODY}.{BODY}.{BODY}.{SIGNATURE}",
        "empty": "",
        "dots": "..",
        "null": "null",
        "empty header": f".{BODY}.{SIGNATURE}",
        "empty payload": f"{HEAD}..{SIGNATURE}",
        "Bearer": "Bearer " + GOOD,
        "JSON serialisation": text_of({"protected": HEAD, "payload": BODY, "signature": SIGNATURE}),
        "general JSON serialisation": text_of({"payload": BODY, "signatures": [{"protected": HEAD}]}),
        "4,097 characters": GOOD + "A" * (4097 - len(GOOD)),
        "a megabyte": "A" * 1_000_000,
    }
    return [(name, text, MalformedTokenError) for name, text in texts.items()]


def documents() -> list[Case]:
    """TF11 and TF14: JSON that two readers could read in two ways, or that is none."""
    good, head = text_of(payload()), text_of(header())
    bodies: dict[str, str | bytes] = {
        "issuer twice": good[:-1] + f', "iss": "{HOME}"}}',
        "issuer twice, attacker first": '{"iss": "https://attacker.example", ' + good[1:],
        "case twin": good[:-1] + ', "Iss": "https://attacker.example"}',
        "upper-case twin": good[:-1] + ', "EXP": 9999999999}',
        "escaped twin": good[:-1] + r', "\u0069ss": "https://attacker.example"}',
        "long s twin": good[:-1] + ', "i\u017fs": "x"}',
        "twice in a nested object": spliced("item", '{"a": 1, "a": 2}'),
        "byte-order mark": b"\xef\xbb\xbf" + good.encode(),
        "UTF-16": good.encode("utf-16"),
        "GB 18030": spliced("item", '"项"').encode("gb18030"),
        "bad UTF-8": good.encode()[:-1] + b"\xff}",
        "encoded surrogate": spliced("item", '"\ud800"'),
        "a list": f"[{good}]",
        "null": "null",
        "a string": '"token"',
        "a number": "1",
        "empty": "",
        "nothing but a space": " ",
        "two documents": good + good,
        "trailing comma": good[:-1] + ",}",
        "comment": good[:-1] + "/**/}",
        "single quotes": good.replace('"', "'"),
        "cut off": good[:-1],
        "line break in a string": spliced("item", '"a\nb"'),
        "NUL in a string": spliced("item", '"a\0b"'),
        "deep list": spliced("item", "[" * 40 + "]" * 40),
        "deep object": spliced("item", '{"a":' * 40 + "1" + "}" * 40),
        "brackets past the recursion limit": "[" * 2900,
    }
    tokens: list[Case] = [(f"payload: {name}", seal(head, body), MalformedTokenError) for name, body in bodies.items()]
    heads: dict[str, str | bytes] = {
        "alg twice": head[:-1] + ', "alg": "none"}',
        "kid twice": head[:-1] + ', "kid": "other"}',
        "case twin": head[:-1] + ', "Alg": "none"}',
        "escaped twin": head[:-1] + r', "\u0061lg": "none"}',
        "a list": f"[{head}]",
        "null": "null",
        "byte-order mark": b"\xef\xbb\xbf" + head.encode(),
        "empty": "",
    }
    tokens += [(f"header: {name}", seal(text, good), MalformedTokenError) for name, text in heads.items()]
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
    kinds = (*kinds, "application/onecard-recognition+jwt", "onecard-recognition+jwt ", "onecard-recognition")
    tokens: list[Case] = [(f"typ {kind!r}", forged(header(typ=kind)), WrongTypeError) for kind in kinds]
    values: tuple[object, ...] = (None, 1, ["onecard-recognition+jwt"], {})
    tokens += [(f"typ of another type {value!r}", forged(header(typ=value)), WrongTypeError) for value in values]
    return [*tokens, ("a caller's token", caller_token(), WrongTypeError)]


def issuers() -> list[Case]:
    """TF16: issuers that look like ours."""
    near = (HOME + "/", HOME[:-1], HOME + "e", HOME.upper(), HOME + ":443", "https://attacker.example", VISITED, "x")
    tokens: list[Case] = [(f"iss {value!r}", forged(body=payload(iss=value)), UnknownIssuerError) for value in near]
    wrong: tuple[object, ...] = (
        HOME.replace("o", "\u043e"),
        HOME + "\u200b",
        HOME + "\0",
        " " + HOME,
        "\ud800",
        "",
        "/" + HOME,
        "h" * 129,
        [HOME],
        {"iss": HOME},
        1,
        None,
        True,
    )
    tokens += [(f"iss {i}", forged(body=payload(iss=value)), ClaimInvalidError) for i, value in enumerate(wrong)]
    return [*tokens, ("iss missing", forged(body=without("iss")), ClaimInvalidError)]


def claims() -> list[Case]:
    """TF16: claims that are missing, of the wrong type, or against their rule, under a good signature."""
    tokens: list[Case] = [(f"{name} missing", forged(body=without(name)), ClaimInvalidError) for name in payload()]
    tokens += [(f"{name} null", forged(body=payload(**{name: None})), ClaimInvalidError) for name in payload()]
    changes: tuple[tuple[str, object], ...] = (
        *[("aud", value) for value in ([VISITED], [VISITED, "https://attacker.example"], [[VISITED]], [], "", {})],
        *[("exp", value) for value in (str(NOW + 300), NOW + 300.0, NOW + 0.5, True, -1, 2**40, 2**63, 2**64, [NOW])],
        *[
            (name, value)
            for name in ("iat", "nbf", "card_status_as_of")
            for value in (str(NOW), float(NOW), True, -1, 2**63)
        ],
        *[("jti", value) for value in ("", "\ud800", "j" * 65, "a b", "a\n", "票", 1, ["j"])],
        *[("sub", value) for value in ("", "a" * 42, "a" * 43, "B" * 44, REQUEST_HASH + "=", 1)],
        *[("item", value) for value in ("", "../x", "a b", "项", "x" * 129, ["SC-02"])],
        *[
            ("home_items", value)
            for value in ("CQ-02", ["CQ-02", "CQ-02"], [""], [1], [["CQ-02"]], [f"C-{i}" for i in range(17)], {})
        ],
        *[("item_types", value) for value in ([], ["si.person"], ["SI.*"], ["*"], ["SI."], "SI.PERSON", [None])],
        *[("classes", value) for value in (["Identity"], ["identity", "identity"], ["all"], "identity", [True], {})],
        *[("purpose", value) for value in ("", "Identity_check", "marketing", ["identity_check"], 0)],
        *[("medium", value) for value in ("", "ELECTRONIC", "qr", ["physical"])],
        *[("catalog_version", value) for value in ("", 2024, "v 1", "1" * 65)],
        *[("card_status", value) for value in ("", "Active", "激活", 1)],
        *[("assurance", value) for value in ("", "HIGH", 3)],
        *[("request_hash", value) for value in ("", REQUEST_HASH[:-1], REQUEST_HASH + "A", "a" * 43, 5)],
        *[("agreement", value) for value in ("", "a b", None)],
        *[("one_time", value) for value in (0, 1, "true", "false")],
        ("admin", True),
        ("cnf", {"x5t#S256": REQUEST_HASH}),
        ("status", {"status_list": {"idx": 1, "uri": "https://chongqing.example/status"}}),
        ("crit", ["iss"]),
    )
    tokens += [
        (f"{name} {i}", forged(body=payload(**{name: value})), ClaimInvalidError)
        for i, (name, value) in enumerate(changes)
    ]
    raw = ("NaN", "Infinity", "-Infinity", "1e400", "1e9", "1.8e9", "-0.0", str(2**53), "9" * 400, str(NOW) + ".0")
    head = text_of(header())
    tokens += [(f"exp {text[:20]}", seal(head, spliced("exp", text)), ClaimInvalidError) for text in raw]
    lives: tuple[dict[str, object], ...] = (
        {"exp": NOW + 601},
        {"exp": NOW},
        {"exp": NOW - 1},
        {"nbf": NOW - 1},
        {"nbf": NOW + 300},
        {"iat": NOW - 301, "nbf": NOW},
        {"card_status_as_of": NOW + 11},
    )
    return tokens + [(f"life {life}", forged(body=payload(**life)), ClaimInvalidError) for life in lives]


FORGED: list[Case] = [
    case
    for family in (
        no_algorithm,
        public_key_as_secret,
        other_algorithm_of_the_key,
        embedded_keys,
        key_identifiers,
        signatures,
        encodings,
        documents,
        header_members,
        types,
        issuers,
        claims,
    )
    for case in family()
]


@pytest.mark.parametrize(("token", "error"), [pytest.param(token, error, id=name) for name, token, error in FORGED])
def test_a_forged_token_is_refused_with_its_reason(token: str, error: type[TrustError]) -> None:
    """Each forged token meets exactly the error of its kind, and the error says nothing of the token."""
    with pytest.raises(TrustError) as caught:
        VERIFIER.verify(token, audience=VISITED, now=NOW)
    assert type(caught.value) is error
    assert caught.value.__context__ is None


def test_there_are_enough_forged_tokens() -> None:
    """The table holds at least 300 different forged tokens."""
    assert len({token for _, token, _ in FORGED}) >= 300


GOOD_TOKENS = {
    "ES256": GOOD,
    "EdDSA": EDWARDS,
    "nothing allowed": issue(classes=()),
    "nothing at home": issue(home_items=()),
    "for one use": issue(one_time=True),
}


@pytest.mark.parametrize("token", GOOD_TOKENS.values(), ids=GOOD_TOKENS)
def test_a_good_token_is_believed(token: str) -> None:
    """The positive twin: refusing everything is no answer."""
    verified = VERIFIER.verify(token, audience=VISITED, now=NOW, request_hash=REQUEST_HASH, issuer=HOME)
    assert verified.claims.iss == HOME
    assert verified.key in {HOME_KEY.public(), HOME_EDWARDS_KEY.public()}


def test_the_high_half_twin_has_the_same_identity() -> None:
    """TF9: the twin (r, n - s) verifies, as it must for other libraries' tokens, and has the same issuer and jti."""
    twin = with_signature(R + number(N - int.from_bytes(S, "big")), GOOD)
    assert twin != GOOD
    assert VERIFIER.verify(twin, audience=VISITED, now=NOW) == VERIFIER.verify(GOOD, audience=VISITED, now=NOW)


@pytest.mark.parametrize("ahead", [0, 1, 10])
def test_a_clock_ten_seconds_ahead_is_tolerated(ahead: int) -> None:
    """TF16's positive pair: iat and nbf up to 10 s in the future are accepted."""
    token = issue(iat=NOW + ahead, nbf=NOW + ahead)
    assert VERIFIER.verify(token, audience=VISITED, now=NOW).claims.iat == NOW + ahead


@pytest.mark.parametrize("ahead", [11, 61, 3600])
def test_a_clock_further_ahead_is_refused_with_the_skew(ahead: int) -> None:
    """PF5: beyond 10 s the refusal carries the measured difference."""
    with pytest.raises(NotYetValidError) as caught:
        VERIFIER.verify(issue(iat=NOW + ahead, nbf=NOW + ahead, exp=NOW + ahead + 60), audience=VISITED, now=NOW)
    assert caught.value.metadata == {"claim": "iat", "skew_seconds": str(ahead)}


def test_a_later_beginning_is_named() -> None:
    """A token that begins later than it was issued is refused until then."""
    with pytest.raises(NotYetValidError) as caught:
        VERIFIER.verify(issue(nbf=NOW + 60), audience=VISITED, now=NOW)
    assert caught.value.metadata == {"claim": "nbf", "skew_seconds": "60"}


@pytest.mark.parametrize(("late", "believed"), [(-1, True), (0, True), (9, True), (10, False), (61, False)])
def test_expiry_has_the_same_tolerance(late: int, *, believed: bool) -> None:
    """A token is believed until 10 s after its end and refused with the measured difference from then on."""
    now = NOW + 300 + late
    if believed:
        assert VERIFIER.verify(GOOD, audience=VISITED, now=now).replay_until > now
        return
    with pytest.raises(ExpiredError) as caught:
        VERIFIER.verify(GOOD, audience=VISITED, now=now)
    assert caught.value.metadata == {"claim": "exp", "skew_seconds": str(late)}


@pytest.mark.parametrize("audience", [HOME, VISITED + "/", VISITED.upper(), "", GATEWAY])
def test_another_audience_is_refused(audience: str) -> None:
    """RP7: a token for one region is worth nothing at another."""
    with pytest.raises(AudienceError):
        VERIFIER.verify(GOOD, audience=audience, now=NOW)


@pytest.mark.parametrize("request_hash", ["", REQUEST_HASH[:-1], REQUEST_HASH.swapcase(), "票"])
def test_an_answer_to_another_request_is_refused(request_hash: str) -> None:
    """RP7: a recognition is bound to the request that it answers."""
    with pytest.raises(BindingError):
        VERIFIER.verify(GOOD, audience=VISITED, now=NOW, request_hash=request_hash)


def test_a_token_brought_by_another_peer_is_refused() -> None:
    """AZ2: the certificate of region A with the token of region B."""
    with pytest.raises(PeerIssuerMismatchError) as caught:
        VERIFIER.verify(GOOD, audience=VISITED, now=NOW, issuer="https://guizhou.example")
    assert caught.value.metadata == {"issuer": HOME}


def test_the_cheap_checks_come_before_the_signature() -> None:
    """RX8: an unknown key, issuer, type or algorithm is refused before any look at the signature."""
    asked: list[tuple[str, str]] = []

    def find(issuer: str, kid: str) -> VerificationKey:
        asked.append((issuer, kid))
        raise UnknownKeyError

    verifier = RecognitionVerifier(find)
    for token in (forged(header(alg="none")), forged(header(typ="JWT")), forged(header(kid="/")), GOOD + "="):
        with pytest.raises(TrustError):
            verifier.verify(token, audience=VISITED, now=NOW)
    assert asked == []
    with pytest.raises(UnknownKeyError):
        verifier.verify(GOOD, audience=VISITED, now=NOW)
    assert asked == [(HOME, HOME_KEY.kid)]


@pytest.mark.parametrize("other", [HOME_EDWARDS_KEY.public(), RING.find(CALLER, CALLER_KEY.kid)])
def test_a_look_up_that_gives_another_key_is_not_trusted(other: VerificationKey) -> None:
    """TL9: the key must be the one of exactly this issuer and kid, whoever looked it up."""
    with pytest.raises(UnknownKeyError):
        RecognitionVerifier(lambda _issuer, _kid: other).verify(GOOD, audience=VISITED, now=NOW)
