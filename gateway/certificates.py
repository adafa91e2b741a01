"""The certificates that callers show: what the gateway reads from them, and what it asks again at each call.

TLS proves a certificate once, when a connection opens, and its refusals never reach Python. So whatever may change
while a connection stays open (a revocation, the end of the certificate's life) is asked here, at each call and at each
message of a stream. A certificate is parsed once; later calls find it by the very bytes that gRPC hands over.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from trust.claims import CLOCK_SKEW_SECONDS
from trust.encoding import encode_base64url
from trust.errors import BindingError, ExpiredError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gateway.services.ports import Clock

    AuthContext: TypeAlias = Mapping[str, Iterable[bytes]]
    RequireLive: TypeAlias = Callable[["Certificate"], None]

_SHOWN: Final = "x509_pem_cert"
_BETWEEN: Final = "x509_pem_cert_chain"
_MOST_KNOWN: Final = 1024
_LONGEST_CHAIN: Final = 4
_UNREADABLE = (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)
_NOT_ISSUED = (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that TLS has proven: its thumbprint, its DNS names in lower case, its end in Unix seconds.

    The thumbprint is that of `cnf` (`x5t#S256`, RFC 8705 section 3.1): 43 characters, SHA-256 over the DER.
    """

    fingerprint: str
    names: frozenset[str]
    not_after: int


def fingerprint(pem: bytes) -> str:
    """Give the thumbprint of the first certificate of a PEM file (BindingError where there is none)."""
    return _thumbprint(_load(pem)[0])


def dns_names(pem: bytes) -> frozenset[str]:
    """Give the DNS names of the first certificate of a PEM file, in lower case (BindingError where there are none)."""
    names = _dns_names(_load(pem)[0])
    if not names:
        raise BindingError(rule="certificate with a DNS name")
    return names


def _thumbprint(certificate: x509.Certificate) -> str:
    return encode_base64url(hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest())


def _load(pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except _UNREADABLE:
        raise BindingError(rule="certificate that can be read") from None


def _dns_names(certificate: x509.Certificate) -> frozenset[str]:
    """Read the DNS names of the subject alternative name; the common name names nobody (RFC 9525 section 2)."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return frozenset(name.lower() for name in extension.value.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        return frozenset()
    except _UNREADABLE:
        raise BindingError(rule="certificate that can be read") from None


def _is_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except _NOT_ISSUED:
        return False
    return True


def _leads_to(certificate: x509.Certificate, between: list[x509.Certificate], roots: list[x509.Certificate]) -> bool:
    """Tell whether the chain ends at one of the roots; that each link may sign, TLS has checked."""
    for _ in range(_LONGEST_CHAIN):
        if any(_is_issued(certificate, root) for root in roots):
            return True
        above = next((one for one in between if _is_issued(certificate, one)), None)
        if above is None:
            return False
        certificate = above
    return False


class CertificateRule:
    """Decides on the certificate of a connection, again at each call.

    Args:
        require_live: raises PeerRevokedError for a certificate that was revoked, or whose holder was; asked at each
            call, so it must be a look-up in memory.
        clock: tells when a certificate on an open connection has come to its end.
        authorities: DNS name -> PEM of the one authority, or several, whose certificates may carry this name. A server
            trusts the authorities of all its peers; without this, each of them could speak in the name of the others.
    """

    def __init__(
        self, *, require_live: RequireLive, clock: Clock, authorities: Mapping[str, bytes] | None = None
    ) -> None:
        """Read the authorities (BindingError where a PEM cannot be read)."""
        self._require_live = require_live
        self._clock = clock
        self._roots = {name.lower(): _load(pem) for name, pem in (authorities or {}).items()}
        self._known = OrderedDict[bytes, Certificate]()

    def shown(self, auth_context: AuthContext) -> Certificate | None:
        """Give the certificate of a connection, or None where it has none.

        Raises:
            BindingError: a certificate that TLS took and we cannot read.
            PeerRevokedError, ExpiredError: as `require` does.
        """
        certificates = auth_context.get(_SHOWN)
        if certificates is None:
            return None
        pem = next(iter(certificates))
        certificate = self._known.get(pem)
        if certificate is None:
            certificate = self._read(pem, auth_context.get(_BETWEEN, ()))
            if len(self._known) >= _MOST_KNOWN:
                self._known.popitem(last=False)
            self._known[pem] = certificate
        self.require(certificate)
        return certificate

    def require(self, certificate: Certificate) -> None:
        """Demand that the certificate still stands (PeerRevokedError, ExpiredError)."""
        late = int(self._clock()) - certificate.not_after
        if late >= CLOCK_SKEW_SECONDS:
            raise ExpiredError(claim="certificate", skew_seconds=str(late))
        self._require_live(certificate)

    def _read(self, pem: bytes, chain: Iterable[bytes]) -> Certificate:
        """Read a certificate, without the names that its authority may not give."""
        leaf = _load(pem)[0]
        between = [one for part in chain for one in _load(part)]
        names = frozenset(name for name in _dns_names(leaf) if self._may_carry(leaf, name, between))
        return Certificate(_thumbprint(leaf), names, int(leaf.not_valid_after_utc.timestamp()))

    def _may_carry(self, leaf: x509.Certificate, name: str, between: list[x509.Certificate]) -> bool:
        roots = self._roots.get(name)
        return roots is None or _leads_to(leaf, between, roots)
