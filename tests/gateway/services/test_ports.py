"""The fakes stand where the real ones would."""

from __future__ import annotations

import pytest

from gateway.errors import PeerUnavailableError
from gateway.services import ports
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.home import FakeHome
from tests.fakes.platform import FakePlatform
from tests.fakes.regions import local_home


@pytest.mark.parametrize(
    ("port", "double"),
    [(ports.Platform, FakePlatform()), (ports.Home, FakeHome(PeerUnavailableError())), (ports.Home, local_home())],
)
def test_fakes_and_real_ones_fit_the_same_ports(port: type, double: ports.Platform | ports.Home) -> None:
    """Whatever a port asks for is there, and reachable from the start."""
    assert [name for name in vars(port) if not name.startswith("_") and not hasattr(double, name)] == []
    assert double.reachable


def test_a_clock_is_anything_that_gives_a_time() -> None:
    """The fake one stands still."""
    clock: ports.Clock = FakeClock()
    assert clock() == clock() == NOON
