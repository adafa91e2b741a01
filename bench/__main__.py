"""`python -m bench`: measure, print the table, write JSON, and with `--write` the table in the README."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from pathlib import Path

from rich.console import Console

from bench.process import BenchError
from bench.report import between_markers, markdown, print_report
from bench.run import run

_HERE = Path(__file__).resolve().parent


def _arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of each measurement (1.0)")
    parser.add_argument("--repeats", type=int, default=5, help="repetitions, interleaved (5)")
    parser.add_argument("--json", type=Path, help="file for the figures (bench/results/TIME.json)")
    parser.add_argument("--write", action="store_true", help="also write the table into bench/README.md")
    parser.add_argument("--no-ghz", action="store_true", help="leave out the second load generator")
    return parser.parse_args()


def main() -> int:
    """Measure everything once; 2 where it could not be measured. Aims that are not met do not fail the command."""
    arguments = _arguments()
    console = Console(width=None if sys.stdout.isatty() else 170)
    try:
        report = run(
            seconds=arguments.seconds,
            repeats=arguments.repeats,
            with_ghz=not arguments.no_ghz,
            say=lambda text: print(text, file=sys.stderr, flush=True),
        )
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2
    print_report(report, console)
    now = datetime.datetime.now(datetime.UTC)
    file = arguments.json or _HERE / "results" / f"{now:%Y%m%dT%H%M%SZ}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = {"measured_at": now.isoformat(timespec="seconds"), **report.as_json()}
    file.write_text(json.dumps(whole, ensure_ascii=False, indent=2) + "\n", "utf-8")
    if arguments.write:
        readme = _HERE / "README.md"
        readme.write_text(between_markers(readme.read_text("utf-8"), markdown(report)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
