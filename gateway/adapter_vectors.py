"""A region's folder as its author wrote it, before anything of it is believed: texts, translator, vectors."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from adapters.adapter import VERBS
from adapters.canonical import FIELD_PATHS, CardIdentity, Document, RomanisedName
from adapters.errors import UnknownRegionError
from adapters.identifiers import DivisionCode, Identifier
from adapters.registry import MANIFEST, PACKAGE
from adapters.taxonomy import FILE, Taxonomy

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

TEXTS = (MANIFEST, "catalog.csv", "vectors.json")


@dataclass(frozen=True, slots=True)
class RegionFolder:
    """What lies in the folder of one region. A text that is not there is empty; `faults` are file and fault."""

    region: str
    manifest: str = field(repr=False)
    catalog: str = field(repr=False)
    vectors: str = field(repr=False)
    translator: object | None = None
    faults: tuple[tuple[str, str], ...] = ()


def read_region(region: str) -> RegionFolder:
    """Read the folder of a region beside the adapters' own files (UnknownRegionError names those that are there)."""
    folders = {f.name: f for f in files(PACKAGE).iterdir() if f.joinpath(MANIFEST).is_file()}
    if region not in folders:
        raise UnknownRegionError(known=", ".join(sorted(folders)))
    faults: list[tuple[str, str]] = []
    manifest, catalog, vectors = (_text(folders[region], name, faults) for name in TEXTS)
    translator = _translator(folders[region], faults)
    return RegionFolder(region, manifest, catalog, vectors, translator, tuple(faults))


def read_taxonomy() -> Taxonomy:
    """Read the neutral taxonomy that ships with the adapters (RegionDataError)."""
    return Taxonomy.from_csv(files(PACKAGE).joinpath(FILE).read_text("utf-8"))


def _text(folder: Traversable, name: str, faults: list[tuple[str, str]]) -> str:
    try:
        return folder.joinpath(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        faults.append((name, f"cannot be read as UTF-8 text ({type(error).__name__})"))
        return ""


def _translator(folder: Traversable, faults: list[tuple[str, str]]) -> object | None:
    """Load the region's own code where it has any; what is wrong with it is the region's fault and not ours."""
    if not folder.joinpath("translator.py").is_file():
        return None
    try:
        module = importlib.import_module(f"{PACKAGE}.{folder.name}.translator")
    except (ImportError, SyntaxError, NameError, AttributeError, LookupError, TypeError, ValueError) as error:
        faults.append(("translator.py", f"cannot be loaded ({type(error).__name__})"))
        return None
    if not any(hasattr(module, verb) for verb in VERBS):
        faults.append(("translator.py", f"defines none of {', '.join(VERBS)}"))
    return module


class _Part(BaseModel):
    """Base of all parts: frozen, unknown names refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Reading(_Part):
    """A record that must be read as this neutral form; the names of `canonical` are neutral fields."""

    id: str = Field(min_length=1)
    record: dict[str, str] = Field(min_length=1, repr=False)
    canonical: dict[str, dict[str, Any]] = Field(repr=False)
    note: str = ""

    @property
    def told(self) -> dict[str, object]:
        """The neutral form by field path, empty fields left out."""
        values = {f"{part}.{name}": value for part, inner in self.canonical.items() for name, value in inner.items()}
        return {path: sorted(v) if path == _SUSPENDED else v for path, v in values.items() if v not in (None, [], "")}


class RoundTrip(Reading):
    """A record that is read so and written again, less `losses`: neutral field to kind of loss."""

    losses: dict[str, str] = Field(default_factory=dict)


class Refusal(_Part):
    """A record that must be refused: type of the error, the field it names and the rule it tells."""

    id: str = Field(min_length=1)
    record: dict[str, str] = Field(repr=False)
    error: str = Field(min_length=1)
    field: str
    rule: str
    note: str = ""


class Vectors(_Part):
    """All synthetic examples of a region. Nobody in them exists, and `note` says so."""

    note: str = Field(pattern=r"^Synthetic\.")
    round_trips: tuple[RoundTrip, ...] = Field(min_length=20)
    readings: tuple[Reading, ...] = ()
    refusals: tuple[Refusal, ...] = Field(min_length=10)


_SUSPENDED = "card.suspended_functions"


def neutral_fields(identity: CardIdentity) -> dict[str, object]:
    """Give an identity by field path in the words of the vectors, empty fields left out. Contains personal data."""
    values = ((path, *path.split(".")) for path in FIELD_PATHS)
    told = {path: _plain(getattr(getattr(identity, part), name)) for path, part, name in values}
    return {path: value for path, value in told.items() if value not in (None, [], "")}


def _plain(value: object) -> object:
    """Write one value as JSON has it."""
    match value:
        case Identifier():
            return value.reveal()
        case DivisionCode():
            return value.value
        case Document():
            return {"type": value.type.value, "number": value.number.reveal()}
        case RomanisedName():
            given = {} if value.given is None else {"given": value.given.reveal()}
            return {"surname": value.surname.reveal(), **given}
        case tuple():
            return [_plain(one) for one in value]
        case frozenset():
            return sorted(str(one) for one in value)
        case None:
            return None
        case _:
            return str(value)
