"""A chain told to an operator: every statement with its dates, and the first thing that fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.trust.alliance import (
    BELIEFS,
    CITY,
    DAY,
    KEYS,
    NOW,
    PROVINCE,
    SOUTHWEST,
    about,
    long,
    spliced,
)
from trust.constraints import Constraints
from trust.explanation import StepVerdict, explain_chain
from trust.pinboard import Freshness

HOLDS, FAILS, NOT_JUDGED = StepVerdict


def test_a_chain_that_holds_is_told_from_the_anchor_down() -> None:
    """Each step has parties, key, version, dates, age and what is demanded."""
    told = explain_chain(long(), beliefs=BELIEFS, now=NOW)
    assert told.error is None
    assert told.entity is not None
    assert told.entity.path == (CITY, PROVINCE, SOUTHWEST)
    assert [(s.position, s.issuer, s.subject, s.verdict) for s in told.steps] == [
        (3, SOUTHWEST, SOUTHWEST, HOLDS),
        (2, SOUTHWEST, PROVINCE, HOLDS),
        (1, PROVINCE, CITY, HOLDS),
        (0, CITY, CITY, HOLDS),
    ]
    second = told.steps[1]
    assert (second.kid, second.version) == (KEYS[SOUTHWEST].kid, 1)
    assert (second.issued_at, second.expires_at) == (NOW - DAY, NOW + 19 * DAY)
    assert second.freshness is Freshness.FRESH
    assert second.demands == {"constraints": {"max_path_length": 1}, "metadata_policy": {}}
    assert told.steps[0].demands is None


@pytest.mark.parametrize("position", [0, 1, 2, 3])
def test_the_first_failure_is_told_and_nothing_below_it_is_judged(position: int) -> None:
    """What stands above the failure holds, what stands below it was not looked at."""
    texts = list(long())
    texts[position] = "x"
    told = explain_chain(texts, beliefs=BELIEFS, now=NOW)
    verdicts = [HOLDS] * (3 - position) + [FAILS] + [NOT_JUDGED] * position
    assert [step.verdict for step in told.steps] == verdicts
    failed = told.steps[3 - position]
    assert (failed.error, failed.issuer) == (told.error, None)
    assert all(step.error is None for step in told.steps if step is not failed)
    assert told.entity is None


def test_an_old_statement_is_told_with_its_age() -> None:
    """The operator sees which statement has run out, and when."""
    texts = spliced(long(), 1, replace(about(PROVINCE, CITY), exp=NOW - DAY + 60))
    told = explain_chain(texts, beliefs=replace(BELIEFS, grace_seconds=0), now=NOW)
    failed = told.steps[2]
    assert failed.freshness is Freshness.EXPIRED
    assert failed.expires_at == NOW - DAY + 60
    assert told.error is not None
    assert told.error.metadata == {"statement": "1", "skew_seconds": str(DAY - 60)}


def test_a_constraint_is_told_where_it_stands() -> None:
    """AZ3: the statement that allows no further step is the one that is named."""
    told = explain_chain(long(constraints=Constraints()), beliefs=BELIEFS, now=NOW)
    assert [step.verdict for step in told.steps] == [HOLDS, FAILS, NOT_JUDGED, NOT_JUDGED]


@pytest.mark.parametrize(("length", "steps"), [(0, 0), (2, 2), (9, 6)])
def test_a_chain_of_an_impossible_length_is_told_in_part(length: int, steps: int) -> None:
    """No statement is judged, and no more than six are shown."""
    told = explain_chain(["x"] * length, beliefs=BELIEFS, now=NOW)
    assert [step.verdict for step in told.steps] == [NOT_JUDGED] * steps
    assert told.error is not None
