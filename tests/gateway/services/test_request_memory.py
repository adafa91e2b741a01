"""Request memory: a repeated request has one effect and one answer; failures are forgotten; it never grows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import LimitError, PeerUnavailableError, RequestIdReusedError
from gateway.services.request_memory import RequestMemory
from tests.fakes.clock import FakeClock


@dataclass(slots=True)
class Work:
    """Counts its effects; waits for a gate, and fails where it is told to."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    failure: Exception | None = None
    effects: int = 0

    async def __call__(self) -> str:
        """Do the work."""
        self.effects += 1
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return f"answer {self.effects}"


def opened(failure: Exception | None = None) -> Work:
    """Make work that does not wait."""
    work = Work(failure=failure)
    work.gate.set()
    return work


async def once(
    memory: RequestMemory[str],
    work: Work,
    *,
    caller: str = "a",
    request_id: str = "1",
    digest: str = "d",
    finish: bool = False,
) -> tuple[str, bool]:
    """Ask the memory."""
    return await memory.once(caller=caller, request_id=request_id, digest=digest, work=work, finish=finish)


async def test_a_repeated_request_gets_the_same_answer_and_has_one_effect() -> None:
    """The second answer is flagged as replayed."""
    memory, work = RequestMemory[str](clock=FakeClock()), opened()
    assert await once(memory, work) == ("answer 1", False)
    assert await once(memory, work) == ("answer 1", True)
    assert work.effects == 1


async def test_requests_at_the_same_time_share_one_piece_of_work() -> None:
    """A hundred at once have one effect; one of them did it."""
    memory, work = RequestMemory[str](clock=FakeClock()), Work()
    asked = [asyncio.create_task(once(memory, work)) for _ in range(100)]
    await asyncio.sleep(0)
    work.gate.set()
    answers = await asyncio.gather(*asked)
    assert work.effects == 1
    assert {answer for answer, _ in answers} == {"answer 1"}
    assert [replayed for _, replayed in answers].count(False) == 1


async def test_another_question_under_the_same_id_is_refused() -> None:
    """While the first one runs, and after it."""
    memory, work = RequestMemory[str](clock=FakeClock()), Work()
    first = asyncio.create_task(once(memory, work))
    await asyncio.sleep(0)
    for _ in range(2):
        with pytest.raises(RequestIdReusedError):
            await once(memory, work, digest="other")
        work.gate.set()
        await first
    assert work.effects == 1


async def test_callers_do_not_share_ids() -> None:
    """What one caller asked tells another nothing."""
    memory, work = RequestMemory[str](clock=FakeClock()), opened()
    assert await once(memory, work, caller="a") == ("answer 1", False)
    assert await once(memory, work, caller="b", digest="other") == ("answer 2", False)


async def test_an_answer_is_remembered_for_its_life_and_no_longer() -> None:
    """After ten minutes the id is free again."""
    clock = FakeClock()
    memory, work = RequestMemory[str](clock=clock), opened()
    await once(memory, work)
    clock.advance(599.9)
    assert (await once(memory, work))[1] is True
    clock.advance(0.1)
    assert await once(memory, work, digest="other") == ("answer 2", False)
    assert len(memory) == 1


async def test_a_failure_is_forgotten() -> None:
    """The caller may try again under the same id, with another question too."""
    memory = RequestMemory[str](clock=FakeClock())
    with pytest.raises(PeerUnavailableError):
        await once(memory, opened(PeerUnavailableError()))
    assert len(memory) == 0
    assert await once(memory, opened(), digest="other") == ("answer 1", False)


async def test_all_that_share_the_work_share_its_failure() -> None:
    """Nobody waits for ever."""
    memory, work = RequestMemory[str](clock=FakeClock()), Work(failure=PeerUnavailableError())
    asked = [asyncio.create_task(once(memory, work)) for _ in range(3)]
    await asyncio.sleep(0)
    work.gate.set()
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(result) for result in results] == [PeerUnavailableError] * 3
    assert work.effects == 1


async def left(memory: RequestMemory[str], work: Work, *, finish: bool) -> asyncio.Task[tuple[str, bool]]:
    """Let two ask the same, and the first leave; gives the second."""
    first = asyncio.create_task(once(memory, work, finish=finish))
    await asyncio.sleep(0)
    second = asyncio.create_task(once(memory, work, finish=finish))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    work.gate.set()
    return second


