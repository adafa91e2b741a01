"""Trust chains: what holds is believed, what fails is named, and each refusal has a twin that is accepted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

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
    refused,
    short,
    signed,
    spliced,
)
from tests.trust.forge import HOME_EDWARDS_KEY
from trust.chain import Beliefs
from trust.constraints import Constraints
from trust.errors import ChainError
from trust.jws import sign_jws
from trust.keys import SigningKey
from trust.metadata_policy import MetadataPolicy
from trust.statement import sign_statement
from trust.verified_entity import VerifiedEntity

if TYPE_CHECKING:
    from trust.entity import EntityClaims


def test_a_short_chain_is_believed() -> None:
    """A region under an anchor is believed with keys, path, end and metadata."""
    entity = believed(short())
    assert (entity.entity, entity.anchor, entity.path) == (HOME, SOUTHWEST, (HOME, SOUTHWEST))
    assert entity.expires_at == NOW + 19 * DAY
    assert entity.federation_keys == (KEYS[HOME].public(),)
    assert entity.keys["onecard_region"].find("home", REGION_KEYS[HOME].kid) == REGION_KEYS[HOME].public()
    assert entity.metadata["onecard_region"]["issuer"] == "home"
    assert [pin.subject for pin in entity.pins] == [SOUTHWEST, HOME, HOME]
    assert entity.marks == frozenset()


def test_a_long_chain_is_believed() -> None:
    """An entity behind an intermediate of another suite is believed."""
    assert believed(long()).path == (CITY, PROVINCE, SOUTHWEST)


def test_the_anchor_itself_is_believed() -> None:
    """A chain of one statement is the pinned anchor."""
    entity = believed(chain(configuration(SOUTHWEST)))
    assert (entity.entity, entity.path, dict(entity.keys)) == (SOUTHWEST, (SOUTHWEST,), {})
    assert entity.anchor_state.version == 1


@pytest.mark.parametrize("length", [0, 2, 7])
def test_a_chain_has_a_possible_length(length: int) -> None:
    """Nothing, two configurations without anybody vouching, and more than six statements are refused unread."""
    assert refused(ChainError, ("x",) * length) == {"rule": "length"}


def test_two_configurations_of_one_anchor_are_no_chain() -> None:
    """The anchor cannot stand in for the subject that it does not vouch for."""
    refused(ChainError, chain(configuration(SOUTHWEST), configuration(SOUTHWEST)))


def test_the_longest_chain_is_believed_and_depth_ends_there() -> None:
    """Five statements above the subject's own are the most."""
    keys = {f"https://e{n}.example": SigningKey.generate("EdDSA", issuer=f"https://e{n}.example") for n in range(5)}
    names = [SOUTHWEST, *keys]

    def of(depth: int) -> tuple[str, ...]:
        middle = [
            sign_statement(
                replace(
                    about(SOUTHWEST, HOME, metadata_policy=MetadataPolicy()),
                    iss=names[n],
                    sub=names[n + 1],
                    keys=(keys[names[n + 1]].public(),),
                    constraints=Constraints(max_path_length=depth - 1 - n),
                ),
                key=KEYS[SOUTHWEST] if n == 0 else keys[names[n]],
            )
            for n in range(depth)
        ]
        leaf = configuration(
            HOME,
            sub=names[depth],
            keys=(keys[names[depth]].public(),),
            metadata={},
            authority_hints=(names[depth - 1],),
        )
        return (sign_statement(leaf, key=keys[names[depth]]), *reversed(middle), signed(configuration(SOUTHWEST)))

    assert len(believed(of(4)).path) == 5
    assert refused(ChainError, of(5)) == {"rule": "length"}


@pytest.mark.parametrize("position", [0, 1, 2, 3])
@pytest.mark.parametrize("text", ["", "a.b.c", "x" * 65_537])
def test_a_statement_that_cannot_be_read_is_named(position: int, text: str) -> None:
    """The place of the broken statement is told, wherever it is."""
    texts = list(long())
    texts[position] = text
    told = refused(ChainError, tuple(texts))
    assert (told["statement"], told["because"]) == (str(position), "MalformedTokenError")


def test_an_anchor_that_is_not_pinned_is_refused() -> None:
    """AZ3: the chain of somebody else's agreement means nothing here."""
    here = replace(BELIEFS, anchors={SOUTHWEST: ANCHORS[SOUTHWEST]})
    assert believed(short(), beliefs=here).anchor == SOUTHWEST
    told = refused(ChainError, short(ABROAD, COAST), beliefs=here)
    assert told == {"statement": "2", "rule": "configuration of a pinned anchor"}


def test_an_anchor_with_another_key_is_refused() -> None:
    """TL5: a self-signed root of the right name, and one that lists the pinned key but did not sign with it."""
    other = SigningKey.generate("ES256", issuer=SOUTHWEST)
    alone = signed(configuration(SOUTHWEST, keys=(other.public(),)), other)
    both = signed(configuration(SOUTHWEST, keys=(other.public(), KEYS[SOUTHWEST].public())), other)
    assert refused(ChainError, (*short()[:2], alone))["rule"] == "a believed key of the anchor"
    assert refused(ChainError, (*short()[:2], both))["because"] == "UnknownKeyError"


