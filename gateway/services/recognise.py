"""Issues a recognition at the home region's own wish, and verifies one that somebody hands over."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from gateway.errors import CallerRegionError, InvalidFieldError, RegionNotServedError
from gateway.services.bounds import Bounds
from gateway.services.local_home import LocalHome, china_day
from trust.errors import StatusUnknownError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapters.registry import Registry
    from gateway.services.model import CardAnswer, CardQuestion
    from gateway.services.ports import Clock, Home
    from gateway.services.verdict import VerdictRules
    from trust.claims import StatusReference
    from trust.policy import AgreementBook
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
        # Whoever is handed it shows another certificate than the caller, so it is bound to none.
        return await home.answer(replace(question, confirmation=None), disclose=False)


class StatusSource(Protocol):
    """What tells whether a recognition was revoked: `gateway.federation.status_lists.StatusLists`."""

    def check(self, issuer: str, reference: StatusReference) -> None:
        """Let it pass, or raise RecognitionRevokedError or StatusUnknownError, by what is known now."""

    async def refresh(self, issuer: str, reference: StatusReference) -> None:
        """Learn what is to be learned of it (StatusUnknownError where it may not be asked for)."""


class ReplayMemory(Protocol):
    """What remembers one-time recognitions that were used: `gateway.store.replay.StoreReplay`.

    It never gives up a live entry: when it is full, new ones are refused, not old ones forgotten.
    """

    async def remember(self, issuer: str, jti: str, expires_at: int) -> None:
        """Use one up. Of any number of parallel calls for the same issuer and identifier exactly one returns.

        `expires_at`, Unix seconds, is from when on no verifier accepts it any more (`replay_until`).

        Raises ReplayError where it was used before, ReplayMemoryFullError where there is no room.
        """


def _tell_nobody(_: VerifiedRecognition, /) -> None:
    """Ignore what is told."""


class VerifyRecognition:
    """The use case of whoever is handed a recognition.

    A key of a known region proves who speaks. What is said is then held against the agreement, the item and the rules
    of this side; the consent alone cannot be seen here, see `gateway.services.bounds.CONSENT_SEEN_AT_HOME`.

    Args:
        recognitions: verifies signatures, claims and times.
        registry: the installed regions; the item is one of the audience's catalog.
        agreements: what may be granted between the two regions.
        rules: what a card's state allows.
        replay: remembers one-time tokens.
        clock: Unix time.
        statuses: tells what was revoked; without it a recognition that names a status list is refused.
        own_certificates: gives the thumbprints of this gateway's own certificates, to which a recognition may be bound
            that was asked for here and is now shown here.
    """

    def __init__(
        self,
        *,
        recognitions: RecognitionVerifier,
        registry: Registry,
        agreements: AgreementBook,
        rules: VerdictRules,
        replay: ReplayMemory,
        clock: Clock,
        statuses: StatusSource | None = None,
        own_certificates: Callable[[], frozenset[str]] = frozenset,
    ) -> None:
        """Take the verifier and the memory of one-time tokens."""
        self._recognitions = recognitions
        self._bounds = Bounds(registry=registry, agreements=agreements, rules=rules)
        self._replay = replay
        self._clock = clock
        self._statuses = statuses
        self._own_certificates = own_certificates

    async def verify(
        self,
        token: str,
        *,
        audience: str,
        certificates: frozenset[str] = frozenset(),
        told: Callable[[VerifiedRecognition], None] = _tell_nobody,
    ) -> VerifiedRecognition:
        """Verify, and use up a one-time recognition (TrustError leaves; ReplayError where it was used).

        Its status list is fetched first where need be; only a genuine token makes us fetch. `certificates` are the
        thumbprints of what the caller has shown. StoreUnavailableError where it cannot be noted that it was used.
        `told` hears of a recognition that is genuine, before it is known whether it was revoked or used up.
        """
        verified = self._read(token, audience, certificates)
        told(verified)
        claims = verified.claims
        if claims.status is not None and self._statuses is not None:
            await self._statuses.refresh(claims.iss, claims.status)
        await self._finish(verified)
        return verified

    def _read(self, token: str, audience: str, certificates: frozenset[str]) -> VerifiedRecognition:
        """Verify the token, and that it grants no more than it may; nothing is fetched or used up before that."""
        now = int(self._clock())
        verified = self._recognitions.verify(
            token, audience=audience, now=now, certificates=certificates | self._own_certificates()
        )
        self._bounds.hold(verified.claims, on=china_day(now))
        return verified

    async def _finish(self, verified: VerifiedRecognition) -> None:
        """See that it was not revoked, and only then use it up."""
        claims = verified.claims
        if claims.status is not None:
            if self._statuses is None:
                raise StatusUnknownError(issuer=claims.iss, rule="no status lists here")
            self._statuses.check(claims.iss, claims.status)
        if claims.one_time:
            await self._replay.remember(claims.iss, claims.jti, verified.replay_until)
