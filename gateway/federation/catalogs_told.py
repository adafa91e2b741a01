"""What replicas of one gateway tell each other of catalogs, and through what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A version as replicas share it: list and number, digest of its canonical form, and its signatures by region.

    `whole` says that the document is there too.
    """

    catalog: str
    sequence: int
    digest: str
    signatures: dict[str, str]
    whole: bool = True

    @property
    def marks(self) -> frozenset[tuple[str, str]]:
        """Who has signed what."""
        return frozenset((self.digest, region) for region in self.signatures)

    @property
    def content(self) -> int:
        """Stand for all that it says, in little room."""
        return hash((self.catalog, self.sequence, self.digest, self.whole, frozenset(self.signatures.items())))


class SharedCatalogs(Protocol):
    """What replicas share; `gateway.store.shared_catalogs` keeps it. Every method may raise StoreUnavailableError."""

    async def told(self) -> Sequence[Told]:
        """Give all versions with their signatures, by catalog and sequence."""

    async def document(self, digest: str) -> bytes:
        """Give what was kept under a digest, empty where there is nothing, or nothing that a catalog can be."""

    async def keep(self, told: Told, document: bytes) -> Sequence[str]:
        """Keep a version and the signatures that it has more than before; of each region one for a number.

        Gives the regions whose signature was passed over, because another content is there for the number.
        """

    def listen(self) -> AsyncGenerator[str]:
        """Give a word whenever another replica may have told something."""
