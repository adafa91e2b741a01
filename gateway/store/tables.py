"""All tables of the schema: whoever imports this module has the metadata whole.

A change of a table is a migration of its own, forward only; those that are there stay as they are.
"""

from __future__ import annotations

from gateway.store import (  # noqa: F401 - each adds its tables
    tables_cards,
    tables_catalogs,
    tables_evidence,
    tables_exchange,
    tables_replay,
    tables_status,
    tables_trust,
)
from gateway.store.schema import METADATA

__all__ = ["METADATA"]
