"""What `onecard recognition verify` does: a recognition and its chain, proven from a fingerprint on, offline."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.console import screen
from gateway.errors import SettingsError
from trust.anchor import TrustAnchor
from trust.chain import Beliefs, verify_chain
from trust.errors import MalformedTokenError, UnknownIssuerError
from trust.roles import REGION_ROLE
from trust.statement import read_chain, read_statement
from trust.verifier import RecognitionVerifier, read_recognition

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trust.keys import KeyRing
    from trust.verified import VerifiedRecognition
    from trust.verified_entity import VerifiedEntity

_LONGEST_FILE: Final = 512 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is to be verified, and by what: files of the token and the chain, fingerprints, and what is expected.

    `audience` is the region in which it is shown, empty for whichever it names; `at` is Unix seconds.
    """

    token: Path
    chain: Path
    fingerprints: tuple[str, ...]
    audience: str
    at: int


def verify_offline(evidence: Evidence) -> None:
    """Verify, and print what is proven and what is not.

    Raises:
        SettingsError: a file cannot be read.
        TrustError: a leaf that says why the chain or the recognition is not believed.
    """
    token = _read(evidence.token).decode("ascii", "replace").strip()
    entity = _believed(_chain(evidence.chain), fingerprints=evidence.fingerprints, now=evidence.at)
    ring = entity.keys.get(REGION_ROLE)
    if ring is None:
        raise UnknownIssuerError
    console = screen()
    for line in _lines(entity, _verified(token, ring, evidence)):
        console.print(line, soft_wrap=True)


def _read(file: Path) -> bytes:
    """Read a file that is no longer than it may be."""
    try:
        with file.open("rb") as stream:
            data = stream.read(_LONGEST_FILE + 1)
    except OSError as error:
        raise SettingsError((f"{file.name}: cannot be read ({type(error).__name__})",)) from error
    if len(data) > _LONGEST_FILE:
        raise SettingsError((f"{file.name}: is longer than {_LONGEST_FILE} bytes",))
    return data


def _chain(file: Path) -> tuple[str, ...]:
    """Read the file of a trust chain (SettingsError where it is none)."""
    try:
        return read_chain(_read(file).strip())
    except MalformedTokenError:
        fault = "is no trust chain: `onecard trust chain` writes one, a JSON list of statements"
        raise SettingsError((f"{file.name}: {fault}",), heading="A file cannot be used.") from None


def _believed(chain: tuple[str, ...], *, fingerprints: tuple[str, ...], now: int) -> VerifiedEntity:
    """Verify the chain; whatever its anchor calls itself, a key with one of the fingerprints has to have signed it."""
    name = read_statement(chain[-1]).claims.sub
    anchors = {name: TrustAnchor(entity=name, fingerprints=frozenset(fingerprints))}
    return verify_chain(chain, beliefs=Beliefs(anchors=anchors), now=now)


def _verified(token: str, ring: KeyRing, evidence: Evidence) -> VerifiedRecognition:
    """Verify the recognition by the keys that the chain has shown; to which certificate it is bound is only told."""
    claims, _ = read_recognition(token, find=ring.find)
    bound = frozenset(() if claims.confirmation is None else (claims.confirmation,))
    audience = evidence.audience or claims.aud
    return RecognitionVerifier(ring).verify(token, audience=audience, now=evidence.at, certificates=bound)


def _lines(entity: VerifiedEntity, verified: VerifiedRecognition) -> Iterator[str]:
    """Tell what is proven, and then what nobody can see from files."""
    claims = verified.claims
    yield f"anchor        {entity.anchor}"
    yield f"issuer        {claims.iss}, {entity.entity}, until {moment(entity.expires_at)}"
    yield f"audience      {claims.aud}"
    yield f"item          {claims.item}, {claims.purpose}, {claims.medium}, under {claims.agreement}"
    for name, types in claims.classes.items():
        yield f"allows        {name}: {', '.join(types)}"
    yield f"card          {claims.card_status}, as of {moment(claims.card_status_as_of)}"
    yield f"life          {moment(claims.iat)} to {moment(claims.exp)}"
    yield f"key           {verified.key.algorithm} {verified.key.kid}"
    if claims.confirmation is not None:
        yield f"not checked   whether it is shown over the certificate {claims.confirmation}"
    if claims.status is not None:
        yield f"not checked   whether it was taken back: place {claims.status.index} of {claims.status.uri}"
    if claims.one_time:
        yield "not checked   whether it was used before: it is good once"
    yield "not checked   whether a key, the region or the agreement was revoked since"


def moment(seconds: int) -> str:
    """Write a time in UTC to the second."""
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(seconds))
