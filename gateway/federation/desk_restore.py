"""From what was kept to what is believed, and back."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from gateway.federation.desk_memory import KnownAnchor, KnownChain, Remembered
from gateway.federation.desk_state import Standing
from trust.anchor import TrustAnchor
from trust.errors import TrustError
from trust.federation import Federation
from trust.pinboard import Pinboard
from trust.revocation_set import RevocationSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gateway.federation.desk_alarms import TrustAlarms
    from gateway.federation.desk_state import AnchorPin, Rules
    from trust.revocation import Revoked


def fresh_standing(pins: Iterable[AnchorPin], *, rules: Rules) -> Standing:
    """Give the standing of a node that remembers nothing.

    Raises:
        KeyMaterialError: a pin has not the form of one.
    """
    anchors = {pin.entity: TrustAnchor(entity=pin.entity, fingerprints=pin.fingerprints) for pin in pins}
    return Standing(rules=rules, anchors=MappingProxyType(anchors))


def restored(
    fresh: Standing, remembered: Remembered, *, revoked: frozenset[Revoked], alarms: TrustAlarms, now: int
) -> Standing:
    """Give the standing that goes on from what was kept.

    Pins and revocations count as they were kept. Chains are verified again; one that does not hold any more is dropped,
    which is told. Where the operator has pinned other keys of an anchor than before, these count, and not what it had
    handed on to; when none of them is an old one, the anchor has begun anew, and what it once said is forgotten.

    Args:
        fresh: of a node that remembers nothing, with today's pins.
        remembered: what was kept.
        revoked: what is dead.
        alarms: is told what is dropped.
        now: Unix seconds.
    """
    anchors = dict(fresh.anchors)
    begun_anew: set[str] = set()
    for kept in remembered.anchors:
        pinned = anchors.get(kept.state.entity)
        if pinned is None:
            continue
        if pinned.fingerprints == kept.pinned:
            anchors[kept.state.entity] = kept.state
            continue
        alarms.pinned_anew(kept.state.entity)
        if pinned.fingerprints.isdisjoint(kept.pinned | kept.state.fingerprints):
            begun_anew.add(kept.state.entity)
    standing = Standing(
        rules=fresh.rules,
        anchors=MappingProxyType(anchors),
        pinboard=Pinboard.of(pin for pin in remembered.pins if pin.anchor not in begun_anew),
        federation=Federation(revocations=RevocationSet(revoked)),
    )
    for chain in remembered.chains:
        place = chain.anchor, chain.entity
        try:
            standing = standing.admitted(chain.texts, place=place, now=now)
        except TrustError as error:
            alarms.forgotten(place, error)
    return standing


def to_remember(standing: Standing, *, pinned: Mapping[str, AnchorPin]) -> Remembered:
    """Give what must be kept of a standing."""
    return Remembered(
        anchors=tuple(
            KnownAnchor(state=state, pinned=pinned[entity].fingerprints) for entity, state in standing.anchors.items()
        ),
        pins=tuple(standing.pinboard.pins.values()),
        chains=tuple(
            KnownChain(anchor=anchor, entity=entity, texts=link.texts)
            for (anchor, entity), link in standing.links.items()
        ),
    )
