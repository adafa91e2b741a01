"""A certificate authority for one test run: its certificate, and server certificates by name."""

from __future__ import annotations

import datetime

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class FakeAuthority:
    """Issues certificates that are good for a day."""

    def __init__(self, name: str = "test CA") -> None:
        """Make a key and sign itself."""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = self._builder(self._name, self._key.public_key())
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        self.certificate = (
            own.add_extension(constraints, critical=True).sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        )

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    def issue(self, name: str) -> tuple[bytes, bytes]:
        """Make a server certificate for a DNS name: PEM of certificate and key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        certificate = self._builder(subject, key.public_key()).add_extension(names, critical=False)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return certificate.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM), private

    def credentials(self, name: str) -> grpc.ServerCredentials:
        """Give the credentials of a server of this name."""
        certificate, key = self.issue(name)
        return grpc.ssl_server_credentials([(key, certificate)])
