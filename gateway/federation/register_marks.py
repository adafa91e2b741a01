"""What has become of a trust mark that an anchor has issued (OpenID Federation 1.0 section 8.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trust.errors import ExpiredError, TrustError, UnknownIssuerError
from trust.jws import read_jws
from trust.trust_mark import TRUST_MARK_TYPE, TrustMark, verify_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from trust.keys import VerificationKey


def state_of(
    text: str, *, issuer: str, kind: str | None, keys: Iterable[VerificationKey], holds: Callable[[str], bool], now: int
) -> str:
    """Judge a mark as its issuer.

    Args:
        text: the mark, compact JWS.
        issuer: the anchor.
        kind: the type of mark that it issues, if any.
        keys: its federation keys that are listed today; what others signed has to be fetched anew.
        holds: tells whether an entity is a holder now.
        now: Unix seconds.

    Raises:
        UnknownIssuerError: no mark like it is issued here.
    """
    try:
        mark = TrustMark.from_payload(read_jws(text, kind=TRUST_MARK_TYPE).payload)
    except TrustError:
        return "invalid"
    if mark.iss != issuer or mark.trust_mark_type != kind:
        raise UnknownIssuerError
    try:
        verify_mark(text, subject=mark.sub, issuers={kind: (issuer,)}, keys={issuer: tuple(keys)}, now=now)
    except ExpiredError:
        return "expired"
    except TrustError:
        return "invalid"
    return "active" if holds(mark.sub) else "revoked"
