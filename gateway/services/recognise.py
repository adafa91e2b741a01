"""Issues a recognition at the home region's own wish, and verifies one that somebody hands over."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from gateway.errors import CallerRegionError, InvalidFieldError, RegionNotServedError
from gateway.services.bounds import Bounds
from gateway.services.local_home import LocalHome, china_day
from trust.errors import StatusUnknownError, UnknownKeyError
from trust.parser import parse_token
from trust.verifier import RecognitionVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from adapters.registry import Registry
    from gateway.services.model import CardAnswer, CardQuestion
    from gateway.services.ports import Clock, Home
    from gateway.services.verdict import VerdictRules
    from trust.claims import StatusReference
    from trust.keys import FindKey, VerificationKey
    from trust.policy import AgreementBook
    from trust.verified import VerifiedRecognition

_MOST_WAITING: Final = 16
"""Calls that may wait at once for the keys of a region to be renewed; one more is answered by what is known."""


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

    async def refresh(self, issuer: str, reference: StatusReference, *, find: FindKey | None = None) -> None:
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


class RegionKeys(Protocol):
    """What knows the keys of recognitions: `gateway.trust_side.TrustSide`."""

    def region_key(self, issuer: str, kid: str, *, chain: Sequence[str] = ()) -> VerificationKey:
        """Look a key up, in a chain that came beside the token too (TrustError leaves)."""

    async def renewed(self, region: str) -> None:
        """Wait until the keys of a region were fetched again, or for some seconds."""


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
        keys: renews the keys of a region that has another one by now, and looks into chains; without it neither is
            done.
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
        keys: RegionKeys | None = None,
    ) -> None:
        """Take the verifier and the memory of one-time tokens."""
        self._recognitions = recognitions
        self._bounds = Bounds(registry=registry, agreements=agreements, rules=rules)
        self._replay = replay
        self._clock = clock
        self._statuses = statuses
        self._own_certificates = own_certificates
        self._keys = keys
        self._waiting = 0

    async def verify(
        self,
        token: str,
        *,
        audience: str,
        certificates: frozenset[str] = frozenset(),
        chain: Sequence[str] = (),
        told: Callable[[VerifiedRecognition], None] = _tell_nobody,
    ) -> VerifiedRecognition:
        """Verify, and use up a one-time recognition (TrustError leaves; ReplayError where it was used).

        Its status list is fetched first where need be; only a genuine token makes us fetch. `certificates` are the
        thumbprints of what the caller has shown. StoreUnavailableError where it cannot be noted that it was used.
        `chain` is the static trust chain that came beside the token. It is looked at where the key is not believed.
        `told` hears of a recognition that is genuine, before it is known whether it was revoked or used up.
        """
        find = None if self._keys is None or not chain else partial(self._keys.region_key, chain=chain)
        try:
            verified = self._read(token, audience, certificates, find)
        except UnknownKeyError:
            # The region may have rotated its keys a moment ago; nobody's call is to fail for that.
            if not await self._renewed(token):
                raise
            verified = self._read(token, audience, certificates, find)
        told(verified)
        claims = verified.claims
        if claims.status is not None and self._statuses is not None:
            await self._statuses.refresh(claims.iss, claims.status, find=find)
        await self._finish(verified)
        return verified

    async def _renewed(self, token: str) -> bool:
        """Have the keys of a token's issuer renewed; tells whether that was waited for.

        However many unknown keys are shown, a region is asked once an interval, and few calls wait for it.
        """
        if self._keys is None or self._waiting >= _MOST_WAITING:
            return False
        self._waiting += 1
        try:
            await self._keys.renewed(str(parse_token(token).payload["iss"]))
        finally:
            self._waiting -= 1
        return True

    def _read(
        self, token: str, audience: str, certificates: frozenset[str], find: FindKey | None = None
    ) -> VerifiedRecognition:
        """Verify the token, and that it grants no more than it may; nothing is fetched or used up before that."""
        now = int(self._clock())
        verifier = self._recognitions if find is None else RecognitionVerifier(find)
        verified = verifier.verify(
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
