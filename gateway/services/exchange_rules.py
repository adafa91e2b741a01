"""What may be asked of another region: the item, the payload it carries, the agreement, and the fields it lets out.

Held against these when a request is submitted, and again whenever it is about to be handed on: an agreement that has
ended since lets nothing out any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from trust.policy import AgreementBook, Permission

_GIVEN = "given"
"""Stands for a reference to consent or contract that was given; what it is lies sealed."""


class ExchangeRules:
    """What a gateway lets its callers ask, and hands on.

    Args:
        items: finds an item of any region by region and identifier (UnknownRegionError, UnknownItemError).
        kinds: which payloads the item types carry.
        agreements: what is allowed between regions.
        homes: the regions of this gateway.
        peers: the regions whose gateways it knows.
    """

    def __init__(
        self,
        *,
        items: Callable[[str, str], ApplicationItem],
        kinds: PayloadKinds,
        agreements: AgreementBook,
        homes: Collection[str],
        peers: Collection[str],
    ) -> None:
        """Keep them."""
        self._items = items
        self._kinds = kinds
        self._agreements = agreements
        self._homes = homes
        self._peers = peers

    def check_route(self, terms: Terms, actor: Actor) -> None:
        """Demand that the caller asks for its own region, and a region that can be reached from here.

        Raises:
            CallerRegionError: it asks in the name of another region.
            NotTransitiveError: another gateway asks for a region that is not of this gateway.
            RegionNotServedError: nobody here knows the gateway of the region asked.
        """
        if terms.source != actor.region:
            raise CallerRegionError(region=actor.region)
        if actor.gateway and terms.target not in self._homes:
            raise NotTransitiveError(region=terms.target)
        if terms.target not in self._homes and terms.target not in self._peers:
            raise RegionNotServedError(region=terms.target)

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
        permission = self._ask(terms, on=on)
        check_fields(permission, body)
        return permission.agreement

    def still_permit(self, request: StoredRequest, *, on: date) -> Permission:
        """Demand that the agreement still allows a stored request (a TrustError, or ItemNotOfferedError)."""
        item = self._items(request.target, request.item)
        if not item.in_force(on):
            raise ItemNotOfferedError(rule="in_force")
        return self._agreements.permit(
            home=request.target,
            visited=request.source,
            item_types=(request.item_type,),
            purpose=request.purpose,
            classes=(request.kind.application_class,),
            medium=request.medium,
            on=on,
            consent_reference=_GIVEN if request.consent else None,
        )

    def _ask(self, terms: Terms, *, on: date) -> Permission:
        """Ask the agreement of the two regions."""
        return self._agreements.permit(
            home=terms.target,
            visited=terms.source,
            item_types=(terms.item_type,),
            purpose=terms.purpose,
            classes=(terms.kind.application_class,),
            medium=terms.medium,
            on=on,
            consent_reference=_GIVEN if terms.consent else None,
        )


def check_fields(permission: Permission, body: Body) -> None:
    """Demand that the agreement lets out every field that a request or a reply names (FieldNotInAgreementError)."""
    beyond = sorted(body.fields - permission.fields)
    if beyond:
        raise FieldNotInAgreementError(agreement=permission.agreement, field=beyond[0])
