"""Which versions and suites of TLS the ports speak."""

from __future__ import annotations

import asyncio
import ssl
import struct
from typing import TYPE_CHECKING

import pytest

from tests.fakes.mutual import OWN, SERVER, SICHUAN, MutualNode, running, shown_by
from tests.fakes.tls import FakeTlsFolder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture(name="there")
async def _there(tmp_path: Path) -> AsyncIterator[MutualNode]:
    """Run such a gateway."""
    async with running(tmp_path) as there:
        yield there


async def greeted(address: str, *, version: int, suites: tuple[int, ...]) -> int | None:
    """Offer one version and some suites by hand, as no library of today would.

    Gives the version that the server chose, or None where it hung up: gRPC sends no alert.
    """

    def extension(number: int, body: bytes) -> bytes:
        return struct.pack(">HH", number, len(body)) + body

    offered = b"".join(struct.pack(">H", suite) for suite in suites)
    groups, points, signatures = b"\x00\x02\x00\x17", b"\x01\x00", b"\x00\x04\x04\x03\x08\x04"
    alpn = b"\x00\x03\x02h2"
    extensions = extension(10, groups) + extension(11, points) + extension(13, signatures) + extension(16, alpn)
    body = struct.pack(">H", version) + b"r" * 32 + b"\x00" + struct.pack(">H", len(offered)) + offered + b"\x01\x00"
    body += struct.pack(">H", len(extensions)) + extensions
    hello = b"\x01" + len(body).to_bytes(3, "big") + body
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"\x16\x03\x01" + struct.pack(">H", len(hello)) + hello)
    head = await reader.read(5)
    answer = await reader.readexactly(int.from_bytes(head[3:], "big")) if head else b""
    writer.close()
    if head[:1] != b"\x16":
        assert head[:1] in (b"", b"\x15")
        return None
    return int.from_bytes(answer[4:6], "big")


TLS_1_0, TLS_1_1, TLS_1_2 = 0x0301, 0x0302, 0x0303
GCM, OTHERS = 0xC02B, (0xC009, 0xC00A, 0x002F)  # ECDHE-ECDSA-AES128-GCM-SHA256, and what 1.0 and 1.1 had
WEAK = {
    "RC4": (0xC007, 0xC011, 0x0005, 0x0004),
    "3DES": (0xC008, 0xC012, 0x000A),
    "CBC": (0xC009, 0xC00A, 0xC023, 0xC024, 0xC013, 0xC014, 0x002F, 0x0035, 0x003C),
    "NULL": (0xC006, 0xC010, 0x0001, 0x0002, 0x003B),
    "anonymous": (0xC018, 0xC019, 0x0034, 0x00A6),
}


@pytest.mark.parametrize("version", [TLS_1_0, TLS_1_1])
async def test_old_versions_of_tls_are_refused(there: MutualNode, version: int) -> None:
    """TR3: on both ports."""
    for address in (there.mutual, there.plain):
        assert await greeted(address, version=version, suites=(GCM, *OTHERS)) is None
        assert await greeted(address, version=TLS_1_2, suites=(GCM, *OTHERS)) == TLS_1_2


@pytest.mark.parametrize("family", WEAK)
async def test_weak_suites_are_refused(there: MutualNode, family: str) -> None:
    """TR3: a client that knows nothing better gets no connection; with one good suite beside them it does."""
    for address in (there.mutual, there.plain):
        assert await greeted(address, version=TLS_1_2, suites=WEAK[family]) is None
        assert await greeted(address, version=TLS_1_2, suites=(*WEAK[family], GCM)) == TLS_1_2


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_versions_of_today_are_spoken(there: MutualNode, tmp_path: Path, version: ssl.TLSVersion) -> None:
    """TR3, positive: 1.2 and 1.3, on both ports, to the end of the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = context.maximum_version = version
    context.load_verify_locations(cadata=OWN.certificate.decode())
    context.set_alpn_protocols(["h2"])
    client = FakeTlsFolder(tmp_path / "client")
    client.folder.mkdir()
    client.write(*shown_by(SICHUAN))
    context.load_cert_chain(client.certificate, client.key)
    for address in (there.mutual, there.plain):
        host, _, port = address.rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port), ssl=context, server_hostname=SERVER)
        spoken = writer.get_extra_info("ssl_object")
        assert (spoken.version(), spoken.selected_alpn_protocol()) == (version.name.replace("_", ".", 1), "h2")
        writer.close()
