"""Founds the federations of the sandbox: an anchor for each agreement, which admits the parties, and their signatures.

It goes the way that real bodies and regions go: each region asks to join with its own configuration, the anchor admits
it by the fingerprint of its key, and every party signs the terms of the agreement.
"""

from __future__ import annotations

import time
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from adapters.registry import load_agreements
from gateway.federation.home_entity import home_content
from gateway.federation.publisher import EntityPublisher
from gateway.federation.register_body import AnchorBody, AnchorConfig
from gateway.federation.register_members import Party
from gateway.key_shelf import KeyShelf, write_key
from gateway.settings import ANCHOR_KEY, SAMPLE_LINE
from trust.agreement import Agreement
from trust.keys import SigningKey, thumbprint
from trust.party_signature import PartySignature, canonical_digest, sign_as_party

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from gateway.sandbox.layout import AnchorSite, Layout, Site
    from trust.keys import VerificationKey

MARK_TYPE = "https://anchors.onecard.test/marks/joint-catalog-party"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundAnchor:
    """An anchor of the sandbox: where it is, its key's fingerprint, its parties, and the files of its agreement."""

    site: AnchorSite
    fingerprint: str
    regions: tuple[str, ...]
    terms: Path
    signatures: Path


def agreement_texts() -> dict[str, str]:
    """Read all agreements of the sandbox by file name: the examples that ship, and those that only it has."""
    own = (file for file in files("gateway.sandbox").joinpath("agreements").iterdir() if file.name.endswith(".toml"))
    return load_agreements() | {file.name: file.read_text("utf-8") for file in own}


def found_anchors(layout: Layout) -> tuple[FoundAnchor, ...]:
    """Make an anchor for each agreement all of whose parties are here, and admit them (SettingsError, TrustError).

    The keys of the sites are there already.
    """
    sites = {site.region: site for site in layout.sites}
    texts = agreement_texts()
    terms = {name: tomllib.loads(text) for name, text in texts.items()}
    agreements = {
        name: agreement
        for name, data in terms.items()
        if sites.keys() >= set((agreement := Agreement.from_mapping(data)).regions)
    }
    superiors = {
        region: [layout.anchor(one.id).entity for one in agreements.values() if region in one.regions]
        for region in sites
    }
    shelves = {site.region: HomeShelves.of(layout, site) for site in layout.sites}
    requests = {region: _join_request(layout, shelves[region], superiors[region]) for region in sites}
    found = []
    for name, agreement in agreements.items():
        parties = [sites[region] for region in agreement.regions]
        folder = layout.folder / "agreements"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(texts[name], "utf-8")
        signatures = (folder / name).with_suffix(".signatures")
        digest = canonical_digest(terms[name])
        signed = [_signature(agreement.id, digest, shelves[party.region]) for party in parties]
        signatures.write_text("\n".join(signed) + "\n", "ascii")
        fingerprint = _found(layout, agreement, parties=parties, requests=requests, shelves=shelves)
        found.append(
            FoundAnchor(
                site=layout.anchor(agreement.id),
                fingerprint=fingerprint,
                regions=agreement.regions,
                terms=folder / name,
                signatures=signatures,
            )
        )
    layout.anchors_config.parent.mkdir(exist_ok=True)
    layout.anchors_config.write_text(_anchors_configuration(layout, agreements.values()), "utf-8")
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeShelves:
    """The keys of a site, by what they are for."""

    site: Site
    federation: KeyShelf
    region: tuple[VerificationKey, ...]
    caller: KeyShelf
    evidence: KeyShelf

    @classmethod
    def of(cls, layout: Layout, site: Site) -> HomeShelves:
        """Read the keys of a site (TrustError, OSError)."""
        home = layout.home(site.region)
        return cls(
            site=site,
            federation=KeyShelf(home / "federation.pem", issuer=site.entity),
            region=(
                *KeyShelf(home / "region.pem", issuer=site.region).published,
                *(
                    KeyShelf(partner, issuer=site.region).published
                    if (partner := home / "partner.pem").exists()
                    else ()
                ),
            ),
            caller=KeyShelf(home / "gateway.pem", issuer=site.gateway),
            evidence=KeyShelf(home / "evidence.pem", issuer=site.gateway),
        )


def _join_request(layout: Layout, keys: HomeShelves, superiors: Sequence[str]) -> str:
    """Publish the configuration of a region for the first time: with it the region asks to join."""
    content = home_content(
        keys.site.entity,
        federation=keys.federation,
        region=keys.region,
        caller=keys.caller,
        evidence=keys.evidence,
        superiors=superiors,
    )
    folder = layout.home(keys.site.region) / "trust" / keys.site.region
    folder.mkdir(mode=0o700, parents=True)
    return EntityPublisher(content, folder=folder, clock=time.time).text()


def _signature(agreement: str, digest: str, keys: HomeShelves) -> str:
    """Sign the terms for a party."""
    signature = PartySignature(
        iss=keys.site.entity,
        region=keys.site.region,
        iat=int(time.time()),
        content="agreement",
        name=agreement,
        digest=digest,
    )
    return sign_as_party(signature, key=keys.federation.signing)


def _found(
    layout: Layout,
    agreement: Agreement,
    *,
    parties: Sequence[Site],
    requests: Mapping[str, str],
    shelves: Mapping[str, HomeShelves],
) -> str:
    """Make the anchor of an agreement and admit its parties; gives the fingerprint of its key."""
    folder = layout.anchors_config.parent / agreement.id
    site = layout.anchor(agreement.id)
    key = SigningKey.generate("ES256", issuer=site.entity)
    write_key(folder / ANCHOR_KEY, key, preamble=SAMPLE_LINE)
    listed = tuple(Party(region=p.region, gateway=p.gateway, entity=p.entity, holder=True) for p in parties)
    config = AnchorConfig(
        entity=site.entity, folder=folder, parties=listed, agreements=(agreement.id,), mark_type=MARK_TYPE
    )
    body = AnchorBody(config, clock=time.time)
    for party in parties:
        of_party = shelves[party.region].federation.signing.public().public_key
        body.admit(requests[party.region], fingerprint=thumbprint(of_party))
    return thumbprint(key.public().public_key)


def _anchors_configuration(layout: Layout, agreements: Iterable[Agreement]) -> str:
    """Write the configuration of the process that serves all anchors."""
    sites = {site.region: site for site in layout.sites}
    lines = [
        "# Made by the sandbox; every value is for this machine only.",
        "sandbox = true",
        f'listen = "{layout.anchors_address}"',
    ]
    for agreement in agreements:
        lines += [
            "",
            "[[anchor]]",
            f'entity = "{layout.anchor(agreement.id).entity}"',
            f'folder = "{agreement.id}"',
            f'agreement_id = "{agreement.id}"',
            f'mark_type = "{MARK_TYPE}"',
        ]
        for site in (sites[region] for region in agreement.regions):
            lines += [
                "[[anchor.party]]",
                f'region = "{site.region}"',
                f'gateway = "{site.gateway}"',
                f'entity = "{site.entity}"',
                "holder = true",
                f'address = "http://{site.web}"',
            ]
    return "\n".join(lines) + "\n"
