"""Joint catalogs: what districts on both sides try together is folded into the list of the parties by a proposal.

Chongqing Art. 18: districts and counties may extend fields and items together with cities and counties of Sichuan, and
what they do is taken into the joint list. The proposal makes the next version of the joint catalog; that is in force
once every party has signed it, like every version of it. Where no article says so, nothing is folded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field, ValidationError

from adapters.catalog_document import CatalogId, Digest  # noqa: TC001 - pydantic reads annotations at run time
from adapters.manifest_platform import Part
from adapters.scopes import Scope
from adapters.tables import Fault, in_order
from adapters.venues import division_stem
from adapters.words import Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapters.catalog import Catalog
    from adapters.catalog_document import CatalogDocument


class ProposalHead(Part):
    """Who proposes what: the joint catalog, the version it is meant for by its digest, and the districts."""

    proposal: CatalogId
    catalog: CatalogId
    previous: Digest
    divisions: tuple[str, ...] = Field(min_length=2, max_length=20)


@dataclass(frozen=True, slots=True)
class Proposal:
    """Head, and the items that are proposed, as a list of the joint catalog."""

    head: ProposalHead
    items: Catalog


def read_proposal_head(file: str, data: Mapping[str, object]) -> tuple[ProposalHead | None, list[Fault]]:
    """Read a head from plain data; every fault has row 0 and names the key."""
    try:
        return ProposalHead.model_validate(data), []
    except ValidationError as error:
        return None, [Fault(file, 0, ".".join(map(str, e["loc"])), str(e["type"])) for e in error.errors()]


def check_proposal(
    proposal: Proposal, joint: CatalogDocument, *, digest: str, divisions: Mapping[str, str]
) -> list[Fault]:
    """Give every fault of a proposal.

    Args:
        proposal: what is proposed.
        joint: the joint catalog's newest version.
        digest: of that version.
        divisions: division code of each region.
    """
    head = proposal.head
    faults: list[Fault] = []

    def fault(key: str, rule: str, row: int = 0) -> None:
        faults.append(Fault(head.proposal, row, key, rule))

    if joint.head.layer is not Layer.JOINT or head.catalog != joint.head.catalog:
        fault("catalog", "joint_catalog")
    elif joint.head.innovation is None:
        fault("catalog", "no_article_lets_districts_add")
    if head.previous != digest:
        fault("previous", "newest_version")
    _check_districts(head, joint, divisions, fault)
    taken = {item.item for item in joint.items}
    for row, item in enumerate(proposal.items, start=2):
        if item.item in taken:
            fault("item_id", "unique", row)
        if not Scope.of(item).touched:
            fault("relations", "names_an_item_type", row)
        if item.layer is not Layer.JOINT:
            fault("layer", "layer_of_the_catalog", row)
    return in_order(faults)


def _check_districts(
    head: ProposalHead, joint: CatalogDocument, divisions: Mapping[str, str], fault: Callable[[str, str], None]
) -> None:
    """Each proposer lies inside a party and is not the party itself, and every party has one at least."""
    stems = {region: division_stem(divisions[region]) for region in joint.head.regions if region in divisions}
    homes = [
        next((r for r, stem in stems.items() if code.startswith(stem) and division_stem(code) != stem), None)
        for code in head.divisions
    ]
    if None in homes:
        fault("divisions", "districts_of_the_parties")
    elif set(homes) != set(joint.head.regions):
        fault("divisions", "one_of_each_party")
    if len(set(head.divisions)) != len(head.divisions):
        fault("divisions", "repeated")


def fold(proposal: Proposal, joint: CatalogDocument, *, digest: str, **changes: object) -> CatalogDocument:
    """Make the next version of the joint catalog, with the proposed items in it; nobody has signed it yet.

    `changes` are keys of the head, such as the end of its life.
    """
    return joint.following(previous=digest, items=[*joint.items, *proposal.items], **changes)
