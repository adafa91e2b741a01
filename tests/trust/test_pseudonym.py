"""The pseudonyms of holders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.forge import issue
from trust.errors import KeyMaterialError
from trust.pseudonym import pairwise_subject

SECRET = bytes(range(32))


def test_a_pseudonym_is_stable_towards_one_region() -> None:
    """The same holder keeps the same name there; a known value fixes the computation for good."""
    subject = pairwise_subject(SECRET, home="chongqing", visited="sichuan", holder_key="holder 1")
    assert subject == pairwise_subject(SECRET, home="chongqing", visited="sichuan", holder_key="holder 1")
    assert issue(sub=subject)
    assert subject == "FGdYJuVLs_TanxKtPyiR5ptQTQWRSTU9aGYguuSGk_w"


def test_pseudonyms_towards_two_regions_have_nothing_in_common() -> None:
    """Region, holder, home and secret each change the name; moving a border between the parts does too."""
    subjects = {
        pairwise_subject(secret, home=home, visited=visited, holder_key=holder)
        for secret in (SECRET, SECRET[::-1])
        for home in ("chongqing", "guizhou")
        for visited in ("sichuan", "xizang")
        for holder in ("holder 1", "holder 2")
    }
    assert len(subjects) == 16
    moved = [("ab", "c", "d"), ("a", "bc", "d"), ("a", "b", "cd"), ("abcd", "", "")]
    assert len({pairwise_subject(SECRET, home=a, visited=b, holder_key=c) for a, b, c in moved}) == 4


@given(holder=st.text(), visited=st.text())
def test_a_pseudonym_does_not_contain_the_holder(holder: str, visited: str) -> None:
    """Any text gives 43 characters of base64url."""
    assert len(pairwise_subject(SECRET, home="chongqing", visited=visited, holder_key=holder)) == 43


def test_a_short_secret_is_refused() -> None:
    """A secret that could be guessed is no secret."""
    with pytest.raises(KeyMaterialError):
        pairwise_subject(SECRET[:31], home="chongqing", visited="sichuan", holder_key="holder 1")
