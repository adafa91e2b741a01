"""What fields of an identity form are made of: where a field lies on both sides, and what reads and writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from adapters.canonical import Card, Holder, Loss
from adapters.errors import MalformedFieldError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapters.manifest import FieldSpec, Manifest
    from adapters.words import LossKind

    Read: TypeAlias = Callable[[str], object]
    Write: TypeAlias = Callable[[Any], str | Loss | None]

UNMAPPABLE = "The region's code table has no equal value; the field was left out."
TOO_LONG = "The value is longer than the region's form allows; the field was left out."


@dataclass(frozen=True, slots=True)
class SingleField:
    """Field that is one text, as most are. Each identity calls its functions, so they are made once and are bare.

    `read` makes the value of a text that is not empty, or None where the text tells nothing after all; it raises
    MalformedFieldError or MalformedNumberError. `write` makes the text of a value, or the loss.
    """

    path: str
    key: str
    read: Read
    write: Write
    label: tuple[str, Write] | None = None
    """Name of a sibling for people, and what makes its text; None where a value has no label."""


class CompoundField(Protocol):
    """Field that needs more of the record than one text."""

    path: str
    keys: tuple[str, ...]

    def read(self, record: Mapping[str, str], into: dict[str, object]) -> None:
        """Put the neutral value under its name; leave it out where the record has none."""

    def write(self, source: Holder | Card, record: dict[str, str], losses: list[Loss]) -> None:
        """Put the region's text into the record, or a loss into the list; `source` is a Holder or Card."""


class Place:
    """Where a field lies on both sides."""

    def __init__(self, spec: FieldSpec, manifest: Manifest) -> None:
        """Take a field of a region's manifest."""
        self.path = spec.path
        self.part, _, self.name = spec.path.partition(".")
        self.region = manifest.region
        self.key = spec.key
        self.keys = spec.keys
        self.field = f"fields[{spec.key}]"

    def loss(self, kind: LossKind, detail: str) -> Loss:
        """Make a loss of this field."""
        return Loss(self.path, kind, detail)

    def bad(self, rule: str) -> MalformedFieldError:
        """Make the error of a text that this field cannot read."""
        return MalformedFieldError(field=self.field, rule=rule, region=self.region)
