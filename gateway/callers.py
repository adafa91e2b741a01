"""The callers that this gateway knows: platforms and agencies of its regions, and the gateways of other regions.

A caller is proven by its token, and by its certificate too where one is registered for it or its token names one
(`cnf`, RFC 8705). What a connection shows and what a token says must belong to one and the same caller.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from trust.errors import BindingError, PeerIssuerMismatchError, UnknownIssuerError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.certificates import Certificate
    from gateway.services.ports import Clock
    from trust.verified import VerifiedCaller
    from trust.verifier import CallerVerifier

_MOST_KNOWN = 4096
_NONE = frozenset[str]()

SCOPES = frozenset(
    {
        "region.read",
        "catalog.read",
        "catalog.publish",
        "identity.translate",
        "card.verify",
        "card.report",
        "card.status",
        "card.follow",
        "pack.read",
        "recognition.issue",
        "recognition.verify",
        "recognition.revoke",
        "exchange.submit",
        "exchange.read",
        "exchange.receive",
        "exchange.answer",
        "exchange.dispute",
        "exchange.attach",
        "evidence.read",
        "evidence.accesses",
        "evidence.exchange",
    }
)


@dataclass(frozen=True, slots=True)
class Registration:
    """What the operator registered: an id, the one region it acts for, what it is, and what it may do.

    With `certificate`, a DNS name, it is only believed over a connection whose certificate carries this name.
    """

    id: str
    region: str
    kind: Literal["platform", "gateway"]
    scopes: frozenset[str]
    certificate: str | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """A proven caller; its scopes are those that both the registration and its token name.

    `certificate` is the thumbprint of the certificate of its connection, where it showed one; `kid` names the key of
    its token, and `token` is the identifier (jti) of that.
    """

    id: str
    region: str
    kind: Literal["platform", "gateway"]
    scopes: frozenset[str]
    expires_at: int
    certificate: str | None = None
    kid: str = ""
    token: str = field(default="", repr=False)


class Callers:
    """Proves callers by their bearer tokens."""

    def __init__(
        self, registrations: Iterable[Registration], *, verifier: CallerVerifier, audience: str, clock: Clock
    ) -> None:
        """Take the registrations and the verifier that holds the callers' keys; `audience` is this gateway."""
        self._registered = {r.id: r for r in registrations}
        self._owners: dict[str, set[str]] = {}
        for registration in self._registered.values():
            if registration.certificate is not None:
                self._owners.setdefault(registration.certificate.lower(), set()).add(registration.id)
        self._verifier = verifier
        self._audience = audience
        self._clock = clock
        self._known = OrderedDict[tuple[str, str | None], tuple["VerifiedCaller", Caller]]()

    def authenticate(self, token: str, certificate: Certificate | None = None) -> Caller:
        """Prove a caller by its token and by the certificate of its connection, where that has one.

        Raises:
            BindingError: the token needs another certificate than this one, or none is there.
            PeerIssuerMismatchError: the certificate belongs to other callers than the token.
            TrustError: the other leaves of the verifier; UnknownIssuerError also for who is not registered.
        """
        shown = None if certificate is None else certificate.fingerprint
        thumbprints = _NONE if shown is None else frozenset((shown,))
        now = int(self._clock())
        verified = self._verifier.verify(token, audience=self._audience, now=now, certificates=thumbprints)
        known = self._known.get((token, shown))
        if known is not None and known[0] is verified:
            return known[1]
        registration = self._registered.get(verified.caller)
        if registration is None:
            raise UnknownIssuerError
        self._check_binding(registration, verified, certificate)
        claims = verified.claims
        caller = Caller(
            id=registration.id,
            region=registration.region,
            kind=registration.kind,
            scopes=registration.scopes.intersection(claims.scope),
            expires_at=claims.exp,
            certificate=shown,
            kid=verified.key.kid,
            token=claims.jti,
        )
        if len(self._known) >= _MOST_KNOWN:
            self._known.popitem(last=False)  # one for one: to let go of all at once is a pause
        self._known[token, shown] = (verified, caller)
        return caller

    def _check_binding(
        self, registration: Registration, verified: VerifiedCaller, certificate: Certificate | None
    ) -> None:
        """Hold the caller of the token against those whose certificate this is."""
        names = _NONE if certificate is None else certificate.names
        owners = {caller for name in names for caller in self._owners.get(name, ())}
        if owners and registration.id not in owners:
            raise PeerIssuerMismatchError(issuer=verified.key.issuer)
        if registration.certificate is not None and registration.id not in owners:
            raise BindingError(rule="certificate")

    def recheck(self, token: str, certificate: Certificate | None = None) -> None:
        """Prove the caller of a stream again before its next message (the errors of `authenticate`).

        Its token may have run out meanwhile, and its key may have been revoked; what has not changed is remembered.
        """
        self.authenticate(token, certificate)
