"""Keys that change while cards are verified: rotated without a failed call, and revoked within moments."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import jwt

from gateway.sandbox.by_hand import fingerprint
from gateway.sandbox.story import ASIDE, CALL_SECONDS
from gateway.sandbox.story_command import onecard
from gateway.sandbox.story_requests import by_number, verify
from gateway.sandbox.story_words import attempt, claims, verdict
from onecard.gateway.v1 import recognition_service_pb2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from gateway.sandbox.story import Stage

_CALLERS = 2
_PAUSE_SECONDS = 0.002
_WAIT_SECONDS = 15.0


@dataclass(slots=True)
class _Tally:
    """What calls gave: how often each key signed, and how the others ended."""

    kids: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)

    async def signed_by(self, number: int) -> bool:
        """Wait until that many keys have signed; tells whether they have."""

        async def so_many() -> bool:
            return len(self.kids) >= number

        return await wait_until(so_many)


async def wait_until(is_so: Callable[[], Awaitable[bool]]) -> bool:
    """Wait until something is so; tells whether it is, for after a while we go on without."""
    last = time.monotonic() + _WAIT_SECONDS
    while not (found := await is_so()) and time.monotonic() < last:  # noqa: ASYNC110 - other processes, not a task
        await asyncio.sleep(_PAUSE_SECONDS)
    return found


@asynccontextmanager
async def _calling(stage: Stage) -> AsyncIterator[_Tally]:
    """Have Sichuan ask about cards of Chongqing, again and again, as long as the context lasts."""
    tally, ended = _Tally(), asyncio.Event()

    async def ask() -> str:
        request = verify("chongqing", "SC-13", by_number("chongqing"))
        answer = await stage.identity("sichuan").VerifyCard(request, timeout=CALL_SECONDS)
        tally.kids[jwt.get_unverified_header(answer.recognition)["kid"]] += 1
        return ""

    async def keep_asking() -> None:
        while not ended.is_set():
            if failure := await attempt(ask()):
                tally.failures[failure] += 1

    callers = [asyncio.create_task(keep_asking()) for _ in range(_CALLERS)]
    try:
        yield tally
    finally:
        ended.set()
        await asyncio.gather(*callers)


async def rotated(stage: Stage) -> str:
    """Rotate Chongqing's key under calls: each step once everybody has seen the one before."""
    config, codes = stage.layout.config("chongqing"), []

    async def published(number: int) -> bool:
        return len(await _keys(stage, "chongqing")) == number

    begun = time.monotonic()
    async with _calling(stage) as tally:
        await tally.signed_by(1)
        codes.append((await onecard("keys", "stage", "--config", config)).code)
        await wait_until(lambda: published(2))
        codes.append((await onecard("keys", "switch", "--config", config)).code)
        await tally.signed_by(2)
        codes.append((await onecard("keys", "retire", "--now", "--config", config)).code)
        await wait_until(lambda: published(1))
    told = "; ".join(f"{count} x {failure}" for failure, count in tally.failures.items())
    failed = f"{tally.failures.total()} calls failed" + (f": {told}" if told else "")
    aside = f"{ASIDE}{tally.kids.total()} calls in {time.monotonic() - begun:.1f} s"
    return f"{_exits(codes)}; {len(tally.kids)} keys have signed; {failed}{aside}"


def _exits(codes: list[int]) -> str:
    return ", ".join(f"exit {code}" for code in codes)


async def _keys(stage: Stage, region: str) -> list[dict[str, str]]:
    keys: list[dict[str, str]] = (await stage.published_keys(region))["keys"]  # type: ignore[assignment]  # RFC 7517
    return keys


async def revoked(stage: Stage) -> str:
    """Revoke the key of a recognition that Chongqing has accepted, and measure how long it still does."""
    request = verify("xizang", "CQ-31", by_number("xizang"))
    token = (await stage.identity("chongqing").VerifyCard(request, timeout=CALL_SECONDS)).recognition

    async def shown() -> str:
        message = recognition_service_pb2.VerifyRecognitionRequest(recognition=token)
        return claims((await stage.recognition("chongqing").VerifyRecognition(message, timeout=CALL_SECONDS)).claims)

    before = await attempt(shown())
    known = asyncio.create_task(_moment(lambda: _is_told(stage, "xizang")))
    refused = asyncio.create_task(_moment(lambda: _differs(shown, before)))
    (mark,) = {fingerprint(key) for key in await _keys(stage, "xizang")}
    config = stage.layout.config("xizang")
    ended = await onecard("federation", "revoke", "key", mark, "--reason", "compromised", "--config", config)
    late = max(0.0, await refused - await known)
    after = await attempt(shown())
    return f"{before}; exit {ended.code}; then {after}{ASIDE}{late * 1000:.0f} ms after Xizang's own gateway knew"


async def _moment(is_so: Callable[[], Awaitable[bool]]) -> float:
    """Give the moment at which something became so, in seconds of a clock that never goes back."""
    await wait_until(is_so)
    return time.monotonic()


async def _differs(ask: Callable[[], Awaitable[str]], before: str) -> bool:
    return await attempt(ask()) != before


async def _is_told(stage: Stage, region: str) -> bool:
    """Tell whether the feed of a region's gateway has any revocation."""
    return '"revocations": []' not in await stage.document(f"http://{stage.site(region).web}/federation/revocations")


async def replaced(stage: Stage) -> str:
    """Give Xizang another key in the place of the dead one, without waiting, and ask about one of its cards."""
    config = stage.layout.config("xizang")
    steps = (("stage",), ("switch",), ("retire", "--now"))
    codes = [(await onecard("keys", *step, "--config", config)).code for step in steps]
    request = verify("xizang", "CQ-31", by_number("xizang"))
    answers: list[str] = []

    async def allowed() -> bool:
        answers.append(await attempt(_asked()))
        return answers[-1].startswith("identity allowed")

    async def _asked() -> str:
        request.request_id += "."
        return verdict(await stage.identity("chongqing").VerifyCard(request, timeout=CALL_SECONDS))

    await wait_until(allowed)
    return f"{_exits(codes)}; {answers[-1]}"
