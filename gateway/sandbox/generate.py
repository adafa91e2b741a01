"""Makes everything that a sandbox needs: a CA, certificates, keys, secrets, and one configuration for each gateway.

All of it is for this machine and this run; nothing here is a sample to copy into production.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import secrets
import shutil
import tomllib
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from adapters.registry import load_agreements
from gateway.errors import SettingsError
from gateway.key_shelf import write_key
from gateway.sandbox.anchors import found_anchors
from gateway.sandbox.configuration import configuration
from gateway.sandbox.layout import caller_id
from gateway.settings import SAMPLE_LINE
from gateway.store.key_folder import new_key
from gateway.store.sealing import CipherName
from trust.agreement import Agreement
from trust.errors import SuiteUnavailableError
from trust.keys import KeyRing, SigningKey
from trust.sm2_choice import SUITE as SM2
from trust.sm2_choice import choose_provider

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.registry import Registry
    from gateway.sandbox.layout import Layout, Site

_BOTH_ENDS = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
_ABROAD = ("81", "82")
"""Division codes of Hong Kong and Macao begin with these (GB/T 2260)."""

_DAYS = 30
_BACKDATE = datetime.timedelta(minutes=5)


class Authority:
    """The sandbox's own certificate authority; its key is never written."""

    def __init__(self, now: datetime.datetime) -> None:
        """Make a fresh key and a self-signed certificate."""
        self._now = now
        self._key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "onecard sandbox CA")])
        self.certificate = (
            self._builder(name, name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.KeyUsage(*_CA_USAGE), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - _BACKDATE)
            .not_valid_after(self._now + datetime.timedelta(days=_DAYS))
        )

    def issue(self, site: Site) -> tuple[bytes, bytes]:
        """Make a certificate for a site, as server and as client: PEM of certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, site.server_name)])
        names = [
            x509.DNSName(site.server_name),
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
        certificate = (
            self._builder(subject, self.certificate.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage(_BOTH_ENDS), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return certificate.public_bytes(Encoding.PEM), private


# digital_signature, content_commitment, key_encipherment, data_encipherment, key_agreement, key_cert_sign, crl_sign,
# encipher_only, decipher_only
_CA_USAGE = (False, False, False, False, False, True, True, False, False)


def write_secret(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read, closed before it has any content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(data)


def generate(layout: Layout, registry: Registry) -> None:
    """Make a fresh sandbox; an earlier one in the folder is removed.

    Raises:
        SettingsError: the folder holds something else, which is not ours to remove.
    """
    if layout.folder.exists():
        if any(layout.folder.iterdir()) and not layout.ca.is_file():
            raise SettingsError((f"{layout.folder} holds something that is no sandbox; choose another --folder",))
        shutil.rmtree(layout.folder)
    layout.folder.mkdir(parents=True, mode=0o700)
    authority = Authority(datetime.datetime.now(datetime.UTC))
    layout.ca.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    partners = partners_abroad(registry, layout)
    for site in layout.sites:
        _keys(layout, site, abroad=bool(partners.get(site.region)))
        certificate, key = authority.issue(site)
        home = layout.home(site.region)
        (home / "tls.pem").write_bytes(certificate)
        write_secret(home / "tls.key", SAMPLE_LINE + key)
        wanted = registry.get(site.region).auth.secret_names
        values = {name: secrets.token_hex(16) for name in wanted}
        write_secret(home / "platform.json", json.dumps(values).encode())
    anchors = found_anchors(layout)
    for site in layout.sites:
        text = configuration(layout, (site,), anchors=anchors, partners=partners)
        layout.config(site.region).write_text(text, "utf-8")
    layout.write_endpoints()


def partners_abroad(registry: Registry, layout: Layout) -> dict[str, tuple[str, ...]]:
    """Give, for each mainland region of a cross-border agreement, the partners for whom it counter-signs.

    Such a region signs in SM2, which its partners abroad do not read; none does where no library for SM2 is there.
    """
    try:
        choose_provider()
    except SuiteUnavailableError:
        return {}
    sites = {site.region for site in layout.sites}
    found: dict[str, tuple[str, ...]] = {}
    for agreement in map(Agreement.from_mapping, map(tomllib.loads, load_agreements().values())):
        if agreement.cross_border and sites.issuperset(agreement.regions):
            abroad = tuple(r for r in agreement.regions if registry.get(r).manifest.division_code[:2] in _ABROAD)
            found |= {region: abroad for region in agreement.regions if region not in abroad}
    return found


def _keys(layout: Layout, site: Site, *, abroad: bool) -> None:
    """Make the keys of a region, its entity, its gateway and its platform as a caller, and the pseudonym secret."""
    home = layout.home(site.region)
    if abroad:
        write_key(home / "region.pem", SigningKey.generate(SM2, issuer=site.region), preamble=SAMPLE_LINE)
        write_key(home / "partner.pem", SigningKey.generate("ES256", issuer=site.region), preamble=SAMPLE_LINE)
    for path, issuer in (
        (home / "region.pem", site.region),
        (home / "federation.pem", site.entity),
        (home / "gateway.pem", site.gateway),
        (layout.caller_key(site.region), caller_id(site.region)),
    ):
        if not path.exists():
            write_key(path, SigningKey.generate("ES256", issuer=issuer), preamble=SAMPLE_LINE)
    platform = SigningKey.from_pem(layout.caller_key(site.region).read_bytes(), issuer=caller_id(site.region))
    known = KeyRing([platform.public()]).jwks(platform.issuer)
    (home / "platform.jwks.json").write_text(json.dumps(known), "utf-8")
    if not (home / "evidence.pem").exists():
        write_key(home / "evidence.pem", SigningKey.generate("EdDSA", issuer=site.gateway), preamble=SAMPLE_LINE)
    write_secret(home / "evidence.secret", secrets.token_bytes(32))
    write_secret(home / "pseudonym.key", secrets.token_bytes(32))
    new_key(home / "store-keys", CipherName.AES, preamble=SAMPLE_LINE)
