"""Every state of a card, each refused or partly allowed as its rule says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.sandbox.story import Chapter
from gateway.sandbox.story_main import asked
from gateway.sandbox.story_requests import by_number, verify
from gateway.sandbox.story_words import basis, verdict
from onecard.gateway.v1 import card_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.sandbox.story import Step

_RULE = "十堰市社会保障卡一卡通服务管理条例 第十七条"
_NOTHING = "nothing handed over"

# Region that asks, its item, home region, cardholder, state told, reason, who must act.
_STATES = (
    ("sichuan", "SC-13", "chongqing", "lost_temporary", "lost_temporary", "CARD_LOST_TEMPORARY", "holder"),
    ("sichuan", "SC-13", "chongqing", "lost_formal", "lost_formal", "CARD_LOST_FORMAL", "holder"),
    ("sichuan", "SC-13", "chongqing", "locked", "locked", "CARD_LOCKED", "holder"),
    ("sichuan", "SC-13", "chongqing", "sealed", "sealed", "CARD_SEALED", "home region"),
    ("sichuan", "SC-13", "chongqing", "cancelled", "cancelled", "CARD_CANCELLED", "holder"),
    ("sichuan", "SC-13", "chongqing", "expired", "active", "CARD_EXPIRED", "holder"),
    ("sichuan", "SC-13", "chongqing", "status_unknown", "unknown", "CARD_STATUS_UNKNOWN", "home region"),
    ("chongqing", "CQ-31", "sichuan", "void", "void", "CARD_VOID", "holder"),
    ("chongqing", "CQ-31", "sichuan", "not_activated", "not_activated", "CARD_NOT_ACTIVATED", "holder"),
)


def state_chapter() -> Chapter:
    """Give the steps about states of a card."""
    return Chapter("States of a card", (*_state_steps(), *_suspended_steps()))


def _state_steps() -> Iterable[Step]:
    for asks, item, home, holder, state, reason, actor in _STATES:
        yield asked(
            holder.replace("_", " ").replace("status unknown", "a raw status that nobody knows"),
            asks,
            verify(home, item, by_number(home, holder)),
            f"identity refused {reason}, {actor} must act; card {state}; {_NOTHING}",
        )


def _suspended_steps() -> Iterable[Step]:
    """Functions suspended one by one (Shiyan Art. 17), in Shiyan itself: no agreement and no recognition is needed."""
    suspended = "card active; social_security function suspended"
    pension = verify(
        "shiyan",
        "SY-01",
        by_number("shiyan", "suspended_social_security"),
        purpose=card_pb2.PURPOSE_BENEFIT_DISBURSEMENT,
    )
    payment = verify(
        "shiyan", "SY-05", by_number("shiyan", "suspended_financial"), purpose=card_pb2.PURPOSE_FEE_PAYMENT
    )
    yield asked(
        "social-security function suspended: benefit 待遇发放",
        "shiyan",
        pension,
        f"disbursement refused FUNCTION_SUSPENDED, holder must act; {suspended}; {_NOTHING}; {_RULE}",
        read=basis,
    )
    yield asked(
        "the same card still proves identity 身份识别",
        "shiyan",
        verify("shiyan", "SY-03", by_number("shiyan", "suspended_social_security")),
        f"identity allowed; {suspended}; identity, no recognition",
        read=verdict,
    )
    yield asked(
        "financial function suspended: utility bill 生活缴费",
        "shiyan",
        payment,
        "payment refused FUNCTION_SUSPENDED, holder must act; card active; financial function suspended; "
        f"{_NOTHING}; {_RULE}",
        read=basis,
    )
    yield asked(
        "suspended and lost: the loss decides",
        "shiyan",
        verify("shiyan", "SY-03", by_number("shiyan", "suspended_and_lost")),
        "identity refused CARD_LOST_TEMPORARY, holder must act; card lost_temporary; "
        f"social_security function suspended; {_NOTHING}",
    )
