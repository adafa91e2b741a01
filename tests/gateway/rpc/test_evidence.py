"""EvidenceService: what auditors, home regions and gateways are told of a log, and what they are not."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.canonical import Card, CardIdentity, Document, Holder
from adapters.words import DocumentType
from gateway.rpc.evidence import EvidenceServicer
from gateway.rpc.paging import Paging
from gateway.services.disclosure import holder_key
from gateway.services.evidence import Known, Outcome, Subject
from gateway.services.evidence_accesses import Accesses
from onecard.gateway.v1 import card_pb2, evidence_pb2
from onecard.gateway.v1 import evidence_service_pb2 as pb
from onecard.gateway.v1.evidence_service_pb2_grpc import EvidenceServiceStub
from tests.fakes.callers import HOME_PLATFORM, PEER, PLATFORM, bearer
from tests.fakes.node import FakeNode, channel_to
from tests.gateway.rpc.told import refused
from tests.gateway.services.evidence_lab import SECRET, decision, fill, record
from tests.gateway.services.evidence_logs import KEYS, log_of, note_keys
from trust.checkpoint import Checkpoint, check_cosignature, read_checkpoint, sign_checkpoint
from trust.merkle import leaf_hash, prove_consistency, prove_inclusion
from trust.note import COSIGNER_KIND, NoteSignature
from trust.signer import KeySigner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.gateway.services.evidence_logs import LogSide

OURS, THEIRS, THIRD = KEYS
NUMBER = "500112190302110117"
SOMEBODY = Subject(Known.HOLDER, "chongqing", f"ssn:{NUMBER}")
PSEUDONYM = "p" * 42 + "A"


class Served:
    """A log behind the real boundary."""

    def __init__(self, side: LogSide, node: FakeNode, stub: Any) -> None:  # noqa: ANN401 - a stub of grpc
        """Take the parts."""
        self.side, self.node, self.stub = side, node, stub

    def as_(self, caller: str) -> dict[str, Any]:
        """Give the options of a call by somebody."""
        return {"metadata": bearer(caller, self.node.clock)}


@pytest.fixture
async def served(sqlite_url: str) -> AsyncIterator[Served]:
    """Serve the log of Chongqing's gateway, of which Sichuan's is a peer."""
    async with serving(sqlite_url) as one:
        yield one


@asynccontextmanager
async def serving(url: str, *homes: str) -> AsyncIterator[Served]:
    """Serve a log."""

    async def nobody(origin: str, first: int, second: int) -> Sequence[bytes] | None:
        del origin, first, second
        return None

    async with log_of(OURS, url) as side:
        servicer = EvidenceServicer(
            heads=side.heads,
            reader=side.reader,
            accesses=Accesses(side.store),
            witness=side.witness,
            secret=SECRET,
            paging=Paging(SECRET.paging_key()),
            origins={PEER: THEIRS},
            proofs=nobody,
            homes=frozenset(homes or ("chongqing",)),
        )
        node = FakeNode()
        async with channel_to(node.server([servicer])) as channel:
            yield Served(side, node, EvidenceServiceStub(channel))


async def test_a_record_is_proved_against_a_signed_checkpoint(served: Served) -> None:
    """What comes back proves by itself that the record is in the log: content, leaf, path, signed root."""
    made = await fill(served.side.store, 30)
    for which in ({"record_id": made[13].id.hex()}, {"index": 13}):
        told = await served.stub.GetInclusionProof(pb.GetInclusionProofRequest(**which), **served.as_(PLATFORM))
        head = read_checkpoint(told.checkpoint.note, *note_keys(OURS)).checkpoint
        assert (head.size, told.checkpoint.size, told.tree_size, told.record.index) == (30, 30, 30, 13)
        leaf = leaf_hash(told.record.content)
        assert leaf == told.record.leaf_hash
        prove_inclusion(13, 30, leaf=leaf, path=told.path, root=head.root)
        assert json.loads(told.record.content)["id"] == made[13].id.hex()
    of_size = await served.stub.GetInclusionProof(
        pb.GetInclusionProofRequest(index=13, tree_size=20), **served.as_(PLATFORM)
    )
    root = await served.side.reader.root(20)
    prove_inclusion(13, 20, leaf=of_size.record.leaf_hash, path=of_size.path, root=root)
    assert not of_size.HasField("checkpoint")


async def test_a_gateway_gets_the_proof_and_not_the_record(served: Served) -> None:
    """What a region's gateway has decided about others is not told to a third."""
    await fill(served.side.store, 5)
    told = await served.stub.GetInclusionProof(pb.GetInclusionProofRequest(index=0), **served.as_(PEER))
    assert told.record.content == b""
    assert len(told.record.leaf_hash) == 32


