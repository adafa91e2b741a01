"""What a region knows while the line to the home region is cut, and after it is healed.

Between the gateways of Chongqing and Shiyan lies a line that can be cut. While it is, Chongqing's platform goes on to
report losses, and Shiyan's gateway is asked about a card that is in use, under an agreement that lets an identity be
believed five seconds, and the five that count as live. Then the line is healed, and every card that was lost meanwhile
is asked about: whether it is known, in the order of the events, and by the metric none twice.
"""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from bench.figures import Aim, Figure, Line
from bench.process import BenchError, Child
from bench.references import HOST
from bench.status_cards import HOME, KIND, Cards, identity, numbers, refused
from onecard.gateway.v1 import card_status_pb2, verdict_pb2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bench.status_cards import Answer
    from bench.trust_sandbox import Sandbox
    from gateway.sandbox.layout import Layout

VISITED = "shiyan"
CUT_SECONDS = 60.0
LIMIT_SECONDS = 10.0
"""The age until which the agreement lets a gateway believe an identity, and what counts as live beside it."""

_EVENTS_A_SECOND = 10
_ASK_SECONDS = 0.2
_WITHIN_SECONDS = 1.5
_ALL = "+Inf"
_CONTROL = "C99999999"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What was seen: seconds of the cut, events in it, seconds until STALE, and after it until all was known.

    `allowed_late` counts answers behind the limit that allowed something; `counted` is by the metric how many events
    were learned, `disordered` how many were learned before one of those before them.
    """

    seconds: float
    events: int
    stale_after: float
    allowed_late: int
    healed_after: float
    counted: float
    disordered: int


@contextmanager
def line(folder: Path) -> Iterator[tuple[Child, Callable[[Layout], None]]]:
    """Give a line that can be cut, and what puts it between the two gateways."""
    with Child("bench.status_line", log=folder / "line.log", pipes=True) as child:

        def adjust(layout: Layout) -> None:
            home = next(site for site in layout.sites if site.region == HOME)
            child.tell(home.mutual)
            config = layout.config(VISITED)
            text = config.read_text("utf-8")
            if text.count(f'"{home.mutual}"') != 1:
                raise BenchError("the address of the home region's gateway does not stand in the configuration once")
            config.write_text(text.replace(home.mutual, f"{HOST}:{child.line()}"), "utf-8")

        yield child, adjust


def measure_cut(sandbox: Sandbox, cable: Child, *, seconds: float = CUT_SECONDS) -> Cut:
    """Cut the line for so many seconds, and heal it (BenchError)."""
    return asyncio.run(_cut(sandbox, cable, seconds))


async def _cut(sandbox: Sandbox, cable: Child, seconds: float) -> Cut:
    lost = numbers(round(seconds * _EVENTS_A_SECOND), letter="C")
    async with Cards(sandbox) as cards:
        await cards.put_into_use([*lost, _CONTROL], [VISITED])
        await cards.report()
        await cards.until(VISITED, _CONTROL, _is_live)
        before = cards.learned(VISITED)[_ALL]
        cable.send(signal.SIGUSR1)
        begun = time.monotonic()
        asking = asyncio.create_task(_ask(cards, begun, seconds))
        for number, card in enumerate(lost):
            await cards.report([card], KIND.CARD_EVENT_KIND_LOST_TEMPORARY)
            await asyncio.sleep(begun + (number + 1) / _EVENTS_A_SECOND - time.monotonic())
        stale_after, allowed_late = await asking
        cable.send(signal.SIGUSR2)
        took, healed = time.monotonic() - begun, time.monotonic()
        beating = asyncio.create_task(_beat(cards))
        await cards.until(VISITED, _CONTROL, _is_live)
        await cards.until(VISITED, lost[-1], refused)
        healed_after = time.monotonic() - healed
        answers = [await cards.standing(VISITED, card) for card in lost]
        beating.cancel()
        unknown = sum(not refused(answer) for answer in answers)
        if unknown:
            raise BenchError(f"{unknown} cards are not known as lost after the line was healed")
        times = [answer.known_time.ToNanoseconds() for answer in answers]
        return Cut(
            seconds=took,
            events=len(lost),
            stale_after=stale_after,
            allowed_late=allowed_late,
            healed_after=healed_after,
            counted=cards.learned(VISITED)[_ALL] - before,
            disordered=sum(one > other for one, other in pairwise(times)),
        )


async def _ask(cards: Cards, begun: float, seconds: float) -> tuple[float, int]:
    """Ask about a card in use while the line is cut; gives when it was first STALE, and what was allowed behind it."""
    stale_after, allowed_late = float("inf"), 0
    while (since := time.monotonic() - begun) < seconds:
        answer = await cards.standing(VISITED, _CONTROL)
        if answer.freshness == card_status_pb2.FRESHNESS_STALE:
            stale_after = min(stale_after, since)
        allowed = any(one.decision != verdict_pb2.DECISION_REFUSED for one in answer.classes)
        allowed_late += allowed and since > LIMIT_SECONDS + _WITHIN_SECONDS
        await asyncio.sleep(_ASK_SECONDS)
    return stale_after, allowed_late


async def _beat(cards: Cards) -> None:
    """Say every half second that nothing else has happened."""
    while True:
        await cards.report()
        await asyncio.sleep(0.5)


def _is_live(answer: Answer) -> bool:
    allowed = identity(answer).decision == verdict_pb2.DECISION_ALLOWED
    return allowed and answer.freshness == card_status_pb2.FRESHNESS_LIVE


def cut_lines(found: Cut) -> list[Line]:
    """Say what was measured."""
    return [
        Line(
            name=f"the line cut for {found.seconds:.0f} s: STALE after",
            figure=Figure.of([found.stale_after]),
            unit="s",
            beside="limit of the agreement, with what counts as live",
            reference=Figure.of([LIMIT_SECONDS]),
        ),
        Line(
            name=f"healed: all {found.events:,} events known, and the feed live, after",
            figure=Figure.of([found.healed_after]),
            unit="s",
        ),
        Line(name="the same: events learned, by the metric", figure=Figure.of([found.counted]), unit=""),
        Line(name="the same: learned before one that came before", figure=Figure.of([found.disordered]), unit=""),
    ]


def cut_aims(found: Cut) -> list[Aim]:
    """Hold it against what was aimed at."""
    return [
        Aim(
            "STALE behind the limit, at the latest after",
            "at most",
            LIMIT_SECONDS + _WITHIN_SECONDS,
            found.stale_after,
            "s",
        ),
        Aim("answers that allowed something behind the limit", "at most", 0, found.allowed_late),
        Aim("events of the cut that were missing, or came twice", "at most", 0, abs(found.counted - found.events)),
        Aim("events of the cut that came out of order", "at most", 0, found.disordered),
    ]
