"""A platform client for tests, and the check that its errors show nothing of request or reply."""

from __future__ import annotations

import traceback
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from adapters.auth import scheme
from adapters.errors import AdapterError
from adapters.platform import PlatformClient, PlatformLimits
from adapters.wire import Draft
from tests.adapters.fake_platform import JsonDialect
from tests.adapters.hostile_server import reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from adapters.lookup import Dialect

CANARY = "canary-测试金丝雀"
KEY = "s3cret-canary-key"
ONCE = Draft("POST", "/card?c=canary-query", {"aac003": CANARY}, {}, repeatable=False)
AGAIN = Draft("POST", "/card?c=canary-query", {"aac003": CANARY}, {}, repeatable=True)
GOOD = reply(b'{"aac003":"x"}')


def client(url: str, *, dialect: Dialect | None = None, private: bool = True, **limits: float) -> PlatformClient:
    """Build a client with an API key and no pauses."""
    return PlatformClient(
        region="500000",
        base_url=url,
        dialect=dialect or JsonDialect(),
        auth=scheme("api_key", {}),
        secrets={"api_key": KEY},
        limits=PlatformLimits(**{"backoff_seconds": 0, **limits}),  # type: ignore[arg-type]
        allow_private_addresses=private,
        new_nonce=lambda: "nonce",
    )


@asynccontextmanager
async def opened(
    url: str, *, dialect: Dialect | None = None, private: bool = True, **limits: float
) -> AsyncIterator[PlatformClient]:
    """Build a client and close it."""
    made = client(url, dialect=dialect, private=private, **limits)
    try:
        yield made
    finally:
        await made.close()


async def refusal(made: PlatformClient, draft: Draft = AGAIN) -> dict[str, str]:
    """Look up, and give what the error says, after checking that nothing of request or reply is in it."""
    with pytest.raises(AdapterError) as caught:
        await made.lookup(draft)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.metadata)
    for text in ("canary", "测试", "s3cret", "127.0.0.1"):
        assert text not in shown
    assert caught.value.metadata["region"] == "500000"
    return {"error": type(caught.value).__name__, **{k: v for k, v in caught.value.metadata.items() if k != "region"}}
