"""The headers of every answer of the web side: nothing is guessed, framed, run, or told to the next page."""

from __future__ import annotations

from typing import Final

HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
