"""Pinyin of Chinese names, for the search: written in full, and by initials."""

from __future__ import annotations

import re
from typing import Final

from pypinyin import Style, lazy_pinyin

_CHINESE: Final = re.compile("[\u4e00-\u9fff]+")


def romanize(name: str) -> tuple[str, str]:
    """Give the pinyin of a name without tones, whole and by initials: `tushuguan`, `tsg`; other text is passed over."""
    syllables = [syllable for run in _CHINESE.findall(name) for syllable in lazy_pinyin(run, style=Style.NORMAL)]
    return "".join(syllables), "".join(syllable[0] for syllable in syllables)
