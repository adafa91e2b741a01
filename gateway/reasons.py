"""What each machine reason means, who must act and what to do, in four languages; and which language a caller reads.

The sentences are data (`reasons.csv`), fixed and without values: whatever varies stands in the metadata of the error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from operator import attrgetter
from typing import TYPE_CHECKING

from adapters.canonical import LocalizedText
from adapters.tables import read_table, refuse, unique

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from adapters.tables import Record

FILE = "reasons.csv"
MESSAGE_COLUMNS = ("message_zh_hans", "message_zh_hant", "message_en", "message_pt")
REMEDY_COLUMNS = ("remedy_zh_hans", "remedy_zh_hant", "remedy_en", "remedy_pt")
HEADER = ("reason", "actor", *MESSAGE_COLUMNS, *REMEDY_COLUMNS)
HEADER_LIMIT = 200
"""Characters of an accept-language value that are looked at; partners send fewer than fifty."""

# google.rpc.ErrorInfo: at most 63 characters.
_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,62}\Z")
# RFC 9110 section 12.5.4: a language range (RFC 4647 section 2.1) with a weight (RFC 9110 section 12.4.2).
_MEMBER = re.compile(
    r"[ \t]*(?P<range>\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)"
    r"(?:[ \t]*;[ \t]*[Qq]=(?P<weight>0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?[ \t]*\Z"
)
_TRADITIONAL_REGIONS = frozenset({"hk", "mo", "tw"})


class Actor(StrEnum):
    """Who must act before what was refused can change."""

    NONE = "none"
    HOLDER = "holder"
    CALLER = "caller"
    HOME_REGION = "home_region"
    GATEWAY = "gateway"
    AGREEMENT_PARTIES = "agreement_parties"


class Language(StrEnum):
    """Language of the sentences, by its BCP 47 tag. The order decides where a caller takes any."""

    ZH_HANS = "zh-Hans"
    ZH_HANT = "zh-Hant"
    EN = "en"
    PT = "pt"


@dataclass(frozen=True, slots=True)
class Reason:
    """One value of the enum `ErrorReason`, without its prefix: what happened, who must act, what to do."""

    code: str
    actor: Actor
    message: LocalizedText
    remedy: LocalizedText


class Reasons:
    """All reasons, in the order of the file."""

    __slots__ = ("_by_code",)

    def __init__(self, reasons: Iterable[Reason]) -> None:
        """Keep the reasons by code."""
        self._by_code = {reason.code: reason for reason in reasons}

    def __iter__(self) -> Iterator[Reason]:
        """Go through the reasons in order."""
        return iter(self._by_code.values())

    def __len__(self) -> int:
        """Count the reasons."""
        return len(self._by_code)

    def get(self, code: str) -> Reason:
        """Give the reason with a code. KeyError is a bug of the program: codes come from the program itself."""
        return self._by_code[code]

    @classmethod
    def from_csv(cls, text: str) -> Reasons:
        """Read the reasons, header `HEADER` (RegionDataError with file, row, column, rule and number of faults)."""
        records, faults = read_table(FILE, text, HEADER)
        unique(records, "reason")
        reasons = [_reason(record) for record in records]
        if faults:
            raise refuse(faults)
        return cls(reasons)


@cache
def load_reasons() -> Reasons:
    """Read the reasons that ship with the gateway, once in a process."""
    return Reasons.from_csv(files("gateway").joinpath(FILE).read_text("utf-8"))


def negotiate(accept_language: str | None) -> Language:
    """Choose the language that an accept-language value asks for most (RFC 9110 section 12.5.4).

    Of equal weights the first counts; a member that is unknown or malformed is passed over; where nothing is left,
    simplified Chinese. A script decides before a region (`zh-Hans-HK` is simplified). Never raises.
    """
    header = accept_language or ""
    if len(header) > HEADER_LIMIT:
        # The cut may halve the last member, and half a tag is another tag (`zh-Hant`, `zh`).
        header = header[:HEADER_LIMIT].rpartition(",")[0]
    return _negotiate(header)


def text_in(text: LocalizedText, language: Language) -> str:
    """Give the text in one language."""
    return _TEXT[language](text)


_TEXT: dict[Language, Callable[[LocalizedText], str]] = {
    Language.ZH_HANS: attrgetter("zh_hans"),
    Language.ZH_HANT: attrgetter("zh_hant"),
    Language.EN: attrgetter("en"),
    Language.PT: attrgetter("pt"),
}


def _reason(record: Record) -> Reason:
    """Read one row: rule `code` beside those of the table."""
    code = record.required("reason")
    if not _CODE.match(code):
        record.fault("reason", "code")
    message, remedy = (
        LocalizedText(*(record.required(column) for column in columns)) for columns in (MESSAGE_COLUMNS, REMEDY_COLUMNS)
    )
    return Reason(code, record.word("actor", Actor), message, remedy)


@lru_cache(maxsize=256)
def _negotiate(header: str) -> Language:
    """Weigh the languages; the key of the cache is bounded by `HEADER_LIMIT`."""
    members = dict[str, float]()
    for member in filter(None, map(_MEMBER.match, header.split(","))):
        tag = member["range"].lower()
        members[tag] = max(members.get(tag, 0.0), float(member["weight"] or 1))
    weights = _weights(members)
    best = max(weights, key=weights.__getitem__, default=Language.ZH_HANS)
    return best if weights.get(best) else Language.ZH_HANS


def _weights(members: dict[str, float]) -> dict[Language, float]:
    """Give each language the best weight of the ranges that name it, in the order of the ranges; `*` comes last."""
    weights = dict[Language, float]()
    for tag, weight in members.items():
        language = _language(tag)
        if language is not None:
            weights[language] = max(weights.get(language, 0.0), weight)
    if members.get("zh") == 0:
        # Who refuses Chinese as such refuses both scripts, unless one is named beside.
        weights.setdefault(Language.ZH_HANT, 0.0)
    for language in Language if "*" in members else ():
        weights.setdefault(language, members["*"])
    return weights


def _language(tag: str) -> Language | None:
    """Find the language that a lower-case tag stands for, None where we do not write it."""
    primary, *rest = tag.split("-")
    if primary != "zh":
        return {"en": Language.EN, "pt": Language.PT}.get(primary)
    traditional = "hant" in rest or ("hans" not in rest and not _TRADITIONAL_REGIONS.isdisjoint(rest))
    return Language.ZH_HANT if traditional else Language.ZH_HANS
