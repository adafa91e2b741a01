"""Party signatures: several parties sign the same content, which is in force once every one of them has.

A cooperation agreement and a joint catalog are both of that kind. The content itself stays readable as it is (a table
of plain values); what each party signs is its SHA-256 over the canonical form of RFC 8785, so that it does not matter
how a party's editor orders keys or sets spaces. A signature is a compact JWS of typ `onecard-party-signature+jwt`,
signed with a federation key of the party's entity: anybody can check one by itself, and they can be gathered in any
order. One that was proven once stays proven for that content: keys rotate, and a party that changes its mind stops the
agreement (`trust.revocation`) instead of letting a key disappear.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from trust.claim_rules import Rule, check_claims, is_digest, is_entity, is_one_of, is_text, is_time
from trust.claims import CLOCK_SKEW_SECONDS
from trust.encoding import encode_base64url
from trust.errors import ClaimInvalidError, NotYetValidError
from trust.jws import prove, read_jws, sign_jws
from trust.vocabulary import is_region

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trust.keys import SigningKey, VerificationKey
    from trust.signer import Signer

PARTY_SIGNATURE_TYPE: Final = "onecard-party-signature+jwt"
CONTENTS: Final = frozenset({"agreement", "catalog"})

_NAME: Final = re.compile(r"[a-z][a-z0-9._-]{1,63}")
_MAX_EXACT: Final = 2**53
_CANONICAL: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
_TABLE: Final[Mapping[str, Rule]] = {
    "iss": Rule("entity identifier", is_entity),
    "region": Rule("region", lambda value: isinstance(value, str) and is_region(value)),
    "iat": Rule("whole seconds", is_time),
    "content": Rule("closed list", is_one_of(CONTENTS)),
    "name": Rule("identifier", is_text(_NAME)),
    "digest": Rule("SHA-256", is_digest),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartySignature:
    """That the entity `iss`, for its `region`, agrees to a content: its kind, its name, and its canonical digest.

    `iat` is when it signed, Unix seconds.
    """

    iss: str
    region: str
    iat: int
    content: str
    name: str
    digest: str

    @classmethod
    def from_payload(cls, payload: Mapping[str, object]) -> PartySignature:
        """Read the claims, exact types only.

        Raises:
            ClaimInvalidError: a claim is missing, unknown or against its rule.
        """
        check_claims(payload, _TABLE)
        return cls(**payload)  # type: ignore[arg-type]  # the table has checked every type


def canonical_bytes(content: Mapping[str, object]) -> bytes:
    """Write a content in the canonical form of RFC 8785.

    Dates count as their ISO 8601 text. Keys are ASCII and numbers whole, for which the form needs no more than sorting.

    Raises:
        ClaimInvalidError: a value that has no such form (a fraction, a number over 53 bits, a key that is not ASCII).
    """
    try:
        return _CANONICAL.encode(_plain(content)).encode()
    except UnicodeEncodeError:
        raise ClaimInvalidError(claim="content", rule="has a canonical form") from None


def canonical_digest(content: Mapping[str, object]) -> str:
    """Give the SHA-256 of a content in its canonical form, 43 characters of base64url (ClaimInvalidError)."""
    return digest_of_bytes(canonical_bytes(content))


def digest_of_bytes(canonical: bytes) -> str:
    """Give the SHA-256 of a canonical form, 43 characters of base64url."""
    return encode_base64url(hashlib.sha256(canonical).digest())


def _plain(value: object) -> object:
    """Give a value as JSON has it."""
    match value:
        case str() | bool():
            return value
        case int() if -_MAX_EXACT < value < _MAX_EXACT:
            return value
        case date() | datetime():
            return value.isoformat()
        case list() | tuple():
            return [_plain(entry) for entry in value]
        case dict() if all(isinstance(key, str) and key.isascii() for key in value):
            return {key: _plain(entry) for key, entry in value.items()}
    raise ClaimInvalidError(claim="content", rule="has a canonical form")


def sign_as_party(signature: PartySignature, *, key: SigningKey | Signer) -> str:
    """Sign for a party, typ `onecard-party-signature+jwt`.

    Raises:
        ClaimInvalidError: a claim is against its rule, or `iss` is not the issuer of the key.
    """
    payload = asdict(signature)
    PartySignature.from_payload(payload)
    if signature.iss != key.issuer:
        raise ClaimInvalidError(claim="iss", rule="issuer of the signing key")
    return sign_jws(payload, key=key, kind=PARTY_SIGNATURE_TYPE)


def verify_party_signature(
    text: str, *, keys: Callable[[str, str], Iterable[VerificationKey]], now: int
) -> tuple[PartySignature, VerificationKey]:
    """Prove one signature, and give the key that it was given with; what it is for, the reader has to compare.

    Args:
        text: compact JWS.
        keys: the federation keys that are believed to be those of an entity which stands for a region; none if it does
            not stand for it.
        now: Unix seconds.

    Raises:
        TrustError: a leaf that names the first check that fails.
    """
    parsed = read_jws(text, kind=PARTY_SIGNATURE_TYPE)
    signature = PartySignature.from_payload(parsed.payload)
    key = prove(parsed, keys=keys(signature.iss, signature.region))
    if signature.iat - now > CLOCK_SKEW_SECONDS:
        raise NotYetValidError(claim="iat", skew_seconds=str(signature.iat - now))
    return signature, key
