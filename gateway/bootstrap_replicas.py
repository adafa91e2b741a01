"""Composition root of replicas: several processes that are one gateway, on one PostgreSQL or one machine."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from gateway.federation.publisher_ledger import Numbering
from gateway.federation.replicas import Replicas
from gateway.store.shared_trust import StoredTrust

if TYPE_CHECKING:
    from gateway.bootstrap_services import Shared
    from gateway.settings import Settings

_STRIDE = 4096
_FEED_BASES = 9000
_FEED_SPAN = 1_000_000


def has_replicas(settings: Settings) -> bool:
    """Tell whether others may be this gateway too: on a server always, on a file where it has several processes."""
    return settings.store.folder is None or settings.processes > 1


def _apart(settings: Settings, below: int) -> int:
    """Choose a number by chance, but none that another process of this machine could choose."""
    return secrets.randbelow(below // settings.processes) * settings.processes + settings.place


def own_numbers(settings: Settings) -> Numbering:
    """Give the numbers of statements that this replica uses.

    Two of one process each choose the same ones once in four thousand times; processes of one machine never do.
    """
    return Numbering(_STRIDE, _apart(settings, _STRIDE)) if has_replicas(settings) else Numbering()


def own_feed_base(settings: Settings) -> int:
    """Give from where the numbers of the feed of revocations count in this replica."""
    return _apart(settings, _FEED_BASES) * _FEED_SPAN if has_replicas(settings) else 0


def replicas(shared: Shared) -> Replicas:
    """Give what keeps this replica in step with the others; where it is alone, with those that there were."""
    return Replicas(
        StoredTrust(shared.stored.store),
        publishers=[keys.publisher for keys in shared.trust.homes.values()],
        desk=shared.trust.desk,
        journal=shared.journal,
    )
