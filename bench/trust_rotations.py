"""Ten rotations of a region's key while others verify its cards: how many of their calls fail."""

from __future__ import annotations

import json
import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc

from bench.load import Target, Wire, background
from bench.payloads import HOME, METHODS, VISITED, verify_request
from bench.process import BenchError
from gateway.key_shelf import retire, stage, switch
from gateway.settings import SAMPLE_LINE
from onecard.gateway.v1 import identity_service_pb2
from trust.encoding import decode_base64url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bench.load import Background
    from bench.trust_sandbox import Sandbox

ROTATIONS = 10
STREAMS = 8
_PUBLISHED_SECONDS = 1.0
"""Between staging and switching; a gateway looks at its key files twice a second."""
_OVER_SECONDS = 0.5
"""Between the first recognition under the new key and the end of the former."""
_TAKEN_UP_SECONDS = 5.0
_ASK_SECONDS = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotations:
    """What became of the calls with rotations, and of the same load without."""

    rotating: Background
    still: Background


def measure_rotations(sandbox: Sandbox, *, seconds: float) -> Rotations:
    """Rotate the key of recognitions ten times under load (BenchError where a new key does not come into use)."""
    target, wire = _target(sandbox), _wire(sandbox)
    with background(target, wire, streams=STREAMS) as still:
        time.sleep(seconds)
    with _asking(sandbox) as ask, background(target, wire, streams=STREAMS) as rotating:
        for _ in range(ROTATIONS):
            _rotate(sandbox.layout.home(HOME) / "region.pem", ask)
    if still.failed:
        raise BenchError(f"calls without rotations failed: {still.failed}")
    return Rotations(rotating=rotating, still=still)


def _target(sandbox: Sandbox) -> Target:
    return Target(
        name="VerifyCard federated",
        address=sandbox.site(VISITED).grpc,
        method=METHODS["verify"],
        request=verify_request(HOME),
        counted=(),
        unique=True,
    )


def _wire(sandbox: Sandbox) -> Wire:
    return Wire(
        ca=sandbox.layout.ca,
        server_name=sandbox.site(VISITED).server_name,
        token=lambda: sandbox.token(VISITED),
        log=sandbox.layout.folder.with_name("rotations.log"),
    )


@contextmanager
def _asking(sandbox: Sandbox) -> Iterator[Callable[[], bytes]]:
    """Give one call more of the same, made from here."""
    site = sandbox.site(VISITED)
    options = (("grpc.ssl_target_name_override", site.server_name), ("grpc.enable_http_proxy", 0))
    credentials = grpc.ssl_channel_credentials(sandbox.layout.ca.read_bytes())
    token = (("authorization", f"Bearer {sandbox.token(VISITED)}"),)
    with grpc.secure_channel(site.grpc, credentials, options) as channel:
        method = channel.unary_unary(METHODS["verify"], bytes, bytes)

        def ask() -> bytes:
            request = verify_request(HOME, request_id=secrets.token_hex(16))
            reply: bytes = method(request, timeout=_TAKEN_UP_SECONDS, metadata=token)
            return reply

        yield ask


def _rotate(path: Path, ask: Callable[[], bytes]) -> None:
    """Stage, switch and retire, as `onecard keys` does, each when the step before has come into effect."""
    coming = stage(path, issuer=HOME, preamble=SAMPLE_LINE)
    time.sleep(_PUBLISHED_SECONDS)
    switch(path)
    until = time.monotonic() + _TAKEN_UP_SECONDS
    while _kid(ask()) != coming.kid:
        if time.monotonic() > until:
            raise BenchError("a new key did not come into use")
        time.sleep(_ASK_SECONDS)
    time.sleep(_OVER_SECONDS)
    retire(path)


def _kid(reply: bytes) -> str:
    """Read from a verdict which key signed the recognition."""
    token = identity_service_pb2.VerifyCardResponse.FromString(reply).recognition
    header = decode_base64url(token.partition(".")[0])
    assert header is not None
    kid: str = json.loads(header)["kid"]
    return kid
