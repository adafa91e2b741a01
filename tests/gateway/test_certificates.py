"""What the gateway reads from a certificate that TLS has proven, and what it asks again at each call."""

from __future__ import annotations

import base64
import hashlib
import time
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from gateway import certificates as module
from gateway.certificates import CertificateRule, fingerprint
from tests.fakes.authority import FakeAuthority
from tests.fakes.clock import FakeClock
from trust.encoding import is_sha256
from trust.errors import BindingError, ExpiredError, PeerRevokedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.certificates import Certificate

SICHUAN, MACAO = FakeAuthority("Sichuan CA"), FakeAuthority("Macao CA")
NAME = "sichuan.onecard.test"
SHOWN = SICHUAN.issue(NAME)[0]


class FakeDesk:
    """Knows which certificates were revoked, and counts how often it is asked."""

    def __init__(self) -> None:
        """Begin with none."""
        self.revoked: set[str] = set()
        self.asked = 0

    def require_live(self, shown: Certificate) -> None:
        """Refuse a revoked one."""
        self.asked += 1
        if shown.fingerprint in self.revoked:
            raise PeerRevokedError(kind="certificate", reason="compromised")


def rule(
    desk: FakeDesk | None = None, *, clock: FakeClock | None = None, authorities: Mapping[str, bytes] | None = None
) -> CertificateRule:
    """Make a rule, by the real time because certificates have it."""
    return CertificateRule(
        require_live=(desk or FakeDesk()).require_live, clock=clock or FakeClock(time.time()), authorities=authorities
    )


def context(pem: bytes, *chain: bytes) -> dict[str, list[bytes]]:
    """Give what gRPC tells of a connection with a certificate."""
    told = {"transport_security_type": [b"ssl"], "x509_pem_cert": [pem]}
    return {**told, "x509_pem_cert_chain": [b"".join(chain)]} if chain else told


def test_a_connection_without_certificate_shows_none() -> None:
    """And nobody is asked about it."""
    desk = FakeDesk()
    assert rule(desk).shown({"transport_security_type": [b"ssl"]}) is None
    assert desk.asked == 0


def test_the_thumbprint_is_that_of_the_standard() -> None:
    """RFC 8705 section 3.1: base64url without padding of SHA-256 over the DER; of the leaf, not of its chain."""
    der = x509.load_pem_x509_certificate(SHOWN).public_bytes(Encoding.DER)
    expected = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    shown = rule().shown(context(SHOWN))
    assert shown is not None
    assert shown.fingerprint == fingerprint(SHOWN) == fingerprint(SHOWN + SICHUAN.certificate) == expected
    assert is_sha256(expected)
    assert shown.not_after == pytest.approx(time.time() + 86400, abs=3600)


def test_names_are_those_for_hosts_in_lower_case() -> None:
    """The common name names nobody."""
    for pem, names in (
        (SICHUAN.issue("Sichuan.OneCard.test", "b.test")[0], {"sichuan.onecard.test", "b.test"}),
        (SICHUAN.issue()[0], set()),
    ):
        shown = rule().shown(context(pem))
        assert shown is not None
        assert shown.names == names


