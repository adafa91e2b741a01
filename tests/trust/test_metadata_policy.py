"""Metadata policies: the example and the tables of the standard, operator by operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from trust.errors import ClaimInvalidError, MetadataPolicyError, PolicyConflictError
from trust.metadata_policy import Metadata, MetadataPolicy, resolve_metadata
from trust.plain_json import canonical, freeze, thaw
from trust.policy_operators import COMBINATIONS, OPERATORS

if TYPE_CHECKING:
    from collections.abc import Mapping

KIND = "openid_relying_party"

# OpenID Federation 1.0 section 6.1.5.
ANCHOR = {
    "grant_types": {
        "default": ["authorization_code"],
        "subset_of": ["authorization_code", "refresh_token"],
        "superset_of": ["authorization_code"],
    },
    "token_endpoint_auth_method": {"one_of": ["private_key_jwt", "self_signed_tls_client_auth"], "essential": True},
    "token_endpoint_auth_signing_alg": {"one_of": ["PS256", "ES256"]},
    "subject_type": {"value": "pairwise"},
    "contacts": {"add": ["helpdesk@federation.example.org"]},
}
INTERMEDIATE = {
    "grant_types": {"subset_of": ["authorization_code"]},
    "token_endpoint_auth_method": {"one_of": ["self_signed_tls_client_auth"]},
    "contacts": {"add": ["helpdesk@org.example.org"]},
}
MERGED = {
    "grant_types": {
        "default": ["authorization_code"],
        "superset_of": ["authorization_code"],
        "subset_of": ["authorization_code"],
    },
    "token_endpoint_auth_method": {"one_of": ["self_signed_tls_client_auth"], "essential": True},
    "token_endpoint_auth_signing_alg": {"one_of": ["PS256", "ES256"]},
    "subject_type": {"value": "pairwise"},
    "contacts": {"add": ["helpdesk@federation.example.org", "helpdesk@org.example.org"]},
}
STATED = {
    "sector_identifier_uri": "https://org.example.org/sector-ids.json",
    "policy_uri": "https://org.example.org/policy.html",
}
OWN = {
    "redirect_uris": ["https://rp.example.org/callback"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "self_signed_tls_client_auth",
    "contacts": ["rp_admins@rp.example.org"],
}
RESOLVED = {
    "redirect_uris": ["https://rp.example.org/callback"],
    "grant_types": ["authorization_code"],
    "response_types": ["code"],
    "token_endpoint_auth_method": "self_signed_tls_client_auth",
    "subject_type": "pairwise",
    "sector_identifier_uri": "https://org.example.org/sector-ids.json",
    "policy_uri": "https://org.example.org/policy.html",
    "contacts": ["rp_admins@rp.example.org", "helpdesk@federation.example.org", "helpdesk@org.example.org"],
}


def read(parameters: object) -> MetadataPolicy:
    """Read a policy for one entity type."""
    return MetadataPolicy.from_json({KIND: parameters})


def one(**operators: object) -> MetadataPolicy:
    """Read a policy for the parameter `p`."""
    return read({"p": operators})


def of(parameters: Mapping[str, object]) -> Metadata:
    """Freeze the metadata of one entity type."""
    return freeze({KIND: parameters})  # type: ignore[return-value]  # two levels of objects


def applied(policy: MetadataPolicy, parameters: Mapping[str, object]) -> object:
    """Apply a policy to the parameters of one entity type."""
    return thaw(policy.applied(of(parameters))[KIND])


def refusal(policy: MetadataPolicy, parameters: Mapping[str, object]) -> dict[str, str]:
    """Give the metadata of the error with which metadata is refused."""
    with pytest.raises(MetadataPolicyError) as caught:
        policy.applied(of(parameters))
    return caught.value.metadata


def test_the_example_of_the_standard() -> None:
    """Merging and resolving give what the standard prints."""
    policy = read(ANCHOR).merged(read(INTERMEDIATE))
    assert canonical(policy.to_json()) == canonical({KIND: MERGED})
    resolved = resolve_metadata(of(OWN), superior=of(STATED), allowed_types=None, policy=policy)
    assert canonical(resolved) == canonical({KIND: RESOLVED})


@pytest.mark.parametrize(
    ("essential", "given_values", "left"),
    [
        (True, ["a", "e"], ["a"]),
        (False, ["a", "e"], ["a"]),
        (True, ["d", "e"], []),
        (False, ["d", "e"], []),
        (False, None, None),
    ],
)
def test_subset_of_with_essential(*, essential: bool, given_values: list[str] | None, left: list[str] | None) -> None:
    """The table of section 6.1.3.1.8: an empty intersection is a value, an absent parameter is none."""
    policy = one(essential=essential, subset_of=["a", "b", "c"])
    assert applied(policy, {} if given_values is None else {"p": given_values}) == ({} if left is None else {"p": left})


def test_an_essential_parameter_must_be_there() -> None:
    """The line of the same table that ends in an error."""
    assert refusal(one(essential=True, subset_of=["a"]), {}) == {"operator": "essential", "rule": "present"}


@pytest.mark.parametrize(
    ("operators", "before", "after"),
    [
        ({"value": "x"}, {}, {"p": "x"}),
        ({"value": "x"}, {"p": ["y"]}, {"p": "x"}),
        ({"value": None}, {"p": "y"}, {}),
        ({"value": False}, {"p": 0}, {"p": False}),
        ({"add": ["a"]}, {}, {"p": ["a"]}),
        ({"add": ["a", "b"]}, {"p": ["b", "c"]}, {"p": ["b", "c", "a"]}),
        ({"add": [{"k": 1}]}, {"p": [{"k": 1}]}, {"p": [{"k": 1}]}),
        ({"default": 3}, {}, {"p": 3}),
        ({"default": 3}, {"p": 4}, {"p": 4}),
        ({"one_of": ["a", "b"]}, {"p": "b"}, {"p": "b"}),
        ({"one_of": ["a"]}, {}, {}),
        ({"superset_of": ["a"]}, {"p": ["b", "a"]}, {"p": ["b", "a"]}),
        ({"superset_of": ["a"]}, {}, {}),
        ({"essential": False}, {}, {}),
        ({"essential": True}, {"p": {"k": []}}, {"p": {"k": []}}),
    ],
)
def test_what_operators_do(
    operators: Mapping[str, object], before: Mapping[str, object], after: Mapping[str, object]
) -> None:
    """Each operator sets, adds, removes or checks what the standard says."""
    assert canonical(applied(one(**operators), before)) == canonical(after)


@pytest.mark.parametrize(
    ("operators", "before", "operator"),
    [
        ({"add": ["a"]}, {"p": "a"}, "add"),
        ({"one_of": ["a"]}, {"p": "b"}, "one_of"),
        ({"one_of": [1]}, {"p": True}, "one_of"),
        ({"subset_of": ["a"]}, {"p": "a"}, "subset_of"),
        ({"superset_of": ["a"]}, {"p": ["b"]}, "superset_of"),
        ({"superset_of": ["a"]}, {"p": "a"}, "superset_of"),
    ],
)
def test_what_operators_refuse(operators: Mapping[str, object], before: Mapping[str, object], operator: str) -> None:
    """Metadata that an operator does not accept is refused, by the name of the operator."""
    assert refusal(one(**operators), before)["operator"] == operator


def test_scope_is_a_list_written_with_spaces() -> None:
    """Section 6.1.3.1.8: operators see a list, the result is a text again."""
    policy = read({"scope": {"subset_of": ["openid", "email"], "superset_of": ["openid"]}})
    assert applied(policy, {"scope": "openid email phone"}) == {"scope": "openid email"}
    assert applied(read({"scope": {"default": "openid email"}}), {}) == {"scope": "openid email"}
    assert applied(policy, {}) == {}


@pytest.mark.parametrize(
    ("document", "rule"),
    [
        ([], "objects in three levels"),
        ({KIND: []}, "objects in three levels"),
        ({"Kind": {}}, "objects in three levels"),
        ({KIND: {"p": "value"}}, "objects in three levels"),
        ({KIND: {"": {}}}, "objects in three levels"),
        ({KIND: {"p": {"regexp": "x"}}}, "standard operators"),
        ({KIND: {"p": {"Value": "x"}}}, "standard operators"),
        ({KIND: {"p": {"add": "x"}}}, "operand of add"),
        ({KIND: {"p": {"add": [None]}}}, "operand of add"),
        ({KIND: {"p": {"one_of": []}}}, "operand of one_of"),
        ({KIND: {"p": {"default": None}}}, "operand of default"),
        ({KIND: {"p": {"value": 0.5}}}, "operand of value"),
        ({KIND: {"p": {"essential": 1}}}, "operand of essential"),
    ],
)
def test_what_is_no_policy(document: object, rule: str) -> None:
    """A policy has three levels, the seven operators, and operands of their kinds."""
    with pytest.raises(ClaimInvalidError) as caught:
        MetadataPolicy.from_json(document)
    assert caught.value.metadata == {"claim": "metadata_policy", "rule": rule}


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ({"value": ["a", "b"], "add": ["a"]}, {"value": ["b"], "add": ["a"]}),
        ({"value": "a", "default": "b"}, {"value": None, "default": "b"}),
        ({"value": "a", "one_of": ["a", "b"]}, {"value": "c", "one_of": ["a", "b"]}),
        ({"value": ["a"], "subset_of": ["a", "b"]}, {"value": ["c"], "subset_of": ["a", "b"]}),
        ({"value": ["a", "b"], "superset_of": ["a"]}, {"value": ["b"], "superset_of": ["a"]}),
        ({"value": None, "essential": False}, {"value": None, "essential": True}),
        ({"add": ["a"], "subset_of": ["a", "b"]}, {"add": ["c"], "subset_of": ["a", "b"]}),
        ({"subset_of": ["a", "b"], "superset_of": ["a"]}, {"subset_of": ["b"], "superset_of": ["a"]}),
        ({"add": ["a"], "default": ["b"], "superset_of": ["c"]}, {"add": ["a"], "one_of": ["a"]}),
        ({"default": "a", "one_of": ["b"]}, {"one_of": ["a"], "subset_of": ["a"]}),
        ({"default": ["a"], "subset_of": ["b"]}, {"one_of": ["a"], "superset_of": ["a"]}),
        ({"value": ["a"], "subset_of": ["a"]}, {"value": "a", "subset_of": ["a"]}),
    ],
)
def test_which_operators_stand_together(good: Mapping[str, object], bad: Mapping[str, object]) -> None:
    """Each combination that has a condition is accepted when it holds and a conflict when it does not."""
    assert set(one(**good).types[KIND]["p"]) == set(good)
    with pytest.raises(PolicyConflictError):
        one(**bad)


def test_every_pair_is_decided() -> None:
    """Only three pairs may never stand together; the table names all others."""
    pairs = {(a, b) for i, a in enumerate(OPERATORS) for b in OPERATORS[i + 1 :]}
    assert pairs - set(COMBINATIONS) == {("add", "one_of"), ("one_of", "subset_of"), ("one_of", "superset_of")}
    assert set(COMBINATIONS) <= pairs


@pytest.mark.parametrize(
    ("superior", "subordinate", "operator"),
    [
        ({"value": "a"}, {"value": "b"}, "value"),
        ({"value": 1}, {"value": True}, "value"),
        ({"value": ["a"]}, {"value": "a"}, "value"),
        ({"default": "a"}, {"default": "b"}, "default"),
        ({"one_of": ["a"]}, {"one_of": ["b"]}, "one_of"),
        ({"superset_of": ["a"]}, {"subset_of": ["b"]}, "superset_of"),
        ({"one_of": ["a"]}, {"subset_of": ["a"]}, "subset_of"),
    ],
)
def test_contradictions_are_found(
    superior: Mapping[str, object], subordinate: Mapping[str, object], operator: str
) -> None:
    """Two policies that cannot both be met are a conflict, by the name of the operator."""
    with pytest.raises(PolicyConflictError) as caught:
        one(**superior).merged(one(**subordinate))
    assert caught.value.metadata["operator"] == operator


def test_lists_are_sets_to_a_merge() -> None:
    """The order of a list is no difference, and the superior's is kept."""
    assert one(value=["a", "b"]).merged(one(value=["b", "a"])).to_json() == {KIND: {"p": {"value": ["a", "b"]}}}


