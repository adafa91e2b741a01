"""Personal data and tokens are planted everywhere, and must come out nowhere but in the answer to who may have them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import grpc
import pytest

from adapters.errors import MalformedNumberError
from adapters.registry import load_registry
from adapters.wire import HttpReply
from onecard.gateway.v1 import identity_service_pb2
from tests.gateway.canary import GOOD_FORM, PLANTED, READER_TEXT, coats, find
from tests.sandbox_fixture.beside import gateway_beside
from tests.sandbox_fixture.calls import METHODS, Gateway, Metadata, Outcome
from tests.sandbox_fixture.cards import credential, issue_request, vectors, verify_request
from tests.sandbox_fixture.foul_platform import FoulPlatform, foul_platform
from tests.sandbox_fixture.requests import CALLER, bases, good_requests, renewed, variants
from tests.sandbox_fixture.running import SPARE_OFFSET, RunningSandbox, processes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

    from adapters.adapter import ManifestAdapter

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.slow]

VERIFY = "IdentityService/VerifyCard"
LANGUAGES = ("zh-Hans", "zh-Hant", "en", "pt", PLANTED["word"], PLANTED["romanised name"])
MODES = ("down", "html", "http_500", "garbled", "slow")
HOLDERS = ("active", "lost_formal", "woman", "rare_name", "status_unknown")
REASONS = {
    *("MALFORMED_REQUEST", "INVALID_FIELD", "MALFORMED_NUMBER", "UNKNOWN_REGION", "UNKNOWN_ITEM", "BAD_PAGE_TOKEN"),
    *("MALFORMED_TOKEN", "UNAUTHENTICATED", "CARD_NOT_FOUND", "HOLDER_MISMATCH", "REQUEST_ID_REUSED", "BAD_UPSTREAM"),
    *("PLATFORM_UNAVAILABLE", "CALLER_REGION"),
}
"""Reasons that must be among those given while values were planted, or some path was not walked."""
FOUL = tuple(PLANTED[what] for what in ("name", "social-security number", "romanised name", "identification code"))
_NUMBER_NAMES = ("social_security_number", "number", "identification_code", "electronic_sign_number")


class Spoor:
    """Everything that came out while a test ran, and the values that must not be in it."""

    def __init__(self) -> None:
        """Begin with the planted values and nothing that came out."""
        self.values: dict[str, str] = dict(PLANTED)
        self._pieces: dict[str, list[bytes]] = {}

    def add(self, where: str, *pieces: bytes) -> None:
        """Keep what came out at a place."""
        self._pieces.setdefault(where, []).extend(pieces)

    def plant_holder(self, region: str, vector: str) -> None:
        """Keep the numbers and the name of a cardholder as values that must not come out."""
        told = vectors(region)[vector]["canonical"]
        for part in ("holder", "card"):
            for name in _NUMBER_NAMES:
                if name in told[part]:
                    self.values[f"{region} {vector} {name}"] = told[part][name]
        if "name" in told["holder"]:
            self.values[f"{region} {vector} name"] = told["holder"]["name"]

    def call(
        self,
        gateway: Gateway,
        method: str,
        request: Message | bytes,
        *,
        metadata: Metadata | None = None,
        timeout: float = 20.0,
    ) -> Outcome:
        """Call, and keep all that came back beside an answer for which the caller may have the values."""
        outcome = gateway.call(method, request, metadata=metadata, timeout=timeout)
        where = f"{method} {outcome.code.name} {outcome.reason or '-'}"
        self.add(where, outcome.beside, outcome.message.encode(), outcome.status.SerializeToString())
        for reply in outcome.replies:
            self.add(f"{where}, entries", *(o.error.SerializeToString() for o in getattr(reply, "outcomes", ())))
            if not method.startswith(("IdentityService", "RecognitionService")):
                self.add(f"{where}, answer", reply.SerializeToString())
        return outcome

    def found(self) -> list[Any]:
        """Search everything."""
        pieces = [(where, b"\n".join(parts)) for where, parts in self._pieces.items()]
        return find(pieces, self.values.items())

    @property
    def places(self) -> set[str]:
        """Name the places where something came out."""
        return set(self._pieces)


@pytest.fixture(scope="module")
def spoor() -> Spoor:
    """Collect what comes out in this module; its last test searches it."""
    return Spoor()


@pytest.fixture(scope="module")
def sichuan(sandbox: RunningSandbox) -> Iterator[Gateway]:
    """Give Sichuan's platform as a caller."""
    with Gateway(sandbox, CALLER) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def recognition(sichuan: Gateway) -> str:
    """Give a good recognition for Sichuan."""
    token: str = sichuan.call(VERIFY, verify_request("chongqing", "SC-13", request_id="canary-0")).reply.recognition
    return token


