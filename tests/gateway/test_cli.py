"""The `onecard` command: every verb, its help, its exit codes, and that an error is a sentence and never a trace."""

from __future__ import annotations

import importlib
import runpy
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jwt
import pytest

import gateway
from adapters.errors import RegionDataError
from adapters.registry import load_registry
from gateway import cli
from tests.gateway.command import generated, onecard, refused

if TYPE_CHECKING:
    from gateway.sandbox.layout import Layout

REGIONS = load_registry().regions
VERBS = (
    (),
    ("serve",),
    ("sandbox",),
    ("demo",),
    ("token",),
    ("regions",),
    ("catalog",),
    ("catalog", "list"),
    ("catalog", "show"),
    ("catalog", "translate"),
    ("adapter",),
    ("adapter", "check"),
)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Give a generated sandbox that does not run."""
    return generated(tmp_path / "sandbox")


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help(verb: tuple[str, ...]) -> None:
    """Help ends with 0 and says what the verb does, and what each argument is."""
    ended = onecard(*verb, "--help")
    assert ended.exit_code == 0
    assert "Usage: " in ended.stdout
    rows = [line.strip("│ ") for line in ended.stdout.splitlines() if line.startswith("│")]
    assert rows
    assert all("  " in row for row in rows), "an option or command without a word about it"


def test_no_verb_shows_help() -> None:
    """The bare command tells what it can do."""
    ended = onecard()
    assert "Usage: " in ended.output
    assert all(verb[0] in ended.output for verb in VERBS if verb)


def test_sandbox_takes_folder_ports_and_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    """The options go to the sandbox; left out, it lies in `.sandbox` and starts afresh."""
    ran: list[tuple[Path, int, bool]] = []

    def run(folder: Path, *, port_base: int, keep: bool) -> None:
        ran.append((folder, port_base, keep))

    monkeypatch.setattr("gateway.sandbox.run.run_sandbox", run)
    assert onecard("sandbox").exit_code == 0
    assert onecard("sandbox", "--folder", "other", "--port-base", "20000", "--keep").exit_code == 0
    assert ran == [(Path(".sandbox"), 18500, False), (Path("other"), 20000, True)]


@pytest.mark.parametrize("base", ["80", "65001", "x"])
def test_port_bases_outside_the_range_are_refused(base: str) -> None:
    """A base is a number that leaves room for all ports, above those of the system."""
    assert "--port-base" in refused("sandbox", "--port-base", base)


@pytest.mark.parametrize("code", [0, 1])
def test_demo_ends_as_the_story_ends(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code is the story's, and its sandbox is another one than that of `onecard sandbox`."""
    ran: list[tuple[Path, int, str]] = []

    def run(folder: Path, *, port_base: int, language: str) -> int:
        ran.append((folder, port_base, language))
        return code

    monkeypatch.setattr("gateway.sandbox.demo.run_demo", run)
    assert onecard("demo").exit_code == code
    assert onecard("demo", "--language", "zh-Hans").exit_code == code
    assert ran == [(Path(".sandbox-demo"), 18800, "en"), (Path(".sandbox-demo"), 18800, "zh-Hans")]


def test_token_is_for_the_gateway_of_its_region(layout: Layout) -> None:
    """The token is printed alone on its line; it is the platform's, for its own gateway, for five minutes."""
    ended = onecard("token", "sichuan", "--folder", layout.folder)
    assert ended.exit_code == 0
    said = jwt.decode(ended.stdout.strip(), options={"verify_signature": False})
    assert (said["iss"], said["aud"]) == ("platform.sichuan", "gateway.sichuan")
    assert said["exp"] - said["iat"] == 300


