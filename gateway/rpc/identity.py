"""IdentityService: verifies cards and translates identities, one or many at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from adapters.words import Medium, Purpose
from gateway.errors import InvalidFieldError, LimitError
from gateway.rpc import convert
from gateway.rpc.answer_facts import AnswerFacts, answer_facts, note_question
from gateway.rpc.recording import Note
from gateway.rpc.status import CONTRACT_ERRORS
from gateway.services.model import CardQuestion
from onecard.gateway.v1 import identity_service_pb2 as pb

if TYPE_CHECKING:
    from gateway.rpc.boundary import Call
    from gateway.rpc.convert_verdict import VerdictWriter
    from gateway.services.model import VerifiedCard
    from gateway.services.ports import Chains
    from gateway.services.request_memory import RequestMemory
    from gateway.services.translate_identity import TranslateIdentity
    from gateway.services.verify_card import VerifyCard, View
    from onecard.gateway.v1 import recognition_service_pb2

VERIFY_BATCH = 100
TRANSLATE_BATCH = 1000
_AT_ONCE = 16
_TURN = 50


@dataclass(frozen=True, slots=True)
class Remembered:
    """An answer as it is remembered: its bytes, and what is recorded of it each time that it is given."""

    response: bytes = field(repr=False)
    facts: AnswerFacts


class IdentityServicer:
    """Serves IdentityService; the visited region is always the caller's own."""

    SERVICE: ClassVar = pb.DESCRIPTOR.services_by_name["IdentityService"]
    SCOPES: ClassVar = {
        "VerifyCard": "card.verify",
        "BatchVerifyCards": "card.verify",
        "TranslateIdentity": "identity.translate",
        "BatchTranslateIdentities": "identity.translate",
    }
    WAITS: ClassVar = frozenset({"VerifyCard", "BatchVerifyCards"})
    DECIDES: ClassVar = frozenset({"VerifyCard", "BatchVerifyCards"})

    def __init__(
        self,
        *,
        verify: VerifyCard,
        translate: TranslateIdentity,
        memory: RequestMemory[Remembered],
        verdicts: VerdictWriter,
        chains: Chains,
    ) -> None:
        """Take the use cases, and what gives static trust chains."""
        self._verify = verify
        self._translate = translate
        self._memory = memory
        self._verdicts = verdicts
        self._chains = chains

    async def verify_card(self, request: pb.VerifyCardRequest, call: Call) -> pb.VerifyCardResponse:
        """Verify one card; what is remembered are the answer's bytes, without what is the same for every card."""
        question, view = _question(request, call)
        note_question(question, call.note)
        response = pb.VerifyCardResponse()

        async def work() -> Remembered:
            verified = await self._verify(question, view=view, from_gateway=call.caller.kind == "gateway")
            self._write(response, verified, view, call)
            return Remembered(response.SerializeToString(), answer_facts(question, verified.answer))

        remembered, replayed = await self._memory.once(
            caller=call.caller.id,
            request_id=question.request_id,
            digest=f"{question.digest()}{view.canonical:d}{view.regional:d}",
            work=work,
            finish=question.credential.used_up,
        )
        remembered.facts.tell(call.note)
        if replayed:
            response = pb.VerifyCardResponse.FromString(remembered.response)
            response.replayed = True
            self._verdicts.reword(response.verdict, call.language)
            convert.reword_losses(response.losses, call.language)
        self._verdicts.write_title(response.verdict)
        if not request.omit_item:
            self._verdicts.write_item(response.verdict, question.visited_item)
        if request.include_trust_chain and response.recognition:
            response.trust_chain.extend(self._chains(question.home_region, response.verdict.agreement))
        return response

    def _write(self, response: pb.VerifyCardResponse, verified: VerifiedCard, view: View, call: Call) -> None:
        answer = verified.answer
        self._verdicts.write(answer.verdict, response.verdict, call.language)
        if answer.identity is not None and view.canonical:
            convert.identity_out(answer.identity, response.identity)
        if verified.regional_identity is not None:
            convert.regional_out(verified.regional_identity, "", response.regional_identity)
            convert.losses_out(verified.losses, response.losses, call.language)
        if answer.recognition is not None and answer.claims is not None:
            response.recognition = answer.recognition
            response.recognition_expire_time.seconds = answer.claims.exp

    async def batch_verify_cards(self, request: pb.BatchVerifyCardsRequest, call: Call) -> pb.BatchVerifyCardsResponse:
        """Verify the entries of one message side by side, a bounded number at once, and answer in their order."""
        _check_batch(len(request.entries), VERIFY_BATCH)
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def one(entry: pb.VerifyCardRequest) -> pb.VerifyCardOutcome:
            own = replace(call, note=Note())
            async with at_once:
                try:
                    response = await self.verify_card(entry, own)
                except CONTRACT_ERRORS as error:
                    call.note.parts.append((own.note, error))
                    return pb.VerifyCardOutcome(error=call.status(error))
                call.note.parts.append((own.note, None))
                return pb.VerifyCardOutcome(response=response)

        outcomes = await asyncio.gather(*(one(entry) for entry in request.entries))
        return pb.BatchVerifyCardsResponse(outcomes=outcomes)

    async def translate_identity(
        self, request: pb.TranslateIdentityRequest, call: Call
    ) -> pb.TranslateIdentityResponse:
        """Translate one identity."""
        response = pb.TranslateIdentityResponse()
        self._translate_into(request, response, call)
        return response

    async def batch_translate_identities(
        self, request: pb.BatchTranslateIdentitiesRequest, call: Call
    ) -> pb.BatchTranslateIdentitiesResponse:
        """Translate the entries of one message in their order; other calls have their turn in between."""
        _check_batch(len(request.entries), TRANSLATE_BATCH)
        response = pb.BatchTranslateIdentitiesResponse()
        for place, entry in enumerate(request.entries):
            if place % _TURN == _TURN - 1:
                await asyncio.sleep(0)
            outcome = response.outcomes.add()
            try:
                self._translate_into(entry, outcome.response, call)
            except CONTRACT_ERRORS as error:
                outcome.error.CopyFrom(call.status(error))
        return response

    def _translate_into(
        self, request: pb.TranslateIdentityRequest, response: pb.TranslateIdentityResponse, call: Call
    ) -> None:
        source = request.source
        if not source.region or not request.target_region:
            missing = [("source.region", source.region), ("target_region", request.target_region)]
            raise InvalidFieldError(*((name, "required") for name, value in missing if not value))
        fields = source.fields
        translation = self._translate(
            caller_region=call.caller.region,
            source_region=source.region,
            fields={key: fields[key] for key in fields},  # `dict` of this container costs half as much again
            text=source.text,
            target_region=request.target_region,
            include_text=request.include_text,
        )
        convert.regional_out(translation.regional, translation.text, response.identity)
        if translation.regional.losses:
            convert.losses_out(translation.regional.losses, response.losses, call.language)
        if request.include_canonical:
            convert.identity_out(translation.canonical, response.canonical)


