"""Constraints that a superior puts on all below it (OpenID Federation 1.0 section 6.2): length, names, entity types.

A constraint that we do not know refuses the statement, where the standard lets it pass. One constraint is stricter
here than in the standard: who is given no `max_path_length` may not vouch for anybody, as if it were 0. An entity
becomes an intermediate only when its superior says so, and trust does not grow by being left unmentioned.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trust.claim_rules import Check, Rule, check_claims, host_of, is_list_of, is_object, is_text
from trust.errors import ClaimInvalidError
from trust.metadata_policy import ENTITY_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_NAMES: Final = 32
_MAX_LENGTH: Final = 8
_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DOMAIN: Final = re.compile(rf"\.?{_LABEL}(?:\.{_LABEL})*")

_is_domains: Final[Check] = is_list_of(is_text(_DOMAIN), at_least=0, at_most=_MAX_NAMES)
_TABLE: Final[Mapping[str, Rule]] = {
    "max_path_length": Rule("0 to 8", lambda value: type(value) is int and 0 <= value <= _MAX_LENGTH, required=False),
    "naming_constraints": Rule("object", is_object, required=False),
    "allowed_entity_types": Rule(
        "list of entity types", is_list_of(is_text(ENTITY_TYPE), at_least=0, at_most=_MAX_NAMES), required=False
    ),
}
_NAMING: Final[Mapping[str, Rule]] = {
    "permitted": Rule("list of domains", _is_domains, required=False),
    "excluded": Rule("list of domains", _is_domains, required=False),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraints:
    """What a superior demands of the subject of its statement and of all below it.

    `max_path_length` is how many intermediates may stand between the superior and the subject of a chain. Names are
    domains in lower case: `host.example` is that host, `.example` every host below it. `permitted` and
    `allowed_entity_types` allow everything when they are None and nothing when they are empty.
    """

    max_path_length: int = 0
    permitted: tuple[str, ...] | None = None
    excluded: tuple[str, ...] = ()
    allowed_entity_types: frozenset[str] | None = None

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Constraints:
        """Read the constraints as decoded from JSON.

        Raises:
            ClaimInvalidError: a constraint of the wrong kind, or one that is not known.
        """
        check_claims(document, _TABLE)
        naming, types = document.get("naming_constraints", {}), document.get("allowed_entity_types")
        check_claims(naming, _NAMING)
        if types is not None and "federation_entity" in types:
            raise ClaimInvalidError(claim="allowed_entity_types", rule="without federation_entity")
        return cls(
            max_path_length=document.get("max_path_length", 0),
            permitted=tuple(naming["permitted"]) if "permitted" in naming else None,
            excluded=tuple(naming.get("excluded", ())),
            allowed_entity_types=None if types is None else frozenset(types),
        )

    def to_json(self) -> dict[str, object]:
        """Write the constraints as they stand in a statement."""
        naming: dict[str, object] = {"excluded": list(self.excluded)} if self.excluded else {}
        if self.permitted is not None:
            naming["permitted"] = list(self.permitted)
        document: dict[str, object] = {"max_path_length": self.max_path_length}
        if naming:
            document["naming_constraints"] = naming
        if self.allowed_entity_types is not None:
            document["allowed_entity_types"] = sorted(self.allowed_entity_types)
        return document

    def allows_name(self, entity: str) -> bool:
        """Tell whether an entity may be so called; what is excluded stays excluded, whatever is permitted."""
        host = host_of(entity)
        if any(_covers(domain, host) for domain in self.excluded):
            return False
        return self.permitted is None or any(_covers(domain, host) for domain in self.permitted)


def _covers(domain: str, host: str) -> bool:
    """Tell whether a host is within a domain constraint (RFC 5280 section 4.2.1.10, for URIs)."""
    return host.endswith(domain) and host != domain[1:] if domain.startswith(".") else host == domain
