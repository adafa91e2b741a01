"""Callers with keys made for this run, the tokens they show, and the register that knows them."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from gateway.callers import SCOPES, Callers, Registration
from trust.cache import VerifiedTokenCache
from trust.errors import KeyRevokedError
from trust.keys import KeyRing, SigningKey, VerificationKey
from trust.signer import CallerTokenSigner
from trust.verifier import CallerVerifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.fakes.clock import FakeClock

GATEWAY = "gateway.test"
PLATFORM = "platform.sichuan"
HOME_PLATFORM = "platform.chongqing"
PEER = "gateway.sichuan"
STRANGER = "platform.nowhere"
REGISTRATIONS = (
    Registration(PLATFORM, "sichuan", "platform", SCOPES),
    Registration(HOME_PLATFORM, "chongqing", "platform", SCOPES),
    Registration("platform.macao", "macao", "platform", SCOPES),
    Registration(PEER, "sichuan", "gateway", SCOPES),
    Registration("reader", "sichuan", "platform", frozenset({"catalog.read"})),
)
CALLER_KEYS = {
    caller: SigningKey.generate("ES256", issuer=caller) for caller in (*(r.id for r in REGISTRATIONS), STRANGER)
}
_NUMBERS = count(1)


class FakeKeys:
    """The callers' keys, one of which may be revoked in the middle of a test."""

    def __init__(self) -> None:
        """Know every key, the stranger's too."""
        self._ring = KeyRing(key.public() for key in CALLER_KEYS.values())
        self.revoked: set[str] = set()

    def find(self, issuer: str, kid: str) -> VerificationKey:
        """Look a key up, unless its caller's were revoked."""
        if issuer in self.revoked:
            raise KeyRevokedError(reason="compromised")
        return self._ring.find(issuer, kid)


def callers(
    clock: FakeClock,
    *,
    audience: str = GATEWAY,
    registrations: Sequence[Registration] = REGISTRATIONS,
    keys: FakeKeys | None = None,
) -> Callers:
    """Make the register; the stranger's key is known, and the stranger is not registered."""
    verifier = CallerVerifier((keys or FakeKeys()).find, cache=VerifiedTokenCache(64))
    return Callers(registrations, verifier=verifier, audience=audience, clock=clock)


def token(
    caller: str,
    clock: FakeClock,
    *scopes: str,
    audience: str = GATEWAY,
    lifetime_seconds: int = 300,
    confirmation: str | None = None,
) -> str:
    """Sign a token of a caller, with every scope unless told otherwise."""
    signer = CallerTokenSigner(CALLER_KEYS[caller], new_id=lambda: f"jti-{next(_NUMBERS)}")
    return signer.issue(
        audience=audience,
        now=int(clock()),
        scopes=scopes or sorted(SCOPES),
        lifetime_seconds=lifetime_seconds,
        confirmation=confirmation,
    )


def bearer(
    caller: str, clock: FakeClock, *scopes: str, language: str = "", confirmation: str | None = None
) -> tuple[tuple[str, str], ...]:
    """Give the metadata of a call."""
    shown = (("authorization", f"Bearer {token(caller, clock, *scopes, confirmation=confirmation)}"),)
    return (*shown, ("accept-language", language)) if language else shown
