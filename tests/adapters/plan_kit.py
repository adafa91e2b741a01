"""The work plan's table as printed, and the decisions on its doubts."""

from __future__ import annotations

import tomllib
from pathlib import Path

from adapters.plan_import import Frame

HERE = Path(__file__).resolve().parent
PRINTED = [line.split("¦") for line in (HERE / "plan_as_printed.txt").read_text("utf-8").splitlines()]
ANSWERS = {
    (one["row"], one["column"]): one["value"]
    for one in tomllib.loads((HERE / "plan_answers.toml").read_text("utf-8"))["answer"]
}
FRAME = Frame(
    prefix="CQ",
    layer="province",
    source="重庆市居民服务“一卡通”工作方案（渝府办发〔2024〕73号）",
    article="附件第{number}行",
    effective_from="2024-09-16",
)