async def test_work_that_uses_something_up_goes_on_when_its_caller_leaves() -> None:
    """Whoever shares the work, or repeats the request, finds its answer."""
    memory, work = RequestMemory[str](clock=FakeClock()), Work()
    assert await (await left(memory, work, finish=True)) == ("answer 1", True)
    assert await once(memory, work) == ("answer 1", True)
    assert work.effects == 1


async def test_other_work_stops_with_its_caller_and_passes_to_the_next() -> None:
    """One who waited for it does it again; nobody gets another's cancellation."""
    memory, work = RequestMemory[str](clock=FakeClock()), Work()
    assert await (await left(memory, work, finish=False)) == ("answer 2", False)
    assert await once(memory, work) == ("answer 2", True)


async def test_one_who_stops_waiting_does_not_stop_the_others() -> None:
    """Of three that share the work the second leaves; the third is answered."""
    memory, work = RequestMemory[str](clock=FakeClock()), Work()
    asked = [asyncio.create_task(once(memory, work)) for _ in range(3)]
    await asyncio.sleep(0)
    asked[1].cancel()
    await asyncio.sleep(0)
    work.gate.set()
    assert await asked[2] == ("answer 1", True)


async def test_a_failure_that_nobody_waits_for_is_forgotten_in_silence() -> None:
    """The caller left, the work failed: no entry, no complaint of the event loop."""
    memory, work = RequestMemory[str](clock=FakeClock()), Work(failure=PeerUnavailableError())
    first = asyncio.create_task(once(memory, work, finish=True))
    await asyncio.sleep(0)
    first.cancel()
    work.gate.set()
    await asyncio.gather(first, return_exceptions=True)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(memory) == 0


async def test_work_that_is_cancelled_is_forgotten() -> None:
    """Cancelled work leaves no entry behind."""
    memory = RequestMemory[str](clock=FakeClock())

    async def cancelled() -> str:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await memory.once(caller="a", request_id="1", digest="d", work=cancelled)
    await asyncio.sleep(0)
    assert len(memory) == 0


async def test_unfinished_work_is_never_done_twice() -> None:
    """However long it takes, and however many answers another caller fills the memory with."""
    clock = FakeClock()
    memory, slow = RequestMemory[str](clock=clock, capacity=4), Work()
    first = asyncio.create_task(once(memory, slow))
    await asyncio.sleep(0)
    clock.advance(601)
    for number in range(10):
        await once(memory, opened(), caller="b", request_id=str(number))
    with pytest.raises(RequestIdReusedError):
        await once(memory, opened(), digest="other")
    second = asyncio.create_task(once(memory, slow))
    await asyncio.sleep(0)
    slow.gate.set()
    assert [await first, await second] == [("answer 1", False), ("answer 1", True)]
    assert slow.effects == 1
    assert await once(memory, opened()) == ("answer 1", False)


async def test_an_answer_that_came_late_is_remembered_for_the_rest_of_its_life_only() -> None:
    """Life counts from the request, so no recognition is replayed that has expired; a quicker one may wait behind."""
    clock = FakeClock()
    memory, slow = RequestMemory[str](clock=clock), Work()
    first = asyncio.create_task(once(memory, slow, request_id="slow"))
    await asyncio.sleep(0)
    clock.advance(100)
    await once(memory, opened(), request_id="quick")
    slow.gate.set()
    await first
    clock.advance(500)
    assert len(memory) == 2
    assert await once(memory, opened(), request_id="slow", digest="other") == ("answer 1", False)
    clock.advance(100)
    assert (await once(memory, opened(), request_id="quick"))[1] is False


