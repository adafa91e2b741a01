"""Claims whose signature, times and audience have been checked: types of their own, which only the verifier makes."""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from typing import TYPE_CHECKING, Final

from trust.claims import CLOCK_SKEW_SECONDS
from trust.errors import ScopeError

if TYPE_CHECKING:
    from trust.claims import CallerClaims, RecognitionClaims
    from trust.keys import VerificationKey

VERIFIER_SEAL: Final = object()
"""Held by the verifier alone; without it a verified type cannot be made."""


def _demand_seal(seal: object) -> None:
    """Stop whoever is not the verifier; that is a mistake in the program, not in a token."""
    if seal is not VERIFIER_SEAL:
        message = "only the verifier makes verified claims"
        raise RuntimeError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedRecognition:
    """A recognition that is believed, and the key that vouches for it."""

    claims: RecognitionClaims
    key: VerificationKey
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse to exist without the verifier's seal."""
        _demand_seal(seal)

    @property
    def replay_until(self) -> int:
        """Until when a replay memory must keep this token's jti: no verifier accepts it after (Unix seconds)."""
        return self.claims.exp + CLOCK_SKEW_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCaller:
    """A caller that has proven who it is, and the key that vouches for it."""

    claims: CallerClaims
    key: VerificationKey
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse to exist without the verifier's seal."""
        _demand_seal(seal)

    @property
    def caller(self) -> str:
        """The identifier of the caller."""
        return self.claims.iss

    @property
    def replay_until(self) -> int:
        """Until when a replay memory must keep this token's jti: no verifier accepts it after (Unix seconds)."""
        return self.claims.exp + CLOCK_SKEW_SECONDS

    def require(self, scope: str) -> None:
        """Demand that the token carries exactly this scope; there are no wildcards and no scope implies another.

        Raises:
            ScopeError: it does not.
        """
        if scope not in self.claims.scope:
            raise ScopeError(scope=scope)
