"""What a comparison of two copies of card states moves: many cards, of which some were missed. Run by itself.

Both sides are in this process; each question and each answer is written as the message that goes over the line, and its
bytes are counted. Beside that stands what sending all states would take, computed from the first thousand.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from itertools import islice
from typing import TYPE_CHECKING

from adapters.card_events import SEQUENCE_BITS, CardEvent
from adapters.card_state import CardState, Mark
from adapters.words import CardEventKind
from gateway.rpc import convert_status as status
from gateway.services.card_compare import ToldDigests, compare
from gateway.services.card_ledger import CardLedger
from gateway.services.card_table import KEY_BYTES, CardTable
from gateway.services.card_told import Telling
from onecard.gateway.v1 import card_status_pb2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.services.card_news import CardLog, CompareAnswer, CompareNode

CARDS, MISSED = 10_000_000, 1_000
_BEGIN = 1_700_000_000_000_000
_LOST = CardEvent(kind=CardEventKind.LOST_FORMAL, time=1).slot


class _Line:
    """Counts the bytes of questions and answers."""

    def __init__(self, digests: ToldDigests) -> None:
        self._digests = digests
        self.sent = self.received = self.questions = 0

    async def compare(self, nodes: Sequence[CompareNode], *, visited: str) -> CompareAnswer:
        """Ask, and count."""
        assert visited
        self.questions += 1
        self.sent += len(status.question_out("home_region", nodes).SerializeToString())
        answer = await self._digests.answer(nodes)
        self.received += len(status.answer_out(answer).SerializeToString())
        return answer


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def make(cards: int, missed: int) -> tuple[CardLedger, Telling, CardTable]:
    """Make the original, and a copy in which some cards are missing, and as many were thawed meanwhile."""
    chance = random.Random(4)
    no_log: CardLog = None  # type: ignore[assignment]  # nothing is filed here
    ledger = CardLedger("home_region", secret=bytes(32), log=no_log, clock=time.time)
    telling = Telling(ledger, visited="visited_region", functions=True)
    copy = CardTable()
    for number in range(cards):
        card = chance.randbytes(KEY_BYTES)
        state = CardState((Mark(_LOST, (_BEGIN + number) << SEQUENCE_BITS, ""),))
        if number < missed // 2:
            copy.put(telling.name(card), state)
            state = state.with_event(CardEvent(kind=CardEventKind.THAWED, time=_BEGIN + cards + number))
        ledger.table.put(card, state)
        if number >= missed:
            copy.put(telling.name(card), state)
        if number % 1_000_000 == 0:
            _say(f"{number} cards made")
    return ledger, telling, copy


def _whole(telling: Telling, ledger: CardLedger) -> float:
    """Give the bytes of sending the states of all cards."""
    size, some = 0, list(islice(ledger.table.keys(), 1000))
    for card in some:
        message = card_status_pb2.CardStatusHistory()
        status.history_out(*telling.state(card), message)
        size += message.ByteSize() + 2
    return size / len(some) * len(ledger.table)


async def measure(cards: int, missed: int) -> dict[str, float]:
    """Compare once, merge, and see that nothing differs any more."""
    ledger, telling, copy = make(cards, missed)
    line = _Line(ToldDigests(ledger, telling))
    begun, cpu = time.perf_counter(), time.process_time()
    found, _ = await compare(copy, line, visited="visited_region")
    took, used = time.perf_counter() - begun, time.process_time() - cpu
    assert len(found) == missed
    for card, state in found:
        copy.put(card, copy.state(card).joined(state.marks))
    assert not (await compare(copy, _Line(ToldDigests(ledger, telling)), visited="visited_region"))[0]
    return {
        "cards": cards,
        "missed": missed,
        "sent": line.sent,
        "received": line.received,
        "questions": line.questions,
        "seconds": took,
        "cpu": used,
        "whole": _whole(telling, ledger),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cards", type=int, default=CARDS)
    parser.add_argument("--missed", type=int, default=MISSED)
    asked = parser.parse_args()
    print(json.dumps(asyncio.run(measure(asked.cards, asked.missed))), flush=True)
