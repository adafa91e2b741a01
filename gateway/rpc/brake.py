"""Holds back whoever brings one false proof after another; who is proven never waits, whatever comes beside it.

A refusal costs a gateway about what a small call costs, most of it in the transport, which is paid before anything can
be known of the call. So what helps is that there are fewer. An address, and all addresses together, have some refusals
a second at once. Those beyond are given in turn, so many a second for all: each that waits costs us a place in memory,
and the other side one of the few calls that a connection may have open, so that it waits instead of calling. It gets
its own reason all the same. Only refusals count and wait: a caller that proves itself over the same connection or
address is served at once. Turns come in rounds, since a few refusals together cost half of what they cost one by one.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_EVERYBODY: Final = ""
_NETWORK_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many refusals are given at once: so many a second, and so many in a row after a pause."""

    per_second: float
    in_a_row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeRule:
    """What one address may have at once, and all together; what is given beyond, how often, and how many may wait.

    Each that waits holds a call of gRPC, and at most a window of 64 KiB of a message that nobody reads: a thousand take
    50 MB, or 160 MB where their messages are long. With more than `places` waiting, the others are refused at once: an
    attacker with that many calls open is one for a firewall.
    """

    each: Allowance = Allowance(50, 500)
    together: Allowance = Allowance(500, 1000)
    per_second_beyond: float = 200
    round_seconds: float = 0.1
    places: int = 1000
    addresses: int = 4096


class Brake:
    """Counts refusals by address, and holds those beyond the allowance.

    Args:
        rule: how many are given when.
        clock: seconds that never go back.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        rule: BrakeRule | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Begin with nobody known."""
        self._rule = rule or BrakeRule()
        self._clock = clock
        self._sleep = sleep
        self._used_until: dict[str, float] = {}
        self._last_turn = 0.0

    async def hold(self, peer: str, seconds_left: float | None) -> None:
        """Count a refusal, and wait until it may be given.

        Args:
            peer: who is refused, as gRPC names it.
            seconds_left: until the caller's own deadline; no more than half of it is waited, so that it hears why.
        """
        now = self._clock()
        # What an address is not given at once it does not take from the others either.
        if self._is_beyond(address_of(peer), self._rule.each, now) or self._is_beyond(
            _EVERYBODY, self._rule.together, now
        ):
            wait = self._wait_for_turn(now)
            if wait > 0:
                await self._sleep(wait if seconds_left is None else min(wait, seconds_left / 2))

    def _is_beyond(self, name: str, allowed: Allowance, now: float) -> bool:
        """Move the time until which a name has used up its allowance; who has done so is never far ahead."""
        limit = now + allowed.in_a_row / allowed.per_second
        until = max(self._used_until.pop(name, now), now) + 1 / allowed.per_second
        self._used_until[name] = min(until, limit)
        if len(self._used_until) > self._rule.addresses:
            del self._used_until[next(iter(self._used_until))]  # who was refused longest ago
        return until > limit

    def _wait_for_turn(self, now: float) -> float:
        """Take the next turn and tell how many seconds away its round is; 0 where all places are taken."""
        pace, between = self._rule.per_second_beyond, self._rule.round_seconds
        turn = max(self._last_turn, now) + 1 / pace
        if turn - now > self._rule.places / pace:
            return 0.0
        self._last_turn = turn
        return math.ceil(turn / between) * between - now


def address_of(peer: str) -> str:
    """Give the address of a peer without its port; of IPv6 the network of 64 bits, in which one host has any number."""
    family, _, rest = peer.partition(":")
    if family != "ipv6":
        return peer.rpartition(":")[0] or peer
    try:
        address = IPv6Address(unquote(rest.rpartition(":")[0]).strip("[]").partition("%")[0])
    except ValueError:
        return family
    mapped = address.ipv4_mapped
    return f"ipv4:{mapped}" if mapped else f"ipv6:{int(address) >> _NETWORK_BITS:x}"
