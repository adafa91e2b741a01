"""Notices of status lists that changed: each list once, to whoever listens."""

from __future__ import annotations

import asyncio

from gateway.services.status_notices import StatusNotices


async def test_a_change_is_told_once_to_each_who_asks() -> None:
    """From a number on; of one list only the last change."""
    notices = StatusNotices()
    heard: list[str] = []
    notices.listeners.append(heard.append)
    assert notices.after(0) == ((), 0)
    for uri in ("one", "other", "one"):
        notices.tell(uri)
    assert notices.after(0) == (("one", "other"), 3)
    assert notices.after(2) == (("one",), notices.count)
    assert notices.after(3) == ((), 3)
    assert heard == ["one", "other", "one"]


async def test_whoever_waits_is_woken() -> None:
    """All at once; who is behind does not wait."""
    notices = StatusNotices()
    waiting = [asyncio.create_task(notices.changed(0)) for _ in range(3)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    notices.tell("one")
    async with asyncio.timeout(10):
        await asyncio.gather(*waiting)
        await notices.changed(0)
