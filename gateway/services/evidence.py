"""What is recorded of a decision, and the one form in which it is written and hashed.

Exactly one record for each decision: who decided what for whom about which item and why, and never a name, a number,
a token or a body. Whom it is about is an HMAC under a secret that lies outside the store, so that nobody who has the
records can try out numbers (an unkeyed hash of a citizen number is undone within hours). And that HMAC stands beside
the record, which holds only a salted hash of it: erased, nothing of the person is left, and the record still verifies.

A record is JSON in the canonical form of RFC 8785: names sorted, no spaces, UTF-8. It has all its members always.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

from gateway.errors import SettingsError
from gateway.store.schema import new_id, now_micros
from trust.encoding import encode_base64url
from trust.merkle import HASH_BYTES, leaf_hash

VERSION: Final = 1
SECRET_BYTES: Final = 32
SALT_BYTES: Final = 16
PERSONAL_BYTES: Final = SALT_BYTES + 2 * HASH_BYTES
_NOBODY: Final = bytes(HASH_BYTES)
_SUBJECT_DOMAIN: Final = "onecard evidence subject 1"
_TOKEN_DOMAIN: Final = "onecard evidence token 1"  # noqa: S105 - names what is hashed, and is no secret
_PAGING_DOMAIN: Final = "onecard evidence paging 1"
_EXCHANGE_DOMAIN: Final = "onecard exchange keys 1"
_SHORT: Final = 16
_quoted: Final = json.JSONEncoder(ensure_ascii=False).encode
_known: Final = lru_cache(maxsize=4096)(_quoted)
"""Writes names of which there are few, such as those of methods, regions and callers."""


class Outcome(StrEnum):
    """What was decided."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    FAILED = "failed"


class Known(StrEnum):
    """As what a person is known where the decision was made."""

    HOLDER = "holder"
    PSEUDONYM = "pseudonym"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a decision is about: a holder by the key of the home region, or by that region's pseudonym for another.

    `name` is never stored.
    """

    known: Known
    home_region: str
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision. `method` is what was called, or what did something by itself.

    `reason` is an ErrorReason without prefix, OK where nothing stood in the way; `who_failed` goes with a refusal.
    `source` and `target` are the region that asked and the one that was asked about. `certificate` is the thumbprint
    that the caller has shown, `kid` names the key of its token, `token` is the jti of that, `recognition` the jti of
    the recognition that was issued or verified; both are stored as HMAC only. `detail` is a digest or a count.
    """

    method: str
    outcome: Outcome
    reason: str = "OK"
    who_failed: str = ""
    caller: str = ""
    certificate: str = ""
    kid: str = ""
    token: str = field(default="", repr=False)
    source: str = ""
    target: str = ""
    item: str = ""
    subject: Subject | None = field(default=None, repr=False)
    recognition: str = field(default="", repr=False)
    trace_id: str = ""
    detail: str = ""
    time: int = field(default_factory=now_micros)
    id: bytes = field(default_factory=new_id)


class Entry(NamedTuple):
    """A decision as it is stored; `personal` is erased some day."""

    time: int
    record: bytes
    leaf: bytes
    personal: bytes | None


class EvidenceSecret:
    """The secret of the evidence; what it makes of a name cannot be made without it.

    Raises:
        SettingsError: it has not 32 bytes.
    """

    def __init__(self, secret: bytes) -> None:
        """Keep the secret."""
        if len(secret) != SECRET_BYTES:
            raise SettingsError((f"evidence.secret: {SECRET_BYTES} bytes are needed",))
        self._secret = secret
        self.token = lru_cache(maxsize=1024)(self._token)

    def subject(self, subject: Subject) -> bytes:
        """Give what stands for a person, 32 bytes."""
        return self._mac(_SUBJECT_DOMAIN, subject.known, subject.home_region, subject.name)

    def recognition(self, jti: str) -> bytes:
        """Give what stands for a recognition, 32 bytes."""
        return self._mac(_TOKEN_DOMAIN, jti)

    def paging_key(self) -> bytes:
        """Give the key of page tokens, 32 bytes: the same on all replicas, so that each reads those of the others."""
        return self._mac(_PAGING_DOMAIN)

    def exchange_key(self) -> bytes:
        """Give the key of what stands for the keys that callers choose in the exchange, 32 bytes."""
        return self._mac(_EXCHANGE_DOMAIN)

    def _token(self, jti: str) -> str:
        """Give what stands for a caller's token, 22 characters."""
        return encode_base64url(self._mac(_TOKEN_DOMAIN, jti)[:_SHORT])

    def _mac(self, domain: str, *names: str) -> bytes:
        # Each name goes in with its length, so that no two lists of names give the same bytes.
        message = domain + "".join([f" {len(name)}:{name}" for name in names])
        return hmac.digest(self._secret, message.encode("utf-8", "surrogatepass"), "sha256")


def write_entry(decision: Decision, *, secret: EvidenceSecret, salt: bytes) -> Entry:
    """Write a decision as it is stored; the salt, 16 random bytes, is used once."""
    personal = None
    if decision.subject is not None or decision.recognition:
        subject = _NOBODY if decision.subject is None else secret.subject(decision.subject)
        recognition = secret.recognition(decision.recognition) if decision.recognition else _NOBODY
        personal = salt + subject + recognition
    token = secret.token(decision.token) if decision.token else ""
    record = _write(decision, token=token, personal="" if personal is None else commitment(personal))
    return Entry(decision.time, record, leaf_hash(record), personal)


def commitment(personal: bytes) -> str:
    """Give what a record holds of its personal part, 43 characters."""
    return encode_base64url(sha256(personal).digest())


def subject_of(personal: bytes) -> bytes:
    """Give the HMAC of the person in a personal part."""
    return personal[SALT_BYTES : SALT_BYTES + HASH_BYTES]


def _write(decision: Decision, *, token: str, personal: str) -> bytes:
    """Write the record; the names stand in their order, and all of them always."""
    return (
        f'{{"caller":{_known(decision.caller)},"certificate":{_known(decision.certificate)},'
        f'"detail":{_quoted(decision.detail)},"id":"{decision.id.hex()}","item":{_known(decision.item)},'
        f'"kid":{_known(decision.kid)},"method":{_known(decision.method)},"outcome":"{decision.outcome.value}",'
        f'"personal":"{personal}","reason":{_known(decision.reason)},"source":{_known(decision.source)},'
        f'"target":{_known(decision.target)},"time":{decision.time},"token":"{token}",'
        f'"trace_id":{_quoted(decision.trace_id)},"v":{VERSION},"who_failed":{_known(decision.who_failed)}}}'
    ).encode("utf-8", "backslashreplace")
