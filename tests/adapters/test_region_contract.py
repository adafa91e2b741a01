"""What every region promises, whatever its dialect: run over each region folder and each of its vectors.

Adding a region adds cases here without an edit.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from adapters import errors
from adapters.errors import AdapterError, MalformedFieldError, MalformedNumberError
from adapters.words import CardStatus
from tests.adapters.region_cases import ADAPTERS, FOLDER, REGISTRY, Case, all_cases, cases, vectors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from adapters.adapter import ManifestAdapter
    from adapters.canonical import CardIdentity

UNIQUE = (
    "holder.social_security_number",
    "card.number",
    "card.identification_code",
    "card.electronic_sign_number",
    "holder.integrity_record",
)
NUMBERS = (*UNIQUE, "card.issuer_division", "holder.documents")
ALWAYS = frozenset(
    {"active", "active_2", "active_3", "expired", "status_unknown", "woman", "minority_name", "rare_name", "minimal"}
)
PURE_MODULES = frozenset({"__future__", "collections", "dataclasses", "datetime", "enum", "functools", "re", "typing"})
IMPURE_NAMES = frozenset({"__import__", "compile", "eval", "exec", "input", "now", "open", "print", "today", "utcnow"})

each_region = pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.region)
each_round_trip = pytest.mark.parametrize("case", all_cases("round_trips"), ids=str)


def test_every_folder_with_a_manifest_is_a_region_of_that_name() -> None:
    """The registry finds each region folder and nothing else."""
    folders = sorted(path.parent.name for path in FOLDER.glob("*/manifest.toml"))
    assert list(REGISTRY.regions) == folders
    assert [adapter.manifest.region for adapter in ADAPTERS] == folders


@each_region
def test_vectors_are_many_and_labelled(adapter: ManifestAdapter) -> None:
    """A region brings 20 round trips and 10 refusals, labelled synthetic, each under a name of its own."""
    told = vectors(adapter)
    assert told["note"].startswith("Synthetic.")
    assert len(told["round_trips"]) >= 20
    assert len(told["refusals"]) >= 10
    names = [entry["id"] for kind in ("round_trips", "readings", "refusals") for entry in told.get(kind, [])]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert {entry["id"] for entry in told["round_trips"]} >= ALWAYS


@each_region
def test_vectors_do_not_share_numbers(adapter: ManifestAdapter) -> None:
    """No two round trips have a number in common, because simulated platforms serve them side by side."""
    for path in UNIQUE:
        values = [value for case in cases(adapter, "round_trips") if (value := _at(case.identity, path))]
        assert len(values) == len(set(values)), path


@each_region
def test_every_status_has_a_vector(adapter: ManifestAdapter) -> None:
    """Each status that the region's table can say, and one that it cannot, occurs in a round trip."""
    told = {case.identity.card.status for case in cases(adapter, "round_trips")}
    assert told >= {*adapter.manifest.tables.card_status.values(), CardStatus.UNKNOWN}


@each_region
def test_every_raw_status_is_read_by_the_table(adapter: ManifestAdapter) -> None:
    """Each raw status means what the table says, and any other is UNKNOWN."""
    (number_key,) = [spec.key for spec in adapter.manifest.identity.field if spec.path == "card.number"]
    for raw, status in {**adapter.manifest.tables.card_status, "no such": CardStatus.UNKNOWN}.items():
        record = {number_key: "Z00000001", adapter.form.status_key: raw}
        assert adapter.identity_to_canonical(record).card.status is status


@pytest.mark.parametrize("case", [*all_cases("round_trips"), *all_cases("readings")], ids=str)
def test_record_is_read_as_promised(case: Case) -> None:
    """A record becomes the neutral form, the same each time, and is left as it was."""
    before = copy.deepcopy(case.record)
    first = case.adapter.identity_to_canonical(case.record)
    assert first == case.identity
    assert case.adapter.identity_to_canonical(case.record) == first
    assert case.record == before


@each_round_trip
def test_neutral_form_is_written_as_promised(case: Case) -> None:
    """The neutral form becomes the record again, less the stated losses and nothing else."""
    lost = {key for spec in case.adapter.manifest.identity.field if spec.path in case.losses for key in spec.keys}
    written = case.adapter.identity_from_canonical(case.identity)
    assert {loss.field: loss.kind.value for loss in written.losses} == case.losses
    assert written.fields == {key: text for key, text in case.record.items() if key not in lost}
    assert case.adapter.identity_from_canonical(case.identity) == written
    assert written.region == case.adapter.region


