"""How soon a loss that the home platform reports is refused in all other regions, from the event, beside other traffic.

Each event is the loss of another card that was in use everywhere, reported by the platform with the time of that
moment. From the answer to the report on, every other gateway is asked about the card until it refuses; the time is
taken when that answer has come, so that the asking counts too. What the gateways tell themselves (`propagation_ms`, and
their metric) stands beside it.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.figures import Aim, Figure, Line
from bench.load import Background, Target, Wire, background
from bench.payloads import METHODS, VISITED, verify_request
from bench.status_cards import HOME, KIND, Cards, numbers, refused

if TYPE_CHECKING:
    from pathlib import Path

    from bench.trust_sandbox import Sandbox

EVENTS = 1000
OTHER_CALLS = 100.0
_STREAMS = 16
_MOST_SECONDS = 1.0
_SECOND, _ALL = "1.0", "+Inf"


@dataclass(slots=True, kw_only=True)
class Spread:
    """What was measured, all in milliseconds: by region until refused, and until known as told there; of the report.

    `within` and `counted` are from the metrics of the other gateways: events known within a second, and in all.
    """

    refused: dict[str, list[float]] = field(default_factory=dict)
    told: dict[str, list[float]] = field(default_factory=dict)
    reports: list[float] = field(default_factory=list)
    within: float = 0.0
    counted: float = 0.0
    other: Background = field(default_factory=Background)


def measure_spread(sandbox: Sandbox, folder: Path, *, events: int = EVENTS) -> Spread:
    """Report losses one after the other, while another process verifies cards (BenchError)."""
    site = sandbox.site(VISITED)
    wire = Wire(
        ca=sandbox.layout.ca,
        server_name=site.server_name,
        token=lambda: sandbox.token(VISITED),
        log=folder / "client.log",
    )
    target = Target(
        name="VerifyCard",
        address=site.grpc,
        method=METHODS["verify"],
        request=verify_request(HOME),
        counted=(),
        unique=True,
    )
    with background(target, wire, streams=_STREAMS, pace=OTHER_CALLS) as other:
        found = asyncio.run(_spread(sandbox, events))
    found.other = other
    return found


async def _spread(sandbox: Sandbox, events: int) -> Spread:
    found = Spread()
    cards = numbers(events, letter="B")
    async with Cards(sandbox) as all_cards:
        await all_cards.put_into_use(cards, all_cards.others)
        before = [all_cards.learned(region) for region in all_cards.others]
        for card in cards:
            await _lose(all_cards, card, found)
        after = [all_cards.learned(region) for region in all_cards.others]
    found.within, found.counted = (
        sum(late[bound] - early[bound] for early, late in zip(before, after, strict=True)) for bound in (_SECOND, _ALL)
    )
    return found


async def _lose(cards: Cards, card: str, found: Spread) -> None:
    """Lose one card, and wait until all others refuse it."""
    lost_at = await cards.report([card], KIND.CARD_EVENT_KIND_LOST_TEMPORARY)
    found.reports.append((time.time() - lost_at) * 1000)
    answers = await asyncio.gather(*(cards.until(region, card, refused) for region in cards.others))
    for region, (at, answer) in zip(cards.others, answers, strict=True):
        found.refused.setdefault(region, []).append((at - lost_at) * 1000)
        found.told.setdefault(region, []).append(float(answer.propagation_ms))


def p99(values: list[float]) -> float:
    """Give the least value that 99 of 100 do not pass."""
    return sorted(values)[max(0, -(-99 * len(values) // 100) - 1)]


def spread_lines(found: Spread) -> list[Line]:
    """Say what was measured."""
    events, places = len(found.reports), len(found.refused)
    done = found.other.calls / found.other.seconds
    what = f"a loss reported at home until refused, from the event; {events:,} events at {places} other gateways"
    return [
        Line(
            name=f"{what}, beside {done:.0f} VerifyCard/s",
            figure=Figure.of(one for times in found.refused.values() for one in times),
            unit="ms",
            beside="the report alone, until it is on disk at home",
            reference=Figure.of(found.reports),
        ),
        Line(
            name="the same: 99 of 100, by gateway",
            figure=Figure.of(p99(times) for times in found.refused.values()),
            unit="ms",
            beside="as told in `propagation_ms`",
            reference=Figure.of(p99(times) for times in found.told.values()),
        ),
        Line(
            name=f"the same by the metric: known within a second, of {found.counted:,.0f}",
            figure=Figure.of([100 * found.within / max(1.0, found.counted)]),
            unit="%",
        ),
    ]


def spread_aims(found: Spread) -> list[Aim]:
    """Hold it against what was aimed at."""
    slowest = max(p99(times) for times in found.refused.values()) / 1000
    name = f"a loss is refused in {len(found.refused)} other regions, 99 of 100, slowest gateway"
    return [Aim(name, "at most", _MOST_SECONDS, slowest, "s")]
