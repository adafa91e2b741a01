"""Titles of the story in Chinese; the story itself is written in English."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from adapters.tables import read_table, refuse, unique

FILE = "titles.csv"
HEADER = ("title", "zh_hans")


@cache
def load_titles() -> dict[str, str]:
    """Read the Chinese titles by the English ones (RegionDataError with file, row, column and rule)."""
    records, faults = read_table(FILE, files("gateway.sandbox").joinpath(FILE).read_text("utf-8"), HEADER)
    unique(records, "title")
    titles = {record.required("title"): record.required("zh_hans") for record in records}
    if faults:
        raise refuse(faults)
    return titles
