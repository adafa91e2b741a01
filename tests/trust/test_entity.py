"""Entity statements: what is signed is what is read, and the tables of claims are closed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from tests.trust.alliance import (
    COAST,
    DAY,
    HOME,
    KEYS,
    NOW,
    PROVINCE,
    SOUTHWEST,
    about,
    configuration,
    metadata,
    signed,
)
from tests.trust.forge import seal, text_of
from trust.constraints import Constraints
from trust.entity import ENTITY_STATEMENT_TYPE
from trust.errors import (
    BadSignatureError,
    ClaimInvalidError,
)
from trust.keys import KeyRing, SigningKey
from trust.metadata_policy import MetadataPolicy
from trust.statement import read_configuration, read_statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trust.entity import EntityClaims

MARK = "https://southwest.example/marks/joint-catalog"
FULL_CONFIGURATION = configuration(
    HOME,
    metadata=metadata(
        {"federation_entity": {"organization_name#zh-Hans": "机构", "n": 1, "f": False, "l": [{"a": "b"}]}}
    ),
    trust_marks={MARK: "a.b.c"},
    trust_mark_issuers={MARK: (SOUTHWEST, COAST)},
)
FULL_STATEMENT = about(
    SOUTHWEST,
    PROVINCE,
    metadata=metadata({"federation_entity": {"organization_name": "A"}}),
    metadata_policy=MetadataPolicy.from_json({"onecard_region": {"p": {"value": None, "essential": False}}}),
    constraints=Constraints(
        max_path_length=2, permitted=(".a.example",), excluded=("b.a.example",), allowed_entity_types=frozenset({"t"})
    ),
    source_endpoint="https://southwest.example/federation/fetch",
)
BARE_STATEMENT = about(SOUTHWEST, HOME, metadata_policy=MetadataPolicy(), constraints=Constraints())
ALL = (FULL_CONFIGURATION, configuration(COAST, metadata={}), FULL_STATEMENT, BARE_STATEMENT)


def head(claims: EntityClaims, **changes: object) -> dict[str, object]:
    """Give the header of a statement, with some members changed."""
    key = KEYS[claims.iss]
    return {"alg": key.algorithm, "kid": key.kid, "typ": ENTITY_STATEMENT_TYPE, **changes}


def forged(claims: EntityClaims, **changes: object) -> str:
    """Sign a statement with the key of its issuer and some claims changed, whatever they are; ... takes one away."""
    payload = {name: value for name, value in {**claims.to_payload(), **changes}.items() if value is not ...}
    return seal(text_of(head(claims)), text_of(payload), KEYS[claims.iss])


@pytest.mark.parametrize("claims", ALL)
def test_what_is_signed_is_what_is_read(claims: EntityClaims) -> None:
    """The claims come back equal, and the key of the issuer has signed them."""
    statement = read_statement(signed(claims))
    assert statement.claims == claims
    assert statement.proven_by([KEYS[claims.iss].public()]) == KEYS[claims.iss].public()
    assert type(claims).from_payload(claims.to_payload()) == claims


@pytest.mark.parametrize("claims", ALL)
def test_the_other_library_reads_our_statements(claims: EntityClaims) -> None:
    """A partner needs our published keys and no code of ours."""
    key = KEYS[claims.iss]
    keys = KeySet.import_key_set(KeyRing([key.public()]).jwks(claims.iss))  # type: ignore[arg-type]  # a JWK Set
    told = jws.deserialize_compact(signed(claims), keys, algorithms=[key.algorithm])
    assert json.loads(told.payload) == claims.to_payload()
    assert told.headers() == head(claims)


def test_a_configuration_is_read_with_the_key_that_signed_it() -> None:
    """A configuration proves at least that its signer has a key that it lists; a statement about others does not."""
    assert read_configuration(signed(FULL_CONFIGURATION)) == (FULL_CONFIGURATION, KEYS[HOME].public())
    with pytest.raises(ClaimInvalidError):
        read_configuration(signed(FULL_STATEMENT))
    other = SigningKey.generate("ES256", issuer=HOME, kid=KEYS[HOME].kid)
    with pytest.raises(BadSignatureError):
        read_configuration(seal(text_of(head(FULL_CONFIGURATION)), text_of(FULL_CONFIGURATION.to_payload()), other))


@pytest.mark.parametrize("claims", [FULL_CONFIGURATION, FULL_STATEMENT])
@pytest.mark.parametrize("claim", ["crit", "metadata_policy_crit", "jti", "aud", "trust_anchor", "Iss2", "nbf"])
def test_an_unknown_claim_refuses_the_statement(claims: EntityClaims, claim: str) -> None:
    """The tables are closed: nothing is believed by half, and what is critical to others is not passed over."""
    with pytest.raises(ClaimInvalidError) as caught:
        read_statement(forged(claims, **{claim: ["jti"]}))
    assert caught.value.metadata == {"claim": "other", "rule": "not in the table"}


@pytest.mark.parametrize("claims", [FULL_CONFIGURATION, FULL_STATEMENT])
@pytest.mark.parametrize("claim", ["iat", "exp", "onecard_version", "jwks"])
def test_a_missing_claim_refuses_the_statement(claims: EntityClaims, claim: str) -> None:
    """What the table requires must be there."""
    with pytest.raises(ClaimInvalidError) as caught:
        read_statement(forged(claims, **{claim: ...}))
    assert caught.value.metadata == {"claim": claim, "rule": "required"}


ENTITY_FAULTS: list[object] = [
    *("http://a.example", "https://A.example", "https://a.example/", "https://a.example?x", "https://a.example#x"),
    *("https://a..example", "https://-a.example", "https://a.example:0", "https://u@a.example", "a.example", ""),
    *("https://", "https://a.example/../b", "https://a.example//b", "https://a.example\n", "https://\u0430.example"),
    *("https://a.example/" + "b" * 128, 1, None, ["https://a.example"]),
]
VERSIONS: list[object] = [0, -1, True, 1.0, "1", 2**31]
TIMES: list[object] = [True, "1", 1.5, -1, 2**40, [NOW], None]


def rows(of: Sequence[EntityClaims], claim: str, *values: object) -> list[tuple[EntityClaims, str, object]]:
    """Give a row for each statement and value."""
    return [(claims, claim, value) for claims in of for value in values]


CONFIGURATION = [FULL_CONFIGURATION]
STATEMENT = [FULL_STATEMENT]
BOTH: list[EntityClaims] = [*CONFIGURATION, *STATEMENT]
NO_MARKS: list[object] = [
    *({}, [1], [{"trust_mark": "a"}], [{"trust_mark_type": MARK}], [{"trust_mark_type": MARK, "trust_mark": 1}]),
    [{"trust_mark_type": "mark", "trust_mark": "a"}],
    [{"trust_mark_type": MARK, "trust_mark": "a"}] * 2,
    [{"trust_mark_type": f"{MARK}/{n}", "trust_mark": "a"} for n in range(9)],
]
NO_CONSTRAINTS: list[object] = [
    *([], {"max_certs": 1}, {"max_path_length": -1}, {"max_path_length": 9}, {"max_path_length": True}),
    *({"max_path_length": "1"}, {"max_path_length": None}, {"naming_constraints": []}),
    *({"naming_constraints": {"permitted": "a"}}, {"naming_constraints": {"other": []}}),
    *({"naming_constraints": {"excluded": [name]}} for name in ("", ".", "A.a", "*.a", "a.", 1)),
    *({"allowed_entity_types": types} for types in ("t", ["T"], ["federation_entity"], [1])),
]
FAULTS = [
    *rows(STATEMENT, "iss", *ENTITY_FAULTS),
    *rows(STATEMENT, "sub", SOUTHWEST, *ENTITY_FAULTS),
    *rows(BOTH, "iat", *TIMES),
    *rows(BOTH, "exp", *TIMES),
    *rows(BOTH, "onecard_version", *VERSIONS),
    *rows(BOTH, "jwks", [], "x", None),
    *rows(BOTH, "metadata", [], {"T": {}}, {"t": 1}, {"t": []}, {"t": {"p": None}}, {"t": {"p": 1.5}}),
    *rows(BOTH, "metadata", *({"t": {"p": p}} for p in ("\x00", "\ud800", [None], {"": 1}, "x" * 4097))),
    *rows(CONFIGURATION, "authority_hints", [], [HOME], SOUTHWEST, {SOUTHWEST: 1}, [SOUTHWEST] * 2),
    *rows(CONFIGURATION, "authority_hints", [f"https://{n}.a" for n in "abcdefghi"], *([f] for f in ENTITY_FAULTS)),
    *rows(CONFIGURATION, "trust_marks", *NO_MARKS),
    *rows(CONFIGURATION, "trust_mark_issuers", [], {MARK: []}, {"mark": [SOUTHWEST]}),
    *rows(CONFIGURATION, "constraints", {}),
    *rows(CONFIGURATION, "metadata_policy", {}),
    *rows(STATEMENT, "authority_hints", [COAST]),
    *rows(STATEMENT, "trust_marks", []),
    *rows(STATEMENT, "metadata_policy", [], {"t": {"p": {"regexp": "x"}}}),
    *rows(STATEMENT, "source_endpoint", "ftp://a.example"),
    *rows(STATEMENT, "constraints", *NO_CONSTRAINTS),
]


@pytest.mark.parametrize(("claims", "claim", "value"), FAULTS)
def test_a_claim_against_its_rule_refuses_the_statement(claims: EntityClaims, claim: str, value: object) -> None:
    """Exact types and narrow forms; whatever is wrong is a claim that is not valid."""
    read_statement(forged(claims))
    with pytest.raises(ClaimInvalidError):
        read_statement(forged(claims, **{claim: value}))


@pytest.mark.parametrize("claims", [FULL_CONFIGURATION, FULL_STATEMENT])
def test_a_statement_lives_ninety_days_at_most(claims: EntityClaims) -> None:
    """A longer life would let an old statement be served for as long."""
    assert read_statement(signed(replace(claims, exp=claims.iat + 90 * DAY))).claims.exp == claims.iat + 90 * DAY
    for end in (claims.iat + 90 * DAY + 1, claims.iat, claims.iat - 1):
        with pytest.raises(ClaimInvalidError):
            read_statement(forged(claims, exp=end))
