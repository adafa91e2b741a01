"""The entities that are believed: keys by issuer and kid, per agreement, and dead when they are revoked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.trust.alliance import (
    ABROAD,
    CITY,
    COAST,
    DAY,
    HOME,
    KEYS,
    NOW,
    PROVINCE,
    REGION_KEYS,
    SOUTHWEST,
    VISITED,
    about,
    believed,
    chain,
    configuration,
    fingerprint,
    long,
    metadata,
    short,
)
from tests.trust.forge import recognition
from trust.errors import (
    AgreementStoppedError,
    BadSignatureError,
    ForeignKeyError,
    KeyRevokedError,
    PeerRevokedError,
    TransitiveTrustError,
    TrustError,
    TrustExpiredError,
    UnknownIssuerError,
    UnknownKeyError,
)
from trust.federation import Federation
from trust.keys import KeyRing, SigningKey
from trust.metadata_policy import MetadataPolicy
from trust.revocation import MIN_LIFE_SECONDS, Revocation, sign_revocation
from trust.revocation_set import RevocationSet
from trust.roles import GATEWAY_ROLE, REGION_ROLE
from trust.signer import RecognitionSigner
from trust.verifier import RecognitionVerifier

if TYPE_CHECKING:
    from trust.keys import VerificationKey
    from trust.verified_entity import VerifiedEntity

EVERYBODY = [
    believed(short(HOME, SOUTHWEST)),
    believed(short(HOME, COAST)),
    believed(short(VISITED)),
    believed(short(ABROAD, COAST)),
    believed(long()),
    believed(chain(configuration(SOUTHWEST))),
    believed(chain(configuration(COAST))),
]
FEDERATION = Federation(EVERYBODY)
KID = REGION_KEYS[HOME].kid


def acting(entity: str, issuer: str, key: SigningKey, *, superior: str = SOUTHWEST, version: int = 1) -> VerifiedEntity:
    """Give an entity that acts as a region under an issuer, with a key."""
    named = replace(key, issuer=issuer)
    own = metadata({REGION_ROLE: {"issuer": issuer, "jwks": KeyRing([named.public()]).jwks(issuer)}})
    fixed = MetadataPolicy.from_json({REGION_ROLE: {"issuer": {"value": issuer}}})
    statement = about(superior, entity, metadata_policy=fixed)
    shown = configuration(entity, metadata=own, version=version, iat=NOW - DAY + version)
    return believed(chain(shown, statement, configuration(superior)))


def revocation(kind: str, subject: str, target: str, **changes: object) -> Revocation:
    """Give a revocation of something, by its subject."""
    values: dict[str, object] = {
        "iss": subject,
        "sub": subject,
        "iat": NOW,
        "exp": NOW + MIN_LIFE_SECONDS,
        "sequence": 1,
        "kind": kind,
        "target": target,
        "reason": "compromised",
        "effective": NOW,
    }
    return Revocation(**{**values, **changes})  # type: ignore[arg-type]  # a test may give anything


def told(kind: str, subject: str, target: str, **changes: object) -> str:
    """Sign a revocation with the federation key of its issuer."""
    claims = revocation(kind, subject, target, **changes)
    return sign_revocation(claims, key=KEYS[claims.iss])


def look_up(federation: Federation = FEDERATION, *, kid: str = KID, **where: object) -> VerificationKey:
    """Look up a key of HOME, in the agreement of the southwest unless said."""
    values: dict[str, object] = {"role": REGION_ROLE, "issuer": "home", "anchor": SOUTHWEST, "now": NOW, **where}
    return federation.find(kid=kid, **values)  # type: ignore[arg-type]  # a test may give anything


def refused(error: type[TrustError], federation: Federation = FEDERATION, **where: object) -> dict[str, str]:
    """Give the metadata of the error with which a look-up ends."""
    with pytest.raises(error) as caught:
        look_up(federation, **where)  # type: ignore[arg-type]  # as above
    return caught.value.metadata


def test_a_key_is_found_by_role_issuer_and_kid() -> None:
    """The same object is found each time, so that a cache of conclusions can tell whether it still stands."""
    assert look_up() == REGION_KEYS[HOME].public()
    assert look_up() is look_up()
    assert FEDERATION.entity(REGION_ROLE, "home", anchor=COAST, now=NOW).path == (HOME, COAST)
    assert len(FEDERATION.entities) == len(EVERYBODY)
    refused(UnknownIssuerError, Federation())


def test_a_recognition_is_verified_with_a_key_of_the_federation() -> None:
    """The verifier of tokens needs nothing but the look-up, and believes no key that is dead."""
    token = RecognitionSigner(REGION_KEYS[HOME]).issue(recognition(iss="home", aud="visited"))

    def verify(federation: Federation) -> str:
        verifier = RecognitionVerifier(lambda issuer, kid: look_up(federation, issuer=issuer, kid=kid))
        return verifier.verify(token, audience="visited", now=NOW).claims.iss

    assert verify(FEDERATION) == "home"
    with pytest.raises(KeyRevokedError):
        verify(FEDERATION.revoke(told("key", HOME, fingerprint(REGION_KEYS[HOME])), now=NOW))


def test_a_stranger_is_a_stranger() -> None:
    """An unknown issuer, an unknown kid, and a known issuer in another role are refused."""
    refused(UnknownIssuerError, issuer="nobody")
    refused(UnknownKeyError, kid="other")
    refused(UnknownIssuerError, role=GATEWAY_ROLE)
    refused(UnknownKeyError, kid=REGION_KEYS[VISITED].kid)


def test_trust_ends_with_the_agreement() -> None:
    """AZ3: ABROAD is believed in the agreement of the coast, and not in that of the southwest."""
    abroad = REGION_KEYS[ABROAD].kid
    assert look_up(issuer="abroad", kid=abroad, anchor=COAST) == REGION_KEYS[ABROAD].public()
    assert refused(TransitiveTrustError, issuer="abroad", kid=abroad) == {"rule": "anchor of the agreement"}
    assert look_up(anchor=COAST) == REGION_KEYS[HOME].public()


def test_what_one_anchor_says_of_an_entity_is_nothing_to_the_next() -> None:
    """AZ3: an anchor that shows a key of its own making as a region's is believed in its own agreement only."""
    forged = SigningKey.generate("ES256", issuer="home")
    federation = FEDERATION.with_entity(acting(HOME, "home", forged, superior=COAST))
    assert look_up(federation) == REGION_KEYS[HOME].public()
    refused(UnknownKeyError, federation, kid=forged.kid)
    assert look_up(federation, anchor=COAST, kid=forged.kid) == forged.public()
    assert federation.disputed() == (HOME,)
    assert FEDERATION.disputed() == ()


