"""Rendered pages, kept in memory up to a bound of bytes; those that were asked for longest ago go first."""

from __future__ import annotations

import gzip
import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Hashable

_LEVEL: Final = 6
_ENTRY: Final = 1024
"""What an entry costs beside its bytes, roughly."""


@dataclass(frozen=True, slots=True)
class KeptPage:
    """A rendered page: status, bytes packed by gzip (RFC 1952), digest of its text, how long it serves, its type."""

    status: int
    packed: bytes
    digest: str
    max_age_seconds: int
    content_type: str

    @classmethod
    def of(cls, text: str, *, status: int, max_age_seconds: int, content_type: str) -> KeptPage:
        """Pack a page; the same text gives the same bytes."""
        raw = text.encode()
        packed = gzip.compress(raw, compresslevel=_LEVEL, mtime=0)
        return cls(status, packed, hashlib.sha256(raw).hexdigest()[:24], max_age_seconds, content_type)

    def raw(self) -> bytes:
        """Give the text for a reader that takes no gzip."""
        return gzip.decompress(self.packed)


class PageCache:
    """Pages by what they answer."""

    def __init__(self, most_bytes: int) -> None:
        """Keep no more than so many bytes."""
        self._most = most_bytes
        self._kept: OrderedDict[Hashable, KeptPage] = OrderedDict()
        self.bytes = 0

    def __len__(self) -> int:
        """Count the pages."""
        return len(self._kept)

    def get(self, key: Hashable) -> KeptPage | None:
        """Find a page."""
        page = self._kept.get(key)
        if page is not None:
            self._kept.move_to_end(key)
        return page

    def keep(self, key: Hashable, page: KeptPage) -> None:
        """Keep a page, and let go of others for it; one that is as large as all is not kept."""
        self._drop(key)
        size = len(page.packed) + _ENTRY
        if size > self._most:
            return
        while self.bytes + size > self._most:
            self._drop(next(iter(self._kept)))
        self._kept[key] = page
        self.bytes += size

    def clear(self) -> None:
        """Let go of all."""
        self._kept.clear()
        self.bytes = 0

    def _drop(self, key: Hashable) -> None:
        page = self._kept.pop(key, None)
        if page is not None:
            self.bytes -= len(page.packed) + _ENTRY
