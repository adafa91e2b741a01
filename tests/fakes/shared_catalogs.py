"""What replicas share of catalogs, in memory."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.errors import StoreUnavailableError
from gateway.federation.catalogs_told import Told
from tests.fakes.catalogs import signature, written
from trust.party_signature import canonical_digest

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence


class FakeSharedCatalogs:
    """What replicas share, in memory; `fails` makes it unavailable."""

    def __init__(self) -> None:
        """Begin empty."""
        self.kept: dict[str, tuple[Told, bytes]] = {}
        self.writes = 0
        self.fails = False
        self._words: list[asyncio.Queue[str]] = []

    def put(self, plain: dict[str, Any], *regions: str, **changes: Any) -> None:  # noqa: ANN401 - any part of a version
        """Put a version there that some regions have signed, whatever is wrong with it."""
        signatures = {region: signature(region, plain) for region in regions}
        document = changes.pop("document", written(plain))
        place = {"catalog": plain["catalog"], "sequence": plain["sequence"]}
        told = Told(**{**place, "digest": canonical_digest(plain), "signatures": signatures, **changes})
        self.kept[told.digest] = told, document
        for words in self._words:
            words.put_nowait("")

    async def told(self) -> Sequence[Told]:
        """Give all versions."""
        self._require()
        return sorted((told for told, _ in self.kept.values()), key=lambda told: (told.catalog, told.sequence))

    async def document(self, digest: str) -> bytes:
        """Give a document."""
        self._require()
        return self.kept[digest][1]

    async def keep(self, told: Told, document: bytes) -> Sequence[str]:
        """Keep a version."""
        self._require()
        self.writes += 1
        before = self.kept[told.digest][0].signatures if told.digest in self.kept else {}
        place = told.catalog, told.sequence
        taken = {r for one, _ in self.kept.values() if (one.catalog, one.sequence) == place for r in one.signatures}
        signatures = {**{r: text for r, text in told.signatures.items() if r not in taken}, **before}
        if signatures != before:
            self.kept[told.digest] = replace(told, signatures=signatures), document
            for words in self._words:
                words.put_nowait("")
        return [region for region in told.signatures if region not in signatures]

    async def listen(self) -> AsyncGenerator[str]:
        """Give a word whenever something was kept."""
        self._require()
        words: asyncio.Queue[str] = asyncio.Queue()
        self._words.append(words)
        yield ""
        while True:
            yield await words.get()

    def _require(self) -> None:
        if self.fails:
            raise StoreUnavailableError(fault="not_ready")
