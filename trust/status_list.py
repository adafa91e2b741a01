"""Token Status List: whether a token that lives on was revoked meanwhile (IETF OAuth draft, revision 20).

The issuer signs one list for many tokens, a few bits each; a token says its list and its place in it. The list is zlib
(RFC 1950) in base64url; places fill a byte from its least significant bit (section 4.1). Our profile is stricter: 1 or
2 bits, at most 2**20 places, `iss`, `exp` and `ttl` must be there, a list lives at most a day, and no further claim is
read. The reader never unpacks more than a list of that size has, whatever the compressed text promises.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Final

from trust.claim_rules import Rule, check_claims, is_address, is_count, is_members, is_time
from trust.claim_tables import CLOCK_SKEW_SECONDS, is_issuer
from trust.encoding import decode_base64url, encode_base64url
from trust.errors import (
    ClaimInvalidError,
    ExpiredError,
    NotYetValidError,
    RecognitionRevokedError,
    StatusUnknownError,
    UnknownKeyError,
)
from trust.jws import MAX_STATEMENT_LENGTH, prove, read_jws
from trust.signer import CompactWriter, signer_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trust.claims import StatusReference
    from trust.keys import FindKey, SigningKey
    from trust.signer import Signer

STATUS_LIST_TYPE: Final = "statuslist+jwt"
MAX_PLACES: Final = 2**20
MAX_LIFE_SECONDS: Final = 86_400

_BITS: Final = (1, 2)
_BYTE: Final = 8


class Status(IntEnum):
    """State of a token (section 7.1); a list of 1 bit knows the first two."""

    VALID = 0
    INVALID = 1
    SUSPENDED = 2


_REVOKED: Final[Mapping[int, str]] = {Status.INVALID: "revoked", Status.SUSPENDED: "suspended"}


def _is_bits(value: object) -> bool:
    """Accept 1 and 2; true is not a number."""
    return type(value) is int and value in _BITS


_TABLE: Final[Mapping[str, Rule]] = {
    "iss": Rule("identifier", lambda value: isinstance(value, str) and is_issuer(value)),
    "sub": Rule("address of the list", is_address),
    "iat": Rule("whole seconds", is_time),
    "exp": Rule("whole seconds", is_time),
    "ttl": Rule("whole seconds from 1", is_count),
    "status_list": Rule("bits and list", is_members(bits=_is_bits, lst=lambda value: isinstance(value, str))),
}


@dataclass(frozen=True, slots=True)
class Statuses:
    """The states themselves: `packed` bytes of `bits` (1 or 2) for each place."""

    bits: int
    packed: bytes = field(repr=False)

    def __len__(self) -> int:
        """Count the places."""
        return len(self.packed) * _BYTE // self.bits

    def at(self, index: int) -> int:
        """Give the number at a place, IndexError beyond the last or before the first."""
        if not 0 <= index < len(self):
            raise IndexError
        position = index * self.bits
        return self.packed[position // _BYTE] >> position % _BYTE & (1 << self.bits) - 1

    def compressed(self) -> str:
        """Write them as they stand in a list."""
        return encode_base64url(zlib.compress(self.packed, 9))

    @classmethod
    def read(cls, bits: int, text: str) -> Statuses:
        """Read them, never more than `MAX_PLACES`.

        Raises:
            ClaimInvalidError: not base64url, not one whole zlib stream, empty, or too long.
        """
        data = decode_base64url(text)
        packed = None if data is None else _inflate(data, at_most=MAX_PLACES * bits // _BYTE)
        if not packed:
            raise ClaimInvalidError(claim="status_list", rule="compressed list")
        return cls(bits, packed)


def _inflate(data: bytes, *, at_most: int) -> bytes | None:
    """Unpack one zlib stream; None when it is damaged, unfinished, followed by something, or longer than said."""
    stream = zlib.decompressobj()
    try:
        packed = stream.decompress(data, at_most + 1)
    except zlib.error:
        return None
    return packed if stream.eof and not stream.unused_data and len(packed) <= at_most else None


def pack(changed: Mapping[int, Status], *, places: int, bits: int = 1) -> Statuses:
    """Pack states; every place that is not named is VALID. The number of places is rounded up to whole bytes.

    Raises:
        ClaimInvalidError: bits, number of places, a place or a state is out of range.
    """
    if not _is_bits(bits) or not 0 < places <= MAX_PLACES:
        raise ClaimInvalidError(claim="status_list", rule="bits and list")
    packed = bytearray(-(-places * bits // _BYTE))
    for index, status in changed.items():
        if not 0 <= index < places or status >> bits:
            raise ClaimInvalidError(claim="status_list", rule="place and state in range")
        position = index * bits
        packed[position // _BYTE] |= status << position % _BYTE
    return Statuses(bits, bytes(packed))


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusList:
    """That the tokens of `issuer` whose list is `uri` have these states, as of `iat`; to be asked again after `ttl` s.

    Not to be relied on from `exp` on (Unix seconds).
    """

    issuer: str
    uri: str
    iat: int
    exp: int
    ttl: int
    statuses: Statuses

    def to_payload(self) -> dict[str, object]:
        """Write the claims as they stand in the token."""
        told = {"bits": self.statuses.bits, "lst": self.statuses.compressed()}
        times = {"iat": self.iat, "exp": self.exp, "ttl": self.ttl}
        return {"iss": self.issuer, "sub": self.uri, **times, "status_list": told}

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> StatusList:
        """Read the claims, exact types only.

        Raises:
            ClaimInvalidError: a claim is missing, unknown or against its rule.
        """
        check_claims(payload, _TABLE)
        iat, exp, told = payload["iat"], payload["exp"], payload["status_list"]
        if not 0 < exp - iat <= MAX_LIFE_SECONDS:
            raise ClaimInvalidError(claim="exp", rule="at most a day")
        statuses = Statuses.read(told["bits"], told["lst"])
        return cls(issuer=payload["iss"], uri=payload["sub"], iat=iat, exp=exp, ttl=payload["ttl"], statuses=statuses)

    def demand_valid(self, reference: StatusReference) -> None:
        """Let a token pass whose place says VALID.

        Raises:
            RecognitionRevokedError: the place says INVALID or SUSPENDED.
            StatusUnknownError: the list has no such place, is another one, or says what we do not know.
        """
        if reference.uri != self.uri or reference.index >= len(self.statuses):
            raise StatusUnknownError(issuer=self.issuer, rule="place in the list")
        state = self.statuses.at(reference.index)
        if state == Status.VALID:
            return
        if state in _REVOKED:
            raise RecognitionRevokedError(issuer=self.issuer, status=_REVOKED[state])
        raise StatusUnknownError(issuer=self.issuer, rule="state")


def sign_status_list(statuses: StatusList, *, key: SigningKey | Signer) -> str:
    """Sign a list, typ `statuslist+jwt`.

    Raises:
        ClaimInvalidError: a claim is against its rule, or `issuer` is not the issuer of the key.
        MalformedTokenError: it would be longer than 64 KiB.
    """
    payload, signer = statuses.to_payload(), signer_of(key)
    StatusList.from_payload(payload)
    if statuses.issuer != signer.issuer:
        raise ClaimInvalidError(claim="iss", rule="issuer of the signing key")
    return CompactWriter(signer, kind=STATUS_LIST_TYPE, max_length=MAX_STATEMENT_LENGTH).write(payload)


def verify_status_list(text: str, *, uri: str, issuer: str, find: FindKey, now: int) -> StatusList:
    """Believe a list that its issuer signed for this very address.

    Args:
        text: compact JWS.
        uri: what the token to be judged says, character by character.
        issuer: the issuer of that token.
        find: looks up the issuer's keys, as for its tokens.
        now: Unix seconds.

    Raises:
        TrustError: a leaf that names the first check that fails.
    """
    parsed = read_jws(text, kind=STATUS_LIST_TYPE)
    if parsed.payload.get("iss") != issuer:
        raise ClaimInvalidError(claim="iss", rule="issuer of the token")
    key = find(issuer, parsed.kid)
    if key.issuer != issuer:
        raise UnknownKeyError
    prove(parsed, keys=(key,))
    statuses = StatusList.from_payload(parsed.payload)
    if statuses.uri != uri:
        raise ClaimInvalidError(claim="sub", rule="address in the token")
    if statuses.iat - now > CLOCK_SKEW_SECONDS:
        raise NotYetValidError(claim="iat", skew_seconds=str(statuses.iat - now))
    if now >= statuses.exp:
        raise ExpiredError(claim="exp", skew_seconds=str(now - statuses.exp))
    return statuses
