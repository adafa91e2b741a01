"""Proves the signatures of a catalog's version: each is of this very content, by a region whose list it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import InvalidFieldError
from trust.keys import thumbprint
from trust.party_signature import verify_party_signature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from adapters.catalog_document import CatalogHead
    from gateway.services.catalog_version import Version
    from gateway.services.ports import Clock
    from trust.keys import VerificationKey

MOST_SIGNATURES = 64
_CONTENT = "catalog"


class CatalogSignatures:
    """Knows whose keys are believed, and what time it is."""

    def __init__(self, keys: Callable[[str, str], Iterable[VerificationKey]], clock: Clock) -> None:
        """Take where keys of an entity for a region are found, and Unix time."""
        self._keys = keys
        self._clock = clock

    def proven(self, head: CatalogHead, digest: str, signatures: Sequence[str]) -> dict[str, str]:
        """Prove each signature, and give them by region.

        Raises:
            InvalidFieldError: there are too many, one is of something else, or one key signs for two parties.
            TrustError: one does not hold, by the first thing that is wrong with it.
        """
        if len(signatures) > MOST_SIGNATURES:
            raise InvalidFieldError(("signatures", f"at_most_{MOST_SIGNATURES}"))
        found: dict[str, str] = {}
        signers: dict[str, str] = {}
        for text in signatures:
            said, key = verify_party_signature(text, keys=self._keys, now=int(self._clock()))
            of_this = (said.content, said.name, said.digest) == (_CONTENT, head.catalog, digest)
            if not of_this or said.region not in head.regions:
                raise InvalidFieldError(("signatures", "of_this_document_by_its_regions"))
            if signers.setdefault(thumbprint(key.public_key), said.region) != said.region:
                raise InvalidFieldError(("signatures", "one_key_for_one_party"))
            found[said.region] = text
        return found


def by_region(version: Version) -> dict[str, str]:
    """Pair the regions that have signed with their signatures, which are kept in this order."""
    return dict(zip(sorted(version.signed_by), version.signatures, strict=True))
