"""Revocations: who may say what is dead, what that strikes, and a memory that only grows."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.alliance import DAY, HOME, KEYS, NOW, SOUTHWEST, VISITED, fingerprint
from tests.trust.forge import seal, text_of
from trust.encoding import hash_request
from trust.errors import (
    AgreementStoppedError,
    BadSignatureError,
    ClaimInvalidError,
    ForeignKeyError,
    KeyRevokedError,
    NotYetValidError,
    PeerRevokedError,
    TrustError,
    UnknownKeyError,
    WrongTypeError,
)
from trust.keys import SigningKey
from trust.revocation import (
    KINDS,
    MIN_LIFE_SECONDS,
    REASONS,
    REVOCATION_TYPE,
    Revocation,
    Revoked,
    sign_revocation,
    verify_revocation,
)
from trust.revocation_set import RevocationSet

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trust.keys import VerificationKey

TARGETS = {
    "key": fingerprint(KEYS[HOME]),
    "certificate": hash_request(b"a certificate"),
    "entity": HOME,
    "agreement": "sichuan-chongqing",
}
NONE = RevocationSet()


def revocation(kind: str = "key", /, **changes: object) -> Revocation:
    """Give a good revocation of something of HOME, with some claims changed."""
    values: dict[str, object] = {
        "iss": SOUTHWEST,
        "sub": HOME,
        "iat": NOW,
        "exp": NOW + MIN_LIFE_SECONDS + DAY,
        "sequence": 1,
        "kind": kind,
        "target": TARGETS[kind],
        "reason": "superseded",
        "effective": NOW,
    }
    return Revocation(**{**values, **changes})  # type: ignore[arg-type]  # a test may give anything


def known(*said: Revocation, anchor: str = SOUTHWEST) -> RevocationSet:
    """Know some revocations under an anchor."""
    return RevocationSet(frozenset(Revoked(anchor, one) for one in said))


def keys_of(entity: str) -> Iterable[VerificationKey]:
    """Give the federation keys of an entity."""
    return [KEYS[entity].public()] if entity in KEYS else []


def verify(text: str, *, may: bool = True, revoked: RevocationSet = NONE, now: int = NOW) -> Revocation:
    """Verify a revocation."""
    entry = verify_revocation(text, anchor=SOUTHWEST, keys=keys_of, may_revoke=lambda _: may, known=revoked, now=now)
    assert entry.anchor == SOUTHWEST
    return entry.revocation


def forged(claims: Revocation, key: SigningKey | None = None, /, **changes: object) -> str:
    """Sign a revocation with some claims changed, whatever they are; ... takes one away."""
    by = key or KEYS[claims.iss]
    payload = {name: value for name, value in {**asdict(claims), **changes}.items() if value is not ...}
    return seal(text_of({"alg": by.algorithm, "kid": by.kid, "typ": REVOCATION_TYPE}), text_of(payload), by)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_is_signed_is_what_is_verified(kind: str) -> None:
    """Each kind of revocation comes back equal."""
    claims = revocation(kind)
    assert verify(sign_revocation(claims, key=KEYS[SOUTHWEST])) == claims


@pytest.mark.parametrize("name", list(asdict(revocation())))
@pytest.mark.parametrize("value", [..., None, True, "", [], "x" * 43 + "/", -1, 2**41])
def test_each_claim_has_its_exact_form(name: str, value: object) -> None:
    """A claim that is missing or of another form refuses the revocation."""
    with pytest.raises(ClaimInvalidError):
        verify(forged(revocation(), **{name: value}))


@pytest.mark.parametrize(
    "changes",
    [
        {"extra": 1},
        {"kind": "entity"},
        {"kind": "entity", "target": VISITED},
        {"kind": "agreement", "target": "Sichuan"},
        {"kind": "certificate", "target": "AB:CD"},
        {"kind": "region"},
        {"reason": "because"},
        {"exp": NOW + MIN_LIFE_SECONDS - 1},
        {"effective": NOW + 2 * DAY},
    ],
)
def test_claims_fit_each_other(changes: dict[str, object]) -> None:
    """The target is of its kind, the table is closed, and the memory is long enough."""
    with pytest.raises(ClaimInvalidError):
        verify(forged(revocation(), **changes))


def test_a_forged_revocation_kills_nothing() -> None:
    """Another key, another name, another type, or the future: each is refused, the twin is accepted."""
    good = revocation()
    assert verify(forged(good)) == good
    thief = SigningKey.generate("ES256", issuer=SOUTHWEST, kid=KEYS[SOUTHWEST].kid)
    with pytest.raises(BadSignatureError):
        verify(forged(good, thief))
    with pytest.raises(UnknownKeyError):
        verify(forged(good, iss="https://nobody.example"))
    text = seal(
        text_of({"alg": "ES256", "kid": KEYS[SOUTHWEST].kid, "typ": "entity-statement+jwt"}),
        text_of(asdict(good)),
        KEYS[SOUTHWEST],
    )
    with pytest.raises(WrongTypeError):
        verify(text)
    assert verify(forged(good), now=NOW - 10) == good
    with pytest.raises(NotYetValidError):
        verify(forged(good), now=NOW - 11)


def test_who_has_no_say_is_refused() -> None:
    """TL9: nobody kills what is not its own."""
    with pytest.raises(ForeignKeyError):
        verify(forged(revocation()), may=False)


def test_a_dead_key_revokes_nothing_but_itself() -> None:
    """A thief can make a stolen key more dead, and no other."""
    own = revocation(iss=HOME, sub=HOME)
    dead = known(own)
    assert verify(forged(own), revoked=dead) == own
    for other in (revocation("entity", iss=HOME), revocation(iss=HOME, target=fingerprint(KEYS[VISITED]))):
        with pytest.raises(KeyRevokedError):
            verify(forged(other), revoked=dead)


def test_nobody_signs_what_he_could_not_read() -> None:
    """The signer refuses claims against their rules and another's name."""
    for claims, key in ((revocation(sequence=0), KEYS[SOUTHWEST]), (revocation(), KEYS[HOME])):
        with pytest.raises(ClaimInvalidError):
            sign_revocation(claims, key=key)


