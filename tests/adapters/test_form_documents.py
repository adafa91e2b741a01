"""Slots for identity documents: which document goes where, and what is reported when some find no place."""

from __future__ import annotations

import pytest

from adapters.canonical import Card, CardIdentity, Document, Holder
from adapters.errors import MalformedFieldError, MalformedNumberError
from adapters.form import IdentityForm
from adapters.words import DocumentType, LossKind
from tests.adapters.invented_region import manifest

FORM = IdentityForm(manifest())
PASSPORT = Document.parse(DocumentType.PASSPORT, "SYN0001")
OTHER_PASSPORT = Document.parse(DocumentType.PASSPORT, "SYN0002")
PERMIT = Document.parse(DocumentType.HOME_RETURN_PERMIT, "H00000019")
MACAO_CARD = Document.parse(DocumentType.MACAO_IDENTITY_CARD, "1234567(8)")


def written(*documents: Document) -> tuple[dict[str, str], list[LossKind]]:
    """Write documents; give the record and the kinds of loss."""
    told = FORM.write(CardIdentity("elsewhere", Holder(documents=documents), Card()))
    assert {loss.field for loss in told.losses} <= {"holder.documents"}
    return told.fields, [loss.kind for loss in told.losses]


def test_documents_fill_the_slots_that_hold_them() -> None:
    """A coded slot takes a kind of its table, a fixed slot its own kind."""
    record = {"doc": "SYN0001", "doc_type": "P", "permit": "H00000019"}
    assert written(PASSPORT, PERMIT) == (record, [])
    assert FORM.read(record).holder.documents == (PASSPORT, PERMIT)
    assert FORM.read({"permit": "H00000019"}).holder.documents == (PERMIT,)


@pytest.mark.parametrize(
    "documents", [(PERMIT, PASSPORT), (PASSPORT, OTHER_PASSPORT), (PASSPORT, MACAO_CARD), (PASSPORT, PASSPORT)]
)
def test_documents_that_find_no_place_are_reported(documents: tuple[Document, ...]) -> None:
    """Another order, a second one of a kind and a foreign kind reduce the documents."""
    record, kinds = written(*documents)
    assert kinds == [LossKind.REDUCED]
    assert record["doc"] == "SYN0001"


def test_documents_without_any_place_are_dropped() -> None:
    """Where no slot holds any of the kinds, nothing is written."""
    assert written(MACAO_CARD) == ({}, [LossKind.DROPPED])


@pytest.mark.parametrize(
    ("record", "error", "field", "rule"),
    [
        ({"doc_type": "P"}, MalformedFieldError, "fields[doc]", "number_missing"),
        ({"doc": "SYN0001"}, MalformedFieldError, "fields[doc_type]", "unknown_code"),
        ({"doc": "SYN0001", "doc_type": "Q"}, MalformedFieldError, "fields[doc_type]", "unknown_code"),
        ({"doc": "SYN0001", "doc_type": "C"}, MalformedNumberError, "fields[doc]", "length"),
        ({"permit": "X00000019"}, MalformedNumberError, "fields[permit]", "prefix"),
    ],
)
def test_document_of_unclear_kind_is_refused(
    record: dict[str, str], error: type[Exception], field: str, rule: str
) -> None:
    """A kind without a number, a number without a kind, and a number of another kind are refused."""
    with pytest.raises(error) as refused:
        FORM.read(record)
    assert isinstance(refused.value, MalformedFieldError | MalformedNumberError)
    assert (refused.value.metadata["field"], refused.value.metadata["rule"]) == (field, rule)
