"""How all tests run: property tests are the same on every machine, unless a person asks for new cases."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest
from hypothesis import settings

from tests.fakes.postgres import postgres_server, postgres_url, second_postgres_url
from tests.fakes.softhsm import softhsm
from tests.fakes.store import sqlite_url, store, store_url
from tests.sandbox_fixture.fixture import sandbox
from tests.sandbox_fixture.hanging import HangWatch

__all__ = [
    "postgres_server",
    "postgres_url",
    "sandbox",
    "second_postgres_url",
    "softhsm",
    "sqlite_url",
    "store",
    "store_url",
]

# Two runs see the same cases, and a slow machine is no fault; `pytest --hypothesis-profile explore` looks for new ones.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile("ci")


def pytest_configure(config: pytest.Config) -> None:
    """Watch for tests that hang; what is told goes where errors go before pytest keeps them to itself."""
    told_to = os.dup(sys.__stderr__.fileno()) if sys.__stderr__ else os.open(os.devnull, os.O_WRONLY)
    watch = HangWatch(told_to)
    config.pluginmanager.register(watch)
    config.add_cleanup(lambda: os.close(told_to))
    config.add_cleanup(watch.end)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:  # noqa: ANN401 - pytest-xdist has no types
    """Keep the tests of a group in one worker where `--dist loadgroup` asks for it."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from tests.sandbox_fixture.groups import ByGroup  # noqa: PLC0415 - for those who run without pytest-xdist

    return ByGroup(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run what starts gateways of its own before the sandbox that many share is there: two at once are too many."""
    items.sort(key=lambda item: "sandbox" in getattr(item, "fixturenames", ()))
