"""Nothing in the tree belongs to a machine, a workplace, a registry or a living person."""

from __future__ import annotations

import re

import pytest

from tests.house.tree import texts

# Each expression is written so that it does not find itself.
FORBIDDEN = {
    "a path of some machine": re.compile(r"(?<![\w.~$})/-])/(?:work|tmp|root|home|Users|private)/[\w.]"),
    "the host of a package registry": re.compile(r"\b(?:pypi|pythonhosted|npmjs|crates)\.(?:org|io|com)\b"),
    "an index address": re.compile(r"--(?:extra-)?index[-]url[ =]|--find-links[ =]|--trusted-host[ =]"),
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/]{16}"),
    "a signed token": re.compile(r"\beyJ[\w-]{16,}\.eyJ[\w-]{16,}\.[\w-]{43,}"),
    "a credential of a cloud": re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{36}\b"),
}
CITIZEN_NUMBER = re.compile(r"(?<![0-9A-Za-z])\d{6}(\d{4})(?:0[1-9]|1[0-2])\d{5}[\dX](?![0-9A-Za-z])", re.ASCII)
FIRST_LIVING_YEAR = 1920
# Printed in standards and notices as examples, or invented here before the rule was written.
SPECIMENS = {
    "11010519491231002X",
    "42030019880229003X",
    "500103199001014513",
    "810000199408230021",
    "820000199001010010",
    "830000199201300022",
    "91184019850101001X",
}


def has_check_digit(number: str) -> bool:
    """Tell whether the last of 18 characters is right (GB 11643, ISO 7064 MOD 11-2)."""
    remainder = 0
    for digit in number[:-1]:
        remainder = (remainder + int(digit)) * 2 % 11
    return number[-1] == "0123456789X"[(12 - remainder) % 11]


def of_the_living(text: str) -> set[str]:
    """Give the valid citizen numbers in a text which a living person could hold, the specimens left out."""
    found = {m[0] for m in CITIZEN_NUMBER.finditer(text) if int(m[1]) >= FIRST_LIVING_YEAR and has_check_digit(m[0])}
    return found - SPECIMENS


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    """No file has a path of some machine, a registry's host, a key or a token in it."""
    found = {path: match[0] for path, text in texts().items() if (match := FORBIDDEN[what].search(text))}
    assert found == {}


def test_numbers_belong_to_nobody() -> None:
    """Every citizen number with a right check digit is a known specimen or of a birth before 1920."""
    assert {path: found for path, text in texts().items() if (found := of_the_living(text))} == {}


def test_a_number_of_the_living_is_found() -> None:
    """A valid number of a recent birth is seen, one with a wrong check digit or of an early birth is not."""
    recent, early = "51010019890604", "51010019040604"
    valid = [f"{stem}{serial:03}{last}" for stem in (recent, early) for serial in (1, 2) for last in "0123456789X"]
    found = of_the_living(" ".join(valid))
    assert len(found) == 2
    assert {number[:14] for number in found} == {recent}


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a path of some machine", "see /{}/x".format("root")),
        ("the host of a package registry", "files.{}.org".format("pythonhosted")),
        ("an index address", "--index-{}=x".format("url")),
        ("a private key", "-----BEGIN " + "EC PRIVATE KEY-----\n" + "M" * 16),
        ("a signed token", ".".join(("eyJ" + "a" * 16, "eyJ" + "b" * 16, "c" * 43))),
    ],
)
def test_what_is_forbidden_is_found(what: str, text: str) -> None:
    """Each expression finds the thing that it is there for."""
    assert FORBIDDEN[what].search(text)
