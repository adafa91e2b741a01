"""The share of cores that each of several processes stays on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.cores import own_cores

CORES = st.sets(st.integers(0, 255), min_size=1, max_size=64)


@given(CORES, st.data())
def test_with_enough_cores_each_process_has_its_own_and_none_is_left_over(cores: set[int], data: st.DataObject) -> None:
    """The shares of up to as many processes as there are cores are apart, and together are all cores."""
    processes = data.draw(st.integers(1, len(cores)))
    shares = [own_cores(place, processes, cores) for place in range(processes)]
    assert sum(map(len, shares)) == len(cores)
    assert frozenset().union(*shares) == cores
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(CORES, st.integers(1, 64))
def test_with_too_few_cores_processes_share_them_evenly(cores: set[int], more: int) -> None:
    """Each process has one core, and each core about as many processes as any other."""
    shares = [own_cores(place, len(cores) + more, cores) for place in range(len(cores) + more)]
    assert all(len(share) == 1 for share in shares)
    users = [sum(core in share for share in shares) for core in cores]
    assert max(users) - min(users) <= 1
