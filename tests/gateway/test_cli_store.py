"""The commands about the store on the command line: help, options, what each hands on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.errors import StoreUnavailableError
from tests.gateway.command import onecard, refused

VERBS = ("migrate", "check", "export", "rotate")
CONFIG = Path("g.toml")
URL = "postgresql://localhost/onecard"

HANDED_ON: list[tuple[str, str, tuple[Any, ...], dict[str, Any]]] = [
    ("migrate", "migrate_store", (CONFIG,), {"url": ""}),
    (f"migrate --store {URL}", "migrate_store", (CONFIG,), {"url": URL}),
    ("check", "check_store", (CONFIG,), {"url": ""}),
    (f"check --store {URL}", "check_store", (CONFIG,), {"url": URL}),
    ("export", "export_store", (CONFIG, None), {"url": ""}),
    (f"export --output rows.jsonl --store {URL}", "export_store", (CONFIG, Path("rows.jsonl")), {"url": URL}),
    ("rotate", "rotate_keys", (CONFIG,), {"url": ""}),
    (f"rotate --store {URL}", "rotate_keys", (CONFIG,), {"url": URL}),
    ("rotate --stage", "stage_key", (CONFIG,), {}),
]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    """Help ends with 0, says what the verb does, and what each option is."""
    ended = onecard("store", verb, "--help")
    assert ended.exit_code == 0
    rows = [line.strip("│ ") for line in ended.stdout.splitlines() if line.startswith("│")]
    assert rows
    assert all("  " in row for row in rows), "an option without a word about it"
    assert verb in onecard("store").output


@pytest.mark.parametrize(("line", "to", "positional", "named"), HANDED_ON, ids=[one[0] for one in HANDED_ON])
def test_what_is_typed_is_handed_on(
    line: str, to: str, positional: tuple[Any, ...], named: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each verb hands its options on, and ends with 0."""
    seen: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def take(*args: Any, **options: Any) -> int:  # noqa: ANN401 - whatever the verb hands on
        seen.append((args, options))
        return 0

    monkeypatch.setattr(f"gateway.store_console.{to}", take)
    ended = onecard("store", *line.split(), "--config", CONFIG)
    assert ended.exit_code == 0, ended.output
    assert seen == [(positional, named)]


def test_a_check_tells_by_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with 1 where not all is well, and with 2 and words where the store cannot be had."""
    monkeypatch.setattr("gateway.store_console.check_store", lambda *_args, **_options: 1)
    assert onecard("store", "check", "--config", CONFIG).exit_code == 1

    def fail(*_args: object, **_options: object) -> int:
        raise StoreUnavailableError(fault="connection")

    monkeypatch.setattr("gateway.store_console.check_store", fail)
    assert refused("store", "check", "--config", CONFIG).endswith("just now. fault=connection\n")
