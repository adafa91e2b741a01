"""What a region's regulation says of the card itself: no duplicates, both forms, proof of identity, complaints.

A region keeps it in `rules.toml`, article by article. What its text does not say stays empty, and nothing is inferred
from it; a region whose text is not known here has no `[text]`, and no rule of it binds. A draft is visible and never
binds.
"""

from __future__ import annotations

import tomllib
from datetime import date  # noqa: TC003 - pydantic reads annotations at run time
from enum import StrEnum
from typing import Final, Literal

from pydantic import Field, ValidationError, model_validator

from adapters.errors import RegionDataError
from adapters.manifest import RegionCode, Words  # noqa: TC001 - pydantic reads annotations at run time
from adapters.manifest_platform import Part
from adapters.words import Layer, LegalStatus, Medium

FILE = "rules.toml"
ANSWER_DAYS: Final = 30
"""In which a complaint must be answered where a region does not say."""


class InstrumentKind(StrEnum):
    """What somebody would issue beside the card."""

    CARD = "card"
    CERTIFICATE = "certificate"
    QR_CODE = "qr_code"


class ChannelKind(StrEnum):
    """How a complaint reaches those who have to answer it."""

    TELEPHONE = "telephone"
    ONLINE = "online"
    COUNTER = "counter"


class RuleText(Part):
    """The regulation that the articles are of; `in_force_from` is empty for a draft."""

    source: str = Field(min_length=1)
    status: LegalStatus
    in_force_from: date | None = None

    @model_validator(mode="after")
    def _has_a_day_unless_a_draft(self) -> RuleText:
        if (self.in_force_from is None) is (self.status is LegalStatus.IN_FORCE):
            raise ValueError("what is in force has a first day, a draft has none")
        return self

    def binds(self, on: date) -> bool:
        """Tell whether it binds on a day: never as a draft, nor before its first day."""
        return self.in_force_from is not None and self.in_force_from <= on


class DuplicateRule(Part):
    """No new card, certificate or code for what the social security card does already.

    `reach` says whether only what duplicates is forbidden or what is similar too. `legacy_article` is where the text
    speaks of those issued before, `mandated_by` whose own demand for another instrument it respects,
    `penalty_article` who answers for a breach.
    """

    article: str = Field(min_length=1)
    forbids: tuple[InstrumentKind, ...] = Field(min_length=1)
    reach: Literal["duplicate", "similar"]
    legacy_article: str = ""
    mandated_by: tuple[Layer, ...] = ()
    mandated_article: str = ""
    penalty_article: str = ""


class IdentityRule(Part):
    """The card proves who its holder is; `other_laws_prevail` where the text itself says so."""

    article: str = Field(min_length=1)
    other_laws_prevail: bool


class MediaRule(Part):
    """Both forms are the card; `equal_effect` where the text gives them the same effect."""

    article: str = Field(min_length=1)
    equal_effect: bool


class ListRule(Part):
    """Who keeps the list of items, and which layers may add to it."""

    article: str = Field(min_length=1)
    layers: tuple[Layer, ...] = Field(min_length=1)


class IntegrityRule(Part):
    """Misuse is recorded; `entitled` are the regions that may receive the reference of a record, beside the home."""

    article: str = Field(min_length=1)
    entitled: tuple[RegionCode, ...] = ()


class Channel(Part):
    """One way to complain: a telephone number, an address on the web, or a counter in words.

    `synthetic` marks an example of ours; `note` says where the value is from if the text does not print it.
    """

    kind: ChannelKind
    value: str = Field(min_length=1, max_length=200)
    name: Words
    synthetic: bool
    note: str = ""


class ComplaintRule(Part):
    """Where to complain; `article` is empty where no text is known.

    `answer_days` is until when a complaint must be answered. Where no `answer_article` sets it, it is a working value.
    """

    article: str = ""
    answer_days: int = Field(default=ANSWER_DAYS, ge=1, le=180)
    answer_article: str = ""
    channel: tuple[Channel, ...] = Field(min_length=1)


class CardRules(Part):
    """The rules of one region."""

    region: RegionCode
    text: RuleText | None = None
    duplicate: DuplicateRule | None = None
    identity: IdentityRule | None = None
    media: MediaRule | None = None
    list: ListRule | None = None
    complaint: ComplaintRule | None = None
    integrity: IntegrityRule | None = None

    @model_validator(mode="after")
    def _articles_are_of_a_text(self) -> CardRules:
        cited = (self.duplicate, self.identity, self.media, self.list, self.integrity)
        complaint = self.complaint is not None and bool(self.complaint.article or self.complaint.answer_article)
        if self.text is None and (complaint or any(rule is not None for rule in cited)):
            raise ValueError("an article needs the text that it stands in")
        return self

    def binds(self, on: date) -> bool:
        """Tell whether the region's text binds on a day."""
        return self.text is not None and self.text.binds(on)

    def entitles(self, region: str) -> bool:
        """Tell whether another region may receive the reference of a record of misuse."""
        return self.integrity is not None and region in self.integrity.entitled

    @property
    def source(self) -> str:
        """Title of the text, empty where none is known."""
        return self.text.source if self.text else ""

    @property
    def answer_days(self) -> int:
        """In how many days the region has to answer a complaint."""
        return self.complaint.answer_days if self.complaint else ANSWER_DAYS

    def one_form_for(self, media: tuple[Medium, ...], on: date) -> bool:
        """Tell whether accepting only these forms goes against a text in force that gives both equal effect."""
        return self.binds(on) and self.media is not None and self.media.equal_effect and set(media) != set(Medium)


def no_rules(region: str) -> CardRules:
    """Give the rules of a region that has no `rules.toml`."""
    return CardRules(region=region)


def parse_rules(region: str, text: str) -> CardRules:
    """Read a region's rules (RegionDataError names every fault by location and rule, and no value)."""
    try:
        rules = CardRules.model_validate({"region": region, **tomllib.loads(text)})
    except tomllib.TOMLDecodeError as error:
        raise RegionDataError(region=region, file=FILE, rule="not TOML") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RegionDataError(region=region, file=FILE, rule=faults) from None
    if rules.region != region:
        raise RegionDataError(region=region, file=FILE, rule="region is not the name of its folder")
    return rules
