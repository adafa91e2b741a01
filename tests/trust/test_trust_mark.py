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
from trust.jws import sign_jws
from trust.keys import SigningKey
from trust.trust_mark import (
    MARK_STATES,
    TRUST_MARK_STATUS_TYPE,
    TrustMark,
    sign_mark,
    sign_mark_status,
    verify_mark,
    verify_mark_status,
)

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


def status(response: str, *, mark: str = "a.b.c", issuer: str = SOUTHWEST, now: int = NOW) -> str:
    """Read what has become of a mark."""
    return verify_mark_status(response, mark=mark, issuer=issuer, keys=(KEYS[SOUTHWEST].public(),), now=now)


def test_what_has_become_of_a_mark_is_signed_by_its_issuer() -> None:
    """For the very mark that was asked about, a moment ago."""
    response = ""
    for state in sorted(MARK_STATES):
        response = sign_mark_status("a.b.c", state, key=KEYS[SOUTHWEST], now=NOW)
        assert status(response) == status(response, now=NOW + 60) == status(response, now=NOW - 60) == state
    wrong: list[tuple[dict[str, object], type[TrustError]]] = [
        ({"mark": "a.b.d"}, ClaimInvalidError),
        ({"issuer": COAST}, ClaimInvalidError),
        ({"now": NOW + 61}, ClaimInvalidError),
        ({"now": NOW - 61}, ClaimInvalidError),
    ]
    for changes, error in wrong:
        with pytest.raises(error):
            status(response, **changes)  # type: ignore[arg-type]  # as the table has it


def test_a_status_that_is_not_well_formed_is_refused() -> None:
    """A word of no list, another type, another key, a claim too many."""
    with pytest.raises(ClaimInvalidError):
        sign_mark_status("a.b.c", "good", key=KEYS[SOUTHWEST], now=NOW)
    with pytest.raises(WrongTypeError):
        status(sign_mark(MARK, key=KEYS[SOUTHWEST]))
    thief = SigningKey.generate("ES256", issuer=SOUTHWEST)
    with pytest.raises(UnknownKeyError):
        status(sign_mark_status("a.b.c", "active", key=thief, now=NOW))
    payload = {"iss": SOUTHWEST, "iat": NOW, "trust_mark": "a.b.c", "status": "active", "more": 1}
    with pytest.raises(ClaimInvalidError):
        status(sign_jws(payload, key=KEYS[SOUTHWEST], kind=TRUST_MARK_STATUS_TYPE))
