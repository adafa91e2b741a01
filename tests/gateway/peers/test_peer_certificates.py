"""Two gateways prove themselves to each other, and go on while either one's certificates are replaced."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import grpc
import pytest

from gateway.callers import SCOPES, Registration
from gateway.certificates import CertificateRule, fingerprint
from gateway.errors import PeerProtocolError, PeerRefusedError, PeerUnavailableError
from gateway.peers import channel as module
from gateway.peers.certificates import TlsFiles, TlsMaterial, TlsWatch, follow_files, server_credentials
from gateway.peers.channel import PeerAddress
from gateway.peers.messages import question_message
from tests.fakes.authority import FakeAuthority
from tests.fakes.callers import PEER
from tests.fakes.clock import FakeClock
from tests.fakes.node import FakeNode
from tests.fakes.regions import question
from tests.fakes.tls import FakeTlsFolder
from tests.gateway.peers.hostile_peer import AUDIENCE, AUTHORITY, NAME, HostilePeer, listening, peer_home, refusal
from trust.errors import BindingError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SICHUAN = "sichuan.onecard.test"
OLD, NEW = FakeAuthority("old Sichuan CA"), FakeAuthority("new Sichuan CA")
BOTH = OLD.certificate + NEW.certificate
REFUSED = refusal("NOT_FOUND", "CARD_NOT_FOUND")
ASKED = question()


def mutual(authorities: bytes = BOTH) -> grpc.ServerCredentials:
    """Make the credentials of a peer that demands a certificate."""
    certificate, key = AUTHORITY.issue(NAME)
    return grpc.ssl_server_credentials([(key, certificate)], authorities, require_client_auth=True)


def confirmation(authorization: str) -> str | None:
    """Read to which certificate a bearer token is bound, if any."""
    payload = authorization.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    bound: str | None = claims.get("cnf", {}).get("x5t#S256")
    return bound


@asynccontextmanager
async def chongqing(folder: Path, *, registered: str = SICHUAN) -> AsyncIterator[tuple[FakeNode, str, FakeTlsFolder]]:
    """Run Chongqing's real gateway with its mutual port, its files in a folder."""
    files = FakeTlsFolder(folder).write(*AUTHORITY.issue(NAME), authorities=BOTH)
    rule = CertificateRule(require_live=lambda _: None, clock=FakeClock(time.time()), authorities={SICHUAN: BOTH})
    registrations = (Registration(PEER, "sichuan", "gateway", SCOPES, registered),)
    node = FakeNode(audience=AUDIENCE, registrations=registrations, certificates=rule)
    server = node.server()
    port = server.listen("127.0.0.1:0", server_credentials(files.files(mutual=True), mutual=True))
    await server.start()
    try:
        yield node, f"127.0.0.1:{port}", files
    finally:
        await server.stop(drain_seconds=0)


async def test_two_gateways_prove_themselves_to_each_other(tmp_path: Path) -> None:
    """The caller's certificate carries the registered name, and its token is bound to it."""
    async with (
        chongqing(tmp_path) as (node, address, _),
        peer_home(address, clock=node.clock, shown=OLD.issue(SICHUAN)) as home,
    ):
        assert (await home.answer(ASKED, disclose=True)).claims
    assert [line["caller"] for line in node.journal.lines] == [PEER]


@pytest.mark.parametrize("case", ["no certificate", "another name", "another authority"])
async def test_a_gateway_that_cannot_prove_itself_is_not_answered(tmp_path: Path, case: str) -> None:
    """TLS or the application refuses; neither is passed on to our own caller as its fault."""
    shown = {
        "no certificate": None,
        "another name": OLD.issue("macao.onecard.test"),
        "another authority": FakeAuthority("foreign CA").issue(SICHUAN),
    }[case]
    expected = PeerProtocolError if case == "another name" else PeerUnavailableError
    async with chongqing(tmp_path) as (node, address, _), peer_home(address, clock=node.clock, shown=shown) as home:
        with pytest.raises(expected) as caught:
            await home.answer(ASKED, disclose=True)
    assert node.platform.asked == []
    if case == "another name":
        assert caught.value.metadata == {"region": "chongqing", "rule": "BINDING"}


