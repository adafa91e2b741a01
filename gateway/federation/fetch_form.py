"""The form of what is fetched as JSON: exact types, and nothing for what has another form."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from trust.claim_rules import is_index

_MAX_REASON: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationPage:
    """A part of a feed: compact JWS, and the cursor after them."""

    texts: tuple[str, ...]
    next: int


def read_page(body: bytes) -> RevocationPage | None:
    """Read `{"next": N, "revocations": [...]}`."""
    document = _parsed(body)
    if not isinstance(document, dict) or document.keys() != {"next", "revocations"}:
        return None
    texts, after = _texts(document["revocations"]), document["next"]
    return RevocationPage(texts=texts, next=after) if texts is not None and is_index(after) else None


def read_links(body: bytes) -> tuple[str, ...] | None:
    """Read a list of statements."""
    return _texts(_parsed(body))


def read_reason(body: bytes) -> str:
    """Read the reason of a refusal, as far as it is one word of a closed list; else nothing."""
    document = _parsed(body)
    reason = document.get("reason") if isinstance(document, dict) else None
    good = isinstance(reason, str) and len(reason) <= _MAX_REASON and reason.isascii() and reason.isidentifier()
    return str(reason) if good else ""


def _parsed(body: bytes) -> object:
    """Read JSON; None for what is none, or is nested deeper than the decoder goes."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _texts(value: object) -> tuple[str, ...] | None:
    good = isinstance(value, list) and all(isinstance(text, str) for text in value)
    return tuple(value) if isinstance(value, list) and good else None
