"""All tables of the schema: whoever imports this module has the metadata whole.

A change of a table is a migration. Until the first release there is one, which
`.venv/bin/python -m tests.gateway.store.first_migration` writes anew.
"""

from __future__ import annotations

from gateway.store import tables_cards, tables_evidence, tables_exchange, tables_replay, tables_status, tables_trust  # noqa: F401 - each adds its tables
from gateway.store.schema import METADATA

__all__ = ["METADATA"]
