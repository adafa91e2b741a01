"""The check of a region's folder: sound regions pass every clause, and each way to spoil one is found and named."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.adapter import VERBS
from adapters.errors import MalformedFieldError
from adapters.registry import load_registry
from gateway.adapter_check import CLAUSES, Finding, check_region
from gateway.adapter_findings import differing, error_words, finding
from gateway.adapter_vectors import RegionFolder, read_region, read_taxonomy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapters.canonical import CardIdentity, RegionalIdentity
    from adapters.form import IdentityForm

TAXONOMY = read_taxonomy()
REGISTRY = load_registry()
GUIZHOU = replace(read_region("guizhou"), translator=None)
SICHUAN = read_region("sichuan")


def faults(folder: RegionFolder) -> list[Finding]:
    """Check a folder and give what is wrong."""
    return [one for one in check_region(folder, TAXONOMY) if not one.ok]


def spoiled(folder: RegionFolder, spoil: Callable[[dict[str, Any]], object]) -> RegionFolder:
    """Give the folder with vectors that were changed."""
    vectors = json.loads(folder.vectors)
    spoil(vectors)
    return replace(folder, vectors=json.dumps(vectors, ensure_ascii=False))


def with_verb(folder: RegionFolder, **verbs: object) -> RegionFolder:
    """Give the folder with some verbs of its translator replaced."""
    kept = {verb: getattr(folder.translator, verb) for verb in VERBS if hasattr(folder.translator, verb)}
    return replace(folder, translator=SimpleNamespace(**{**kept, **verbs}))


@pytest.mark.parametrize("region", REGISTRY.regions)
def test_every_installed_region_passes_every_clause(region: str) -> None:
    """The regions that ship are sound, and no clause is passed over."""
    found = check_region(read_region(region), TAXONOMY)
    assert [one for one in found if not one.ok] == []
    assert list(dict.fromkeys(one.clause for one in found)) == list(CLAUSES)


def test_every_vector_is_checked() -> None:
    """Each vector is read, each round trip goes all ways, each refusal is tried, each item is written."""
    vectors = json.loads(SICHUAN.vectors)
    found = check_region(SICHUAN, TAXONOMY)
    trips = [one["id"] for one in vectors["round_trips"]]
    for clause in ("record read", "record written", "text of a record", "request and answer"):
        assert [one.name for one in found if one.clause == clause] == trips
    assert [one.name for one in found if one.clause == "refusals"] == [one["id"] for one in vectors["refusals"]]
    items = [item.item for item in REGISTRY.get("sichuan").catalog]
    assert [one.name for one in found if one.clause == "items"] == items


def test_all_faults_of_a_manifest_are_named() -> None:
    """Each fault of a manifest is a finding with its place, and what rests on it is not checked."""
    text = GUIZHOU.manifest.replace('division_code = "520000"', 'division_code = "52"\nunknown_key = 1')
    found = faults(replace(GUIZHOU, manifest=text))
    assert {one.clause for one in found} == {"manifest"}
    assert {"division_code", "unknown_key"} <= {one.name for one in found}
    checked = {one.clause for one in check_region(replace(GUIZHOU, manifest=text), TAXONOMY)}
    assert checked == {"files", "manifest", "catalog", "vectors"}


def test_a_manifest_that_is_no_toml_is_named() -> None:
    """What cannot be read at all is one fault of the whole."""
    assert faults(replace(GUIZHOU, manifest="= ?")) == [Finding("manifest", "whole", "not TOML")]


def test_a_wrong_authentication_scheme_is_named() -> None:
    """A scheme that is not known is a fault of the manifest."""
    text = re.sub(r'^scheme = ".*"$', 'scheme = "telepathy"', GUIZHOU.manifest, flags=re.MULTILINE)
    (found,) = faults(replace(GUIZHOU, manifest=text))
    assert (found.clause, found.name) == ("manifest", "platform.auth")
    assert found.fault.startswith("RegionDataError")


def test_all_faults_of_a_catalog_are_named() -> None:
    """Each faulty cell is a finding with its row and column."""
    lines = GUIZHOU.catalog.splitlines()
    lines[2] = lines[2].replace("GZ-02", "GZ-?")
    lines[3] = lines[3].replace("GZ-03", "GZ-01")
    found = faults(replace(GUIZHOU, catalog="\n".join(lines) + "\n"))
    assert [(one.clause, one.name, one.fault) for one in found] == [
        ("catalog", "row 3 item_id", "item_identifier"),
        ("catalog", "row 4 item_id", "unique"),
    ]


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (lambda told: told.pop("refusals"), "refusals"),
        (lambda told: told.update(round_trips=told["round_trips"][:19]), "round_trips"),
        (lambda told: told.update(note="Real people."), "note"),
        (lambda told: told["round_trips"][0].update(expected=1), "round_trips.0.expected"),
        (lambda told: told["refusals"][0].update(id="active"), "active"),
    ],
)
def test_vectors_of_another_shape_are_named(spoil: Callable[[dict[str, Any]], object], name: str) -> None:
    """Too few, without label, with unknown names or two of one id: each is a fault of the vectors."""
    found = [one for one in faults(spoiled(SICHUAN, spoil)) if one.clause == "vectors"]
    assert [one.name for one in found] == [name]


def test_vectors_that_are_no_json_are_named() -> None:
    """What cannot be read at all is one fault of the whole."""
    assert faults(replace(SICHUAN, vectors="{")) == [Finding("vectors", "whole", "not JSON")]


def test_a_wrong_expectation_is_found_by_field() -> None:
    """A round trip that promises another value fails, by the name of the field and not its value."""

    def spoil(told: dict[str, Any]) -> None:
        told["round_trips"][0]["canonical"]["card"]["number"] = "Z99999999"
        told["round_trips"][0]["canonical"]["holder"].pop("name")

    assert faults(spoiled(SICHUAN, spoil)) == [
        Finding("record read", "active", "differs in card.number, holder.name"),
    ]


def test_an_untold_loss_is_found() -> None:
    """Each loss has to be stated, and a stated one has to happen."""

    def spoil(told: dict[str, Any]) -> None:
        told["round_trips"][0]["losses"] = {"card.number": "dropped"}
        (unknown,) = (one for one in told["round_trips"] if one["id"] == "status_unknown")
        unknown["losses"] = {}

    found = faults(spoiled(SICHUAN, spoil))
    assert [(one.clause, one.name, one.fault) for one in found] == [
        ("record written", "active", "what is lost differs in card.number"),
        ("record written", "status_unknown", "what is lost differs in card.status"),
    ]


def test_a_record_that_cannot_be_read_fails_everywhere() -> None:
    """The error is told in its own words, which name field and rule and no value."""

    def spoil(told: dict[str, Any]) -> None:
        told["round_trips"][0]["record"]["AAC002"] = "510703190302110119"

    found = faults(spoiled(SICHUAN, spoil))
    assert {one.clause for one in found} == {"record read", "record written", "request and answer"}
    assert all("fields[AAC002]" in one.fault and "5107031903" not in one.fault for one in found)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"error": "MissingFieldError"}, "differs in error"),
        ({"field": "fields[x]", "rule": "y"}, "differs in field, rule"),
    ],
)
def test_a_refusal_for_another_reason_is_found(change: dict[str, str], fault: str) -> None:
    """A refusal has to be the stated one."""
    (found,) = faults(spoiled(SICHUAN, lambda told: told["refusals"][0].update(change)))
    assert (found.clause, found.fault) == ("refusals", fault)


def test_a_refusal_that_does_not_happen_is_found() -> None:
    """A record that is read although it should not be is a fault."""

    def spoil(told: dict[str, Any]) -> None:
        told["refusals"][0]["record"] = told["round_trips"][0]["record"]

    (found,) = faults(spoiled(SICHUAN, spoil))
    assert (found.clause, found.fault) == ("refusals", "is not refused")


def test_a_status_without_a_round_trip_is_found() -> None:
    """Every status of the table has to be shown once."""

    def spoil(told: dict[str, Any]) -> None:
        told["round_trips"] = [one for one in told["round_trips"] if one["id"] != "void"]

    assert faults(spoiled(SICHUAN, spoil)) == [Finding("statuses", "void", "no round trip has it")]


def leaky(form: IdentityForm, record: Mapping[str, str], *, strict: bool) -> CardIdentity:
    """Refuse with an error that repeats what stood in the record."""
    try:
        return form.read(record, strict=strict)
    except MalformedFieldError as error:
        raise MalformedFieldError(field=error.metadata["field"], rule=record["aac003"]) from None


def careless(_form: IdentityForm, _identity: CardIdentity) -> RegionalIdentity:
    """Fail as code does whose author forgot a case; the words of the error hold a name."""
    raise KeyError("测试戊")


def other_item(_form: object, _record: Mapping[str, str]) -> str:
    """Find always the same item."""
    return "SC-01"


def test_an_error_that_repeats_a_value_is_found() -> None:
    """A translator may not put a value of a record into its error."""

    def spoil(told: dict[str, Any]) -> None:
        record = {**told["round_trips"][0]["record"], "aac003": "测试测试测试", "aac006": "19031399"}
        told["refusals"][0] |= {"record": record, "error": "MalformedFieldError", "field": "", "rule": ""}

    folder = with_verb(spoiled(GUIZHOU, spoil), identity_to_canonical=leaky)
    found = next(one for one in faults(folder) if one.clause == "refusals")
    assert found.fault == "the error repeats a value of the record"
    assert "测试测试测试" not in str(faults(folder))


def test_a_translator_that_breaks_is_found() -> None:
    """An error that is not ours is told by its type, never by its words."""
    found = faults(with_verb(SICHUAN, identity_from_canonical=careless))
    assert {(one.clause, one.fault) for one in found} == {("record written", "KeyError")}


def test_an_item_that_names_another_is_found() -> None:
    """Reading what was written has to give the same item."""
    found = faults(with_verb(SICHUAN, item_to_canonical=other_item))
    assert [one.name for one in found] == [item.item for item in REGISTRY.get("sichuan").catalog][1:]
    assert {one.fault for one in found} == {"names another item"}


def test_findings_tell_differences_by_name() -> None:
    """Keys that one lacks or that differ are named, in order; equal records differ in nothing."""
    assert differing({"a": 1, "b": 2}, {"b": 3, "c": 4}) == "differs in a, b, c"
    assert differing({"a": 1}, {"a": 1}) == ""


def test_our_errors_are_told_and_others_named() -> None:
    """Words of our own errors are safe; those of others may hold anything."""
    assert error_words(MalformedFieldError(field="f", rule="r")).startswith("MalformedFieldError: ")
    assert error_words(ValueError("number 1")) == "ValueError"
    assert finding("items", "x", lambda: str(1 // 0)) == Finding("items", "x", "ZeroDivisionError")
