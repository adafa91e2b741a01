"""What may be asked of another region: the item, the payload it carries, the agreement, and the fields it lets out.

Held against these when a request is submitted, and again whenever it is about to be handed on: an agreement that has
ended since lets nothing out any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from adapters.errors import UnknownRegionError
from adapters.payload_kinds import PayloadKind
from gateway.errors import (
    CallerRegionError,
    FieldNotInAgreementError,
    InvalidFieldError,
    ItemNotOfferedError,
    NotTransitiveError,
    PayloadNotAllowedError,
    RegionNotServedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import date

    from adapters.canonical import ApplicationItem
    from adapters.payload_kinds import PayloadKinds
    from gateway.services.exchange_model import Actor, Body, StoredRequest, Terms
    from trust.policy import AgreementBook

USUAL_DAYS: Final = 30
"""In which a request must be answered where its source does not say."""

_GIVEN = "given"
"""Stands for a reference to consent or contract that was given; what it is lies sealed."""


class Allowance(NamedTuple):
    """Under which agreement something may be asked, and which fields of a person may leave the home region."""

    agreement: str
    fields: frozenset[str]


class ExchangeRules:
    """What a gateway lets its callers ask, and hands on.

    Args:
        items: finds an item of any region by region and identifier (UnknownRegionError, UnknownItemError).
        kinds: which payloads the item types carry.
        answer_days: in how many days a region has to answer complaints.
        agreements: what is allowed between regions.
        regions: all that there are.
        homes: the regions of this gateway.
        peers: the regions whose gateways it knows.
    """

    def __init__(
        self,
        *,
        items: Callable[[str, str], ApplicationItem],
        kinds: PayloadKinds,
        answer_days: Callable[[str], int],
        agreements: AgreementBook,
        regions: Collection[str],
        homes: Collection[str],
        peers: Collection[str],
    ) -> None:
        """Keep them."""
        self._regions = regions
        self._items = items
        self._kinds = kinds
        self._answer_days = answer_days
        self._agreements = agreements
        self._homes = homes
        self._peers = peers

    def check_route(self, terms: Terms, actor: Actor) -> None:
        """Demand that the caller asks for its own region, and a region that can be reached from here.

        Raises:
            CallerRegionError: it asks in the name of another region.
            NotTransitiveError: another gateway asks for a region that is not of this gateway.
            UnknownRegionError: there is no such region.
            RegionNotServedError: nobody here knows the gateway of the region asked.
        """
        if terms.source != actor.region:
            raise CallerRegionError(region=actor.region)
        if actor.gateway and terms.target not in self._homes:
            raise NotTransitiveError
        if terms.target not in self._regions:
            raise UnknownRegionError
        if terms.target not in self._homes and terms.target not in self._peers:
            raise RegionNotServedError  # without the word, which may be anything

    def permit(self, terms: Terms, body: Body, *, on: date) -> str:
        """Say under which agreement something may be asked on a day.

        Raises:
            UnknownItemError, UnknownRegionError: there is no such item.
            InvalidFieldError: the item is not of that item type.
            PayloadNotAllowedError: the item type carries no such payload.
            ItemNotOfferedError: the item is not in force, or does not offer the class or the medium.
            TrustError: what the agreement raises.
            FieldNotInAgreementError: a field may not be let out.
        """
        item = self._items(terms.target, terms.item)
        if terms.kind is not PayloadKind.COMPLAINT:
            self._check_item(item, terms, on=on)
        allowed = self._ask(terms, on=on)
        check_fields(allowed, body)
        return allowed.agreement

    def still_permit(self, request: StoredRequest, *, on: date) -> Allowance:
        """Demand that the agreement still allows a stored request (a TrustError, or ItemNotOfferedError)."""
        if request.kind is not PayloadKind.COMPLAINT and not self._items(request.target, request.item).in_force(on):
            raise ItemNotOfferedError(rule="in_force")
        return self._ask(request, on=on)

    def usual_days(self, terms: Terms) -> int:
        """Give in how many days there must be a reply where the source does not say."""
        return self._answer_days(terms.target) if terms.kind is PayloadKind.COMPLAINT else USUAL_DAYS

    def _check_item(self, item: ApplicationItem, terms: Terms, *, on: date) -> None:
        """Demand that an item offers what is asked (see `permit`)."""
        if terms.item_type not in {relation.item_type for relation in item.relations}:
            raise InvalidFieldError(("content.item_type", "of_the_item"))
        if terms.kind not in self._kinds.of(terms.item_type):
            raise PayloadNotAllowedError(kind=terms.kind)
        if not item.in_force(on):
            raise ItemNotOfferedError(rule="in_force")
        if terms.kind.application_class not in item.classes:
            raise ItemNotOfferedError(rule="application_class")
        if terms.medium not in item.media:
            raise ItemNotOfferedError(rule="medium")

    def _ask(self, asked: Terms | StoredRequest, *, on: date) -> Allowance:
        """Ask the agreement of the two regions.

        That a card was refused for something which the agreement does not list is itself ground for a complaint; so it
        demands no more than an agreement that stands.
        """
        if asked.kind is PayloadKind.COMPLAINT:
            agreement = self._agreements.between(asked.target, asked.source, on=on)
            return Allowance(agreement.id, agreement.fields)
        permission = self._agreements.permit(
            home=asked.target,
            visited=asked.source,
            item_types=(asked.item_type,),
            purpose=asked.purpose,
            classes=(asked.kind.application_class,),
            medium=asked.medium,
            on=on,
            consent_reference=_GIVEN if asked.consent else None,
        )
        return Allowance(permission.agreement, permission.fields)


def check_fields(allowed: Allowance, body: Body) -> None:
    """Demand that the agreement lets out every field that a request or a reply names (FieldNotInAgreementError)."""
    beyond = sorted(body.fields - allowed.fields)
    if beyond:
        raise FieldNotInAgreementError(agreement=allowed.agreement, field=beyond[0])
