"""The neutral vocabulary: what a card identity and an application item are, whichever region wrote them.

Values are checked when they are made, so nothing downstream checks again. Everything personal has a masked `repr`.
A field that is None was not told, or was withheld under an agreement.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from adapters.errors import MalformedFieldError
from adapters.identifiers import (
    CardNumber,
    CitizenNumber,
    DivisionCode,
    ElectronicSignNumber,
    HomeReturnPermit,
    HongKongIdentityCard,
    IdentificationCode,
    Identifier,
    IntegrityRecordReference,
    MacaoIdentityCard,
    Passport,
    PermanentResidentCard,
    PermanentResidentCard2017,
    ResidencePermit,
    SocialSecurityNumber,
    TaiwanPermit,
)
from adapters.masked_values import fill
from adapters.words import (
    ApplicationClass,
    CardFunction,
    CardStatus,
    DocumentType,
    Layer,
    LegalStatus,
    LossKind,
    Medium,
    Relation,
    Requirement,
    Sex,
    VenueSet,
)

if TYPE_CHECKING:
    from datetime import date

DOCUMENT_NUMBERS: dict[DocumentType, tuple[type[Identifier], ...]] = {
    DocumentType.CITIZEN_ID: (CitizenNumber,),
    DocumentType.RESIDENCE_PERMIT: (ResidencePermit,),
    DocumentType.HOME_RETURN_PERMIT: (HomeReturnPermit,),
    DocumentType.TAIWAN_PERMIT: (TaiwanPermit,),
    DocumentType.PERMANENT_RESIDENT_CARD: (PermanentResidentCard, PermanentResidentCard2017),
    DocumentType.PASSPORT: (Passport,),
    DocumentType.HONGKONG_IDENTITY_CARD: (HongKongIdentityCard,),
    DocumentType.MACAO_IDENTITY_CARD: (MacaoIdentityCard,),
}
"""The number types of each kind of document; the first is the form in use, a second one an older form still valid."""

_OLD_RESIDENT_CARD_LENGTH = 15

SPECIFICATIONS = frozenset({"1.00", "2.00", "3.00"})

_BETWEEN = b"\xff"  # which no UTF-8 has
_ANY_TEXT = "surrogatepass"  # what is no Unicode is for the readers of tables to refuse

NATIONALITY = re.compile(r"[A-Z]{3}\Z")
"""ISO 3166-1 alpha-3, by form."""


MAX_NAME = 100

# Control and non-characters, bidirectional overrides, surrogates, line separators, and the bar that separates columns.
_FORBIDDEN_IN_NAMES = "\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff|"


class PersonName(Identifier):
    """Name in native script, 1 to 100 characters, kept byte for byte: no normalisation, no trimming."""

    __slots__ = ()
    field_type = "name"
    _form = re.compile(rf"(?!\s)[^{_FORBIDDEN_IN_NAMES}]{{1,{MAX_NAME}}}(?<!\s)")

    def __init__(self, text: str, *, field: str = "") -> None:
        """Refuse control characters, `|`, blank ends and lengths outside 1..100 (MalformedFieldError)."""
        if self._form.fullmatch(text) is None:
            raise MalformedFieldError(field=field or self.field_type, rule="name")
        fill(self, text)


@dataclass(frozen=True, slots=True)
class RomanisedName:
    """Name in Latin letters; `given` is empty where the region does not split the name."""

    surname: PersonName
    given: PersonName | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """Identity document: its kind, and a number that is of this kind."""

    type: DocumentType
    number: Identifier

    def __post_init__(self) -> None:
        """Refuse a number of another kind; that is a mistake of the program, not of a caller."""
        if type(self.number) not in DOCUMENT_NUMBERS[self.type]:
            raise TypeError(f"{type(self.number).__name__} is no number of a {self.type}")

    @classmethod
    def parse(cls, kind: DocumentType, text: str, *, field: str = "") -> Document:
        """Read a number as one of the given kind (MalformedNumberError)."""
        older = kind is DocumentType.PERMANENT_RESIDENT_CARD and len(text) == _OLD_RESIDENT_CARD_LENGTH
        return cls(kind, DOCUMENT_NUMBERS[kind][1 if older else 0](text, field=field))


class _Masked:
    """Shows which fields are told, never what they say."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Name the fields that are told."""
        told = [f.name for f in fields(self) if getattr(self, f.name)]  # type: ignore[arg-type]
        return f"{type(self).__name__}({', '.join(told)})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Holder(_Masked):
    """Person a card was issued to. The integrity record is told to regions that the home region's law entitles."""

    social_security_number: SocialSecurityNumber | None = None
    name: PersonName | None = None
    romanised_name: RomanisedName | None = None
    sex: Sex | None = None
    birth_date: date | None = None
    nationality: str | None = None
    documents: tuple[Document, ...] = ()
    integrity_record: IntegrityRecordReference | None = None

    def __post_init__(self) -> None:
        """Check the nationality, ISO 3166-1 alpha-3 (MalformedFieldError)."""
        if self.nationality is not None and not NATIONALITY.match(self.nationality):
            raise MalformedFieldError(field="holder.nationality", rule="iso_3166_alpha_3")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Card(_Masked):
    """The card. Its number changes on replacement, so nothing is keyed by it alone."""

    number: CardNumber | None = None
    identification_code: IdentificationCode | None = None
    issuer_division: DivisionCode | None = None
    specification: str | None = None
    issued_on: date | None = None
    expires_on: date | None = None
    status: CardStatus | None = None
    suspended_functions: frozenset[CardFunction] = frozenset()
    electronic_sign_number: ElectronicSignNumber | None = None

    def __post_init__(self) -> None:
        """Check the specification version (MalformedFieldError)."""
        if self.specification is not None and self.specification not in SPECIFICATIONS:
            raise MalformedFieldError(field="card.specification", rule="known_version")


