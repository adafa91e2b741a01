"""Laws of translation between any two regions: what is not reported as lost is kept, and nothing else is reported."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from adapters.canonical import FIELD_PATHS
from adapters.words import LossKind
from tests.adapters.identity_strategies import IDENTITIES
from tests.adapters.region_cases import ADAPTERS

if TYPE_CHECKING:
    from adapters.adapter import ManifestAdapter
    from adapters.canonical import CardIdentity, RegionalIdentity

PAIRS = tuple(permutations(ADAPTERS, 2))
moderate = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def told(identity: CardIdentity) -> dict[str, object]:
    """Lay an identity out by neutral path; a field that is not told is None."""
    parts = {"holder": identity.holder, "card": identity.card}
    return {path: getattr(parts[path.partition(".")[0]], path.partition(".")[2]) or None for path in FIELD_PATHS}


def lost(written: RegionalIdentity) -> set[str]:
    """Name the fields that a form reported."""
    return {loss.field for loss in written.losses}


def check_written(before: CardIdentity, written: RegionalIdentity, after: CardIdentity) -> None:
    """Check one write and the read after it: the report is ordered, and exactly what differs is in it, once."""
    was, became = told(before), told(after)
    assert {path for path in FIELD_PATHS if was[path] != became[path]} == lost(written)
    assert [loss.field for loss in written.losses] == sorted(lost(written))
    for loss in written.losses:
        assert was[loss.field] is not None
        if loss.kind is LossKind.DROPPED:
            assert became[loss.field] is None


@pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.region)
@given(identity=IDENTITIES)
@moderate
def test_a_form_reports_exactly_what_it_cannot_hold(adapter: ManifestAdapter, identity: CardIdentity) -> None:
    """Writing an identity and reading it again changes the reported fields and no others; a second time, nothing."""
    written = adapter.identity_from_canonical(identity)
    read = adapter.identity_to_canonical(written.fields)
    check_written(identity, written, read)
    again = adapter.identity_from_canonical(read)
    assert again.fields == written.fields
    assert again.losses == ()
    assert set(written.fields) <= set(adapter.form.keys)
    assert all(written.fields.values())


@pytest.mark.parametrize(
    ("here", "there"), PAIRS, ids=[f"{here.region}-{there.region}-{here.region}" for here, there in PAIRS]
)
@given(identity=IDENTITIES)
@moderate
def test_there_and_back_is_the_identity_or_reported(
    here: ManifestAdapter, there: ManifestAdapter, identity: CardIdentity
) -> None:
    """A record of one region, taken to another and back, differs only in the fields that were reported."""
    home = here.identity_from_canonical(identity)
    start = here.identity_to_canonical(home.fields)
    visit = there.identity_from_canonical(start)
    seen = there.identity_to_canonical(visit.fields)
    check_written(start, visit, seen)
    back = here.identity_from_canonical(seen)
    end = here.identity_to_canonical(back.fields)
    check_written(seen, back, end)
    was, became = told(start), told(end)
    assert {path for path in FIELD_PATHS if was[path] != became[path]} <= lost(visit) | lost(back)
    if not visit.losses and not back.losses:
        assert back.fields == home.fields


def test_all_ordered_pairs_are_tried() -> None:
    """Each region meets each other one, both ways."""
    count = len(ADAPTERS)
    assert len(set(PAIRS)) == count * (count - 1)