def check(entries: RevocationSet, kind: str, subject: str, *, anchor: str = SOUTHWEST) -> None:
    """Ask whether something is revoked."""
    if kind == "entity":
        entries.check_entity(subject, anchor=anchor, now=NOW)
    elif kind == "agreement":
        entries.check_agreement(TARGETS[kind], anchor=anchor, now=NOW)
    else:
        checks = {"key": entries.check_key, "certificate": entries.check_certificate}
        checks[kind](subject, TARGETS[kind], anchor=anchor, now=NOW)


def reason(entries: RevocationSet, kind: str = "key", now: int = NOW) -> str | None:
    """Give the reason for which something of HOME is revoked."""
    return entries.reason(kind, HOME, TARGETS[kind], anchor=SOUTHWEST, now=now)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("key", KeyRevokedError),
        ("certificate", PeerRevokedError),
        ("entity", PeerRevokedError),
        ("agreement", AgreementStoppedError),
    ],
)
def test_what_is_revoked_is_dead_for_its_subject_only(kind: str, error: type[TrustError]) -> None:
    """TL8, AZ3: it is dead whatever its dates; what is another's, another thing, or under another anchor is alive."""
    subject = SOUTHWEST if kind == "agreement" else HOME
    entries = known(revocation(kind, sub=subject))
    with pytest.raises(error) as caught:
        check(entries, kind, subject)
    assert caught.value.metadata["reason"] == "superseded"
    check(known(revocation(kind, sub=VISITED)), kind, subject)
    check(entries, kind, subject, anchor=VISITED)
    for other in KINDS - {kind}:
        check(entries, other, subject)


