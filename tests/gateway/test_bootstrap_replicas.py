"""What replicas choose for themselves, so that none publishes under a number of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.bootstrap_replicas import own_feed_base, own_numbers
from gateway.settings import load_settings
from tests.fakes.configuration import FakeConfiguration

if TYPE_CHECKING:
    from pathlib import Path

_PROCESSES = 3
_TIMES = 50


def test_processes_of_one_machine_share_no_numbers(tmp_path: Path) -> None:
    """However often they choose: the place of each is part of what it chooses."""
    configuration = FakeConfiguration(tmp_path)
    configuration.path.write_text(f"processes = {_PROCESSES}\n{configuration.path.read_text('utf-8')}", "utf-8")
    settings = load_settings(configuration.path)
    places = [settings.of_process(place) for place in range(_PROCESSES)]
    for chosen in (
        [{own_numbers(one).residue for _ in range(_TIMES)} for one in places],
        [{own_feed_base(one) // 1_000_000 for _ in range(_TIMES)} for one in places],
    ):
        assert all(number % _PROCESSES == place for place, numbers in enumerate(chosen) for number in numbers)
        assert max(map(len, chosen)) > 1


def test_one_process_on_a_file_counts_from_one(tmp_path: Path) -> None:
    """Nobody else publishes for it."""
    settings = load_settings(FakeConfiguration(tmp_path).path)
    assert own_numbers(settings).after(1) == 2
    assert own_feed_base(settings) == 0
