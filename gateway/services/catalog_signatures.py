"""Proves the signatures of a catalog's version: each is of this very content, by a region whose list it is.

What a caller publishes is signed with a key that is believed today. What replicas of one gateway have shared, or what a
peer hands on, may be older than the key that signs now: there a key that has ended counts too, unless it was revoked,
for what it signed before. When that was the signature itself says; whoever fears for a key that has ended revokes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import GatewayError, InvalidFieldError
from trust.errors import TrustError, UnknownKeyError
from trust.keys import thumbprint
from trust.party_signature import verify_party_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from adapters.catalog_document import CatalogHead
    from gateway.services.catalog_version import Version
    from gateway.services.ports import Clock
    from trust.historical_keys import HistoricalKey
    from trust.keys import VerificationKey
    from trust.party_signature import PartySignature

MOST_SIGNATURES = 64
_CONTENT = "catalog"


class CatalogSignatures:
    """Knows whose keys are believed, and what time it is."""

    def __init__(
        self,
        keys: Callable[[str, str], Iterable[VerificationKey]],
        clock: Clock,
        ended: Callable[[str, str], Iterable[HistoricalKey]] = lambda _entity, _region: (),
    ) -> None:
        """Take where keys of an entity for a region are found, Unix time, and where those that have ended are."""
        self._keys = keys
        self._clock = clock
        self._ended = ended

    def proven(
        self, head: CatalogHead, digest: str, signatures: Sequence[str], *, past: bool = False
    ) -> dict[str, str]:
        """Prove each signature, and give them by region; `past` says that they may be older than the keys of today.

        Raises:
            InvalidFieldError: there are too many, one is of something else, or one key signs for two parties.
            TrustError: one does not hold, by the first thing that is wrong with it.
        """
        if len(signatures) > MOST_SIGNATURES:
            raise InvalidFieldError(("signatures", f"at_most_{MOST_SIGNATURES}"))
        found: dict[str, str] = {}
        signers: dict[str, str] = {}
        for text in signatures:
            said, key = self._verify(text, past=past)
            of_this = (said.content, said.name, said.digest) == (_CONTENT, head.catalog, digest)
            if not of_this or said.region not in head.regions:
                raise InvalidFieldError(("signatures", "of_this_document_by_its_regions"))
            if signers.setdefault(thumbprint(key.public_key), said.region) != said.region:
                raise InvalidFieldError(("signatures", "one_key_for_one_party"))
            found[said.region] = text
        return found

    def sound(
        self, catalog: str, digest: str, signatures: Mapping[str, str]
    ) -> tuple[dict[str, str], list[GatewayError | TrustError]]:
        """Give, of what replicas have shared as signatures by region, those that hold, and the faults of others."""
        found: dict[str, str] = {}
        faults: list[GatewayError | TrustError] = []
        for region, text in signatures.items():
            try:
                said, _ = self._verify(text, past=True)
                if (said.content, said.name, said.digest, said.region) != (_CONTENT, catalog, digest, region):
                    raise InvalidFieldError(("signatures", "of_this_document_by_its_regions"))
            except (GatewayError, TrustError) as error:
                faults.append(error)
            else:
                found[region] = text
        return found, faults

    def _verify(self, text: str, *, past: bool) -> tuple[PartySignature, VerificationKey]:
        """Prove one signature by itself (TrustError)."""
        now = int(self._clock())
        try:
            return verify_party_signature(text, keys=self._keys, now=now)
        except UnknownKeyError:
            if not past:
                raise
        ended: list[HistoricalKey] = []

        def former(entity: str, region: str) -> Iterable[VerificationKey]:
            ended.extend(self._ended(entity, region))
            return [old.key for old in ended]

        said, key = verify_party_signature(text, keys=former, now=now)
        if not any(old.key is key and old.vouched_for(said.iat) for old in ended):
            raise UnknownKeyError
        return said, key


def by_region(version: Version) -> dict[str, str]:
    """Pair the regions that have signed with their signatures, which are kept in this order."""
    return dict(zip(sorted(version.signed_by), version.signatures, strict=True))
