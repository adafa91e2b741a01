"""The commands about keys and trust on the command line: help, options, what each hands on, errors as sentences."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.errors import SettingsError
from gateway.services.revoke_recognition import Target
from tests.gateway.command import onecard, refused
from trust.errors import UnknownIssuerError

VERBS = (
    *(("keys", verb) for verb in ("new", "stage", "switch", "retire")),
    *(("federation", verb) for verb in ("join", "show", "sign", "revoke", "stop")),
    *(("anchor", verb) for verb in ("serve", "members", "admit", "key", "withdraw", "revoke", "stop")),
    *(("trust", verb) for verb in ("explain", "chain")),
    *(("recognition", verb) for verb in ("prove", "revoke", "verify")),
)
CONFIG = Path("g.toml")
ANCHOR, ENTITY = "https://anchor.example", "https://member.example"

HANDED_ON: list[tuple[str, str, tuple[Any, ...], dict[str, Any]]] = [
    ("keys new", "keys_console.make_keys", (CONFIG,), {"algorithm": "ES256"}),
    ("keys new --suite SGD_SM3_SM2", "keys_console.make_keys", (CONFIG,), {"algorithm": "SGD_SM3_SM2"}),
    ("keys stage", "keys_console.stage_key", (CONFIG,), {"use": "region", "region": ""}),
    (
        "keys switch --key federation --home macao",
        "keys_console.switch_key",
        (CONFIG,),
        {"use": "federation", "region": "macao"},
    ),
    (
        "keys retire --key caller",
        "keys_console.retire_key",
        (CONFIG,),
        {"use": "caller", "region": "", "at_once": False},
    ),
    ("keys retire --now", "keys_console.retire_key", (CONFIG,), {"use": "region", "region": "", "at_once": True}),
    ("keys stage --key partner", "keys_console.stage_key", (CONFIG,), {"use": "partner", "region": ""}),
    ("federation join", "trust_console.join", (CONFIG,), {"anchor": ""}),
    (f"federation join {ANCHOR}", "trust_console.join", (CONFIG,), {"anchor": ANCHOR}),
    ("federation show", "trust_console.show", (CONFIG,), {}),
    ("federation sign joint", "trust_console.sign_agreement", (CONFIG, "joint"), {"region": ""}),
    (
        "federation revoke key MARK",
        "trust_console.revoke",
        (CONFIG,),
        {"kind": "key", "target": "MARK", "reason": "compromised", "region": ""},
    ),
    (
        "federation revoke entity --reason ceased --home macao",
        "trust_console.revoke",
        (CONFIG,),
        {"kind": "entity", "target": "", "reason": "ceased", "region": "macao"},
    ),
    (
        "federation stop joint",
        "trust_console.stop_agreement",
        (CONFIG, "joint"),
        {"reason": "emergency", "region": ""},
    ),
    ("trust explain sichuan", "trust_console.explain", (CONFIG, "sichuan"), {}),
    ("trust chain sichuan", "trust_console.print_chain", (CONFIG, "sichuan"), {"anchor": ""}),
    (f"trust chain sichuan --anchor {ANCHOR}", "trust_console.print_chain", (CONFIG, "sichuan"), {"anchor": ANCHOR}),
    ("recognition prove J-1", "trust_console.prove_recognition", (CONFIG, "J-1"), {"region": ""}),
    (
        "recognition revoke J-1 --caller platform.macao --key p.pem",
        "recognition_console.revoke_recognition",
        (CONFIG, Target(token_id="J-1")),
        {"caller": "platform.macao", "key": Path("p.pem"), "authority": None},
    ),
    (
        "recognition revoke --subject S --caller platform.macao --key p.pem --ca ca.pem",
        "recognition_console.revoke_recognition",
        (CONFIG, Target(subject="S")),
        {"caller": "platform.macao", "key": Path("p.pem"), "authority": Path("ca.pem")},
    ),
    ("anchor members", "anchor_console.list_members", (CONFIG,), {}),
    (
        f"anchor admit {ANCHOR} {ENTITY} --fingerprint MARK",
        "anchor_console.admit",
        (CONFIG, ANCHOR),
        {"entity": ENTITY, "fingerprint": "MARK", "request": None},
    ),
    (
        f"anchor admit {ANCHOR} {ENTITY} --fingerprint MARK --request r.jwt",
        "anchor_console.admit",
        (CONFIG, ANCHOR),
        {"entity": ENTITY, "fingerprint": "MARK", "request": Path("r.jwt")},
    ),
    (f"anchor key {ANCHOR} stage", "anchor_console.rotate", (CONFIG, ANCHOR), {"step": "stage"}),
    (f"anchor withdraw {ANCHOR} {ENTITY}", "anchor_console.withdraw", (CONFIG, ANCHOR), {"entity": ENTITY}),
    (
        f"anchor revoke {ANCHOR} certificate {ENTITY} MARK",
        "anchor_console.revoke",
        (CONFIG, ANCHOR),
        {"kind": "certificate", "entity": ENTITY, "target": "MARK", "reason": "compromised"},
    ),
    (
        f"anchor stop {ANCHOR} joint --reason withdrawn",
        "anchor_console.stop",
        (CONFIG, ANCHOR),
        {"agreement": "joint", "reason": "withdrawn"},
    ),
]
WITH_A_CODE = ("trust_console.join", "trust_console.show", "trust_console.explain", "trust_console.print_chain")


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_help(verb: tuple[str, ...]) -> None:
    """Help ends with 0, says what the verb does, and what each argument and option is."""
    ended = onecard(*verb, "--help")
    assert ended.exit_code == 0
    rows = [line.strip("│ ") for line in ended.stdout.splitlines() if line.startswith("│")]
    assert rows
    assert all("  " in row for row in rows), "an option or argument without a word about it"


@pytest.mark.parametrize("group", sorted({verb[0] for verb in VERBS}))
def test_a_group_without_a_verb_shows_help(group: str) -> None:
    """The bare group tells what it can do."""
    told = onecard(group).output
    assert all(verb[1] in told for verb in VERBS if verb[0] == group)


@pytest.mark.parametrize(("line", "to", "positional", "named"), HANDED_ON, ids=[one[0] for one in HANDED_ON])
def test_what_is_typed_is_handed_on(
    line: str, to: str, positional: tuple[Any, ...], named: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each verb hands its arguments on, and ends with 0."""
    seen: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def take(*args: Any, **options: Any) -> int:  # noqa: ANN401 - whatever the verb hands on
        seen.append((args, options))
        return 0

    monkeypatch.setattr(f"gateway.{to}", take)
    ended = onecard(*line.split(), "--config", CONFIG)
    assert ended.exit_code == 0, ended.output
    assert seen == [(positional, named)]