def test_a_certificate_is_read_once_and_asked_about_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory is bounded, and what it forgets is read again."""
    read: list[bytes] = []
    load = module._load

    def counted(pem: bytes) -> list[x509.Certificate]:
        read.append(pem)
        return load(pem)

    monkeypatch.setattr(module, "_load", counted)
    monkeypatch.setattr(module, "_MOST_KNOWN", 2)
    desk = FakeDesk()
    known = rule(desk)
    first = known.shown(context(SHOWN))
    assert known.shown(context(bytes(bytearray(SHOWN)))) is first
    assert (len(read), desk.asked) == (1, 2)
    for _ in range(2):
        known.shown(context(SICHUAN.issue(NAME)[0]))
    assert known.shown(context(SHOWN)) == first
    assert len(read) == 4


def test_a_revoked_certificate_is_refused_from_the_next_question_on() -> None:
    """TR2: on an open connection too; others go on."""
    desk = FakeDesk()
    known = rule(desk)
    shown = known.shown(context(SHOWN))
    assert shown is not None
    known.require(shown)
    desk.revoked.add(shown.fingerprint)
    with pytest.raises(PeerRevokedError):
        known.shown(context(SHOWN))
    with pytest.raises(PeerRevokedError):
        known.require(shown)
    assert known.shown(context(SICHUAN.issue(NAME)[0]))


def test_a_certificate_that_comes_to_its_end_on_an_open_connection_is_refused() -> None:
    """After the skew of 10 s, saying by how much; TLS looks at the dates only when a connection opens."""
    clock = FakeClock(time.time())
    known = rule(clock=clock)
    shown = known.shown(context(SHOWN))
    assert shown is not None
    clock.now = shown.not_after + 9
    assert known.shown(context(SHOWN)) is shown
    clock.advance(1)
    with pytest.raises(ExpiredError) as caught:
        known.shown(context(SHOWN))
    assert caught.value.metadata == {"claim": "certificate", "skew_seconds": "10"}


def test_only_its_own_authority_may_give_a_name() -> None:
    """Each peer's authority is believed for its own names: one region's cannot speak in the name of another's."""
    known = rule(authorities={"Sichuan.onecard.test": SICHUAN.certificate, "macao.onecard.test": MACAO.certificate})
    for authority, names in (
        (SICHUAN, {NAME, "free.test"}),
        (MACAO, {"macao.onecard.test", "free.test"}),
        (FakeAuthority("Sichuan CA"), {"free.test"}),
    ):
        shown = known.shown(context(authority.issue(NAME, "macao.onecard.test", "free.test")[0]))
        assert shown is not None
        assert shown.names == names


def test_an_authority_may_stand_behind_others() -> None:
    """The chain that the connection brought is followed to its end, and not for ever."""
    between = FakeAuthority("between", above=SICHUAN)
    known = rule(authorities={NAME: MACAO.certificate + SICHUAN.certificate})
    leaf = x509.load_pem_x509_certificates(between.issue(NAME)[0])[0].public_bytes(Encoding.PEM)
    shown = known.shown(context(leaf, between.certificate))
    assert shown is not None
    assert shown.names == {NAME}
    deep = [FakeAuthority("0", above=SICHUAN)]
    for number in range(1, 5):
        deep.append(FakeAuthority(str(number), above=deep[-1]))
    for authority, chain in (
        (FakeAuthority("between", above=SICHUAN), [between]),
        (FakeAuthority("below", above=between), []),
        (deep[-1], deep),
    ):
        leaf = x509.load_pem_x509_certificates(authority.issue(NAME)[0])[0].public_bytes(Encoding.PEM)
        shown = known.shown(context(leaf, *(one.certificate for one in chain)))
        assert shown is not None
        assert shown.names == frozenset()


@pytest.mark.parametrize(
    "pem", [b"", b"no PEM", SHOWN[:200], b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_certificate_that_cannot_be_read_binds_nothing(pem: bytes) -> None:
    """It is refused, and nothing of it is told."""
    for ask in (lambda: rule().shown(context(pem)), lambda: fingerprint(pem), lambda: rule(authorities={NAME: pem})):
        with pytest.raises(BindingError) as caught:
            ask()
        assert caught.value.metadata == {"rule": "certificate that can be read"}
        assert caught.value.__suppress_context__


def test_names_that_cannot_be_read_refuse_the_certificate() -> None:
    """Half a certificate is not believed."""
    key = SICHUAN._key
    builder = SICHUAN._builder(x509.Name([]), key.public_key())
    odd = x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\xff\xff")
    pem = builder.add_extension(odd, critical=False).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)
    with pytest.raises(BindingError):
        rule().shown(context(pem))
