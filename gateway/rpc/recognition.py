"""RecognitionService: issues and takes back recognitions of the caller's own cards, verifies those for its region."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from adapters.words import ApplicationClass, CardStatus, Medium, Purpose
from gateway.errors import InvalidFieldError
from gateway.rpc import convert
from gateway.rpc.answer_facts import answer_facts, credential_subject, note_question
from gateway.rpc.identity import question_of
from gateway.services.evidence import Known, Subject
from gateway.services.revoke_recognition import Target
from onecard.gateway.v1 import card_pb2, recognition_pb2
from onecard.gateway.v1 import recognition_service_pb2 as pb
from trust.statement import MAX_CHAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.rpc.boundary import Call
    from gateway.rpc.convert_verdict import VerdictWriter
    from gateway.rpc.recording import Note
    from gateway.services.model import CardAnswer
    from gateway.services.ports import Chains
    from gateway.services.recognise import IssueRecognition, VerifyRecognition
    from gateway.services.request_memory import RequestMemory
    from gateway.services.revoke_recognition import RevokeRecognition
    from trust.claims import RecognitionClaims
    from trust.verified import VerifiedRecognition

_LONGEST_TOKEN = 4096
_LONGEST_CHAIN = 65_536


class RecognitionServicer:
    """Serves RecognitionService."""

    SERVICE: ClassVar = pb.DESCRIPTOR.services_by_name["RecognitionService"]
    SCOPES: ClassVar = {
        "IssueRecognition": "recognition.issue",
        "VerifyRecognition": "recognition.verify",
        "RevokeRecognition": "recognition.revoke",
    }
    WAITS: ClassVar = frozenset({"IssueRecognition", "RevokeRecognition"})
    DECIDES: ClassVar = frozenset({"IssueRecognition", "VerifyRecognition", "RevokeRecognition"})

    def __init__(
        self,
        *,
        issue: IssueRecognition,
        verify: VerifyRecognition,
        revoke: RevokeRecognition,
        memory: RequestMemory[CardAnswer],
        verdicts: VerdictWriter,
        chains: Chains,
    ) -> None:
        """Take the use cases, and what gives static trust chains."""
        self._issue = issue
        self._verify = verify
        self._revoke = revoke
        self._memory = memory
        self._verdicts = verdicts
        self._chains = chains

    async def issue_recognition(self, request: pb.IssueRecognitionRequest, call: Call) -> pb.IssueRecognitionResponse:
        """Issue a recognition of a card of the caller's region."""
        fields = convert.Fields()
        visited = fields.region("visited_region", request.visited_region)
        question = question_of(
            request,
            home_region=call.caller.region,
            visited_region=visited,
            asked_by=call.caller.id,
            fields=fields,
        )
        note_question(question, call.note)
        call.note.source, call.note.target = call.caller.region, visited

        async def work() -> CardAnswer:
            return await self._issue(question, from_gateway=call.caller.kind == "gateway")

        answer, replayed = await self._memory.once(
            caller=call.caller.id,
            request_id=question.request_id,
            digest=question.digest(),
            work=work,
            finish=question.credential.used_up,
        )
        answer_facts(question, answer).tell(call.note)
        response = pb.IssueRecognitionResponse(replayed=replayed)
        self._verdicts.write(answer.verdict, response.verdict, call.language)
        self._verdicts.write_title(response.verdict)
        self._verdicts.write_item(response.verdict, question.visited_item)
        if answer.recognition is not None and answer.claims is not None:
            response.recognition = answer.recognition
            response.claims.CopyFrom(_claims_message(answer.claims, key_id=""))
            if request.include_trust_chain:
                response.trust_chain.extend(self._chains(question.home_region, answer.claims.agreement))
        return response

    async def verify_recognition(
        self, request: pb.VerifyRecognitionRequest, call: Call
    ) -> pb.VerifyRecognitionResponse:
        """Verify a recognition that is addressed to the caller's region."""
        _check_length(request.recognition)
        shown = frozenset({call.caller.certificate} if call.caller.certificate else ())
        verified = await self._verify.verify(
            request.recognition,
            audience=call.caller.region,
            certificates=shown,
            chain=_chain(request.trust_chain),
            told=partial(_note_recognition, note=call.note),
        )
        return pb.VerifyRecognitionResponse(claims=_claims_message(verified.claims, key_id=verified.key.kid))

    async def revoke_recognition(
        self, request: pb.RevokeRecognitionRequest, call: Call
    ) -> pb.RevokeRecognitionResponse:
        """Take back living recognitions of the caller's region."""
        target, region = _target(request), call.caller.region
        _note_target(target, region, note=call.note)
        count = await self._revoke(target, region=region, from_gateway=call.caller.kind == "gateway")
        call.note.detail = str(count)
        return pb.RevokeRecognitionResponse(revoked_count=count)