def test_an_expired_chain_gives_no_key() -> None:
    """TL3: after the end and the grace the look-up is refused; a chain to another anchor serves there, not here."""
    end = NOW + 19 * DAY + 10
    assert look_up(now=end - 1) == REGION_KEYS[HOME].public()
    assert refused(TrustExpiredError, now=end) == {"skew_seconds": "10"}
    both = FEDERATION.with_entity(believed(short(HOME, COAST, exp=NOW + 25 * DAY)))
    assert look_up(both, now=end, anchor=COAST) == REGION_KEYS[HOME].public()
    refused(TrustExpiredError, both, now=end)


def test_a_rotation_replaces_the_keys() -> None:
    """TL6: a newer chain takes the place of the older one, and a key that it does not list is gone."""
    new = SigningKey.generate("ES256", issuer="home")
    rotated = FEDERATION.with_entity(acting(HOME, "home", new, version=2))
    assert look_up(rotated, kid=new.kid) == new.public()
    refused(UnknownKeyError, rotated)


def test_what_an_entity_revokes_of_its_own_is_dead_everywhere() -> None:
    """TL8: in every agreement, at every look-up; another key and another entity live."""
    for text, error in (
        (told("key", HOME, fingerprint(REGION_KEYS[HOME])), KeyRevokedError),
        (told("entity", HOME, HOME), PeerRevokedError),
    ):
        federation = FEDERATION.revoke(text, now=NOW)
        refused(error, federation)
        refused(error, federation, anchor=COAST)
        assert look_up(federation, issuer="visited", kid=REGION_KEYS[VISITED].kid).issuer == "visited"
        assert look_up().issuer == "home"


def test_what_a_superior_revokes_is_dead_in_its_own_agreement() -> None:
    """AZ3: the body of the coast stops HOME there, and not in the southwest."""
    federation = FEDERATION.revoke(told("entity", HOME, HOME, iss=COAST), now=NOW)
    refused(PeerRevokedError, federation, anchor=COAST)
    assert look_up(federation) == REGION_KEYS[HOME].public()


def test_a_revocation_that_is_not_believed_kills_nothing() -> None:
    """TL9: of another's key, by a stranger, or by a forger; a thumbprint under the wrong subject is harmless."""
    with pytest.raises(ForeignKeyError):
        FEDERATION.revoke(told("key", HOME, fingerprint(REGION_KEYS[HOME]), iss=VISITED), now=NOW)
    claims = revocation("key", HOME, fingerprint(REGION_KEYS[HOME]))
    thief = SigningKey.generate("ES256", issuer=HOME, kid=KEYS[HOME].kid)
    with pytest.raises(BadSignatureError):
        FEDERATION.revoke(sign_revocation(claims, key=thief), now=NOW)
    nobody = SigningKey.generate("ES256", issuer="https://nobody.example")
    with pytest.raises(UnknownIssuerError):
        FEDERATION.revoke(sign_revocation(replace(claims, iss=nobody.issuer), key=nobody), now=NOW)
    harmless = FEDERATION.revoke(told("key", VISITED, fingerprint(REGION_KEYS[HOME])), now=NOW)
    assert look_up(harmless) == REGION_KEYS[HOME].public()


