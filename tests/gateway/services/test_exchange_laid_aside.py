"""A dead letter is told in the journal when it becomes one: once, by whoever made it one, and nothing of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import LeaseLostError
from gateway.services.exchange_dead_letters import DeadLetters
from gateway.services.exchange_errands import DEATHS, TRIES, Refused, Verdict
from tests.fakes.exchange import client, exchange_node

if TYPE_CHECKING:
    from tests.fakes.exchange import ExchangeNode

PARTS = ("direction", "region", "task", "kind", "reason")


def told(node: ExchangeNode) -> list[tuple[Any, ...]]:
    """Give the dead letters that a node has told of."""
    lines = [line for line in node.journal.lines if line["event"] == "exchange_dead_letter"]
    assert all(set(line) <= {"event", "timestamp", "gateway", *PARTS} for line in lines)
    return [tuple(line[name] for name in PARTS) for line in lines]


@pytest.mark.parametrize(("verdict", "tries"), [(Verdict.FOR_GOOD, 1), (Verdict.FOR_NOW, TRIES)])
async def test_what_is_refused_is_told_when_it_is_laid_aside(store_url: str, verdict: Verdict, tries: int) -> None:
    """Not at a try that is followed by another one, and once at the last; whoever says it late says nothing new."""
    async with exchange_node(store_url, "sichuan") as node, client(node, "platform.sichuan") as source:
        await source.submit()
        refused = None
        for _ in range(tries):
            assert told(node) == []
            (errand,) = await node.errands.take("chongqing", most=10)
            refused = Refused(errand, verdict, "ATTACHMENT_NOT_FOUND")
            await node.errands.refuse(refused)
            node.clock.advance(400)
        assert refused is not None
        with pytest.raises(LeaseLostError):
            await node.errands.refuse(refused)
        assert told(node) == [("out", "chongqing", "submitted", "insurance_certificate", "ATTACHMENT_NOT_FOUND")]
        assert "测试甲" not in node.journal.text


async def test_what_kills_whoever_takes_it_is_told_by_who_lays_it_aside(store_url: str) -> None:
    """The replica that takes it once too often tells it, and none that comes later; put back, it begins anew."""
    async with exchange_node(store_url, "sichuan") as node, client(node, "platform.sichuan") as source:
        await source.submit()
        for _ in range(DEATHS):
            assert len(await node.errands.take("chongqing", most=10)) == 1
            assert told(node) == []
            node.clock.advance(10)
        for _ in range(2):
            assert await node.errands.take("chongqing", most=10) == []
        assert told(node) == [("out", "chongqing", "submitted", "insurance_certificate", "DEADLINE")]
        letters = DeadLetters(node.store)
        await letters.requeue([one.place for one in await letters.all()])
        assert len(await node.errands.take("chongqing", most=10)) == 1
        assert len(told(node)) == 1
