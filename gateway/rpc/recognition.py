"""RecognitionService: issues recognitions for the caller's own cards, and verifies those addressed to its region."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from adapters.words import ApplicationClass, CardStatus, Medium, Purpose
from gateway.errors import InvalidFieldError
from gateway.rpc import convert
from gateway.rpc.identity import question_of
from onecard.gateway.v1 import card_pb2, recognition_pb2
from onecard.gateway.v1 import recognition_service_pb2 as pb

if TYPE_CHECKING:
    from gateway.rpc.boundary import Call
    from gateway.rpc.convert_verdict import VerdictWriter
    from gateway.services.model import CardAnswer
    from gateway.services.recognise import IssueRecognition, VerifyRecognition
    from gateway.services.request_memory import RequestMemory
    from trust.claims import RecognitionClaims

_LONGEST_TOKEN = 4096


class RecognitionServicer:
    """Serves RecognitionService."""

    SERVICE: ClassVar = pb.DESCRIPTOR.services_by_name["RecognitionService"]
    SCOPES: ClassVar = {"IssueRecognition": "recognition.issue", "VerifyRecognition": "recognition.verify"}
    WAITS: ClassVar = frozenset({"IssueRecognition"})

    def __init__(
        self,
        *,
        issue: IssueRecognition,
        verify: VerifyRecognition,
        memory: RequestMemory[CardAnswer],
        verdicts: VerdictWriter,
    ) -> None:
        """Take the use cases."""
        self._issue = issue
        self._verify = verify
        self._memory = memory
        self._verdicts = verdicts

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

        async def work() -> CardAnswer:
            return await self._issue(question, from_gateway=call.caller.kind == "gateway")

        answer, replayed = await self._memory.once(
            caller=call.caller.id,
            request_id=question.request_id,
            digest=question.digest(),
            work=work,
            finish=question.credential.used_up,
        )
        response = pb.IssueRecognitionResponse(replayed=replayed)
        self._verdicts.write(answer.verdict, response.verdict, call.language)
        self._verdicts.write_title(response.verdict)
        self._verdicts.write_item(response.verdict, question.visited_item)
        if answer.recognition is not None and answer.claims is not None:
            response.recognition = answer.recognition
            response.claims.CopyFrom(_claims_message(answer.claims, key_id=""))
        return response

    async def verify_recognition(
        self, request: pb.VerifyRecognitionRequest, call: Call
    ) -> pb.VerifyRecognitionResponse:
        """Verify a recognition that is addressed to the caller's region."""
        if not request.recognition:
            raise InvalidFieldError(("recognition", "required"))
        if len(request.recognition) > _LONGEST_TOKEN:
            raise InvalidFieldError(("recognition", f"at_most_{_LONGEST_TOKEN}_bytes"))
        shown = frozenset({call.caller.certificate} if call.caller.certificate else ())
        verified = await self._verify.verify(request.recognition, audience=call.caller.region, certificates=shown)
        return pb.VerifyRecognitionResponse(claims=_claims_message(verified.claims, key_id=verified.key.kid))


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
