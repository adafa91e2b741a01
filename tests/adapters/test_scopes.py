"""The algebra of scopes, held against real sets: whatever is proved is true, and whatever can be proved is."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.scopes import MIRROR, Scope, smallest_cover
from adapters.words import Relation

# A small world: three types of two things each, and two things outside every type.
TYPES = {"A.A": frozenset({1, 2}), "B.B": frozenset({3, 4}), "C.C": frozenset({5, 6})}
OUTSIDE = frozenset({7, 8})
THINGS = frozenset(range(1, 9))

sets = st.frozensets(st.sampled_from(sorted(THINGS)), min_size=1)
codes = st.frozensets(st.sampled_from(["A.A", "B.B", "C.C", "D.D"]))
scopes = st.builds(lambda whole, part, residue: Scope(whole, part - whole, residue), codes, codes, st.booleans())


def scope_of(things: frozenset[int]) -> Scope:
    """Tell of a set only what a catalog tells of an item."""
    whole = frozenset(code for code, members in TYPES.items() if members <= things)
    part = frozenset(code for code, members in TYPES.items() if members & things and not members <= things)
    return Scope(whole, part, bool(things & OUTSIDE))


def truth(one: frozenset[int], other: frozenset[int]) -> Relation:
    """Give the true relation of two sets."""
    if one == other:
        return Relation.EXACT
    if one > other or one < other:
        return Relation.BROADER if one > other else Relation.NARROWER
    return Relation.OVERLAPPING if one & other else Relation.NONE


@given(sets, sets)
def test_what_is_proved_is_true(one: frozenset[int], other: frozenset[int]) -> None:
    """Exact, broader and narrower are the truth; overlapping means that something is common."""
    proved = scope_of(one).relation_to(scope_of(other))
    if proved in {Relation.EXACT, Relation.BROADER, Relation.NARROWER}:
        assert proved is truth(one, other)
    if proved is Relation.OVERLAPPING:
        assert one & other


@given(
    st.frozensets(st.sampled_from(sorted(TYPES)), min_size=1), st.frozensets(st.sampled_from(sorted(TYPES)), min_size=1)
)
def test_unions_of_whole_types_are_always_decided(one: frozenset[str], other: frozenset[str]) -> None:
    """Where both consist of whole types, the proved relation is the true one."""
    first, second = (frozenset[int]().union(*(TYPES[code] for code in some)) for some in (one, other))
    assert Scope(one).relation_to(Scope(other)) is truth(first, second)


@pytest.mark.parametrize("one", [Scope(frozenset({"A.A"}), frozenset({"B.B"})), Scope(part=frozenset({"A.A"}))])
def test_a_proof_that_does_not_exist_is_not_claimed(one: Scope) -> None:
    """For each inclusion that is not proved there are two sets with these scopes for which it is false."""
    world = [frozenset(things) for n in range(1, 9) for things in combinations(sorted(THINGS), n)]
    mine = [things for things in world if scope_of(things) == one]
    for other in {scope_of(things) for things in world}:
        theirs = [things for things in world if scope_of(things) == other]
        assert one.within(other) == all(a <= b for a in mine for b in theirs)
        assert bool(one.shared(other)) == all(a & b for a in mine for b in theirs)


@given(scopes, scopes)
@example(Scope(), Scope())
@example(Scope(), Scope(frozenset({"A.A"})))
def test_the_reverse_question_has_the_mirrored_answer(one: Scope, other: Scope) -> None:
    """Broader and narrower change places, the rest stay."""
    assert one.relation_to(other) is MIRROR[other.relation_to(one)]
    assert one.shared(other) == other.shared(one)


@given(scopes, scopes, scopes)
def test_inclusion_is_transitive(one: Scope, two: Scope, three: Scope) -> None:
    """What lies within what lies within a third lies within the third."""
    if one.within(two) and two.within(three):
        assert one.within(three)


@given(scopes)
def test_a_scope_of_whole_types_alone_equals_itself(one: Scope) -> None:
    """Parts and residue may differ from their like, so nothing more is proved of them."""
    certain = bool(one.whole) and not one.part and not one.residue
    assert (one.relation_to(one) is Relation.EXACT) == certain


def test_mirroring_twice_changes_nothing() -> None:
    """For every relation."""
    assert all(MIRROR[MIRROR[relation]] is relation for relation in Relation)


wanted_types = st.frozensets(st.sampled_from("abcde"), min_size=1)
offer_lists = st.lists(st.tuples(st.frozensets(st.sampled_from("abcdef")), st.booleans()), max_size=7)


@given(wanted_types, offer_lists)
def test_the_smallest_cover_is_the_best_of_all_covers(
    wanted: frozenset[str], offers: list[tuple[frozenset[str], bool]]
) -> None:
    """Fewest offers, then fewest that reach beyond, then the first positions: as by trying every set."""
    covers = [
        (size, sum(offers[n][1] for n in chosen), chosen)
        for size in range(1, len(offers) + 1)
        for chosen in combinations(range(len(offers)), size)
        if wanted <= frozenset[str]().union(*(offers[n][0] for n in chosen))
    ]
    assert smallest_cover(wanted, offers) == (min(covers)[2] if covers else ())


def test_covers_of_one_size_are_all_weighed() -> None:
    """The first cover found has the widest offer; another of the same size stands earlier."""
    offers = [(frozenset(types), False) for types in ("a", "bc", "c", "ab")]
    assert smallest_cover(frozenset("abc"), offers) == (0, 1)


def test_a_bounded_search_still_gives_a_cover() -> None:
    """With no steps to spare, the first cover found is given, though a smaller one exists."""
    offers = [(frozenset(types), False) for types in ("abc", "ade", "bcf", "d", "e", "f", "def")]
    wanted = frozenset("abcdef")
    hasty = smallest_cover(wanted, offers, limit=1)
    assert wanted <= frozenset[str]().union(*(offers[n][0] for n in hasty))
    assert smallest_cover(wanted, offers) == (0, 6)


def test_many_single_offers_are_found_at_once() -> None:
    """A source of many types with one candidate each needs one step for each."""
    codes_wanted = [f"T.X{n}" for n in range(60)]
    offers = [(frozenset({code}), False) for code in codes_wanted]
    assert smallest_cover(frozenset(codes_wanted), offers, limit=61) == tuple(range(60))
