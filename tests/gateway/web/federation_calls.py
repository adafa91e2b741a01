"""Asking the routes of a federation over loopback, as anybody may; and a desk of revocations that is a list."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from aiohttp import ClientSession, web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

SECURITY = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}


class Answer:
    """An answer: status, headers in lower case, body."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        """Keep all three."""
        self.status = status
        self.headers = headers
        self.text = body.decode()
        self.json: Any = json.loads(body) if body[:1] in {b"{", b"["} else None


async def get(url: str, **parameters: str | list[str]) -> Answer:
    """Ask."""
    pairs = [(k, v) for k, values in parameters.items() for v in ([values] if isinstance(values, str) else values)]
    async with ClientSession() as session, session.get(url, params=pairs, allow_redirects=False) as reply:
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return Answer(reply.status, headers, await reply.read())


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """Serve an application on loopback, and give its address."""
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


class FakeDesk:
    """Believes every text, in order, unless it was told to raise."""

    def __init__(self, *texts: str) -> None:
        """Begin with some."""
        self.texts = list(texts)
        self.error: Exception | None = None
        self._news = asyncio.Event()

    def believe_revocation(self, text: str) -> bool:
        """Believe."""
        if self.error is not None:
            raise self.error
        if text in self.texts:
            return False
        self.texts.append(text)
        self._news.set()
        self._news = asyncio.Event()
        return True

    def feed(self, after: int) -> tuple[Sequence[tuple[int, str]], int]:
        """Give what came after."""
        return list(enumerate(self.texts, 1))[after:], len(self.texts)

    async def changed(self, after: int) -> None:
        """Wait for more."""
        while len(self.texts) <= after:
            await self._news.wait()
