"""Why a peer is or is not believed: a chain told step by step, from the anchor down to the first thing that fails.

It judges nothing itself: the verdict is the verifier's, and each step shows what a statement says of itself. What
stands below the first failure is shown, but was not judged. The values are for the operator's eyes, not for a log.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from trust.chain import verify_chain
from trust.entity import SubordinateStatement
from trust.errors import TrustError
from trust.statement import MAX_CHAIN, read_statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trust.chain import Beliefs
    from trust.pinboard import Freshness
    from trust.statement import Statement
    from trust.verified_entity import VerifiedEntity


class StepVerdict(StrEnum):
    """What became of one statement."""

    HOLDS = "holds"
    FAILS = "fails"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainStep:
    """One statement of a chain; what cannot be read is None.

    `position` is its place in the chain, 0 for the subject's configuration. Times are Unix seconds. `demands` holds
    constraints and metadata policy as they stand in the statement. `error` is there on the step that fails.
    """

    position: int
    verdict: StepVerdict
    issuer: str | None = None
    subject: str | None = None
    kid: str | None = None
    version: int | None = None
    issued_at: int | None = None
    expires_at: int | None = None
    freshness: Freshness | None = None
    demands: Mapping[str, object] | None = None
    error: TrustError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainExplanation:
    """A chain told: steps from the anchor down, and either the entity that is believed or the error that forbids it."""

    steps: tuple[ChainStep, ...]
    entity: VerifiedEntity | None
    error: TrustError | None


def explain_chain(chain: Sequence[str], *, beliefs: Beliefs, now: int) -> ChainExplanation:
    """Tell why a chain is believed or not; of a chain that is too long the six statements nearest to the anchor.

    Args:
        chain: compact JWS, the subject's configuration first, the anchor's last.
        beliefs: anchors, memory, revocations, grace.
        now: Unix seconds.
    """
    entity, error = None, None
    try:
        entity = verify_chain(chain, beliefs=beliefs, now=now)
    except TrustError as caught:
        error = caught
    positions = range(len(chain) - 1, max(-1, len(chain) - 1 - MAX_CHAIN), -1)
    steps = tuple(
        _step(chain[position], position=position, error=error, now=now, grace_seconds=beliefs.grace_seconds)
        for position in positions
    )
    return ChainExplanation(steps=steps, entity=entity, error=error)


def _step(text: str, *, position: int, error: TrustError | None, now: int, grace_seconds: int) -> ChainStep:
    """Tell of one statement."""
    verdict = _verdict(position, error)
    failure = error if verdict is StepVerdict.FAILS else None
    try:
        statement = read_statement(text)
    except TrustError:
        return ChainStep(position=position, verdict=verdict, error=failure)
    pin = statement.pin(anchor="")
    return ChainStep(
        position=position,
        verdict=verdict,
        issuer=pin.issuer,
        subject=pin.subject,
        kid=statement.token.kid,
        version=pin.version,
        issued_at=pin.issued_at,
        expires_at=pin.expires_at,
        freshness=pin.freshness(now, grace_seconds=grace_seconds),
        demands=_demands(statement),
        error=failure,
    )


def _verdict(position: int, error: TrustError | None) -> StepVerdict:
    """Say what became of the statement at a place: what lies above the failure holds, the rest was not judged."""
    if error is None:
        return StepVerdict.HOLDS
    failed = error.metadata.get("statement")
    if failed is None or position < int(failed):
        return StepVerdict.NOT_JUDGED
    return StepVerdict.FAILS if position == int(failed) else StepVerdict.HOLDS


def _demands(statement: Statement) -> Mapping[str, object] | None:
    """Give what a superior demands; a configuration demands nothing."""
    claims = statement.claims
    if not isinstance(claims, SubordinateStatement):
        return None
    return {"constraints": claims.constraints.to_json(), "metadata_policy": claims.metadata_policy.to_json()}
