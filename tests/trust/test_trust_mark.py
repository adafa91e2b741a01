"""Trust marks: signed by whom the anchor names, for the entity that shows them, in their time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.trust.alliance import COAST, DAY, HOME, KEYS, NOW, SOUTHWEST, VISITED
from tests.trust.forge import seal, text_of
from trust.errors import (
    BadSignatureError,
    ClaimInvalidError,
    ExpiredError,
    NotYetValidError,
    TrustError,
    UnknownIssuerError,
    UnknownKeyError,
    WrongTypeError,
)
from trust.keys import SigningKey
from trust.trust_mark import TrustMark, sign_mark, verify_mark

KIND = "https://southwest.example/marks/joint-catalog"
MARK = TrustMark(iss=SOUTHWEST, sub=HOME, trust_mark_type=KIND, iat=NOW, exp=NOW + DAY)


def verify(text: str, *, now: int = NOW, issuers: tuple[str, ...] = (SOUTHWEST,), subject: str = HOME) -> TrustMark:
    """Verify a mark that HOME shows."""
    keys = {SOUTHWEST: (KEYS[SOUTHWEST].public(),)}
    return verify_mark(text, subject=subject, issuers={KIND: issuers}, keys=keys, now=now)


def refusal(
    text: str, *, now: int = NOW, issuers: tuple[str, ...] = (SOUTHWEST,), subject: str = HOME
) -> type[TrustError]:
    """Give the error with which a mark is refused."""
    with pytest.raises(TrustError) as caught:
        verify(text, now=now, issuers=issuers, subject=subject)
    return type(caught.value)


def test_what_is_signed_is_what_is_verified() -> None:
    """A good mark comes back equal, until its end and the skew of clocks."""
    text = sign_mark(MARK, key=KEYS[SOUTHWEST])
    assert verify(text) == verify(text, now=NOW - 10) == verify(text, now=NOW + DAY + 9) == MARK
    assert refusal(text, now=NOW - 11) is NotYetValidError
    assert refusal(text, now=NOW + DAY + 10) is ExpiredError


def test_a_mark_counts_for_its_subject_and_issuer_only() -> None:
    """Shown by another, or from an issuer that the anchor does not name or whose keys are not known, it is nothing."""
    text = sign_mark(MARK, key=KEYS[SOUTHWEST])
    assert refusal(text, subject=VISITED) is ClaimInvalidError
    assert refusal(text, issuers=()) is UnknownIssuerError
    assert refusal(sign_mark(replace(MARK, iss=COAST), key=KEYS[COAST]), issuers=(COAST,)) is UnknownKeyError
    thief = SigningKey.generate("ES256", issuer=SOUTHWEST, kid=KEYS[SOUTHWEST].kid)
    assert refusal(sign_mark(MARK, key=thief)) is BadSignatureError


@pytest.mark.parametrize(
    "changes",
    [{"exp": NOW}, {"exp": True}, {"trust_mark_type": "mark"}, {"sub": "home"}, {"logo_uri": "https://a.example"}],
)
def test_the_table_is_closed(changes: dict[str, object]) -> None:
    """A claim of another form, or one that is not known, refuses the mark."""
    payload = {"iss": SOUTHWEST, "sub": HOME, "trust_mark_type": KIND, "iat": NOW, "exp": NOW + DAY, **changes}
    header = {"alg": "ES256", "kid": KEYS[SOUTHWEST].kid, "typ": "trust-mark+jwt"}
    assert refusal(seal(text_of(header), text_of(payload), KEYS[SOUTHWEST])) is ClaimInvalidError
    other = seal(text_of({**header, "typ": "JWT"}), text_of(payload), KEYS[SOUTHWEST])
    assert refusal(other) is WrongTypeError


def test_nobody_signs_what_he_could_not_read() -> None:
    """The signer refuses times in the wrong order and another's name."""
    for mark, key in ((replace(MARK, exp=NOW), KEYS[SOUTHWEST]), (MARK, KEYS[HOME])):
        with pytest.raises(ClaimInvalidError):
            sign_mark(mark, key=key)
