"""Founding the federations of a sandbox: each agreement has an anchor that admits its parties, who have signed."""

from __future__ import annotations

import stat
import time
import tomllib
from typing import TYPE_CHECKING

import pytest

from adapters.registry import load_registry
from gateway.bootstrap_anchors import anchor_config
from gateway.errors import SettingsError
from gateway.federation.agreements import load_agreement
from gateway.federation.register_body import AnchorBody
from gateway.key_places import KeyPlaces
from gateway.key_shelf import KeyShelf
from gateway.sandbox.anchors import agreement_texts
from gateway.sandbox.generate import generate, partners_abroad
from gateway.sandbox.layout import Layout
from gateway.settings import ANCHOR_KEY, SAMPLE_LINE, load_anchors, load_settings
from trust.agreement import Agreement
from trust.keys import thumbprint
from trust.party_signature import verify_party_signature
from trust.statement import read_configuration

if TYPE_CHECKING:
    from pathlib import Path

    from trust.keys import VerificationKey

REGISTRY = load_registry()


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """Generate the sandbox of all regions; it does not run."""
    made = Layout.of(tmp_path_factory.mktemp("anchors") / "sandbox", REGISTRY.regions, 20_000)
    generate(made, REGISTRY)
    return made


def agreements(layout: Layout) -> dict[str, Agreement]:
    """Read the agreements of a sandbox by id."""
    terms = (layout.folder / "agreements").glob("*.toml")
    read = [Agreement.from_mapping(tomllib.loads(path.read_text("utf-8"))) for path in terms]
    return {agreement.id: agreement for agreement in read}


def test_each_agreement_has_an_anchor_that_vouches_for_its_parties_only(layout: Layout) -> None:
    """Each under its key, its region and its gateway; nobody else is a member."""
    known = agreements(layout)
    assert len(known) == len(agreement_texts())
    sites = {site.region: site for site in layout.sites}
    for settings in load_anchors(layout.anchors_config).anchor:
        body = AnchorBody(anchor_config(settings), clock=time.time)
        parties = [sites[region] for region in known[settings.agreement_id].regions]
        assert set(body.register.members()) == {site.entity for site in parties}
        assert {(party.region, party.gateway, party.entity) for party in settings.party} == {
            (site.region, site.gateway, site.entity) for site in parties
        }


def test_every_gateway_pins_the_anchors_of_its_own_agreements(layout: Layout) -> None:
    """By the fingerprint of the anchor's key, and no others."""
    known = agreements(layout)
    for site in layout.sites:
        pinned = load_settings(layout.config(site.region)).trust.anchor
        wanted = {layout.anchor(one.id).entity for one in known.values() if site.region in one.regions}
        assert {anchor.entity for anchor in pinned} == wanted
        for anchor in pinned:
            name = anchor.entity.rpartition("/")[2]
            key = KeyShelf(layout.anchors_config.parent / name / ANCHOR_KEY, issuer=anchor.entity).signing
            assert anchor.fingerprints == (thumbprint(key.public().public_key),)


def test_every_party_has_signed_its_agreement(layout: Layout) -> None:
    """With the federation key of its entity, and nobody else has."""
    sites = {site.entity: site for site in layout.sites}

    def keys(entity: str, region: str) -> tuple[VerificationKey, ...]:
        assert sites[entity].region == region
        return KeyShelf(layout.home(region) / "federation.pem", issuer=entity).published

    for terms in (layout.folder / "agreements").glob("*.toml"):
        signed = load_agreement(terms, terms.with_suffix(".signatures"), anchor="https://a.example")
        read = [verify_party_signature(text, keys=keys, now=int(time.time()))[0] for text in signed.signatures]
        assert {one.region for one in read} == set(signed.agreement.regions)
        assert {(one.name, one.digest) for one in read} == {(signed.agreement.id, signed.digest)}


def test_keys_are_marked_closed_and_for_one_use_each(layout: Layout) -> None:
    """Each says who made it, nobody else can read it, and no two files hold the same key."""
    keys = sorted(path for path in layout.folder.rglob("*.pem") if path.name not in {"ca.pem", "tls.pem"})
    assert len(keys) >= 4 * len(layout.sites) + 4
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    assert [path for path in keys if not path.read_bytes().startswith(SAMPLE_LINE)] == []
    assert len({path.read_bytes() for path in keys}) == len(keys)


def test_a_gateway_outside_the_sandbox_takes_none_of_its_keys(layout: Layout, tmp_path: Path) -> None:
    """Whoever copies a configuration is told which keys to make anew, all at once."""
    site = layout.sites[0]
    text = layout.config(site.region).read_text("utf-8")
    for open_door in ("sandbox = true", "reflection = true", "allow_private_addresses = true"):
        assert open_door in text
        text = text.replace(open_door, open_door.replace("true", "false"))
    copied = layout.home(site.region) / f"{tmp_path.name}.toml"
    copied.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(copied)
    named = {fault.partition(":")[0] for fault in caught.value.faults}
    assert named == {"tls.key", "region.pem", "federation.pem", "gateway.pem", "evidence.pem", "0001.key"}


def test_a_region_asks_to_join_with_what_its_gateway_publishes(layout: Layout) -> None:
    """The first configuration is numbered, so that a node that starts later goes on from there."""
    for site in layout.sites:
        folder = layout.home(site.region) / "trust" / site.region
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert (folder / "versions.json").is_file()


def test_an_agreement_without_all_its_parties_is_not_founded(tmp_path: Path) -> None:
    """A sandbox of few regions has the anchors of what these have agreed among themselves."""
    made = Layout.of(tmp_path / "sandbox", ("chongqing", "sichuan", "guangdong"), 20_000)
    generate(made, REGISTRY)
    assert list(agreements(made)) == ["sichuan-chongqing"]
    assert [one.agreement_id for one in load_anchors(made.anchors_config).anchor] == ["sichuan-chongqing"]
    assert load_settings(made.config("guangdong")).trust.anchor == ()
    assert partners_abroad(REGISTRY, made) == {}


def test_partners_abroad_get_a_key_that_they_can_read(layout: Layout) -> None:
    """Where a library for SM2 is there, Guangdong signs in it, and once more for Hong Kong and Macao."""
    partners = partners_abroad(REGISTRY, layout)
    if not partners:
        pytest.skip("no library for SM2 on this machine")
    assert {region: set(abroad) for region, abroad in partners.items()} == {"guangdong": {"hongkong", "macao"}}
    home = load_settings(layout.config("guangdong")).home[0]
    assert home.partner is not None
    assert set(home.partner.regions) == {"hongkong", "macao"}
    places = KeyPlaces(clock=time.monotonic)
    assert places.key(home.signing_key, issuer="guangdong").algorithm == "SGD_SM3_SM2"
    assert places.key(home.partner.key, issuer="guangdong").algorithm == "ES256"


def test_an_anchor_publishes_under_its_pinned_key(layout: Layout) -> None:
    """Its configuration proves itself and names no superior."""
    for settings in load_anchors(layout.anchors_config).anchor:
        told, _ = read_configuration(AnchorBody(anchor_config(settings), clock=time.time).publisher.text())
        assert (told.sub, told.authority_hints) == (settings.entity, ())
