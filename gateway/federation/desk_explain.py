"""Why an entity is believed or not, told for the operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trust.explanation import explain_chain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.errors import GatewayError
    from gateway.federation.desk_state import AnchorPin, Standing
    from trust.explanation import ChainExplanation
    from trust.revocation import Revocation
    from trust.verified_entity import VerifiedEntity


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorExplanation:
    """What is to be said of an entity under one anchor.

    `chain` tells the chain that was fetched last, None where none ever was. `fault` is why the last fetch failed, or
    why what it brought could not be kept. `believed` is what look-ups go by, which a failed refresh leaves as it was.
    `revocations` touch the entity, its chain, or an agreement of the anchor. `missing` are numbers of revocations that
    the entity must have issued and that have not come here: somebody may hold them back.
    """

    anchor: str
    entity: str
    agreements: tuple[str, ...]
    chain: ChainExplanation | None
    fault: GatewayError | None
    believed: VerifiedEntity | None
    revocations: tuple[Revocation, ...]
    missing: tuple[int, ...]


def explain(
    standing: Standing, pin: AnchorPin, *, entity: str, fetched: Sequence[str], fault: GatewayError | None, now: int
) -> AnchorExplanation:
    """Tell of an entity under the anchor of a pin; `fetched` is the last chain, `now` in Unix seconds."""
    link = standing.links.get((pin.entity, entity))
    return AnchorExplanation(
        anchor=pin.entity,
        entity=entity,
        agreements=tuple(sorted(pin.agreements)),
        chain=explain_chain(fetched, beliefs=standing.beliefs, now=now) if fetched else None,
        fault=fault,
        believed=None if link is None else link.verified,
        revocations=_touching(standing, pin, entity=entity),
        missing=standing.federation.revocations.missing(entity),
    )


def _touching(standing: Standing, pin: AnchorPin, *, entity: str) -> tuple[Revocation, ...]:
    """Give the revocations of the entity, of its anchor, and of the anchor's agreements, the earliest first."""
    found = (
        entry.revocation
        for entry in standing.federation.revocations.entries
        if entry.anchor == pin.entity
        and entry.revocation.sub in {entity, pin.entity}
        and (entry.revocation.kind != "agreement" or entry.revocation.target in pin.agreements)
    )
    return tuple(sorted(found, key=lambda said: (said.effective, said.iss, said.sequence)))
