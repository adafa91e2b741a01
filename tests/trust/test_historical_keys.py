"""Old federation keys: read back as they were, good for what was signed in their time, and for nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.trust.alliance import DAY, HOME, KEYS, NOW, VISITED
from tests.trust.forge import seal, text_of
from trust.errors import (
    BadSignatureError,
    ClaimInvalidError,
    KeyMaterialError,
    NotYetValidError,
    TrustError,
    WrongTypeError,
)
from trust.historical_keys import HISTORICAL_KEYS_TYPE, HistoricalKey, sign_historical_keys, verify_historical_keys
from trust.keys import SigningKey

OLD = SigningKey.generate("ES256", issuer=HOME).public()
PLAIN = HistoricalKey(key=OLD, expires_at=NOW - DAY)
FULL = HistoricalKey(
    key=replace(OLD, kid="old-2"), expires_at=NOW, issued_at=NOW - DAY, revoked_at=NOW - 60, reason="superseded"
)
UNSAID = replace(FULL, reason=None)


def verify(text: str, *, entity: str = HOME, now: int = NOW) -> tuple[HistoricalKey, ...]:
    """Verify the document of HOME."""
    return verify_historical_keys(text, entity=entity, keys=[KEYS[HOME].public()], now=now)


def forged(kind: str = HISTORICAL_KEYS_TYPE, key: SigningKey = KEYS[HOME], **changes: object) -> str:
    """Sign a document with some claims changed."""
    payload = {"iss": HOME, "iat": NOW, "keys": [FULL.to_json()], **changes}
    return seal(text_of({"alg": key.algorithm, "kid": key.kid, "typ": kind}), text_of(payload), key)


def test_what_is_signed_is_what_is_read() -> None:
    """Keys, dates and revocations come back equal."""
    keys = (PLAIN, FULL, UNSAID)
    assert verify(sign_historical_keys(keys, key=KEYS[HOME], now=NOW)) == keys
    assert verify(forged()) == (FULL,)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (forged("JWT"), WrongTypeError),
        (forged(key=SigningKey.generate("ES256", issuer=HOME, kid=KEYS[HOME].kid)), BadSignatureError),
        (forged(iss=VISITED), ClaimInvalidError),
        (forged(iat=NOW + 11), NotYetValidError),
        (forged(sub=HOME), ClaimInvalidError),
        (forged(keys={}), ClaimInvalidError),
        (forged(keys=[1]), ClaimInvalidError),
        (forged(keys=[FULL.to_json()] * 65), ClaimInvalidError),
        (forged(keys=[OLD.to_jwk()]), ClaimInvalidError),
        (forged(keys=[{**FULL.to_json(), "revoked": {}}]), ClaimInvalidError),
        (forged(keys=[{**FULL.to_json(), "revoked": {"revoked_at": NOW, "reason": "because"}}]), ClaimInvalidError),
        (forged(keys=[{**FULL.to_json(), "nbf": NOW}]), KeyMaterialError),
    ],
)
def test_what_is_no_document_is_refused(text: str, error: type[TrustError]) -> None:
    """Another type, signer, entity, time or form is refused."""
    with pytest.raises(error):
        verify(text)


def test_nobody_publishes_the_keys_of_another() -> None:
    """The keys are the signer's own, and not too many."""
    for keys in ([replace(PLAIN, key=KEYS[VISITED].public())], [PLAIN] * 65):
        with pytest.raises(ClaimInvalidError):
            sign_historical_keys(keys, key=KEYS[HOME], now=NOW)


@pytest.mark.parametrize(
    ("key", "at", "good"),
    [
        (PLAIN, NOW - DAY - 1, True),
        (PLAIN, NOW - DAY, False),
        (FULL, NOW - DAY, True),
        (FULL, NOW - DAY - 1, False),
        (FULL, NOW - 61, True),
        (FULL, NOW - 60, False),
        (replace(FULL, reason="compromised"), NOW - DAY, False),
        (UNSAID, NOW - DAY, False),
    ],
)
def test_a_key_vouches_for_its_own_time(key: HistoricalKey, at: int, *, good: bool) -> None:
    """Within its life, and never when it was revoked for anything but being replaced."""
    assert key.vouched_for(at) is good
