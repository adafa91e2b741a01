"""What the `onecard anchor` commands do: each opens the folder of an anchor, acts, and says what became of it.

They work beside a running node as well as without one: a folder is used by one process at a time, and the node takes
in within a second what has changed.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from gateway.bootstrap_anchors import anchor_config, party_bases
from gateway.console import screen, table
from gateway.errors import SettingsError
from gateway.federation.fetch import FederationClient
from gateway.federation.register_body import AnchorBody
from gateway.key_shelf import next_file, retire, stage, switch
from gateway.settings import ANCHOR_KEY, SAMPLE_LINE, load_anchors
from trust.keys import SigningKey, thumbprint
from trust.statement import read_configuration

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.settings_parts import AnchorsSettings, OwnAnchorSettings


def list_members(config: Path) -> None:
    """Print the parties of each anchor, and what those who rely on it pin of it (SettingsError, TrustError)."""
    console = screen()
    shown = table("anchor", "region", "entity", "admitted", "keys (thumbprint)", least={3: 10}, console=console)
    fingerprints: list[str] = []
    for settings in load_anchors(config).anchor:
        body = AnchorBody(anchor_config(settings), clock=time.time)
        members = body.register.members()
        fingerprints.append(f"{settings.entity}  {thumbprint(body.publisher.keys[0].public_key)}")
        for party in settings.party:
            member = members.get(party.entity)
            admitted = "no" if member is None else time.strftime("%Y-%m-%d", time.gmtime(member.admitted_at))
            keys = "" if member is None else "\n".join(thumbprint(key.public_key) for key in member.keys)
            shown.add_row(settings.entity, party.region, party.entity, admitted, keys)
    console.print(shown)
    console.print("fingerprints to pin:")
    for line in fingerprints:
        console.print(f"  {line}", soft_wrap=True)


def admit(config: Path, anchor: str, *, entity: str, fingerprint: str, request: Path | None) -> None:
    """Admit a party by its own configuration, fetched or from a file (SettingsError, TrustError, FetchError)."""
    settings = load_anchors(config)
    _anchor(settings, anchor)  # a wrong name is told before anybody is asked
    text = asyncio.run(_fetched(settings, entity)) if request is None else request.read_text("ascii").strip()
    asked, _ = read_configuration(text)
    if asked.sub != entity:
        raise SettingsError((f"the request is that of {asked.sub}",))
    member = _body(settings, anchor).admit(text, fingerprint=fingerprint)
    screen().print(f"{anchor} vouches for {member.entity} as {member.region} and {member.gateway}", soft_wrap=True)


def rotate(config: Path, anchor: str, *, step: str) -> None:
    """Take one step of a rotation of the anchor's own key; a running node follows within a second (SettingsError)."""
    settings = load_anchors(config)
    path = _anchor(settings, anchor).folder / ANCHOR_KEY
    preamble = SAMPLE_LINE if settings.sandbox else b""
    match step:
        case "stage":
            stage(path, issuer=anchor, preamble=preamble)
            told = "is announced, and signs nothing yet"
            file = next_file(path)
        case "switch":
            switch(path)
            told, file = "signs; the former key is listed still", path
        case _:
            retire(path)
            told, file = "signs; the former key is among the historical ones", path
    mark = thumbprint(SigningKey.from_pem(file.read_bytes(), issuer=anchor).public().public_key)
    screen().print(f"{mark} {told}", soft_wrap=True)


def withdraw(config: Path, anchor: str, *, entity: str) -> None:
    """Vouch for a member no longer (SettingsError, UnknownIssuerError)."""
    _body(load_anchors(config), anchor).register.withdraw(entity)
    screen().print(f"{anchor} vouches for {entity} no longer", soft_wrap=True)


def revoke(config: Path, anchor: str, *, kind: str, entity: str, target: str, reason: str) -> None:
    """Revoke something of a member (SettingsError, TrustError)."""
    struck = entity if kind == "entity" else target
    _body(load_anchors(config), anchor).revoke(kind, subject=entity, target=struck, reason=reason)
    screen().print(f"{kind} of {entity} is revoked: {reason}", soft_wrap=True)


def stop(config: Path, anchor: str, *, agreement: str, reason: str) -> None:
    """Stop an agreement (SettingsError, TrustError)."""
    _body(load_anchors(config), anchor).stop_agreement(agreement, reason=reason)
    screen().print(f"{agreement} is stopped: {reason}", soft_wrap=True)


def _body(settings: AnchorsSettings, anchor: str) -> AnchorBody:
    """Open the folder of an anchor (SettingsError where there is none of that name)."""
    return AnchorBody(anchor_config(_anchor(settings, anchor)), clock=time.time)


def _anchor(settings: AnchorsSettings, anchor: str) -> OwnAnchorSettings:
    """Find an anchor (SettingsError where there is none of that name)."""
    for one in settings.anchor:
        if one.entity == anchor:
            return one
    known = ", ".join(one.entity for one in settings.anchor)
    raise SettingsError((f"no such anchor in this configuration; there are: {known}",))


async def _fetched(settings: AnchorsSettings, entity: str) -> str:
    """Fetch what an entity says of itself (FetchError)."""
    client = FederationClient(bases=party_bases(settings))
    try:
        return await client.configuration(entity)
    finally:
        await client.close()
