"""Holds a peer's answer against the recognition that it signed: what is not signed is not believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import PeerProtocolError
from gateway.services.model import granted
from trust.errors import TrustError

if TYPE_CHECKING:
    from gateway.services.model import CardAnswer, CardQuestion
    from trust.claims import RecognitionClaims
    from trust.verifier import RecognitionVerifier


def believe(
    question: CardQuestion, answer: CardAnswer, *, recognitions: RecognitionVerifier, now: int
) -> RecognitionClaims | None:
    """Give the claims of a usable answer, or None for one that allows nothing (a refusal needs no proof).

    Raises:
        PeerProtocolError: a usable answer has no recognition, one that does not verify, or one that says other things.
    """
    if not answer.verdict.usable:
        return None
    region = question.home_region
    if answer.recognition is None:
        raise PeerProtocolError(region=region, rule="no_recognition")
    try:
        verified = recognitions.verify(
            answer.recognition,
            audience=question.visited_region,
            now=now,
            request_hash=question.digest(),
            issuer=region,
        )
    except TrustError as error:
        raise PeerProtocolError(region=region, rule=type(error).__name__) from error
    claims = verified.claims
    told = (claims.item, claims.purpose, claims.medium, claims.card_status, claims.agreement, dict(claims.classes))
    verdict = answer.verdict
    asked = (
        question.visited_item,
        question.purpose.value,
        question.medium.value,
        verdict.card_status.value,
        verdict.agreement,
        granted(verdict),
    )
    if told != asked:
        raise PeerProtocolError(region=region, rule="recognition_differs")
    return claims