async def test_one_caller_has_a_bounded_share_of_what_is_unfinished() -> None:
    """Half of it; the next one is told of the limit and has no effect, while others are served."""
    memory, slow, refused = RequestMemory[str](clock=FakeClock(), capacity=4), Work(), opened()
    running = [asyncio.create_task(once(memory, slow, request_id=str(number))) for number in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(LimitError) as caught:
        await once(memory, refused, request_id="2")
    assert caught.value.metadata == {"limit": "unfinished_requests"}
    assert refused.effects == 0
    assert await once(memory, opened(), caller="b") == ("answer 1", False)
    slow.gate.set()
    await asyncio.gather(*running)
    assert await once(memory, refused, request_id="2") == ("answer 1", False)


async def test_a_memory_that_is_full_of_unfinished_requests_takes_no_more() -> None:
    """None of them is given up; one that fails makes room."""
    memory, slow = RequestMemory[str](clock=FakeClock(), capacity=2), Work(failure=PeerUnavailableError())
    running = [asyncio.create_task(once(memory, slow, caller=caller)) for caller in "ab"]
    await asyncio.sleep(0)
    with pytest.raises(LimitError):
        await once(memory, opened(), caller="c")
    assert len(memory) == 2
    slow.gate.set()
    await asyncio.gather(*running, return_exceptions=True)
    assert await once(memory, opened(), caller="c") == ("answer 1", False)


async def test_one_caller_does_not_push_out_the_answers_of_another() -> None:
    """Who has no more than a fair share keeps it, whatever another does."""
    memory = RequestMemory[str](clock=FakeClock(), capacity=4)
    for number in range(2):
        await once(memory, opened(), caller="victim", request_id=str(number))
    for number in range(20):
        await once(memory, opened(), caller="attacker", request_id=str(number))
    assert len(memory) == 4
    for number in range(2):
        assert (await once(memory, opened(), caller="victim", request_id=str(number)))[1] is True


async def test_one_who_has_more_than_a_share_makes_room_for_a_newcomer() -> None:
    """A caller that was alone had all; the next one gets its share of it, and what expired counts for nobody."""
    clock = FakeClock()
    memory = RequestMemory[str](clock=clock, capacity=4)
    for number in range(4):
        await once(memory, opened(), caller="a", request_id=str(number))
    for number in range(3):
        await once(memory, opened(), caller="b", request_id=str(number))
    kept = {}
    for caller in "ab":
        kept[caller] = [key[1] for key in memory._answered if key[0] == caller]
    assert kept == {"a": ["2", "3"], "b": ["1", "2"]}
    clock.advance(600)
    await once(memory, opened(), caller="c")
    assert len(memory) == 1


async def test_a_full_memory_gives_up_its_oldest_entry_and_only_for_a_new_one() -> None:
    """A repeated request is never itself pushed out by asking again."""
    memory, work = RequestMemory[str](clock=FakeClock(), capacity=2), opened()
    await once(memory, work, request_id="1")
    await once(memory, work, request_id="2")
    for _ in range(3):
        assert await once(memory, work, request_id="1") == ("answer 1", True)
    await once(memory, work, request_id="3")
    assert len(memory) == 2
    assert await once(memory, work, request_id="2") == ("answer 2", True)
    assert (await once(memory, work, request_id="1"))[1] is False


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9)), max_size=60), st.integers(1, 9))
def test_nobody_loses_a_fair_share_to_another(steps: list[tuple[str, int]], capacity: int) -> None:
    """Over all histories: an answer is lost by the caller itself, or by one who had more than capacity / callers."""

    def counts(memory: RequestMemory[str]) -> dict[str, int]:
        return {caller: len(own) for caller, own in memory._answered_of.items()}

    async def play() -> None:
        memory = RequestMemory[str](clock=FakeClock(), capacity=capacity)
        for caller, number in steps:
            before = counts(memory)
            await once(memory, opened(), caller=caller, request_id=str(number))
            after = counts(memory)
            callers = len({*before, caller})
            assert sum(after.values()) == len(memory) == len(memory._answered) <= capacity
            for other in before.keys() - {caller}:
                assert after.get(other, 0) >= min(before[other], capacity // callers)

    asyncio.run(play())


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([0.0, 1.0, 4.0])), max_size=40), st.integers(1, 4))
def test_memory_is_bounded_and_replays_only_what_is_young(steps: list[tuple[int, float]], capacity: int) -> None:
    """Whatever is asked when, there are never more entries than fit, and no answer older than its life is given."""

    async def play() -> None:
        clock = FakeClock(0)
        memory = RequestMemory[float](clock=clock, life_seconds=5, capacity=capacity)

        async def work() -> float:
            return clock.now

        for request, pause in steps:
            clock.advance(pause)
            made_at, replayed = await memory.once(caller="a", request_id=str(request), digest="", work=work)
            assert clock.now - made_at < 5
            assert replayed or made_at == clock.now
            assert 1 <= len(memory) <= capacity

    asyncio.run(play())
