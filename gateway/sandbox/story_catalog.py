"""Catalogs at work: a joint item is drafted, signed by both parties, and published; what holds when, and why.

What an operator does is done by the command itself, on files beside the sandbox's own.
"""

from __future__ import annotations

import csv
import time
from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.sandbox.story import ASIDE, CALL_SECONDS, Chapter, Step
from gateway.sandbox.story_command import onecard
from gateway.sandbox.story_explain import explain_steps, told
from gateway.sandbox.story_keys import wait_until
from gateway.sandbox.story_words import attempt
from gateway.sandbox.tokens import platform_token
from gateway.services.local_home import china_day
from onecard.gateway.v1 import catalog_publication_service_pb2 as publication
from onecard.gateway.v1 import catalog_service_pb2
from onecard.gateway.v1.catalog_publication_service_pb2_grpc import CatalogPublicationServiceStub

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.sandbox.story import Play, Stage
    from gateway.sandbox.story_command import Ended

_JOINT = "sichuan-chongqing"
_NEW = "CY-07"
_NEXT = 2
_ROW = {
    "item_id": _NEW,
    "name_zh_hans": "旅游景区入园",
    "name_zh_hant": "旅遊景區入園",
    "name_en": "Scenic area entry",
    "name_pt": "Entrada em zonas turísticas",
    "unit": "示例单位",
    "content": "持卡进入旅游景区",
    "classes": "identity",
    "media": "physical+electronic",
    "relations": "CUL.SCENIC:exact",
    "layer": "joint",
    "legal_status": "in_force",
    "source": "合成示例清单（参照《重庆市社会保障卡一卡通条例》第十八条；非公布清单）",
    "article": "示例第7项",
    "synthetic": "true",
    "sensitive": "false",
    "one_time": "false",
}


def catalog_chapter() -> Chapter:
    """Give the steps about catalogs."""
    return Chapter("Catalogs", (*_publication_steps(), *explain_steps()))


def _step(title: str, expected: str, play: Play, *, asks: str = "chongqing", home: str = "sichuan") -> Step:
    return Step(title=title, asks=asks, home=home, expected=expected, play=play)


def _publication_steps() -> tuple[Step, ...]:
    return (
        _step(
            "a joint item is drafted for tomorrow, and a fault in it is told by row and column",
            "exit 1, 8 relations unknown_item_type; put right: exit 0, version 2",
            _drafted,
        ),
        _step(
            "Chongqing signs and publishes: it waits for Sichuan, and holds for nobody",
            "exit 0; exit 0, still to be signed by sichuan; in sichuan version 2 lacks sichuan",
            _half_signed,
        ),
        _step(
            "Sichuan signs the same bytes and publishes: both gateways know it complete",
            "exit 0; exit 0, is published; in chongqing version 2 lacks nobody",
            _both_signed,
            asks="sichuan",
            home="chongqing",
        ),
        _step(
            "asked as of today, and as of tomorrow 旅游景区入园",
            f"today NOT_FOUND UNKNOWN_ITEM, failed by caller; tomorrow {_NEW} 旅游景区入园, in force",
            _two_days,
        ),
        _step("what the new version changes", f"Item {_NEW} “Scenic area entry” was added.", _changes),
    )


def _work(stage: Stage) -> tuple[Path, Path]:
    """Give the files that the operators share: the table and the document."""
    folder = stage.layout.folder / "joint"
    folder.mkdir(exist_ok=True)
    return folder / "list.csv", folder / "next.json"


def _tomorrow() -> str:
    return (china_day(time.time()) + timedelta(days=1)).isoformat()


async def _drafted(stage: Stage) -> str:
    table, document = _work(stage)
    await onecard("catalog", "export", _JOINT, table)
    with table.open(newline="", encoding="utf-8") as stream:
        rows = [*csv.DictReader(stream), {**_ROW, "effective_from": _tomorrow()}]
    ended = []
    for relations in ("CUL.BEAUTY:exact", _ROW["relations"]):
        rows[-1]["relations"] = relations
        with table.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, rows[0], restval="")
            writer.writeheader()
            writer.writerows(rows)
        ended.append(
            await onecard("catalog", "draft", table, "--catalog", _JOINT, "--from", _tomorrow(), "--output", document)
        )
    wrong, right = ended
    fault = " ".join(wrong.after("│").split("│")).split()
    version = right.after("version").partition(" ")[0]
    return f"exit {wrong.code}, {' '.join(fault)}; put right: exit {right.code}, version {version}"


async def _signed_and_published(stage: Stage, region: str) -> tuple[Ended, Ended]:
    _, document = _work(stage)
    config, ca = stage.layout.config(region), stage.layout.ca
    signed = await onecard("catalog", "sign", document, "--config", config)
    token = platform_token(stage.layout.folder, region)
    given = ("--gateway", stage.site(region).grpc, "--ca", ca, "--token", token)
    return signed, await onecard("catalog", "publish", document, *given)


async def _half_signed(stage: Stage) -> str:
    signed, published = await _signed_and_published(stage, "chongqing")
    waits = published.after("still to be signed by:")
    known = await _known(stage, "sichuan", lacks=["sichuan"])
    return f"exit {signed.code}; exit {published.code}, still to be signed by {waits}; {known}"


async def _both_signed(stage: Stage) -> str:
    signed, published = await _signed_and_published(stage, "sichuan")
    begun = time.monotonic()
    known = await _known(stage, "chongqing", lacks=[])
    done = "is published" if "is published" in published.words else published.words
    aside = f"{ASIDE}{time.monotonic() - begun:.2f} s later"
    return f"exit {signed.code}; exit {published.code}, {done}; {known}{aside}"


async def _known(stage: Stage, region: str, *, lacks: list[str]) -> str:
    """Wait until a region's gateway knows the new version with the signatures that it should have."""
    stub = CatalogPublicationServiceStub(stage.channel(region))
    request = publication.ListCatalogVersionsRequest(parent=f"catalogs/{_JOINT}")
    known: list[list[str]] = []

    async def so_far() -> bool:
        answer = await stub.ListCatalogVersions(request, timeout=CALL_SECONDS)
        known[:] = [list(v.missing_signatures) for v in answer.versions if v.sequence == _NEXT]
        return known == [lacks]

    await wait_until(so_far)
    lacking = " and ".join(", ".join(one) or "nobody" for one in known)
    return f"in {region} version {_NEXT} lacks {lacking or 'ALL'}"


async def _two_days(stage: Stage) -> str:
    async def ask(as_of: str) -> str:
        request = catalog_service_pb2.GetApplicationItemRequest(name=f"catalogs/{_JOINT}/items/{_NEW}", as_of=as_of)
        item = (await stage.catalog("chongqing").GetApplicationItem(request, timeout=CALL_SECONDS)).item
        return f"{item.item} {item.display_name.zh_hans}, {'in force' if item.in_force else 'NOT IN FORCE'}"

    return f"today {await attempt(ask(''))}; tomorrow {await attempt(ask(_tomorrow()))}"


async def _changes(stage: Stage) -> str:
    stub = CatalogPublicationServiceStub(stage.channel("sichuan"))
    versions = await stub.ListCatalogVersions(
        publication.ListCatalogVersionsRequest(parent=f"catalogs/{_JOINT}"), timeout=CALL_SECONDS
    )
    first, last = versions.versions[0], versions.versions[-1]
    request = publication.DiffCatalogsRequest(before=first.name, after=last.name)
    return "; ".join(told(one).en for one in (await stub.DiffCatalogs(request, timeout=CALL_SECONDS)).diff.summary)