def test_a_party_stops_an_agreement() -> None:
    """In one statement, by any party or by the body; in no other agreement, and by nobody else."""
    for issuer in (HOME, VISITED, CITY, SOUTHWEST):
        text = told("agreement", SOUTHWEST, "sichuan-chongqing", iss=issuer, reason="emergency")
        revocations = FEDERATION.revoke(text, now=NOW).revocations
        with pytest.raises(AgreementStoppedError):
            revocations.check_agreement("sichuan-chongqing", anchor=SOUTHWEST, now=NOW)
        revocations.check_agreement("sichuan-chongqing", anchor=COAST, now=NOW)
        revocations.check_agreement("chongqing-guizhou", anchor=SOUTHWEST, now=NOW)
    for issuer in (ABROAD, COAST):
        with pytest.raises(ForeignKeyError):
            FEDERATION.revoke(told("agreement", SOUTHWEST, "sichuan-chongqing", iss=issuer), now=NOW)


def test_one_kid_of_two_issuers_is_two_keys() -> None:
    """TL9: the look-up is by issuer and kid."""
    one, other = (SigningKey.generate("ES256", issuer=name, kid="2026") for name in ("home", "visited"))
    federation = Federation([acting(HOME, "home", one), acting(VISITED, "visited", other)])
    for name, key in (("home", one), ("visited", other)):
        assert look_up(federation, issuer=name, kid="2026") == key.public()


def test_nobody_brings_the_key_or_name_of_another() -> None:
    """TL9: the same key under two entities, a federation key as somebody else's, and one issuer of two entities."""
    here = Federation([EVERYBODY[0]])
    theirs = [
        acting(VISITED, "visited", REGION_KEYS[HOME]),
        acting(VISITED, "visited", KEYS[HOME]),
        acting(VISITED, "home", REGION_KEYS[VISITED]),
    ]
    for entity in theirs:
        with pytest.raises(ForeignKeyError):
            here.with_entity(entity)
    assert len(here.with_entity(acting(VISITED, "visited", REGION_KEYS[VISITED])).entities) == 2


def test_federation_keys_are_those_that_superiors_listed() -> None:
    """They are given by anchor; a stranger has none."""
    assert FEDERATION.federation_keys(HOME, anchor=COAST) == (KEYS[HOME].public(),)
    assert FEDERATION.federation_keys(COAST, anchor=COAST) == (KEYS[COAST].public(),)
    assert FEDERATION.federation_keys(VISITED, anchor=COAST) == ()


@pytest.mark.parametrize(
    ("issuer", "kind", "subject", "allowed"),
    [
        (HOME, "key", HOME, True),
        (SOUTHWEST, "key", HOME, True),
        (PROVINCE, "certificate", CITY, True),
        (SOUTHWEST, "entity", CITY, True),
        (SOUTHWEST, "key", PROVINCE, True),
        (SOUTHWEST, "key", "https://unknown.example", True),
        (PROVINCE, "key", "https://unknown.example", False),
        (COAST, "key", "https://unknown.example", False),
        (COAST, "entity", HOME, False),
        (PROVINCE, "key", SOUTHWEST, False),
        (CITY, "key", PROVINCE, False),
        (VISITED, "key", HOME, False),
        (HOME, "agreement", SOUTHWEST, True),
        (CITY, "agreement", SOUTHWEST, True),
        (SOUTHWEST, "agreement", SOUTHWEST, True),
        (HOME, "agreement", COAST, False),
        (ABROAD, "agreement", SOUTHWEST, False),
    ],
)
def test_who_has_a_say(issuer: str, kind: str, subject: str, *, allowed: bool) -> None:
    """One's own, what one vouches for, for the anchor whatever is below it, and agreements that one is a party to."""
    assert FEDERATION.may_revoke(revocation(kind, subject, subject, iss=issuer), anchor=SOUTHWEST) is allowed


def test_a_federation_begins_with_nothing_revoked() -> None:
    """Without revocations everybody that is believed lives; joining none changes nothing."""
    assert FEDERATION.revocations == RevocationSet() == FEDERATION.with_revocations(RevocationSet()).revocations
