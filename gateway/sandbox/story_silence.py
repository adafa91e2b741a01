"""What holds while gateways are stopped: what was told last, for a while, and a gate's pack, for its life."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gateway.sandbox.layout import caller_id
from gateway.sandbox.story import ASIDE
from gateway.sandbox.story_cards import CARD, HOME, ITEMS, OLD_CARD, PAUSE_SECONDS, Kind, event, refusal
from gateway.sandbox.story_command import onecard
from gateway.sandbox.story_words import attempt, verdict
from onecard.gateway.v1 import card_pb2, card_status_pb2

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.sandbox.story import Stage
    from gateway.sandbox.story_cards import CardStory
    from onecard.gateway.v1.card_status_service_pb2 import GetCardStatusResponse

_GATE = "sichuan"
_NEAR = "shiyan"
_STALE_SECONDS = 30.0
_AGAIN_SECONDS = 20.0
_LATER = timedelta(hours=2)
_LIFE_SECONDS = 3600


class Silence:
    """Stops gateways, one after the other, and starts them again."""

    def __init__(self, story: CardStory) -> None:
        """Go on with the cards of the story."""
        self._story = story

    async def cut(self, stage: Stage) -> str:
        """Make a pack, stop the home gateway, and ask until what was told is too old."""
        made = await self._make_pack(stage)
        await self._story.report(stage)
        await self._story.ask(stage, _NEAR)
        await stage.federation.stop(HOME)
        first = await self._story.ask(stage, _NEAR)
        fresh = _fresh(first.verdict.freshness)
        used = "in use" if first.verdict.card_status == card_pb2.CARD_STATUS_ACTIVE else verdict(first)
        last = time.time() + _STALE_SECONDS
        while "STALE" not in refusal(answer := await self._story.ask(stage, _NEAR)) and time.time() < last:  # noqa: ASYNC110 - other processes, not a task
            await asyncio.sleep(10 * PAUSE_SECONDS)
        age = answer.verdict.data_age.seconds
        told = f"pack made with exit {made}; {used}, {'STALE' if fresh == 'STALE' else 'not STALE'}; then"
        return f"{told} {refusal(answer)}, {_fresh(answer.verdict.freshness)}{ASIDE}{fresh} first, refused at {age} s"

    async def _make_pack(self, stage: Stage) -> int:
        """Make a pack for Sichuan's gates, and keep the key that they pin; gives the exit code."""
        keys = json.dumps(await stage.published_keys(_GATE))
        (self._folder(stage) / "gate.jwks.json").write_text(keys, "utf-8")
        layout = stage.layout
        ended = await onecard(
            "pack", "make", self._folder(stage) / "gate.pack", "--config", layout.config(_GATE),
            "--caller", caller_id(_GATE), "--key", layout.caller_key(_GATE), "--ca", layout.ca,
            "--home", HOME, "--life", str(_LIFE_SECONDS),
        )  # fmt: skip
        return ended.code

    def _folder(self, stage: Stage) -> Path:
        return stage.layout.home(_GATE)

    async def offline(self, stage: Stage) -> str:
        """Stop the gate's own gateway too, and verify by the pack."""
        await stage.federation.stop(_GATE)
        later = f"{datetime.now(UTC) + _LATER:%Y-%m-%dT%H:%M:%SZ}"
        good, old = await self._verified(stage, CARD), await self._verified(stage, OLD_CARD)
        return f"in use: {good}; replaced: {old}; two hours later: {await self._verified(stage, CARD, '--at', later)}"

    async def _verified(self, stage: Stage, card: str, *more: str) -> str:
        """Show a recognition to the gate."""
        folder = self._folder(stage)
        token = folder / "shown.jwt"
        token.write_text(self._story.tokens[card], "ascii")
        ended = await onecard(
            "pack", "verify", folder / "gate.pack", "--keys", folder / "gate.jwks.json", "--recognition", token,
            "--item", ITEMS[_GATE], "--medium", "physical", *more,
        )  # fmt: skip
        return f"exit {ended.code}, {ended.after('answer').partition(';')[0]}"

    async def back(self, stage: Stage) -> str:
        """Start the home gateway, report a loss, and only then start the other one."""
        await stage.federation.start(HOME)
        await self._story.report(stage, event(Kind.CARD_EVENT_KIND_LOST_FORMAL))
        await stage.federation.start(_GATE)
        lost = await self._settled(stage, card_pb2.CARD_STATUS_LOST_FORMAL)
        told = f"{_status(lost)} in Sichuan, STATUS {_fresh(lost.freshness)}"
        await self._story.report(stage, event(Kind.CARD_EVENT_KIND_THAWED))
        thawed = await self._settled(stage, card_pb2.CARD_STATUS_ACTIVE)
        last = time.time() + _AGAIN_SECONDS
        while "allowed" not in await attempt(self._asked(stage)) and time.time() < last:  # noqa: ASYNC110 - other processes, not a task
            await asyncio.sleep(10 * PAUSE_SECONDS)
        return f"{told}; thawed: {_status(thawed)}"

    async def _asked(self, stage: Stage) -> str:
        return verdict(await self._story.ask(stage, _GATE))

    async def _settled(self, stage: Stage, status: card_pb2.CardStatus.ValueType) -> GetCardStatusResponse:
        """Wait until Sichuan knows that the card has a status, and hears its home region, whose platform goes on."""
        last = time.time() + _AGAIN_SECONDS
        while True:
            await self._story.report(stage)
            known = await self._story.standing(stage)
            fresh = known.freshness == card_status_pb2.FRESHNESS_LIVE
            if (known.card_status == status and fresh) or time.time() >= last:
                return known
            await asyncio.sleep(PAUSE_SECONDS)


def _fresh(freshness: card_status_pb2.Freshness.ValueType) -> str:
    return card_status_pb2.Freshness.Name(freshness).removeprefix("FRESHNESS_")


def _status(known: GetCardStatusResponse) -> str:
    return card_pb2.CardStatus.Name(known.card_status).removeprefix("CARD_STATUS_").lower()
