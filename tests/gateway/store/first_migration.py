"""Writes the first migration from the tables of the program; `.venv/bin/python -m tests.gateway.store.first_migration`.

Only before a schema was released: from then on a change of a table is a migration of its own, written by hand.
"""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any, Final

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations.ops import CreateIndexOp, ModifyTableOps, UpgradeOps
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql, sqlite

from gateway.store.tables import METADATA
from tests.house.tree import ROOT

FILE: Final = ROOT / "gateway" / "store" / "migrations" / "versions" / "v0001.py"
HEAD: Final = '''"""The first schema, made from the tables by `tests.gateway.store.first_migration`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
'''
_DIALECTS: Final[dict[str, Any]] = {"postgresql_where": postgresql.dialect, "sqlite_where": sqlite.dialect}
_COMMENT: Final = re.compile(r"^\s*# ###.*\n?", re.MULTILINE)


def written() -> str:
    """Give the text of the migration, as the formatter leaves it: a function for each table with its indexes."""
    with create_engine("sqlite://").connect() as connection:
        context = MigrationContext.configure(connection, opts={"target_metadata": METADATA})
        upgrade = produce_migrations(context, METADATA).upgrade_ops
    assert isinstance(upgrade, UpgradeOps)
    tables: dict[str, list[Any]] = {}
    for one in upgrade.ops:
        inner = one.ops if isinstance(one, ModifyTableOps) else [one]
        tables.setdefault(one.table_name, []).extend(inner)  # type: ignore[attr-defined]  # each is of a table
    calls = "".join(f"    _{name}()\n" for name in tables)
    parts = [f"\n\ndef _{name}() -> None:\n{_body(made)}\n" for name, made in tables.items()]
    return _formatted(HEAD + calls + "".join(parts))


def _body(made: list[Any]) -> str:
    return "\n".join(map(_call, made))


def _call(made: Any) -> str:  # noqa: ANN401 - one of several kinds of operations
    """Write one operation; conditions of partial indexes, which Alembic writes for one engine alone, by ourselves."""
    wheres = []
    if isinstance(made, CreateIndexOp):
        for name in sorted(set(_DIALECTS) & set(made.kw)):
            dialect = _DIALECTS[name]()
            where = dialect.statement_compiler(dialect, None).process(
                made.kw.pop(name), include_table=False, literal_binds=True
            )
            wheres.append(f"{name}=sa.text({where!r})")
    code = _COMMENT.sub("", "    " + render_python_code(UpgradeOps([made]))).rstrip()
    return code[:-1] + ", " + ", ".join(wheres) + ")" if wheres else code


def _formatted(text: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(FILE), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout


if __name__ == "__main__":
    FILE.write_text(written(), "utf-8")