def test_an_anchor_may_use_a_new_key_that_its_pinned_key_has_introduced() -> None:
    """TL5: the pinned key signs a configuration that lists the next key, which may vouch at once."""
    new = SigningKey.generate("ES256", issuer=SOUTHWEST)
    top = signed(configuration(SOUTHWEST, keys=(KEYS[SOUTHWEST].public(), new.public())))
    entity = believed((signed(configuration(HOME)), signed(about(SOUTHWEST, HOME), new), top))
    assert entity.anchor_state.fingerprints == {fingerprint(KEYS[SOUTHWEST]), fingerprint(new)}


def test_the_top_is_a_configuration() -> None:
    """A statement about somebody else does not stand on top, be its issuer pinned or its subject."""
    other = about(SOUTHWEST, HOME)
    assert refused(ChainError, (*short()[:2], signed(other)))["statement"] == "2"
    crossed = Beliefs(anchors={**ANCHORS, HOME: replace(ANCHORS[SOUTHWEST], entity=HOME)})
    assert refused(ChainError, (*short()[:2], signed(other)), beliefs=crossed)["statement"] == "2"


@pytest.mark.parametrize(
    ("position", "claims", "rule"),
    [
        (1, about(COAST, HOME), "statement of the entity above"),
        (1, configuration(HOME), "statement of the entity above"),
        (0, configuration(VISITED), "configuration of the entity vouched for"),
        (0, about(SOUTHWEST, HOME), "configuration of the entity vouched for"),
        (0, configuration(HOME, authority_hints=(COAST,)), "superior among the authority hints"),
        (0, configuration(HOME, authority_hints=()), "superior among the authority hints"),
    ],
)
def test_a_wrong_link_is_refused(position: int, claims: EntityClaims, rule: str) -> None:
    """Each statement is issued by the entity above, about the entity below, and the subject knows its superior."""
    told = refused(ChainError, spliced(short(), position, claims))
    assert (told["statement"], told["rule"]) == (str(position), rule)


def test_a_loop_is_refused() -> None:
    """No entity vouches for one that stands above it, nor for itself by a detour."""
    roomy = Constraints(max_path_length=4)
    texts = chain(
        configuration(PROVINCE),
        about(CITY, PROVINCE),
        about(PROVINCE, CITY, constraints=roomy, metadata_policy=MetadataPolicy()),
        about(SOUTHWEST, PROVINCE, constraints=roomy),
        configuration(SOUTHWEST),
    )
    assert refused(ChainError, texts) == {"statement": "1", "rule": "no entity twice"}


@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_forged_signature_is_refused(position: int) -> None:
    """A key of the right name that nobody above has listed proves nothing."""
    claims = (configuration(CITY), about(PROVINCE, CITY), about(SOUTHWEST, PROVINCE))[position]
    mine = SigningKey.generate(KEYS[claims.iss].algorithm, issuer=claims.iss, kid=KEYS[claims.iss].kid)
    if position == 0:
        claims = configuration(CITY, keys=(mine.public(),))
    told = refused(ChainError, spliced(long(), position, claims, mine))
    assert (told["statement"], told["because"]) == (str(position), "BadSignatureError")


def test_the_algorithm_of_a_key_is_fixed_one_level_up() -> None:
    """A statement that names another suite than the one its key is listed for is refused before any arithmetic."""
    mine = replace(HOME_EDWARDS_KEY, issuer=SOUTHWEST, kid=KEYS[SOUTHWEST].kid)
    told = refused(ChainError, spliced(short(), 1, about(SOUTHWEST, HOME), mine))
    assert told["because"] == "KeyAlgorithmMismatchError"


def test_the_subject_signs_with_a_key_that_both_list() -> None:
    """A superior that lists another key under the same name does not make it the subject's, nor the other way round."""
    other = SigningKey.generate("ES256", issuer=HOME, kid=KEYS[HOME].kid)
    crossed = chain(configuration(HOME), about(SOUTHWEST, HOME, keys=(other.public(),)), configuration(SOUTHWEST))
    assert refused(ChainError, crossed)["because"] == "BadSignatureError"
    two = SigningKey.generate("ES256", issuer=HOME)
    listed = about(SOUTHWEST, HOME, keys=(KEYS[HOME].public(), two.public()))
    text = sign_statement(configuration(HOME, keys=(replace(two, kid="x").public(),)), key=replace(two, kid="x"))
    assert refused(ChainError, (text, *chain(listed, configuration(SOUTHWEST))))["because"] == "UnknownKeyError"


def test_the_subject_lists_the_key_that_it_signs_with() -> None:
    """A configuration signed by a key that only the superior lists is refused, one that lists it too is accepted."""
    two = SigningKey.generate("ES256", issuer=HOME)
    above = chain(about(SOUTHWEST, HOME, keys=(KEYS[HOME].public(), two.public())), configuration(SOUTHWEST))
    foreign = sign_jws(configuration(HOME).to_payload(), key=two, kind="entity-statement+jwt")
    assert refused(ChainError, (foreign, *above))["rule"] == "signed with a key of its own"
    own = configuration(HOME, keys=(KEYS[HOME].public(), two.public()))
    assert believed((signed(own, two), *above)).entity == HOME


def test_only_the_verifier_makes_verified_entities() -> None:
    """A verified entity cannot be written by hand."""
    good = believed(short())
    values = {name: getattr(good, name) for name in VerifiedEntity.__slots__}
    with pytest.raises(RuntimeError, match="only the chain verifier"):
        VerifiedEntity(**values, seal=object())


def test_verified_metadata_cannot_be_changed() -> None:
    """What was verified stays as it was."""
    with pytest.raises(TypeError):
        believed(short()).metadata["onecard_region"]["issuer"] = "visited"  # type: ignore[index]  # the point of the test
