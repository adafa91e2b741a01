"""The entities that are believed: keys by issuer and kid, per agreement, and dead when they are revoked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.trust.alliance import (
    ABROAD,
    BELIEFS,
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
    signed,
)
from tests.trust.forge import recognition
from trust.errors import (
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
from trust.revocation import MIN_LIFE_SECONDS, Revocation, RevocationSet
from trust.roles import GATEWAY_ROLE, REGION_ROLE
from trust.signer import RecognitionSigner
from trust.verifier import RecognitionVerifier

if TYPE_CHECKING:
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


def dead(kind: str, subject: str, target: str, **changes: object) -> Revocation:
    """Give a revocation."""
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


def refused(error: type[TrustError], federation: Federation, kid: str = KID, **where: object) -> dict[str, str]:
    """Give the metadata of the error with which a look-up of a key of HOME ends."""
    values: dict[str, object] = {"role": REGION_ROLE, "issuer": "home", "now": NOW, **where}
    with pytest.raises(error) as caught:
        federation.find(kid=kid, **values)  # type: ignore[arg-type]  # a test may give anything
    return caught.value.metadata


def test_a_key_is_found_by_role_issuer_and_kid() -> None:
    """The same object is found each time, so that a cache of conclusions can tell whether it still stands."""
    key = FEDERATION.find(REGION_ROLE, "home", KID, now=NOW)
    assert key == REGION_KEYS[HOME].public()
    assert FEDERATION.find(REGION_ROLE, "home", KID, now=NOW) is key
    assert FEDERATION.entity(REGION_ROLE, "home", now=NOW).entity == HOME
    assert len(FEDERATION.entities) == len(EVERYBODY)


def test_a_recognition_is_verified_with_a_key_of_the_federation() -> None:
    """The verifier of tokens needs nothing but the look-up."""
    token = RecognitionSigner(REGION_KEYS[HOME]).issue(recognition(iss="home", iat=NOW, aud="visited"))
    verifier = RecognitionVerifier(lambda issuer, kid: FEDERATION.find(REGION_ROLE, issuer, kid, now=NOW))
    assert verifier.verify(token, audience="visited", now=NOW).claims.iss == "home"
    entry = dead("key", HOME, fingerprint(REGION_KEYS[HOME]))
    dying = FEDERATION.with_revocations(RevocationSet(frozenset({entry})))
    late = RecognitionVerifier(lambda issuer, kid: dying.find(REGION_ROLE, issuer, kid, now=NOW))
    with pytest.raises(KeyRevokedError):
        late.verify(token, audience="visited", now=NOW)


def test_a_stranger_is_a_stranger() -> None:
    """An unknown issuer, an unknown kid, and a known issuer in another role are refused."""
    refused(UnknownIssuerError, FEDERATION, issuer="nobody")
    refused(UnknownKeyError, FEDERATION, kid="other")
    refused(UnknownIssuerError, FEDERATION, role=GATEWAY_ROLE)
    refused(UnknownKeyError, FEDERATION, kid=REGION_KEYS[VISITED].kid)


def test_trust_ends_with_the_agreement() -> None:
    """AZ3: ABROAD is believed in the agreement of the coast, and not in that of the southwest."""
    key = FEDERATION.find(REGION_ROLE, "abroad", REGION_KEYS[ABROAD].kid, now=NOW, anchor=COAST)
    assert key == REGION_KEYS[ABROAD].public()
    told = refused(TransitiveTrustError, FEDERATION, REGION_KEYS[ABROAD].kid, issuer="abroad", anchor=SOUTHWEST)
    assert told == {"rule": "anchor of the agreement"}
    assert FEDERATION.find(REGION_ROLE, "home", KID, now=NOW, anchor=COAST) == REGION_KEYS[HOME].public()


def test_an_expired_chain_gives_no_key() -> None:
    """TL3: after the end and the grace the call is refused, and as long as one of two chains serves it is not."""
    end = NOW + 19 * DAY + 10
    assert FEDERATION.find(REGION_ROLE, "home", KID, now=end - 1) == REGION_KEYS[HOME].public()
    assert refused(TrustExpiredError, FEDERATION, now=end) == {"skew_seconds": "10"}
    longer = believed(short(HOME, COAST, exp=NOW + 25 * DAY))
    both = Federation([*EVERYBODY, longer])
    assert both.find(REGION_ROLE, "home", KID, now=end) == REGION_KEYS[HOME].public()
    refused(TrustExpiredError, both, now=end, anchor=SOUTHWEST)


def test_the_newest_configuration_says_which_keys_there_are() -> None:
    """TL6: a key that was retired does not live on in a chain that is older."""
    new = SigningKey.generate("ES256", issuer="home")
    newer = acting(HOME, "home", new, superior=COAST, version=2)
    rotated = Federation([EVERYBODY[0], newer])
    assert rotated.find(REGION_ROLE, "home", new.kid, now=NOW, anchor=SOUTHWEST) == new.public()
    refused(UnknownKeyError, rotated, KID, anchor=SOUTHWEST)


def test_a_revoked_key_or_entity_is_dead() -> None:
    """TL8: by key and by entity, at every look-up; another key of the same entity lives."""
    key = dead("key", HOME, fingerprint(REGION_KEYS[HOME]))
    entity = dead("entity", HOME, HOME)
    for entry, error in ((key, KeyRevokedError), (entity, PeerRevokedError)):
        federation = FEDERATION.with_revocations(RevocationSet(frozenset({entry})))
        refused(error, federation)
        assert federation.find(REGION_ROLE, "visited", REGION_KEYS[VISITED].kid, now=NOW).issuer == "visited"
    stranger = dead("key", VISITED, fingerprint(REGION_KEYS[HOME]))
    harmless = FEDERATION.with_revocations(RevocationSet(frozenset({stranger})))
    assert harmless.find(REGION_ROLE, "home", KID, now=NOW) == REGION_KEYS[HOME].public()


def test_one_kid_of_two_issuers_is_two_keys() -> None:
    """TL9: the look-up is by issuer and kid."""
    one, other = (SigningKey.generate("ES256", issuer=name, kid="2026") for name in ("home", "visited"))
    federation = Federation([acting(HOME, "home", one), acting(VISITED, "visited", other)])
    for name, key in (("home", one), ("visited", other)):
        assert federation.find(REGION_ROLE, name, "2026", now=NOW) == key.public()


def test_nobody_brings_the_key_or_name_of_another() -> None:
    """TL9: the same key under two entities, a federation key as somebody else's, and one issuer of two entities."""
    key = REGION_KEYS[HOME]
    theirs = [
        acting(VISITED, "visited", key),
        acting(VISITED, "visited", KEYS[HOME]),
        acting(VISITED, "home", REGION_KEYS[VISITED]),
    ]
    for entity in theirs:
        with pytest.raises(ForeignKeyError):
            Federation([EVERYBODY[0], entity])
    assert Federation([EVERYBODY[0], acting(VISITED, "visited", REGION_KEYS[VISITED])]).entities


