"""How all tests run: property tests are the same on every machine, unless a person asks for new cases."""

from __future__ import annotations

from hypothesis import settings

from tests.sandbox_fixture.fixture import sandbox

__all__ = ["sandbox"]

# Two runs see the same cases, and a slow machine is no fault; `pytest --hypothesis-profile explore` looks for new ones.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("ci")
