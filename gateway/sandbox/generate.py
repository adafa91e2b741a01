"""Makes everything that a sandbox needs: a CA, certificates, keys, secrets, and one configuration for each gateway.

All of it is for this machine and this run; nothing here is a sample to copy into production.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import secrets
import shutil
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from adapters.registry import load_agreements
from gateway.callers import SCOPES
from gateway.errors import SettingsError
from gateway.sandbox.layout import caller_id
from trust.keys import KeyRing, SigningKey

if TYPE_CHECKING:
    from pathlib import Path

    from adapters.registry import Registry
    from gateway.sandbox.layout import Layout, Site

_DAYS = 30
_BACKDATE = datetime.timedelta(minutes=5)
_PLATFORM_SCOPES = sorted(SCOPES)
_GATEWAY_SCOPES = ["card.verify"]


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
        """Make a server certificate for a site: PEM of certificate and key."""
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
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
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
    for name, text in load_agreements().items():
        path = layout.folder / "agreements" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    for site in layout.sites:
        _keys(layout, site)
        certificate, key = authority.issue(site)
        home = layout.home(site.region)
        (home / "tls.pem").write_bytes(certificate)
        write_secret(home / "tls.key", key)
        wanted = registry.get(site.region).auth.secret_names
        values = {name: secrets.token_hex(16) for name in wanted}
        write_secret(home / "platform.json", json.dumps(values).encode())
    for site in layout.sites:
        layout.config(site.region).write_text(configuration(layout, (site,)), "utf-8")
    layout.write_endpoints()


def _keys(layout: Layout, site: Site) -> None:
    """Make the region's signing key, its gateway's key, its platform's key as a caller, and the pseudonym secret."""
    home = layout.home(site.region)
    public = layout.folder / "keys"
    public.mkdir(exist_ok=True)
    for path, issuer in (
        (home / "region.pem", site.region),
        (home / "gateway.pem", site.gateway),
        (layout.caller_key(site.region), caller_id(site.region)),
    ):
        key = SigningKey.generate("ES256", issuer=issuer)
        write_secret(path, key.to_pem())
        (public / f"{issuer}.jwks.json").write_text(json.dumps(KeyRing([key.public()]).jwks(issuer)), "utf-8")
    write_secret(home / "pseudonym.key", secrets.token_bytes(32))


def configuration(layout: Layout, homes: tuple[Site, ...], *, listen: Site | None = None) -> str:
    """Write the configuration of a gateway that serves some of the sites; the others are its peers.

    Args:
        layout: the sandbox.
        homes: sites whose regions this gateway serves.
        listen: addresses and name of the gateway where they are not those of its first home.
    """
    here = listen or homes[0]
    agreements = [f"../agreements/{path.name}" for path in sorted((layout.folder / "agreements").iterdir())]
    lines = [
        "# Made by the sandbox; every value is for this machine only.",
        f'gateway = "{here.gateway}"',
        "sandbox = true",
        "reflection = true",
        'signing_key = "gateway.pem"',
        f"agreement = {json.dumps(agreements)}",
        "",
        "[listen]",
        f'grpc = "{here.grpc}"',
        f'web = "{here.web}"',
        "[listen.tls]",
        'certificate = "tls.pem"',
        'key = "tls.key"',
    ]
    served = {site.region for site in homes}
    for site in homes:
        lines += _home_lines(site)
    for site in layout.sites:
        if site.region in served:
            lines += _caller_lines(caller_id(site.region), site.region, "platform", _PLATFORM_SCOPES)
        else:
            lines += _peer_lines(site)
            lines += _caller_lines(site.gateway, site.region, "gateway", _GATEWAY_SCOPES)
    return "\n".join(lines) + "\n"


def _home_lines(site: Site) -> list[str]:
    folder = f"../{site.region}"
    return [
        "",
        "[[home]]",
        f'region = "{site.region}"',
        f'signing_key = "{folder}/region.pem"',
        f'pseudonym_secret = "{folder}/pseudonym.key"',
        "[home.platform]",
        f'base_url = "http://{site.platform}"',
        f'secrets = "{folder}/platform.json"',
        "allow_private_addresses = true",
    ]


def _peer_lines(site: Site) -> list[str]:
    return [
        "",
        "[[peer]]",
        f'region = "{site.region}"',
        f'address = "{site.grpc}"',
        f'server_name = "{site.server_name}"',
        f'audience = "{site.gateway}"',
        'ca = "../ca.pem"',
        f'keys = "../keys/{site.region}.jwks.json"',
    ]


def _caller_lines(name: str, region: str, kind: str, scopes: list[str]) -> list[str]:
    return [
        "",
        "[[caller]]",
        f'id = "{name}"',
        f'region = "{region}"',
        f'kind = "{kind}"',
        f"scopes = {json.dumps(scopes)}",
        f'keys = "../keys/{name}.jwks.json"',
    ]
