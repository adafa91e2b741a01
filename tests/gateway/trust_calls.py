"""Calls to a sandbox about trust: honest load, gateways that call as gateways do, and streams that stay open."""

from __future__ import annotations

import queue
import re
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import grpc
import jwt
from google.protobuf import message_factory

from gateway.certificates import fingerprint
from gateway.sandbox.generate import generate
from gateway.sandbox.layout import Layout
from onecard.gateway.v1 import identity_service_pb2, recognition_service_pb2
from tests.sandbox_fixture.calls import METHODS, Gateway, Outcome
from tests.sandbox_fixture.cards import verify_request
from tests.sandbox_fixture.running import processes_of
from trust.keys import SigningKey, thumbprint
from trust.signer import CallerTokenSigner

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from adapters.registry import Registry
    from tests.sandbox_fixture.running import RunningSandbox

VERIFY: Final = "IdentityService/VerifyCard"
SHOW: Final = "RecognitionService/VerifyRecognition"
BATCH: Final = "IdentityService/BatchVerifyCards"
ITEMS: Final = {
    "chongqing": "CQ-31",
    "guangdong": "GD-05",
    "guizhou": "GZ-01",
    "hongkong": "HK-01",
    "sichuan": "SC-13",
    "xizang": "XZ-01",
}
_PAUSE_SECONDS: Final = 0.01
BOUND_SECONDS: Final = 10.0
"""What takes effect everywhere does so within this, on the slowest machine; how soon it was is printed."""


def found(folder: Path, port_base: int, registry: Registry, *, refresh_seconds: int) -> None:
    """Make a sandbox whose gateways ask for each other's statements more often than once a minute."""
    layout = Layout.of(folder, registry.regions, port_base)
    generate(layout, registry)
    for site in layout.sites:
        config = layout.config(site.region)
        often = f'state = "trust"\nrefresh_seconds = {refresh_seconds}'
        config.write_text(config.read_text("utf-8").replace('state = "trust"', often), "utf-8")


def soon(done: Callable[[], object], *, what: str, seconds: float = BOUND_SECONDS) -> float:
    """Poll until something is so, within the bound; gives how many seconds that took, and prints it."""
    begun = time.monotonic()
    while not done():
        assert time.monotonic() - begun < seconds, f"not within {seconds} s: {what}"
        time.sleep(0.02)
    took = time.monotonic() - begun
    print(f"{what}: after {took:.2f} s")  # noqa: T201 - how soon is told, and asserted only within the bound
    return took


def ask(client: Gateway, home: str, **more: Any) -> Outcome:  # noqa: ANN401 - those of verify_request
    """Ask about a card of a home region for an item of the client's region."""
    request = verify_request(home, ITEMS[client.region], request_id=uuid.uuid4().hex, consent="CONSENT-1", **more)
    return client.call(VERIFY, request)


def asked(sandbox: RunningSandbox, visited: str, home: str) -> Outcome:
    """Ask once, as the platform of a region."""
    with Platform(sandbox, visited) as client:
        return ask(client, home)


def show(client: Gateway, recognition: str) -> Outcome:
    """Hand a recognition over to the client's gateway."""
    return client.call(SHOW, recognition_service_pb2.VerifyRecognitionRequest(recognition=recognition))


def kid_of(token: str) -> str:
    """Read with which key a token says it was signed."""
    kid: str = jwt.get_unverified_header(token)["kid"]
    return kid


def key_at(path: Path) -> SigningKey:
    """Read a key of the sandbox; whose it is does not matter for its thumbprint."""
    return SigningKey.from_pem(path.read_bytes(), issuer="anybody")


def mark_of(path: Path) -> str:
    """Give the thumbprint of a key of the sandbox, as an operator tells it."""
    return thumbprint(key_at(path).public().public_key)


def certificate_mark(sandbox: RunningSandbox, region: str) -> str:
    """Give the fingerprint of the certificate of a region's gateway."""
    return fingerprint((sandbox.folder / region / "tls.pem").read_bytes())


_PATIENT: Final = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0))
"""Connections may take as long as they like: a busy machine is no refusal."""


class Platform(Gateway):
    """The platform of a region, which waits for its connection."""

    def __init__(self, sandbox: RunningSandbox, region: str) -> None:
        """Take the region."""
        super().__init__(sandbox, region)
        self.channel.close()
        credentials = grpc.ssl_channel_credentials((sandbox.folder / "ca.pem").read_bytes())
        self.channel = grpc.secure_channel(sandbox.endpoints[region]["grpc"], credentials, _PATIENT)