def test_planted_numbers_have_a_good_form() -> None:
    """The planted numbers get past the check of their form, and no cardholder has one of them."""
    for what, kind in GOOD_FORM.items():
        assert kind(PLANTED[what], field="planted").reveal() == PLANTED[what]
    with pytest.raises(MalformedNumberError):
        GOOD_FORM["social-security number"](PLANTED["telephone"], field="planted")
    records = json.dumps([vectors(adapter.region) for adapter in load_registry()], ensure_ascii=False)
    assert [what for what, text in PLANTED.items() if text in records] == []


def test_a_value_is_found_in_every_coat() -> None:
    """The search finds a value plain, escaped, encoded and hashed inside other text, and nothing where none is."""
    for what, text in PLANTED.items():
        for coat, needle in coats(text):
            found = find([("here", b'{"a": "' + needle + b'"}')], [(what, text)])
            assert coat in {trace.coat for trace in found}, (what, coat)
    assert find([("here", json.dumps(sorted(PLANTED)).encode())], PLANTED.items()) == []


@pytest.mark.parametrize("method", METHODS)
def test_texts_of_requests_come_out_nowhere(spoor: Spoor, sichuan: Gateway, recognition: str, method: str) -> None:
    """A value in any text of any request, good in form or not, is in no error, trailer or foreign answer."""
    spoor.values["recognition"] = recognition
    refused = 0
    for name, base in bases("canary", recognition=recognition):
        for text in (*PLANTED.values(), READER_TEXT) if name == method else ():
            for _path, request in variants(base, text):
                outcome = spoor.call(sichuan, method, request)
                errors = (o.error.code for reply in outcome.replies for o in getattr(reply, "outcomes", ()))
                refused += outcome.code is not grpc.StatusCode.OK or any(errors)
    assert refused


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_language_lets_a_value_out(spoor: Spoor, sichuan: Gateway, language: str) -> None:
    """Errors are told without values in every language, and where the wish for a language is itself a planted value."""
    metadata = sichuan.metadata(("accept-language", language))
    for method, base in bases("canary-language"):
        for _path, request in variants(base, PLANTED["card number"]):
            spoor.call(sichuan, method, request, metadata=metadata)


@pytest.mark.parametrize("method", METHODS)
def test_metadata_come_out_nowhere(spoor: Spoor, sichuan: Gateway, method: str) -> None:
    """Values in metadata, the token's place included, are in no error, trailer or log."""
    request = good_requests("canary-metadata")[method]
    for text in PLANTED.values():
        plain = quote(text, safe="")
        for header in (("authorization", f"Bearer {plain}"), ("authorization", plain), ("x-holder", plain)):
            spoor.call(sichuan, method, request, metadata=(header, ("user-agent", plain)))
        binary = sichuan.metadata(("holder-bin", text.encode()), ("x-trace", plain), ("accept-language", plain))
        spoor.call(sichuan, method, renewed(request), metadata=binary)


@pytest.mark.parametrize("method", METHODS)
def test_malformed_messages_come_out_nowhere(spoor: Spoor, sichuan: Gateway, method: str) -> None:
    """Values in messages that cannot be read, or are no text, are in no error, trailer or log."""
    for text in PLANTED.values():
        for data in (
            text.encode(),
            text.encode("gb18030"),
            b"\x0a\xff" + text.encode(),
            b"\x0a\x03\xff\xfe" + text.encode(),
        ):
            spoor.call(sichuan, method, data)
            spoor.call(sichuan, method, b"\x0a" + bytes([len(data)]) + data)


@pytest.mark.parametrize("home", ["chongqing", "sichuan"])
@pytest.mark.parametrize("vector", HOLDERS)
def test_real_holders_come_out_to_the_entitled_only(spoor: Spoor, sichuan: Gateway, home: str, vector: str) -> None:
    """Calls about real cardholders leave no trace; a refused card's answer says nothing of its holder."""
    if vector not in vectors(home):
        pytest.skip("the region has no such card")
    spoor.plant_holder(home, vector)
    request = verify_request(home, "SC-13", request_id=f"canary-{home}-{vector}", vector=vector)
    reply = spoor.call(sichuan, VERIFY, request).reply
    if not any(verdict.decision in {1, 2} for verdict in reply.verdict.classes):
        spoor.add("answer about a refused card", reply.SerializeToString())
    other = identity_service_pb2.Credential()
    other.CopyFrom(credential(home, vector))
    other.card_number.social_security_number = PLANTED["social-security number"]
    mixed = verify_request(home, "SC-13", request_id=f"canary-{home}-{vector}-2", shown=other)
    # Only the home region's own platform learns that the card exists.
    expected = "HOLDER_MISMATCH" if home == "sichuan" else "CARD_NOT_FOUND"
    assert spoor.call(sichuan, VERIFY, mixed).reason == expected
    again = verify_request(home, "SC-18", request_id=f"canary-{home}-{vector}", vector=vector)
    assert spoor.call(sichuan, VERIFY, again).reason == "REQUEST_ID_REUSED"