@pytest.mark.parametrize("case", all_cases("refusals"), ids=str)
def test_refusal_names_field_and_rule_and_no_value(case: Case) -> None:
    """A wrong record is refused with exactly this error, which repeats nothing of the record."""
    before = copy.deepcopy(case.record)
    with pytest.raises(AdapterError) as refused:
        case.adapter.identity_to_canonical(case.record)
    assert type(refused.value) is getattr(errors, case.error)
    assert refused.value.metadata["field"] == case.field
    assert refused.value.metadata["rule"] == case.rule
    assert _leaks(refused.value, case.record.values()) == []
    assert case.record == before


@each_region
def test_hostile_numbers_are_refused(adapter: ManifestAdapter) -> None:
    """No number field takes over-long, full-width, padded, control or foreign characters."""
    for key, record in _number_fields(adapter):
        for text in _hostile(record[key]):
            with pytest.raises((MalformedNumberError, MalformedFieldError)) as refused:
                adapter.identity_to_canonical({**record, key: text})
            assert refused.value.metadata["field"].startswith("fields[")
            assert _leaks(refused.value, [text]) == []


@each_region
def test_empty_number_is_never_a_number(adapter: ManifestAdapter) -> None:
    """An empty number field is an absent one, or refused; it never becomes a value."""
    for key, record in _number_fields(adapter):
        full = adapter.identity_to_canonical(record)
        try:
            emptied = adapter.identity_to_canonical({**record, key: ""})
        except MalformedFieldError as refused:
            assert refused.metadata["rule"] == "number_missing"  # noqa: PT017 - being absent is the other right answer
            continue
        gone = [path for path in NUMBERS if _at(emptied, path) != _at(full, path)]
        assert len(gone) == 1
        assert len(_numbers(emptied)) == len(_numbers(full)) - 1


@each_region
def test_unknown_field_is_refused_from_callers_only(adapter: ManifestAdapter) -> None:
    """A caller's unknown field name is refused; a platform's own answer may carry more than the form."""
    case = cases(adapter, "round_trips")[0]
    with pytest.raises(MalformedFieldError) as refused:
        adapter.identity_to_canonical({**case.record, "fremd": "synthetic"})
    assert refused.value.metadata == {"field": "fields", "rule": "unknown_name", "region": adapter.region}
    assert adapter.identity_to_canonical({**case.record, "fremd": "synthetic"}, strict=False) == case.identity


@each_round_trip
def test_text_of_a_record_is_read_back(case: Case) -> None:
    """A record survives the region's own text form."""
    assert case.adapter.parse_text(case.adapter.write_text(case.record)) == case.record


@each_region
def test_items_are_written_and_found_again(adapter: ManifestAdapter) -> None:
    """Each item of the catalog, by the region's field names, names that item."""
    for item in adapter.catalog.items:
        written = adapter.item_from_canonical(item)
        assert all(written.values())
        assert adapter.item_to_canonical(written) == item
    with pytest.raises(MalformedFieldError):
        adapter.item_to_canonical({})


@each_region
def test_code_of_a_region_is_pure_and_alone(adapter: ManifestAdapter) -> None:
    """A region's own code imports the kit only: no other region, no clock, no network, no file."""
    for path in (FOLDER / adapter.region).glob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        for module in _imported(tree):
            root, _, rest = module.partition(".")
            assert root in PURE_MODULES | {"adapters"}, module
            assert not (FOLDER / rest.partition(".")[0] / "manifest.toml").is_file(), module
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert used.isdisjoint(IMPURE_NAMES)


def _at(told: CardIdentity, path: str) -> object:
    part, _, name = path.partition(".")
    value: object = getattr(getattr(told, part), name)
    return value


def _numbers(told: CardIdentity) -> list[object]:
    """List all numbers that an identity tells."""
    single = [value for path in NUMBERS[:-1] if (value := _at(told, path))]
    return [*single, *(document.number for document in told.holder.documents)]


def _number_fields(adapter: ManifestAdapter) -> Iterator[tuple[str, dict[str, str]]]:
    """Give each number field of the region's form with a record that fills it."""
    records = [case.record for case in cases(adapter, "round_trips")]
    for spec in adapter.manifest.identity.field:
        if spec.path in NUMBERS:
            filled = [record for record in records if spec.key in record]
            assert filled, f"no round trip fills {spec.key}"
            yield spec.key, filled[0]


def _hostile(good: str) -> list[str]:
    """Spoil a good number in the ways that a lenient reader would forgive."""
    wide = good.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)})
    return [good * 20, wide, f"{good}\n", f"\x00{good}", f" {good}", f"{good} ", f"{good[:-1]}*", f"{good[:-1]}é"]


def _leaks(error: AdapterError, values: Iterable[str]) -> list[str]:
    """Find values that an error repeats."""
    said = " ".join([str(error), repr(error), *error.metadata.values()])
    return [text for text in values if len(text) > 3 and text in said]


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
