"""Signed statements of a federation: longer than a token, under the same strict parser and the same suites.

A statement has at most 65,536 characters (64 KiB), where a token has 4,096: it carries key sets, metadata and policies,
is fetched or kept in a file, and never stands in a header. Its form is read first and believed last: `read_jws` judges
form only, `prove` the signature.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from trust.edge import ForeignErrors
from trust.encoding import encode_base64url
from trust.errors import (
    BadSignatureError,
    KeyAlgorithmMismatchError,
    UnknownKeyError,
    WrongTypeError,
)
from trust.parser import ParsedToken, parse_token
from trust.signer import CompactWriter, signer_of
from trust.suites import SUITES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trust.keys import SigningKey, VerificationKey
    from trust.signer import Signer

MAX_STATEMENT_LENGTH: Final = 65_536
"""Characters of a signed statement."""

MAX_STATEMENT_BRACKETS: Final = 500
"""Opening brackets of a statement's payload, those inside strings counted too."""


def sign_jws(payload: Mapping[str, object], *, key: SigningKey | Signer, kind: str) -> str:
    """Write and sign a statement with the header alg, kid, typ.

    Raises:
        MalformedTokenError: the statement would be longer than a reader accepts.
        KeyMaterialError: the key cannot sign.
    """
    return CompactWriter(signer_of(key), kind=kind, max_length=MAX_STATEMENT_LENGTH).write(payload)


def read_jws(text: str, *, kind: str) -> ParsedToken:
    """Read a statement of one kind; nothing in it is proven.

    Raises:
        MalformedTokenError: not the one canonical form, or too long.
        EmbeddedKeyError: the header holds or points to a key.
        AlgorithmNotAllowedError: the algorithm is not in the table of suites.
        UnknownKeyError: the kid is not of the known form.
        WrongTypeError: it is of another kind.
    """
    parsed = parse_token(text, max_length=MAX_STATEMENT_LENGTH, max_brackets=MAX_STATEMENT_BRACKETS)
    if parsed.type != kind:
        raise WrongTypeError(expected=kind)
    return parsed


def digest_of(parsed: ParsedToken) -> str:
    """Give the SHA-256 of the payload as it was written, 43 characters of base64url.

    The signature is left out: the same content may be signed again, and an ES256 signature has two texts.
    """
    return encode_base64url(hashlib.sha256(parsed.signing_input.partition(b".")[2]).digest())


def prove(parsed: ParsedToken, *, keys: Iterable[VerificationKey]) -> VerificationKey:
    """Find the key of the statement's kid among these and verify the signature with it.

    Raises:
        UnknownKeyError: none of the keys has the kid.
        KeyAlgorithmMismatchError: the key is registered for another algorithm.
        BadSignatureError: the signature does not hold.
    """
    key = next((key for key in keys if key.kid == parsed.kid), None)
    if key is None:
        raise UnknownKeyError
    if parsed.algorithm != key.algorithm:
        raise KeyAlgorithmMismatchError(issuer=key.issuer, kid=key.kid)
    with ForeignErrors(issuer=key.issuer, kid=key.kid):
        holds = SUITES[key.algorithm].algorithm.verify(parsed.signing_input, key.public_key, parsed.signature)
    if not holds:
        raise BadSignatureError(issuer=key.issuer, kid=key.kid)
    return key
