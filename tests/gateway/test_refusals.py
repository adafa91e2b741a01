"""What the commands tell where a gateway refuses."""

from __future__ import annotations

import pytest

from gateway.reasons import load_reasons
from gateway.refusals import refused


@pytest.mark.parametrize("reason", [one.code for one in load_reasons()])
def test_every_reason_is_told_with_what_to_do(reason: str) -> None:
    """Whoever stands before a terminal reads the same sentences as a platform, below the reason and the fields."""
    words = load_reasons().get(reason)
    told = refused(reason, code="ABORTED", violations=[("life", "at most")])
    assert str(told).splitlines() == [
        "The gateway refuses it.",
        f"ABORTED {reason}",
        "life: at most",
        words.message.en,
        f"To do: {words.remedy.en}",
    ]


def test_a_reason_of_another_version_is_told_bare() -> None:
    """A gateway may be newer than the command, which then has no words for what it says."""
    assert refused("NEWER_THAN_US", heading="It refuses.").faults == ("NEWER_THAN_US",)
    assert str(refused("", heading="It refuses.")).splitlines()[0] == "It refuses."
