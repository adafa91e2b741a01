"""The lock files pin everything by hash, name no place to get it from, and hold no more than their purpose needs."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.house.tree import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable

CORE, BUILD, TEST = "requirements.lock", "requirements-build.lock", "requirements-test.lock"
CONTAINER = "deploy/requirements.lock"
LOCKS = (CORE, BUILD, TEST, CONTAINER)
ENTRY = re.compile(r"^([a-z0-9-]+)==([\w.]+)( ; .+?)? \\\n((?:    --hash=.+\n)+)((?:    # .+\n)+)", re.MULTILINE)
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?")
LEAST_PYJWT = Version("2.15.1")


@cache
def pinned(lock: str) -> dict[str, Version]:
    """Read the version of each distribution in a lock file."""
    return {entry[1]: Version(entry[2]) for entry in ENTRY.finditer((ROOT / lock).read_text("utf-8"))}


@cache
def project() -> dict[str, list[Requirement]]:
    """Read what pyproject.toml asks for, by purpose; what runs here has the web pages."""
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    purposes = {
        CORE: [*told["project"]["dependencies"], *told["project"]["optional-dependencies"]["web"]],
        BUILD: told["dependency-groups"]["build"],
        TEST: told["project"]["optional-dependencies"]["test"],
    }
    extras = told["project"]["optional-dependencies"]
    purposes[CONTAINER] = [*purposes[CORE], *extras["postgres"], *extras["otel"]]
    return {lock: [Requirement(text) for text in texts] for lock, texts in purposes.items()}


def names(requirements: Iterable[Requirement]) -> set[str]:
    """Give the normalized names of requirements."""
    return {canonicalize_name(requirement.name) for requirement in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_is_pinned_by_hash(lock: str) -> None:
    """A lock file consists of entries with a version, SHA-256 hashes and what asks for them, and of nothing else."""
    text = (ROOT / lock).read_text("utf-8")
    first, rest = text.split("\n", 1)
    assert first.startswith("# ")
    assert ENTRY.sub("", rest) == ""
    assert [line for entry in ENTRY.finditer(rest) for line in entry[4].splitlines() if not HASH.fullmatch(line)] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_a_place(lock: str) -> None:
    """A lock file has no address, no path and no option but hashes, so that it works with any index."""
    text = (ROOT / lock).read_text("utf-8")
    assert "://" not in text
    assert " @ " not in text
    assert re.findall(r"^[^#\n]*\s(--?(?!hash=)[a-z][\w-]*)|^(-.*)", text, re.MULTILINE) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_locks_answer_the_project(lock: str) -> None:
    """Every requirement of pyproject.toml is in its lock, at a version that satisfies it."""
    versions = pinned(lock)
    wrong = [str(r) for r in project()[lock] if not r.specifier.contains(versions[canonicalize_name(r.name)])]
    assert wrong == []


def test_the_core_is_only_what_runs() -> None:
    """Nothing that is asked for only by tests or by the build is in the lock of the running gateway."""
    tools = (names(project()[TEST]) | names(project()[BUILD])) - names(project()[CORE])
    assert tools & set(pinned(CORE)) == set()


def test_locks_agree() -> None:
    """The tests run on the very versions that the gateway runs on and is built with."""
    told = pinned(TEST)
    assert {name: told.get(name) for lock in (CORE, BUILD) for name in pinned(lock)} == pinned(CORE) | pinned(BUILD)


def test_pyjwt_is_not_one_that_reads_junk() -> None:
    """PyJWT is at least 2.15.1: older ones accept tokens with blanks and other junk in them."""
    assert pinned(CORE)["pyjwt"] >= LEAST_PYJWT
    (asked,) = [r for r in project()[CORE] if r.name == "pyjwt"]
    assert not asked.specifier.contains("2.15.0")
