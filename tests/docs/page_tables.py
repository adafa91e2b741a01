"""The tables of the pages that are made from the program; `.venv/bin/python -m tests.docs.page_tables` writes them."""

from __future__ import annotations

import csv
import re
from pathlib import Path

from adapters.card_state import CONDITIONS, Effect
from adapters.payload_kinds import PayloadKind
from adapters.registry import load_registry
from adapters.words import CardEventKind
from gateway.reasons import load_reasons
from gateway.rpc.status import CANCELLED, TABLE, UNFORESEEN
from gateway.services.exchange_states import FILE

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def errors_table() -> str:
    """Make the table of all reasons, in their own order, a row for each code and culprit."""
    rows = [*TABLE.values(), UNFORESEEN, CANCELLED]
    lines = ["| reason | gRPC code | who failed | who must act | meaning |", "|---|---|---|---|---|"]
    for name, actor, meaning in _reasons():
        ways = dict.fromkeys((row.code.name, row.who.value) for row in rows if row.reason == name)
        for code, who in ways or {("OK" if name == "OK" else "verdict", ""): None}:
            lines.append(f"| `{name}` | {code} | {who} | {actor} | {meaning} |")
    return "\n".join(lines) + "\n"


def _reasons() -> list[tuple[str, str, str]]:
    """Give each reason with its actor and its English sentence."""
    with (ROOT / "gateway" / "reasons.csv").open(encoding="utf-8", newline="") as file:
        names = [row["reason"] for row in csv.DictReader(file)]
    reasons = load_reasons()
    return [(name, reasons.get(name).actor.value, reasons.get(name).message.en) for name in names]


def statuses_table() -> str:
    """Make the table of card states from the rules of the gateway."""
    with (ROOT / "gateway" / "services" / "status_rules.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = ["| state | identity | disbursement | payment | reason |", "|---|---|---|---|---|"]
    lines += [
        f"| {r['status']} | {r['identity']} | {r['disbursement']} | {r['payment']} | `{r['reason']}` |" for r in rows
    ]
    return "\n".join(lines) + "\n"


def transitions_table() -> str:
    """Make the table of card events from the adapters: an event a row, since there are more of them than conditions."""
    words = {Effect.BEGINS: "begins", Effect.ENDS: "ends", Effect.KEEPS: ""}
    lines = [f"| event | {' | '.join(c.name for c in CONDITIONS)} |", "|---|" + "---|" * len(CONDITIONS)]
    for kind in CardEventKind:
        cells = (
            Effect.BEGINS if kind in c.begins else Effect.ENDS if kind in c.ends else Effect.KEEPS for c in CONDITIONS
        )
        lines.append(f"| {kind.value} | {' | '.join(map(words.__getitem__, cells))} |")
    return "\n".join(lines) + "\n"


def catalogs_table() -> str:
    """Make the table of catalogs: what each is carried over from."""
    lines = ["| region | items | standing | source |", "|---|---|---|---|"]
    for adapter in load_registry():
        catalog = adapter.catalog
        standing = "synthetic" if catalog.synthetic else f"carried over, {catalog.legal_status.value.replace('_', ' ')}"
        lines.append(f"| {adapter.region} | {len(catalog)} | {standing} | {'; '.join(catalog.sources)} |")
    return "\n".join(lines) + "\n"


def dialects_table() -> str:
    """Make the table of dialects from the manifests."""
    lines = ["| region | asked by | answers in | authentication | note |", "|---|---|---|---|---|"]
    for adapter in load_registry():
        platform = adapter.manifest.platform
        asked = f"{platform.lookup.method}, {platform.lookup.envelope}"
        answer = f"{platform.reply.envelope}, {platform.reply.record}"
        note = adapter.manifest.dialect_note
        lines.append(f"| {adapter.region} | {asked} | {answer} | `{platform.auth.scheme}` | {note} |")
    return "\n".join(lines) + "\n"


def payloads_table() -> str:
    """Make the table of payloads: which item types may carry each; a complaint is about an item whole."""
    with (ROOT / "adapters" / "payload_kinds.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    lines = ["| payload | application class | item types |", "|---|---|---|"]
    for kind in PayloadKind:
        if kind is PayloadKind.COMPLAINT:
            continue
        types = ", ".join(f"`{row['item_type']}`" for row in rows if row["kind"] == kind)
        lines.append(f"| `{kind}` | {kind.application_class} | {types} |")
    return "\n".join(lines) + "\n"


def request_states_table() -> str:
    """Make the table of what may happen to a request where that is decided, at the target's gateway."""
    with (ROOT / "gateway" / "services" / FILE).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["held"] == "target"]
    lines = ["| event | by | from | objection | to |", "|---|---|---|---|---|"]
    for row in rows:
        before = row["before"].replace("+", ", ") or "submitted elsewhere"
        objection = {"": "any", "none": "none is open"}.get(row["open_before"], f"of the {row['open_before']}")
        if row["open_after"] not in {row["open_before"], ""} and row["open_before"]:
            objection += f", then {row['open_after'] if row['open_after'] == 'none' else 'of the ' + row['open_after']}"
        by, after = row["by"].replace("_", " "), row["after"] or "the same"
        lines.append(f"| {row['event']} | {by} | {before} | {objection} | {after} |")
    return "\n".join(lines) + "\n"


TABLES = {
    "errors": (DOCS / "errors.md", errors_table),
    "transitions": (DOCS / "card-status.md", transitions_table),
    "statuses": (DOCS / "verdicts.md", statuses_table),
    "catalogs": (DOCS / "catalog.md", catalogs_table),
    "dialects": (DOCS / "dialects.md", dialects_table),
    "payloads": (DOCS / "exchange.md", payloads_table),
    "request_states": (DOCS / "exchange.md", request_states_table),
}


def marked(name: str) -> re.Pattern[str]:
    """Find what stands between the marks of a table."""
    return re.compile(rf"(?<=<!-- table: {name} -->\n).*?(?=<!-- /table -->)", re.DOTALL)


def refresh() -> None:
    """Write all tables anew."""
    for name, (file, make) in TABLES.items():
        before, _, after = marked(name).sub("\0", file.read_text("utf-8")).partition("\0")
        file.write_text(f"{before}{make()}{after}", "utf-8")


if __name__ == "__main__":
    refresh()
