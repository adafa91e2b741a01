"""Requests that wait for a card: held with the report that it is not in use, released with the one that it is again."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from adapters.card_events import CardEvent
from adapters.words import CardEventKind, CardFunction
from gateway.errors import LeaseLostError
from gateway.services.exchange_model import Actor
from gateway.services.exchange_states import Event
from gateway.services.exchange_steps import Advance
from gateway.store.card_log import StoredCardLog
from onecard.gateway.v1 import exchange_pb2
from tests.fakes.exchange import client, delivering, exchange_node, in_state, pair, until
from tests.fakes.exchange_cards import card_name
from tests.fakes.exchange_contents import NAME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.services.exchange_inbox import Delivered
    from tests.fakes.exchange import Client, ExchangeNode

K = CardEventKind
HOME = "chongqing"
NUMBER, OTHER = "D00000001", "D00000002"
PLATFORM = Actor(caller="platform.chongqing", region=HOME, gateway=False)
SUBJECT = {"name": NAME, "card_number": NUMBER}
SECOND = 1_000_000
LOST, RULED = "CARD_LOST_FORMAL", exchange_pb2.RequestEventKind


class Home:
    """Chongqing's platform, at a gateway that exchanges requests."""

    def __init__(self, node: ExchangeNode) -> None:
        """Keep what it reports in the gateway's store."""
        self.node = node
        self._log = StoredCardLog(node.store, remembered_seconds=60, also=node.holds.follow)
        self._at = 1_700_000_000 * SECOND

    async def report(self, *kinds: CardEventKind, number: str = NUMBER, **told: Any) -> None:  # noqa: ANN401 - any field
        """Report what has happened to a card, in one request."""
        await self._log.begin(HOME)
        events = []
        for kind in kinds:
            self._at += SECOND
            events.append((card_name(HOME, number), CardEvent(kind=kind, time=self._at, **told)))
        await self._log.file(HOME, events)

    async def take(self) -> list[Delivered]:
        """Take what waits."""
        return await self.node.use.inbox.take(PLATFORM, most=9, lease_seconds=30)


@asynccontextmanager
async def hub(url: str) -> AsyncIterator[tuple[Home, Client]]:
    """Run one gateway for both regions, and connect the platform that asks."""
    async with exchange_node(url, "hub", homes=("sichuan", HOME)) as node, client(node, "platform.sichuan") as source:
        yield Home(node), source


def told(request: exchange_pb2.Request) -> list[tuple[str, str]]:
    """Give what has happened to a request, and why."""
    return [(RULED.Name(one.kind).removeprefix("REQUEST_EVENT_KIND_"), one.reason) for one in request.history]


BORN = [("SUBMITTED", ""), ("DELIVERED", "")]
HELD, FREE = ("HELD", LOST), ("RELEASED", "")


async def test_what_waits_for_a_card_is_held_with_its_loss_and_released_with_the_thaw(store_url: str) -> None:
    """The history says so, with the reason; a request about another card goes on, and each comes once."""
    async with hub(store_url) as (home, source):
        name = (await source.submit("one", subject=SUBJECT)).request.name
        free = (await source.submit("two", subject={**SUBJECT, "card_number": OTHER})).request.name
        await home.report(K.ACTIVATED)
        await home.report(K.LOST_FORMAL)
        await home.report(K.LOST_TEMPORARY)
        assert [one.request.name for one in await home.take()] == [free]
        held = await source.get(name)
        assert told(held) == [*BORN, HELD]
        assert held.next_actor == exchange_pb2.REQUEST_ACTOR_TARGET_PLATFORM  # whose report releases it
        await home.report(K.THAWED)
        assert [one.request.name for one in await home.take()] == [name]
        assert told(await source.get(name)) == [*BORN, HELD, FREE]
        methods = [
            (one.method, one.reason) for one in home.node.decisions if "/hold" in one.method or "/rel" in one.method
        ]
        assert methods == [("exchange/hold", LOST), ("exchange/release", "OK")]


