"""The port that demands a certificate: whom TLS turns away, whom the application does, and who is answered."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.certificates import fingerprint
from onecard.gateway.v1.identity_service_pb2_grpc import IdentityServiceStub
from onecard.gateway.v1.region_service_pb2 import GetRegionRequest
from onecard.gateway.v1.region_service_pb2_grpc import RegionServiceStub
from tests.fakes.authority import OVER, TO_COME, FakeAuthority
from tests.fakes.callers import PEER, PLATFORM
from tests.fakes.mutual import AUTHORITIES, MACAO, REGISTRATIONS, SICHUAN, MutualNode, running, shown_by
from tests.fakes.node import FakeNode
from tests.gateway.rpc.test_streams import batch, good
from tests.gateway.rpc.told import Told, refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.fakes.mutual import Shown

PRIVATE = "agency.onecard.test"


@pytest.fixture(name="there")
async def _there(tmp_path: Path) -> AsyncIterator[MutualNode]:
    """Run such a gateway."""
    async with running(tmp_path) as there:
        yield there


async def get(channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...]) -> str:
    """Make a call, and give the region of its answer."""
    stub: Any = RegionServiceStub(channel)
    reply = await stub.GetRegion(GetRegionRequest(name="regions/chongqing"), metadata=metadata, timeout=10)
    return str(reply.region.name).partition("/")[2]


async def refusal_of(there: MutualNode, shown: Shown | None, caller: str, confirmation: str | None = None) -> Told:
    """Make a call that must be refused by the application."""
    async with there.channel(shown, mutual=shown is not None) as channel:
        return await refused(get(channel, there.metadata(caller, confirmation)))


PAST = (datetime.timedelta(days=-3), datetime.timedelta(seconds=-1))
SICHUANS = AUTHORITIES[SICHUAN]


def _by_a_leaf() -> Shown:
    """Let a certificate that may not sign sign another one."""
    return FakeAuthority("leaf", above=SICHUANS, may_sign=False).issue(SICHUAN)


TURNED_AWAY: dict[str, Callable[[], Shown | None]] = {
    "none": lambda: None,
    "expired": lambda: SICHUANS.issue(SICHUAN, life=OVER),
    "expired by a second": lambda: SICHUANS.issue(SICHUAN, life=PAST),
    "not yet valid": lambda: SICHUANS.issue(SICHUAN, life=TO_COME),
    "wrong CA": lambda: FakeAuthority("other CA").issue(SICHUAN),
    "CA of the same name": lambda: FakeAuthority("Sichuan CA").issue(SICHUAN),
    "self-signed": lambda: SICHUANS.self_signed(SICHUAN),
    "leaf as CA": _by_a_leaf,
    "wrong usage": lambda: SICHUANS.issue(SICHUAN, usage=ExtendedKeyUsageOID.SERVER_AUTH),
    "mail usage": lambda: SICHUANS.issue(SICHUAN, usage=ExtendedKeyUsageOID.EMAIL_PROTECTION),
}


@pytest.mark.parametrize("case", TURNED_AWAY)
async def test_who_cannot_prove_its_certificate_is_turned_away_by_tls(there: MutualNode, case: str) -> None:
    """TR1: the client sees UNAVAILABLE, no handler runs; the positive twin is answered on the same port."""
    async with there.channel(TURNED_AWAY[case]()) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await get(channel, there.metadata(PEER))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert there.node.journal.lines == []
    async with there.channel(shown_by(SICHUAN)) as channel:
        assert await get(channel, there.metadata(PEER)) == "chongqing"
    assert len(there.node.journal.lines) == 1


async def test_plaintext_is_turned_away_by_tls(there: MutualNode) -> None:
    """TR1: on both ports."""
    for address in (there.mutual, there.plain):
        async with grpc.aio.insecure_channel(address) as channel:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await get(channel, there.metadata(PLATFORM))
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert there.node.journal.lines == []


@pytest.mark.parametrize("case", ["for clients", "behind another authority"])
async def test_certificates_of_other_good_forms_are_believed(there: MutualNode, case: str) -> None:
    """TR1, positive: the right usage, and a chain whose links may all sign."""
    shown = {
        "for clients": SICHUANS.issue(SICHUAN, usage=ExtendedKeyUsageOID.CLIENT_AUTH),
        "behind another authority": FakeAuthority("between", above=SICHUANS).issue(SICHUAN),
    }[case]
    async with there.channel(shown) as channel:
        assert await get(channel, there.metadata(PEER)) == "chongqing"


async def test_a_revoked_certificate_is_refused_on_its_open_connection(there: MutualNode) -> None:
    """TR2: the next call and the next message of a stream; a fresh certificate of the same peer is good."""
    shown = shown_by(SICHUAN)
    async with there.channel(shown) as channel:
        assert await get(channel, there.metadata(PEER)) == "chongqing"
        stub: Any = IdentityServiceStub(channel)
        stream = stub.BatchTranslateIdentities(metadata=there.metadata(PEER))
        await stream.write(batch(good()))
        assert (await stream.read()).outcomes
        there.revoked.add(fingerprint(shown[0]))
        await stream.write(batch(good()))
        in_stream = await refused(stream.read())
        in_call = await refused(get(channel, there.metadata(PEER)))
    for told in (in_stream, in_call):
        assert (told.code, told.reason) == ("UNAUTHENTICATED", "PEER_REVOKED")
        assert (told.metadata["kind"], told.metadata["reason"]) == ("certificate", "compromised")
    assert [line["reason"] for line in there.node.journal.lines] == ["OK", "PEER_REVOKED", "PEER_REVOKED"]
    async with there.channel(shown_by(SICHUAN)) as channel:
        assert await get(channel, there.metadata(PEER)) == "chongqing"


async def test_a_caller_with_a_registered_certificate_is_believed_over_no_other(there: MutualNode) -> None:
    """AZ2, RP7: with its own it is answered; with none, a nameless one or another caller's it is told why not."""
    for caller, name in ((PEER, SICHUAN), ("platform.macao", MACAO)):
        async with there.channel(shown_by(name)) as channel:
            assert await get(channel, there.metadata(caller)) == "chongqing"
    for shown, caller, code, reason in (
        (None, PEER, "UNAUTHENTICATED", "BINDING"),
        (SICHUANS.issue(PRIVATE), PEER, "UNAUTHENTICATED", "BINDING"),
        (SICHUANS.issue(), PEER, "UNAUTHENTICATED", "BINDING"),
        (shown_by(MACAO), PEER, "PERMISSION_DENIED", "PEER_ISSUER_MISMATCH"),
        (shown_by(SICHUAN), "platform.macao", "PERMISSION_DENIED", "PEER_ISSUER_MISMATCH"),
        (shown_by(SICHUAN), PLATFORM, "PERMISSION_DENIED", "PEER_ISSUER_MISMATCH"),
    ):
        told = await refusal_of(there, shown, caller)
        assert (told.code, told.reason) == (code, reason)