def test_federation_keys_are_those_that_superiors_listed() -> None:
    """Keys of an entity with several chains are given once; a stranger has none."""
    assert FEDERATION.federation_keys(HOME) == (KEYS[HOME].public(),)
    assert FEDERATION.federation_keys(COAST) == (KEYS[COAST].public(),)
    assert FEDERATION.federation_keys("https://nobody.example") == ()


@pytest.mark.parametrize(
    ("issuer", "kind", "subject", "allowed"),
    [
        (HOME, "key", HOME, True),
        (SOUTHWEST, "key", HOME, True),
        (COAST, "entity", HOME, True),
        (PROVINCE, "certificate", CITY, True),
        (SOUTHWEST, "entity", CITY, True),
        (SOUTHWEST, "key", PROVINCE, True),
        (PROVINCE, "key", SOUTHWEST, False),
        (CITY, "key", PROVINCE, False),
        (VISITED, "key", HOME, False),
        (COAST, "key", VISITED, False),
        (HOME, "agreement", SOUTHWEST, True),
        (CITY, "agreement", SOUTHWEST, True),
        (SOUTHWEST, "agreement", SOUTHWEST, True),
        (ABROAD, "agreement", SOUTHWEST, False),
        (COAST, "agreement", SOUTHWEST, False),
    ],
)
def test_who_has_a_say(issuer: str, kind: str, subject: str, *, allowed: bool) -> None:
    """One's own, what one vouches for, and the agreements that one is a party to."""
    entry = dead(kind, subject, subject, iss=issuer)
    assert FEDERATION.may_revoke(entry) is allowed


def test_a_federation_begins_with_nothing_revoked() -> None:
    """Without revocations everybody that is believed lives."""
    assert FEDERATION.revocations == RevocationSet()
    assert BELIEFS.revocations == RevocationSet()
    assert signed(configuration(HOME))
