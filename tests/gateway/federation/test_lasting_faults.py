"""A fault that lasts is told once."""

from __future__ import annotations

from gateway.errors import StoreUnavailableError
from gateway.federation.lasting_faults import LastingFaults
from tests.fakes.journal import FakeJournal


def test_a_fault_is_told_when_it_begins_and_when_it_is_another() -> None:
    """And again where it comes back after all was well; each event has its own."""
    journal = FakeJournal()
    faults = LastingFaults(journal)
    for error in (StoreUnavailableError(), StoreUnavailableError(), TimeoutError()):
        faults.tell("not_heard", error)
    faults.tell("not_told", TimeoutError())
    faults.over("not_heard")
    faults.tell("not_heard", TimeoutError())
    told = [(line["event"], line["error"]) for line in journal.lines]
    assert told == [
        ("not_heard", "StoreUnavailableError"),
        ("not_heard", "TimeoutError"),
        ("not_told", "TimeoutError"),
        ("not_heard", "TimeoutError"),
    ]
