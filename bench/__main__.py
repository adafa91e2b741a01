"""`python -m bench`: measure, print the tables, write JSON, and with `--write` the tables in the README.

Parts are `calls`, `trust`, `web` (the public catalog), `catalog` (many items), `exchange` and `status` (card states);
those of trust: verification, forgers, rotations, revocations; those of the exchange: submits, growth, backlog; those of
card states: table, packs, reconcile, propagation, cut.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from bench.catalog_run import run_catalog
from bench.exchange_run import EXCHANGE_PARTS, run_exchange
from bench.process import BenchError
from bench.report import (
    BEGIN,
    CATALOG_BEGIN,
    CATALOG_END,
    END,
    EXCHANGE_BEGIN,
    EXCHANGE_END,
    STATUS_BEGIN,
    STATUS_END,
    TRUST_BEGIN,
    TRUST_END,
    WEB_BEGIN,
    WEB_END,
    between_markers,
    markdown,
    print_report,
)
from bench.run import run
from bench.status_run import STATUS_PARTS, run_status
from bench.trust_run import TRUST_PARTS, run_trust
from bench.web_pages import run_web

if TYPE_CHECKING:
    from bench.report import Report

_HERE = Path(__file__).resolve().parent
_CALLS, _TRUST, _WEB, _CATALOG, _EXCHANGE, _STATUS = "calls", "trust", "web", "catalog", "exchange", "status"
_MARKERS = {
    _CALLS: (BEGIN, END),
    _TRUST: (TRUST_BEGIN, TRUST_END),
    _WEB: (WEB_BEGIN, WEB_END),
    _CATALOG: (CATALOG_BEGIN, CATALOG_END),
    _EXCHANGE: (EXCHANGE_BEGIN, EXCHANGE_END),
    _STATUS: (STATUS_BEGIN, STATUS_END),
}


def _arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of each measurement (1.0)")
    parser.add_argument("--repeats", type=int, default=5, help="repetitions, interleaved (5)")
    parser.add_argument("--json", type=Path, help="file for the figures (bench/results/TIME.json)")
    parser.add_argument("--write", action="store_true", help="also write the table into bench/README.md")
    parser.add_argument("--no-ghz", action="store_true", help="leave out the second load generator")
    parser.add_argument("--away", type=float, default=0.0, help="backlog: seconds for which the other gateway is dead")
    parts = (*_MARKERS, *TRUST_PARTS, *EXCHANGE_PARTS, *STATUS_PARTS)
    parser.add_argument("--only", choices=parts, action="append", help="measure this part only; may be repeated")
    arguments = parser.parse_args()
    arguments.only = tuple(arguments.only or _MARKERS)
    if arguments.write and not set(_MARKERS).issuperset(arguments.only):
        parser.error(f"a table is written whole: --write with all, or with --only {' or '.join(_MARKERS)}")
    return arguments


def _measure(arguments: argparse.Namespace) -> dict[str, Report]:
    """Measure what is asked for (BenchError)."""

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    reports: dict[str, Report] = {}
    timing = {"seconds": arguments.seconds, "repeats": arguments.repeats}
    if _CALLS in arguments.only:
        reports[_CALLS] = run(**timing, with_ghz=not arguments.no_ghz, say=say)
    if chosen := _chosen(_TRUST, TRUST_PARTS, arguments.only):
        reports[_TRUST] = run_trust(chosen, **timing, say=say)
    if _WEB in arguments.only:
        reports[_WEB] = run_web(**timing, say=say)
    if _CATALOG in arguments.only:
        reports[_CATALOG] = run_catalog(**timing, say=say)
    if chosen := _chosen(_EXCHANGE, EXCHANGE_PARTS, arguments.only):
        reports[_EXCHANGE] = run_exchange(chosen, **timing, say=say, away_seconds=arguments.away)
    if chosen := _chosen(_STATUS, STATUS_PARTS, arguments.only):
        reports[_STATUS] = run_status(chosen, **timing, say=say)
    return reports


def _chosen(whole: str, parts: tuple[str, ...], only: tuple[str, ...]) -> tuple[str, ...]:
    """Give the parts of one table that are asked for."""
    return parts if whole in only else tuple(part for part in parts if part in only)


def main() -> int:
    """Measure everything once; 2 where it could not be measured. Aims that are not met do not fail the command."""
    arguments = _arguments()
    console = Console(width=None if sys.stdout.isatty() else 170)
    try:
        reports = _measure(arguments)
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2
    for report in reports.values():
        print_report(report, console)
    now = datetime.datetime.now(datetime.UTC)
    file = arguments.json or _HERE / "results" / f"{now:%Y%m%dT%H%M%SZ}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = {
        "measured_at": now.isoformat(timespec="seconds"),
        **{name: report.as_json() for name, report in reports.items()},
    }
    file.write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", "utf-8")
    if arguments.write:
        readme = _HERE / "README.md"
        for name, report in reports.items():
            begin, end = _MARKERS[name]
            page = between_markers(readme.read_text("utf-8"), markdown(report), begin=begin, end=end)
            readme.write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
