"""Holds a peer's answer against the recognition that it signed: what is not signed is not believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import PeerProtocolError
from gateway.services.model import granted
from trust.errors import TrustError

if TYPE_CHECKING:
    from gateway.services.model import CardAnswer, CardQuestion, CardVerdict
    from trust.claims import RecognitionClaims
    from trust.verifier import RecognitionVerifier

_ROUNDING_SECONDS = 1.5
"""A recognition has whole seconds; what a verdict was rounded by on its way is far below the half."""


def believe(
    question: CardQuestion,
    answer: CardAnswer,
    *,
    recognitions: RecognitionVerifier,
    now: int,
    certificates: frozenset[str] = frozenset(),
) -> RecognitionClaims | None:
    """Give the claims of a usable answer, or None for one that allows nothing (a refusal needs no proof).

    `certificates` are the thumbprints of those that we showed the peer, to one of which it may have bound its answer.
    Its status list is not asked: the answer was signed a moment ago, for this very question.

    Raises:
        PeerProtocolError: a usable answer has no recognition, one that does not verify, or one that says other things.
    """
    region, verdict = question.home_region, answer.verdict
    if not verdict.usable:
        return None
    if answer.recognition is None:
        raise PeerProtocolError(region=region, rule="no_recognition")
    try:
        verified = recognitions.verify(
            answer.recognition,
            audience=question.visited_region,
            now=now,
            request_hash=question.digest(),
            issuer=region,
            certificates=certificates,
        )
    except TrustError as error:
        raise PeerProtocolError(region=region, rule=type(error).__name__) from error
    claims = verified.claims
    told = (claims.item, claims.purpose, claims.medium, claims.card_status, claims.agreement, dict(claims.classes))
    asked = (
        question.visited_item,
        question.purpose.value,
        question.medium.value,
        verdict.card_status.value,
        verdict.agreement,
        granted(verdict),
    )
    if told != asked or not _same_times(claims, verdict):
        raise PeerProtocolError(region=region, rule="recognition_differs")
    return claims


def _same_times(claims: RecognitionClaims, verdict: CardVerdict) -> bool:
    """Tell whether the age of the state that is told is the one that was signed.

    A platform's clock may be a little ahead: its state is then of the moment of the answer.
    """
    answered_at = max(claims.iat, claims.card_status_as_of)
    return (
        abs(verdict.status_as_of - claims.card_status_as_of) <= _ROUNDING_SECONDS
        and abs(verdict.answered_at - answered_at) <= _ROUNDING_SECONDS
    )