def test_what_an_agreement_leaves_out_is_not_told(spoor: Spoor, sandbox: RunningSandbox) -> None:
    """Under the agreement of the Greater Bay Area no number leaves, neither in the answer nor in the recognition."""
    with Gateway(sandbox, "guangdong") as guangdong:
        request = verify_request("hongkong", "GD-07", request_id="canary-gba", consent=PLANTED["consent"])
        reply = spoor.call(guangdong, VERIFY, request).reply
    assert reply.identity.holder.name
    holder = vectors("hongkong")["active"]["canonical"]["holder"]
    spoor.add("answer across the border", reply.SerializeToString())
    for number, document in enumerate(holder["documents"]):
        spoor.values[f"hongkong document {number}"] = document["number"]
    for name in ("social_security_number", "birth_date"):
        spoor.values[f"hongkong {name}"] = holder[name]
    card = vectors("hongkong")["active"]["canonical"]["card"]
    spoor.values |= {"hongkong card": card["number"], "hongkong code": card["identification_code"]}


@pytest.mark.parametrize("mode", MODES)
def test_platform_faults_let_no_value_out(spoor: Spoor, sandbox: RunningSandbox, sichuan: Gateway, mode: str) -> None:
    """While the home platform fails, near or far, errors name who failed and nobody's data."""
    for home in ("chongqing", "sichuan"):
        try:
            sandbox.fault(home, mode)
            request = verify_request(home, "SC-13", request_id=f"canary-{mode}-{home}", consent=PLANTED["consent"])
            failed = spoor.call(sichuan, VERIFY, request, timeout=0.5 if mode == "slow" else 20)
            batch = identity_service_pb2.BatchVerifyCardsRequest(entries=[request])
            spoor.call(sichuan, "IdentityService/BatchVerifyCards", batch, timeout=0.5 if mode == "slow" else 20)
        finally:
            sandbox.fault(home, "none")
        assert spoor.call(sichuan, VERIFY, renewed(request)).reply  # so that the circuit breaker forgets the failures
        assert failed.code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


def test_the_web_side_repeats_nothing(spoor: Spoor, sandbox: RunningSandbox) -> None:
    """Paths, queries and headers with planted values are answered without them."""
    web = sandbox.endpoints[CALLER]["web"]
    for text in PLANTED.values():
        plain = quote(text, safe="")
        for path in (
            f"/regions/{plain}/jwks.json",
            f"/{plain}",
            f"/livez?name={plain}",
            f"/readyz?{plain}",
            "/metrics",
        ):
            request = urllib.request.Request(web + path, headers={"cookie": plain, "x-holder": plain})  # noqa: S310 - our own loopback address
            try:
                with urllib.request.urlopen(request, timeout=10) as reply:  # noqa: S310 - our own loopback address
                    spoor.add(f"web {reply.status}", str(reply.headers).encode(), reply.read())
            except urllib.error.HTTPError as error:
                with error:
                    spoor.add(f"web {error.code}", str(error.headers).encode(), error.read())
    for path in ("/livez", "/readyz", f"/regions/{CALLER}/jwks.json"):
        with urllib.request.urlopen(web + path, timeout=10) as reply:  # noqa: S310 - our own loopback address
            spoor.add(f"web {path}", reply.read())


@pytest.fixture(scope="module")
def foul(sandbox: RunningSandbox) -> Iterator[tuple[FoulPlatform, Gateway]]:
    """Run a gateway of Chongqing before a platform that the test speaks for."""
    site, config = gateway_beside(
        sandbox,
        "foul",
        ("chongqing",),
        spare=1,
        change=lambda text: text.replace(
            f'base_url = "{sandbox.endpoints["chongqing"]["platform"]}"',
            f'base_url = "http://127.0.0.1:{sandbox.port_base + 200 + SPARE_OFFSET + 1}"\nfailures_to_open = 20',
        ),
    )
    secrets = json.loads((sandbox.folder / "chongqing" / "platform.json").read_text("utf-8"))
    port = int(site.platform.rpartition(":")[2])
    with foul_platform(load_registry().get("chongqing"), port, secrets) as platform:
        process = sandbox.serve(config, web=f"http://{site.web}")
        with Gateway(sandbox, "chongqing", address=site.grpc, gateway=site.gateway) as gateway:
            yield platform, gateway
        process.terminate()
        assert process.wait(30) == 0