def test_token_without_a_sandbox_is_refused(layout: Layout, tmp_path: Path) -> None:
    """Where there is no such sandbox, or no such region in it, the command says what to do."""
    assert "make sandbox" in refused("token", "sichuan", "--folder", tmp_path / "nothing")
    told = refused("token", "atlantis", "--folder", layout.folder)
    assert told.startswith("No adapter is installed for this region.")
    assert "known=chongqing, " in told
    assert "lower case" in refused("token", "Sichuan", "--folder", layout.folder)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("regions",), "重庆市"),
        (("regions", "--language", "zh-Hans"), "二维码文本"),
        (("catalog", "list", "macao", "--language", "pt"), "identificação"),
        (("catalog", "show", "chongqing", "CQ-30", "--language", "zh-Hant"), "身份識別"),
        (("catalog", "list"), "GD-07"),
        (("catalog", "list", "macao"), "MO-01"),
        (("catalog", "show", "chongqing", "CQ-30"), "图书馆入馆、借阅"),
        (("catalog", "translate", "chongqing", "CQ-30", "sichuan"), "complete set: SC-13 + SC-14"),
        (("catalog", "translate", "guangdong", "GD-07", "chongqing", "--language", "pt"), "Nenhum item"),
        (("adapter", "check", "xizang"), "checks passed"),
    ],
)
def test_tables_are_printed(arguments: tuple[str, ...], words: str) -> None:
    """Each verb that looks something up ends with 0 and prints it."""
    ended = onecard(*arguments)
    assert ended.exit_code == 0
    assert words in ended.stdout
    assert ended.stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("catalog", "list", "atlantis"),
        ("catalog", "show", "atlantis", "CQ-30"),
        ("catalog", "translate", "atlantis", "CQ-30", "sichuan"),
        ("catalog", "translate", "chongqing", "CQ-30", "atlantis"),
        ("adapter", "check", "atlantis"),
    ],
)
def test_an_unknown_region_is_a_sentence(arguments: tuple[str, ...]) -> None:
    """An unknown region ends with 2 and one sentence that tells the regions there are."""
    told = refused(*arguments)
    assert told.startswith("No adapter is installed for this region.")
    assert all(region in told for region in REGIONS)
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments", [("catalog", "show", "chongqing", "CQ-99"), ("catalog", "translate", "chongqing", "CQ-99", "sichuan")]
)
def test_an_unknown_item_is_a_sentence(arguments: tuple[str, ...]) -> None:
    """An unknown item ends with 2 and one sentence that tells the region."""
    told = refused(*arguments)
    assert told.startswith("The catalog of the region has no such application item. (region=chongqing, ")
    assert "onecard catalog list chongqing" in told


def test_a_region_in_capitals_gets_a_hint() -> None:
    """A region that would be right in lower case is told so; another is not."""
    assert "lower case" in refused("catalog", "show", "CHONGQING", "CQ-30")
    assert "lower case" not in refused("catalog", "show", "ATLANTIS", "CQ-30")


def test_a_faulty_region_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one region's folder is faulty, the region and file are told, and the check that tells more."""

    def broken(_language: object) -> None:
        raise RegionDataError(region="macao", file="catalog.csv", rule="header")

    monkeypatch.setattr("gateway.console.print_regions", broken)
    told = refused("regions")
    assert "file=catalog.csv, region=macao" in told
    assert "onecard adapter check macao" in told
    monkeypatch.setattr("gateway.console.print_regions", nameless)
    assert "adapter check" not in refused("regions")


def nameless(_language: object) -> None:
    """Fail by a file that belongs to no region."""
    raise RegionDataError(file="taxonomy.csv", rule="header")


def test_an_unknown_language_is_refused() -> None:
    """The languages there are, are told."""
    told = refused("catalog", "translate", "chongqing", "CQ-30", "sichuan", "--language", "tlh")
    assert all(language in told for language in ("zh-Hans", "zh-Hant", "en", "pt"))


def test_a_failed_check_ends_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code of the check is the command's."""
    monkeypatch.setattr("gateway.console.check_adapter", lambda _region: 1)
    assert onecard("adapter", "check", "xizang").exit_code == 1


def test_a_mistake_of_the_program_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only errors of ours are told in words; a bug keeps its trace."""

    def broken(_language: object) -> None:
        raise KeyError("bug")

    monkeypatch.setattr("gateway.console.print_regions", broken)
    assert isinstance(onecard("regions").exception, KeyError)


def test_an_early_interruption_leaves_no_trace() -> None:
    """Ctrl-C while the command is still being loaded ends it by the signal, without a trace of the program."""
    loading = "import sys; sys.argv = ['onecard']; import gateway, os, signal; os.kill(os.getpid(), signal.SIGINT)"
    ended = subprocess.run([sys.executable, "-c", loading], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == -signal.SIGINT
    assert ended.stderr == ""


def test_an_interruption_is_heard_again_once_the_command_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was switched off while loading is on again, and a signal that is ignored stays so."""
    monkeypatch.setattr(cli, "app", lambda: None)
    before = signal.getsignal(signal.SIGINT)
    try:
        for handler, after in (
            (signal.SIG_DFL, signal.default_int_handler),
            (signal.SIG_IGN, signal.SIG_IGN),
        ):
            signal.signal(signal.SIGINT, handler)
            cli.main()
            assert signal.getsignal(signal.SIGINT) is after
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(("name", "switched"), [("/bin/onecard", True), ("pytest", False)])
def test_only_the_command_switches_the_interruption_off(
    name: str, switched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever imports the package for something else keeps their own handling of Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(sys, "argv", [name])
    try:
        importlib.reload(gateway)
        assert (signal.getsignal(signal.SIGINT) is signal.SIG_DFL) is switched
    finally:
        signal.signal(signal.SIGINT, before)


def test_main_is_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The entry point reads the command line and ends with the same codes."""
    monkeypatch.setattr(sys, "argv", ["onecard", "catalog", "list", "atlantis"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("No adapter is installed")
    monkeypatch.setattr(sys, "argv", ["onecard", "regions"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("gateway", run_name="__main__")
    assert ended.value.code == 0
    assert "Macao" in capsys.readouterr().out
