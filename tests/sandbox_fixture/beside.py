"""Gateways that a test runs beside the sandbox: with its keys, on spare ports, on a configuration of their own.

One with a single home is another instance of the region's gateway, the same entity. One with several homes serves each
under an entity with a path of its own, and the parties to its agreements have signed as these entities.
"""

from __future__ import annotations

import shutil
import time
import tomllib
from typing import TYPE_CHECKING

from adapters.registry import load_registry
from gateway.key_places import KeyPlaces
from gateway.keys_console import make_keys
from gateway.sandbox.anchors import FoundAnchor
from gateway.sandbox.configuration import configuration
from gateway.sandbox.generate import partners_abroad
from gateway.sandbox.layout import Layout, Site
from gateway.settings import ANCHOR_KEY, SAMPLE_LINE, read_settings
from tests.sandbox_fixture.running import SIDES, SPARE_OFFSET
from trust.agreement import Agreement
from trust.keys import SigningKey, thumbprint
from trust.party_signature import PartySignature, canonical_digest, sign_as_party

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sandbox_fixture.running import RunningSandbox


def gateway_beside(
    sandbox: RunningSandbox,
    name: str,
    homes: tuple[str, ...],
    *,
    spare: int,
    own_keys: bool = False,
    change: Callable[[str], str] = lambda text: text,
) -> tuple[Site, Path]:
    """Write what a further gateway needs; gives where it will be, and its configuration.

    Args:
        sandbox: the running sandbox, whose certificates, callers, anchors and platforms it shares.
        name: of the gateway, and of its folder.
        homes: regions that it serves; the others are its peers.
        spare: which of the spare ports it takes.
        own_keys: whether the keys are put into its own folder, not marked as those of a sandbox.
        change: what to change in its configuration.
    """
    layout = Layout.load(sandbox.folder)
    base = sandbox.port_base + SPARE_OFFSET + spare
    grpc, mutual, web, metrics, platform = (f"127.0.0.1:{base + side}" for side in SIDES)
    site = Site(region=name, grpc=grpc, mutual=mutual, web=web, metrics=metrics, platform=platform)
    folder = layout.home(name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file in ("tls.pem", "tls.key"):
        shutil.copy2(layout.home(homes[0]) / file, folder / file)
    served = tuple(one for one in layout.sites if one.region in homes)
    anchors = found_anchors(layout)
    partners = partners_abroad(load_registry(), layout)
    text = configuration(layout, served, anchors=anchors, partners=partners, listen=site)
    config = folder / "gateway.toml"
    config.write_text(text, "utf-8")
    if len(homes) > 1:
        for anchor in anchors:
            sign_as_homes(config, anchor)
        text = text.replace('signatures = "../agreements/', 'signatures = "')
    for region in homes if own_keys else ():
        copy_unmarked(layout.home(region), folder)
        text = text.replace(f"../{region}/", "")
    config.write_text(text, "utf-8")
    make_keys(config, algorithm="ES256")  # before the change, which may open a door that is refused
    for key in (folder / "store-keys").iterdir() if own_keys else ():
        key.write_bytes(key.read_bytes().removeprefix(SAMPLE_LINE))
    config.write_text(change(text), "utf-8")
    return site, config


def copy_unmarked(source: Path, folder: Path) -> None:
    """Copy the keys and secrets of a region, without the line that says who made them."""
    for file in (*source.glob("*.pem"), *source.glob("*.key"), *source.glob("*.json")):
        target = folder / file.name
        shutil.copy2(file, target)
        target.write_bytes(file.read_bytes().removeprefix(SAMPLE_LINE))


def found_anchors(layout: Layout) -> tuple[FoundAnchor, ...]:
    """Read which anchors a sandbox has."""
    found = []
    for terms in sorted((layout.folder / "agreements").glob("*.toml")):
        agreement = Agreement.from_mapping(tomllib.loads(terms.read_text("utf-8")))
        site = layout.anchor(agreement.id)
        pem = (layout.anchors_config.parent / agreement.id / ANCHOR_KEY).read_bytes()
        fingerprint = thumbprint(SigningKey.from_pem(pem, issuer=site.entity).public().public_key)
        signatures = terms.with_suffix(".signatures")
        found.append(
            FoundAnchor(
                site=site, fingerprint=fingerprint, regions=agreement.regions, terms=terms, signatures=signatures
            )
        )
    return tuple(found)


def sign_as_homes(config: Path, anchor: FoundAnchor) -> None:
    """Let the parties to an agreement that are homes of a gateway sign it as the entities that they are there."""
    digest = canonical_digest(tomllib.loads(anchor.terms.read_text("utf-8")))
    signed = [
        sign_as_party(
            PartySignature(
                iss=home.entity.id,
                region=home.region,
                iat=int(time.time()),
                content="agreement",
                name=anchor.site.agreement,
                digest=digest,
            ),
            key=KeyPlaces(clock=time.monotonic).key(home.entity.key, issuer=home.entity.id),
        )
        for home in read_settings(config).home
        if home.region in anchor.regions
    ]
    (config.parent / anchor.signatures.name).write_text("\n".join(signed) + "\n", "ascii")