def test_what_one_policy_leaves_open_the_other_fills() -> None:
    """Types, parameters and operators of either side stand in the merged policy."""
    other = MetadataPolicy.from_json({"t": {"q": {"essential": True}}, KIND: {"q": {"add": ["a"]}}})
    merged = one(add=["b"]).merged(other)
    assert merged.to_json() == {KIND: {"p": {"add": ["b"]}, "q": {"add": ["a"]}}, "t": {"q": {"essential": True}}}


def test_a_policy_makes_no_entity_type() -> None:
    """An entity does not become what its superior has a policy for, nor by what a superior states."""
    assert one(value="x").applied(freeze({"t": {}})) == {"t": {}}  # type: ignore[arg-type]  # two levels of objects
    resolved = resolve_metadata(of({}), superior={"t": {"a": 1}}, allowed_types=None, policy=MetadataPolicy())
    assert set(resolved) == {KIND}


@pytest.mark.parametrize(
    ("operators", "fixed"),
    [
        ({"value": "a"}, True),
        ({"one_of": ["a"]}, True),
        ({"one_of": ["a", "b"]}, False),
        ({"default": "a"}, False),
        ({"value": ["a"]}, False),
        ({"value": None}, False),
        ({}, False),
    ],
)
def test_what_a_policy_fixes(operators: Mapping[str, object], *, fixed: bool) -> None:
    """Only a value, or a choice of one, leaves nothing to the entity."""
    assert one(**operators).fixes(KIND, "p", "a") is fixed
    assert not one(**operators).fixes(KIND, "q", "a")