@pytest.mark.parametrize("case", ["another name", "our name from another region", "our name by itself"])
async def test_a_server_is_held_against_its_own_name_and_authority(case: str) -> None:
    """TR5: the client refuses before it sends anything; the positive twin is asked and answers."""
    foreign = FakeAuthority("Macao CA")
    certificate, key = {
        "another name": AUTHORITY.issue("macao.onecard.test"),
        "our name from another region": foreign.issue(NAME),
        "our name by itself": foreign.self_signed(NAME),
    }[case]
    wrong = grpc.ssl_server_credentials([(key, certificate)], BOTH, require_client_auth=True)
    peer = HostilePeer([REFUSED])
    shown = OLD.issue(SICHUAN)
    async with listening(peer, credentials=wrong) as address, peer_home(address, shown=shown) as home:
        with pytest.raises(PeerUnavailableError):
            await home.answer(ASKED, disclose=True)
        assert not home.reachable
    assert (peer.asked, peer.tokens, peer.certificates) == ([], [], [])
    async with listening(peer, credentials=mutual()) as address, peer_home(address, shown=shown) as home:
        with pytest.raises(PeerRefusedError):
            await home.answer(ASKED, disclose=True)
    assert len(peer.asked) == 1


async def test_running_calls_finish_on_the_certificate_they_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """TR4, client side: the next call shows the new one, with a token bound to it, and trusts the new authority."""
    monkeypatch.setattr(module, "_RETIRE_SECONDS", 0.2)
    old, new = OLD.issue(SICHUAN), NEW.issue(SICHUAN)
    peer = HostilePeer([REFUSED], gate=asyncio.Event())
    assert peer.gate is not None
    async with listening(peer, credentials=mutual()) as address, peer_home(address, shown=old) as home:
        running = asyncio.create_task(home.answer(ASKED, disclose=True))
        while not peer.asked:
            await asyncio.sleep(0.001)
        home.rotate(certificate=new[0], key=new[1], ca=AUTHORITY.certificate)
        later = asyncio.create_task(home.answer(ASKED, disclose=True))
        while len(peer.asked) < 2:
            await asyncio.sleep(0.001)
        assert not running.done()
        peer.gate.set()
        for call in (running, later):
            with pytest.raises(PeerRefusedError):
                await call
        while home.channel._retired:
            await asyncio.sleep(0.001)
        home.rotate(certificate=None, key=None, ca=FakeAuthority("another CA").certificate)
        with pytest.raises(PeerUnavailableError):
            await home.answer(ASKED, disclose=True)
    shown = [fingerprint(pem) for pem in peer.certificates]
    assert shown == [fingerprint(old[0]), fingerprint(new[0])]
    assert [confirmation(token) for token in peer.tokens] == shown


async def test_closing_waits_for_nobody() -> None:
    """A running call of a channel that was rotated away ends with it."""
    peer = HostilePeer([REFUSED], gate=asyncio.Event())
    async with listening(peer, credentials=mutual()) as address, peer_home(address, shown=OLD.issue(SICHUAN)) as home:
        running = asyncio.create_task(home._call(question_message(ASKED, disclose=True), asking="sichuan"))
        while not peer.asked:
            await asyncio.sleep(0.001)
        new = NEW.issue(SICHUAN)
        home.rotate(certificate=new[0], key=new[1], ca=AUTHORITY.certificate)
        await asyncio.sleep(0)
        await home.close()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert home.channel._retired == {}


async def test_before_the_first_call_only_the_address_changes() -> None:
    """No channel is open, so none is closed."""
    peer = HostilePeer([REFUSED])
    new = NEW.issue(SICHUAN)
    async with listening(peer, credentials=mutual()) as address, peer_home(address) as home:
        home.rotate(certificate=new[0], key=new[1], ca=AUTHORITY.certificate)
        with pytest.raises(PeerRefusedError):
            await home.answer(ASKED, disclose=True)
    assert [fingerprint(pem) for pem in peer.certificates] == [fingerprint(new[0])]


async def test_without_a_certificate_tokens_are_bound_to_none() -> None:
    """The plain port of a peer goes on as before."""
    peer = HostilePeer([REFUSED])
    async with listening(peer) as address, peer_home(address) as home:
        with pytest.raises(PeerRefusedError):
            await home.answer(ASKED, disclose=True)
    assert [confirmation(token) for token in peer.tokens] == [None]


