"""Verdicts as messages: the reasons in the caller's language, the correspondence of the item made once and kept."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from gateway.reasons import Actor, Language, Reasons, text_in
from gateway.rpc.convert import CLASS, FUNCTION, STATUS, enum_numbers, set_seconds
from gateway.rpc.convert_catalog import equivalence_message, text_message
from gateway.services.local_home import china_day
from gateway.services.model import Decision, Freshness
from onecard.gateway.v1 import card_status_pb2, verdict_pb2

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from adapters.canonical import LocalizedText
    from gateway.reasons import Reason
    from gateway.services.model import CardVerdict, ClassVerdict
    from gateway.services.translate_item import TranslateItem
    from onecard.gateway.v1 import catalog_pb2

DECISION = enum_numbers(Decision, verdict_pb2.Decision, "DECISION")
FRESHNESS = enum_numbers(Freshness, card_status_pb2.Freshness, "FRESHNESS")
ACTOR = {
    actor: verdict_pb2.Actor.Value("ACTOR_UNSPECIFIED" if actor is Actor.NONE else f"ACTOR_{actor.name}")
    for actor in Actor
}


class VerdictWriter:
    """Writes verdicts; titles of agreements by their ids."""

    def __init__(self, *, reasons: Reasons, titles: Mapping[str, LocalizedText], items: TranslateItem) -> None:
        """Take the texts, and the use case that knows how a region writes an item."""
        self._reasons = reasons
        self._titles = {agreement: text_message(title) for agreement, title in titles.items()}
        self._items = items
        self._equivalence = lru_cache(maxsize=4096)(self._make_equivalence)
        self._class = lru_cache(maxsize=4096)(self._make_class)

    def write(self, verdict: CardVerdict, message: verdict_pb2.CardVerdict, language: Language) -> None:
        """Fill a verdict message, but for what is the same for every card: the item and the agreement's title."""
        message.home_region = verdict.home_region
        message.visited_region = verdict.visited_region
        message.classes.extend([self._class(one, language) for one in verdict.classes])
        message.freshness = FRESHNESS[verdict.freshness]
        if verdict.since is not None:
            set_seconds(message.status_change_time, verdict.since)
        if verdict.known_at is not None:
            set_seconds(message.known_time, verdict.known_at)
        message.successor = verdict.successor
        message.card_status = STATUS[verdict.card_status]
        if verdict.suspended_functions:
            message.suspended_functions.extend(sorted(FUNCTION[f] for f in verdict.suspended_functions))
        set_seconds(message.status_as_of, verdict.status_as_of)
        set_seconds(message.data_age, max(0.0, verdict.answered_at - verdict.status_as_of))
        message.agreement = verdict.agreement

    def class_message(self, verdict: ClassVerdict, language: Language) -> verdict_pb2.ClassVerdict:
        """Give the verdict for one class as a message that nobody changes."""
        return self._class(verdict, language)

    def reword(self, message: verdict_pb2.CardVerdict, language: Language) -> None:
        """Tell a verdict that was written already in another language: its words are those of the call."""
        for one in message.classes:
            reason = self._reasons.get(one.reason)
            one.message = text_in(reason.message, language)
            one.remedy = _remedy(reason, language)

    def write_title(self, message: verdict_pb2.CardVerdict) -> None:
        """Fill in the title of the agreement, where the verdict rests on one."""
        title = self._titles.get(message.agreement)
        if title is not None:
            message.agreement_title.CopyFrom(title)

    def write_item(self, message: verdict_pb2.CardVerdict, item: str) -> None:
        """Fill in what the visited item corresponds to, on the day on which the verdict was formed."""
        day = china_day(message.status_as_of.seconds + message.data_age.seconds)
        message.item.CopyFrom(
            self._equivalence(message.visited_region, item, message.home_region, day, self._items.revision)
        )

    def _make_equivalence(
        self, region: str, item: str, target_region: str, day: date, _revision: int
    ) -> catalog_pb2.Equivalence:
        """Make the correspondence as it stands on the day that is part of the key."""
        translated = self._items(region=region, item=item, target_region=target_region, on=day)
        return equivalence_message(translated.equivalence, translated.regional_fields, on=day)

    def _make_class(self, verdict: ClassVerdict, language: Language) -> verdict_pb2.ClassVerdict:
        reason = self._reasons.get(verdict.reason)
        return verdict_pb2.ClassVerdict(
            application_class=CLASS[verdict.application_class],
            decision=DECISION[verdict.decision],
            reason=verdict.reason,
            message=text_in(reason.message, language),
            actor=ACTOR[reason.actor],
            remedy=_remedy(reason, language),
            item_types=verdict.item_types,
            legal_basis=verdict.legal_basis,
        )


def _remedy(reason: Reason, language: Language) -> str:
    """Give what to do, which is nothing where the card may be used."""
    return "" if reason.code == "OK" else text_in(reason.remedy, language)
