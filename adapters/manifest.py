"""The manifest of a region: everything about its dialect that data can say, checked whole before anything runs.

A fault anywhere refuses the manifest, and one report names all of them. Tables go from the region's raw value to the
neutral one; where two raw values mean the same, the first is the one we write.
"""

from __future__ import annotations

import tomllib
from datetime import date  # noqa: TC003 - pydantic reads annotations at run time
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError, model_validator

from adapters.canonical import FIELD_PATHS
from adapters.errors import RegionDataError
from adapters.manifest_platform import FieldKey, Part, PlatformPart
from adapters.words import ApplicationClass, CardFunction, CardStatus, DocumentType, Medium, Sex

RegionCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,31}$")]
_TABLE_OF = {"holder.sex": "sex", "card.status": "card_status", "card.suspended_functions": "card_function"}


class Words(Part):
    """Text in four languages."""

    zh_hans: str = Field(alias="zh-Hans", min_length=1)
    zh_hant: str = Field(alias="zh-Hant", min_length=1)
    en: str = Field(min_length=1)
    pt: str = Field(min_length=1)


class LegalSource(Part):
    """Law, plan or other text the region's data rests on."""

    title: str = Field(min_length=1)
    status: Literal["in_force", "draft", "synthetic"]
    in_force_from: date | None = None
    note: str = ""


class FieldSpec(Part):
    """One field of the region's identity form.

    `path` is the neutral field. `date` is a pattern such as `YYYYMMDD`; `table` names one of the manifest's tables;
    `pad` is the width to which the value is filled with spaces; `hex_length` the only length of an identification code
    that the form holds; `document` fixes the kind of document a slot is for, `type_key` names the field that tells it;
    `given_key` holds the given names where the surname has a field of its own; `label_key` names a sibling that holds
    the label of a coded value, written for people and never read.
    """

    path: str
    key: FieldKey
    date_pattern: str | None = Field(default=None, alias="date", min_length=8, max_length=20)
    table: Literal["card_status", "sex", "card_function"] | None = None
    pad: int | None = Field(default=None, ge=2, le=100)
    max_length: int | None = Field(default=None, ge=2, le=200)
    hex_length: Literal[24, 32] | None = None
    document: DocumentType | None = None
    type_key: FieldKey | None = None
    given_key: FieldKey | None = None
    label_key: FieldKey | None = None
    separator: str = ","

    @property
    def keys(self) -> tuple[str, ...]:
        """All names of the region's form that this field takes, its own first."""
        return tuple(key for key in (self.key, self.type_key, self.given_key, self.label_key) if key)

    @model_validator(mode="after")
    def _options_fit_path(self) -> FieldSpec:
        if self.path not in FIELD_PATHS:
            raise ValueError("path is not a neutral field")
        if self.path in {"holder.birth_date", "card.issued_on", "card.expires_on"} and not (
            self.date_pattern and all(part in self.date_pattern for part in ("YYYY", "MM", "DD"))
        ):
            raise ValueError("a date field needs `date`, a pattern with YYYY, MM and DD")
        if self.table != _TABLE_OF.get(self.path):
            raise ValueError("a coded field needs `table`, the one for what it holds, and no other field has one")
        if self.path == "holder.documents" and (self.document is None) == (self.type_key is None):
            raise ValueError("a document field needs either `document` or `type_key`")
        return self


class IdentityPart(Part):
    """The region's identity form, in the region's own order of fields."""

    field: tuple[FieldSpec, ...] = Field(min_length=4)

    @model_validator(mode="after")
    def _keys_are_unique(self) -> IdentityPart:
        keys = [key for spec in self.field for key in spec.keys]
        if len(keys) != len(set(keys)):
            raise ValueError("a key stands twice in the identity form")
        return self


class Tables(Part):
    """Code tables, raw value to neutral value; `label` holds texts for people, raw value to text, per table."""

    card_status: dict[str, CardStatus] = Field(min_length=2)
    document_type: dict[str, DocumentType] = Field(default_factory=dict)
    sex: dict[str, Sex] = Field(default_factory=dict)
    card_function: dict[str, CardFunction] = Field(default_factory=dict)
    application_class: dict[str, ApplicationClass] = Field(min_length=3)
    medium: dict[str, Medium] = Field(min_length=2)
    label: dict[str, dict[str, str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _every_word_can_be_written(self) -> Tables:
        if set(ApplicationClass) - set(self.application_class.values()) or set(Medium) - set(self.medium.values()):
            raise ValueError("application_class and medium need a word for each neutral value")
        return self


class ItemPart(Part):
    """The region's form of an application item: its field names, and which neutral attribute each holds."""

    field: dict[FieldKey, Literal["item", "name", "content", "unit", "classes", "media", "source", "article", "layer"]]
    language: Literal["zh_hans", "zh_hant", "en", "pt"]
    separator: str = Field(default="+", min_length=1, max_length=3)

    @model_validator(mode="after")
    def _names_the_item(self) -> ItemPart:
        if list(self.field.values()).count("item") != 1:
            raise ValueError("exactly one field holds the item's identifier")
        return self


class Manifest(Part):
    """All that data can say of a region. `suspension_basis` is the article that lets it suspend a card's function."""

    region: RegionCode
    division_code: Annotated[str, StringConstraints(pattern=r"^\d{6}$")]
    name: Words
    owners: tuple[str, ...] = Field(min_length=1)
    synthetic_dialect: bool
    dialect_note: str = Field(min_length=1)
    legal_source: tuple[LegalSource, ...] = ()
    suspension_basis: str = ""
    identity: IdentityPart
    tables: Tables
    item: ItemPart
    platform: PlatformPart

    @model_validator(mode="after")
    def _parts_fit(self) -> Manifest:
        specs = self.identity.field
        used = {spec.table for spec in specs if spec.table} | {"document_type" for spec in specs if spec.type_key}
        if missing := sorted(name for name in used if not getattr(self.tables, name)):
            raise ValueError(f"a field needs the table {missing[0]}, which is empty")
        keys = {key for spec in specs for key in spec.keys}
        if self.platform.line_columns and keys - set(self.platform.line_columns):
            raise ValueError("line_columns lack a field of the identity form")
        return self


def parse_manifest(region: str, text: str) -> Manifest:
    """Read a manifest; RegionDataError names every fault (location and rule) and no value."""
    try:
        manifest = Manifest.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise RegionDataError(region=region, file="manifest.toml", rule="not TOML") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RegionDataError(region=region, file="manifest.toml", rule=faults) from None
    if manifest.region != region:
        raise RegionDataError(region=region, file="manifest.toml", rule="region is not the name of its folder")
    return manifest
