"""Which payload an item type may carry is read from a table, strictly."""

from __future__ import annotations

import pytest

from adapters.errors import RegionDataError
from adapters.payload_kinds import PayloadKind, PayloadKinds
from adapters.registry import load_payload_kinds, load_registry
from adapters.words import ApplicationClass

TAXONOMY = load_registry().taxonomy
KINDS = load_payload_kinds(TAXONOMY)


@pytest.mark.parametrize(
    ("item_type", "kinds"),
    [
        ("SI.PERSON.CERT", {PayloadKind.IDENTITY_CHECK, PayloadKind.INSURANCE_CERTIFICATE}),
        ("SI.BENEFIT.PENSION", {PayloadKind.IDENTITY_CHECK, PayloadKind.DISBURSEMENT}),
        ("SI.PERSON.REG", {PayloadKind.IDENTITY_CHECK, PayloadKind.CARD_SERVICE}),
        ("MED.VISIT", {PayloadKind.IDENTITY_CHECK, PayloadKind.PAYMENT_BILL}),
        ("HR.EMP.ARCHIVE", {PayloadKind.IDENTITY_CHECK, PayloadKind.PERSONNEL_FILE_TRANSFER}),
        ("GOV.EXITENTRY", set()),
        ("NO.SUCH.TYPE", set()),
    ],
)
def test_an_item_type_carries_what_the_table_says(item_type: str, kinds: set[PayloadKind]) -> None:
    """An item type carries the kinds of all rows that name or match it, and nothing else."""
    assert KINDS.of(item_type) == kinds


def test_every_kind_is_carried_by_something() -> None:
    """Each kind of payload can be asked for under some item type, but for a complaint, which is about an item whole."""
    carried = frozenset().union(*(KINDS.of(node.code) for node in TAXONOMY))
    assert carried == frozenset(PayloadKind) - {PayloadKind.COMPLAINT}


def test_money_has_classes_of_its_own() -> None:
    """Paying out needs the class of disbursement, paying that of payment, all else that of identity."""
    money = {
        PayloadKind.DISBURSEMENT: ApplicationClass.DISBURSEMENT,
        PayloadKind.PAYMENT_BILL: ApplicationClass.PAYMENT,
    }
    assert {kind: kind.application_class for kind in PayloadKind} == {
        kind: money.get(kind, ApplicationClass.IDENTITY) for kind in PayloadKind
    }


@pytest.mark.parametrize(
    ("row", "column", "rule"),
    [
        ("SI.NOTHING,disbursement", "item_type", "item_type"),
        ("SI.PERSON.CERT,gift", "kind", "closed_word"),
        (",disbursement", "item_type", "required"),
    ],
)
def test_a_wrong_row_is_refused(row: str, column: str, rule: str) -> None:
    """A row that names no item type or no kind is refused by its column and rule."""
    with pytest.raises(RegionDataError) as caught:
        PayloadKinds.from_csv(f"item_type,kind\n{row}\n", TAXONOMY)
    assert (caught.value.metadata["column"], caught.value.metadata["rule"]) == (column, rule)
