"""Tests of how measurements of card states become lines and aims, and of the line that can be cut; nothing is timed."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bench.load import Background
from bench.status_cut import Cut, cut_aims, cut_lines
from bench.status_line import Cuttable
from bench.status_spread import Spread, p99, spread_aims, spread_lines
from tests.fakes.stream_server import HOST, StreamServer


def test_ninety_nine_of_a_hundred_are_not_above_it() -> None:
    """One outlier of a hundred does not move it, two do."""
    assert p99([5.0]) == 5.0
    assert p99([*[1.0] * 99, 9.0]) == 1.0
    assert p99([*[1.0] * 98, 9.0, 8.0]) == 8.0


def test_the_slowest_gateway_is_held_against_the_aim() -> None:
    """Not the mean of all."""
    found = Spread(
        refused={"one": [20.0], "other": [1500.0]},
        told={"one": [10.0], "other": [900.0]},
        reports=[5.0],
        within=1.0,
        counted=2.0,
        other=Background(calls=200, seconds=2.0),
    )
    (aim,) = spread_aims(found)
    assert (aim.measured, aim.met) == (1.5, False)
    lines = spread_lines(found)
    assert "beside 100 VerifyCard/s" in lines[0].name
    assert lines[2].figure.median == 50.0


def test_a_cut_is_good_only_if_nothing_is_missing_twice_or_out_of_order() -> None:
    """Each has an aim of its own."""
    good = Cut(seconds=60.0, events=600, stale_after=9.0, allowed_late=0, healed_after=1.0, counted=600.0, disordered=0)
    assert [aim.met for aim in cut_aims(good)] == [True] * 4
    bad = Cut(seconds=60.0, events=600, stale_after=12.0, allowed_late=1, healed_after=1.0, counted=601.0, disordered=2)
    assert [aim.met for aim in cut_aims(bad)] == [False] * 4
    assert len(cut_lines(good)) == 4


async def test_nothing_passes_a_line_that_is_cut_and_healing_drops_what_was_open() -> None:
    """Nobody is told of the cut; whoever connects anew after it gets through."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    async with StreamServer(echo) as far:
        line = Cuttable(HOST, far.port)
        async with StreamServer(line.connected) as near:
            reader, writer = await asyncio.open_connection(HOST, near.port)
            writer.write(b"one")
            assert await reader.readexactly(3) == b"one"
            line.cut()
            writer.write(b"two")
            waiting = asyncio.create_task(reader.read(3))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            line.heal()
            with suppress(ConnectionError):
                assert await waiting == b""
            again, another = await asyncio.open_connection(HOST, near.port)
            another.write(b"three")
            assert await again.readexactly(5) == b"three"
            for end in (writer, another):
                end.close()
                with suppress(ConnectionError):
                    await end.wait_closed()