def _check_length(recognition: str) -> None:
    """Demand a token that is there and no longer than a reader accepts."""
    if not recognition:
        raise InvalidFieldError(("recognition", "required"))
    if len(recognition) > _LONGEST_TOKEN:
        raise InvalidFieldError(("recognition", f"at_most_{_LONGEST_TOKEN}_bytes"))


def _chain(texts: Sequence[str]) -> tuple[str, ...]:
    """Demand a chain that is short enough to be looked at."""
    if len(texts) > MAX_CHAIN:
        raise InvalidFieldError(("trust_chain", f"at_most_{MAX_CHAIN}_statements"))
    if sum(map(len, texts)) > _LONGEST_CHAIN:
        raise InvalidFieldError(("trust_chain", f"at_most_{_LONGEST_CHAIN}_bytes"))
    return tuple(texts)


def _target(request: pb.RevokeRecognitionRequest) -> Target:
    """Read what is to be taken back (InvalidFieldError names what is wrong)."""
    fields = convert.Fields()
    target = Target()
    match request.WhichOneof("target"):
        case "token_id":
            target = Target(token_id=fields.token_id("token_id", request.token_id))
        case "recognition":
            _check_length(request.recognition)
            target = Target(recognition=request.recognition)
        case "subject":
            target = Target(subject=fields.subject("subject", request.subject))
        case "credential":
            target = Target(credential=convert.credential_in(request.credential, fields))
        case _:
            fields.add("target", "required")
    fields.finish()
    return target


def _note_target(target: Target, region: str, *, note: Note) -> None:
    """Note what is to be taken back, as far as the request itself names it."""
    note.target, note.recognition = region, target.token_id or ""
    if target.subject:
        note.subject = Subject(Known.PSEUDONYM, region, target.subject)
    elif target.credential is not None:
        note.subject = credential_subject(target.credential, region)


def _note_recognition(verified: VerifiedRecognition, *, note: Note) -> None:
    """Note a recognition that is genuine, whether it may still be used or not."""
    claims = verified.claims
    note.target, note.item, note.recognition = claims.iss, claims.item, claims.jti
    note.subject = Subject(Known.PSEUDONYM, claims.iss, claims.sub)
    note.detail = verified.key.kid


def _claims_message(claims: RecognitionClaims, *, key_id: str) -> recognition_pb2.Recognition:
    """Make the message of what a recognition says; a status word of a later version reads as unspecified."""
    known = claims.card_status in set(CardStatus)
    status = convert.STATUS[CardStatus(claims.card_status)] if known else card_pb2.CARD_STATUS_UNSPECIFIED
    return recognition_pb2.Recognition(
        issuer=claims.iss,
        audience=claims.aud,
        subject=claims.sub,
        token_id=claims.jti,
        issue_time=convert.timestamp(claims.iat),
        expire_time=convert.timestamp(claims.exp),
        visited_item=claims.item,
        home_items=claims.home_items,
        catalog_version=claims.catalog_version,
        purpose=convert.PURPOSE[Purpose(claims.purpose)],
        classes=[
            recognition_pb2.RecognizedClass(application_class=convert.CLASS[ApplicationClass(name)], item_types=types)
            for name, types in claims.classes.items()
        ],
        card_status=status,
        status_as_of=convert.timestamp(claims.card_status_as_of),
        medium=convert.MEDIUM[Medium(claims.medium)],
        agreement=claims.agreement,
        one_time=claims.one_time,
        key_id=key_id,
        card=claims.card or "",
    )
