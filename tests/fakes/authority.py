"""A certificate authority for one test run: its certificate, those it issues, and those nobody should believe."""

from __future__ import annotations

import datetime

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LIFE = (datetime.timedelta(hours=-1), datetime.timedelta(days=1))
OVER = (datetime.timedelta(days=-2), datetime.timedelta(days=-1))
TO_COME = (datetime.timedelta(days=1), datetime.timedelta(days=2))


class FakeAuthority:
    """Issues certificates that are good for a day, unless told otherwise.

    Below another authority, its certificates come with their chain; `may_sign=False` makes one that only pretends.
    """

    def __init__(self, name: str = "test CA", *, above: FakeAuthority | None = None, may_sign: bool = True) -> None:
        """Make a key and sign itself, or be signed by the one above."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named(name)
        signer = above or self
        own = signer._builder(self._name, self._key.public_key())
        constraints = x509.BasicConstraints(ca=may_sign, path_length=None)
        self.certificate = _pem(own.add_extension(constraints, critical=True).sign(signer._key, hashes.SHA256()))
        self._chain: bytes = self.certificate + above._chain if above else b""

    def _builder(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        life: tuple[datetime.timedelta, datetime.timedelta] = LIFE,
    ) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + life[0])
            .not_valid_after(now + life[1])
        )

    def issue(
        self,
        *names: str,
        life: tuple[datetime.timedelta, datetime.timedelta] = LIFE,
        usage: x509.ObjectIdentifier | None = None,
        key: ec.EllipticCurvePrivateKey | None = None,
    ) -> tuple[bytes, bytes]:
        """Make a certificate for DNS names, with its chain, and a key for it: both PEM."""
        own = key or ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(_named(names[0] if names else "nobody"), own.public_key(), life)
        if names:
            dns = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(dns, critical=False)
        if usage is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        private = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return _pem(builder.sign(self._key, hashes.SHA256())) + self._chain, private

    def self_signed(self, name: str) -> tuple[bytes, bytes]:
        """Make a certificate that nobody vouches for: one of a fresh key that signs itself."""
        alone = FakeAuthority(name)
        return alone.issue(name, key=alone._key)

    def credentials(self, name: str) -> grpc.ServerCredentials:
        """Give the credentials of a server of this name."""
        certificate, key = self.issue(name)
        return grpc.ssl_server_credentials([(key, certificate)])


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
