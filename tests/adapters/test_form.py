"""Identity forms: how each kind of field is read, refused, written, and reported where it has no place."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from adapters.canonical import Card, CardIdentity, Document, Holder, Loss, PersonName, RomanisedName
from adapters.errors import AdapterError, MalformedFieldError, MalformedNumberError, RegionDataError
from adapters.form import IdentityForm
from adapters.identifiers import CardNumber, DivisionCode, ElectronicSignNumber, IdentificationCode
from adapters.words import CardFunction, CardStatus, DocumentType, LossKind, Sex
from tests.adapters.invented_region import manifest, plain, put

FORM = IdentityForm(manifest())
CODE_24, CODE_32 = "990000D15600000500000001", "990000D1560000050000000100000002"
PASSPORT = Document.parse(DocumentType.PASSPORT, "SYN0001")


def form(changes: dict[str, object] | None = None) -> IdentityForm:
    """Compile the invented form with changes."""
    return IdentityForm(manifest(changes))


def write(*, into: IdentityForm = FORM, holder: dict[str, Any] | None = None, **card: Any) -> dict[str, str]:  # noqa: ANN401 - passed on to the constructor
    """Write an identity that loses nothing."""
    written = into.write(CardIdentity("elsewhere", Holder(**(holder or {})), Card(**card)))
    assert written.losses == ()
    return written.fields


def losses(*, into: IdentityForm = FORM, holder: dict[str, Any] | None = None, **card: Any) -> dict[str, LossKind]:  # noqa: ANN401 - passed on to the constructor
    """Write an identity and give the kind of loss by field."""
    written = into.write(CardIdentity("elsewhere", Holder(**(holder or {})), Card(**card)))
    return {loss.field: loss.kind for loss in written.losses}


def refused(record: dict[str, str], *, by: IdentityForm = FORM) -> tuple[type[AdapterError], str, str]:
    """Read a wrong record and give kind, field and rule of the refusal."""
    with pytest.raises((MalformedFieldError, MalformedNumberError)) as error:
        by.read(record)
    return type(error.value), error.value.metadata["field"], error.value.metadata["rule"]


def test_keys_are_in_the_regions_own_order() -> None:
    """The names of the form come as the manifest lists them, siblings after their field."""
    assert FORM.keys[:6] == ("ssn", "name", "surname", "given", "sex", "sex_text")
    assert FORM.status_key == "state"


def test_empty_record_is_an_empty_identity() -> None:
    """Absent and empty fields are the same, and neither is a fault."""
    empty = CardIdentity("invented", Holder(), Card())
    assert FORM.read({}) == empty
    assert FORM.read(dict.fromkeys(FORM.keys, "")) == empty
    assert FORM.write(empty).fields == {}
    assert FORM.write(empty).losses == ()


def test_unknown_name_is_refused_unless_a_platform_said_it() -> None:
    """A name outside the form is refused; without strictness it is passed over."""
    assert refused({"colour": "red"}) == (MalformedFieldError, "fields", "unknown_name")
    assert FORM.read({"colour": "red"}, strict=False) == CardIdentity("invented", Holder(), Card())


@pytest.mark.parametrize("path", ["card.number", "card.status"])
def test_form_without_number_or_status_is_refused(path: str) -> None:
    """A region whose form could not hold number and status is refused."""
    data = plain()["identity"]["field"]
    place = next(index for index, spec in enumerate(data) if spec["path"] == path)
    with pytest.raises(RegionDataError) as error:
        form({f"identity.field.{place}": None})
    assert error.value.metadata["region"] == "invented"


def test_form_with_a_field_twice_is_refused() -> None:
    """Only documents may have several slots."""
    with pytest.raises(RegionDataError):
        form({"identity.field.9": {"path": "card.number", "key": "chip"}})


def test_form_without_documents_reports_them() -> None:
    """A form without a slot for documents drops them, and says so."""
    changed = put(put(plain(), "identity.field.7", None), "identity.field.6", None)
    bare = form({"identity.field": changed["identity"]["field"]})
    assert losses(into=bare, holder={"documents": (PASSPORT,)}) == {"holder.documents": LossKind.DROPPED}
    assert losses(into=bare) == {}


def test_padded_name_is_filled_and_stripped() -> None:
    """A padded field is filled with spaces to its width and read without them."""
    name = PersonName("测试甲")
    assert write(holder={"name": name}) == {"name": "测试甲" + " " * 9}
    assert FORM.read({"name": "测试甲   "}).holder.name == name
    assert FORM.read({"name": "     "}).holder.name is None
    assert refused({"name": "  测试甲"}) == (MalformedFieldError, "fields[name]", "name")


def test_name_that_is_too_long_is_dropped_not_cut() -> None:
    """A name longer than the form allows is left out and reported."""
    assert losses(holder={"name": PersonName("样" * 11)}) == {"holder.name": LossKind.DROPPED}
    assert write(holder={"name": PersonName("样" * 10)}) == {"name": "样" * 10 + "  "}


def test_identification_code_has_one_length_where_the_form_says_so() -> None:
    """A code of the other length is refused when read, and dropped when written."""
    assert FORM.read({"chip": CODE_24.lower()}).card.identification_code == IdentificationCode(CODE_24)
    assert refused({"chip": CODE_32}) == (MalformedFieldError, "fields[chip]", "24_digits")
    assert write(identification_code=IdentificationCode(CODE_24)) == {"chip": CODE_24}
    assert losses(identification_code=IdentificationCode(CODE_32)) == {"card.identification_code": LossKind.DROPPED}


def test_division_is_written_in_clear() -> None:
    """An issuer's division is read and written."""
    assert write(issuer_division=DivisionCode("639900")) == {"issuer": "639900"}
    assert refused({"issuer": "63990"}) == (MalformedNumberError, "fields[issuer]", "length")


