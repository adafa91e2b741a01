"""Composition root of the process that serves trust anchors."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from gateway.errors import SettingsError
from gateway.federation.anchor_node import AnchorNode
from gateway.federation.fetch import FederationClient
from gateway.federation.register_body import AnchorConfig
from gateway.federation.register_members import Party
from gateway.journal import JsonJournal
from gateway.lifeline import stop_signals
from gateway.overheard import overhear
from trust.errors import TrustError

if TYPE_CHECKING:
    from gateway.settings_parts import AnchorsSettings, OwnAnchorSettings

RENEW_SECONDS = 0.5
"""How soon a running node takes in what a command has changed in its folder."""


def anchor_config(settings: OwnAnchorSettings) -> AnchorConfig:
    """Give what an anchor is, as its operator wrote it."""
    parties = (
        Party(region=party.region, gateway=party.gateway, entity=party.entity, holder=party.holder)
        for party in settings.party
    )
    return AnchorConfig(
        entity=settings.entity,
        folder=settings.folder,
        parties=tuple(parties),
        agreements=(settings.agreement_id,),
        mark_type=settings.mark_type,
    )


def party_bases(settings: AnchorsSettings) -> dict[str, str]:
    """Give where parties are fetched that are not at their own identifier."""
    parties = (party for anchor in settings.anchor for party in anchor.party)
    return {party.entity: party.address for party in parties if party.address is not None}


def run_anchors(settings: AnchorsSettings) -> None:
    """Serve the anchors until told to stop (SettingsError where that cannot be)."""
    asyncio.run(_serve(settings))


async def _serve(settings: AnchorsSettings) -> None:
    stop = asyncio.Event()
    for number in stop_signals():
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = FederationClient(bases=party_bases(settings))
    try:
        await _serve_until(stop, settings, client)
    finally:
        await client.close()


async def _serve_until(stop: asyncio.Event, settings: AnchorsSettings, client: FederationClient) -> None:
    """Serve until told to stop (SettingsError)."""
    journal = JsonJournal(gateway="anchors")
    try:
        configs = [anchor_config(anchor) for anchor in settings.anchor]
        node = AnchorNode(configs, journal=journal, source=client, renew_seconds=RENEW_SECONDS)
    except TrustError as error:
        raise SettingsError((str(error),)) from error
    host, _, port = settings.listen.rpartition(":")
    try:
        with overhear(journal):
            await node.start(host.strip("[]"), int(port))
            journal.event("ready", web=settings.listen)
            await stop.wait()
    except OSError as error:
        raise SettingsError((f"listen: {settings.listen} is taken or not ours ({type(error).__name__})",)) from error
    finally:
        await node.stop()