async def test_a_certificate_of_ours_that_cannot_be_read_is_found_at_the_start() -> None:
    """And a key never shows itself."""
    with pytest.raises(BindingError):
        async with peer_home("127.0.0.1:1", shown=(b"canary", b"secret-canary")):
            pass
    address = PeerAddress(
        region="chongqing",
        address="127.0.0.1:1",
        server_name=NAME,
        audience=AUDIENCE,
        ca=AUTHORITY.certificate,
        certificate=b"canary",
        key=b"secret-canary",
    )
    assert "secret-canary" not in repr(address)


async def test_an_unreadable_certificate_is_not_rotated_in() -> None:
    """What was in use stays in use."""
    peer = HostilePeer([REFUSED])
    shown = OLD.issue(SICHUAN)
    async with listening(peer, credentials=mutual()) as address, peer_home(address, shown=shown) as home:
        with pytest.raises(BindingError):
            home.rotate(certificate=b"canary", key=b"canary", ca=AUTHORITY.certificate)
        with pytest.raises(PeerRefusedError):
            await home.answer(ASKED, disclose=True)
    assert [fingerprint(pem) for pem in peer.certificates] == [fingerprint(shown[0])]


async def test_ten_rotations_of_both_sides_under_load_fail_no_call(tmp_path: Path) -> None:
    """TR4: files are replaced on both sides while calls run; each call gets its proven answer."""
    own = FakeTlsFolder(tmp_path / "own")
    own.folder.mkdir()
    own.write(*OLD.issue(SICHUAN))
    trusted = own.folder / "peer.pem"
    trusted.write_bytes(AUTHORITY.certificate)
    watch = TlsWatch(TlsFiles(certificate=own.certificate, key=own.key, authorities=(trusted,)))
    done = asyncio.Event()
    async with (
        chongqing(tmp_path) as (node, address, theirs),
        peer_home(address, clock=node.clock, shown=(watch.material.certificate, watch.material.key)) as home,
    ):
        rotations = 0

        def rotate(material: TlsMaterial) -> None:
            nonlocal rotations
            rotations += 1
            home.rotate(certificate=material.certificate, key=material.key, ca=material.authorities)

        async def load(worker: int) -> int:
            answered = 0
            while not done.is_set():
                asked = question(request_id=f"{worker}-{answered}")
                assert (await home.answer(asked, disclose=True)).claims
                answered += 1
            return answered

        following = asyncio.create_task(follow_files(watch, rotate, every_seconds=0.001))
        workers = [asyncio.create_task(load(worker)) for worker in range(4)]
        for number in range(10):
            theirs.write(*AUTHORITY.issue(NAME))
            own.write(*(OLD if number % 2 else NEW).issue(SICHUAN))
            while rotations <= number:
                await asyncio.sleep(0.001)
            seen = len(node.journal.lines)
            while len(node.journal.lines) < seen + 4:
                await asyncio.sleep(0.001)
        done.set()
        answered = await asyncio.gather(*workers)
        following.cancel()
    assert rotations == 10
    assert min(answered) > 0
    assert {line["code"] for line in node.journal.lines} == {"OK"}


async def test_answers_bound_to_a_certificate_and_its_forerunners_are_ours() -> None:
    """A few of them; a peer that repeats an answer repeats what it was bound to."""
    shown = [OLD.issue(SICHUAN) for _ in range(11)]
    async with peer_home("127.0.0.1:1") as home:
        assert home.channel.certificates == frozenset()
        for number, (certificate, key) in enumerate(shown):
            home.rotate(certificate=certificate, key=key, ca=AUTHORITY.certificate)
            kept = shown[max(0, number - 8) : number + 1]
            assert home.channel.certificates == {fingerprint(one) for one, _ in kept}
        home.rotate(certificate=None, key=None, ca=AUTHORITY.certificate)
        assert len(home.channel.certificates) == 8
        assert fingerprint(shown[-1][0]) in home.channel.certificates


async def test_a_recognition_bound_to_another_certificate_is_not_believed(tmp_path: Path) -> None:
    """RP7: the peer's answer is bound to the certificate of whoever asked; the positive twin is the one who asked."""
    async with (
        chongqing(tmp_path) as (node, address, _),
        peer_home(address, clock=node.clock, shown=OLD.issue(SICHUAN)) as home,
    ):
        assert (await home.answer(ASKED, disclose=True)).claims
        home.channel._shown = fingerprint(NEW.issue(SICHUAN)[0])
        with pytest.raises(PeerProtocolError) as caught:
            await home.answer(ASKED, disclose=True)
    assert caught.value.metadata["rule"] == "BindingError"
