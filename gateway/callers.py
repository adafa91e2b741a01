"""The callers that this gateway knows: platforms and agencies of its regions, and the gateways of other regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from trust.errors import ExpiredError, UnknownIssuerError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.services.ports import Clock
    from trust.verified import VerifiedCaller
    from trust.verifier import CallerVerifier

_MOST_KNOWN = 4096

SCOPES = frozenset(
    {
        "region.read",
        "catalog.read",
        "identity.translate",
        "card.verify",
        "recognition.issue",
        "recognition.verify",
    }
)


@dataclass(frozen=True, slots=True)
class Registration:
    """What the operator registered: an id, the one region it acts for, what it is, and what it may do."""

    id: str
    region: str
    kind: Literal["platform", "gateway"]
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Caller:
    """A proven caller; its scopes are those that both the registration and its token name."""

    id: str
    region: str
    kind: Literal["platform", "gateway"]
    scopes: frozenset[str]
    expires_at: int


class Callers:
    """Proves callers by their bearer tokens."""

    def __init__(
        self, registrations: Iterable[Registration], *, verifier: CallerVerifier, audience: str, clock: Clock
    ) -> None:
        """Take the registrations and the verifier that holds the callers' keys; `audience` is this gateway."""
        self._registered = {r.id: r for r in registrations}
        self._verifier = verifier
        self._audience = audience
        self._clock = clock
        self._known: dict[str, tuple[VerifiedCaller, Caller]] = {}

    def authenticate(self, token: str) -> Caller:
        """Prove a caller (TrustError leaves)."""
        verified = self._verifier.verify(token, audience=self._audience, now=int(self._clock()))
        known = self._known.get(token)
        if known is not None and known[0] is verified:
            return known[1]
        registration = self._registered.get(verified.caller)
        if registration is None:
            raise UnknownIssuerError
        claims = verified.claims
        scopes = registration.scopes.intersection(claims.scope)
        caller = Caller(registration.id, registration.region, registration.kind, scopes, claims.exp)
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[token] = (verified, caller)
        return caller

    def recheck(self, caller: Caller) -> None:
        """Refuse a stream whose token has run out meanwhile (ExpiredError)."""
        now = int(self._clock())
        if now > caller.expires_at:
            raise ExpiredError(skew_seconds=str(now - caller.expires_at))
