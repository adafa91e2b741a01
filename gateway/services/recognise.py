"""Issues a recognition at the home region's own wish, and verifies one that somebody hands over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import CallerRegionError, InvalidFieldError, RegionNotServedError
from gateway.services.local_home import LocalHome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.registry import Registry
    from gateway.services.model import CardAnswer, CardQuestion
    from gateway.services.ports import Clock, Home
    from trust.replay import ReplayMemory
    from trust.verified import VerifiedRecognition
    from trust.verifier import RecognitionVerifier


class IssueRecognition:
    """The use case of the home region's own platform: a recognition for a card of its own, to be handed over."""

    def __init__(self, *, registry: Registry, homes: Mapping[str, Home]) -> None:
        """Take the installed regions and the home sides."""
        self._registry = registry
        self._homes = homes

    async def __call__(self, question: CardQuestion, *, from_gateway: bool) -> CardAnswer:
        """Issue for a card of the caller's region.

        Raises CallerRegionError for gateways, which vouch for nobody's cards but through VerifyCard;
        RegionNotServedError where this gateway does not serve the region; UnknownRegionError, UnknownItemError, and
        what the agreement and the platform edge raise.
        """
        if from_gateway:
            raise CallerRegionError(region=question.home_region)
        if question.home_region == question.visited_region:
            raise InvalidFieldError(("visited_region", "another_region"))
        self._registry.get(question.visited_region).catalog.get(question.visited_item)
        home = self._homes.get(question.home_region)
        if not isinstance(home, LocalHome):
            raise RegionNotServedError(region=question.home_region)
        return await home.answer(question, disclose=False)


class VerifyRecognition:
    """The use case of whoever is handed a recognition."""

    def __init__(self, *, recognitions: RecognitionVerifier, replay: ReplayMemory, clock: Clock) -> None:
        """Take the verifier and the memory of one-time tokens."""
        self._recognitions = recognitions
        self._replay = replay
        self._clock = clock

    def __call__(self, token: str, *, audience: str) -> VerifiedRecognition:
        """Verify, and use up a one-time recognition (TrustError leaves; ReplayError the second time)."""
        now = int(self._clock())
        verified = self._recognitions.verify(token, audience=audience, now=now)
        if verified.claims.one_time:
            self._replay.remember(verified.claims.iss, verified.claims.jti, verified.replay_until, now)
        return verified
