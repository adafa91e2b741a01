"""What the exchange needs of trust, played by keys of a test."""

from __future__ import annotations

from typing import Final

from trust.keys import KeyRing, SigningKey, VerificationKey
from trust.party_signature import canonical_digest
from trust.signer import KeySigner

REGIONS: Final = ("chongqing", "sichuan", "guizhou")
CALLERS: Final = tuple(f"{kind}.{region}" for kind in ("platform", "gateway", "agency") for region in REGIONS)
CALLER_KEYS: Final = {caller: SigningKey.generate("ES256", issuer=caller) for caller in CALLERS}


class FakeTrust:
    """Knows the keys of all gateways; a region may be forgotten."""

    def __init__(self) -> None:
        """Know everybody."""
        self._ring = KeyRing(key.public() for key in CALLER_KEYS.values())
        self.chains = True

    def issuer(self, region: str) -> str:
        """Name the gateway of a region."""
        return f"gateway.{region}"

    def signer(self, region: str) -> KeySigner:
        """Give what signs for a gateway."""
        return KeySigner(CALLER_KEYS[f"gateway.{region}"])

    def find(self, issuer: str, kid: str) -> VerificationKey:
        """Find the key of a gateway."""
        return self._ring.find(issuer, kid)

    def chain(self, region: str, agreement: str) -> tuple[str, ...]:
        """Give something that stands for a chain."""
        return (region, agreement, "anchor") if self.chains else ()

    def agreement_digest(self, agreement: str) -> str:
        """Give the digest of terms."""
        return canonical_digest({"id": agreement})
