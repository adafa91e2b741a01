"""Writes the configurations of the sandbox's gateways, as an operator would write them by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gateway.callers import SCOPES
from gateway.sandbox.layout import caller_id
from gateway.sandbox.lines import grpcurl_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.sandbox.anchors import FoundAnchor
    from gateway.sandbox.layout import Layout, Site


_PLATFORM_SCOPES = sorted(SCOPES)


def configuration(
    layout: Layout,
    homes: tuple[Site, ...],
    *,
    anchors: Sequence[FoundAnchor],
    partners: Mapping[str, tuple[str, ...]],
    listen: Site | None = None,
) -> str:
    """Write the configuration of a gateway that serves some of the sites; the others are its peers.

    Args:
        layout: the sandbox.
        homes: sites whose regions this gateway serves.
        anchors: the anchors of all agreements; those of the homes' own agreements are pinned.
        partners: for whom each region counter-signs.
        listen: addresses and name of the gateway where they are not those of its first home.
    """
    here = listen or homes[0]
    served = {site.region for site in homes}
    lines = [
        "# Made by the sandbox; every value is for this machine only.",
        f'gateway = "{here.gateway}"',
        "sandbox = true",
        "reflection = true",
        "",
        *_listen_lines(here),
        "",
        "[calls]",
        'certificate = "tls.pem"',
        'key = "tls.key"',
        "",
        "[store]",
        'folder = "store"',
        'keys = "store-keys"',
        "",
        "[evidence]",
        'key = "evidence.pem"',
        'secret = "evidence.secret"',
        "",
        "[pages]",
        f"grpcurl = {json.dumps(grpcurl_options(layout, homes[0].region))}",
        "",
        "[trust]",
        'state = "trust"',
        "first_round_seconds = 20  # all gateways begin together, on whatever machine this is",
    ]
    for anchor in anchors:
        if served.intersection(anchor.regions):
            lines += _anchor_lines(anchor)
    for site in homes:
        lines += _home_lines(site, alone=len(homes) == 1, abroad=partners.get(site.region, ()))
    for site in layout.sites:
        lines += _caller_lines(site) if site.region in served else _peer_lines(site)
    return "\n".join(lines) + "\n"


def _listen_lines(here: Site) -> list[str]:
    return [
        "[listen]",
        f'grpc = "{here.grpc}"',
        f'mutual = "{here.mutual}"',
        f'web = "{here.web}"',
        f'metrics = "{here.metrics}"',
        "[listen.tls]",
        'certificate = "tls.pem"',
        'key = "tls.key"',
        'clients = "../ca.pem"',
    ]


def _anchor_lines(anchor: FoundAnchor) -> list[str]:
    return [
        "",
        "[[trust.anchor]]",
        f'entity = "{anchor.site.entity}"',
        f"fingerprints = {json.dumps([anchor.fingerprint])}",
        f'agreement = "../agreements/{anchor.terms.name}"',
        f'signatures = "../agreements/{anchor.signatures.name}"',
        f'address = "{anchor.site.address}"',
    ]


def _home_lines(site: Site, *, alone: bool, abroad: tuple[str, ...]) -> list[str]:
    folder = f"../{site.region}"
    partner = ["[home.partner]", f"regions = {json.dumps(abroad)}", f'key = "{folder}/partner.pem"'] if abroad else []
    return [
        "",
        "[[home]]",
        f'region = "{site.region}"',
        f'signing_key = "{folder}/region.pem"',
        f'pseudonym_secret = "{folder}/pseudonym.key"',
        "[home.entity]",
        f'id = "{site.entity if alone else f"{site.entity}/{site.region}"}"',
        f'key = "{folder}/federation.pem"',
        "[home.caller]",
        f'id = "{site.gateway}"',
        f'key = "{folder}/gateway.pem"',
        "[home.platform]",
        f'base_url = "http://{site.platform}"',
        f'secrets = "{folder}/platform.json"',
        "allow_private_addresses = true",
        *partner,
    ]


def _peer_lines(site: Site) -> list[str]:
    return [
        "",
        "[[peer]]",
        f'region = "{site.region}"',
        f'address = "{site.mutual}"',
        f'server_name = "{site.server_name}"',
        f'audience = "{site.gateway}"',
        f'caller = "{site.gateway}"',
        'ca = "../ca.pem"',
        f'entity = "{site.entity}"',
        f'federation = "http://{site.web}"',
    ]


def _caller_lines(site: Site) -> list[str]:
    return [
        "",
        "[[caller]]",
        f'id = "{caller_id(site.region)}"',
        f'region = "{site.region}"',
        f"scopes = {json.dumps(_PLATFORM_SCOPES)}",
        f'keys = "../{site.region}/platform.jwks.json"',
    ]
