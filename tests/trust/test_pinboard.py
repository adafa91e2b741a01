"""The memory of statements: no way back, no two of one version, and age that is told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.alliance import DAY, HOME, NOW, SOUTHWEST
from trust.errors import EquivocationError, RollbackError, TrustError
from trust.pinboard import Freshness, Pin, Pinboard

PIN = Pin(
    anchor=SOUTHWEST, issuer=SOUTHWEST, subject=HOME, version=5, issued_at=NOW, expires_at=NOW + 10 * DAY, digest="five"
)
BOARD = Pinboard.of([PIN])


def offered(**changes: object) -> Pin:
    """Give another statement of the same issuer and subject."""
    return replace(PIN, **{"digest": "other", **changes})  # type: ignore[arg-type]  # a test may give anything


def test_the_first_statement_is_remembered() -> None:
    """Of an unknown pair anything is believed, and remembered."""
    board = Pinboard().admit([PIN])
    assert board.pins == {(SOUTHWEST, SOUTHWEST, HOME): PIN}
    assert Pinboard().pins == {}


def test_a_newer_statement_takes_the_place() -> None:
    """A higher version of a later date is remembered instead."""
    newer = offered(version=6, issued_at=NOW + 1)
    assert BOARD.admit([newer]).pins[PIN.place] == newer
    assert BOARD.admit([offered(version=9, issued_at=NOW + 1)]).pins[PIN.place].version == 9


def test_the_same_content_is_nothing_new() -> None:
    """What is known may come again any number of times."""
    assert BOARD.admit([PIN, PIN]).pins == BOARD.pins


@pytest.mark.parametrize(
    ("pin", "error", "rule"),
    [
        (offered(version=4), RollbackError, "version"),
        (offered(version=4, issued_at=NOW + 1), RollbackError, "version"),
        (offered(version=6, issued_at=NOW - 1), RollbackError, "date"),
        (offered(), EquivocationError, "version"),
        (offered(issued_at=NOW + 1), EquivocationError, "version"),
        (offered(version=6), EquivocationError, "date"),
    ],
)
def test_what_goes_back_or_aside_is_refused(pin: Pin, error: type[TrustError], rule: str) -> None:
    """TL1, TL2: the refusal names both versions, and the memory stays as it was."""
    with pytest.raises(error) as caught:
        BOARD.admit([replace(PIN, subject="https://else.example"), pin])
    assert caught.value.metadata == {"rule": rule, "known_version": "5", "offered_version": str(pin.version)}
    assert BOARD.pins == {(SOUTHWEST, SOUTHWEST, HOME): PIN}


def test_each_pair_has_a_memory_of_its_own() -> None:
    """The version of one issuer, subject or anchor says nothing of another's."""
    elsewhere = offered(version=1, anchor="https://else.example")
    others = [offered(version=1, subject="https://else.example"), offered(version=1, issuer=HOME), elsewhere]
    assert len(BOARD.admit(others).pins) == 4


def test_a_stored_pinboard_keeps_the_highest() -> None:
    """Rows that came in any order make the board that forgets nothing."""
    older = offered(version=4)
    assert Pinboard.of([PIN, older]) == Pinboard.of([older, PIN]) == BOARD


PINS = st.builds(
    Pin,
    anchor=st.just(SOUTHWEST),
    issuer=st.sampled_from([HOME, SOUTHWEST]),
    subject=st.just(HOME),
    version=st.integers(1, 4),
    issued_at=st.integers(1, 4),
    expires_at=st.just(9),
    digest=st.sampled_from("ab"),
)


@given(st.lists(PINS, max_size=8))
def test_the_memory_never_goes_back(pins: list[Pin]) -> None:
    """Whatever is offered in whatever order, version and date of a pair never fall, and what is known stays good."""
    board = Pinboard()
    for pin in pins:
        before = board.pins.get(pin.place)
        try:
            board = board.admit([pin])
        except (RollbackError, EquivocationError):
            assert before is not None
            assert board.pins[pin.place] == before
            continue
        after = board.pins[pin.place]
        if before is not None:
            assert (after.version, after.issued_at) >= (before.version, before.issued_at)
            assert after.issued_at >= before.issued_at
            assert after == before or (after.version > before.version and after.issued_at > before.issued_at)
        assert board.check(after) == after


@pytest.mark.parametrize(
    ("now", "freshness"),
    [
        (NOW - 5, Freshness.FRESH),
        (NOW, Freshness.FRESH),
        (NOW + 5 * DAY - 1, Freshness.FRESH),
        (NOW + 5 * DAY, Freshness.HALF_LIFE),
        (NOW + 10 * DAY - 1, Freshness.HALF_LIFE),
        (NOW + 10 * DAY, Freshness.GRACE),
        (NOW + 10 * DAY + 59, Freshness.GRACE),
        (NOW + 10 * DAY + 60, Freshness.EXPIRED),
    ],
)
def test_a_statement_ages(now: int, freshness: Freshness) -> None:
    """TL3: fresh, due from half of its life, in grace from its end, and over after that."""
    assert PIN.freshness(now, grace_seconds=60) is freshness


def test_without_grace_there_is_the_skew_of_clocks() -> None:
    """Two honest clocks differ by ten seconds."""
    assert PIN.freshness(PIN.expires_at + 9) is Freshness.GRACE
    assert PIN.freshness(PIN.expires_at + 10) is Freshness.EXPIRED
    assert PIN.freshness(PIN.expires_at, grace_seconds=0) is Freshness.EXPIRED


@given(st.integers(0, 100), st.integers(1, 100), st.integers(0, 50), st.integers(0, 200), st.integers(0, 50))
def test_nothing_grows_younger(issued: int, life: int, grace: int, now: int, later: int) -> None:
    """Time only ages a statement."""
    pin = replace(PIN, issued_at=issued, expires_at=issued + life)
    assert pin.freshness(now, grace_seconds=grace) <= pin.freshness(now + later, grace_seconds=grace)
