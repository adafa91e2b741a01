"""Calls to a gateway as bytes and as messages, and everything that came back but the answer itself."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import grpc
from google.protobuf import descriptor, message_factory
from google.rpc import error_details_pb2, status_pb2

from gateway.callers import SCOPES
from gateway.rpc.card_status import CardStatusServicer
from gateway.rpc.catalog import CatalogServicer
from gateway.rpc.catalog_publication import CatalogPublicationServicer
from gateway.rpc.catalog_rules import CatalogRulesServicer
from gateway.rpc.evidence import EvidenceServicer
from gateway.rpc.exchange import ExchangeServicer
from gateway.rpc.identity import IdentityServicer
from gateway.rpc.offline import OfflineServicer
from gateway.rpc.recognition import RecognitionServicer
from gateway.rpc.region import RegionServicer
from trust.keys import SigningKey
from trust.signer import CallerTokenSigner

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from google.protobuf.message import Message

    from tests.sandbox_fixture.running import RunningSandbox

SERVICES = (
    RegionServicer,
    IdentityServicer,
    CatalogServicer,
    CatalogRulesServicer,
    CatalogPublicationServicer,
    RecognitionServicer,
    EvidenceServicer,
    ExchangeServicer,
    CardStatusServicer,
    OfflineServicer,
)
ALL_METHODS: dict[str, descriptor.MethodDescriptor] = {
    f"{s.SERVICE.name}/{m.name}": m
    for s in SERVICES
    for m in s.SERVICE.methods
    if m.client_streaming or not m.server_streaming  # a stream of ours has no end that these calls could wait for
}
PROOFS = frozenset(
    f"EvidenceService/{name}"
    for name in ("GetCheckpoint", "GetInclusionProof", "GetConsistencyProof", "ExchangeCheckpoints")
)
METHODS = {name: method for name, method in ALL_METHODS.items() if name not in PROOFS}
"""Methods of platforms about cards, items and holders; those of proofs take places, sizes and notes."""

_PACKAGE = "/onecard.gateway.v1."
_DETAILS = "grpc-status-details-bin"
_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
)

Metadata = tuple[tuple[str, str | bytes], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended. `replies` are the answers; `beside` is everything else that came back, as one text of bytes."""

    code: grpc.StatusCode
    replies: tuple[Any, ...] = field(repr=False)
    status: status_pb2.Status
    beside: bytes = field(repr=False)
    message: str = ""

    @property
    def reply(self) -> Any:  # noqa: ANN401 - the generated type of whichever method was called
        """Give the one answer of a call that went well."""
        assert self.code is grpc.StatusCode.OK, (self.code, self.reason, self.message)
        (reply,) = self.replies
        return reply

    @property
    def info(self) -> error_details_pb2.ErrorInfo:
        """Give the ErrorInfo, empty where there is none."""
        found: error_details_pb2.ErrorInfo = detail(self.status, error_details_pb2.ErrorInfo)
        return found

    @property
    def reason(self) -> str:
        """Give the reason, empty where there is none."""
        return self.info.reason


def detail(status: status_pb2.Status, kind: Any) -> Any:  # noqa: ANN401 - any message type, and a message of it
    """Find one detail of a status, empty where it is not there."""
    found = kind()
    for packed in status.details:
        if packed.Is(kind.DESCRIPTOR):
            packed.Unpack(found)
    return found


def signed_token(pem: Path, *, issuer: str, audience: str, scopes: Iterable[str] = SCOPES) -> str:
    """Sign a caller's token as `onecard token` does."""
    key = SigningKey.from_pem(pem.read_bytes(), issuer=issuer)
    signer = CallerTokenSigner(key, new_id=lambda: uuid.uuid4().hex)
    return signer.issue(audience=audience, now=int(time.time()), scopes=sorted(scopes))


class Gateway:
    """A client of one gateway, as the platform of one region."""

    def __init__(
        self, sandbox: RunningSandbox, region: str, *, address: str | None = None, gateway: str | None = None
    ) -> None:
        """Take the sandbox and the caller's region; address and name where the gateway is not the region's own."""
        self.region = region
        self.token = signed_token(
            sandbox.folder / "callers" / f"{region}.pem",
            issuer=f"platform.{region}",
            audience=gateway or f"gateway.{region}",
        )
        credentials = grpc.ssl_channel_credentials((sandbox.folder / "ca.pem").read_bytes())
        address = address or sandbox.endpoints[region]["grpc"]
        self.channel = grpc.secure_channel(address, credentials, options=_OPTIONS)

    def __enter__(self) -> Self:
        """Open nothing: the first call connects."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the channel."""
        self.channel.close()

    def metadata(self, *more: tuple[str, str | bytes]) -> Metadata:
        """Give the metadata of an honest call, and more."""
        return (("authorization", f"Bearer {self.token}"), *more)

    def call(
        self,
        method: str,
        request: Message | bytes | Iterable[Message | bytes],
        *,
        metadata: Metadata | None = None,
        timeout: float = 20.0,
        compression: grpc.Compression | None = None,
    ) -> Outcome:
        """Call a method of the contract, `Service/Method`, and never raise for what the gateway answers."""
        described = ALL_METHODS[method]
        make = self.channel.stream_stream if described.client_streaming else self.channel.unary_unary
        function: Any = make(
            _PACKAGE + method,
            request_serializer=lambda m: m if isinstance(m, bytes) else m.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(described.output_type).FromString,
        )
        sent = self.metadata() if metadata is None else metadata
        if described.client_streaming:
            messages = [request] if isinstance(request, bytes) or hasattr(request, "DESCRIPTOR") else list(request)
            call = function(iter(messages), metadata=sent, timeout=timeout, compression=compression)
        else:
            call = function.future(request, metadata=sent, timeout=timeout, compression=compression)
        return _outcome(call, streaming=described.client_streaming)


def raw_code(channel: grpc.Channel, path: str, request: bytes = b"", *, metadata: Metadata = ()) -> grpc.StatusCode:
    """Call any path with bytes; gives the code alone."""
    function: Any = channel.unary_unary(path, request_serializer=None, response_deserializer=None)
    code: grpc.StatusCode = function.future(request, metadata=metadata, timeout=10).code()
    return code


def leave(channel: grpc.Channel, path: str, request: bytes, metadata: Metadata) -> None:
    """Call any path with bytes and leave at once."""
    function: Any = channel.unary_unary(path, request_serializer=None, response_deserializer=None)
    function.future(request, metadata=metadata, timeout=10).cancel()


def _outcome(call: Any, *, streaming: bool) -> Outcome:  # noqa: ANN401 - grpc has no public type for it
    replies: list[Any] = []
    try:
        if streaming:
            replies.extend(call)
        else:
            replies.append(call.result())
    except grpc.RpcError:
        pass
    pairs = [*(call.initial_metadata() or ()), *(call.trailing_metadata() or ())]
    status = next((value for key, value in pairs if key == _DETAILS), b"")
    texts = [key.encode() + b": " + (value if isinstance(value, bytes) else value.encode()) for key, value in pairs]
    words = [(call.details() or "").encode(), (call.debug_error_string() or "").encode()]
    return Outcome(
        call.code(),
        tuple(replies),
        status_pb2.Status.FromString(status),
        b"\n".join(texts + words),
        call.details() or "",
    )
