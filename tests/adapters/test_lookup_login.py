"""The life of a login token within look-ups, without a network."""

from __future__ import annotations

import asyncio
import gc
import logging

import pytest

from adapters.auth_scheme import Login
from adapters.errors import PlatformRefusedError, PlatformTimeoutError, PlatformUnavailableError
from adapters.token_cache import TokenCache
from adapters.wire import HttpReply
from tests.adapters.fake_platform import GOOD, ONCE, Platform, World, ask, fault, policy

REFUSED = HttpReply(401)


def _tokens(platform: Platform) -> list[str]:
    """Give the tokens that look-ups showed."""
    return [request.headers["X-Access-Token"] for request in platform.seen]


async def test_token_is_kept_until_a_minute_before_it_expires() -> None:
    """One login serves until 7,140 of 7,200 seconds, then the next."""
    platform, world = Platform(), World()
    asked = policy(platform, world, auth="login_token")
    for seconds in (0.0, 7139.0, 1.0, 1.0):
        world.now += seconds
        await ask(asked)
    assert _tokens(platform) == ["token-1", "token-1", "token-2", "token-2"]


async def test_concurrent_callers_log_in_once() -> None:
    """A hundred look-ups at once share one login."""
    platform = Platform()
    asked = policy(platform, auth="login_token")
    platform.gate.clear()
    calls = [asyncio.create_task(ask(asked)) for _ in range(100)]
    await asyncio.sleep(0.01)
    platform.gate.set()
    await asyncio.gather(*calls)
    assert platform.logins == 1
    assert _tokens(platform) == ["token-1"] * 100


async def test_refused_token_is_replaced_once() -> None:
    """After one fresh login the look-up is sent again, a one-time credential too: it was not looked at."""
    platform = Platform([REFUSED, GOOD])
    asked = policy(platform, auth="login_token")
    await ask(asked, ONCE)
    await ask(asked)
    assert _tokens(platform) == ["token-1", "token-2", "token-2"]


async def test_twice_refused_token_is_a_refusal() -> None:
    """A platform that takes no token refuses the gateway; no other error leaves."""
    platform = Platform([REFUSED])
    with pytest.raises(PlatformRefusedError) as caught:
        await ask(policy(platform, auth="login_token"))
    assert type(caught.value) is PlatformRefusedError
    assert caught.value.metadata == {"region": "500000"}
    assert platform.logins == 2


async def test_refused_token_without_login_is_a_refusal() -> None:
    """Where there is no login step, there is nothing to try again."""
    platform = Platform([REFUSED])
    with pytest.raises(PlatformRefusedError) as caught:
        await ask(policy(platform))
    assert type(caught.value) is PlatformRefusedError
    assert len(platform.seen) == 1


async def test_callers_refused_together_log_in_once() -> None:
    """A token that was replaced meanwhile is not replaced again."""
    platform = Platform()
    asked = policy(platform, auth="login_token")
    await ask(asked)
    platform.answers = [REFUSED, REFUSED, REFUSED, GOOD]
    platform.gate.clear()
    calls = [asyncio.create_task(ask(asked)) for _ in range(3)]
    await asyncio.sleep(0.01)
    platform.gate.set()
    await asyncio.gather(*calls)
    assert platform.logins == 2
    assert _tokens(platform) == ["token-1"] * 4 + ["token-2"] * 3


async def test_failed_login_is_everybodys_error() -> None:
    """All who wait get the login's error, after its retries, and the next caller tries again."""
    platform = Platform(login_error=fault("http_5xx"))
    asked = policy(platform, auth="login_token", failures_to_open=10)
    errors = await asyncio.gather(*(ask(asked) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in errors] == [PlatformUnavailableError] * 3
    assert platform.logins == 2
    platform.login_error = None
    await ask(asked)
    assert platform.logins == 3


async def test_a_leaving_caller_does_not_stop_the_login() -> None:
    """The login goes on for those who stay."""
    platform = Platform()
    asked = policy(platform, auth="login_token")
    platform.gate.clear()
    first, second = asyncio.create_task(ask(asked)), asyncio.create_task(ask(asked))
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    platform.gate.set()
    await second
    assert platform.logins == 1


async def test_login_that_hangs_is_a_timeout(caplog: pytest.LogCaptureFixture) -> None:
    """The deadline covers the login, and a login that nobody waits for any more is not logged."""
    caplog.set_level(logging.DEBUG)
    platform = Platform()
    asked = policy(platform, auth="login_token", total_seconds=0.05)
    platform.gate.clear()
    with pytest.raises(PlatformTimeoutError):
        await ask(asked, seconds=0.01)
    with pytest.raises(PlatformTimeoutError):
        await ask(asked)
    await asyncio.sleep(0.05)
    del asked
    gc.collect()
    assert platform.logins == 1
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]


async def test_close_ends_a_login() -> None:
    """Whoever waits for a login that is stopped is told that the client is closed."""
    platform = Platform()
    asked = policy(platform, auth="login_token")
    platform.gate.clear()
    call = asyncio.create_task(ask(asked))
    await asyncio.sleep(0.01)
    await asked.close()
    with pytest.raises(PlatformUnavailableError, match="closed"):
        await call


def test_short_tokens_are_kept_for_half_their_life() -> None:
    """A margin longer than the token's life would ask for a login each time."""
    cache = TokenCache()
    cache.keep(Login("t", 30.0), 100.0)
    assert cache.current(114.9) == "t"
    assert cache.current(115.0) is None
    cache.forget("other")
    assert cache.current(100.0) == "t"
    cache.forget("t")
    assert cache.current(100.0) is None