@pytest.mark.parametrize("to", WITH_A_CODE)
def test_a_verb_that_tells_by_its_code(to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Join, show and explain end with 1 where not all is well."""
    line = next(line for line, target, *_ in HANDED_ON if target == to)
    monkeypatch.setattr(f"gateway.{to}", lambda *_args, **_options: 1)
    assert onecard(*line.split(), "--config", CONFIG).exit_code == 1


def test_serve_runs_the_anchors_of_a_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """The anchors end with whoever started them, and are those of the file."""
    seen: list[object] = []
    settings = SimpleNamespace()

    def load(path: Path) -> SimpleNamespace:
        seen.append(path)
        return settings

    monkeypatch.setattr("gateway.lifeline.end_with_parent", lambda: seen.append("parent"))
    monkeypatch.setattr("gateway.settings.load_anchors", load)
    monkeypatch.setattr("gateway.bootstrap_anchors.run_anchors", seen.append)
    assert onecard("anchor", "serve", "--config", CONFIG).exit_code == 0
    assert seen == ["parent", CONFIG, settings]


@pytest.mark.parametrize(
    "line",
    [
        "keys new --suite RS256 --config g.toml",
        "keys stage --key platform --config g.toml",
        "federation revoke token MARK --config g.toml",
        "federation stop joint --reason boredom --config g.toml",
        f"anchor admit {ANCHOR} {ENTITY} --config g.toml",
        f"anchor key {ANCHOR} burn --config g.toml",
        "trust explain sichuan",
    ],
)
def test_what_is_of_no_closed_list_or_left_out_is_refused(line: str) -> None:
    """A suite, a use, a kind or a reason that there is none of ends with 2, as does what is missing."""
    assert onecard(*line.split()).exit_code == 2


@pytest.mark.parametrize("error", [SettingsError(("g.toml: cannot be read",)), UnknownIssuerError()])
def test_an_error_of_ours_is_a_sentence(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends with 2 and words, without a trace."""

    def fail(*_args: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr("gateway.anchor_console.withdraw", fail)
    assert refused("anchor", "withdraw", ANCHOR, ENTITY, "--config", CONFIG).startswith(str(error))


def test_a_configuration_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    """The file is named."""
    nowhere = tmp_path / "nowhere.toml"
    for line in ("keys new", "federation show", "anchor members", "trust explain sichuan"):
        assert "nowhere.toml: cannot be read (FileNotFoundError)" in refused(*line.split(), "--config", nowhere)


@pytest.mark.parametrize("target", ["-" + "r" * 42, "-" * 43, "plain"])
def test_a_thumbprint_that_begins_with_a_dash_is_no_option(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    """What is to be revoked reaches the command as it was typed, whatever it begins with."""
    told: list[str] = []
    monkeypatch.setattr("gateway.trust_console.revoke", lambda _config, **words: told.append(words["target"]))
    assert onecard("federation", "revoke", "key", target, "--config", "gateway.toml").exit_code == 0
    monkeypatch.setattr("gateway.anchor_console.revoke", lambda _config, _anchor, **words: told.append(words["target"]))
    entity = ("https://anchor.example", "key", "https://entity.example", target)
    ended = onecard("anchor", "revoke", *entity, "--config", "anchors.toml")
    assert (ended.exit_code, told) == (0, [target, target]), ended.output


def test_a_mistyped_option_revokes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told as what it is."""
    told: list[object] = []
    monkeypatch.setattr("gateway.trust_console.revoke", lambda *words, **more: told.append((words, more)))
    ended = onecard("federation", "revoke", "entity", "--dry-run", "--config", "gateway.toml")
    assert (ended.exit_code, told) == (2, [])
