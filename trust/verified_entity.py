"""An entity whose trust chain holds: a type of its own, which only the chain verifier makes."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from typing import TYPE_CHECKING, Final

from trust.errors import TrustExpiredError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trust.anchor import TrustAnchor
    from trust.keys import KeyRing, VerificationKey
    from trust.metadata_policy import Metadata
    from trust.pinboard import Freshness, Pin

CHAIN_SEAL: Final = object()
"""Held by the chain verifier alone; without it a verified entity cannot be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEntity:
    """An entity that a chain joins to a pinned anchor.

    `path` goes from the entity up to the anchor. `metadata` is what the policies have left of it. `keys` holds, by
    role, the keys with which it acts under the issuer of that role; `federation_keys` are those for statements, as its
    superior has listed them. `marks` are the types of trust mark that it holds. `expires_at` is the earliest end in the
    chain, `usable_until` that and the grace (Unix seconds). `pins` and `anchor_state` are to be remembered.
    """

    entity: str
    anchor: str
    path: tuple[str, ...]
    metadata: Metadata = field(hash=False)
    keys: Mapping[str, KeyRing] = field(hash=False, compare=False)
    federation_keys: tuple[VerificationKey, ...]
    marks: frozenset[str]
    expires_at: int
    usable_until: int
    pins: tuple[Pin, ...]
    anchor_state: TrustAnchor
    seal: InitVar[object]

    def __post_init__(self, seal: object) -> None:
        """Refuse to exist without the seal; that is a mistake in the program, not in a chain."""
        if seal is not CHAIN_SEAL:
            message = "only the chain verifier makes verified entities"
            raise RuntimeError(message)

    def freshness(self, now: int) -> Freshness:
        """Say how near to its end the oldest part of the chain is (Unix seconds)."""
        return max(pin.freshness(now, grace_seconds=self.usable_until - self.expires_at) for pin in self.pins)

    def require_usable(self, now: int) -> None:
        """Demand that the chain serves at a time (Unix seconds).

        Raises:
            TrustExpiredError: its life and the grace are over.
        """
        if now >= self.usable_until:
            raise TrustExpiredError(skew_seconds=str(now - self.expires_at))
