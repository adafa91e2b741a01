"""Simulated platforms over real HTTP: every cardholder, every kind of credential, every fault, in each dialect."""

from __future__ import annotations

import asyncio
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
import pytest

from adapters.credential import by_card_number, by_electronic_sign_number, by_identification_code, by_qr_text
from adapters.errors import (
    AdapterError,
    BadUpstreamError,
    CardNotFoundError,
    CredentialUsedError,
    HolderMismatchError,
    PlatformRefusedError,
    PlatformTimeoutError,
    PlatformUnavailableError,
)
from adapters.platform import PlatformClient, PlatformLimits
from adapters.registry import load_registry
from gateway.sandbox.platforms import MODES, SimulatedPlatform, qr_text
from tests.sandbox_fixture.cards import vectors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from adapters.adapter import ManifestAdapter
    from adapters.canonical import CardIdentity
    from adapters.credential import Credential

ADAPTERS = tuple(load_registry())
QR_ADAPTERS = tuple(a for a in ADAPTERS if "qr_text" in a.manifest.platform.lookup.credential)
FAULTS: dict[str, type[AdapterError]] = {
    "down": PlatformUnavailableError,
    "html": BadUpstreamError,
    "slow": PlatformTimeoutError,
    "http_500": PlatformUnavailableError,
    "garbled": BadUpstreamError,
}

each_region = pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.region)
each_qr_region = pytest.mark.parametrize("adapter", QR_ADAPTERS, ids=lambda adapter: adapter.region)


def synthetic_secrets(adapter: ManifestAdapter) -> dict[str, str]:
    """Invent the secrets that a region's scheme needs."""
    return {name: f"SYNTHETIC{number:023x}" for number, name in enumerate(adapter.auth.secret_names)}


@asynccontextmanager
async def platform(adapter: ManifestAdapter) -> AsyncIterator[str]:
    """Run a simulated platform on a free port; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    running = SimulatedPlatform(adapter, synthetic_secrets(adapter))
    await running.start(address)
    try:
        yield address
    finally:
        await running.stop()


@asynccontextmanager
async def client(
    adapter: ManifestAdapter, address: str, *, secrets: Mapping[str, str] | None = None
) -> AsyncIterator[PlatformClient]:
    """Make the real client of a platform, without patience and without a breaker in the way."""
    made = PlatformClient(
        region=adapter.region,
        base_url=f"http://{address}",
        dialect=adapter,
        auth=adapter.auth,
        secrets=secrets or synthetic_secrets(adapter),
        limits=PlatformLimits(failures_to_open=20, backoff_seconds=0.001),
        allow_private_addresses=True,
        new_nonce=iter(f"{number:032x}" for number in range(10_000)).__next__,
    )
    try:
        yield made
    finally:
        await made.close()


def shown_by(adapter: ManifestAdapter, identity: CardIdentity) -> list[Credential]:
    """Make every repeatable credential that a cardholder could show in this region."""
    holder, card = identity.holder, identity.card
    made = []
    if card.number and holder.social_security_number:
        made.append(by_card_number(card.number.reveal(), holder.social_security_number.reveal()))
    if card.identification_code:
        made.append(by_identification_code(card.identification_code.reveal()))
    if card.electronic_sign_number:
        made.append(by_electronic_sign_number(card.electronic_sign_number.reveal()))
    return [one for one in made if one.lookup_kind in adapter.manifest.platform.lookup.credential]


async def switch(address: str, mode: str) -> int:
    """Switch a fault; gives the HTTP status."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://{address}/-/fault", json={"mode": mode}) as reply,
    ):
        return reply.status


@pytest.mark.parametrize("body", [b"down", b"", b"[]", b'"down"', b"\xff", b'{"mode": "magic"}', b'{"mode": ["down"]}'])
async def test_a_fault_that_there_is_not_is_refused(body: bytes) -> None:
    """What is no JSON object with a known mode switches nothing, and is answered with the modes that there are."""
    async with (
        platform(ADAPTERS[0]) as address,
        aiohttp.ClientSession() as session,
        session.post(f"http://{address}/-/fault", data=body) as reply,
    ):
        assert reply.status == 400
        assert "down" in (await reply.json())["modes"]


@each_region
async def test_every_cardholder_is_found_by_every_credential(adapter: ManifestAdapter) -> None:
    """Each vector's record comes back whole over the region's own dialect, whatever its holder shows."""
    kinds = set()
    async with platform(adapter) as address, client(adapter, address) as asked:
        for vector in vectors(adapter.region).values():
            identity = adapter.identity_to_canonical(vector["record"])
            for credential in shown_by(adapter, identity):
                told = await asked.lookup(adapter.draft(credential))
                assert adapter.identity_to_canonical(told.fields, strict=False) == identity, vector["id"]
                kinds.add(credential.lookup_kind)
    assert kinds == adapter.manifest.platform.lookup.credential.keys() - {"qr_text"}


