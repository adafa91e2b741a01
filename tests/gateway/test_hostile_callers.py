"""What strangers, impostors and broken connections get, and that the gateway answers honest callers afterwards."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import json
import socket
import ssl
import time
import urllib.error
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.callers import SCOPES
from gateway.sandbox.generate import Authority
from onecard.gateway.v1 import recognition_service_pb2
from tests.gateway.hostile_calls import LIST, VERIFY, Code, each_method, sichuan
from tests.gateway.trust_calls import AsGateway
from tests.sandbox_fixture.beside import gateway_beside
from tests.sandbox_fixture.calls import SERVICES, Gateway, raw_code, signed_token
from tests.sandbox_fixture.cards import issue_request, verify_request
from tests.sandbox_fixture.requests import CALLER, good_requests
from trust.keys import SigningKey
from trust.signer import CallerTokenSigner

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.sandbox_fixture.running import RunningSandbox

__all__ = ["sichuan"]

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.slow]

BELIEVE = "RecognitionService/VerifyRecognition"
REFLECTION = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")


def segment(document: object) -> str:
    """Write one part of a token."""
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


def with_header(token: str, **changes: object) -> str:
    """Give a token with another header over the old signature."""
    head, body, signature = token.split(".")
    told = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    return ".".join((segment({**told, **changes}), body, signature))


def hashed(token: str, secret: bytes) -> str:
    """Give a token signed by HS256 with a secret."""
    head, body, _ = with_header(token, alg="HS256").split(".")
    digest = hmac.digest(secret, f"{head}.{body}".encode(), hashlib.sha256)
    return f"{head}.{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def token_of(
    path: Path, issuer: str, *, audience: str = f"gateway.{CALLER}", now: int = 0, scopes: Iterable[str] = SCOPES
) -> str:
    """Sign a caller's token with a key, some of it changed; `now` is the present unless it is given."""
    key = SigningKey.from_pem(path.read_bytes(), issuer=issuer)
    signer = CallerTokenSigner(key, new_id=lambda: uuid.uuid4().hex)
    return signer.issue(audience=audience, now=now or int(time.time()), scopes=sorted(scopes))


