"""Questions: one digest for each, and nothing of the holder in what is shown."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.credential import by_card_number, by_qr_text
from adapters.words import Medium, Purpose
from tests.fakes.regions import (
    CONSENT,
    credential,
    question,
)


@pytest.mark.parametrize(
    "changes",
    [
        {"request_id": "request-2"},
        {"home_region": "guizhou"},
        {"visited_region": "guizhou"},
        {"credential": credential("chongqing", "active_2")},
        {"credential": by_qr_text("SYN-QR")},
        {"medium": Medium.ELECTRONIC},
        {"visited_item": "SC-16"},
        {"purpose": Purpose.FEE_PAYMENT},
        {"consent_reference": CONSENT},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_digest_depends_on_every_field(changes: dict[str, Any]) -> None:
    """Two different questions never share a digest, so a recognition answers only its own."""
    assert question(**changes).digest() != question().digest()
    assert question().digest() == question().digest()


def test_questions_and_answers_never_show_the_credential() -> None:
    """No representation quotes a number or a name."""
    shown = repr(question(credential=by_card_number("A00000001", "500112190302110117"), consent_reference=CONSENT))
    for planted in ("A00000001", "500112190302110117", CONSENT):
        assert planted not in shown
