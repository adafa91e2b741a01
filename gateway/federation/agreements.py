"""Whether an agreement stands: every party has signed it as it lies here, and none has stopped it."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from gateway.errors import SettingsError
from gateway.federation.publisher_ledger import read_json, write_whole
from trust.agreement import Agreement
from trust.errors import AgreementNotSignedError, TrustError
from trust.keys import thumbprint
from trust.party_signature import canonical_digest, verify_party_signature

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gateway.services.ports import Clock
    from trust.keys import VerificationKey

_LONGEST_FILE = 256 * 1024
_MOST_SIGNATURES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAgreement:
    """An agreement as the operator keeps it: its terms, their canonical digest, the body's entity, the signatures."""

    agreement: Agreement
    digest: str
    anchor: str
    signatures: tuple[str, ...]


def load_agreement(terms: Path, signatures: Path, *, anchor: str) -> SignedAgreement:
    """Read the terms (TOML) and the signatures, if there are any (compact JWS, one to a line); nothing is proven yet.

    Raises:
        SettingsError: a file cannot be read.
        AgreementDataError: the terms are written wrongly.
    """
    try:
        data = tomllib.loads(_text(terms))
    except ValueError as error:
        raise SettingsError((f"{terms.name}: is not TOML",)) from error
    lines = (
        tuple(line.strip() for line in _text(signatures).splitlines() if line.strip()) if signatures.exists() else ()
    )
    if len(lines) > _MOST_SIGNATURES:
        raise SettingsError((f"{signatures.name}: has more than {_MOST_SIGNATURES} signatures",))
    return SignedAgreement(
        agreement=Agreement.from_mapping(data), digest=canonical_digest(data), anchor=anchor, signatures=lines
    )


def _text(file: Path) -> str:
    """Read a file of text (SettingsError where it is too long or no text)."""
    try:
        data = file.read_bytes()
        if len(data) > _LONGEST_FILE:
            raise SettingsError((f"{file.name}: is longer than {_LONGEST_FILE} bytes",))
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError((f"{file.name}: cannot be read as text ({type(error).__name__})",)) from error


class Believed(Protocol):
    """What the standing of an agreement rests on."""

    def party_keys(self, entity: str, region: str, *, anchor: str) -> Iterable[VerificationKey]:
        """Give the federation keys of an entity that stands for a region under an anchor; none if it does not."""

    def require_agreement(self, agreement: str) -> None:
        """Refuse an agreement that has been stopped (AgreementStoppedError)."""


class AgreementStanding:
    """Says of each agreement whether it stands; a signature that was proven once stays proven for that content."""

    def __init__(
        self, agreements: Iterable[SignedAgreement], *, believed: Believed, clock: Clock, proven: ProvenSignatures
    ) -> None:
        """Take the agreements as they lie here, whose keys are believed, and what was proven before."""
        self._agreements = {signed.agreement.id: signed for signed in agreements}
        self._believed = believed
        self._clock = clock
        self._proven = proven
        self._standing: set[str] = set()

    def require(self, agreement: str) -> None:
        """Demand that an agreement stands.

        Raises:
            AgreementStoppedError: a party has stopped it.
            AgreementNotSignedError: a party has not signed it, or its key is not believed.
        """
        self._believed.require_agreement(agreement)
        if agreement not in self._standing:
            self._prove(self._agreements[agreement])
            self._standing.add(agreement)

    def settle(self) -> None:
        """Prove what can be proven by now: it stays so when a party rotates the key that signed (SettingsError)."""
        for agreement in self._agreements.keys() - self._standing:
            if not self.missing(agreement):
                self._standing.add(agreement)

    def anchor(self, agreement: str) -> str:
        """Name the entity of the body that an agreement stands for."""
        return self._agreements[agreement].anchor

    def missing(self, agreement: str) -> tuple[str, ...]:
        """Name the parties whose signature is not there, or not proven; a key signs for one party only."""
        signed = self._agreements[agreement]
        known = self._proven.regions(agreement, signed.digest)
        signers: dict[str, str] = {}
        for text in signed.signatures:
            region, mark = self._signer(text, signed) or ("", "")
            if region:
                signers.setdefault(mark, region)
        found = known | set(signers.values())
        if found > known:
            self._proven.keep(agreement, signed.digest, found)
        return tuple(region for region in signed.agreement.regions if region not in found)

    def _prove(self, signed: SignedAgreement) -> None:
        missing = self.missing(signed.agreement.id)
        if missing:
            raise AgreementNotSignedError(agreement=signed.agreement.id, region=missing[0])

    def _signer(self, text: str, signed: SignedAgreement) -> tuple[str, str] | None:
        """Name the region for which a signature of these very terms is proven, and the thumbprint of the key."""

        def keys(entity: str, region: str) -> Iterable[VerificationKey]:
            return self._believed.party_keys(entity, region, anchor=signed.anchor)

        try:
            said, key = verify_party_signature(text, keys=keys, now=int(self._clock()))
        except TrustError:
            return None
        same = (said.content, said.name, said.digest) == ("agreement", signed.agreement.id, signed.digest)
        good = same and said.region in signed.agreement.regions
        return (said.region, thumbprint(key.public_key)) if good else None


class ProvenSignatures:
    """What was proven before, by agreement: the digest of its terms and the parties that signed them, in a file.

    Raises:
        SettingsError: the file holds something else.
    """

    def __init__(self, file: Path) -> None:
        """Begin with what was kept."""
        self._file = file
        self._lock = Lock()
        self._table: dict[str, list[Any]] = read_json(file, {})
        if not isinstance(self._table, dict) or not all(map(_is_entry, self._table.values())):
            raise SettingsError((f"{file.name}: is not what was written there",))

    def regions(self, agreement: str, digest: str) -> frozenset[str]:
        """Give the parties that are known to have signed these terms."""
        kept, regions = self._table.get(agreement, ("", ()))
        return frozenset(regions) if kept == digest else frozenset()

    def keep(self, agreement: str, digest: str, regions: Iterable[str]) -> None:
        """Remember who has signed, from any thread (SettingsError where it cannot be written)."""
        with self._lock:
            table = {**self._table, agreement: [digest, sorted(regions)]}
            write_whole(self._file, json.dumps(table).encode())
            self._table = table


def _is_entry(entry: object) -> bool:
    """Tell whether an entry is a digest and a list of regions."""
    match entry:
        case [str(), list() as regions]:
            return all(isinstance(region, str) for region in regions)
    return False
