"""Verifies a card for the visited region: finds the home side, asks it, and translates what it discloses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.equivalence import coverage
from adapters.errors import CardNotFoundError, HolderMismatchError
from gateway.errors import (
    DeadlineError,
    NotTransitiveError,
    PeerRefusedError,
    PeerUnavailableError,
    RegionNotServedError,
)
from gateway.services.bounds import Bounds
from gateway.services.local_home import LocalHome, china_day, permit
from gateway.services.model import VerifiedCard
from gateway.services.verdict import LIVE_TOLERANCE_SECONDS, UseFacts
from trust.encoding import decode_base64url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from adapters.canonical import ApplicationItem
    from adapters.registry import Registry
    from gateway.services.known_cards import KnownCards
    from gateway.services.model import CardAnswer, CardQuestion
    from gateway.services.ports import Clock, Home
    from gateway.services.verdict import VerdictRules
    from trust.policy import AgreementBook, Permission


@dataclass(frozen=True, slots=True)
class View:
    """What of the identity the caller wants: the neutral form, the visited region's own, both or none."""

    canonical: bool = True
    regional: bool = True

    @property
    def any(self) -> bool:
        """Tell whether an identity is wanted at all."""
        return self.canonical or self.regional


class VerifyCard:
    """The use case; holds the home sides by region."""

    def __init__(
        self,
        *,
        registry: Registry,
        homes: Mapping[str, Home],
        agreements: AgreementBook,
        rules: VerdictRules,
        clock: Clock,
        cards: KnownCards | None = None,
    ) -> None:
        """Take the parts; `homes` has an entry for each region that this gateway serves or knows a peer for.

        A peer's answer is held against `agreements`, the catalogs of `registry` and `rules`, and against what the feed
        of its cards has told, which `cards` remembers.
        """
        self._registry = registry
        self._homes = homes
        self._agreements = agreements
        self._bounds = Bounds(registry=registry, agreements=agreements, rules=rules)
        self._clock = clock
        self._cards = cards

    async def __call__(self, question: CardQuestion, *, view: View, from_gateway: bool) -> VerifiedCard:
        """Answer a question of the visited region.

        `from_gateway` says that another gateway asks: it is answered for this gateway's own regions only, because
        trust is not transitive. Raises UnknownRegionError, UnknownItemError, RegionNotServedError,
        NotTransitiveError, PeerProtocolError, PeerUnavailableError, and what the agreement and the platform edge raise.
        """
        home = self._home(question.home_region, from_gateway=from_gateway)
        visited = self._registry.get(question.visited_region)
        item = visited.catalog.get(question.visited_item)
        today = china_day(self._clock())
        permission = permit(self._agreements, question, item, on=today)
        if isinstance(home, LocalHome):
            answer = await _ask(home, question, disclose=view.any)
        elif permission is None:
            # Only a gateway that has the cards of a region can answer for their use there.
            raise RegionNotServedError(region=question.home_region)
        else:
            answer = await self._ask_peer(home, question, permission, item, view=view, on=today)
        if answer.identity is None or not view.regional:
            return VerifiedCard(answer=answer, regional_identity=None)
        regional = visited.identity_from_canonical(answer.identity)
        return VerifiedCard(answer=answer, regional_identity=regional, losses=regional.losses)

    async def _ask_peer(
        self, home: Home, question: CardQuestion, permission: Permission, item: ApplicationItem, *, view: View, on: date
    ) -> CardAnswer:
        """Ask the home region, unless it has told already that the card is not in use.

        Where it cannot be asked, what it has told last decides, as far as that is fresh enough. What it tells while it
        is being asked counts as well.
        """
        cards = self._cards
        if cards is None:
            answer = await _ask(home, question, disclose=view.any)
            return self._bounds.believed(question, answer, permission, item, on=on)
        covered = coverage(item, self._registry.get(question.home_region).catalog, on=on)
        use = UseFacts(item=item, medium=question.medium, permission=permission, coverage=covered)
        known = cards.find(question)
        if known is not None and known.live and not known.usable:
            return cards.answer(question, known, use, today=on)
        try:
            answer = await _ask(home, question, disclose=view.any)
        except (PeerUnavailableError, DeadlineError):
            known = cards.find(question)
            if known is None:
                raise
            return cards.answer(question, known, use, today=on)
        answer = self._bounds.believed(question, answer, permission, item, on=on)
        card = None if answer.claims is None else answer.claims.card
        cards.remember(question, card)
        told = None if card is None else cards.of(question, decode_base64url(card) or b"")
        if told is None or told.usable or told.since < answer.verdict.status_as_of - LIVE_TOLERANCE_SECONDS:
            return answer
        return cards.answer(question, told, use, today=on)

    def _home(self, region: str, *, from_gateway: bool) -> Home:
        """Find the home side of a region."""
        self._registry.get(region)
        home = self._homes.get(region)
        if home is None:
            raise RegionNotServedError(region=region)
        if from_gateway and not isinstance(home, LocalHome):
            raise NotTransitiveError(region=region)
        return home


async def _ask(home: Home, question: CardQuestion, *, disclose: bool) -> CardAnswer:
    """Ask the home side.

    Another region is told that there is no such card of this holder, and not which half of that is true, so that it
    cannot find out which card numbers exist; the home region's own platform is told, since it has them all.
    """
    try:
        return await home.answer(question, disclose=disclose)
    except HolderMismatchError:
        if question.home_region == question.visited_region:
            raise
    except PeerRefusedError as error:
        if error.reason != "HOLDER_MISMATCH":
            raise
    raise CardNotFoundError(region=question.home_region)