def question_of(
    request: pb.VerifyCardRequest | recognition_service_pb2.IssueRecognitionRequest,
    *,
    home_region: str,
    visited_region: str,
    asked_by: str,
    fields: convert.Fields,
) -> CardQuestion:
    """Read what VerifyCard and IssueRecognition have in common (InvalidFieldError names all that is wrong)."""
    credential = convert.credential_in(request.credential, fields)
    request_id = fields.request_id(request.request_id)
    item = fields.item("visited_item", request.visited_item)
    medium = fields.word("medium", request.medium, convert.MEDIUM_WORD, Medium.PHYSICAL)
    purpose = fields.word("purpose", request.purpose, convert.PURPOSE_WORD, Purpose.IDENTITY_CHECK)
    reference = fields.reference("consent_reference", request.consent_reference)
    fields.finish()
    if credential is None:
        raise InvalidFieldError(("credential", "required"))
    return CardQuestion(
        request_id=request_id,
        home_region=home_region,
        visited_region=visited_region,
        asked_by=asked_by,
        credential=credential,
        medium=medium,
        visited_item=item,
        purpose=purpose,
        consent_reference=reference,
    )


def _question(request: pb.VerifyCardRequest, call: Call) -> tuple[CardQuestion, View]:
    fields = convert.Fields()
    home = fields.region("home_region", request.home_region)
    view = fields.view(request.view)
    caller = call.caller
    question = question_of(request, home_region=home, visited_region=caller.region, asked_by=caller.id, fields=fields)
    return replace(question, confirmation=caller.certificate), view


def _check_batch(count: int, largest: int) -> None:
    """Refuse a message with no entries or too many."""
    if count == 0:
        raise InvalidFieldError(("entries", "required"))
    if count > largest:
        raise LimitError(limit=f"{largest}_entries")