@pytest.mark.parametrize("why", sorted(REASONS))
def test_a_revocation_waits_for_its_time_unless_there_is_none(why: str) -> None:
    """What was stolen is dead at once; what is replaced is dead from the time that was said, ten seconds early."""
    entries = known(revocation(reason=why, effective=NOW + 11))
    at_once = why in {"compromised", "emergency"}
    assert (reason(entries) == why) is at_once
    assert reason(entries, now=NOW + 1) == why


def test_the_earliest_reason_is_told() -> None:
    """Of several revocations of one thing the earliest in force is the reason."""
    late = revocation(effective=NOW - 5, reason="superseded", sequence=2)
    early = revocation(effective=NOW - 9, reason="ceased", sequence=3)
    never = revocation(effective=NOW + DAY, reason="withdrawn", sequence=4)
    assert reason(known(late, early, never)) == "ceased"


def test_what_was_held_back_is_seen() -> None:
    """A gap in the numbers of an issuer is told, and never costs more than a hundred entries."""
    entries = known(revocation(sequence=2), revocation(sequence=5), revocation(iss=HOME, sequence=9))
    assert entries.missing(SOUTHWEST) == (1, 3, 4)
    assert entries.missing(VISITED) == ()
    assert entries.missing(HOME) == tuple(range(1, 9))
    assert len(known(revocation(sequence=2**31 - 1)).missing(SOUTHWEST)) == 100


def test_two_of_one_number_are_told_and_both_count() -> None:
    """TL2: an issuer that shows two revocations under one number is named; neither is dropped."""
    entries = known(revocation(), revocation("certificate"), revocation(sequence=2), revocation(iss=HOME))
    assert entries.equivocating() == (SOUTHWEST,)
    for kind in ("key", "certificate"):
        with pytest.raises(TrustError):
            check(entries, kind, HOME)
    assert known(revocation()).merged(known(revocation(), anchor=VISITED)).equivocating() == ()


ENTRIES = st.builds(
    revocation,
    st.sampled_from(sorted(KINDS - {"agreement"})),
    sequence=st.integers(1, 3),
    reason=st.sampled_from(["superseded", "compromised"]),
    exp=st.sampled_from([NOW + MIN_LIFE_SECONDS + n * DAY for n in range(3)]),
)
ENTRIES_UNDER = st.builds(Revoked, st.sampled_from([SOUTHWEST, VISITED]), ENTRIES)
SETS = st.frozensets(ENTRIES_UNDER, max_size=4).map(RevocationSet)


@given(SETS, SETS, SETS)
def test_joining_sets_has_one_result(a: RevocationSet, b: RevocationSet, c: RevocationSet) -> None:
    """Merging is commutative, associative and idempotent, and the empty set changes nothing."""
    assert a.merged(b) == b.merged(a)
    assert a.merged(b).merged(c) == a.merged(b.merged(c))
    assert a.merged(a) == a == a.merged(NONE)


@given(SETS, SETS, st.sampled_from(sorted(KINDS)), st.integers(0, 2 * DAY))
def test_nothing_comes_back_to_life(a: RevocationSet, b: RevocationSet, kind: str, later: int) -> None:
    """What one set says is dead is dead after any merge, at any later time, and after pruning within its life."""
    if reason(a, kind) is not None:
        merged = a.merged(b)
        for entries in (merged, merged.pruned(NOW + MIN_LIFE_SECONDS)):
            assert reason(entries, kind, now=NOW + later) is not None


@given(SETS, SETS, st.integers(0, 3 * DAY))
def test_pruning_and_joining_commute(a: RevocationSet, b: RevocationSet, later: int) -> None:
    """It makes no difference which node forgets first."""
    now = NOW + MIN_LIFE_SECONDS + later
    assert a.merged(b).pruned(now) == a.pruned(now).merged(b.pruned(now))


def test_the_end_of_a_life_is_its_own() -> None:
    """An entry goes when its own end and the skew of clocks are over."""
    entry = revocation()
    assert known(entry).pruned(entry.exp + 9) == known(entry)
    assert known(entry).pruned(entry.exp + 10) == NONE
    longer = known(replace(entry, exp=entry.exp + 1))
    assert longer.pruned(entry.exp + 10) == longer
