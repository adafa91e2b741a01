"""The cells of one printed line: which column each belongs to, and what its text says without the printer's blanks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WIDTH = 12
MEDIA_COLUMN = 6
MEDIA: Mapping[str, str] = {"实体卡": "physical", "电子卡": "electronic"}
CLASSES: Mapping[str, str] = {"身份识别": "identity", "资金发放": "disbursement", "缴费支付": "payment"}
LEVELS = ("一级", "二级", "三级")
KINDS = ("事项类", "保障类")
_HEAD = ("序号", "责任单位", "服务事项")
_YEAR = re.compile(r"20[0-9]{2}年底\Z")
# A blank between two characters of which one at least is Chinese, or a mark of Chinese punctuation, is the printer's.
_WIDE = "\u2e80-\u9fff\u3000-\u303f\uff00-\uffef\u201c\u201d"
_SET_APART = re.compile(rf"(?<=[{_WIDE}])[ \u3000]+|[ \u3000]+(?=[{_WIDE}])")


def despaced(text: str) -> str:
    """Take out the blanks by which Chinese letters are set apart; those between Latin words stay."""
    return _SET_APART.sub("", text)


def is_head(cells: Sequence[str]) -> bool:
    """Tell whether a line is the head of the table, or its second line with the years."""
    told = [cell.strip() for cell in cells]
    return all(word in told for word in _HEAD) or (
        any(_YEAR.match(cell) for cell in told) and all(not cell or _YEAR.match(cell) for cell in told)
    )


def is_sentence(text: str) -> bool:
    """Tell whether the print of a depth is a sentence and no level."""
    return bool(text) and text not in LEVELS


def words_in(text: str, words: Mapping[str, str]) -> tuple[str, ...]:
    """Give the words of a closed list that a cell holds, in the order of the list, blanks or not between them."""
    joined = despaced(text)
    return tuple(word for word in words if word in joined)


def is_media(text: str) -> bool:
    """Tell whether a cell holds forms of the card and nothing else."""
    rest = despaced(text)
    for word in MEDIA:
        rest = rest.replace(word, "")
    return bool(text) and not rest.strip()


def aligned(cells: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Put the cells of a line into the twelve columns, and tell by which rules that was done.

    The cell of the forms of the card is known by its words, so a line that is shifted is shifted back by it.
    """
    found, rules = [*cells], list[tuple[str, str]]()
    media = next((n for n, cell in enumerate(found) if is_media(cell)), None)
    if media is not None and media > MEDIA_COLUMN:
        found = [found[0], *found[1 + media - MEDIA_COLUMN :]]
        rules.append(("", "cells_shifted_to_the_right"))
    elif media is not None and media < MEDIA_COLUMN:
        found = _shifted_left(found, MEDIA_COLUMN - media)
        rules.append(("", "cells_shifted_to_the_left"))
    if len(found) > WIDTH:
        found = found[:WIDTH]
        rules.append(("", "empty_columns_at_the_end"))
    found += [""] * (WIDTH - len(found))
    if found[1] and found[1] not in KINDS and found[2] in {"", found[3]}:
        found[1], found[2], found[3] = "", found[1], found[3]
        rules.append(("unit", "unit_in_the_column_of_kinds"))
    return found, rules


def _shifted_left(cells: list[str], by: int) -> list[str]:
    """Shift a line back to the right; the one text before its content is the service, which no row lacks."""
    media = MEDIA_COLUMN - by
    before = [cell for cell in cells[1 : media - 1] if cell]
    name = before[-1] if before else ""
    units = [*before[:-1], "", ""][:2]
    return [cells[0], "", *units, name, *cells[media - 1 :]]
