"""The seven standard operators of a metadata policy (OpenID Federation 1.0 section 6.1.3.1), each as rows of tables.

For each operator: what its operand may be, how two operands merge, with which operators it may stand and on what
condition, and what it does to a parameter. The order of `OPERATORS` is the order of application. None stands for null
in an operand, which only `value` may have, and for a parameter that is not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from trust.errors import MetadataPolicyError, PolicyConflictError
from trust.plain_json import Plain, canonical, is_plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Operand: TypeAlias = "Plain | None"
Values: TypeAlias = tuple[Plain, ...]

OPERATORS: Final[tuple[str, ...]] = ("value", "add", "default", "one_of", "subset_of", "superset_of", "essential")


def _set(value: Operand) -> set[str] | None:
    """Give the values of a list as a set of texts; None for what is no list."""
    return set(map(canonical, value)) if isinstance(value, tuple) else None


def _equal(one: Operand, other: Operand) -> bool:
    """Tell whether two values are the same; of lists the order does not count."""
    ours, theirs = _set(one), _set(other)
    return canonical(one) == canonical(other) if ours is None or theirs is None else ours == theirs


def _within(part: Operand, whole: Operand) -> bool:
    """Tell whether both are lists and the second has every value of the first."""
    ours, theirs = _set(part), _set(whole)
    return ours is not None and theirs is not None and ours <= theirs


def _among(value: Operand, values: Operand) -> bool:
    """Tell whether a value is one of a list."""
    return canonical(value) in (_set(values) or ())


def _union(one: Values, other: Values) -> Values:
    """Give the values of both lists, each once, those of the first in front."""
    found: dict[str, Plain] = {}
    for value in (*one, *other):
        found.setdefault(canonical(value), value)
    return tuple(found.values())


def _intersection(one: Values, other: Values) -> Values:
    """Give the values that both lists have, each once, in the order of the first."""
    return _union(tuple(value for value in one if _among(value, other)), ())


def _is_list(value: object) -> bool:
    """Accept a list of plain values."""
    return isinstance(value, list) and is_plain(value)


OPERANDS: Final[Mapping[str, Callable[[object], bool]]] = {
    "value": lambda value: value is None or is_plain(value),
    "add": _is_list,
    "default": is_plain,
    "one_of": lambda value: _is_list(value) and value != [],
    "subset_of": _is_list,
    "superset_of": _is_list,
    "essential": lambda value: isinstance(value, bool),
}
"""What the operand of each operator may be, as decoded from JSON."""


def _merge_equal(superior: Operand, subordinate: Operand) -> Operand:
    """Keep a value on which both agree."""
    if not _equal(superior, subordinate):
        raise PolicyConflictError(rule="equal operands")
    return superior


def _merge_union(superior: Operand, subordinate: Operand) -> Operand:
    """Demand or add what either names."""
    return _union(_listed(superior), _listed(subordinate))


def _merge_intersection(superior: Operand, subordinate: Operand) -> Operand:
    """Allow what both allow."""
    return _intersection(_listed(superior), _listed(subordinate))


def _merge_choice(superior: Operand, subordinate: Operand) -> Operand:
    """Allow what both allow, which must be something."""
    shared = _merge_intersection(superior, subordinate)
    if shared == ():
        raise PolicyConflictError(rule="nothing in common")
    return shared


def _listed(operand: Operand) -> Values:
    """Give an operand as the list that its check has shown it to be."""
    return operand if isinstance(operand, tuple) else ()


MERGES: Final[Mapping[str, Callable[[Operand, Operand], Operand]]] = {
    "value": _merge_equal,
    "add": _merge_union,
    "default": _merge_equal,
    "one_of": _merge_choice,
    "subset_of": _merge_intersection,
    "superset_of": _merge_union,
    "essential": lambda superior, subordinate: bool(superior) or bool(subordinate),
}
"""How the operand of a superior and that of a subordinate become one (PolicyConflictError where they cannot)."""


def _always(_one: Operand, _other: Operand) -> bool:
    """Let two operators stand together whatever they say."""
    return True


COMBINATIONS: Final[Mapping[tuple[str, str], Callable[[Operand, Operand], bool]]] = {
    ("value", "add"): lambda value, add: _within(add, value),
    ("value", "default"): lambda value, _: value is not None,
    ("value", "one_of"): _among,
    ("value", "subset_of"): _within,
    ("value", "superset_of"): lambda value, wanted: _within(wanted, value),
    ("value", "essential"): lambda value, essential: value is not None or essential is False,
    ("add", "default"): _always,
    ("add", "subset_of"): _within,
    ("add", "superset_of"): _always,
    ("default", "one_of"): _always,
    ("default", "subset_of"): _always,
    ("default", "superset_of"): _always,
    ("subset_of", "superset_of"): lambda allowed, wanted: _within(wanted, allowed),
    **{(operator, "essential"): _always for operator in OPERATORS[1:-1]},
}
"""Which two operators may stand together for one parameter, and when; a pair that is not here may not."""


def _apply_value(operand: Operand, _present: Operand) -> Operand:
    return operand


def _apply_add(operand: Operand, present: Operand) -> Operand:
    if present is None:
        return operand
    if not isinstance(present, tuple):
        raise MetadataPolicyError(rule="a list")
    return _union(present, _listed(operand))


def _apply_default(operand: Operand, present: Operand) -> Operand:
    return operand if present is None else present


def _apply_one_of(operand: Operand, present: Operand) -> Operand:
    if present is not None and not _among(present, operand):
        raise MetadataPolicyError(rule="one of the allowed")
    return present


def _apply_subset_of(operand: Operand, present: Operand) -> Operand:
    if present is None:
        return None
    if not isinstance(present, tuple):
        raise MetadataPolicyError(rule="a list")
    return _intersection(present, _listed(operand))


def _apply_superset_of(operand: Operand, present: Operand) -> Operand:
    if present is not None and not _within(operand, present):
        raise MetadataPolicyError(rule="all that is demanded")
    return present


def _apply_essential(operand: Operand, present: Operand) -> Operand:
    if present is None and operand is True:
        raise MetadataPolicyError(rule="present")
    return present


APPLICATIONS: Final[Mapping[str, Callable[[Operand, Operand], Operand]]] = {
    "value": _apply_value,
    "add": _apply_add,
    "default": _apply_default,
    "one_of": _apply_one_of,
    "subset_of": _apply_subset_of,
    "superset_of": _apply_superset_of,
    "essential": _apply_essential,
}
"""What an operator makes of a parameter (MetadataPolicyError where the parameter does not meet it)."""
