"""The closed lists that claims and agreements are written in, and the forms of item types and region codes."""

from __future__ import annotations

import re
from typing import Final

PURPOSES: Final = frozenset(
    {"identity_check", "service_access", "benefit_disbursement", "fee_payment", "medical_care", "record_enquiry"}
)
"""Why a card is looked at."""

CLASSES: Final = frozenset({"identity", "disbursement", "payment"})
"""What a card is used for (Chongqing work plan, legend 4)."""

MEDIA: Final = frozenset({"physical", "electronic"})
"""Forms of the card (Guangdong regulation Art. 2)."""

LANGUAGES: Final = frozenset({"zh-Hans", "zh-Hant", "en", "pt"})
"""Languages that a published text has."""

_ITEM_TYPE: Final = re.compile(r"(?=.{1,64}\Z)[A-Z][A-Z0-9]*(\.[A-Z][A-Z0-9]*)*")
_REGION: Final = re.compile(r"[a-z][a-z0-9_]{1,31}")
_NAMEABLE_REGION: Final = re.compile(r"[a-z][a-z_]{1,27}[0-9]{0,3}")


def is_item_type(text: str) -> bool:
    """Tell whether the text has the form of an item type, such as SI.BENEFIT.PENSION."""
    return _ITEM_TYPE.fullmatch(text) is not None


def is_region(text: str) -> bool:
    """Tell whether the text has the form of a region code, such as hongkong."""
    return _REGION.fullmatch(text) is not None


def nameable_region(text: str) -> str:
    """Give the text back when it is a region code that can hide no number, else the word "other"."""
    return text if _NAMEABLE_REGION.fullmatch(text) else "other"
