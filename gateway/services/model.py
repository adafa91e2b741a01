"""Values that pass between the use cases: the question about a card, and the answer with its verdicts."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.canonical import CardIdentity, Loss, RegionalIdentity
    from adapters.credential import Credential
    from adapters.equivalence import Equivalence
    from adapters.words import ApplicationClass, CardFunction, CardStatus, Medium, Purpose
    from trust.claims import RecognitionClaims


class Decision(StrEnum):
    """Decision about one application class."""

    ALLOWED = "allowed"
    LIMITED = "limited"
    REFUSED = "refused"
    NOT_OFFERED = "not_offered"


class Freshness(StrEnum):
    """How fresh the knowledge behind an answer is.

    LIVE is the home region's word of this moment; CACHED is a copy within the age that the agreement allows for at
    least one class; STALE is older than it allows for any.
    """

    LIVE = "live"
    CACHED = "cached"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class ClassVerdict:
    """Verdict for one class. `reason` is an ErrorReason without prefix; `item_types` bound a LIMITED decision."""

    application_class: ApplicationClass
    decision: Decision
    reason: str
    item_types: tuple[str, ...] = ()
    legal_basis: str = ""

    @property
    def usable(self) -> bool:
        """Tell whether the card may be used at all for this class."""
        return self.decision in {Decision.ALLOWED, Decision.LIMITED}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardQuestion:
    """What a visited region asks about a card.

    `asked_by` is the caller, and `confirmation` the SHA-256 thumbprint, base64url, of the certificate that it showed,
    to which the answer is then bound; they are no part of the question itself.
    """

    request_id: str
    home_region: str
    visited_region: str
    credential: Credential = field(repr=False)
    medium: Medium
    visited_item: str
    purpose: Purpose
    consent_reference: str | None = field(default=None, repr=False)
    asked_by: str = ""
    confirmation: str | None = None
    _digest: str = field(default="", init=False, repr=False, compare=False)

    def digest(self) -> str:
        """Hash the whole question, base64url SHA-256; a recognition carries it, so that it answers only this.

        Both ends compute it from the fields and not from message bytes, which protobuf does not promise to keep stable.
        """
        if not self._digest:
            object.__setattr__(self, "_digest", self._hash())
        return self._digest

    def _hash(self) -> str:
        parts = [
            self.request_id,
            self.home_region,
            self.visited_region,
            self.credential.kind,
            sorted(self.credential.values.items()),
            sorted(self.credential.checks.items()),
            self.medium,
            self.visited_item,
            self.purpose,
            self.consent_reference,
        ]
        document = json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        return urlsafe_b64encode(hashlib.sha256(document).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class CardVerdict:
    """Everything that the visited region learns about a card, by class; never a bare yes. Times are Unix time.

    `since` is when the card came into its state, by the clock of its platform, and `known_at` when the gateway that
    answers learned of that; both are None where only the present state is known. `successor` is the pseudonym of the
    card that has replaced this one.
    """

    home_region: str
    visited_region: str
    classes: tuple[ClassVerdict, ...]
    card_status: CardStatus
    suspended_functions: frozenset[CardFunction]
    status_as_of: float
    answered_at: float
    item: Equivalence
    agreement: str
    freshness: Freshness = Freshness.LIVE
    since: float | None = None
    known_at: float | None = None
    successor: str = ""

    @property
    def usable(self) -> bool:
        """Tell whether any class is allowed, entirely or in part."""
        return any(verdict.usable for verdict in self.classes)


def granted(verdict: CardVerdict) -> dict[str, tuple[str, ...]]:
    """Give what a verdict allows, as a recognition says it: class to item types, all of the item's or its limits."""
    every = tuple(sorted(relation.item_type for relation in verdict.item.source.relations))
    return {v.application_class.value: v.item_types or every for v in verdict.classes if v.usable}


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAnswer:
    """Answer of a home region: verdict, the disclosed identity, and the signed recognition.

    `identity` and `recognition` are None when every class is refused; use in the home region itself needs no
    recognition. `holder` names the holder where the home side is this process; it is for the record and told to nobody.
    """

    verdict: CardVerdict
    identity: CardIdentity | None = field(repr=False)
    recognition: str | None = field(repr=False)
    claims: RecognitionClaims | None = field(repr=False)
    holder: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCard:
    """Answer of the visited region's gateway: the home region's answer in the visited region's forms."""

    answer: CardAnswer
    regional_identity: RegionalIdentity | None = field(repr=False)
    losses: tuple[Loss, ...] = ()
