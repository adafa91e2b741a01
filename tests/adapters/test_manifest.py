"""Manifests: a whole one is read, and every way to be wrong is refused with its place and its rule."""

from __future__ import annotations

import tomllib

import pytest
from pydantic import ValidationError

from adapters.errors import RegionDataError
from adapters.manifest import Manifest, parse_manifest
from adapters.words import CardStatus
from tests.adapters.invented_region import manifest, plain, put
from tests.adapters.region_cases import FOLDER

CHONGQING = (FOLDER / "chongqing" / "manifest.toml").read_text("utf-8")


def test_whole_manifest_is_read() -> None:
    """A manifest becomes typed values; tables keep the order in which the region writes them."""
    told = parse_manifest("chongqing", CHONGQING)
    assert told.name.zh_hant == "重慶市"
    assert next(iter(told.tables.card_status.items())) == ("0", CardStatus.SEALED)
    assert told.identity.field[2].keys == ("aac004", "aac004Desc")


def test_manifest_cannot_be_changed() -> None:
    """A manifest is frozen."""
    with pytest.raises(ValidationError):
        manifest().region = "other"


def test_text_that_is_no_toml_is_refused() -> None:
    """A file that is not TOML is refused by that rule."""
    with pytest.raises(RegionDataError) as refused:
        parse_manifest("invented", "region = ")
    assert refused.value.metadata == {"region": "invented", "file": "manifest.toml", "rule": "not TOML"}


def test_region_must_be_the_folder() -> None:
    """A manifest copied to another folder is refused."""
    with pytest.raises(RegionDataError) as refused:
        parse_manifest("invented", CHONGQING)
    assert refused.value.metadata["rule"] == "region is not the name of its folder"


def test_all_faults_are_reported_at_once_without_values() -> None:
    """One report names every fault by place, and repeats no value."""
    text = CHONGQING.replace('division_code = "500000"', 'division_code = "FALSCH"').replace(
        'envelope = "json"', "x = 1"
    )
    with pytest.raises(RegionDataError) as refused:
        parse_manifest("chongqing", text)
    rule = refused.value.metadata["rule"]
    for place in ("division_code", "platform.lookup.envelope", "platform.lookup.x", "platform.reply.envelope"):
        assert place in rule
    assert "FALSCH" not in str(refused.value)


FAULTS: list[tuple[str, object, str]] = [
    ("surprise", 1, "surprise: Extra inputs are not permitted"),
    ("region", "Invented", "region: String should match pattern"),
    ("owners", [], "owners: Tuple should have at least 1 item"),
    ("identity.field.0.path", "holder.shoe_size", "identity.field.0: Value error, path is not a neutral field"),
    ("identity.field.4.date", None, "identity.field.4: Value error, a date field needs `date`"),
    ("identity.field.4.date", "YYYY-MM-", "identity.field.4: Value error, a date field needs `date`"),
    ("identity.field.3.table", None, "identity.field.3: Value error, a coded field needs `table`"),
    ("identity.field.3.table", "card_status", "identity.field.3: Value error, a coded field needs `table`"),
    ("identity.field.0.table", "sex", "identity.field.0: Value error, a coded field needs `table`"),
    ("identity.field.6.type_key", None, "identity.field.6: Value error, a document field needs either"),
    ("identity.field.6.document", "passport", "identity.field.6: Value error, a document field needs either"),
    ("identity.field.1.key", "ssn", "identity: Value error, a key stands twice"),
    ("identity.field.1.given_key", "ssn", "identity: Value error, a key stands twice"),
    ("tables.card_status.Z", "melted", "tables.card_status.Z: Input should be"),
    ("tables.document_type", {}, "a field needs the table document_type, which is empty"),
    ("tables.card_function", {}, "a field needs the table card_function, which is empty"),
    ("tables.application_class.in", "identity", "application_class and medium need a word"),
    ("tables.medium.app", "physical", "application_class and medium need a word"),
    ("item.field.id", None, "exactly one field holds the item's identifier"),
    ("item.field.title", "item", "exactly one field holds the item's identifier"),
    ("platform.lookup.path", "ask", "platform.lookup.path: String should match pattern"),
    ("platform.lookup.credential.card_number.record", {}, "credential.card_number asks for a field"),
    ("platform.lookup.credential.qr_text.record", {"x": "card.number"}, "credential.qr_text asks for a field"),
    ("platform.lookup.credential.fingerprint", {"record": {}}, "platform.lookup.credential.fingerprint"),
    ("platform.lookup.record", "line", "a line and rows need `record_at`"),
    ("platform.reply.ok", [], "`ok` is empty and no code is a status"),
    ("platform.reply.as_of_at", "data.time", "`as_of_at` and `as_of_format` go together"),
    ("platform.reply.as_of_format", "%Y", "`as_of_at` and `as_of_format` go together"),
    ("platform.reply.record", "line", "a line record needs `line_columns`"),
    ("platform.line_columns", ["card", "state"], "line_columns lack a field of the identity form"),
]


@pytest.mark.parametrize(("path", "value", "rule"), FAULTS, ids=[f"{path}={value}" for path, value, _ in FAULTS])
def test_fault_is_refused_by_place_and_rule(path: str, value: object, rule: str) -> None:
    """A manifest with one fault is refused, and the report says where and why."""
    with pytest.raises(ValidationError) as refused:
        Manifest.model_validate(put(plain(), path, value))
    said = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in refused.value.errors()]
    assert any(rule in text for text in said), said


def test_invented_region_is_whole() -> None:
    """The data that the other cases spoil is good before."""
    assert manifest().region == "invented"
    assert tomllib.loads(CHONGQING)["region"] == "chongqing"


@pytest.mark.parametrize(
    "changes",
    [
        {"platform.reply.code_is_status": True, "platform.reply.ok": []},
        {"platform.reply.as_of_at": "data.time", "platform.reply.as_of_format": "%Y"},
        {"platform.lookup.record": "rows", "platform.lookup.record_at": "rows"},
    ],
)
def test_options_that_belong_together_are_accepted(changes: dict[str, object]) -> None:
    """Options that need each other are good when both are there."""
    assert manifest(changes).region == "invented"
