"""The laws of metadata policies: merging is a meet, and the merged policy says what all of them say."""

from __future__ import annotations

from hypothesis import assume, given, reject
from hypothesis import strategies as st

from tests.trust.test_metadata_policy import KIND, of, one
from trust.errors import MetadataPolicyError, PolicyConflictError, TrustError
from trust.metadata_policy import MetadataPolicy
from trust.plain_json import canonical, thaw
from trust.policy_operators import OPERATORS

LETTERS = st.lists(st.sampled_from("abc"), unique=True, max_size=3)
OPERANDS = {
    "value": st.one_of(LETTERS, st.sampled_from(["a", "b", None])),
    "add": LETTERS,
    "default": st.one_of(LETTERS, st.sampled_from("ab")),
    "one_of": LETTERS.filter(bool),
    "subset_of": LETTERS,
    "superset_of": LETTERS,
    "essential": st.booleans(),
}


def attempt(*policies: MetadataPolicy) -> MetadataPolicy | None:
    """Merge from the left; None for a conflict."""
    merged = policies[0]
    for policy in policies[1:]:
        try:
            merged = merged.merged(policy)
        except PolicyConflictError:
            return None
    return merged


@st.composite
def policies(draw: st.DrawFn) -> MetadataPolicy:
    """Draw a policy for one parameter that does not contradict itself."""
    names = draw(st.lists(st.sampled_from(OPERATORS), unique=True, max_size=3))
    try:
        return one(**{name: draw(OPERANDS[name]) for name in names})
    except PolicyConflictError:
        return one()


def meaning(policy: MetadataPolicy | None) -> str:
    """Give a text that is the same for policies that say the same; lists are sets."""
    return canonical(None if policy is None else _sorted(policy.to_json()))


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {name: _sorted(member) for name, member in value.items()}
    return sorted(value, key=canonical) if isinstance(value, list) else value


@given(policies(), policies(), policies())
def test_merging_is_associative(a: MetadataPolicy, b: MetadataPolicy, c: MetadataPolicy) -> None:
    """However a chain is cut, the policy is the same, or the conflict is."""
    right = attempt(b, c)
    assert meaning(attempt(a, b, c)) == meaning(None if right is None else attempt(a, right))


@given(policies(), policies())
def test_merging_is_commutative_and_idempotent(a: MetadataPolicy, b: MetadataPolicy) -> None:
    """Who is the superior decides who is to blame, not what is demanded."""
    assert meaning(attempt(a, b)) == meaning(attempt(b, a))
    assert meaning(attempt(a, a)) == meaning(a)


@given(policies(), policies(), st.one_of(st.none(), LETTERS, st.sampled_from("abc")))
def test_applying_the_merged_policy_is_applying_both(a: MetadataPolicy, b: MetadataPolicy, value: object) -> None:
    """For policies that agree, one after the other gives the same, unless a default is there to be added to."""
    merged = attempt(a, b)
    assume(merged is not None)
    assume(not ("default" in a.types[KIND]["p"] and "add" in b.types[KIND]["p"]))
    before = {} if value is None else {"p": value}
    try:
        stepwise = b.applied(a.applied(of(before)))
    except MetadataPolicyError:
        reject()
    assert merged is not None
    assert canonical(_sorted(thaw(merged.applied(of(before))))) == canonical(_sorted(thaw(stepwise)))


@given(policies(), policies(), st.one_of(st.none(), LETTERS, st.sampled_from("abc")))
def test_a_subordinate_loosens_nothing(a: MetadataPolicy, b: MetadataPolicy, value: object) -> None:
    """What comes out under the merged policy passes every check of the superior's own."""
    merged = attempt(a, b)
    assume(merged is not None)
    assert merged is not None
    try:
        result = merged.applied(of({} if value is None else {"p": value}))
    except TrustError:
        return
    checks = {name: a.types[KIND]["p"][name] for name in a.types[KIND]["p"] if name not in {"value", "add", "default"}}
    again = MetadataPolicy({KIND: {"p": checks}}).applied(result)
    assert canonical(again) == canonical(result)