def foul_replies(adapter: ManifestAdapter) -> Iterator[HttpReply]:
    """Give answers of a platform that are wrong in every way and full of planted values."""
    side = adapter.platform_side
    record = vectors(adapter.region)["active"]["record"]
    for text in FOUL:
        for key in record:
            yield side.answer({**record, key: text}, as_of=0.0)
        yield side.answer({**record, text: text}, as_of=0.0)
        data = text.encode()
        plain = quote(text, safe="")
        for body in (data, b"<html>" + data, b'{"code": "' + data + b'"}', b'{"code": "0", "data": "' + data + b'"}'):
            yield HttpReply(200, {"content-type": "text/html"}, body)
            yield HttpReply(400, {"content-type": "application/json"}, body)
            yield HttpReply(500, {}, body)
        yield HttpReply(200, {}, b'{"' + data + b'": 1, "' + data + b'": 2}')
        yield HttpReply(200, {}, text.encode("gb18030"))
        yield HttpReply(302, {"location": f"http://127.0.0.1/{plain}"}, data)
        yield HttpReply(200, {"content-encoding": plain, "set-cookie": plain, "x-holder": plain}, data)
        yield HttpReply(200, {"content-type": plain, "x holder": plain}, b"")
        yield HttpReply(200, {}, b'{"code": "1002", "msg": "' + data + b'", "data": null}')


def test_foul_answers_of_a_platform_come_out_nowhere(spoor: Spoor, foul: tuple[FoulPlatform, Gateway]) -> None:
    """Whatever a platform answers, its words are in no error, trailer or log of its gateway."""
    platform, gateway = foul
    good = platform.adapter.platform_side.answer(vectors("chongqing")["active"]["record"], as_of=0.0)
    request = verify_request("chongqing", "CQ-30", request_id="foul")
    codes = set()
    for number, reply in enumerate(foul_replies(platform.adapter)):
        platform.reply = reply
        codes.add(spoor.call(gateway, VERIFY, renewed(request)).code)
        if number % 5 == 0:  # a good answer closes the circuit breaker again
            platform.reply = good
            gateway.call(VERIFY, renewed(request))
    assert codes >= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.OK}
    assert codes <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.OK, grpc.StatusCode.NOT_FOUND}


def test_foul_logins_come_out_nowhere(spoor: Spoor, foul: tuple[FoulPlatform, Gateway]) -> None:
    """What a platform answers to a login, and the token that it gives, are in no error, trailer or log."""
    platform, gateway = foul
    platform.reply = platform.adapter.platform_side.refuse("token_refused")
    for text in PLANTED.values():
        for body in (text.encode(), json.dumps({"code": "9", "msg": text, "token": text}, ensure_ascii=False).encode()):
            platform.login_reply = HttpReply(200, {"content-type": "application/json"}, body)
            failed = spoor.call(gateway, VERIFY, verify_request("chongqing", "CQ-30", request_id="foul-login"))
            assert failed.code is not grpc.StatusCode.OK
    platform.login_reply = None


def test_secrets_of_the_sandbox_come_out_nowhere(spoor: Spoor, sandbox: RunningSandbox, sichuan: Gateway) -> None:
    """Bearer tokens, recognitions and the secrets for platforms are in no log, error or trailer."""
    spoor.values["bearer token"] = sichuan.token
    for region in ("chongqing", CALLER):
        secrets = json.loads((sandbox.folder / region / "platform.json").read_text("utf-8"))
        spoor.values |= {f"secret {name} of {region}": value for name, value in secrets.items()}
    issued = issue_request(CALLER, "chongqing", "CQ-31", request_id="canary-issue")
    reply = spoor.call(sichuan, "RecognitionService/IssueRecognition", issued).reply
    spoor.values["issued recognition"] = reply.recognition
    spoor.values["signature of the issued recognition"] = reply.recognition.rpartition(".")[2]


def test_no_value_came_out(spoor: Spoor, sandbox: RunningSandbox) -> None:
    """No planted value is in anything that came out: replies, logs, the command's own words, the process table."""
    assert {place.split()[0] for place in spoor.places} >= METHODS.keys()
    reasons = {place.split()[2].strip(",") for place in spoor.places if place.split()[0] in METHODS and " " in place}
    assert reasons >= REASONS
    assert sum(event["event"] == "call" for event in sandbox.events()) > 1000
    for path in sorted((sandbox.folder / "logs").iterdir()):
        spoor.add(f"log {path.name}", path.read_bytes())
    spoor.add("printed by the command", sandbox.output.read_bytes().partition(b"Paste in another")[0])
    for pid in processes_of(sandbox.folder):
        for file in ("cmdline", "environ"):
            spoor.add(f"{file} of a process", Path(f"/proc/{pid}/{file}").read_bytes())
    assert spoor.found() == []
