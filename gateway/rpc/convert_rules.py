"""Rules of the texts as messages of the contract: depths, guard, venues, what a region's text says of the card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.card_guard import Fit, Ground, Step, Verdict
from adapters.card_rules import ChannelKind, InstrumentKind
from adapters.depth import Finding, PaymentReach, legend
from adapters.venues import Access
from adapters.words import LegalStatus, Medium
from gateway.rpc.convert import CLASS, MEDIUM, enum_numbers, reversed_numbers
from gateway.rpc.convert_catalog import LAYER, LEGAL_STATUS, text_message
from onecard.gateway.v1 import catalog_rules_pb2, catalog_rules_service_pb2, region_pb2

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from adapters.canonical import ApplicationItem
    from adapters.card_guard import GuardAnswer
    from adapters.card_rules import CardRules, ComplaintRule
    from adapters.catalog import Catalog
    from adapters.depth import PrintedDepth
    from adapters.venues import Venue
    from adapters.words import ApplicationClass

REACH_WORD = reversed_numbers(enum_numbers(PaymentReach, catalog_rules_pb2.PaymentReach, "PAYMENT_REACH"))
FINDING = enum_numbers(Finding, catalog_rules_pb2.DepthFinding, "DEPTH_FINDING")
FINDING_WORD = reversed_numbers(FINDING)
KIND = enum_numbers(InstrumentKind, catalog_rules_pb2.InstrumentKind, "INSTRUMENT_KIND")
KIND_WORD = reversed_numbers(KIND)
VERDICT = enum_numbers(Verdict, catalog_rules_pb2.GuardVerdict, "GUARD_VERDICT")
GROUND = enum_numbers(Ground, catalog_rules_pb2.GuardGround, "GUARD_GROUND")
FIT = enum_numbers(Fit, catalog_rules_pb2.FunctionFit, "FUNCTION_FIT")
STEP = enum_numbers(Step, catalog_rules_pb2.FusionStep, "FUSION_STEP")
ACCESS = enum_numbers(Access, catalog_rules_pb2.Access, "ACCESS")
ACCESS_WORD = reversed_numbers(ACCESS)
CHANNEL = enum_numbers(ChannelKind, catalog_rules_pb2.ComplaintChannelKind, "COMPLAINT_CHANNEL_KIND")


def item_names(region: str, items: Iterable[str]) -> list[str]:
    """Give the resource names of items of one region."""
    return [f"regions/{region}/items/{item}" for item in items]


def criterion_messages(application_class: ApplicationClass) -> list[catalog_rules_pb2.DepthCriterion]:
    """Make what the legend demands for each level of a class."""
    return [
        catalog_rules_pb2.DepthCriterion(
            application_class=CLASS[application_class], level=level, text=text_message(text)
        )
        for level, text in enumerate(legend().criteria(application_class), start=1)
    ]


def printed_depth_message(item: ApplicationItem, depth: PrintedDepth) -> catalog_rules_pb2.PrintedDepth:
    """Make one printed depth."""
    return catalog_rules_pb2.PrintedDepth(
        item=f"regions/{item.region}/items/{item.item}",
        year=depth.year,
        application_class=CLASS[depth.application_class],
        printed=depth.printed,
        level=depth.level or 0,
        named_level=depth.named or 0,
        deepest_level=depth.deepest,
        finding=FINDING[depth.finding],
    )


def guard_message(region: str, answer: GuardAnswer) -> catalog_rules_service_pb2.CheckCardIssuanceResponse:
    """Make a decision of the guard."""
    message = catalog_rules_service_pb2.CheckCardIssuanceResponse(
        verdict=VERDICT[answer.verdict],
        ground=GROUND[answer.ground],
        legal_source=answer.source,
        article=answer.article,
        penalty_article=answer.penalty_article,
        sentence=text_message(answer.sentence),
    )
    for fit in answer.functions:
        message.functions.add(item_type=fit.item_type, fit=FIT[fit.fit], items=item_names(region, fit.items))
    for step in answer.plan:
        message.plan.add(
            step=STEP[step.step],
            item_types=step.item_types,
            items=item_names(region, step.items),
            article=step.article,
            sentence=text_message(step.sentence),
        )
    return message


def venue_message(venue: Venue) -> catalog_rules_pb2.Venue:
    """Make a venue."""
    return catalog_rules_pb2.Venue(
        name=f"regions/{venue.region}/venues/{venue.venue}",
        region=venue.region,
        display_name=text_message(venue.name),
        division_code=venue.division.value,
        items=item_names(venue.region, venue.items),
        media=[MEDIUM[medium] for medium in venue.media],
        has=[ACCESS[fact] for fact in venue.has],
        lacks=[ACCESS[fact] for fact in venue.lacks],
        synthetic=venue.synthetic,
        note=venue.note,
    )


def rules_message(rules: CardRules, catalog: Catalog, *, on: date) -> catalog_rules_pb2.CardRules:
    """Make what a region's text says of the card; an article that it does not have stays empty."""
    message = catalog_rules_pb2.CardRules(
        name=f"regions/{rules.region}/cardRules",
        legal_source=rules.source,
        binding=rules.binds(on),
        complaint_answer_days=rules.answer_days,
        physical_only_items=_only(catalog, Medium.PHYSICAL, on),
        electronic_only_items=_only(catalog, Medium.ELECTRONIC, on),
    )
    if rules.text is not None:
        message.legal_status = LEGAL_STATUS[rules.text.status]
        if rules.text.status is LegalStatus.IN_FORCE and rules.text.in_force_from is not None:
            message.effective_from = rules.text.in_force_from.isoformat()
    _articles(rules, message)
    _channels(rules.complaint, message)
    return message


def _only(catalog: Catalog, medium: Medium, on: date) -> list[str]:
    """Name the items in force that take one form of the card only."""
    return item_names(catalog.region, (item.item for item in catalog if item.media == (medium,) and item.in_force(on)))


def _articles(rules: CardRules, message: catalog_rules_pb2.CardRules) -> None:
    if rules.duplicate is not None:
        message.duplicate_article = rules.duplicate.article
        message.duplicate_kinds.extend(KIND[kind] for kind in rules.duplicate.forbids)
        message.duplicate_reaches_similar = rules.duplicate.reach == "similar"
        message.penalty_article = rules.duplicate.penalty_article
    if rules.identity is not None:
        message.identity_article = rules.identity.article
        message.identity_other_laws_prevail = rules.identity.other_laws_prevail
    if rules.media is not None:
        message.media_article = rules.media.article
        message.media_equal_effect = rules.media.equal_effect
    if rules.list is not None:
        message.list_article = rules.list.article
        message.list_layers.extend(LAYER[layer] for layer in rules.list.layers)
    if rules.integrity is not None:
        message.integrity_article = rules.integrity.article


def _channels(complaint: ComplaintRule | None, message: catalog_rules_pb2.CardRules) -> None:
    if complaint is None:
        return
    message.complaint_article = complaint.article
    message.complaint_answer_article = complaint.answer_article
    for channel in complaint.channel:
        name = channel.name
        message.complaint_channels.add(
            kind=CHANNEL[channel.kind],
            value=channel.value,
            display_name=region_pb2.LocalizedText(zh_hans=name.zh_hans, zh_hant=name.zh_hant, en=name.en, pt=name.pt),
            synthetic=channel.synthetic,
            note=channel.note,
        )
