"""Time, revocation, memory, constraints, policies, roles and marks of a chain, each refusal with an accepted twin."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.alliance import (
    ABROAD,
    ANCHORS,
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
    refused,
    region_metadata,
    short,
    signed,
    spliced,
)
from trust.constraints import Constraints
from trust.errors import (
    ChainError,
    EquivocationError,
    ForeignKeyError,
    KeyRevokedError,
    MetadataPolicyError,
    PeerRevokedError,
    PolicyConflictError,
    RollbackError,
    TransitiveTrustError,
    TrustExpiredError,
)
from trust.keys import KeyRing
from trust.metadata_policy import MetadataPolicy
from trust.pinboard import Freshness, Pinboard
from trust.revocation import MIN_LIFE_SECONDS, Revocation, Revoked
from trust.revocation_set import RevocationSet
from trust.trust_mark import TrustMark, sign_mark

if TYPE_CHECKING:
    from trust.chain import Beliefs
    from trust.errors import TrustError

MARK = "https://southwest.example/marks/joint-catalog"
END = NOW + 19 * DAY


def dead(kind: str, subject: str, target: str, *, effective: int = NOW, anchor: str = SOUTHWEST) -> Beliefs:
    """Believe that something is revoked under an anchor."""
    entry = Revocation(
        iss=subject,
        sub=subject,
        iat=NOW,
        exp=NOW + 2 * MIN_LIFE_SECONDS,
        sequence=1,
        kind=kind,
        target=target,
        reason="superseded",
        effective=effective,
    )
    return replace(BELIEFS, revocations=RevocationSet(frozenset({Revoked(anchor, entry)})))


def policy(**parameters: object) -> MetadataPolicy:
    """Make a policy for regions."""
    return MetadataPolicy.from_json({"onecard_region": parameters})


def test_a_chain_ends_with_its_shortest_part_and_the_grace() -> None:
    """TL3: at its end a statement serves on for the stated grace, and not one second longer."""
    beliefs = replace(BELIEFS, grace_seconds=3600)
    assert believed(short(), beliefs=beliefs, now=END + 3599).usable_until == END + 3600
    told = refused(TrustExpiredError, short(), beliefs=beliefs, now=END + 3600)
    assert told == {"statement": "1", "skew_seconds": "3600"}


def test_without_grace_only_the_skew_of_clocks_is_forgiven() -> None:
    """TL3: expired by a second still serves, as clocks differ by that; expired by ten does not."""
    assert believed(short(), now=END + 9).expires_at == END
    refused(TrustExpiredError, short(), now=END + 10)


def test_a_verified_entity_grows_old() -> None:
    """Half of the life of the shortest statement is a warning, its end the grace, the end of that the end."""
    entity = believed(short(), beliefs=replace(BELIEFS, grace_seconds=3600))
    times = (NOW, NOW + 9 * DAY, END, END + 3600)
    assert [entity.freshness(now) for now in times] == list(Freshness)
    entity.require_usable(END + 3599)
    with pytest.raises(TrustExpiredError):
        entity.require_usable(END + 3600)


def test_a_statement_of_the_future_is_refused() -> None:
    """Ten seconds ahead are a clock, eleven are not."""
    ahead = about(SOUTHWEST, HOME, iat=NOW + 10)
    assert believed(spliced(short(), 1, ahead)).entity == HOME
    told = refused(ChainError, spliced(short(), 1, replace(ahead, iat=NOW + 11)))
    assert told == {"statement": "1", "because": "NotYetValidError", "claim": "iat", "skew_seconds": "11"}


@pytest.mark.parametrize(("signer", "statement"), [(SOUTHWEST, "3"), (PROVINCE, "1"), (CITY, "0")])
def test_a_revoked_key_signs_nothing(signer: str, statement: str) -> None:
    """TL8: the statements were issued before the revocation, which makes no difference."""
    beliefs = dead("key", signer, fingerprint(KEYS[signer]))
    assert refused(KeyRevokedError, long(), beliefs=beliefs) == {"statement": statement, "reason": "superseded"}
    assert believed(short(VISITED), beliefs=dead("key", HOME, fingerprint(KEYS[VISITED]))).entity == VISITED


@pytest.mark.parametrize("entity", [SOUTHWEST, PROVINCE, CITY])
def test_a_revoked_entity_breaks_the_chain(entity: str) -> None:
    """Whoever is revoked is not believed, and does not vouch."""
    assert refused(PeerRevokedError, long(), beliefs=dead("entity", entity, entity))["kind"] == "entity"
    assert believed(long(), beliefs=dead("entity", VISITED, VISITED)).entity == CITY
    assert believed(long(), beliefs=dead("entity", entity, entity, effective=NOW + 11)).entity == CITY
    assert believed(long(), beliefs=dead("entity", entity, entity, anchor=COAST)).entity == CITY


def test_an_older_statement_is_refused() -> None:
    """TL1: once version 2 was believed, version 1 is a rollback; both are named, and the memory stays."""
    pinboard = Pinboard().admit(believed(short(version=2, iat=NOW)).pins)
    beliefs = replace(BELIEFS, pinboard=pinboard)
    told = refused(RollbackError, short(version=1, iat=NOW - DAY), beliefs=beliefs)
    assert told == {"statement": "1", "rule": "version", "known_version": "2", "offered_version": "1"}
    assert believed(short(version=2, iat=NOW), beliefs=beliefs).pins[1].version == 2
    assert believed(short(version=3, iat=NOW + 1), beliefs=beliefs).pins[1].version == 3


def test_a_second_statement_of_one_version_is_refused() -> None:
    """TL2: what somebody else was shown under the same version cannot be something else."""
    beliefs = replace(BELIEFS, pinboard=Pinboard().admit(believed(short()).pins))
    assert refused(EquivocationError, short(exp=END + 1), beliefs=beliefs)["statement"] == "1"
    assert believed(short(), beliefs=beliefs).expires_at == END


def test_an_anchor_that_was_followed_does_not_go_back() -> None:
    """TL1, TL5: a configuration older than the one that was followed is refused without any memory of statements."""
    beliefs = replace(BELIEFS, anchors={SOUTHWEST: replace(ANCHORS[SOUTHWEST], version=2)})
    assert refused(RollbackError, short(), beliefs=beliefs)["statement"] == "2"
    later = spliced(short(), 2, configuration(SOUTHWEST, version=2))
    assert believed(later, beliefs=beliefs).anchor_state.version == 2
    two = configuration(SOUTHWEST, version=2, keys=(KEYS[SOUTHWEST].public(), KEYS[COAST].public()))
    shifted = replace(two, keys=tuple(replace(key, issuer=SOUTHWEST) for key in two.keys))
    assert refused(EquivocationError, spliced(short(), 2, shifted), beliefs=beliefs)["statement"] == "2"


def test_a_party_does_not_vouch_for_others() -> None:
    """AZ3: HOME is believed, ABROAD is vouched for by HOME, and is not believed for that."""
    through = chain(
        configuration(ABROAD, authority_hints=(HOME,)),
        about(HOME, ABROAD),
        about(SOUTHWEST, HOME, metadata_policy=MetadataPolicy()),
        configuration(SOUTHWEST),
    )
    assert refused(TransitiveTrustError, through) == {"statement": "2", "rule": "max_path_length"}
    allowed = about(SOUTHWEST, HOME, metadata_policy=MetadataPolicy(), constraints=Constraints(max_path_length=1))
    assert believed(spliced(through, 2, allowed)).path == (ABROAD, HOME, SOUTHWEST)
    assert believed(short(ABROAD, COAST)).path == (ABROAD, COAST)


@pytest.mark.parametrize(
    ("constraints", "holds"),
    [
        (Constraints(max_path_length=1, permitted=(".province.example", "province.example")), True),
        (Constraints(max_path_length=1, permitted=(".example",)), True),
        (Constraints(max_path_length=1, permitted=("province.example",)), False),
        (Constraints(max_path_length=1, permitted=()), False),
        (Constraints(max_path_length=1, excluded=("city.province.example",)), False),
        (Constraints(max_path_length=1, permitted=(".example",), excluded=(".province.example",)), False),
        (Constraints(max_path_length=1, excluded=("home.southwest.example",)), True),
    ],
)
def test_names_stay_within_what_all_above_allow(constraints: Constraints, *, holds: bool) -> None:
    """The constraint on the provincial body binds the city below it."""
    if holds:
        assert believed(long(constraints=constraints)).entity == CITY
    else:
        assert refused(ChainError, long(constraints=constraints))["rule"] == "naming_constraints"


@pytest.mark.parametrize(
    ("allowed", "left"),
    [(None, {"onecard_region", "federation_entity", "other"}), ({"other"}, {"federation_entity", "other"})],
)
def test_entity_types_that_are_not_allowed_go(allowed: set[str] | None, left: set[str]) -> None:
    """A superior may limit what an entity is; that it takes part in the federation remains."""
    own = {**region_metadata(HOME), **metadata({"federation_entity": {"organization_name": "A"}, "other": {}})}
    limit = Constraints(allowed_entity_types=None if allowed is None else frozenset(allowed))
    entity = believed(spliced(short(constraints=limit), 0, configuration(HOME, metadata=own)))
    assert set(entity.metadata) == left
    assert set(entity.keys) == left & {"onecard_region"}


def test_policies_are_merged_from_the_anchor_down() -> None:
    """A subordinate may narrow what a superior allows; what contradicts it is refused where it stands."""
    narrowed = policy(issuer={"value": "city"}, media={"subset_of": ["physical"]})
    wide = policy(media={"subset_of": ["physical", "electronic"], "essential": True})
    own = metadata({"onecard_region": {**region_metadata(CITY)["onecard_region"], "media": ["electronic", "physical"]}})
    texts = spliced(
        spliced(long(metadata_policy=wide), 0, configuration(CITY, metadata=own)),
        1,
        about(PROVINCE, CITY, metadata_policy=narrowed),
    )
    assert believed(texts).metadata["onecard_region"]["media"] == ("physical",)
    clash = policy(media={"superset_of": ["virtual"]})
    told = refused(PolicyConflictError, spliced(texts, 1, about(PROVINCE, CITY, metadata_policy=clash)))
    assert told["statement"] == "1"
    missing = refused(MetadataPolicyError, spliced(texts, 0, configuration(CITY)))
    assert missing == {"statement": "0", "operator": "essential", "rule": "present"}


@pytest.mark.parametrize(
    "changes",
    [
        {"metadata_policy": policy(issuer={"value": "home"})},
        {"metadata_policy": policy(issuer={"one_of": ["home"]})},
        {"metadata_policy": MetadataPolicy(), "metadata": metadata({"onecard_region": {"issuer": "home"}})},
    ],
)
def test_a_superior_fixes_the_issuer(changes: dict[str, object]) -> None:
    """A region acts under the issuer that a superior has fixed, in any of the ways there are."""
    assert believed(short(**changes)).keys["onecard_region"].issuers == ("home",)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"metadata_policy": MetadataPolicy()}, ForeignKeyError),
        ({"metadata_policy": policy(issuer={"one_of": ["home", "visited"]})}, ForeignKeyError),
        ({"metadata_policy": policy(issuer={"default": "home"})}, ForeignKeyError),
        ({"metadata_policy": policy(issuer={"value": None})}, MetadataPolicyError),
        ({"metadata_policy": policy(issuer={"value": "no issuer"})}, MetadataPolicyError),
        ({"metadata_policy": policy(jwks={"value": "none"})}, MetadataPolicyError),
        ({"metadata_policy": policy(issuer={"value": "home"}, jwks={"value": {"keys": []}})}, ChainError),
    ],
)
def test_an_entity_cannot_give_itself_a_name(changes: dict[str, object], error: type[TrustError]) -> None:
    """TL9: an issuer that no superior has fixed, or a role without issuer or keys, is refused."""
    assert refused(error, short(**changes))["statement"] == "0"


def test_a_key_of_an_entity_above_is_refused() -> None:
    """TL9: nobody lists the key of its superior as its own."""
    borrowed = replace(KEYS[SOUTHWEST].public(), issuer=HOME)
    told = refused(ForeignKeyError, short(keys=(KEYS[HOME].public(), borrowed)))
    assert told == {"statement": "1", "rule": "a key of an entity above"}


def marked(**changes: object) -> tuple[str, ...]:
    """Give the chain of a region that shows a mark, the mark changed."""
    values = {"iss": SOUTHWEST, "sub": HOME, "trust_mark_type": MARK, "iat": NOW, "exp": NOW + DAY, **changes}
    mark = TrustMark(**values)  # type: ignore[arg-type]  # a test may give anything
    shown = configuration(HOME, trust_marks={MARK: sign_mark(mark, key=KEYS[mark.iss])})
    issuers = {MARK: (SOUTHWEST, PROVINCE), MARK + "-2": (SOUTHWEST,)}
    anchor = configuration(SOUTHWEST, trust_mark_issuers=issuers)
    return chain(shown, about(SOUTHWEST, HOME), anchor)


def test_a_mark_that_holds_is_held() -> None:
    """A mark of an issuer that the anchor names counts."""
    assert believed(marked()).marks == {MARK}


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": VISITED},
        {"exp": NOW - 10, "iat": NOW - DAY},
        {"iat": NOW + 11},
        {"iss": COAST},
        {"iss": PROVINCE},
        {"trust_mark_type": MARK + "-2"},
        {"trust_mark_type": MARK + "-3"},
    ],
)
def test_a_mark_that_does_not_hold_is_as_good_as_none(changes: dict[str, object]) -> None:
    """Of somebody else, of another time, of another issuer, of another type: the chain holds, the mark does not."""
    assert believed(marked(**changes)).marks == frozenset()


def test_a_mark_dies_with_the_key_of_its_issuer() -> None:
    """A mark that was signed with a revoked key is not held; the chain uses another key of the anchor."""
    next_key = replace(KEYS[COAST], issuer=SOUTHWEST)
    top = configuration(
        SOUTHWEST, keys=(KEYS[SOUTHWEST].public(), next_key.public()), trust_mark_issuers={MARK: (SOUTHWEST,)}
    )
    texts = (marked()[0], signed(about(SOUTHWEST, HOME), next_key), signed(top, next_key))
    pinned = {SOUTHWEST: replace(ANCHORS[SOUTHWEST], fingerprints=frozenset({fingerprint(next_key)}))}
    alive = replace(BELIEFS, anchors=pinned)
    assert believed(texts, beliefs=alive).marks == {MARK}
    killed = replace(alive, revocations=dead("key", SOUTHWEST, fingerprint(KEYS[SOUTHWEST])).revocations)
    assert believed(texts, beliefs=killed).marks == frozenset()


@given(st.integers(0, 3), st.integers(0, 4000))
def test_no_changed_character_is_believed(position: int, place: int) -> None:
    """Whatever character of a chain is changed, the chain is refused with an error of ours."""
    texts = list(LONG)
    text = texts[position]
    place %= len(text)
    texts[position] = text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]
    told = refused(ChainError, tuple(texts))
    assert told["statement"] == str(position)


LONG = long()


def test_role_keys_are_those_of_the_metadata() -> None:
    """The keys of a role verify under its issuer, and are not the federation keys."""
    ring: KeyRing = believed(short()).keys["onecard_region"]
    assert ring.jwks("home") == KeyRing([REGION_KEYS[HOME].public()]).jwks("home")