def forgeries(sandbox: RunningSandbox, good: str) -> dict[str, tuple[str, str]]:
    """Give tokens that are not a token of Sichuan's platform for Sichuan's gateway, and the reason each must get."""
    own, other = (sandbox.folder / "callers" / f"{region}.pem" for region in (CALLER, "guangdong"))
    now = int(time.time())
    private = load_pem_private_key(own.read_bytes(), password=None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    public = private.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    head, body, signature = good.split(".")
    return {
        "none": (with_header(good, alg="none"), "ALG_NOT_ALLOWED"),
        "none, unsigned": (with_header(good, alg="none").rpartition(".")[0] + ".", "ALG_NOT_ALLOWED"),
        "None": (with_header(good, alg="nOnE"), "ALG_NOT_ALLOWED"),
        "HS256 of the public key as PEM": (hashed(good, pem), "ALG_NOT_ALLOWED"),
        "HS256 of the public key as DER": (hashed(good, der), "ALG_NOT_ALLOWED"),
        "RS256": (with_header(good, alg="RS256"), "ALG_NOT_ALLOWED"),
        "embedded key": (with_header(good, jwk={"kty": "oct", "k": "AA"}), "EMBEDDED_KEY"),
        "foreign key set": (with_header(good, jku="http://169.254.169.254/"), "EMBEDDED_KEY"),
        "other type": (with_header(good, typ="onecard-recognition+jwt"), "WRONG_TYPE"),
        "unknown key": (with_header(good, kid="nobody"), "UNKNOWN_KEY"),
        "path as key": (with_header(good, kid="../../etc/passwd"), "UNKNOWN_KEY"),
        "no signature": (f"{head}.{body}.", "BAD_SIGNATURE"),
        "other signature": (f"{head}.{body}.{'A' * len(signature)}", "BAD_SIGNATURE"),
        "padded": (f"{good}==", "MALFORMED_TOKEN"),
        "two parts": (f"{head}.{body}", "MALFORMED_TOKEN"),
        "nothing": ("", "MALFORMED_TOKEN"),
        "too long": ("a" * 4097, "MALFORMED_TOKEN"),
        "another gateway's": (token_of(own, f"platform.{CALLER}", audience="gateway.chongqing"), "AUDIENCE"),
        "old": (token_of(own, f"platform.{CALLER}", now=now - 3600), "EXPIRED"),
        "of tomorrow": (token_of(own, f"platform.{CALLER}", now=now + 86_400), "NOT_YET_VALID"),
        "another region's": (token_of(other, "platform.guangdong"), "ISSUER_UNKNOWN"),
        "another region's, under our name": (token_of(other, f"platform.{CALLER}"), "UNKNOWN_KEY"),
    }


FORGERIES = (
    *("none", "none, unsigned", "None", "HS256 of the public key as PEM", "HS256 of the public key as DER", "RS256"),
    *("embedded key", "foreign key set", "other type", "unknown key", "path as key", "no signature", "other signature"),
    *("padded", "two parts", "nothing", "too long", "another gateway's", "old", "of tomorrow", "another region's"),
    "another region's, under our name",
)


@pytest.mark.parametrize("what", FORGERIES)
def test_forged_tokens_are_not_believed(sandbox: RunningSandbox, sichuan: Gateway, what: str) -> None:
    """A token that is not the caller's own for this gateway is UNAUTHENTICATED, and its owner is told why."""
    table = forgeries(sandbox, sichuan.token)
    assert {*table} == {*FORGERIES}
    token, reason = table[what]
    outcome = sichuan.call(LIST, b"", metadata=(("authorization", f"Bearer {token}"),))
    assert (outcome.code, outcome.reason) == (Code.UNAUTHENTICATED, reason)
    assert token.encode() not in outcome.beside or not token


@each_method
def test_nothing_is_told_without_a_token(sichuan: Gateway, method: str) -> None:
    """Every method wants a bearer token first, before it looks at the request."""
    for sent in ((), (("authorization", sichuan.token),), (("authorization", f"Basic {sichuan.token}"),)):
        for request in (good_requests("stranger")[method], b"\x0a\xff"):
            outcome = sichuan.call(method, request, metadata=sent)
            assert (outcome.code, outcome.reason) == (Code.UNAUTHENTICATED, "UNAUTHENTICATED")


@each_method
def test_a_token_is_good_for_its_scopes_only(sandbox: RunningSandbox, sichuan: Gateway, method: str) -> None:
    """A token without the scope of a method does not open it, whatever its caller is registered for."""
    service, _, name = method.partition("/")
    scope = next(one.SCOPES[name] for one in SERVICES if one.SERVICE.name == service)
    own = sandbox.folder / "callers" / f"{CALLER}.pem"
    token = signed_token(own, issuer=f"platform.{CALLER}", audience=f"gateway.{CALLER}", scopes=SCOPES - {scope})
    outcome = sichuan.call(method, good_requests("scope")[method], metadata=(("authorization", f"Bearer {token}"),))
    assert (outcome.code, outcome.reason) == (Code.PERMISSION_DENIED, "SCOPE")


def test_a_gateway_asks_for_its_own_matters_only(sandbox: RunningSandbox, sichuan: Gateway) -> None:
    """A peer may ask about our cards, and only over a connection with its certificate.

    It may not ask about a third region's cards, read catalogs, or issue in our name.
    """
    key = sandbox.folder / "chongqing" / "gateway.pem"
    token = token_of(key, "gateway.chongqing", scopes=["card.verify"])
    sent = (("authorization", f"Bearer {token}"),)
    own = verify_request("sichuan", "CQ-31", request_id="peer-1")
    assert sichuan.call(VERIFY, own, metadata=sent).reason == "BINDING"
    with AsGateway(sandbox, "chongqing", CALLER) as peer:
        assert peer.call(VERIFY, own, metadata=sent).reply.recognition
        third = verify_request("guangdong", "CQ-31", request_id="peer-2")
        assert peer.call(VERIFY, third, metadata=sent).reason == "NOT_TRANSITIVE"
        assert peer.call(LIST, b"", metadata=sent).reason == "SCOPE"
        greedy = token_of(key, "gateway.chongqing", scopes=sorted(SCOPES))
        sent = (("authorization", f"Bearer {greedy}"),)
        assert peer.call(LIST, b"", metadata=sent).reason == "SCOPE"
        issue = issue_request(CALLER, "chongqing", "CQ-31", request_id="peer-3")
        assert peer.call("RecognitionService/IssueRecognition", issue, metadata=sent).reason == "SCOPE"


def test_tokens_of_one_kind_are_not_of_another(sandbox: RunningSandbox, sichuan: Gateway) -> None:
    """A recognition opens no method, a caller's token is no recognition, and a recognition for another is not ours."""
    issue = issue_request(CALLER, "chongqing", "CQ-31", request_id="kinds-1")
    recognition = sichuan.call("RecognitionService/IssueRecognition", issue).reply.recognition
    opened = sichuan.call(LIST, b"", metadata=(("authorization", f"Bearer {recognition}"),))
    assert (opened.code, opened.reason) == (Code.UNAUTHENTICATED, "WRONG_TYPE")
    ask = recognition_service_pb2.VerifyRecognitionRequest
    assert sichuan.call(BELIEVE, ask(recognition=sichuan.token)).reason == "WRONG_TYPE"
    assert sichuan.call(BELIEVE, ask(recognition=recognition)).reason == "AUDIENCE"
    with Gateway(sandbox, "chongqing") as chongqing:
        assert chongqing.call(BELIEVE, ask(recognition=recognition)).reply.claims.issuer == CALLER
        assert (
            chongqing.call(BELIEVE, ask(recognition=with_header(recognition, alg="none"))).reason == "ALG_NOT_ALLOWED"
        )


@pytest.mark.parametrize("size", [9_000, 12_000, 64_000, 1_000_000])
def test_large_metadata_are_refused_alike(sichuan: Gateway, size: int) -> None:
    """Metadata over the limit are refused each time and not now and then; the caller's next call is answered."""
    sent = (("authorization", f"Bearer {'a' * size}"),)
    codes = {sichuan.call(LIST, b"", metadata=sent).code for _ in range(6)}
    assert codes == {Code.RESOURCE_EXHAUSTED}
    many = tuple((f"x-{number}", "a" * 100) for number in range(200))
    assert sichuan.call(LIST, b"", metadata=sichuan.metadata(*many)).code is Code.RESOURCE_EXHAUSTED
    assert sichuan.call(LIST, b"").reply.regions


def calls_seen(sandbox: RunningSandbox, method: str) -> int:
    """Count the calls of a method that Sichuan's gateway noted."""
    return sum(event.get("method") == method for event in sandbox.events(CALLER))


def stranger_authority() -> bytes:
    """Make a CA that nobody knows."""
    return Authority(datetime.datetime.now(datetime.UTC)).certificate.public_bytes(Encoding.PEM)


def test_a_connection_that_proves_nothing_is_none(sandbox: RunningSandbox, sichuan: Gateway) -> None:
    """Plaintext, an unknown authority and a wrong name end before any method; the client sees UNAVAILABLE."""
    address = sandbox.endpoints[CALLER]["grpc"]
    ca = (sandbox.folder / "ca.pem").read_bytes()
    method = "CatalogService/ListCatalogs"
    before = calls_seen(sandbox, method)
    stranger, known = grpc.ssl_channel_credentials(stranger_authority()), grpc.ssl_channel_credentials(ca)
    wrong_name = (("grpc.ssl_target_name_override", "chongqing.onecard.test"),)
    for channel in (
        grpc.insecure_channel(address),
        grpc.secure_channel(address, stranger),
        grpc.secure_channel(address, grpc.ssl_channel_credentials()),
        grpc.secure_channel(address, known, options=wrong_name),
    ):
        with channel:
            code = raw_code(channel, f"/onecard.gateway.v1.{method}", metadata=sichuan.metadata())
            assert code is Code.UNAVAILABLE
    assert calls_seen(sandbox, method) == before


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 100, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\xff\xff"],
)
def test_rubbish_on_the_line_harms_nobody(sandbox: RunningSandbox, sichuan: Gateway, sent: bytes) -> None:
    """Bytes that are no TLS, and bytes inside TLS that are no HTTP/2, end their own connection only."""
    host, _, port = sandbox.endpoints[CALLER]["grpc"].rpartition(":")
    context = ssl.create_default_context(cafile=str(sandbox.folder / "ca.pem"))
    context.set_alpn_protocols(["h2"])
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        plain.sendall(sent)
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=f"{CALLER}.onecard.test") as secure,
    ):
        secure.sendall(sent + b"\x00")
    assert sichuan.call(LIST, b"").reply.regions


