"""The verbs of the Makefile are few, each with a line of help, and the guide names them all."""

from __future__ import annotations

import re

from tests.house.tree import ROOT

MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
VERBS = re.findall(r"^([a-z-]+):.*## \S.+$", MAKEFILE, re.MULTILINE)


def test_every_verb_has_help() -> None:
    """Every target without a line of help is a step of `make check`."""
    targets = re.findall(r"^([a-z][a-z-]*):(?!=)", MAKEFILE, re.MULTILINE)
    assert [target for target in targets if target not in VERBS and not target.startswith("check-")] == []


def test_every_check_is_run() -> None:
    """`make check` runs every step that there is."""
    (steps,) = re.findall(r"^CHECKS := (.+)$", MAKEFILE, re.MULTILINE)
    assert sorted(steps.split()) == sorted(re.findall(r"^check-([a-z-]+):", MAKEFILE, re.MULTILINE))


def test_the_guide_names_every_verb() -> None:
    """CONTRIBUTING.md tells of every verb."""
    guide = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert [verb for verb in VERBS if f"`make {verb}" not in guide] == []
