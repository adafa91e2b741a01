"""The strict parser: a compact JWS (RFC 7515) in the one form in which we write it ourselves.

It reads each part of a token once; what it hands on is what is verified, so there is no second reading to disagree
with. It judges form only and believes nothing. In this order:

1. at most 4,096 characters, counted before anything else (a caller that reads longer documents says how long);
2. three parts in canonical base64url (the third may be empty: the header decides first);
3. a header of the names alg, typ and kid and no other; a key in it, or a place to fetch one, is an error of its own;
4. an algorithm of the table, a `typ` that is a string, a kid of the known form;
5. strict JSON: UTF-8 without byte-order mark, one object, no name twice (nor its upper-case twin) in any object,
   few brackets, no control characters. A number that is not a whole one of at most 53 bits is read as `UNUSABLE`,
   which no claim accepts, so that the claim can be named.

A header says the same in every token of a key and a kind. So what a short one says is remembered by its exact text;
it is a function of this text alone, and believes no more than reading it anew would.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from trust.encoding import decode_base64url
from trust.errors import EmbeddedKeyError, MalformedTokenError, UnknownKeyError, WrongTypeError
from trust.keys import KID
from trust.suites import suite_named

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_TOKEN_LENGTH: Final = 4096
MAX_BRACKETS: Final = 32
"""Opening brackets a document may hold; it cannot nest deeper than that."""

UNUSABLE: Final = object()
"""What a number becomes that is not a whole one within 53 bits: it equals nothing and has no type that is accepted."""

_MAX_INTEGER: Final = 2**53 - 1
_MAX_DIGITS: Final = 17
_SAFE_DIGITS: Final = 15
"""Any whole number of so many characters is within 53 bits."""

_PARTS: Final = 3
_REMEMBERED_HEADERS: Final = 512
_REMEMBERED_LENGTH: Final = 256
"""Characters of a header that is remembered; ours have some 140."""

_HEADER_NAMES: Final = frozenset({"alg", "typ", "kid"})
_EMBEDDING_NAMES: Final = ("jwk", "jku", "x5c", "x5u")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ParsedToken:
    """A token that has the right form. Nothing in it is proven; its repr shows nothing.

    `signing_input` is the ASCII text that the signature covers, `signature` the raw bytes.
    """

    algorithm: str
    type: str
    kid: str
    payload: Mapping[str, object]
    signing_input: bytes
    signature: bytes


def parse_token(token: str, *, max_length: int = MAX_TOKEN_LENGTH, max_brackets: int = MAX_BRACKETS) -> ParsedToken:
    """Read a compact JWS.

    Args:
        token: the text.
        max_length: how many characters it may have.
        max_brackets: how many opening brackets the payload may hold (see `strict_json`).

    Raises:
        MalformedTokenError: size, parts, encoding, JSON or header names.
        EmbeddedKeyError: the header holds or points to a key.
        AlgorithmNotAllowedError: the algorithm is missing or not in the table.
        WrongTypeError: `typ` is missing or not a string.
        UnknownKeyError: the kid is missing or not of the known form.
    """
    if len(token) > max_length:
        raise MalformedTokenError(rule="size")
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise MalformedTokenError(rule="parts")
    read = _known_header if len(parts[0]) <= _REMEMBERED_LENGTH else _read_header
    algorithm, kind, kid = read(parts[0])
    payload, signature = strict_json(_decode(parts[1]), max_brackets=max_brackets), _decode(parts[2])
    signing_input = f"{parts[0]}.{parts[1]}".encode("ascii")
    return ParsedToken(
        algorithm=algorithm, type=kind, kid=kid, payload=payload, signing_input=signing_input, signature=signature
    )


def _decode(part: str) -> bytes:
    """Decode one part of a token."""
    data = decode_base64url(part)
    if data is None:
        raise MalformedTokenError(rule="base64url")
    return data


def _read_header(part: str) -> tuple[str, str, str]:
    """Give algorithm, type and kid of a header that holds these and nothing else."""
    header = strict_json(_decode(part))
    for name in _EMBEDDING_NAMES:
        if name in header:
            raise EmbeddedKeyError(header=name)
    if not _HEADER_NAMES.issuperset(header):
        raise MalformedTokenError(rule="header")
    suite, kind, kid = suite_named(header.get("alg")), header.get("typ"), header.get("kid")
    if not isinstance(kind, str):
        raise WrongTypeError
    if not isinstance(kid, str) or not KID.fullmatch(kid):
        raise UnknownKeyError
    return suite.name, kind, kid


_known_header: Final = lru_cache(maxsize=_REMEMBERED_HEADERS)(_read_header)


def strict_json(raw: bytes, *, max_brackets: int = MAX_BRACKETS) -> dict[str, object]:
    """Read a JSON object (RFC 8259) in which every name is said once.

    Args:
        raw: UTF-8 without byte-order mark.
        max_brackets: how many opening brackets there may be, those inside strings counted too; 500 at most.

    Raises:
        MalformedTokenError: it is anything else.
    """
    if raw.count(b"[") + raw.count(b"{") > max_brackets:
        raise MalformedTokenError(rule="depth")
    try:
        document = _DECODER.decode(raw.decode("utf-8"))
    except ValueError:
        document = None
    # Raised outside the handler: the decoder's own errors carry the document, which must not travel with ours.
    if not isinstance(document, dict):
        raise MalformedTokenError(rule="json")
    return document


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object whose names differ even when case is folded (iss, Iss, \u0130ss)."""
    document = dict(pairs)
    names = "".join(document)
    # ASCII without capitals is its own folded form, and almost every object has such names only.
    folded = document if names.isascii() and names.lower() == names else {name.casefold() for name in document}
    if not len(pairs) == len(document) == len(folded):
        raise MalformedTokenError(rule="names")
    return document


def _read_integer(text: str) -> object:
    """Read a whole number without converting long ones."""
    if len(text) <= _SAFE_DIGITS:
        return int(text)
    number = int(text) if len(text) <= _MAX_DIGITS else None
    return number if number is not None and abs(number) <= _MAX_INTEGER else UNUSABLE


def _refuse_number(_text: str) -> object:
    """Stand in for a fraction, an exponent, NaN or an infinity."""
    return UNUSABLE


# Made once: with options of its own, each call of the library would make it again.
_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_distinct,
    parse_int=_read_integer,
    parse_float=_refuse_number,
    parse_constant=_refuse_number,
)