@each_qr_region
async def test_a_qr_text_is_resolved_once(adapter: ManifestAdapter) -> None:
    """A QR text gives its holder once; another one of the same holder is good; an invented one is not."""
    async with platform(adapter) as address, client(adapter, address) as asked:
        draft = adapter.draft(by_qr_text(qr_text(adapter.region, "active", "1")))
        told = await asked.lookup(draft)
        assert dict(told.fields) == vectors(adapter.region)["active"]["record"]
        with pytest.raises(CredentialUsedError):
            await asked.lookup(draft)
        again = await asked.lookup(adapter.draft(by_qr_text(qr_text(adapter.region, "active", "2"))))
        assert again.fields == told.fields
        for text in (
            qr_text(adapter.region, "nobody", "1"),
            qr_text("atlantis", "active", "1"),
            "https://qr.example/1",
        ):
            with pytest.raises(CardNotFoundError):
                await asked.lookup(adapter.draft(by_qr_text(text)))


@each_region
async def test_strangers_are_told_apart(adapter: ManifestAdapter) -> None:
    """A card that nobody has is not found, and one with another holder's number does not match."""
    first, second = (vectors(adapter.region)[name]["canonical"] for name in ("active", "active_2"))
    async with platform(adapter) as address, client(adapter, address) as asked:
        with pytest.raises(CardNotFoundError):
            await asked.lookup(adapter.draft(by_card_number("Z99999999", first["holder"]["social_security_number"])))
        mixed = by_card_number(first["card"]["number"], second["holder"]["social_security_number"])
        with pytest.raises(HolderMismatchError):
            await asked.lookup(adapter.draft(mixed))


@each_region
async def test_a_platform_lets_only_its_gateway_in(adapter: ManifestAdapter) -> None:
    """With other secrets the gateway is refused, after a fresh login where there is one."""
    (credential, *_) = shown_by(adapter, adapter.identity_to_canonical(vectors(adapter.region)["active"]["record"]))
    wrong = dict.fromkeys(synthetic_secrets(adapter), "SYNTHETIC-WRONG-SECRET-00000000")
    async with platform(adapter) as address, client(adapter, address, secrets=wrong) as asked:
        with pytest.raises(PlatformRefusedError):
            await asked.lookup(adapter.draft(credential))


@each_region
async def test_faults_are_switched_on_and_off(adapter: ManifestAdapter) -> None:
    """Each fault becomes its error at the gateway's edge, which quotes nothing; when it is off all is well."""
    (credential, *_) = shown_by(adapter, adapter.identity_to_canonical(vectors(adapter.region)["active"]["record"]))
    draft = adapter.draft(credential)
    async with platform(adapter) as address, client(adapter, address) as asked:
        for mode, error in FAULTS.items():
            if mode == "slow" and adapter is not ADAPTERS[0]:
                continue  # waiting speaks no dialect, and each wait costs a second
            assert await switch(address, mode) == 200
            with pytest.raises(error) as failed:
                await asked.lookup(draft, timeout_seconds=0.3 if mode == "slow" else None)
            assert failed.value.metadata["region"] == adapter.region
            assert not {*credential.values.values()} & {*failed.value.metadata.values()}
            assert await switch(address, "none") == 200
            assert (await asked.lookup(draft)).fields


async def test_an_unknown_fault_is_refused() -> None:
    """A fault that nobody knows changes nothing and is answered with those there are."""
    async with platform(ADAPTERS[0]) as address:
        assert {*MODES} == {"none", *FAULTS}
        assert await switch(address, "flood") == 400


async def test_a_caller_that_leaves_is_no_trace_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever hangs up in the middle of a request upsets nothing, and no trace is logged."""
    async with platform(ADAPTERS[0]) as address:
        host, _, port = address.rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /cards HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.transport.abort()
        async with aiohttp.ClientSession() as session, session.get(f"http://{address}/") as reply:
            assert reply.status < 500
    assert [record for record in caplog.records if record.exc_info] == []


@each_region
async def test_rubbish_does_not_upset_a_platform(adapter: ManifestAdapter) -> None:
    """What is no request of the dialect gets a refusal of the dialect or a client's error, and no server error."""
    async with platform(adapter) as address, aiohttp.ClientSession() as session:
        for path in (adapter.manifest.platform.lookup.path, "/", "/nothing"):
            for body in (b"", b"\xff\xfe", b"{}", b"[]", b'{"a":{"b":1}}', b"<x/>"):
                async with session.post(f"http://{address}{path}", data=body) as reply:
                    assert reply.status < 500, (path, body)
