"""Recognitions whose signature, encoding, JSON or claims are forged: TF8, TF10, TF11, TF14 and TF16 of the contract."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.trust.forge import (
    HOME,
    HOME_EDWARDS_KEY,
    HOME_SECRET,
    NOW,
    REQUEST_HASH,
    STRANGER_KEY,
    VISITED,
    each,
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
from trust.errors import (
    BadSignatureError,
    ClaimInvalidError,
    MalformedTokenError,
    TrustError,
    UnknownIssuerError,
)

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
L = 2**252 + 27742317777372353535851937790883648493
GOOD = issue()
HEAD, BODY, SIGNATURE = GOOD.split(".")
RAW = base64.urlsafe_b64decode(SIGNATURE + "==")
R, S = RAW[:32], RAW[32:]
EDWARDS = issue(HOME_EDWARDS_KEY)
EDWARDS_RAW = base64.urlsafe_b64decode(EDWARDS.rpartition(".")[2] + "==")
DER = HOME_SECRET.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

LIST = f"{HOME}/status/1"
HOSTILE_ADDRESSES = (
    *(
        "",
        "/status/1",
        "//chongqing.example/1",
        "file:///etc/passwd",
        "gopher://chongqing.example/1",
        "ftp://a.example",
    ),
    *(f"{LIST}?a=1", f"{LIST}#a", f"{LIST}/", f"{LIST}/../2", f"{LIST}/%2e", f"{LIST}\n", f" {LIST}", f"{LIST}/票"),
    *(
        "https://user@chongqing.example/1",
        "https://chongqing.example@a.example/1",
        "https://[::1]/1",
        "HTTPS://A.EXAMPLE/1",
    ),
    *(
        "https://chongqing.example:0/1",
        "https://chongqing.example:99999999/1",
        "https://a.example/" + "a" * 200,
        1,
        None,
    ),
)

Case = tuple[str, str, type[TrustError]]


def number(value: int, order: str = "big") -> bytes:
    """Write half a signature."""
    return value.to_bytes(32, "big" if order == "big" else "little")


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
        *each("aud", [VISITED], [VISITED, "https://attacker.example"], [[VISITED]], [], "", {}),
        *each("exp", str(NOW + 300), NOW + 300.0, NOW + 0.5, -1, 2**40, 2**63, 2**64, [NOW]),
        *[(name, True) for name in ("iat", "nbf", "exp", "card_status_as_of")],
        *each("iat", str(NOW), float(NOW), -1, 2**63),
        *each("nbf", str(NOW), float(NOW), -1, 2**63),
        *each("card_status_as_of", str(NOW), float(NOW), -1, 2**63),
        *each("jti", "", "\ud800", "j" * 65, "a b", "a\n", "票", 1, ["j"]),
        *each("sub", "", "a" * 42, "a" * 43, "B" * 44, REQUEST_HASH + "=", 1),
        *each("item", "", "../x", "a b", "项", "x" * 129, ["SC-02"]),
        *each("home_items", "CQ-02", ["CQ-02", "CQ-02"], [""], [1], [["CQ-02"]], [f"C-{i}" for i in range(17)], {}),
        *(
            case
            for codes in ([], ["si.person"], ["SI.*"], ["*"], ["SI."], "SI.PERSON", [None], ["SI.A", "SI.A"])
            for case in each("classes", {"identity": codes})
        ),
        *each("classes", ["identity"], {"Identity": ["SI.A"]}, {"all": ["SI.A"]}, {"*": ["SI.A"]}, "identity"),
        *each("classes", [], None),
        *each("purpose", "", "Identity_check", "marketing", ["identity_check"], 0),
        *each("medium", "", "ELECTRONIC", "qr", ["physical"]),
        *each("catalog_version", "", 2024, "v 1", "1" * 65),
        *each("card_status", "", "Active", "激活", 1),
        *each("assurance", "", "HIGH", 3),
        *each("request_hash", "", REQUEST_HASH[:-1], REQUEST_HASH + "A", "a" * 43, 5),
        *each("agreement", "", "a b", None),
        *each("one_time", 0, 1, "true", "false"),
        ("admin", True),
        *each("cnf", {}, {"x5t#S256": "A"}, {"x5t#S256": [REQUEST_HASH]}, {"jkt": REQUEST_HASH}, REQUEST_HASH, None),
        *each("cnf", {"x5t#S256": REQUEST_HASH, "jkt": REQUEST_HASH}, [{"x5t#S256": REQUEST_HASH}], 1),
        *[("status", {"status_list": {"idx": 1, "uri": uri}}) for uri in HOSTILE_ADDRESSES],
        *[("status", {"status_list": {"idx": idx, "uri": LIST}}) for idx in (-1, 2**31, 1.0, "1", True, None)],
        *each("status", {}, {"status_list": {}}, {"status_list": {"idx": 1}}, {"status_list": {"uri": LIST}}, LIST),
        *each("status", {"status_list": {"idx": 1, "uri": LIST}, "other": {}}, {"identifier_list": {"uri": LIST}}),
        ("status", {"status_list": {"idx": 1, "uri": LIST, "bits": 1}}),
        *each("card", {}, "", "SYN000001", REQUEST_HASH, "A" * 21, "A" * 21 + "B", "A" * 23, ["A" * 22], None),
        *each("original", {}, REQUEST_HASH, {"alg": "ES256"}, {"sha256": REQUEST_HASH}, {"alg": "", "sha256": "A"}),
        *each("original", {"alg": "ES256", "sha256": REQUEST_HASH, "kid": "1"}, {"alg": 1, "sha256": REQUEST_HASH}),
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