async def test_what_comes_after_the_loss_is_held_when_it_would_be_handed_out(store_url: str) -> None:
    """Nobody has to report the card again for that, and it is held once."""
    async with hub(store_url) as (home, source):
        await home.report(K.LOST_FORMAL)
        name = (await source.submit(subject=SUBJECT)).request.name
        assert (await home.take(), await home.take()) == ([], [])
        assert told(await source.get(name)) == [*BORN, HELD]
        await home.node.errands.free_all()
        assert await home.take() == []
        assert told(await source.get(name)) == [*BORN, HELD]


async def test_a_lease_from_before_the_loss_counts_no_more(store_url: str) -> None:
    """The platform that was about to take the request is told that it has lost it, and gets it again later."""
    async with hub(store_url) as (home, source):
        await source.submit(subject=SUBJECT)
        (before,) = await home.take()
        await home.report(K.LOST_FORMAL)
        where = (before.request.source, before.request.id)
        with pytest.raises(LeaseLostError):
            await home.node.use.act(where, Advance(Event.ACCEPTED, lease=before.lease), PLATFORM)
        await home.report(K.THAWED)
        (after,) = await home.take()
        assert after.request.id == before.request.id
        acted = await home.node.use.act(where, Advance(Event.ACCEPTED, lease=after.lease), PLATFORM)
        assert acted.request.stage.state == "accepted"


async def test_what_the_platform_has_taken_is_not_held_any_more(store_url: str) -> None:
    """From then on the platform itself knows what to do with a lost card of its own."""
    async with hub(store_url) as (home, source):
        name = (await source.submit(subject=SUBJECT)).request.name
        (one,) = await home.take()
        await home.node.use.act(
            (one.request.source, one.request.id), Advance(Event.ACCEPTED, lease=one.lease), PLATFORM
        )
        await home.report(K.LOST_FORMAL)
        assert told(await source.get(name)) == [*BORN, ("ACCEPTED", "")]


async def test_a_service_of_the_lost_card_itself_is_not_held(store_url: str) -> None:
    """Otherwise nobody could take the report of loss back from another region."""
    async with hub(store_url) as (home, source):
        await home.report(K.LOST_FORMAL)
        service = {"action": exchange_pb2.CARD_SERVICE_ACTION_CANCEL_LOSS_REPORT}
        asked: dict[str, Any] = {"item_type": "SI.PERSON.REG", "insurance_certificate": None, "card_service": service}
        name = (await source.submit(subject=SUBJECT, **asked)).request.name
        assert [one.request.name for one in await home.take()] == [name]


async def test_a_suspended_function_alone_holds_nothing(store_url: str) -> None:
    """The card is in use; what the platform may do with it without that function it knows itself."""
    async with hub(store_url) as (home, source):
        await source.submit(subject=SUBJECT)
        await home.report(K.FUNCTION_SUSPENDED, function=CardFunction.FINANCIAL, detail="示例条例 第一条")
        assert len(await home.take()) == 1


async def test_the_region_that_asks_is_told_that_its_request_is_held(tmp_path: Path) -> None:
    """By the other gateway, with the reason, and that it goes on."""
    async with (
        pair(f"sqlite:///{tmp_path}/source/s", f"sqlite:///{tmp_path}/target/s") as (sichuan, chongqing),
        client(sichuan, "platform.sichuan") as source,
        delivering((sichuan, HOME), (chongqing, "sichuan")),
    ):
        home = Home(chongqing)
        name = (await source.submit(subject=SUBJECT)).request.name
        await until(in_state(source, name, "DELIVERED"))
        await home.report(K.LOST_FORMAL)

        async def heard(what: tuple[str, str]) -> bool:
            return told(await source.get(name))[-1] == what

        await until(lambda: heard(HELD))
        await home.report(K.THAWED)
        await until(lambda: heard(FREE))
        assert (await source.get(name)).state == exchange_pb2.REQUEST_STATE_DELIVERED
