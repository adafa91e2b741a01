"""Reads the text of a catalog's document as JSON, strictly: of one text nobody shall read two things."""

from __future__ import annotations

import json
from typing import Any

LONGEST_DOCUMENT = 3 * 1024 * 1024


def read_json(text: bytes) -> object:
    """Read JSON without names that stand twice; None for anything else."""
    if len(text) > LONGEST_DOCUMENT:
        return None
    try:
        return json.loads(text.decode("utf-8"), object_pairs_hook=_object)
    except (ValueError, RecursionError):
        return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object (ValueError where a name stands twice)."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice")
    return made