@dataclass(frozen=True, slots=True)
class CardIdentity:
    """Holder and card as the neutral form has them. `region` is the region whose form they came from."""

    region: str
    holder: Holder
    card: Card


HOLDER_FIELDS = tuple(f.name for f in fields(Holder))
CARD_FIELDS = tuple(f.name for f in fields(Card))
FIELD_PATHS = tuple(f"holder.{name}" for name in HOLDER_FIELDS) + tuple(f"card.{name}" for name in CARD_FIELDS)


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that a translation could not keep. `detail` is an English sentence without any value."""

    field: str
    kind: LossKind
    detail: str


@dataclass(frozen=True, slots=True)
class RegionalIdentity:
    """Identity by one region's own field names, with all that its form could not keep, ordered by field."""

    region: str
    fields: dict[str, str]
    losses: tuple[Loss, ...] = ()

    def __repr__(self) -> str:
        """Name the region and the fields, never what they say."""
        return f"RegionalIdentity({self.region}, {sorted(self.fields)})"


class _Packed:
    __slots__ = ("packed",)

    packed: bytes


class _Unpacked:
    """One of the texts of a `LocalizedText`, made anew whenever it is asked for."""

    __slots__ = ("_place",)

    def __init__(self, place: int) -> None:
        self._place = place

    def __get__(self, text: _Packed, _owner: type[_Packed]) -> str:
        return text.packed.split(_BETWEEN)[self._place].decode(errors=_ANY_TEXT)


@dataclass(frozen=True, init=False)
class LocalizedText(_Packed):
    """Text in the four languages of the regions served.

    The four are kept as one run of bytes: a node may know the names of a hundred thousand items.
    """

    __slots__ = ()

    zh_hans: str
    zh_hant: str
    en: str
    pt: str

    def __init__(self, zh_hans: str, zh_hant: str, en: str, pt: str) -> None:
        """Pack the four."""
        parts = [part.encode(errors=_ANY_TEXT) for part in (zh_hans, zh_hant, en, pt)]
        object.__setattr__(self, "packed", _BETWEEN.join(parts))

    @property
    def texts(self) -> tuple[str, str, str, str]:
        """The four at once, in the order of the fields."""
        first, second, third, fourth = self.packed.split(_BETWEEN)
        return (
            first.decode(errors=_ANY_TEXT),
            second.decode(errors=_ANY_TEXT),
            third.decode(errors=_ANY_TEXT),
            fourth.decode(errors=_ANY_TEXT),
        )

    def __reduce__(self) -> tuple[type[LocalizedText], tuple[str, str, str, str]]:
        """Copy by the four."""
        return LocalizedText, self.texts


for _place, _field in enumerate(fields(LocalizedText)):
    setattr(LocalizedText, _field.name, _Unpacked(_place))


@dataclass(frozen=True, slots=True)
class ItemTypeRelation:
    """The regional item is `relation` than, or to, the neutral item type."""

    item_type: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class Depth:
    """Depth of application in one year for one class; `level` is None where the legend does not allow the print."""

    year: int
    application_class: ApplicationClass
    printed: str
    level: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationItem:
    """One service for which the card may be used, as one region lists it.

    `catalog` is the list that holds it, empty where that is the region's own. `region` is that list too where no one
    region keeps it: a joint or national one. `overrides` is the item of a higher layer in whose place it stands.
    """

    region: str
    item: str
    name: LocalizedText
    unit: str
    co_units: str
    content: str
    classes: tuple[ApplicationClass, ...]
    media: tuple[Medium, ...]
    relations: tuple[ItemTypeRelation, ...]
    residue: str
    depths: tuple[Depth, ...]
    depth_note: str
    layer: Layer
    legal_status: LegalStatus
    effective_from: date | None
    effective_to: date | None
    source: str
    article: str
    synthetic: bool
    sensitive: bool
    one_time: bool
    note: str
    requirement: Requirement = Requirement.UNSTATED
    venue_set: VenueSet = VenueSet.UNSTATED
    overrides: str = ""
    catalog: str = ""

    def in_force(self, on: date) -> bool:
        """Tell whether the item authorises anything on a day: never as a draft, nor outside its dates."""
        if self.legal_status is not LegalStatus.IN_FORCE or self.effective_from is None:
            return False
        return self.effective_from <= on and (self.effective_to is None or on <= self.effective_to)
