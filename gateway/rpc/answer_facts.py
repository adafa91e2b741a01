"""What is recorded of an answer about a card: about whom, with which recognition, and whether it may be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.services.evidence import Known, Outcome, Subject
from gateway.services.model import Decision

if TYPE_CHECKING:
    from adapters.credential import Credential
    from gateway.rpc.recording import Note
    from gateway.services.model import CardAnswer, CardQuestion, CardVerdict

_NUMBER: Final = "holder.social_security_number"


@dataclass(frozen=True, slots=True)
class AnswerFacts:
    """What goes into the record of an answer, also of one that is given again."""

    subject: Subject | None = field(repr=False)
    recognition: str = field(repr=False)
    outcome: Outcome
    reason: str

    def tell(self, note: Note) -> None:
        """Note the facts of a call."""
        note.subject, note.recognition = self.subject, self.recognition
        note.outcome, note.reason = self.outcome, self.reason


def note_question(question: CardQuestion, note: Note) -> None:
    """Note what is asked; whom it is about, should there be no answer, is whom the credential names."""
    note.source, note.target, note.item = question.visited_region, question.home_region, question.visited_item
    note.subject = credential_subject(question.credential, question.home_region)


def credential_subject(credential: Credential, home_region: str) -> Subject | None:
    """Give the holder whom a credential names, None where it names none."""
    number = credential.values.get(_NUMBER)
    return None if number is None else Subject(Known.HOLDER, home_region, f"ssn:{number}")


def answer_facts(question: CardQuestion, answer: CardAnswer) -> AnswerFacts:
    """Give the facts of an answer; the home side knows the holder, others the pseudonym of the recognition."""
    claims, subject = answer.claims, None
    if answer.holder is not None:
        subject = Subject(Known.HOLDER, question.home_region, answer.holder)
    elif claims is not None:
        subject = Subject(Known.PSEUDONYM, question.home_region, claims.sub)
    usable = answer.verdict.usable
    return AnswerFacts(
        subject=subject,
        recognition="" if claims is None else claims.jti,
        outcome=Outcome.ALLOWED if usable else Outcome.REFUSED,
        reason="OK" if usable else _why_not(answer.verdict),
    )


def _why_not(verdict: CardVerdict) -> str:
    """Give the reason of the first class that was refused; of what is not offered nothing else can be said."""
    refused = [one.reason for one in verdict.classes if one.decision is Decision.REFUSED]
    return refused[0] if refused else verdict.classes[0].reason