async def test_one_regions_authority_cannot_speak_in_the_name_of_another(there: MutualNode) -> None:
    """AZ2: TLS believes Macao's authority, and Sichuan's name from it counts for nothing."""
    told = await refusal_of(there, AUTHORITIES[MACAO].issue(SICHUAN), PEER)
    assert (told.code, told.reason) == ("UNAUTHENTICATED", "BINDING")
    told = await refusal_of(there, AUTHORITIES[MACAO].issue(SICHUAN, MACAO), PEER)
    assert (told.code, told.reason) == ("PERMISSION_DENIED", "PEER_ISSUER_MISMATCH")


async def test_callers_without_a_certificate_have_their_port(there: MutualNode) -> None:
    """And one that has some certificate, registered for nobody, may use the other."""
    async with there.channel(mutual=False) as channel:
        assert await get(channel, there.metadata(PLATFORM)) == "chongqing"
    async with there.channel(SICHUANS.issue(PRIVATE)) as channel:
        assert await get(channel, there.metadata(PLATFORM)) == "chongqing"


async def test_a_token_bound_to_a_certificate_is_good_over_no_other(there: MutualNode) -> None:
    """RP7: bound to certificate A it is good over A, and over neither B nor none, also where B is of the same name."""
    own, other = shown_by(SICHUAN), shown_by(SICHUAN)
    bound = fingerprint(own[0])
    async with there.channel(own) as channel:
        assert await get(channel, there.metadata(PEER, bound)) == "chongqing"
    for shown, caller in ((other, PEER), (None, PEER), (shown_by(MACAO), PEER), (None, PLATFORM), (other, PLATFORM)):
        told = await refusal_of(there, shown, caller, bound)
        assert (told.code, told.reason) == ("UNAUTHENTICATED", "BINDING")
    # The positive twin of the platform: a certificate that is registered for nobody binds as well.
    agency = SICHUANS.issue(PRIVATE)
    async with there.channel(agency) as channel:
        assert await get(channel, there.metadata(PLATFORM, fingerprint(agency[0]))) == "chongqing"


async def test_without_a_rule_no_certificate_counts(tmp_path: Path) -> None:
    """A gateway that has no mutual port refuses what is bound to a certificate, and asks no connection for one."""
    there = MutualNode(tmp_path)
    there.node = FakeNode(registrations=REGISTRATIONS)
    server = there.node.server()
    there.listen(server)
    await server.start()
    own = shown_by(SICHUAN)
    told = await refusal_of(there, own, PEER, fingerprint(own[0]))
    assert (told.code, told.reason) == ("UNAUTHENTICATED", "BINDING")
    async with there.channel(own) as channel:
        assert await get(channel, there.metadata(PLATFORM)) == "chongqing"
    await server.stop(drain_seconds=0)