def test_checked_text_names_the_regions_field() -> None:
    """Nationality and specification are checked where they are read."""
    assert refused({"nation": "CN"}) == (MalformedFieldError, "fields[nation]", "iso_3166_alpha_3")
    assert refused({"spec": "9.00"}) == (MalformedFieldError, "fields[spec]", "known_version")
    told = FORM.read({"nation": "CHN", "spec": "3.00"})
    assert (told.holder.nationality, told.card.specification) == ("CHN", "3.00")
    assert write(holder={"nationality": "CHN"}, specification="3.00") == {"nation": "CHN", "spec": "3.00"}


@pytest.mark.parametrize("text", ["29.02.1901", "1.2.1903", "1903-02-01", "01.02.1903 ", "０1.02.1903", "00.00.0000"])
def test_date_of_another_form_is_refused(text: str) -> None:
    """A date in another pattern, or on no day of the calendar, is refused."""
    assert refused({"born": text}) == (MalformedFieldError, "fields[born]", "date_DD.MM.YYYY")


def test_date_is_read_and_written_in_the_regions_pattern() -> None:
    """A date goes both ways, years before 1000 included."""
    assert FORM.read({"born": "29.02.1904"}).holder.birth_date == date(1904, 2, 29)
    assert write(holder={"birth_date": date(904, 2, 9)}) == {"born": "09.02.0904"}


@pytest.mark.parametrize(
    ("pattern", "text"), [("YYYY-MM-DD", "1904-02-29"), ("YYYYMMDD", "19040229"), ("DD/MM/YYYY", "29/02/1904")]
)
def test_every_pattern_takes_its_own_form_only(pattern: str, text: str) -> None:
    """A date is read and written by the one pattern; other spellings, week dates and no days are refused."""
    patterned = form({"identity.field.4.date": pattern})
    assert patterned.read({"born": text}).holder.birth_date == date(1904, 2, 29)
    assert write(into=patterned, holder={"birth_date": date(1904, 2, 29)}) == {"born": text}
    others = {"1904-02-29", "19040229", "29/02/1904", "1904-W09", "1904W091", "1904-W09-1", "1904/02/29"} - {text}
    for wrong in (*others, text.replace("29", "30"), text[:-1] + "９", f"{text} ", f" {text[1:]}"):
        assert refused({"born": wrong}, by=patterned) == (MalformedFieldError, "fields[born]", f"date_{pattern}")


def test_first_raw_value_of_a_status_is_written() -> None:
    """Where two raw values mean the same, both are read and the first is written."""
    assert FORM.read({"state": "a"}).card.status is CardStatus.ACTIVE
    assert write(status=CardStatus.ACTIVE) == {"state": "A"}


def test_status_outside_the_table_is_unknown_and_cannot_be_written() -> None:
    """An unknown raw status is UNKNOWN, and UNKNOWN, like any status without an equal, is reported."""
    assert FORM.read({"state": "?"}).card.status is CardStatus.UNKNOWN
    for status in (CardStatus.UNKNOWN, CardStatus.VOID):
        assert losses(status=status) == {"card.status": LossKind.UNMAPPABLE}


