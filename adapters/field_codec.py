"""What every field of an identity form has: the codec's two verbs, and where the field lies on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from adapters.canonical import Card, Holder, Loss
from adapters.errors import MalformedFieldError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.manifest import FieldSpec, Manifest
    from adapters.words import LossKind

UNMAPPABLE = "The region's code table has no equal value; the field was left out."
TOO_LONG = "The value is longer than the region's form allows; the field was left out."


class FieldCodec(Protocol):
    """Reads one neutral field from a record and writes it into one."""

    path: str
    part: str
    keys: tuple[str, ...]

    def read(self, record: Mapping[str, str], into: dict[str, object]) -> None:
        """Put the neutral value under its name; leave it out where the record has none."""

    def write(self, source: Holder | Card, record: dict[str, str], losses: list[Loss]) -> None:
        """Put the region's text into the record, or a loss into the list; `source` is a Holder or Card."""


class FieldBase:
    """What all codecs share: where the field lies on both sides."""

    def __init__(self, spec: FieldSpec, manifest: Manifest) -> None:
        self.path = spec.path
        self.part, _, self.name = spec.path.partition(".")
        self.region = manifest.region
        self.key = spec.key
        self.keys = spec.keys
        self.field = f"fields[{spec.key}]"
        self.max_length = spec.max_length

    def loss(self, kind: LossKind, detail: str) -> Loss:
        """Make a loss of this field."""
        return Loss(self.path, kind, detail)

    def bad(self, rule: str) -> MalformedFieldError:
        """Make the error of a text that this field cannot read."""
        return MalformedFieldError(field=self.field, rule=rule, region=self.region)
