"""Translates a card identity from one region's form to another's. Pure: asks nobody and keeps nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.errors import UndecodableTextError
from gateway.errors import CallerRegionError, InvalidFieldError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.adapter import ManifestAdapter
    from adapters.canonical import CardIdentity, RegionalIdentity
    from adapters.registry import Registry


@dataclass(frozen=True, slots=True)
class Translation:
    """The neutral form in the middle, the target's form, and its text where asked for."""

    canonical: CardIdentity
    regional: RegionalIdentity
    text: str


class TranslateIdentity:
    """The use case."""

    def __init__(self, registry: Registry) -> None:
        """Take the installed regions."""
        self._registry = registry

    def __call__(
        self,
        *,
        caller_region: str,
        source_region: str,
        fields: Mapping[str, str],
        text: str,
        target_region: str,
        include_text: bool,
    ) -> Translation:
        """Translate; `fields` or `text` is the source, exactly one of them.

        Raises CallerRegionError unless the caller's region is one of the two, UnknownRegionError, InvalidFieldError,
        MalformedFieldError, MissingFieldError and MalformedNumberError.
        """
        if caller_region not in (source_region, target_region):
            raise CallerRegionError(region=caller_region)
        source = self._registry.get(source_region)
        target = self._registry.get(target_region)
        if bool(fields) == bool(text):
            raise InvalidFieldError(("source", "fields_or_text"))
        record = fields or _parsed(source, text)
        canonical = source.identity_to_canonical(record)
        regional = target.identity_from_canonical(canonical)
        return Translation(canonical, regional, target.write_text(regional.fields) if include_text else "")


def _parsed(source: ManifestAdapter, text: str) -> Mapping[str, str]:
    """Read the source's text form; the dialect names the rule that is broken, and here we know the field."""
    try:
        return source.parse_text(text)
    except UndecodableTextError as error:
        raise InvalidFieldError(("source.text", error.metadata.get("rule", ""))) from None