def test_sex_outside_the_table_is_refused() -> None:
    """Only a status may be unknown; another code outside its table is refused, and a sex without a code reported."""
    assert refused({"sex": "x"}) == (MalformedFieldError, "fields[sex]", "unknown_code")
    assert losses(holder={"sex": Sex.NOT_STATED}) == {"holder.sex": LossKind.UNMAPPABLE}


def test_label_is_written_where_there_is_one_and_never_read() -> None:
    """A label goes beside its code for people; reading looks at the code only."""
    assert write(holder={"sex": Sex.MALE}) == {"sex": "m", "sex_text": "man"}
    assert write(holder={"sex": Sex.FEMALE}) == {"sex": "f"}
    assert FORM.read({"sex": "f", "sex_text": "man"}).holder.sex is Sex.FEMALE
    assert FORM.read({"sex_text": "man"}).holder.sex is None


def test_suspended_functions_are_joined_and_an_unknown_one_is_refused() -> None:
    """An unknown code could hide a suspension, so it is refused; a function without a code is reported."""
    both = form({"tables.card_function": {"S": "social_security", "F": "financial"}})
    everything = frozenset(CardFunction)
    assert write(into=both, suspended_functions=everything) == {"off": "F+S"}
    assert both.read({"off": "S+F"}).card.suspended_functions == everything
    assert refused({"off": "S+F"}) == (MalformedFieldError, "fields[off]", "unknown_code")
    assert losses(suspended_functions=everything) == {"card.suspended_functions": LossKind.UNMAPPABLE}
    assert losses(suspended_functions=frozenset({CardFunction.FINANCIAL})) == {
        "card.suspended_functions": LossKind.UNMAPPABLE
    }


def test_romanised_name_in_two_fields() -> None:
    """Surname and given names have fields of their own; given names alone are refused, an overlong name dropped."""
    name = RomanisedName(PersonName("CESHI"), PersonName("Jia"))
    assert write(holder={"romanised_name": name}) == {"surname": "CESHI", "given": "Jia"}
    assert FORM.read({"surname": "CESHI", "given": "Jia"}).holder.romanised_name == name
    assert write(holder={"romanised_name": RomanisedName(PersonName("CESHI"))}) == {"surname": "CESHI"}
    assert FORM.read({"surname": "CESHI"}).holder.romanised_name == RomanisedName(PersonName("CESHI"))
    assert refused({"given": "Jia"}) == (MalformedFieldError, "fields[surname]", "surname_missing")
    long = RomanisedName(PersonName("C" * 10), PersonName("J" * 9))
    assert losses(holder={"romanised_name": long}) == {"holder.romanised_name": LossKind.DROPPED}


def test_romanised_name_in_one_field() -> None:
    """One field holds `SURNAME, Given`; a surname that would be split elsewhere is dropped and not garbled."""
    single = form({"identity.field.2.given_key": None})
    for text, surname, given in [("CESHI, Jia", "CESHI", "Jia"), ("CESHI", "CESHI", None), ("A, B, C", "A", "B, C")]:
        name = RomanisedName(PersonName(surname), PersonName(given) if given else None)
        assert single.read({"surname": text}).holder.romanised_name == name
        assert write(into=single, holder={"romanised_name": name}) == {"surname": text}
    for surname in ("A, B", "A,"):
        name = RomanisedName(PersonName(surname), PersonName("C"))
        assert losses(into=single, holder={"romanised_name": name}) == {"holder.romanised_name": LossKind.DROPPED}


def test_homeless_fields_are_reported_in_order() -> None:
    """Every field without a place in the form is reported once, ordered by name, with a sentence and no value."""
    identity = CardIdentity(
        "elsewhere",
        Holder(name=PersonName("样" * 11)),
        Card(
            number=CardNumber("Z00000019"),
            issued_on=date(1903, 1, 1),
            expires_on=date(1913, 1, 1),
            electronic_sign_number=ElectronicSignNumber("SYN-00000019"),
        ),
    )
    written = FORM.write(identity)
    dropped = "The form of the region has no place for this field."
    assert written.fields == {"card": "Z00000019"}
    assert written.losses == (
        Loss("card.electronic_sign_number", LossKind.DROPPED, dropped),
        Loss("card.expires_on", LossKind.DROPPED, dropped),
        Loss("card.issued_on", LossKind.DROPPED, dropped),
        Loss(
            "holder.name",
            LossKind.DROPPED,
            "The value is longer than the region's form allows; the field was left out.",
        ),
    )
