"""What the commands tell where a gateway refuses: its reason, the fields at fault, what that means, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import SettingsError
from gateway.reasons import load_reasons

if TYPE_CHECKING:
    from collections.abc import Iterable


def refused(
    reason: str, *, code: str = "", violations: Iterable[tuple[str, str]] = (), heading: str = "The gateway refuses it."
) -> SettingsError:
    """Put the words of a refusal together.

    Args:
        reason: machine reason as the gateway told it; one of another version of the program has no words here.
        code: gRPC code by name, where that is to be told.
        violations: pairs of field path and rule.
        heading: what was refused.
    """
    words = [
        line
        for one in load_reasons()
        if one.code == reason
        for line in (one.message.en, f"To do: {one.remedy.en}" if one.remedy.en else "")
    ]
    fields = (f"{field}: {rule}" for field, rule in violations)
    return SettingsError((f"{code} {reason}".strip(), *fields, *filter(None, words)), heading=heading)
