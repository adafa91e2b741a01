"""The status lists on the web side: signed, cacheable for their `ttl`, and nothing else under their address."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from gateway.services.status_register import StatusRegister
from gateway.web.status_list import StatusListPages
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.place_book import FakePlaceBook
from tests.fakes.regions import KEYS, RING
from trust.errors import RecognitionRevokedError
from trust.status_list import verify_status_list

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

URI = "https://chongqing.example/regions/chongqing/status"


@asynccontextmanager
async def served(register: StatusRegister) -> AsyncIterator[str]:
    """Serve the lists of Chongqing, and give the address."""
    app = web.Application()
    app.router.add_routes(StatusListPages({"chongqing": register}).routes())
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


def chongqing(clock: FakeClock | None = None, book: FakePlaceBook | None = None) -> StatusRegister:
    """Make a register."""
    return StatusRegister(
        KEYS["chongqing"], book=FakePlaceBook(7) if book is None else book, address=URI, clock=clock or FakeClock()
    )


async def test_a_list_is_served_signed() -> None:
    """Media type, caching by `ttl`, and a text that a partner verifies; a revocation is there at the next look."""
    clock = FakeClock()
    register = chongqing(clock)
    reference = await register.allocate(jti="1", subject="s", expires_at=int(NOON) + 600)
    assert reference is not None
    async with served(register) as url, ClientSession() as session:
        for expected in (False, True):
            async with session.get(f"{url}/regions/chongqing/status/7") as reply:
                assert reply.status == 200
                assert reply.headers["content-type"] == "application/statuslist+jwt"
                assert reply.headers["cache-control"] == "public, max-age=15"
                assert reply.headers["x-content-type-options"] == "nosniff"
                told = verify_status_list(
                    await reply.text(), uri=reference.uri, issuer="chongqing", find=RING.find, now=int(clock.now)
                )
            if expected:
                with pytest.raises(RecognitionRevokedError):
                    told.demand_valid(reference)
            else:
                told.demand_valid(reference)
                await register.revoke("1")
                clock.advance(1)


@pytest.mark.parametrize(
    "path", ["chongqing/status/8", "sichuan/status/7", "chongqing/status/07", "chongqing/status/x"]
)
async def test_what_is_no_list_is_not_found(path: str) -> None:
    """Another number, another region, another way to write the number: the same words for all."""
    async with served(chongqing()) as url, ClientSession() as session, session.get(f"{url}/regions/{path}") as reply:
        assert reply.status == 404
        assert await reply.json() == {"error": "unknown status list"}


@pytest.mark.parametrize("path", ["chongqing/status/" + "9" * 4000, "chongqing/status/-1", "chongqing/status/%00"])
async def test_hostile_numbers_are_not_found(path: str) -> None:
    """Nothing long or odd is read as a number."""
    async with served(chongqing()) as url, ClientSession() as session, session.get(f"{url}/regions/{path}") as reply:
        assert reply.status in {400, 404}


async def test_a_store_that_is_away_is_told() -> None:
    """Where nobody can tell what is revoked there is no list, and the reader is told to come again."""
    book = FakePlaceBook(7)
    book.gone = True
    async with (
        served(chongqing(book=book)) as url,
        ClientSession() as session,
        session.get(f"{url}/regions/chongqing/status/7") as reply,
    ):
        assert reply.status == 503
        assert await reply.json() == {"error": "not available just now"}