def test_old_tls_is_not_spoken(sandbox: RunningSandbox) -> None:
    """The gateway speaks TLS 1.2 and 1.3, and HTTP/2 over it."""
    host, _, port = sandbox.endpoints[CALLER]["grpc"].rpartition(":")
    for version, told in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
        context = ssl.create_default_context(cafile=str(sandbox.folder / "ca.pem"))
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["h2"])
        with (
            socket.create_connection((host, int(port)), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secure,
        ):
            assert (secure.version(), secure.selected_alpn_protocol()) == (told, "h2")


@pytest.fixture(scope="module")
def strict(sandbox: RunningSandbox) -> Iterator[Gateway]:
    """Run a gateway as outside a sandbox: no reflection, no private addresses, a platform that is elsewhere."""

    def change(text: str) -> str:
        text = text.replace("sandbox = true", "sandbox = false").replace("reflection = true", "reflection = false")
        text = text.replace("allow_private_addresses = true", "allow_private_addresses = false")
        return text.replace(sandbox.endpoints[CALLER]["platform"], "https://platform.example")

    site, config = gateway_beside(sandbox, "strict", (CALLER,), spare=2, own_keys=True, change=change)
    process = sandbox.serve(config, web=f"http://{site.web}")
    with Gateway(sandbox, CALLER, address=site.grpc, gateway=site.gateway) as gateway:
        yield gateway
    process.terminate()
    assert process.wait(30) == 0


def test_a_stranger_learns_nothing_outside_the_sandbox(strict: Gateway, sandbox: RunningSandbox) -> None:
    """Reflection is not there, methods want a token, and health says of the services only whether they serve."""
    for service in REFLECTION:
        assert raw_code(strict.channel, f"/{service}/ServerReflectionInfo") is Code.UNIMPLEMENTED
    assert strict.call(LIST, b"", metadata=()).reason == "UNAUTHENTICATED"
    assert strict.call(LIST, b"").reply.regions
    health = health_pb2_grpc.HealthStub(strict.channel)
    assert health.Check(health_pb2.HealthCheckRequest(), timeout=10).status == health_pb2.HealthCheckResponse.SERVING
    unknown = health_pb2.HealthCheckRequest(service="onecard.secret").SerializeToString()
    assert raw_code(strict.channel, "/grpc.health.v1.Health/Check", unknown) is Code.NOT_FOUND
    assert sandbox.process.poll() is None


def test_a_platform_that_is_nowhere_is_unavailable(strict: Gateway) -> None:
    """A platform whose name cannot be resolved fails the call in words of the contract, and no other method."""
    outcome = strict.call(VERIFY, verify_request(CALLER, "SC-13", request_id="nowhere"))
    assert (outcome.code, outcome.reason) == (Code.UNAVAILABLE, "PLATFORM_UNAVAILABLE")
    assert outcome.info.metadata["who_failed"] == "platform"


def test_more_calls_than_allowed_are_turned_away(sandbox: RunningSandbox) -> None:
    """Over its half of the limit a caller gets RESOURCE_EXHAUSTED at once; its admitted calls are answered."""
    site, config = gateway_beside(
        sandbox, "narrow", (CALLER,), spare=4,
        change=lambda text: text.replace("reflection = true", "reflection = true\nmax_concurrent_calls = 8"),
    )  # fmt: skip
    process = sandbox.serve(config, web=f"http://{site.web}")
    with Gateway(sandbox, CALLER, address=site.grpc, gateway=site.gateway) as narrow, ThreadPoolExecutor(20) as pool:
        requests = [verify_request(CALLER, "SC-13", request_id=f"narrow-{number}") for number in range(20)]
        with sandbox.paused(sandbox.platforms_pid()):
            calls = [pool.submit(narrow.call, VERIFY, request) for request in requests]
            ended = as_completed(calls, timeout=30)
            turned = {next(ended) for _ in range(16)}
            assert {call.result().code for call in turned} == {Code.RESOURCE_EXHAUSTED}
        codes = sorted(call.result().code.name for call in calls)
    assert codes == ["OK"] * 4 + ["RESOURCE_EXHAUSTED"] * 16
    process.terminate()
    assert process.wait(30) == 0


def test_the_web_side_has_no_other_doors(sandbox: RunningSandbox) -> None:
    """Beside life, readiness, public keys and public pages the web side has nothing; no bodies, no other verbs."""
    web = sandbox.endpoints[CALLER]["web"]
    for method, path in (
        *(("GET", path) for path in ("/debug", "/metrics", "/config", "/admin", "/regions/chongqing/jwks.json")),
        *(("GET", path) for path in ("/../../etc/passwd", "/regions/..%2f..%2fkeys/jwks.json", "/livez/", "//livez")),
        *((method, "/readyz") for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE")),
    ):
        request = urllib.request.Request(web + path, method=method, data=b"x" * 2048 if method == "POST" else None)  # noqa: S310 - our own loopback address
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)  # noqa: S310 - our own loopback address
        with refused.value as answer:
            assert answer.code in {404, 405}
            assert b"Traceback" not in answer.read()
    keys = urllib.request.urlopen(f"{web}/regions/{CALLER}/jwks.json", timeout=10)  # noqa: S310 - our own loopback address
    with keys:
        assert all("d" not in key for key in json.loads(keys.read())["keys"])


def test_methods_that_are_not_there(sichuan: Gateway) -> None:
    """An unknown method or service is UNIMPLEMENTED."""
    for path in ("/onecard.gateway.v1.IdentityService/DumpCards", "/admin.Admin/Shell", "/x", "/onecard.gateway.v1./"):
        assert raw_code(sichuan.channel, path, metadata=sichuan.metadata()) is Code.UNIMPLEMENTED
