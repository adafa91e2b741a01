"""Sichuan asks Chongqing for certificates of insurance; two gateways are killed in the middle; then all is proved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sandbox.story import Chapter, Step
from gateway.sandbox.story_proofs import LogStory, ReceiptStory
from gateway.sandbox.story_sending import MANY, SOURCE, TARGET, ExchangeStory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.sandbox.story import Play

_KILLED = "it ends with code -9"
_WHOLE = f"{MANY} of {MANY} completed; {MANY} done, none twice"


def exchange_chapter() -> Chapter:
    """Give the steps about requests between regions and what proves them, in their order."""
    story = ExchangeStory()
    receipts = ReceiptStory(story)
    steps = (*_request_steps(story), *_killed_steps(story), *_receipt_steps(receipts), *_log_steps(LogStory(receipts)))
    return Chapter("Exchange and evidence", steps)


def _step(title: str, expected: str, play: Play, *, asks: str = SOURCE) -> Step:
    return Step(title=title, asks=asks, home=TARGET, expected=expected, play=play)


def _request_steps(story: ExchangeStory) -> Iterable[Step]:
    yield _step(
        "Sichuan asks for a certificate of insurance 参保证明: it is on disk when it is answered",
        "submitted, source gateway must act; 30 days for it, under sichuan-chongqing",
        story.submitted,
    )
    yield _step(
        "Sichuan watches: Chongqing's platform takes it and answers",
        "submitted in sichuan, delivered in chongqing, accepted in chongqing, completed in chongqing; "
        "the certificate says that it is invented",
        story.answered,
    )
    yield _step(
        "the same request again, and another one under its key",
        "the same request, replayed; ALREADY_EXISTS IDEMPOTENCY_KEY_REUSED, failed by caller; 1 done",
        story.repeated,
    )


def _killed_steps(story: ExchangeStory) -> Iterable[Step]:
    yield _step(
        "Chongqing's gateway is killed in the middle of 40 requests, and comes back: none is lost, none done twice",
        f"{_KILLED}; {MANY} of {MANY} accepted in Sichuan meanwhile; {_WHOLE}",
        story.target_killed,
    )
    yield _step(
        "Sichuan's gateway is killed while it takes 40: what it has acknowledged is there, the rest is sent again",
        f"{_KILLED}; all that it acknowledged are there; {_WHOLE}",
        story.source_killed,
    )


def _receipt_steps(receipts: ReceiptStory) -> Iterable[Step]:
    yield _step(
        "either region's receipt is verified offline, by the fingerprint of the anchor",
        "sichuan: exit 0, VALID, recorded by sichuan; chongqing: exit 0, VALID, recorded by chongqing; "
        "both state the same",
        receipts.verified,
    )
    yield _step(
        "a receipt with one word altered: the command names where",
        "request: exit 1, NOT VALID: request; reply: exit 1, NOT VALID: reply; evidence: exit 1, NOT VALID: evidence",
        receipts.altered,
    )


def _log_steps(logs: LogStory) -> Iterable[Step]:
    yield _step(
        "a record of Chongqing's log is proved by SHA-256 and Ed25519 alone",
        "ExchangeService/CompleteRequest allowed, sichuan to chongqing, of the receipt",
        logs.proved,
        asks=TARGET,
    )
    yield _step(
        "an auditor with a file and a key walks the whole log; one record altered is named by its index",
        "exit 0, all is well; altered: exit 1, that index; an older copy: exit 0, beside the checkpoint: exit 1",
        logs.audited,
        asks=TARGET,
    )
    yield _step(
        "Chongqing lists who has looked at the holder's data",
        f"all {2 * MANY + 1} requests of sichuan are there; the holder's number is in 0 files of both stores",
        logs.accesses,
        asks=TARGET,
    )