async def test_the_records_of_other_homes_of_a_gateway_are_no_platforms(sqlite_url: str) -> None:
    """Where one gateway serves several regions, a platform reads the records that name its own; proofs are for all."""
    async with serving(sqlite_url, "chongqing", "sichuan", "guizhou") as hub:
        strange = replace(decision(0), caller="platform.guizhou", source="guizhou", target="chongqing")
        await hub.side.store.commit(record, [strange, decision(1)])
        ours, theirs = [
            await hub.stub.GetInclusionProof(pb.GetInclusionProofRequest(index=index), **hub.as_(PLATFORM))
            for index in (1, 0)
        ]
    assert (bool(ours.record.content), theirs.record.content) == (True, b"")
    assert len(theirs.record.leaf_hash) == 32


async def test_a_log_proves_that_it_only_grew(served: Served) -> None:
    """Contract DU7: the proof between two checkpoints holds."""
    await fill(served.side.store, 10)
    first = await served.stub.GetCheckpoint(pb.GetCheckpointRequest(), **served.as_(PEER))
    await fill(served.side.store, 13)
    second = await served.stub.GetCheckpoint(pb.GetCheckpointRequest(), **served.as_(PEER))
    again = await served.stub.GetCheckpoint(pb.GetCheckpointRequest(least_size=1), **served.as_(PEER))
    assert (first.checkpoint.size, second.checkpoint.size, again) == (10, 23, first)
    proof = await served.stub.GetConsistencyProof(
        pb.GetConsistencyProofRequest(first_size=10, second_size=23), **served.as_(PEER)
    )
    roots = tuple(read_checkpoint(one.checkpoint.note, *note_keys(OURS)).checkpoint.root for one in (first, second))
    prove_consistency(10, 23, roots=(roots[0], roots[1]), path=proof.path)


@pytest.mark.parametrize(
    ("method", "request_", "reason", "field"),
    [
        ("GetCheckpoint", pb.GetCheckpointRequest(least_size=-1), "INVALID_FIELD", "least_size"),
        ("GetCheckpoint", pb.GetCheckpointRequest(least_size=9), "INVALID_FIELD", "least_size"),
        ("GetInclusionProof", pb.GetInclusionProofRequest(), "INVALID_FIELD", "record"),
        ("GetInclusionProof", pb.GetInclusionProofRequest(record_id="x"), "INVALID_FIELD", "record_id"),
        ("GetInclusionProof", pb.GetInclusionProofRequest(record_id="0" * 32), "UNKNOWN_RECORD", None),
        ("GetInclusionProof", pb.GetInclusionProofRequest(index=5), "UNKNOWN_RECORD", None),
        ("GetInclusionProof", pb.GetInclusionProofRequest(index=-1), "UNKNOWN_RECORD", None),
        ("GetInclusionProof", pb.GetInclusionProofRequest(index=3, tree_size=3), "INVALID_FIELD", "tree_size"),
        ("GetInclusionProof", pb.GetInclusionProofRequest(index=3, tree_size=6), "INVALID_FIELD", "tree_size"),
        ("GetConsistencyProof", pb.GetConsistencyProofRequest(second_size=3), "INVALID_FIELD", "first_size"),
        ("GetConsistencyProof", pb.GetConsistencyProofRequest(first_size=3), "INVALID_FIELD", "second_size"),
        (
            "GetConsistencyProof",
            pb.GetConsistencyProofRequest(first_size=3, second_size=6),
            "INVALID_FIELD",
            "second_size",
        ),
    ],
)
async def test_what_the_log_does_not_have_is_refused(
    served: Served, method: str, request_: object, reason: str, field: str | None
) -> None:
    """Sizes and places outside the log are told by the field that names them."""
    await fill(served.side.store, 5)
    told = await refused(getattr(served.stub, method)(request_, **served.as_(PLATFORM)))
    assert (told.reason, told.metadata.get("field")) == (reason, field)


