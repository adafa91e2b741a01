"""What the pages tell of the node itself, as plain facts that can be compared; it needs none of their libraries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class RegionState:
    """Whether a region can be asked: by this node itself (`home`), or by another gateway."""

    region: str
    home: bool
    reachable: bool


@dataclass(frozen=True, slots=True)
class SigningKeyFact:
    """A published key: its identifier, RFC 7638, and what it signs with."""

    kid: str
    algorithm: str


@dataclass(frozen=True, slots=True)
class EntityFact:
    """A home region as the entity that signs: where its documents are, and its published keys."""

    region: str
    entity: str
    documents: tuple[tuple[str, str], ...]
    keys: tuple[SigningKeyFact, ...]


@dataclass(frozen=True, slots=True)
class SignatureFact:
    """An agreement: the entity of its body, and the parties whose signature is not proven here."""

    agreement: str
    anchor: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ApiFact:
    """How programs reach this node: the gRPC address, the options of grpcurl, and the services with their methods."""

    address: str
    options: str
    services: tuple[tuple[str, tuple[str, ...]], ...]


class NodeFacts(Protocol):
    """What the pages tell of the node; `gateway.bootstrap_pages` gives the real one."""

    @property
    def gateway(self) -> str:
        """The identifier of the gateway."""

    @property
    def api(self) -> ApiFact:
        """How programs reach it."""

    def states(self) -> tuple[RegionState, ...]:
        """Tell which regions can be asked, the homes first."""

    def entities(self) -> tuple[EntityFact, ...]:
        """Tell what the homes publish."""

    def signatures(self) -> tuple[SignatureFact, ...]:
        """Tell who has signed the agreements."""
