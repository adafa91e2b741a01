"""Comparing a copy of card states with the original by a tree of digests, so that little is moved where little differs.

The original keeps no pseudonyms of other regions. When a region begins to compare it makes the digests of the tree's
leaves by going through all cards, and for the leaves that differ it goes through all cards once more; both in many
small steps, between which everything else goes on. Who compares asks down the tree where digests differ, and says at
the deepest level what it has there, so that only what it lacks is sent.
"""

from __future__ import annotations

import asyncio
from array import array
from functools import reduce
from operator import xor
from typing import TYPE_CHECKING, Final

from gateway.errors import InvalidFieldError
from gateway.services.card_news import CompareAnswer, CompareNode
from gateway.services.card_table import BRANCHES, card_digest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from adapters.card_state import CardState
    from gateway.services.card_ledger import CardLedger
    from gateway.services.card_news import CompareSource, FeedState
    from gateway.services.card_table import CardTable
    from gateway.services.card_told import Telling

MOST_NODES: Final = 1024
MOST_CARDS: Final = 2000
"""Of one answer; who gets as many compares once more."""

_STEP: Final = 500
_CARDS_OF_A_LEAF: Final = 16
_LEAST_DEPTH, _MOST_DEPTH = 2, 6


class ToldDigests:
    """The digests of what one region is told of a ledger's cards.

    Args:
        ledger: the home region's.
        telling: what the region is told.
    """

    def __init__(self, ledger: CardLedger, telling: Telling) -> None:
        """Know nothing before somebody compares."""
        self._ledger = ledger
        self._telling = telling
        self.deepest = _LEAST_DEPTH
        self._leaves = array("Q")
        self._making = asyncio.Lock()

    async def answer(self, nodes: Sequence[CompareNode]) -> CompareAnswer:
        """Answer about nodes of one depth (InvalidFieldError where they are not, or there are none or too many)."""
        state = self._ledger.state()
        async with self._making:
            if not self._leaves or any(node.depth == 0 for node in nodes):
                await self._make()
            depth = self._depth(nodes)
            if depth < self.deepest:
                digests = tuple(self._below(node) for node in nodes)
                return CompareAnswer(digests, (), self.deepest, state)
            cards = await self._lacking({node.value: frozenset(node.known) for node in nodes})
            return CompareAnswer(((),) * len(nodes), cards, self.deepest, state)

    def _depth(self, nodes: Sequence[CompareNode]) -> int:
        depths = {node.depth for node in nodes}
        if len(nodes) > MOST_NODES or len(depths) != 1:
            raise InvalidFieldError(("nodes", f"1_to_{MOST_NODES}_of_one_depth"))
        depth = depths.pop()
        if not 0 <= depth <= self.deepest or any(not 0 <= node.value < BRANCHES**depth for node in nodes):
            raise InvalidFieldError(("nodes", "of_the_tree"))
        return depth

    async def _make(self) -> None:
        """Make the digests of all leaves, as deep as leaves of a few cards are."""
        self.deepest = depth_for(len(self._ledger.table))
        leaves = array("Q", bytes(8 * BRANCHES**self.deepest))
        async for card in _all(self._ledger.table):
            name, state = self._telling.state(card)
            leaves[int.from_bytes(name, "little") % len(leaves)] ^= card_digest(name, state)
        self._leaves = leaves

    def _below(self, node: CompareNode) -> tuple[int, ...]:
        step = BRANCHES ** (node.depth + 1)
        return tuple(
            reduce(xor, self._leaves[node.value + branch * BRANCHES**node.depth :: step], 0)
            for branch in range(BRANCHES)
        )

    async def _lacking(self, known: dict[int, frozenset[int]]) -> tuple[tuple[bytes, CardState], ...]:
        """Give the cards of some leaves whose digests are not known."""
        found = []
        leaves = BRANCHES**self.deepest
        async for card in _all(self._ledger.table):
            digests = known.get(int.from_bytes(self._telling.name(card), "little") % leaves)
            if digests is not None:
                name, state = self._telling.state(card)
                if card_digest(name, state) not in digests:
                    found.append((name, state))
                    if len(found) >= MOST_CARDS:
                        break
        return tuple(found)


async def _all(table: CardTable) -> AsyncIterator[bytes]:
    """Go through all cards, once each though the table may change meanwhile, and let others run in between."""
    for value in range(BRANCHES**_LEAST_DEPTH):
        for number, card in enumerate(tuple(table.keys(_LEAST_DEPTH, value))):
            yield card
            if number % _STEP == _STEP - 1:
                await asyncio.sleep(0)
        await asyncio.sleep(0)


def depth_for(cards: int) -> int:
    """Give the depth at which a leaf has a few cards."""
    depth = _LEAST_DEPTH
    while depth < _MOST_DEPTH and BRANCHES**depth * _CARDS_OF_A_LEAF < cards:
        depth += 1
    return depth


async def compare(
    table: CardTable, source: CompareSource, *, visited: str
) -> tuple[tuple[tuple[bytes, CardState], ...], FeedState]:
    """Ask down the tree where a copy differs.

    Returns:
        The cards that the original has and the copy has not, or has in another state; and where the feed of the
        original stood when this began, from where it is to be followed.

    Raises:
        PeerUnavailableError, PeerProtocolError, PeerRefusedError, DeadlineError: of the source.
    """
    nodes = [CompareNode(0, 0)]
    begun: FeedState | None = None
    while True:
        answers = [await source.compare(nodes[at : at + MOST_NODES], visited=visited) for at in _starts(nodes)]
        begun = begun or answers[0].state
        depth, deepest = nodes[0].depth, answers[0].deepest
        if depth >= deepest:
            return tuple(card for answer in answers for card in answer.cards), begun
        digests = [of_node for answer in answers for of_node in answer.digests]
        nodes = list(_differing(table, nodes, digests, deepest))
        if not nodes:
            return (), begun


def _starts(nodes: Sequence[CompareNode]) -> range:
    return range(0, len(nodes), MOST_NODES)


def _differing(
    table: CardTable, nodes: Sequence[CompareNode], digests: Sequence[tuple[int, ...]], deepest: int
) -> Iterator[CompareNode]:
    """Give the nodes below that differ, at the deepest level with what is known there."""
    for node, theirs in zip(nodes, digests, strict=True):
        depth = node.depth + 1
        for branch, (one, other) in enumerate(zip(table.below(node.depth, node.value), theirs, strict=True)):
            if one == other:
                continue
            value = node.value + branch * BRANCHES**node.depth
            cards = table.keys(depth, value) if depth == deepest else ()
            yield CompareNode(depth, value, tuple(card_digest(card, table.state(card)) for card in cards))
