"""What may be asked of another region: every rule that a request can break has its own error."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from adapters.errors import UnknownItemError, UnknownRegionError
from adapters.payload_kinds import PayloadKind
from adapters.registry import load_payload_kinds
from adapters.words import ApplicationClass, Medium, Purpose
from gateway.errors import (
    CallerRegionError,
    FieldNotInAgreementError,
    GatewayError,
    InvalidFieldError,
    ItemNotOfferedError,
    NotTransitiveError,
    PayloadNotAllowedError,
    RegionNotServedError,
)
from gateway.services.exchange_model import Actor, Body, Terms
from gateway.services.exchange_rules import USUAL_DAYS, ExchangeRules
from tests.fakes.regions import AGREEMENTS, REGISTRY, item
from trust.errors import AgreementNotInForceError, NoAgreementError

if TYPE_CHECKING:
    from adapters.canonical import ApplicationItem

DAY = date(2026, 6, 1)
TERMS = Terms(
    source="sichuan",
    target="chongqing",
    item="CQ-02",
    item_type="SI.PERSON.CERT",
    kind=PayloadKind.INSURANCE_CERTIFICATE,
    purpose=Purpose.RECORD_ENQUIRY,
    medium=Medium.PHYSICAL,
    consent=False,
)
BODY = Body(kind=TERMS.kind, document={}, encoded=b"", fields=frozenset({"holder.name"}))
PLATFORM = Actor(caller="platform.sichuan", region="sichuan", gateway=False)
GATEWAY = Actor(caller="gateway.sichuan", region="sichuan", gateway=True)


def rules(*, homes: tuple[str, ...] = ("sichuan",), **of_the_item: Any) -> ExchangeRules:  # noqa: ANN401 - any field
    """Make the rules of a gateway that knows Chongqing's; the item asked may be another than it is."""

    def found(region: str, name: str) -> ApplicationItem:
        return replace(item(region, name), **of_the_item)

    return ExchangeRules(
        items=found,
        kinds=load_payload_kinds(REGISTRY.taxonomy),
        answer_days={"chongqing": 15}.__getitem__,
        agreements=AGREEMENTS,
        regions=REGISTRY.regions,
        homes=homes,
        peers=("chongqing",),
    )


def test_what_the_agreement_allows_may_be_asked() -> None:
    """Item, payload, purpose, medium and fields are all within the agreement, which is named."""
    rules().check_route(TERMS, PLATFORM)
    assert rules().permit(TERMS, BODY, on=DAY) == "sichuan-chongqing"


@pytest.mark.parametrize(
    ("terms", "actor", "error"),
    [
        ({"source": "chongqing"}, PLATFORM, CallerRegionError),
        ({"target": "guizhou"}, PLATFORM, RegionNotServedError),
        ({"target": "nowhere"}, PLATFORM, UnknownRegionError),
        ({"target": "chongqing"}, GATEWAY, NotTransitiveError),
    ],
)
def test_a_request_goes_only_where_it_may(terms: dict[str, Any], actor: Actor, error: type[GatewayError]) -> None:
    """Nobody asks for another region, of a region that nobody here knows, or through a gateway that is not its end."""
    with pytest.raises(error):
        rules().check_route(replace(TERMS, **terms), actor)


@pytest.mark.parametrize(
    ("terms", "of_the_item", "error", "said"),
    [
        ({"item": "CQ-99"}, {}, UnknownItemError, {}),
        ({"item_type": "TRA.FINE"}, {}, InvalidFieldError, {"rule": "of_the_item"}),
        ({"item_type": "SI.PERSON.REG"}, {}, PayloadNotAllowedError, {"kind": "insurance_certificate"}),
        ({}, {"effective_from": date(2027, 1, 1)}, ItemNotOfferedError, {"rule": "in_force"}),
        ({}, {"classes": (ApplicationClass.PAYMENT,)}, ItemNotOfferedError, {"rule": "application_class"}),
        ({}, {"media": (Medium.ELECTRONIC,)}, ItemNotOfferedError, {"rule": "medium"}),
    ],
)
def test_what_the_item_does_not_offer_is_not_asked(
    terms: dict[str, Any], of_the_item: dict[str, Any], error: type[Exception], said: dict[str, str]
) -> None:
    """The item is there, is of the item type, carries the payload, is in force, and takes the class and the medium."""
    with pytest.raises(error) as told:
        rules(**of_the_item).permit(replace(TERMS, **terms), BODY, on=DAY)
    metadata: dict[str, str] = told.value.metadata  # type: ignore[attr-defined]  # each of ours has it
    assert said.items() <= metadata.items()


COMPLAINT = replace(TERMS, kind=PayloadKind.COMPLAINT, item_type="")
ABOUT = replace(BODY, kind=PayloadKind.COMPLAINT, fields=frozenset())


@pytest.mark.parametrize(
    "of_the_item",
    [{}, {"relations": ()}, {"effective_from": date(2027, 1, 1)}, {"classes": (), "media": (Medium.ELECTRONIC,)}],
)
def test_a_complaint_may_be_about_what_is_not_offered(of_the_item: dict[str, Any]) -> None:
    """It needs an item and an agreement that stands, and nothing that the item or the agreement list."""
    assert rules(**of_the_item).permit(COMPLAINT, ABOUT, on=DAY) == "sichuan-chongqing"
    not_listed = replace(COMPLAINT, item="CQ-44", purpose=Purpose.MEDICAL_CARE)
    assert rules().permit(not_listed, ABOUT, on=DAY) == "sichuan-chongqing"


@pytest.mark.parametrize(
    ("terms", "fields", "on", "error"),
    [
        ({"item": "CQ-99"}, "", DAY, UnknownItemError),
        ({"source": "macao"}, "", DAY, NoAgreementError),
        ({}, "", date(2001, 1, 1), AgreementNotInForceError),
        ({}, "holder.phone", DAY, FieldNotInAgreementError),
    ],
)
def test_a_complaint_needs_an_item_and_an_agreement(
    terms: dict[str, Any], fields: str, on: date, error: type[Exception]
) -> None:
    """Nobody complains of what there is not, to whom he has no agreement with, nor tells what that lets not out."""
    with pytest.raises(error):
        rules().permit(replace(COMPLAINT, **terms), replace(ABOUT, fields=frozenset(filter(None, [fields]))), on=on)


def test_the_region_complained_of_says_how_long_it_may_take() -> None:
    """A complaint is answered within the days of its card rules, anything else within thirty."""
    assert (rules().usual_days(COMPLAINT), rules().usual_days(TERMS)) == (15, USUAL_DAYS)


def test_what_the_agreement_does_not_let_out_is_not_asked() -> None:
    """A field of the holder that no agreement names is refused by its name, never by its value."""
    with pytest.raises(FieldNotInAgreementError) as told:
        rules().permit(TERMS, replace(BODY, fields=frozenset({"holder.name", "holder.phone"})), on=DAY)
    assert told.value.metadata == {"agreement": "sichuan-chongqing", "field": "holder.phone"}
