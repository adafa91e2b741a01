"""Metadata policies: what superiors demand of their subordinates' metadata (OpenID Federation 1.0 section 6.1).

A policy has three levels: entity type, metadata parameter, operator. Policies are merged from the anchor down. A merge
only ever narrows, and what would contradict is refused, so that a subordinate cannot loosen what a superior has said.
The seven standard operators are known and no other: an operator that we do not know refuses the policy, where the
standard lets it pass unless it is called critical. `scope` is a list written with spaces (section 6.1.3.1.8).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from types import MappingProxyType
from typing import Final, TypeAlias

from trust.errors import ClaimInvalidError, MetadataPolicyError, PolicyConflictError
from trust.plain_json import NAME, Plain, canonical, freeze, thaw
from trust.policy_operators import APPLICATIONS, COMBINATIONS, MERGES, OPERANDS, OPERATORS, Operand

ParameterPolicy: TypeAlias = Mapping[str, Operand]
"""Operator -> operand, for one parameter."""

Metadata: TypeAlias = Mapping[str, Mapping[str, Plain]]
"""Entity type -> parameter -> value, frozen."""

ENTITY_TYPE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_CLAIM: Final = "metadata_policy"
_SPACED: Final = "scope"


@dataclass(frozen=True, slots=True)
class MetadataPolicy:
    """A policy that has been checked whole: entity type -> parameter -> operator -> operand."""

    types: Mapping[str, Mapping[str, ParameterPolicy]] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def from_json(cls, document: object) -> MetadataPolicy:
        """Read a policy as decoded from JSON.

        Raises:
            ClaimInvalidError: not three levels of objects, an unknown operator, an operand of the wrong kind.
            PolicyConflictError: two operators of one parameter may not stand together, or not with these operands.
        """
        types: dict[str, Mapping[str, ParameterPolicy]] = {}
        for kind, parameters in _members(document, ENTITY_TYPE):
            policies = {name: _read_parameter(name, operators) for name, operators in _members(parameters, NAME)}
            types[kind] = MappingProxyType(policies)
        return cls(MappingProxyType(types))

    def to_json(self) -> dict[str, object]:
        """Write the policy as it stands in a statement."""
        return {kind: thaw(parameters) for kind, parameters in self.types.items()}

    def merged(self, subordinate: MetadataPolicy) -> MetadataPolicy:
        """Give the policy that both make together; this one is the superior's.

        Raises:
            PolicyConflictError: they contradict each other.
        """
        kinds = dict.fromkeys((*self.types, *subordinate.types))
        return MetadataPolicy(
            MappingProxyType(
                {kind: _merge_parameters(self.types.get(kind, {}), subordinate.types.get(kind, {})) for kind in kinds}
            )
        )

    def applied(self, metadata: Metadata) -> Metadata:
        """Give the metadata that the policy makes of this; entity types that are not there stay away.

        Raises:
            MetadataPolicyError: the metadata does not meet the policy.
        """
        return MappingProxyType(
            {kind: _apply_parameters(self.types.get(kind, {}), members) for kind, members in metadata.items()}
        )

    def fixes(self, kind: str, name: str, value: Plain) -> bool:
        """Tell whether the policy itself says that a parameter has this value and no other."""
        policy = self.types.get(kind, {}).get(name, {})
        return canonical((value,)) in {canonical((policy.get("value"),)), canonical(policy.get("one_of"))}


def _members(document: object, names: re.Pattern[str]) -> list[tuple[str, object]]:
    """Give the members of an object of good names."""
    if not isinstance(document, Mapping) or not all(map(names.fullmatch, document)):
        raise ClaimInvalidError(claim=_CLAIM, rule="objects in three levels")
    return list(document.items())


def _read_parameter(name: str, operators: object) -> ParameterPolicy:
    """Read the operators of one parameter."""
    policy: dict[str, Operand] = {}
    for operator, operand in _members(operators, NAME):
        accepts = OPERANDS.get(operator)
        if accepts is None:
            raise ClaimInvalidError(claim=_CLAIM, rule="standard operators")
        if not accepts(operand):
            raise ClaimInvalidError(claim=_CLAIM, rule=f"operand of {operator}")
        policy[operator] = _as_list(name, None if operand is None else freeze(operand))
    return _combined(policy)


def _combined(policy: dict[str, Operand]) -> ParameterPolicy:
    """Put the operators in their order and see that each two may stand together.

    Raises:
        PolicyConflictError: two may not.
    """
    ordered = {operator: policy[operator] for operator in OPERATORS if operator in policy}
    for one, other in combinations(ordered, 2):
        allows = COMBINATIONS.get((one, other))
        if allows is None or not allows(ordered[one], ordered[other]):
            raise PolicyConflictError(operator=other, rule=f"together with {one}")
    return MappingProxyType(ordered)


def _merge_parameters(
    superior: Mapping[str, ParameterPolicy], subordinate: Mapping[str, ParameterPolicy]
) -> Mapping[str, ParameterPolicy]:
    """Merge the parameter policies of one entity type."""
    names = dict.fromkeys((*superior, *subordinate))
    return MappingProxyType(
        {name: _merge_operators(superior.get(name, {}), subordinate.get(name, {})) for name in names}
    )


def _merge_operators(superior: ParameterPolicy, subordinate: ParameterPolicy) -> ParameterPolicy:
    """Merge the operators of one parameter."""
    merged = {**superior, **subordinate}
    for operator in superior.keys() & subordinate.keys():
        merged[operator] = _merge_operand(operator, superior[operator], subordinate[operator])
    return _combined(merged)


def _merge_operand(operator: str, superior: Operand, subordinate: Operand) -> Operand:
    """Merge two operands of one operator."""
    try:
        return MERGES[operator](superior, subordinate)
    except PolicyConflictError as error:
        raise PolicyConflictError(operator=operator, **error.metadata) from None


def _apply_parameters(policies: Mapping[str, ParameterPolicy], metadata: Mapping[str, Plain]) -> Mapping[str, Plain]:
    """Apply the parameter policies of one entity type."""
    result = dict(metadata)
    for name, policy in policies.items():
        value = _apply_operators(policy, _as_list(name, result.pop(name, None)))
        if value is not None:
            result[name] = " ".join(map(str, value)) if name == _SPACED and isinstance(value, tuple) else value
    return MappingProxyType(result)


def _apply_operators(policy: ParameterPolicy, value: Operand) -> Operand:
    """Apply the operators of one parameter, in their order."""
    for operator, operand in policy.items():
        try:
            value = APPLICATIONS[operator](operand, value)
        except MetadataPolicyError as error:
            raise MetadataPolicyError(operator=operator, **error.metadata) from None
    return value


def _as_list(name: str, value: Operand) -> Operand:
    """Give the list that a text of `scope` stands for; anything else as it is."""
    return tuple(value.split()) if name == _SPACED and isinstance(value, str) else value


def resolve_metadata(
    own: Metadata, *, superior: Metadata, allowed_types: frozenset[str] | None, policy: MetadataPolicy
) -> Metadata:
    """Give the metadata of an entity as its federation has it (sections 3.1.1, 6.1.4.2 and 6.2.3).

    In this order: what the immediate superior states replaces what the entity says, for entity types that the entity
    has; types that a constraint does not allow go, but for `federation_entity`; the merged policy is applied.

    Raises:
        MetadataPolicyError: the metadata does not meet the policy.
    """
    stated = {kind: MappingProxyType({**members, **superior.get(kind, {})}) for kind, members in own.items()}
    if allowed_types is not None:
        stated = {kind: stated[kind] for kind in stated if kind in allowed_types or kind == "federation_entity"}
    return policy.applied(stated)
