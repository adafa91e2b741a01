"""Depth of application (应用深度): what a level means for each class, what a measurement comes to, what a print says.

The legend of the work plan (`depth.toml`) is the one text that defines levels: three for identity and disbursement, by
share; two for payment, by what is possible. The table above the legend contradicts it where it prints a third level of
payment. Nothing is mended: a reading shows the print and what the legend makes of it, side by side.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError, model_validator

from adapters.canonical import LocalizedText
from adapters.errors import MalformedFieldError, RegionDataError
from adapters.manifest_platform import Part
from adapters.words import ApplicationClass

if TYPE_CHECKING:
    from adapters.canonical import ApplicationItem

FILE = "depth.toml"
_HUNDRED = 100


class PaymentReach(StrEnum):
    """How far payment goes: not at all, from the account of the card, or by the bill that the electronic card shows."""

    NONE = "none"
    ACCOUNT = "account"
    BILL = "bill"


_REACHED = {reach: level for level, reach in enumerate(PaymentReach)}


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many: scenes of use for identity, recipients for disbursement."""

    supported: int
    total: int

    def __post_init__(self) -> None:
        """Refuse what cannot be counted (MalformedFieldError): no total, or more supported than there are."""
        if self.total < 1:
            raise MalformedFieldError(field="total", rule="at_least_1")
        if not 0 <= self.supported <= self.total:
            raise MalformedFieldError(field="supported", rule="0_to_total")


Measure = Share | PaymentReach


class _Criterion(Part):
    """What one level of one class demands, in four languages."""

    application_class: ApplicationClass = Field(alias="class")
    level: int = Field(ge=1, le=3)
    zh_hans: str = Field(alias="zh-Hans", min_length=1)
    zh_hant: str = Field(alias="zh-Hant", min_length=1)
    en: str = Field(min_length=1)
    pt: str = Field(min_length=1)


class Legend(Part):
    """The legend as data: levels by name, least shares in percent, and the criterion of each level."""

    source: str = Field(min_length=1)
    article: str = Field(min_length=1)
    levels: tuple[str, ...] = Field(min_length=1)
    share: dict[Literal[ApplicationClass.IDENTITY, ApplicationClass.DISBURSEMENT], tuple[int, ...]]
    criterion: tuple[_Criterion, ...]

    @model_validator(mode="after")
    def _levels_are_told(self) -> Legend:
        told = [(c.application_class, c.level) for c in self.criterion]
        deepest = {c: max((level for one, level in told if one is c), default=0) for c in ApplicationClass}
        complete = [(c, level) for c in ApplicationClass for level in range(1, deepest[c] + 1)]
        if told != complete or 0 in deepest.values():
            raise ValueError("each level of each class has one criterion, in order")
        if any(len(steps) != deepest[c] for c, steps in self.share.items()):
            raise ValueError("each level of a share has a least percentage")
        return self

    @cached_property
    def _last(self) -> dict[ApplicationClass, int]:
        return {c.application_class: c.level for c in self.criterion}

    def deepest(self, application_class: ApplicationClass) -> int:
        """Give the last level that a class has."""
        return self._last[application_class]

    def read(self, printed: str, application_class: ApplicationClass) -> int | None:
        """Read a printed level for one class; None where it names none, or one that the legend does not define."""
        level = self.named(printed)
        return level if level is not None and level <= self.deepest(application_class) else None

    def named(self, printed: str) -> int | None:
        """Give the number of a level by its printed name, whatever the class; None for anything else."""
        return self.levels.index(printed) + 1 if printed in self.levels else None

    def criteria(self, application_class: ApplicationClass) -> tuple[LocalizedText, ...]:
        """Give what each level of a class demands, from the first on."""
        return tuple(
            LocalizedText(c.zh_hans, c.zh_hant, c.en, c.pt)
            for c in self.criterion
            if c.application_class is application_class
        )


@cache
def legend() -> Legend:
    """Read the legend that ships with the adapters (RegionDataError names the fault)."""
    return parse_legend(files("adapters").joinpath(FILE).read_text("utf-8"))


def parse_legend(text: str) -> Legend:
    """Read a legend, TOML (RegionDataError names every fault by location and rule, and no value)."""
    try:
        return Legend.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise RegionDataError(file=FILE, rule="not TOML") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RegionDataError(file=FILE, rule=faults) from None


@dataclass(frozen=True, slots=True)
class ComputedDepth:
    """What a measurement comes to. `level` is 0 below the first; `missing` is how many more reach the next level.

    `missing` is 0 at the last level, and for payment, where nothing is counted.
    """

    application_class: ApplicationClass
    level: int
    deepest: int
    missing: int


def compute_depth(application_class: ApplicationClass, measure: Measure) -> ComputedDepth:
    """Compute the level of a class from a measurement, in whole numbers: 7 of 10 are 70 %.

    Raises:
        MalformedFieldError: payment is not measured by a share, nor the other classes by what is possible.
    """
    known = legend()
    deepest = known.deepest(application_class)
    if isinstance(measure, PaymentReach):
        if application_class is not ApplicationClass.PAYMENT:
            raise MalformedFieldError(field="measure", rule="share_for_identity_and_disbursement")
        return ComputedDepth(application_class, _REACHED[measure], deepest, 0)
    if application_class is ApplicationClass.PAYMENT:
        raise MalformedFieldError(field="measure", rule="reach_for_payment")
    steps = known.share[application_class]
    level = sum(measure.supported * _HUNDRED >= percent * measure.total for percent in steps)
    missing = 0 if level == len(steps) else -(-steps[level] * measure.total // _HUNDRED) - measure.supported
    return ComputedDepth(application_class, level, deepest, missing)


class Finding(StrEnum):
    """What the legend makes of a print."""

    DEFINED = "defined"
    """The print names a level that the legend defines for the class."""
    WORDS = "words"
    """The print is a sentence, from which no level is made."""
    BEYOND_LEGEND = "beyond_legend"
    """The print names a level that the legend does not define for the class: table and legend contradict each other."""


@dataclass(frozen=True, slots=True)
class PrintedDepth:
    """One printed depth for one class and year: the print, the level that holds, and the last that the legend has.

    `level` is None unless the finding is DEFINED; `named` is the level that the print names, whether it holds or not.
    """

    year: int
    application_class: ApplicationClass
    printed: str
    level: int | None
    named: int | None
    deepest: int
    finding: Finding


def printed_depths(item: ApplicationItem) -> tuple[PrintedDepth, ...]:
    """Read every printed depth of an item, class by class: a row of several classes is read once for each."""
    known = legend()
    found = []
    for depth in item.depths:
        named, deepest = known.named(depth.printed), known.deepest(depth.application_class)
        finding = _finding(named, deepest)
        level = named if finding is Finding.DEFINED else None
        found.append(PrintedDepth(depth.year, depth.application_class, depth.printed, level, named, deepest, finding))
    return tuple(found)


def _finding(named: int | None, deepest: int) -> Finding:
    """Hold a named level against the last that the legend has."""
    if named is None:
        return Finding.WORDS
    return Finding.DEFINED if named <= deepest else Finding.BEYOND_LEGEND


def planned_level(item: ApplicationItem, application_class: ApplicationClass, year: int) -> int | None:
    """Give the level that an item's own text plans for a class by the end of a year; None where it plans none."""
    for depth in printed_depths(item):
        if (depth.year, depth.application_class) == (year, application_class):
            return depth.level
    return None
