"""The web side: alive, ready, keys; nothing else, and nothing of anybody's."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import ClientSession

from gateway.web.app import WebSide
from tests.fakes.regions import KEYS, RING
from trust.keys import KeyRing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def web_side(ready: dict[str, bool]) -> AsyncIterator[str]:
    """Start a web side with Chongqing's keys, and give its address."""
    side = WebSide(key_sets=lambda: {"chongqing": RING.jwks("chongqing")}, ready=lambda: ready)
    await side.start("127.0.0.1", 0)
    assert side._runner is not None
    port = side._runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await side.stop()


async def get(url: str, method: str = "GET") -> tuple[int, Any, dict[str, str]]:
    """Ask, and give status, JSON and headers."""
    async with ClientSession() as session, session.request(method, url, allow_redirects=False) as reply:
        text = await reply.text()
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return reply.status, (await reply.json(content_type=None)) if text.startswith("{") else text, headers


async def test_alive_and_ready_are_two_things() -> None:
    """A node whose platform is away lives on, and is not ready; it tells which part."""
    ready = {"chongqing": True, "sichuan": True}
    async with web_side(ready) as url:
        assert (await get(f"{url}/readyz"))[:2] == (200, {"ready": True, "parts": ready})
        ready["sichuan"] = False
        assert (await get(f"{url}/readyz"))[:2] == (503, {"ready": False, "parts": ready})
        assert (await get(f"{url}/livez"))[:2] == (200, {"live": True})


async def test_keys_are_public_and_those_that_sign() -> None:
    """A JWK Set that our own verifier reads, without any private member."""
    async with web_side({}) as url:
        status, keys, headers = await get(f"{url}/regions/chongqing/jwks.json")
    assert status == 200
    assert headers["content-type"] == "application/jwk-set+json"
    assert headers["cache-control"] == "public, max-age=60"
    assert KeyRing.from_jwks("chongqing", keys).find("chongqing", KEYS["chongqing"].kid).algorithm == "ES256"
    assert all("d" not in key for key in keys["keys"])


@pytest.mark.parametrize("path", ["/regions/sichuan/jwks.json", "/regions/../chongqing/jwks.json", "/", "/metrics"])
async def test_there_is_nothing_else(path: str) -> None:
    """Not found, and no echo of what was asked for."""
    async with web_side({}) as url:
        status, told, _ = await get(f"{url}{path}")
        posted, _, _ = await get(f"{url}/livez", "POST")
    assert status == 404
    assert "sichuan" not in str(told)
    assert posted == 405


async def test_every_answer_forbids_to_be_taken_for_a_page() -> None:
    """Headers that a browser obeys."""
    async with web_side({"chongqing": False}) as url:
        for path in ("/livez", "/readyz", "/regions/chongqing/jwks.json", "/regions/sichuan/jwks.json"):
            _, _, headers = await get(f"{url}{path}")
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
            assert headers["referrer-policy"] == "no-referrer"


async def test_a_side_that_never_started_stops_quietly() -> None:
    """Stopping is safe at any time."""
    await WebSide(key_sets=dict, ready=dict).stop()