async def test_a_home_region_lists_who_looked_at_a_holder(served: Served) -> None:
    """Every access, latest first, page by page; that it was listed is itself a record about the holder."""
    made = [replace(decision(number), subject=SOMEBODY if number % 10 == 1 else None) for number in range(40)]
    await served.side.store.commit(record, made)
    found, token = list[evidence_pb2.RecordedAccess](), ""
    for _ in range(2):
        page = await served.stub.ListAccesses(
            pb.ListAccessesRequest(social_security_number=NUMBER, page_size=2, page_token=token),
            **served.as_(HOME_PLATFORM),
        )
        found += page.accesses
        token = page.next_page_token
        assert token
    last = await served.stub.ListAccesses(
        pb.ListAccessesRequest(social_security_number=NUMBER, page_token=token), **served.as_(HOME_PLATFORM)
    )
    assert (list(last.accesses), last.next_page_token) == ([], "")
    assert [access.record_id for access in found] == [made[at].id.hex() for at in (31, 21, 11, 1)]
    access = found[0]
    assert (access.method, access.outcome) == ("IdentityService/VerifyCard", evidence_pb2.DECISION_OUTCOME_ALLOWED)
    assert (access.source_region, access.target_region, access.item) == ("sichuan", "chongqing", "SC-01")
    assert access.decision_time.ToMicroseconds() == made[31].time
    assert NUMBER not in str(found)
    *_, recorded = served.node.evidence.decisions
    assert (recorded.method, recorded.subject) == ("EvidenceService/ListAccesses", SOMEBODY)
    assert (recorded.outcome, recorded.detail) == (Outcome.ALLOWED, "0")


async def test_a_holder_without_a_number_is_found_by_document(served: Served) -> None:
    """A region whose holders have documents only asks by these."""
    known = Document.parse(DocumentType.HONGKONG_IDENTITY_CARD, "A123456(3)")
    identity = CardIdentity("chongqing", Holder(documents=(known,)), Card())
    subject = Subject(Known.HOLDER, "chongqing", holder_key(identity))
    await served.side.store.commit(record, [replace(decision(), subject=subject)])
    document = card_pb2.Document(type=card_pb2.DOCUMENT_TYPE_HONGKONG_IDENTITY_CARD, number="A123456(3)")
    page = await served.stub.ListAccesses(pb.ListAccessesRequest(document=document), **served.as_(HOME_PLATFORM))
    assert [access.index for access in page.accesses] == [0]


async def test_a_gateway_lists_by_the_pseudonym_that_its_region_gave(served: Served) -> None:
    """The home region's gateway learns who used a recognition of its own, and of no other region's."""
    own, other = (Subject(Known.PSEUDONYM, region, PSEUDONYM) for region in ("sichuan", "guizhou"))
    await served.side.store.commit(record, [replace(decision(), subject=own), replace(decision(), subject=other)])
    page = await served.stub.ListAccesses(pb.ListAccessesRequest(pseudonym=PSEUDONYM), **served.as_(PEER))
    assert [access.index for access in page.accesses] == [0]


