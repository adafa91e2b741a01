"""What a check of a region's folder says: findings, by clause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.errors import AdapterError

if TYPE_CHECKING:
    from collections.abc import Callable

CLAUSES = (
    "files",
    "manifest",
    "catalog",
    "vectors",
    "statuses",
    "items",
    "record read",
    "record written",
    "text of a record",
    "refusals",
    "request and answer",
    "faults of the platform",
    "login",
)
"""What is checked, in this order. Where manifest, catalog or vectors are wrong, what rests on them is not checked."""

# What a translator can raise by mistake. It is the region's fault, to be told by its type and never by its words.
_BROKEN = (AdapterError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class Finding:
    """Result of one check: the clause, what was looked at (a vector, a field, a row), and what is wrong, if anything.

    A finding names files, fields and rules; it never repeats a value of a record.
    """

    clause: str
    name: str
    fault: str = ""

    @property
    def ok(self) -> bool:
        """Tell whether nothing is wrong."""
        return not self.fault


def finding(clause: str, name: str, check: Callable[[], str]) -> Finding:
    """Run one check, which says what is wrong or nothing; an error is a fault too."""
    try:
        return Finding(clause, name, check())
    except _BROKEN as error:
        return Finding(clause, name, error_words(error))


def error_words(error: Exception) -> str:
    """Tell an error of ours in its own words, which hold no value, and any other by its type only."""
    return f"{type(error).__name__}: {error}" if isinstance(error, AdapterError) else type(error).__name__


def differing(one: dict[str, object], other: dict[str, object]) -> str:
    """Name the keys in which two records differ; nothing where they are the same."""
    names = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
    return f"differs in {', '.join(names)}" if names else ""
