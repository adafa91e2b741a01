"""Which payloads a request about an item type may carry, and which application class each payload belongs to.

The table names item types or patterns such as `SI.*`; what it does not name carries nothing. A complaint is about an
item whole, so no item type carries it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from adapters.tables import Record, in_order, read_table, refuse
from adapters.words import ApplicationClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.taxonomy import Taxonomy

FILE: Final = "payload_kinds.csv"
HEADER: Final = ("item_type", "kind")


class PayloadKind(StrEnum):
    """What a request asks for."""

    IDENTITY_CHECK = "identity_check"
    DISBURSEMENT = "disbursement"
    PAYMENT_BILL = "payment_bill"
    CARD_SERVICE = "card_service"
    INSURANCE_CERTIFICATE = "insurance_certificate"
    PERSONNEL_FILE_TRANSFER = "personnel_file_transfer"
    COMPLAINT = "complaint"

    @property
    def application_class(self) -> ApplicationClass:
        """The class for which the agreement must allow it: whatever moves no money proves an identity."""
        return _CLASSES.get(self, ApplicationClass.IDENTITY)


_CLASSES: Final = {
    PayloadKind.DISBURSEMENT: ApplicationClass.DISBURSEMENT,
    PayloadKind.PAYMENT_BILL: ApplicationClass.PAYMENT,
}


class PayloadKinds:
    """The table: item type to the kinds of payload that it may carry."""

    def __init__(self, kinds: Mapping[str, frozenset[PayloadKind]]) -> None:
        """Keep the kinds by item type."""
        self._kinds = kinds

    def of(self, item_type: str) -> frozenset[PayloadKind]:
        """Give the kinds that an item type may carry; none for a type that is unknown or carries nothing."""
        return self._kinds.get(item_type, frozenset())

    @classmethod
    def from_csv(cls, text: str, taxonomy: Taxonomy) -> PayloadKinds:
        """Read the table, header `HEADER` (RegionDataError with file, row, column, rule and number of faults)."""
        records, faults = read_table(FILE, text, HEADER)
        kinds: dict[str, frozenset[PayloadKind]] = {}
        for record in records:
            kind = record.word("kind", PayloadKind)
            for code in _codes(record, taxonomy):
                kinds[code] = kinds.get(code, frozenset()) | {kind}
        if faults:
            raise refuse(in_order(faults))
        return cls(kinds)


def _codes(record: Record, taxonomy: Taxonomy) -> tuple[str, ...]:
    """Give the item types of a row (rule `item_type` where there are none)."""
    codes = tuple(node.code for node in taxonomy.matches(record.required("item_type")))
    if not codes:
        record.fault("item_type", "item_type")
    return codes