@pytest.mark.parametrize(
    ("caller", "request_", "reason"),
    [
        (PLATFORM, pb.ListAccessesRequest(social_security_number=NUMBER), "CALLER_REGION"),
        (PEER, pb.ListAccessesRequest(social_security_number=NUMBER), "CALLER_REGION"),
        (HOME_PLATFORM, pb.ListAccessesRequest(pseudonym=PSEUDONYM), "CALLER_REGION"),
        (HOME_PLATFORM, pb.ListAccessesRequest(), "INVALID_FIELD"),
        (HOME_PLATFORM, pb.ListAccessesRequest(document=card_pb2.Document(number="1")), "INVALID_FIELD"),
        (HOME_PLATFORM, pb.ListAccessesRequest(social_security_number="1"), "MALFORMED_NUMBER"),
        (HOME_PLATFORM, pb.ListAccessesRequest(social_security_number=NUMBER, page_size=-1), "INVALID_FIELD"),
        (HOME_PLATFORM, pb.ListAccessesRequest(social_security_number=NUMBER, page_token="x"), "BAD_PAGE_TOKEN"),
        (PEER, pb.ListAccessesRequest(pseudonym="x"), "INVALID_FIELD"),
    ],
)
async def test_nobody_else_is_told(served: Served, caller: str, request_: object, reason: str) -> None:
    """Only the home region of the card is entitled, each side of it in its own way."""
    assert (await refused(served.stub.ListAccesses(request_, **served.as_(caller)))).reason == reason


async def test_a_peer_s_checkpoint_is_cosigned(served: Served) -> None:
    """A gateway shows its log and gets our line for it; one that contradicts itself is refused, and an alarm."""
    head = Checkpoint(THEIRS, 9, bytes(32))
    note = sign_checkpoint(head, signer=KeySigner(KEYS[THEIRS])).to_text()
    told = await served.stub.ExchangeCheckpoints(
        pb.ExchangeCheckpointsRequest(checkpoint=note, seen=["no note"]), **served.as_(PEER)
    )
    key = note_keys(OURS)[0].of_kind(COSIGNER_KIND)
    check_cosignature(NoteSignature.from_text(told.cosignature), head, key=key)
    assert (told.held.note, told.held.size) == (note, 9)
    longer = sign_checkpoint(Checkpoint(THEIRS, 12, bytes(32)), signer=KeySigner(KEYS[THEIRS])).to_text()
    unknown = await served.stub.ExchangeCheckpoints(
        pb.ExchangeCheckpointsRequest(checkpoint=longer, from_size=3), **served.as_(PEER)
    )
    assert (unknown.cosignature, unknown.held.size) == ("", 9)
    other = sign_checkpoint(Checkpoint(THEIRS, 9, b"x" * 32), signer=KeySigner(KEYS[THEIRS])).to_text()
    conflict = await refused(
        served.stub.ExchangeCheckpoints(pb.ExchangeCheckpointsRequest(checkpoint=other), **served.as_(PEER))
    )
    assert (conflict.code, conflict.reason) == ("FAILED_PRECONDITION", "LOG_CONFLICT")
    assert served.side.alarms.count == 1


@pytest.mark.parametrize(
    ("caller", "request_", "reason"),
    [
        (PLATFORM, pb.ExchangeCheckpointsRequest(checkpoint="x"), "CALLER_REGION"),
        (PEER, pb.ExchangeCheckpointsRequest(), "CHECKPOINT_INVALID"),
        (PEER, pb.ExchangeCheckpointsRequest(checkpoint="x" * 20_000), "LIMIT"),
        (PEER, pb.ExchangeCheckpointsRequest(checkpoint="x", seen=["x" * 20_000]), "LIMIT"),
        (PEER, pb.ExchangeCheckpointsRequest(checkpoint="x", seen=["x"] * 65), "LIMIT"),
        (PEER, pb.ExchangeCheckpointsRequest(checkpoint="x", path=[b"x"] * 131), "LIMIT"),
        (
            PEER,
            pb.ExchangeCheckpointsRequest(
                checkpoint=sign_checkpoint(Checkpoint(THIRD, 1, bytes(32)), signer=KeySigner(KEYS[THIRD])).to_text()
            ),
            "CHECKPOINT_INVALID",
        ),
    ],
)
async def test_what_is_no_checkpoint_of_the_caller_is_refused(
    served: Served, caller: str, request_: object, reason: str
) -> None:
    """A gateway shows its own log, in bounded messages."""
    assert (await refused(served.stub.ExchangeCheckpoints(request_, **served.as_(caller)))).reason == reason
