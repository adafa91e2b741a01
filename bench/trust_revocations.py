"""How long a revoked key is believed elsewhere, from the moment at which the command says that it is revoked.

In turn each region that has an agreement revokes the key with which its gateway calls others. Meanwhile a caller with
that key, and with the certificate that belongs to it, asks every gateway that shares an agreement about a card, again
and again. All of them answer it at first; the time is taken until each refuses because the key was revoked.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from adapters.registry import load_registry
from bench.payloads import METHODS, verify_request
from bench.process import ROOT, BenchError, search_path
from bench.trust_sandbox import neighbors
from gateway.peers.details import details_of
from trust.keys import SigningKey, thumbprint
from trust.signer import CallerTokenSigner

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from bench.trust_sandbox import Sandbox

    Probe = Callable[[], Awaitable[str]]

_PAUSE_SECONDS = 0.005
_CALL_SECONDS = 10.0
_ACCEPTED, _REVOKED = "", "KEY_REVOKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """One key and one gateway that was to refuse it: seconds, and how long the calls before took each.

    `after_answer` counts from the end of the command and is 0 where the gateway was faster, `after_start` from its
    beginning.
    """

    region: str
    node: str
    after_answer: float
    after_start: float
    call_seconds: float


def measure_revocations(sandbox: Sandbox, *, most_seconds: float) -> tuple[Revoked, ...]:
    """Revoke the keys of all regions that have agreements (BenchError where a gateway does not refuse in time)."""

    async def all_in_turn() -> tuple[Revoked, ...]:
        found = [await _revoke(sandbox, region, nodes, most_seconds) for region, nodes in neighbors().items()]
        return tuple(one for of_region in found for one in of_region)

    return asyncio.run(all_in_turn())


async def _revoke(sandbox: Sandbox, region: str, nodes: Iterable[str], most_seconds: float) -> list[Revoked]:
    """Revoke one region's key and wait until all its neighbors refuse it."""
    key = SigningKey.from_pem(
        (sandbox.layout.home(region) / "gateway.pem").read_bytes(), issuer=sandbox.site(region).gateway
    )
    channels = {node: _channel(sandbox, region, node) for node in nodes}
    try:
        probes = {node: await _probe(sandbox, channels[node], key, region, node) for node in nodes}
        watches = {node: asyncio.create_task(_until_refused(probe, most_seconds)) for node, probe in probes.items()}
        await asyncio.sleep(10 * _PAUSE_SECONDS)
        started = time.perf_counter()
        answered = await _command(sandbox, region, thumbprint(key.public().public_key))
        return [
            Revoked(
                region=region,
                node=node,
                after_answer=max(0.0, (await watch)[0] - answered),
                after_start=(await watch)[0] - started,
                call_seconds=(await watch)[1],
            )
            for node, watch in watches.items()
        ]
    finally:
        for channel in channels.values():
            await channel.close(None)


def _channel(sandbox: Sandbox, region: str, node: str) -> grpc.aio.Channel:
    """Open a channel to a neighbor, as the region's gateway does."""
    home = sandbox.layout.home(region)
    credentials = grpc.ssl_channel_credentials(
        sandbox.layout.ca.read_bytes(), (home / "tls.key").read_bytes(), (home / "tls.pem").read_bytes()
    )
    options = (("grpc.ssl_target_name_override", sandbox.site(node).server_name), ("grpc.enable_http_proxy", 0))
    return grpc.aio.secure_channel(sandbox.site(node).mutual, credentials, options)


async def _probe(sandbox: Sandbox, channel: grpc.aio.Channel, key: SigningKey, region: str, node: str) -> Probe:
    """Give a call that the neighbor answers, with the first item of the region about which it does (BenchError)."""
    signer = CallerTokenSigner(key, new_id=lambda: secrets.token_hex(16))
    token = signer.issue(audience=sandbox.site(node).gateway, now=int(time.time()), scopes=("card.verify",))
    method = channel.unary_unary(METHODS["verify"], bytes, bytes)

    async def call(request: bytes) -> str:
        try:
            await method(request, timeout=_CALL_SECONDS, metadata=(("authorization", f"Bearer {token}"),))
        except grpc.aio.AioRpcError as error:
            told = details_of(error)[0]
            return told.reason if told is not None else error.code().name
        return _ACCEPTED

    refusals = set()
    for item in load_registry().get(region).catalog.items:
        request = verify_request(node, item=item.item, request_id=secrets.token_hex(16), consent="CONSENT-1")
        why = await call(request)
        if why == _ACCEPTED:
            return lambda: call(request)
        refusals.add(why)
    raise BenchError(f"{node} answers no call of {region}: {', '.join(sorted(refusals))}")


async def _until_refused(probe: Probe, most_seconds: float) -> tuple[float, float]:
    """Call until the key is refused (BenchError where that does not happen); gives when, and the seconds of a call."""
    begun, calls = time.perf_counter(), 0
    while time.perf_counter() - begun < most_seconds:
        before = time.perf_counter()
        why = await probe()
        if why == _REVOKED:
            return time.perf_counter(), (before - begun) / max(1, calls) - _PAUSE_SECONDS
        if why != _ACCEPTED:
            raise BenchError(f"a call was refused for another reason: {why}")
        calls += 1
        await asyncio.sleep(_PAUSE_SECONDS)
    raise BenchError("a revoked key was not refused in time")


async def _command(sandbox: Sandbox, region: str, kid: str) -> float:
    """Run `onecard federation revoke key`; gives when it said that the key is revoked (BenchError)."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", "federation", "revoke", "key", kid),
        *("--config", str(sandbox.layout.config(region))),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": search_path(), "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    said = await process.stdout.readline()
    answered = time.perf_counter()
    await process.communicate()
    if process.returncode or not said:
        raise BenchError(f"the command to revoke a key of {region} failed")
    return answered
