"""Pages of the node itself: what works just now, what it signs, how programs ask it, and what this site is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.web.pages.api_lines import api_lines
from gateway.web.pages.page import Page, Question

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.web.pages.node_facts import ApiFact, EntityFact, NodeFacts, RegionState, SignatureFact
    from gateway.web.pages.page import View
    from gateway.web.pages.query import Query

STATUS_SECONDS: Final = 5
"""How long a look at what works may be kept."""


class NodePages:
    """Reads the addresses of these pages; what the node says just now is part of the question."""

    def __init__(self, facts: NodeFacts) -> None:
        """Take what tells of the node."""
        self._facts = facts

    def status(self, _query: Query, _match: Mapping[str, str]) -> Question:
        """Read the address of the state of services."""
        return Question.of(status_page, gateway=self._facts.gateway, states=self._facts.states())

    def trust(self, _query: Query, _match: Mapping[str, str]) -> Question:
        """Read the address of the trust documents."""
        return Question.of(trust_page, entities=self._facts.entities(), signatures=self._facts.signatures())

    def api(self, _query: Query, _match: Mapping[str, str]) -> Question:
        """Read the address of the page for programmers."""
        homes = tuple(state.region for state in self._facts.states() if state.home)
        return Question.of(api_page, api=self._facts.api, homes=homes)


def status_page(_view: View, *, gateway: str, states: tuple[RegionState, ...]) -> Page:
    """Show what works just now."""
    values = {"gateway": gateway, "states": states, "all_good": all(state.reachable for state in states)}
    return Page(template="status.html", values=values, max_age_seconds=STATUS_SECONDS)


def trust_page(_view: View, *, entities: tuple[EntityFact, ...], signatures: tuple[SignatureFact, ...]) -> Page:
    """Show who signs what, and where the proofs are."""
    values = {"entities": entities, "signatures": {one.agreement: one for one in signatures}}
    return Page(template="trust.html", values=values, max_age_seconds=STATUS_SECONDS)


def api_page(view: View, *, api: ApiFact, homes: tuple[str, ...]) -> Page:
    """Show how a program asks the same."""
    lines = api_lines(view.shown, homes, address=api.address, options=api.options)
    return Page(template="api.html", values={"api": api, "lines": lines})


def about_page(_view: View) -> Page:
    """Say what this site is, what in it is real, and how accessible it is."""
    return Page(template="about.html", values={})


def read_about(_query: Query, _match: Mapping[str, str]) -> Question:
    """Read the address of the page about the site."""
    return Question.of(about_page)
