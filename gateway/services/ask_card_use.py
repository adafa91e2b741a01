"""The citizen's question: which services of another region accept a card of mine, on a day, in which form, for what?

The answer is that of the gateway itself for an active card: the same rules (`gateway.services.verdict`), the same
agreements and the same catalogs, only that no card is looked at. Where an agreement demands a consent, it is supposed
that the holder gives it, and the answer says that it is needed. Who asks for one thing is told of a service that
accepts the card for other things only that it does not accept it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from adapters.canonical import Card
from adapters.errors import UnknownItemError
from adapters.taxonomy import code_matches
from adapters.words import ApplicationClass, CardStatus, Medium
from gateway.errors import CatalogStaleError
from gateway.services.card_use import RegionAnswer, ServiceAnswer, allowed_types
from gateway.services.model import ClassVerdict, Decision
from gateway.services.public_catalog import STANDS
from gateway.services.verdict import CardFacts, UseFacts
from trust.errors import (
    AgreementNotInForceError,
    ClassNotAllowedError,
    ItemNotInAgreementError,
    MediumNotAllowedError,
    NoAgreementError,
)
from trust.policy import AgreementBook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from adapters.canonical import ApplicationItem
    from adapters.equivalence import Coverage
    from gateway.services.card_use import CardUse
    from gateway.services.public_catalog import PublicCatalog
    from gateway.services.verdict import VerdictRules
    from trust.agreement import Agreement
    from trust.policy import Permission

_REASONS: Final = {
    ItemNotInAgreementError: "ITEM_NOT_IN_AGREEMENT",
    MediumNotAllowedError: "MEDIUM_NOT_ACCEPTED",
    ClassNotAllowedError: "CLASS_NOT_IN_AGREEMENT",
}
_CONSENT: Final = "supposed"
_ACTIVE: Final = Card(status=CardStatus.ACTIVE)
_DAY: Final = timedelta(days=1)


class AskCardUse:
    """The use case, over one state of the catalogs."""

    def __init__(self, shown: PublicCatalog, rules: VerdictRules) -> None:
        """Take what is shown, and the rules of verdicts."""
        self._shown = shown
        self._rules = rules
        self._agreements = AgreementBook(shown.agreements)

    def __call__(self, question: CardUse) -> RegionAnswer:
        """Answer for one visited region (UnknownRegionError, UnknownItemError).

        A list whose stated life is over accepts nothing, and neither does a region for the cards of its own.
        """
        self._shown.region(question.home)
        self._shown.region(question.visited)
        agreement, refusal = (None, "") if question.home == question.visited else self._agreement(question)
        answers: tuple[ServiceAnswer, ...] = ()
        try:
            items = self._items(question)
            if not refusal:
                answers = tuple(self._since(question, self._service(question, i), agreement) for i in items)
        except CatalogStaleError:
            refusal = "CATALOG_STALE"
        return RegionAnswer(
            question=question,
            agreement=agreement,
            refusal=refusal,
            accepted=tuple(answer for answer in answers if answer.accepted),
            refused=tuple(answer for answer in answers if not answer.accepted),
        )

    def _items(self, question: CardUse) -> tuple[ApplicationItem, ...]:
        """Give the services of the visited region that the question is about."""
        catalog = self._shown.version_on(question.visited, question.on).items
        found = catalog.filter(application_class=question.application_class, item_type=question.item_type)
        return tuple(i for i in found if not question.item or i is catalog.get(question.item))

    def _agreement(self, question: CardUse) -> tuple[Agreement | None, str]:
        """Find the agreement of the two regions, and why it does not serve."""
        try:
            agreement = self._agreements.between(question.home, question.visited, on=question.on)
        except NoAgreementError:
            return None, "NO_AGREEMENT"
        except AgreementNotInForceError as error:
            return self._shown.agreement(error.metadata["agreement"]), "AGREEMENT_NOT_IN_FORCE"
        standing = self._shown.standing.get(agreement.id, STANDS)
        return agreement, "" if standing == STANDS else standing

    def _service(self, question: CardUse, item: ApplicationItem) -> ServiceAnswer:
        """Judge one service for every form of the card that was asked about."""
        covered = None
        if question.home != question.visited:
            covered = self._shown.book.coverage(question.visited, item.item, question.home, on=question.on)
        media = (question.medium,) if question.medium else tuple(Medium)
        judged = tuple((medium, self._judge(question, item, medium, covered)) for medium in media)
        asked = tuple((medium, tuple(_of_what_was_asked(question, item, v) for v in found)) for medium, found in judged)
        usable = (allowed_types(item, v) for _, verdicts in judged for v in verdicts)
        return ServiceAnswer(
            item=item,
            media=asked,
            home_items=covered.items if covered else (),
            accepted_types=tuple(sorted(frozenset[str]().union(*usable))),
        )

    def _judge(
        self, question: CardUse, item: ApplicationItem, medium: Medium, covered: Coverage | None
    ) -> tuple[ClassVerdict, ...]:
        """Give the verdicts for one form of the card, of the class that was asked about or of all."""
        permission = None
        try:
            if covered is not None:
                permission = self._permit(question, item, medium)
        except tuple(_REASONS) as error:
            verdicts = tuple(_refused(c, item, _REASONS[type(error)]) for c in ApplicationClass)
        else:
            use = UseFacts(item=item, medium=medium, permission=permission, coverage=covered)
            verdicts = self._rules.form(CardFacts(card=_ACTIVE, age_seconds=0.0, today=question.on), use)
        wanted = question.application_class
        return tuple(v for v in verdicts if wanted is None or v.application_class is wanted)

    def _permit(self, question: CardUse, item: ApplicationItem, medium: Medium) -> Permission:
        """Ask the agreement for a use under the first of its purposes: a purpose decides nothing else."""
        agreement = self._agreements.between(question.home, question.visited, on=question.on)
        return self._agreements.permit(
            home=question.home,
            visited=question.visited,
            item_types=[relation.item_type for relation in item.relations],
            purpose=agreement.purposes[0],
            classes=[c.value for c in item.classes],
            medium=medium.value,
            on=question.on,
            consent_reference=_CONSENT,
        )

    def _since(self, question: CardUse, answer: ServiceAnswer, agreement: Agreement | None) -> ServiceAnswer:
        """Add since when the service has been accepted: back to the first day on which anything it rests on changed."""
        if not answer.accepted:
            return answer
        since = None
        for day in self._changes(question, answer, agreement):
            if not self._accepted_on(question, answer.item, day):
                break
            since = day
        return replace(answer, since=since)

    def _accepted_on(self, question: CardUse, item: ApplicationItem, day: date) -> bool:
        """Tell whether a service accepted the card on an earlier day, as it was listed then."""
        then = replace(question, on=day)
        try:
            return self._service(then, self._shown.item(question.visited, item.item, on=day)).accepted
        except (NoAgreementError, AgreementNotInForceError, UnknownItemError):
            return False

    def _changes(self, question: CardUse, answer: ServiceAnswer, agreement: Agreement | None) -> Iterator[date]:
        """Give the days on which something may have changed, the latest first, none after the day asked about."""
        days = {answer.item.effective_from}
        related: tuple[ApplicationItem, ...] = ()
        if agreement:
            home = self._shown.version_on(question.home, question.on).items
            related = tuple(item for r in answer.item.relations for item in home.by_type(r.item_type))
            days.add(agreement.in_force_from)
        for item in (answer.item, *related) if agreement else ():
            days |= {item.effective_from, item.effective_to + _DAY if item.effective_to else None}
        for catalog in {question.home, question.visited}:
            days |= {version.head.effective_from for version in self._shown.known.versions(catalog)}
        yield from sorted((day for day in days if day is not None and day <= question.on), reverse=True)


def _of_what_was_asked(question: CardUse, item: ApplicationItem, verdict: ClassVerdict) -> ClassVerdict:
    """Refuse what a verdict allows where none of it is of the type that was asked about."""
    wanted = question.item_type
    if not wanted or not verdict.usable or any(code_matches(wanted, code) for code in allowed_types(item, verdict)):
        return verdict
    return ClassVerdict(verdict.application_class, Decision.REFUSED, "ITEM_COVERED_IN_PART", (), verdict.legal_basis)


def _refused(c: ApplicationClass, item: ApplicationItem, reason: str) -> ClassVerdict:
    """Refuse a class for a reason of the agreement, if the item has it at all."""
    if c not in item.classes:
        return ClassVerdict(c, Decision.NOT_OFFERED, "CLASS_NOT_OFFERED")
    return ClassVerdict(c, Decision.REFUSED, reason)