class AsGateway(Gateway):
    """A client that is the gateway of one region and calls that of another, with its certificate and its token."""

    def __init__(self, sandbox: RunningSandbox, region: str, to: str) -> None:
        """Take the files of the region, as they are now."""
        self.region = region
        self.token = self.bearer(sandbox, region, to)
        home = sandbox.folder / region
        certificate, key = ((home / name).read_bytes() for name in ("tls.pem", "tls.key"))
        ca = (sandbox.folder / "ca.pem").read_bytes()
        credentials = grpc.ssl_channel_credentials(ca, key[key.index(b"-----BEGIN") :], certificate)
        self.channel = grpc.secure_channel(sandbox.endpoints[to]["mutual"], credentials, _PATIENT)

    @staticmethod
    def bearer(sandbox: RunningSandbox, region: str, to: str, *, bound: bool = True) -> str:
        """Sign a token of a gateway for another, bound to its certificate or to none."""
        home = sandbox.folder / region
        key = SigningKey.from_pem((home / "gateway.pem").read_bytes(), issuer=f"gateway.{region}")
        return CallerTokenSigner(key, new_id=lambda: uuid.uuid4().hex).issue(
            audience=f"gateway.{to}",
            now=int(time.time()),
            scopes=("card.verify",),
            confirmation=certificate_mark(sandbox, region) if bound else None,
        )


class Conversation:
    """A stream of BatchVerifyCards that stays open between its messages."""

    def __init__(self, client: Gateway) -> None:
        """Open it."""
        self._client = client
        self._sent: queue.Queue[identity_service_pb2.BatchVerifyCardsRequest | None] = queue.Queue()
        make: Any = client.channel.stream_stream
        function = make(
            f"/onecard.gateway.v1.{BATCH}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(METHODS[BATCH].output_type).FromString,
        )
        self._call = function(iter(self._sent.get, None), metadata=client.metadata(), timeout=120.0)

    def ask(self, home: str) -> str:
        """Ask about one card; gives OK, or the gRPC code and the reason with which the stream has ended."""
        request = verify_request(home, ITEMS[self._client.region], request_id=uuid.uuid4().hex)
        self._sent.put(identity_service_pb2.BatchVerifyCardsRequest(entries=[request]))
        try:
            (outcome,) = next(self._call).outcomes
        except grpc.RpcError:
            status = dict(self._call.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
            reason = re.search(rb"\n\x1e?[\x01-\x7f]([A-Z_]{4,})\x12", status)
            return f"{self._call.code().name} {reason[1].decode() if reason else ''}".strip()
        return (outcome.WhichOneof("outcome") == "response" and "OK") or "error"

    def close(self) -> None:
        """End it."""
        self._sent.put(None)
        self._call.cancel()


@dataclass(slots=True)
class Load:
    """Honest platforms, each of which asks about a card, shows the recognition, and begins again; as a context.

    They take a breath between rounds: what is asked is that no call fails, and the bench tells how many there can be.
    """

    sandbox: RunningSandbox
    pairs: tuple[tuple[str, str], ...]
    failed: list[tuple[str, ...]] = field(default_factory=list)
    good: int = 0
    latest: dict[tuple[str, str], str] = field(default_factory=dict)
    rounds: dict[tuple[str, str], int] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        """Begin."""
        self._threads = [threading.Thread(target=self._run, args=pair, daemon=True) for pair in self.pairs]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """End."""
        self._over.set()
        for thread in self._threads:
            thread.join(30)

    def next_round(self) -> None:
        """Wait until each platform has begun and ended a round from now on."""
        before = dict(self.rounds)
        soon(
            lambda: all(self.rounds.get(pair, 0) >= before.get(pair, 0) + 2 for pair in self.pairs),
            what="a whole round of each platform",
            seconds=30,
        )

    def _run(self, visited: str, home: str) -> None:
        while not self._over.is_set():
            with Platform(self.sandbox, visited) as client:
                for _ in range(20):
                    self._round(client, home)
                    self.rounds[visited, home] = self.rounds.get((visited, home), 0) + 1
                    if self._over.wait(_PAUSE_SECONDS):
                        break

    def _round(self, client: Gateway, home: str) -> None:
        answer = ask(client, home)
        if answer.code is not grpc.StatusCode.OK:
            self.failed.append((client.region, home, "verify", answer.code.name, answer.reason))
            return
        recognition = answer.reply.recognition
        self.latest[client.region, home] = recognition
        shown = show(client, recognition)
        if shown.code is not grpc.StatusCode.OK:
            self.failed.append((client.region, home, "show", shown.code.name, shown.reason))
            return
        self.good += 1


def claims_of(token: str) -> dict[str, Any]:
    """Read what a token says; nothing is verified."""
    said: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return said


def taken_up(sandbox: RunningSandbox, region: str) -> int:
    """Count how often a gateway has told that it took up other keys."""
    return sum(event["event"] == "keys_changed" for event in sandbox.events(region))


def anchors_pid(sandbox: RunningSandbox) -> int:
    """Find the process that serves the anchors."""
    return next(pid for pid, words in processes_of(sandbox.folder).items() if "anchor" in words)


def refused_with(reason: str, call: Callable[..., Outcome], *arguments: object) -> Callable[[], bool]:
    """Give what tells whether a call is refused for a reason."""
    return lambda: call(*arguments).reason == reason
