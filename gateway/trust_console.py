"""What the commands about trust do: `onecard federation`, `trust` and `recognition`.

They read the configuration of a gateway and work beside it, running or not. What the running gateway believes they
leave as it is (`gateway.trust_view`).
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING

from gateway.console import screen, table
from gateway.errors import SettingsError
from gateway.federation.agreements import load_agreement
from gateway.federation.fetch import FederationClient, FetchError
from gateway.federation.originals import FileOriginals
from gateway.key_places import KeyPlaces
from gateway.keys_console import home_of
from gateway.settings import load_settings
from gateway.trust_view import looking, publish_own
from trust.countersign import prove
from trust.keys import KeyRing
from trust.party_signature import PartySignature, sign_as_party
from trust.revocation import MIN_LIFE_SECONDS, Revocation, read_revocation, sign_revocation
from trust.statement import write_chain

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.settings import Settings
    from gateway.settings_parts import HomeSettings
    from gateway.trust_view import TrustView

_MARGIN_SECONDS = 86_400


def join(config: Path, *, anchor: str) -> int:
    """Say of each pinned anchor whether it vouches for our homes, and what to tell its operator where it does not."""
    settings, console = load_settings(config), screen()
    pinned = {one.entity for one in settings.trust.anchor}
    if anchor and anchor not in pinned:
        known = ", ".join(sorted(pinned)) or "none"
        raise SettingsError((f"{anchor} is not pinned in this configuration; pinned: {known}",))
    waiting = 0
    with looking(settings) as view:
        for home, told in view.homes():
            for one in told:
                if anchor not in {"", one.anchor}:
                    continue
                if one.believed is not None:
                    console.print(f"{one.anchor} vouches for {one.entity}{view.doubt(one)}", soft_wrap=True)
                    continue
                waiting += 1
                request = config.with_name(f"{home}.join-request.jwt")
                request.write_text(_own_configuration(settings, home, view), "ascii")
                console.print(view.why(one), soft_wrap=True)
                console.print(
                    f"Ask its operator to admit you:\n  entity       {one.entity}\n"
                    f"  fingerprint  {view.fingerprint(home)}\n  request      {request.name} (or fetched from you)",
                    soft_wrap=True,
                )
    return 1 if waiting else 0


def _own_configuration(settings: Settings, region: str, view: TrustView) -> str:
    """Give what the gateway publishes; where it does not run, what it did last, or a new one from which it goes on."""
    return (
        asyncio.run(_served_configuration(settings, region))
        or view.configuration(region)
        or publish_own(settings, region)
    )


async def _served_configuration(settings: Settings, region: str) -> str | None:
    """Ask the running gateway, so that no other of a later number goes round; None where none runs."""
    home = home_of(settings, region)
    client = FederationClient(bases={home.entity.id: f"http://{settings.listen.web}"})
    try:
        return await client.configuration(home.entity.id)
    except FetchError:
        return None
    finally:
        await client.close()


def show(config: Path) -> int:
    """Show whom each agreement joins, whether it stands, and until when each party is believed."""
    settings, console = load_settings(config), screen()
    shown = table(
        "agreement", "party", "believed until", "signed", "stands", least={0: 17, 1: 9, 2: 17, 3: 6}, console=console
    )
    good = True
    with looking(settings) as view:
        for line in view.parties():
            shown.add_row(*line.cells)
            good = good and line.good
    console.print(shown)
    return 0 if good else 1


def explain(config: Path, peer: str) -> int:
    """Say why a peer is or is not believed."""
    settings, console = load_settings(config), screen()
    with looking(settings) as view:
        told = view.explain(peer)
        for one in told:
            for line in view.lines(one):
                console.print(line, soft_wrap=True)
    if not told:
        console.print(f"{peer}: no agreement of ours names it, or no peer of this configuration acts for it")
    return 0 if told and all(one.believed is not None for one in told) else 1


def print_chain(config: Path, region: str, *, anchor: str) -> int:
    """Print the chain of a region to one of its anchors (SettingsError where there are several to choose from)."""
    settings = load_settings(config)
    with looking(settings) as view:
        found = {at: texts for at, texts in view.chains(region) if anchor in {"", at}}
    if len(found) > 1:
        raise SettingsError((f"--anchor: name one of {', '.join(sorted(found))}",))
    for texts in found.values():
        sys.stdout.write(write_chain(texts).decode("ascii") + "\n")
    if not found:
        sys.stderr.write(f"{region}: no chain to an anchor that is pinned here is believed\n")
    return 0 if found else 1


def sign_agreement(config: Path, agreement: str, *, region: str) -> None:
    """Add our signature to those of an agreement (SettingsError, TrustError)."""
    settings = load_settings(config)
    home = home_of(settings, region)
    for anchor in settings.trust.anchor:
        signed = load_agreement(anchor.agreement, anchor.signatures, anchor=anchor.entity)
        if signed.agreement.id == agreement:
            signature = PartySignature(
                iss=home.entity.id,
                region=home.region,
                iat=int(time.time()),
                content="agreement",
                name=agreement,
                digest=signed.digest,
            )
            with KeyPlaces(clock=time.monotonic) as places:
                text = sign_as_party(signature, key=places.key(home.entity.key, issuer=home.entity.id))
            anchor.signatures.write_text("\n".join((*signed.signatures, text)) + "\n", "ascii")
            screen().print(f"{home.region} has signed {agreement}: {signed.digest}", soft_wrap=True)
            return
    raise SettingsError((f"{agreement}: no pinned anchor stands for it",))


def revoke(config: Path, *, kind: str, target: str, reason: str, region: str) -> None:
    """Revoke something of ours and hand it to the running gateway (SettingsError, TrustError, FetchError)."""
    settings = load_settings(config)
    home = home_of(settings, region)
    struck = home.entity.id if kind == "entity" else target
    asyncio.run(_tell(settings, home, subject=home.entity.id, kind=kind, target=struck, reason=reason))
    screen().print(f"{kind} of {home.entity.id} is revoked: {reason}", soft_wrap=True)


def stop_agreement(config: Path, agreement: str, *, reason: str, region: str) -> None:
    """Stop an agreement as a party to it (SettingsError, TrustError, FetchError)."""
    settings = load_settings(config)
    home = home_of(settings, region)
    for anchor in settings.trust.anchor:
        signed = load_agreement(anchor.agreement, anchor.signatures, anchor=anchor.entity)
        if signed.agreement.id == agreement:
            asyncio.run(_tell(settings, home, subject=anchor.entity, kind="agreement", target=agreement, reason=reason))
            screen().print(f"{agreement} is stopped: {reason}", soft_wrap=True)
            return
    raise SettingsError((f"{agreement}: no pinned anchor stands for it",))


async def _tell(settings: Settings, home: HomeSettings, *, subject: str, kind: str, target: str, reason: str) -> None:
    """Sign a revocation and hand it to our own gateway, which tells the others."""
    client = FederationClient(bases={home.entity.id: f"http://{settings.listen.web}"})
    now = int(time.time())
    try:
        revocation = Revocation(
            iss=home.entity.id,
            sub=subject,
            iat=now,
            exp=now + MIN_LIFE_SECONDS + _MARGIN_SECONDS,
            sequence=await _next_sequence(client, home.entity.id),
            kind=kind,
            target=target,
            reason=reason,
            effective=now,
        )
        with KeyPlaces(clock=time.monotonic) as places:
            text = sign_revocation(revocation, key=places.key(home.entity.key, issuer=home.entity.id))
        await client.send_revocation(home.entity.id, text)
    finally:
        await client.close()


async def _next_sequence(client: FederationClient, entity: str) -> int:
    """Count on from the revocations of ours that the running gateway knows (FetchError where it does not run)."""
    last, after = 0, 0
    while True:
        page = await client.revocations(entity, after=after)
        said = (read_revocation(text)[1] for text in page.texts)
        last = max((last, *(one.sequence for one in said if one.iss == entity)))
        if page.next <= after:
            return last + 1
        after = page.next


def prove_recognition(config: Path, jti: str, *, region: str) -> None:
    """Prove a counter-signed recognition of ours from what was kept (SettingsError, TrustError)."""
    settings = load_settings(config)
    home = home_of(settings, region)
    if home.partner is None:
        raise SettingsError((f"{home.region} counter-signs nothing: [home.partner] is not there",))
    kept = (FileOriginals(state / home.region / "originals", clock=time.time) for state in settings.states())
    pair = next((pair for one in kept if (pair := one.find(home.region, jti)) is not None), None)
    if pair is None:
        raise SettingsError(("no recognition of this identifier was kept",))
    with KeyPlaces(clock=time.monotonic) as places:
        keys = [places.key(place, issuer=home.region).public() for place in (home.signing_key, home.partner.key)]
    proof = prove(pair.original, pair.countersigned, find=KeyRing(keys).find)
    console = screen()
    for name, key in (("original", proof.original_key), ("counter-signed", proof.counter_key)):
        console.print(f"{name:15} {key.algorithm:12} {key.kid}", soft_wrap=True)
    console.print(f"digest of the original  {proof.digest}", soft_wrap=True)
    console.print(
        f"both say the same: {proof.claims.iss} to {proof.claims.aud}, item {proof.claims.item}", soft_wrap=True
    )
