"""A card is lost, found, suspended and replaced, and gateways stop: how soon others know, and what holds without them.

Agreements that only the sandbox has join Chongqing with those regions with which it has no other. The times told beside
are from the event, by the clock of this machine, to the answer in that region.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sandbox.story import Chapter, Step
from gateway.sandbox.story_cards import BASIS, HOME, CardStory
from gateway.sandbox.story_silence import Silence

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.sandbox.story import Play


def status_chapter() -> Chapter:
    """Give the steps about what happens to a card, in their order."""
    story = CardStory()
    silence = Silence(story)
    return Chapter("A lost card", (*_report_steps(story), *_silent_steps(silence)))


def _step(title: str, expected: str, play: Play, *, asks: str = "sichuan") -> Step:
    return Step(title=title, asks=asks, home=HOME, expected=expected, play=play)


def _report_steps(story: CardStory) -> Iterable[Step]:
    yield _step(
        "a card that eight regions have seen is reported lost: all know within a second",
        "in use in 8 of 8; lost in 8 of 8 within a second; 7 of 7 that may tell say since when",
        story.lost,
        asks=HOME,
    )
    yield _step(
        "the recognition that was given for it before is taken back with it",
        "UNAUTHENTICATED RECOGNITION_REVOKED, failed by caller",
        story.taken_back,
    )
    yield _step("thawed 解挂: all accept it again", "in use in 8 of 8 within a second", story.thawed, asks=HOME)
    yield _step(
        "what comes too late or twice changes nothing",
        "late, duplicate; in use in 8 of 8 within a second",
        story.disordered,
        asks=HOME,
    )
    yield _step(
        "social-security function suspended and restored, with its legal basis",
        f"social_security function suspended under {BASIS}; then none",
        story.suspended,
    )
    yield _step(
        "replaced 补换: it points to its successor, and nobody is told a number",
        "identity refused CARD_REPLACED, holder must act; its successor is the new card as Sichuan knows it; "
        "activated again: identity refused CARD_REPLACED, holder must act",
        story.replaced,
    )


def _silent_steps(silence: Silence) -> Iterable[Step]:
    yield _step(
        "Chongqing's gateway is stopped: what was told last counts for seconds, then no more",
        "pack made with exit 0; in use, not STALE; then identity refused STATUS_FEED_STALE, gateway must act, STALE",
        silence.cut,
        asks="shiyan",
    )
    yield _step(
        "Sichuan's gateway is stopped too: its gate verifies by the pack alone",
        "in use: exit 0, allowed OK; replaced: exit 1, ask_online MAY_BE_REPORTED; "
        "two hours later: exit 1, refused PACK_EXPIRED",
        silence.offline,
    )
    yield _step(
        "both are started again: Sichuan learns what it has missed",
        "lost_formal in Sichuan, STATUS LIVE; thawed: active",
        silence.back,
    )
