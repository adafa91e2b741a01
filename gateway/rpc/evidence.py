"""EvidenceService: checkpoints, proofs, accesses, and the exchange of checkpoints between gateways."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, ClassVar, Final

from adapters.canonical import Document
from adapters.identifiers import SocialSecurityNumber
from gateway.errors import CallerRegionError, InvalidFieldError, LimitError
from gateway.rpc import convert
from gateway.services.evidence import Known, Outcome, Subject
from onecard.gateway.v1 import evidence_pb2
from onecard.gateway.v1 import evidence_service_pb2 as pb
from trust.encoding import is_sha256
from trust.note import MAX_NOTE_LENGTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.callers import Caller
    from gateway.rpc.boundary import Call
    from gateway.rpc.paging import Paging
    from gateway.services.evidence import EvidenceSecret
    from gateway.services.evidence_accesses import Accesses
    from gateway.services.evidence_bundle import Stored
    from gateway.services.evidence_heads import EvidenceHeads
    from gateway.services.evidence_reader import EvidenceReader
    from gateway.services.evidence_witness import Proofs, Witness
    from trust.checkpoint import Checkpoint

_MOST_SEEN: Final = 64
_MOST_HASHES: Final = 130
_RECORD_ID: Final = re.compile(r"[0-9a-f]{32}")
_OUTCOMES: Final = {
    Outcome.ALLOWED: evidence_pb2.DECISION_OUTCOME_ALLOWED,
    Outcome.REFUSED: evidence_pb2.DECISION_OUTCOME_REFUSED,
    Outcome.FAILED: evidence_pb2.DECISION_OUTCOME_FAILED,
}


class EvidenceServicer:
    """Serves EvidenceService."""

    SERVICE: ClassVar = pb.DESCRIPTOR.services_by_name["EvidenceService"]
    SCOPES: ClassVar = {
        "GetCheckpoint": "evidence.read",
        "GetInclusionProof": "evidence.read",
        "GetConsistencyProof": "evidence.read",
        "ListAccesses": "evidence.accesses",
        "ExchangeCheckpoints": "evidence.exchange",
    }
    WAITS: ClassVar = frozenset({"ExchangeCheckpoints"})
    DECIDES: ClassVar = frozenset({"ListAccesses"})

    def __init__(
        self,
        *,
        heads: EvidenceHeads,
        reader: EvidenceReader,
        accesses: Accesses,
        witness: Witness,
        secret: EvidenceSecret,
        paging: Paging,
        origins: Mapping[str, str],
        proofs: Proofs,
        homes: frozenset[str],
    ) -> None:
        """Take the parts.

        Args:
            heads: the checkpoints of our log.
            reader: our log.
            accesses: looks through it.
            witness: what we hold of the logs of peers.
            secret: makes of a holder what stands in the log.
            paging: makes page tokens.
            origins: names the log of each gateway, by the caller that it is.
            proofs: asks a peer's log for a proof.
            homes: the regions whose platforms know their holders here.
        """
        self._heads = heads
        self._reader = reader
        self._accesses = accesses
        self._witness = witness
        self._secret = secret
        self._paging = paging
        self._origins = origins
        self._proofs = proofs
        self._homes = homes

    async def get_checkpoint(self, request: pb.GetCheckpointRequest, _call: Call) -> pb.GetCheckpointResponse:
        """Get the current checkpoint, or an earlier one."""
        if request.least_size < 0:
            raise InvalidFieldError(("least_size", "not_negative"))
        shown = await self._heads.shown(request.least_size)
        if shown.checkpoint.size < request.least_size:
            raise InvalidFieldError(("least_size", "at_most_the_size_of_the_log"))
        return pb.GetCheckpointResponse(checkpoint=_checkpoint(shown.checkpoint, shown.to_text()))

    async def get_inclusion_proof(
        self, request: pb.GetInclusionProofRequest, call: Call
    ) -> pb.GetInclusionProofResponse:
        """Prove that a record is in the log."""
        which = request.WhichOneof("record")
        if which is None:
            raise InvalidFieldError(("record", "required"))
        if which == "record_id":
            stored = await self._reader.find(_record_id(request.record_id))
        else:
            stored = await self._reader.at(request.index)
        response = pb.GetInclusionProofResponse(tree_size=request.tree_size)
        if request.tree_size == 0:
            shown = await self._heads.shown()
            response.tree_size = shown.checkpoint.size
            response.checkpoint.CopyFrom(_checkpoint(shown.checkpoint, shown.to_text()))
        elif not stored.place < request.tree_size <= (await self._reader.head()).size:
            raise InvalidFieldError(("tree_size", "above_the_index_at_most_the_size_of_the_log"))
        response.path.extend(await self._reader.inclusion(stored.place, response.tree_size))
        response.record.index = stored.place
        response.record.leaf_hash = stored.leaf
        if self._may_read(call.caller, stored.record):
            response.record.content = stored.record
        return response

    def _may_read(self, caller: Caller, record: bytes) -> bool:
        """Tell whether a record is for a caller: a platform, and its region is named where the gateway has several."""
        if caller.kind != "platform":
            return False
        told = json.loads(record)
        return len(self._homes) == 1 or caller.id == told["caller"] or caller.region in (told["source"], told["target"])

    async def get_consistency_proof(
        self, request: pb.GetConsistencyProofRequest, _call: Call
    ) -> pb.GetConsistencyProofResponse:
        """Prove that the log only grew."""
        if request.first_size < 1:
            raise InvalidFieldError(("first_size", "at_least_1"))
        if not request.first_size <= request.second_size <= (await self._reader.head()).size:
            raise InvalidFieldError(("second_size", "at_least_the_first_at_most_the_size_of_the_log"))
        path = await self._reader.consistency(request.first_size, request.second_size)
        return pb.GetConsistencyProofResponse(path=path)

    async def list_accesses(self, request: pb.ListAccessesRequest, call: Call) -> pb.ListAccessesResponse:
        """List the accesses to the data of a holder of the caller's region."""
        subject = self._subject(request, call.caller)
        call.note.subject, call.note.target = subject, call.caller.region
        mac = self._secret.subject(subject)
        arguments = f"accesses {mac.hex()}"
        head = await self._reader.head()
        before = self._paging.position(request.page_token, arguments, first=head.size)
        found = await self._accesses.about(mac, before=before, most=self._paging.size(request.page_size))
        call.note.detail = str(len(found.records))
        return pb.ListAccessesResponse(
            accesses=map(_access, found.records),
            next_page_token="" if found.before is None else self._paging.token(found.before, arguments),
        )

    def _subject(self, request: pb.ListAccessesRequest, caller: Caller) -> Subject:
        """Read whom a call is about; the caller's own region is part of it, so that no other holder can be meant."""
        which = request.WhichOneof("holder")
        if which is None:
            raise InvalidFieldError(("holder", "required"))
        if which == "pseudonym":
            if caller.kind != "gateway":
                raise CallerRegionError(region=caller.region)
            if not is_sha256(request.pseudonym):
                raise InvalidFieldError(("pseudonym", "form"))
            return Subject(Known.PSEUDONYM, caller.region, request.pseudonym)
        if caller.kind != "platform" or caller.region not in self._homes:
            raise CallerRegionError(region=caller.region)
        if which == "document":
            kind = convert.DOCUMENT_WORD.get(request.document.type)
            if kind is None:
                raise InvalidFieldError(("document.type", "required"))
            document = Document.parse(kind, request.document.number, field="document.number")
            return Subject(Known.HOLDER, caller.region, f"{document.type}:{document.number.reveal()}")
        number = SocialSecurityNumber(request.social_security_number, field="social_security_number").reveal()
        return Subject(Known.HOLDER, caller.region, f"ssn:{number}")

    async def exchange_checkpoints(
        self, request: pb.ExchangeCheckpointsRequest, call: Call
    ) -> pb.ExchangeCheckpointsResponse:
        """Look at a peer's checkpoint, cosign it, and hear what the peer holds of others."""
        origin = self._origins.get(call.caller.id)
        if origin is None or call.caller.kind != "gateway":
            raise CallerRegionError(region=call.caller.region)
        if len(request.path) > _MOST_HASHES or len(request.seen) > _MOST_SEEN:
            raise LimitError(limit=f"{_MOST_HASHES}_hashes_{_MOST_SEEN}_notes")
        if any(len(note) > MAX_NOTE_LENGTH for note in (request.checkpoint, *request.seen)):
            raise LimitError(limit=f"{MAX_NOTE_LENGTH}_characters")
        seen = await self._witness.see(
            request.checkpoint, origin=origin, from_size=request.from_size, proof=request.path
        )
        await self._witness.hear(request.seen, proofs=self._proofs)
        return pb.ExchangeCheckpointsResponse(
            held=_checkpoint(seen.held.checkpoint, seen.held.note),
            cosignature="" if seen.cosignature is None else seen.cosignature.to_text(),
        )


def _checkpoint(checkpoint: Checkpoint, note: str) -> evidence_pb2.Checkpoint:
    return evidence_pb2.Checkpoint(note=note, size=checkpoint.size)


def _record_id(text: str) -> bytes:
    """Read the id of a record (InvalidFieldError)."""
    if not _RECORD_ID.fullmatch(text):
        raise InvalidFieldError(("record_id", "form"))
    return bytes.fromhex(text)


def _access(stored: Stored) -> evidence_pb2.RecordedAccess:
    """Make the message of a record, as it was written."""
    told = json.loads(stored.record)
    access = evidence_pb2.RecordedAccess(
        record_id=told["id"],
        index=stored.place,
        method=told["method"],
        outcome=_OUTCOMES[Outcome(told["outcome"])],
        reason=told["reason"],
        caller=told["caller"],
        source_region=told["source"],
        target_region=told["target"],
        item=told["item"],
        trace_id=told["trace_id"],
    )
    access.decision_time.FromMicroseconds(told["time"])
    return access
