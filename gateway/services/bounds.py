"""How far the word of another region goes here: never beyond item, agreement, catalogs and the rules of card states.

A signature proves who says something, not that it may be said. So the visited side forms the verdict once more, by its
own rules, from what the home region says of the card, and believes no more than that: of a recognition that somebody
shows, and of a peer's answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from adapters.canonical import Card
from adapters.equivalence import coverage
from adapters.errors import UnknownItemError, UnknownRegionError
from adapters.words import CardStatus, Medium
from gateway.errors import PeerProtocolError
from gateway.services.disclosure import contradicts, disclose_fields, tells_functions
from gateway.services.verdict import CardFacts, UseFacts, age_limit
from trust.errors import ClaimInvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from adapters.canonical import ApplicationItem, CardIdentity
    from adapters.registry import Registry
    from adapters.words import CardFunction
    from gateway.services.model import CardAnswer, CardQuestion, CardVerdict, ClassVerdict
    from gateway.services.verdict import VerdictRules
    from trust.claims import RecognitionClaims
    from trust.policy import AgreementBook, Permission

CONSENT_SEEN_AT_HOME: Final = "demanded by the home region"
"""Stands for a reference to consent or contract where a recognition is shown.

The token does not carry the reference. The home region issues none without it where the agreement demands one, and it
is the home region that answers for that; the one who shows the token later need not have it.
"""

_REMEMBERED: Final = 4096
_STATUS: Final = {status.value: status for status in CardStatus}
_CLAIM_OF: Final = {"DRAFT_NOT_IN_FORCE": "item", "MEDIUM_NOT_ACCEPTED": "medium"}
"""The claim that is at fault where a verdict has this reason; the state of the card has reasons of its own."""


@dataclass(frozen=True, slots=True)
class _Most:
    """The most that is believed of one class: these item types, of a state at most so many seconds old.

    `claim` and `rule` name what is wrong with a recognition that grants other types.
    """

    item_types: frozenset[str]
    seconds: float
    claim: str
    rule: str


class Bounds:
    """Holds what other regions say against what this gateway knows.

    Args:
        registry: the installed regions with their catalogs.
        agreements: what is allowed between regions.
        rules: form verdicts.
    """

    def __init__(self, *, registry: Registry, agreements: AgreementBook, rules: VerdictRules) -> None:
        """Take what the gateway goes by; catalogs and rules do not change while the node runs."""
        self._registry = registry
        self._agreements = agreements
        self._rules = rules
        self._most = lru_cache(maxsize=_REMEMBERED)(self._form)

    def hold(self, claims: RecognitionClaims, *, on: date) -> None:
        """Hold a recognition that is shown, whose signature and claims were verified, against the agreement of a day.

        Consent cannot be seen from a token: see `CONSENT_SEEN_AT_HOME`.

        Raises:
            TrustError: what the agreement raises; ClaimInvalidError names the claim that says too much.
        """
        if claims.iss == claims.aud:
            raise ClaimInvalidError(claim="iss", rule="another region than aud")
        item = self._item(claims)
        named = frozenset[str]().union(*claims.classes.values())
        item_types = [relation.item_type for relation in item.relations if relation.item_type in named]
        if not item_types:
            raise ClaimInvalidError(claim="classes", rule="item types of the item")
        permission = self._agreements.permit(
            home=claims.iss,
            visited=claims.aud,
            item_types=item_types,
            purpose=claims.purpose,
            classes=tuple(claims.classes),
            medium=claims.medium,
            on=on,
            consent_reference=CONSENT_SEEN_AT_HOME,
        )
        self._hold(claims, permission, item, on=on)

    def believed(
        self, question: CardQuestion, answer: CardAnswer, permission: Permission, item: ApplicationItem, *, on: date
    ) -> CardAnswer:
        """Give what is believed of a peer's answer, cut to the fields that the agreement names.

        Args:
            question: what the peer was asked.
            answer: what it answered; `claims` are those of its recognition, which was verified.
            permission: what the agreement allows of the question.
            item: the item asked for.
            on: day of the question.

        Raises:
            PeerProtocolError: the answer grants more than may be granted, or is about another card.
        """
        region, verdict, claims = question.home_region, answer.verdict, answer.claims
        self._check_verdict(verdict, permission)
        if verdict.suspended_functions and not tells_functions(permission):
            answer = replace(answer, verdict=replace(verdict, suspended_functions=frozenset()))
        if not verdict.usable:
            return answer
        if claims is None:
            raise PeerProtocolError(region=region, rule="no_recognition")
        identity = answer.identity
        suspended = verdict.suspended_functions
        if identity is not None:
            _check_identity(question, identity, verdict, on=on)
            suspended |= identity.card.suspended_functions
        try:
            self._hold(claims, permission, item, on=on, suspended=suspended)
        except ClaimInvalidError as error:
            raise PeerProtocolError(region=region, rule=f"claim:{error.metadata['claim']}") from error
        return answer if identity is None else replace(answer, identity=disclose_fields(identity, permission))

    def _item(self, claims: RecognitionClaims) -> ApplicationItem:
        """Find the item that a recognition is for."""
        try:
            return self._registry.get(claims.aud).catalog.get(claims.item)
        except (UnknownRegionError, UnknownItemError):
            raise ClaimInvalidError(claim="item", rule="item of the audience's catalog") from None

    def _check_verdict(self, verdict: CardVerdict, permission: Permission) -> None:
        """Demand our agreement, and of each class a decision with a reason that can have led to it."""
        if verdict.agreement != permission.agreement:
            raise PeerProtocolError(region=verdict.home_region, rule="agreement")
        for one in verdict.classes:
            if not self._rules.explains(one):
                raise PeerProtocolError(region=verdict.home_region, rule="decision_without_its_reason")

    def _hold(
        self,
        claims: RecognitionClaims,
        permission: Permission,
        item: ApplicationItem,
        *,
        on: date,
        suspended: frozenset[CardFunction] = frozenset(),
    ) -> None:
        """Demand our agreement, one use where the item wants that, and no class, type or age beyond the most."""
        if claims.agreement != permission.agreement:
            raise ClaimInvalidError(claim="agreement", rule="the agreement of the two regions")
        if item.one_time and not claims.one_time:
            raise ClaimInvalidError(claim="one_time", rule="true for this item")
        status = _STATUS.get(claims.card_status, CardStatus.UNKNOWN)
        most = self._most(claims.iss, claims.aud, item.item, Medium(claims.medium), status, suspended, permission, on)
        age = claims.iat - claims.card_status_as_of
        for name, item_types in claims.classes.items():
            bound = most[name]
            if not bound.item_types.issuperset(item_types):
                raise ClaimInvalidError(claim=bound.claim, rule=bound.rule)
            if age > bound.seconds:
                raise ClaimInvalidError(claim="card_status_as_of", rule="STALE_STATUS")

    def _form(  # noqa: PLR0917 - these are the key by which it is remembered
        self,
        home: str,
        visited: str,
        item_id: str,
        medium: Medium,
        status: CardStatus,
        suspended: frozenset[CardFunction],
        permission: Permission,
        on: date,
    ) -> Mapping[str, _Most]:
        """Form the verdict on a card of which the home region has just said this, and no more."""
        item = self._registry.get(visited).catalog.get(item_id)
        covered = coverage(item, self._registry.get(home).catalog, on=on)
        use = UseFacts(item=item, medium=medium, permission=permission, coverage=covered)
        card = CardFacts(card=Card(status=status, suspended_functions=suspended), age_seconds=0.0, today=on)
        of_status = self._rules.of(status).reason
        return {
            verdict.application_class.value: _most(
                verdict, item, of_status, age_limit(permission, verdict.application_class)
            )
            for verdict in self._rules.form(card, use)
        }


def _most(verdict: ClassVerdict, item: ApplicationItem, of_status: str, seconds: float) -> _Most:
    """Read the most off a verdict; `of_status` is the reason that the state of the card would have."""
    if verdict.usable:
        every = (relation.item_type for relation in item.relations)
        return _Most(frozenset(verdict.item_types or every), seconds, "classes", "item types that may be granted")
    claim = "card_status" if verdict.reason == of_status else _CLAIM_OF.get(verdict.reason, "classes")
    return _Most(frozenset(), seconds, claim, verdict.reason)


def _check_identity(question: CardQuestion, identity: CardIdentity, verdict: CardVerdict, *, on: date) -> None:
    """Demand the card that was asked about, in the state that was signed."""
    card = identity.card
    if contradicts(identity, question.credential.checks):
        raise PeerProtocolError(region=question.home_region, rule="identity:another_card")
    if card.status not in {None, verdict.card_status}:
        raise PeerProtocolError(region=question.home_region, rule="identity:card_status")
    if card.expires_on is not None and card.expires_on < on:
        raise PeerProtocolError(region=question.home_region, rule="identity:expires_on")
