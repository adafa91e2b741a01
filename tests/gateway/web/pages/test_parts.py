"""The small parts of the pages: memory, lists in pages, charts, pinyin, encodings, links, lines for programs."""

from __future__ import annotations

import json
import shlex

import pytest
from google.protobuf import json_format, message_factory
from grpc_health.v1 import health_pb2

from adapters.words import ApplicationClass
from gateway.reasons import Language
from gateway.rpc.names import read_item, read_parent
from gateway.services.public_catalog import LevelCount
from gateway.web.pages.api_lines import api_lines
from gateway.web.pages.assets import takes_gzip
from gateway.web.pages.cache import KeptPage, PageCache
from gateway.web.pages.depth_chart import charts
from gateway.web.pages.page import cut
from gateway.web.pages.pinyin import romanize
from gateway.web.pages.render import Links
from onecard.gateway.v1 import catalog_service_pb2, region_service_pb2
from tests.fakes.shown import SHOWN, shown


def page(text: str) -> KeptPage:
    """Keep a text."""
    return KeptPage.of(text, status=200, max_age_seconds=60, content_type="text/html")


def test_the_same_text_gives_the_same_bytes() -> None:
    """So its tag is the same at every node, and it comes out as it went in."""
    assert page("页") == page("页")
    assert page("页").raw() == "页".encode()
    assert page("a").digest != page("b").digest


def test_memory_is_bounded() -> None:
    """What was asked for longest ago goes first; what is larger than all is not kept."""
    size = len(page("a").packed) + 1024
    cache = PageCache(2 * size)
    for key in ("a", "b"):
        cache.keep(key, page(key))
    assert cache.get("a") == page("a")
    cache.keep("c", page("c"))
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (page("a"), None, page("c"))
    cache.keep("c", page("d"))
    assert (len(cache), cache.bytes, cache.get("c")) == (2, 2 * size, page("d"))
    cache.keep("big", KeptPage(200, b"x" * 5000, "", 60, "text/html"))
    assert (len(cache), cache.get("big")) == (2, None)
    cache.clear()
    assert (len(cache), cache.bytes) == (0, 0)


def test_a_long_list_is_cut_into_pages() -> None:
    """The last one may be short, one past the end is empty, and an empty list has one page."""
    numbers = range(7)
    assert [list(cut(numbers, n, size=3).entries) for n in (1, 2, 3, 4)] == [[0, 1, 2], [3, 4, 5], [6], []]
    assert (cut(numbers, 1, size=3).pages, cut(numbers, 1, size=3).total, cut((), 1, size=3).pages) == (3, 7, 1)


def test_bars_add_up() -> None:
    """Parts stand on each other without a gap, the tallest bar fills the height, and empty parts are left out."""
    counts = (
        LevelCount(2024, ApplicationClass.IDENTITY, (5, 0, 5), 0),
        LevelCount(2025, ApplicationClass.IDENTITY, (1, 1, 1), 1),
        LevelCount(2024, ApplicationClass.PAYMENT, (0, 20, 0), 0),
    )
    identity, payment = charts(counts)
    assert [[part.level for part in bar.parts] for bar in identity.bars] == [[1, 3], [1, 2, 3, 0]]
    for chart in (identity, payment):
        for bar in chart.bars:
            y = float(chart.base)
            for part in bar.parts:
                assert part.y + part.height == pytest.approx(y, abs=0.2)
                y = part.y
            assert 0 <= bar.x < bar.middle < bar.x + bar.width <= chart.width
    assert payment.bars[0].parts[0].y == 16
    assert not identity.bars[1].parts[0].labelled
    assert payment.bars[0].parts[0].labelled
    assert charts(()) == ()


def test_pinyin_is_told_whole_and_by_initials() -> None:
    """Readings follow from the words, other text is passed over."""
    assert romanize("图书馆入馆、借阅（ABC）") == ("tushuguanruguanjieyue", "tsgrgjy")
    assert romanize("重庆银行")[0] == "chongqingyinhang"
    assert romanize("Library 123") == ("", "")


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000", False),
        ("br", False),
        ("", False),
    ],
)
def test_gzip_is_given_to_those_who_take_it(told: str, taken: bool) -> None:
    """By the header, weights included."""
    assert takes_gzip({"accept-encoding": told}) is taken


def test_links_keep_the_language_and_the_question() -> None:
    """To other pages, to the other languages, to the next page of a list; what is empty is left out."""
    links = Links(Language.PT, ("ask", (("home", "chongqing"), ("page", "2"))))
    assert links.to("ask", home="a b", visited=None, on="") == "/pt/ask?home=a+b"
    assert links.here(Language.EN) == "/en/ask?home=chongqing&page=2"
    assert (links.turned(1), links.turned(3)) == ("/pt/ask?home=chongqing", "/pt/ask?home=chongqing&page=3")
    assert links.within("ask")
    assert links.at("ask")
    assert not links.within("as")
    assert Links(Language.PT, ("items/a/b", ())).within("items")


def test_every_line_for_programs_is_a_call_that_exists() -> None:
    """Each request is the message that its method takes, each name a resource name; a shell reads one command."""
    services = {
        **region_service_pb2.DESCRIPTOR.services_by_name,
        **catalog_service_pb2.DESCRIPTOR.services_by_name,
        **health_pb2.DESCRIPTOR.services_by_name,
    }
    lines = api_lines(SHOWN, ("chongqing",), address="gateway.example:443", options='-H "authorization: Bearer $TOKEN"')
    assert len(lines) == 6
    for line in lines:
        service, _, method = line.method.partition("/")
        found = services[service.rpartition(".")[2]].methods_by_name[method]
        request = json.loads(line.request)
        json_format.ParseDict(request, message_factory.GetMessageClass(found.input_type)())
        if "name" in request:
            assert read_item(request["name"]) == ("chongqing", "CQ-01")
        if "parent" in request:
            assert read_parent(request["parent"]) == "chongqing"
        words = shlex.split(line.command)
        assert words == [
            "grpcurl",
            "-H",
            "authorization: Bearer $TOKEN",
            "-d",
            line.request,
            "gateway.example:443",
            line.method,
        ]


def test_lines_for_programs_go_by_what_is_shown() -> None:
    """Without a shown home region the first region stands for it; without any there are lines that need none."""
    one = shown(regions=("macao",))
    none = shown(regions=())
    assert "regions/macao" in api_lines(one, ("chongqing",), address="a:1", options="")[3].request
    assert [line.title for line in api_lines(none, (), address="a:1", options="")] == [
        "api_list_regions",
        "api_list_catalogs",
        "api_health",
    ]
