"""The circuit breaker's states."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from adapters.breaker import Breaker


def _opened() -> Breaker:
    """Give a breaker that opened at time 0."""
    breaker = Breaker(failures_to_open=2, open_seconds=5)
    for _ in range(2):
        permit = breaker.admit(0)
        assert permit is not None
        breaker.fail(permit, 0)
    return breaker


def test_opens_only_after_failures_in_a_row() -> None:
    """A success in between starts the count again."""
    breaker = Breaker(failures_to_open=2, open_seconds=5)
    for outcome in ("fail", "succeed", "fail"):
        permit = breaker.admit(0)
        assert permit is not None
        if outcome == "fail":
            breaker.fail(permit, 0)
        else:
            breaker.succeed(permit)
    assert breaker.would_admit(0)
    permit = breaker.admit(0)
    assert permit is not None
    breaker.fail(permit, 0)
    assert breaker.admit(0) is None


def test_lets_one_probe_through_and_closes_on_its_success() -> None:
    """After the pause one call finds out, and the others wait for it."""
    breaker = _opened()
    assert breaker.admit(4.9) is None
    probe = breaker.admit(5)
    assert probe is not None
    assert breaker.admit(5) is None
    breaker.succeed(probe)
    assert breaker.admit(5) is not None
    assert breaker.admit(5) is not None


def test_opens_again_when_the_probe_fails() -> None:
    """One failed probe is enough for another pause."""
    breaker = _opened()
    probe = breaker.admit(5)
    assert probe is not None
    breaker.fail(probe, 6)
    assert breaker.admit(10.9) is None
    assert breaker.admit(11) is not None


def test_an_abandoned_probe_makes_room_for_the_next() -> None:
    """A probe whose caller left decides nothing and blocks nothing."""
    breaker = _opened()
    probe = breaker.admit(5)
    assert probe is not None
    breaker.abandon(probe)
    assert breaker.admit(5) is not None


def test_late_results_are_ignored() -> None:
    """A call that began before the breaker opened says nothing of the platform now."""
    breaker = Breaker(failures_to_open=1, open_seconds=5)
    first, late = breaker.admit(0), breaker.admit(0)
    assert first is not None
    assert late is not None
    breaker.fail(first, 0)
    breaker.succeed(late)
    assert breaker.admit(1) is None
    breaker.fail(late, 4)
    breaker.abandon(late)
    assert breaker.admit(5) is not None


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 5))
def test_open_exactly_when_the_last_results_were_all_failures(results: list[bool], limit: int) -> None:
    """In a row of calls without a pause, the breaker opens at the first run of failures of the given length."""
    breaker = Breaker(failures_to_open=limit, open_seconds=5)
    run = 0
    for good in results:
        permit = breaker.admit(0)
        assert (permit is None) == (run >= limit)
        if permit is None:
            return
        run = 0 if good else run + 1
        if good:
            breaker.succeed(permit)
        else:
            breaker.fail(permit, 0)


class BreakerMachine(RuleBasedStateMachine):
    """Concurrent calls with any outcomes in any order, beside a count of what must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(failures_to_open=3, open_seconds=5)
        self.now = 0.0
        self.permits: list[int] = []
        self.opened_at: float | None = None
        self.probe: int | None = None

    @rule(seconds=st.floats(0, 4))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    @rule()
    def call(self) -> None:
        """Begin a call: while open there is at most one, and only after the pause."""
        was_open = self.opened_at is not None
        permit = self.breaker.admit(self.now)
        if permit is None:
            assert was_open
            return
        if self.opened_at is not None:
            assert self.now - self.opened_at >= 5
            assert self.probe is None
            self.probe = permit
        self.permits.append(permit)

    @rule(data=st.data(), outcome=st.sampled_from(["succeed", "fail", "abandon"]))
    def settle(self, data: st.DataObject, outcome: str) -> None:
        """End any call that is under way."""
        if not self.permits:
            return
        permit = self.permits.pop(data.draw(st.integers(0, len(self.permits) - 1)))
        was_open = not self.breaker.would_admit(self.now) or self.probe is not None
        if outcome == "fail":
            self.breaker.fail(permit, self.now)
        elif outcome == "succeed":
            self.breaker.succeed(permit)
        else:
            self.breaker.abandon(permit)
        if permit == self.probe:
            self.probe = None
            self.opened_at = {"succeed": None, "fail": self.now, "abandon": self.opened_at}[outcome]
        elif not was_open and not self.breaker.would_admit(self.now):
            assert outcome == "fail"
            self.opened_at = self.now

    @invariant()
    def at_most_one_probe(self) -> None:
        """While a probe is under way nobody else is admitted."""
        if self.probe is not None:
            assert not self.breaker.would_admit(self.now)


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
