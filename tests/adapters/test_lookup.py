"""Deadline, retries and breaker of a look-up, without a network."""

from __future__ import annotations

import asyncio
import logging

import pytest

from adapters.errors import (
    AdapterError,
    BadUpstreamError,
    CardNotFoundError,
    CredentialUsedError,
    HolderMismatchError,
    PlatformRefusedError,
    PlatformTimeoutError,
    PlatformUnavailableError,
    RegionDataError,
)
from adapters.wire import Draft, HttpReply, PlatformRecord
from tests.adapters.fake_platform import AGAIN, GOOD, ONCE, Platform, World, ask, fault, policy


async def test_gives_the_record_and_its_time() -> None:
    """The dialect's record comes back, read at the clock's time, with a nonce for each request."""
    platform, world = Platform([fault(), GOOD]), World()
    assert await ask(policy(platform, world)) == PlatformRecord({"aac003": "x"}, 1000.0)
    assert world.nonces == 2
    assert platform.seen[0].headers == {"X-Api-Key": "k"}


@pytest.mark.parametrize(
    ("draft", "first", "tries"),
    [
        (AGAIN, fault("disconnected"), 2),
        (AGAIN, fault("connect"), 2),
        (ONCE, fault("disconnected"), 1),
        (ONCE, fault("http_5xx"), 1),
        (ONCE, fault("connect"), 2),
        (ONCE, fault("connect_timeout"), 2),
        (AGAIN, BadUpstreamError(rule="redirect"), 1),
        (AGAIN, HttpReply(200, {}, b"<html>"), 1),
    ],
)
async def test_retries_only_what_does_no_harm(draft: Draft, first: HttpReply | AdapterError, tries: int) -> None:
    """A one-time credential is sent again only when nothing was sent; what was answered is not asked again."""
    platform = Platform([first, first])
    with pytest.raises((PlatformUnavailableError, BadUpstreamError)) as caught:
        await ask(policy(platform), draft)
    assert len(platform.seen) == tries
    assert caught.value.metadata["region"] == "500000"


async def test_undecodable_replies_are_bad_upstream() -> None:
    """A page of HTML under 200 is what the dialect does not allow, by the decoder's rule."""
    with pytest.raises(BadUpstreamError) as caught:
        await ask(policy(Platform([HttpReply(200, {}, b"<html>")])))
    assert caught.value.metadata == {"region": "500000", "rule": "syntax"}


async def test_breaker_opens_and_one_probe_closes_it() -> None:
    """After failures in a row nothing is sent until a probe succeeds."""
    platform, world = Platform([fault()]), World()
    asked = policy(platform, world, attempts=1, failures_to_open=3)
    for _ in range(3):
        with pytest.raises(PlatformUnavailableError):
            await ask(asked)
    assert not asked.admits
    with pytest.raises(PlatformUnavailableError, match="circuit_open"):
        await ask(asked)
    assert len(platform.seen) == 3
    world.now += 5
    assert asked.admits
    platform.answers = [GOOD]
    platform.gate.clear()
    probe = asyncio.create_task(ask(asked))
    await asyncio.sleep(0)
    assert not asked.admits
    with pytest.raises(PlatformUnavailableError, match="circuit_open"):
        await ask(asked)
    platform.gate.set()
    await probe
    assert asked.admits
    assert len(platform.seen) == 4


@pytest.mark.parametrize(
    "answer", [CardNotFoundError(), HolderMismatchError(), CredentialUsedError(), PlatformRefusedError()]
)
async def test_answers_are_no_failures(answer: AdapterError) -> None:
    """A platform that says no is a platform that works."""
    platform = Platform([fault(), answer, fault(), answer])
    asked = policy(platform, attempts=1, failures_to_open=2)
    for _ in range(4):
        with pytest.raises(AdapterError) as caught:
            await ask(asked)
        assert caught.value.metadata["region"] == "500000"
    assert asked.admits


async def test_own_mistakes_leave_the_breaker_as_it_is() -> None:
    """An error of configuration tells nothing of the platform, not even as a probe."""
    platform, world = Platform([fault(), RegionDataError(rule="header"), GOOD]), World()
    asked = policy(platform, world, attempts=1, failures_to_open=1)
    with pytest.raises(PlatformUnavailableError):
        await ask(asked)
    world.now += 5
    with pytest.raises(RegionDataError):
        await ask(asked)
    assert asked.admits
    assert (await ask(asked)).fields == {"aac003": "x"}


@pytest.mark.parametrize(("seconds", "held_against"), [(None, True), (60.0, True), (0.02, False)])
async def test_deadline(seconds: float | None, held_against: bool) -> None:
    """The shorter of limit and caller's time ends the call; a hasty caller does not open the breaker."""
    platform = Platform()
    asked = policy(platform, total_seconds=0.05, failures_to_open=1)
    platform.gate.clear()
    with pytest.raises(PlatformTimeoutError):
        await ask(asked, seconds=seconds)
    assert asked.admits != held_against


@pytest.mark.parametrize("seconds", [0.0, -1.0])
async def test_no_time_means_no_request(seconds: float) -> None:
    """A deadline that has passed sends nothing."""
    platform = Platform()
    with pytest.raises(PlatformTimeoutError):
        await ask(policy(platform), seconds=seconds)
    assert platform.seen == []


async def test_a_caller_who_leaves_frees_the_probe() -> None:
    """Cancelling a probe makes room for the next."""
    platform, world = Platform([fault(), GOOD]), World()
    asked = policy(platform, world, attempts=1, failures_to_open=1)
    with pytest.raises(PlatformUnavailableError):
        await ask(asked)
    world.now += 5
    platform.gate.clear()
    probe = asyncio.create_task(ask(asked))
    await asyncio.sleep(0)
    probe.cancel()
    with pytest.raises(asyncio.CancelledError):
        await probe
    assert asked.admits


async def test_close_without_login_does_nothing() -> None:
    """A policy that never logged in has nothing to stop."""
    await policy(Platform()).close()


async def test_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """No path writes a log line."""
    caplog.set_level(logging.DEBUG)
    with pytest.raises(PlatformUnavailableError):
        await ask(policy(Platform([fault()])))
    assert not [record for record in caplog.records if record.name != "asyncio"]
