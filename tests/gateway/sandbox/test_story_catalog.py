"""The chapter on catalogs, as far as it goes without gateways: its steps, titles, and how it tells what is missing."""

from __future__ import annotations

from gateway.sandbox.demo import chapters
from gateway.sandbox.story_catalog import catalog_chapter
from gateway.sandbox.story_explain import told
from gateway.sandbox.titles import load_titles
from onecard.gateway.v1.region_pb2 import LocalizedText


def test_the_chapter_comes_before_trust_is_spoiled() -> None:
    """It needs all gateways to believe each other, and the chapter on trust takes some of that back."""
    titles = [chapter.title for chapter in chapters()]
    assert titles.index("Catalogs") < titles.index("Trust")


def test_every_step_has_a_chinese_title() -> None:
    """The table of the demonstration is whole in both languages."""
    chapter = catalog_chapter()
    assert {chapter.title, *(step.title for step in chapter.steps)} <= load_titles().keys()
    assert len({step.title for step in chapter.steps}) == len(chapter.steps) == 8


def test_a_text_that_lacks_a_language_is_no_text() -> None:
    """A step that shows one language has looked at all four."""
    whole = LocalizedText(zh_hans="一", zh_hant="壹", en="one", pt="um")
    assert told(whole) is whole
    assert told(LocalizedText(zh_hans="一", en="one")).en == "NOT TOLD IN FOUR LANGUAGES"
