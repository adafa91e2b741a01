"""The entrance and the citizen's question: which services accept my card there?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final

from adapters.errors import UnknownItemError
from adapters.words import ApplicationClass, Medium
from gateway.services.card_use import CardUse
from gateway.web.pages.page import Page, Question, cut
from gateway.web.pages.query import UnknownCodeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from adapters.taxonomy import ItemType
    from gateway.services.card_use import RegionAnswer, ServiceAnswer
    from gateway.services.shown_lists import ShownList
    from gateway.web.pages.page import Cut, View
    from gateway.web.pages.query import Query

MOST_SERVICES: Final = 120
"""Services that one page shows of all regions together; a region by itself shows all, page by page."""
LEAST_SERVICES: Final = 10
MOST_ASKED_UNASKED: Final = 6
"""Regions that are answered for where none is named: the first of those with which there is an agreement."""


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """The answer of one region, the joint catalogs of the two, and what of the answer is on this page."""

    answer: RegionAnswer
    joint: tuple[ShownList, ...]
    accepted: Cut[ServiceAnswer]
    refused: Cut[ServiceAnswer]


def domains(types: Iterable[ItemType]) -> tuple[tuple[str, tuple[ItemType, ...]], ...]:
    """Group item types by their domain, in the order of the taxonomy."""
    return tuple((domain, tuple(group)) for domain, group in groupby(types, key=lambda node: node.domain))


def entrance_page(view: View) -> Page:
    """Welcome, with the question and the regions."""
    return Page(template="entrance.html", values={"domains": domains(view.shown.taxonomy), "asked": None})


def read_entrance(_query: Query, _match: Mapping[str, str]) -> Question:
    """Read the address of the entrance."""
    return Question.of(entrance_page)


def read_ask(query: Query, _match: Mapping[str, str]) -> Question:
    """Read the citizen's question (BadQueryError)."""
    return Question.of(
        ask_page,
        home=query.name("home"),
        visited=query.names("visited"),
        item=query.name("item"),
        item_type=query.name("type"),
        application_class=query.word("class", ApplicationClass),
        medium=query.word("medium", Medium),
        on=query.day("on"),
        page=query.number("page"),
    )


def ask_page(
    view: View,
    *,
    home: str,
    visited: tuple[str, ...],
    item: str,
    item_type: str,
    application_class: ApplicationClass | None,
    medium: Medium | None,
    on: date | None,
    page: int,
) -> Page:
    """Answer the question, or ask it where no home region is named.

    Raises:
        UnknownCodeError: a region is not shown here, there is no such item type, or a region has no such item.
    """
    shown = view.shown
    for parameter, code in (("home", home), *(("visited", code) for code in visited)):
        if code and code not in shown.regions:
            raise UnknownCodeError(parameter)
    if item_type and not shown.taxonomy.matches(item_type):
        raise UnknownCodeError("type")
    asked = CardUse(
        home=home,
        visited="",
        on=on or view.today,
        item=item,
        item_type=item_type,
        application_class=application_class,
        medium=medium,
    )
    regions = visited or (shown.partners(home, on=asked.on)[:MOST_ASKED_UNASKED] if home else ())
    answers = _answers(view, asked, regions, page) if home else ()
    values = {
        "domains": domains(shown.taxonomy),
        "asked": asked,
        "visited": visited,
        "answers": answers,
        "others": tuple(code for code in shown.regions if code not in {home, *regions}) if home else (),
    }
    return Page(template="ask.html", values=values)


def _answers(view: View, asked: CardUse, regions: tuple[str, ...], page: int) -> tuple[ShownAnswer, ...]:
    """Answer for each region, and cut each answer so that all of them fit one page."""
    size = max(LEAST_SERVICES, MOST_SERVICES // max(1, len(regions)))
    number = page if len(regions) == 1 else 1
    try:
        found = [view.ask(replace(asked, visited=code)) for code in regions]
    except UnknownItemError:
        raise UnknownCodeError("item") from None
    return tuple(
        ShownAnswer(
            answer,
            view.shown.joint_lists(asked.home, answer.question.visited) if not answer.at_home else (),
            cut(answer.accepted, number, size=size),
            cut(answer.refused, number, size=size),
        )
        for answer in found
    )
