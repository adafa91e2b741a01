"""Planted values that must never be seen again, and a search that finds them in whatever coat they wear."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from adapters.document_numbers import HongKongIdentityCard
from adapters.identifiers import CardNumber, ElectronicSignNumber, IdentificationCode, SocialSecurityNumber

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PLANTED = {
    "name": "金丝雀样例",
    "traditional name": "金絲雀樣例",
    "romanised name": "KANARIENVOGEL",
    "social-security number": "50011219030731598X",
    "Hong Kong number": "K731598(8)",
    "card number": "QX7315982",
    "identification code": "5001129F7315ABCDEF73159826ABCDE1",
    "sign number": "KANARI-SIGN-7315982",
    "qr text": "KANARI-QR-73159826-OPAQUE",
    "consent": "KANARI-CONSENT-73159826",
    "request id": "kanari-request-73159826",
    "word": "kanari_region_73159826",
    "token": "eyJrYW5hcmkiOiI3MzE1OTgyNiJ9.eyJrYW5hcmkiOiI3MzE1OTgyNiJ9.a2FuYXJpNzMxNTk4MjY",
    "telephone": "13900731598",
}
"""Invented values that nobody has; the numbers have good check digits, so that they get past the first gate."""

READER_TEXT = (
    f"500112|{PLANTED['social-security number']}|{PLANTED['card number']}|{PLANTED['identification code']}|"
    f"{PLANTED['name']}            |0081544C928654C1FF|3.00|20210318|20310318|000000000001|D1|"
)
GOOD_FORM = {
    "social-security number": SocialSecurityNumber,
    "Hong Kong number": HongKongIdentityCard,
    "card number": CardNumber,
    "identification code": IdentificationCode,
    "sign number": ElectronicSignNumber,
}
_ALIGNMENTS = range(3)


@dataclass(frozen=True, slots=True)
class Trace:
    """A planted value that was found: which, in which coat, and where."""

    value: str
    coat: str
    where: str


def coats(text: str) -> Iterator[tuple[str, bytes]]:
    """Give the forms in which a text could come out: plain, in other encodings, escaped, encoded, hashed."""
    utf8 = text.encode()
    yield "plain", utf8
    yield "UTF-16", text.encode("utf-16-le")
    yield "UTF-16, big end first", text.encode("utf-16-be")
    yield "hexadecimal", utf8.hex().encode()
    yield "URL", quote(text, safe="").encode()
    yield "JSON", json.dumps(text)[1:-1].encode()
    yield "repr of bytes", repr(utf8)[2:-1].encode()
    yield "octal", "".join(chr(b) if 32 < b < 127 else f"\\{b:03o}" for b in utf8).encode()
    yield "reversed", text[::-1].encode()
    encoded = [("UTF-8", utf8)]
    if not text.isascii():
        encoded.append(("GBK", text.encode("gb18030")))
        yield "GBK", text.encode("gb18030")
        yield "URL of GBK", quote(text.encode("gb18030"), safe="").encode()
    for name, data in encoded:
        for alignment in _ALIGNMENTS:
            coat = _base64(data, alignment)
            yield f"Base64 of {name}", coat
            yield f"Base64 of {name} for URLs", coat.translate(bytes.maketrans(b"+/", b"-_"))
        for algorithm in ("sha256", "sha1", "md5", "sha512"):
            digest = hashlib.new(algorithm, data, usedforsecurity=False).digest()
            yield f"{algorithm} of {name}", digest.hex().encode()
            yield f"{algorithm} of {name}, Base64", base64.b64encode(digest).rstrip(b"=")
            yield f"{algorithm} of {name}, Base64 for URLs", base64.urlsafe_b64encode(digest).rstrip(b"=")


def _base64(data: bytes, alignment: int) -> bytes:
    """Encode data as it looks inside a longer text: without the characters that depend on its neighbors."""
    shifted = base64.b64encode(b"\0" * alignment + data)
    first = (alignment * 8 + 5) // 6
    return shifted[first : (alignment + len(data)) * 8 // 6]


def find(haystacks: Iterable[tuple[str, bytes]], values: Iterable[tuple[str, str]]) -> list[Trace]:
    """Search for values (pairs of what each is, and the text) in all their coats; case does not hide one."""
    pieces = [(where, hay, hay.lower()) for where, hay in haystacks]
    found = []
    for what, text in values:
        needles = dict.fromkeys((coat, needle) for coat, needle in coats(text))
        for coat, needle in needles:
            folded = needle.lower()
            exact = coat.startswith(("Base64", "UTF-16")) or coat.endswith(("Base64", "URLs"))
            for where, hay, low in pieces:
                if (needle in hay) if exact else (folded in low):
                    found.append(Trace(what, coat, where))
    return found
