"""Agreements: read whole or not at all, with every fault in one report."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.trust.forge import each
from trust.agreement import Agreement, LegalBasis
from trust.errors import AgreementDataError
from trust.policy import AgreementBook

AGREEMENTS = sorted((Path(__file__).parents[2] / "adapters" / "agreements").glob("*.toml"))


def terms(**changes: object) -> dict[str, object]:
    """Give the raw form of a good agreement, with some keys changed."""
    return {
        "id": "sichuan-chongqing",
        "regions": ["sichuan", "chongqing"],
        "in_force_from": date(2025, 1, 1),
        "in_force_to": date(2027, 12, 31),
        "synthetic": True,
        "item_types": ["SI.*", "GOV.IDENTITY"],
        "purposes": ["identity_check", "service_access"],
        "classes": ["identity", "payment"],
        "media": ["physical", "electronic"],
        "fields": ["holder.name", "card.status"],
        "consent_required": False,
        "cross_border": False,
        "data_age_limit_seconds": {"identity": 300, "payment": 0},
        "title": {"zh-Hans": "协议（示例）", "zh-Hant": "協議（示例）", "en": "Example", "pt": "Exemplo"},
        "legal_basis": [{"region": "chongqing", "source": "重庆市社会保障卡一卡通条例", "article": "第十七条"}],
        **changes,
    }


def test_a_good_agreement_is_read_whole() -> None:
    """Each key comes back in its type."""
    agreement = Agreement.from_mapping(terms())
    assert agreement.regions == ("sichuan", "chongqing")
    assert agreement.fields == {"holder.name", "card.status"}
    assert agreement.data_age_limit_seconds == {"identity": 300, "payment": 0}
    assert agreement.title["pt"] == "Exemplo"
    assert agreement.legal_basis == (
        LegalBasis(region="chongqing", source="重庆市社会保障卡一卡通条例", article="第十七条"),
    )
    assert agreement.synthetic
    assert agreement == Agreement.from_mapping(terms())
    assert hash(agreement) == hash(Agreement.from_mapping(terms()))


def test_nothing_is_decided_offline_unless_it_is_agreed() -> None:
    """For the classes that are named, and for so long."""
    assert Agreement.from_mapping(terms()).offline_life_seconds == {}
    told = terms(offline_life_seconds={"identity": 86_400})
    assert Agreement.from_mapping(told).offline_life_seconds == {"identity": 86_400}


def test_no_field_at_all_may_leave() -> None:
    """An agreement may allow answers and no data."""
    assert Agreement.from_mapping(terms(fields=[])).fields == frozenset()


FAULTS: tuple[tuple[str, object], ...] = (
    *each("id", "", "A", "a b", 1, "a" * 70, "x-510100190001010013"),
    *each("regions", [], ["sichuan"], "sichuan", ["sichuan", "sichuan"], ["sichuan", 1], ["Sichuan", "x y"]),
    *each("in_force_from", "2025-01-01", None, 20250101, datetime(2025, 1, 1, tzinfo=UTC)),
    *each("in_force_to", "never", date(2024, 12, 31)),
    *each("synthetic", 1, "true", None),
    *each("item_types", [], ["*"], [".*"], ["SI*"], ["si.*"], ["SI.*.*"], ["SI.", 1], ["SI.*", "SI.*"], "SI.*"),
    *each("purposes", [], ["marketing"], ["*"], ["identity_check", "identity_check"]),
    *each("classes", [], ["all"], ["identity", "identity"], ["identity", "disbursement"]),
    *each("media", [], ["qr"], {"physical": True}),
    *each("fields", ["*"], ["holder"], ["holder.*"], ["Holder.name"], None),
    *each("consent_required", 0, None),
    *each("cross_border", "no", None),
    *each(
        "data_age_limit_seconds",
        {},
        {"identity": 300},
        {"identity": -1, "payment": 0},
        {"identity": True, "payment": 0},
        300,
    ),
    ("data_age_limit_seconds", {"identity": 1, "payment": 0, "all": 0}),
    *each("offline_life_seconds", {"identity": -1}, {"disbursement": 1}, {"all": 1}, 86_400, None),
    *each("title", {}, {"en": "x"}, "x", {"zh-Hans": "x", "zh-Hant": "x", "en": " ", "pt": "x"}),
    ("title", {"zh-Hans": "x" * 201, "zh-Hant": "x", "en": "x", "pt": "x"}),
    *each("legal_basis", [], "law", [{}], ["law"], [{"region": "guizhou", "source": "x", "article": "1"}]),
    ("legal_basis", [{"region": "chongqing", "source": "x", "article": 1}]),
)


@pytest.mark.parametrize(("key", "value"), FAULTS, ids=[f"{key}-{i}" for i, (key, _) in enumerate(FAULTS)])
def test_a_fault_is_reported_under_its_key(key: str, value: object) -> None:
    """Each wrong value refuses the agreement and is named by place and rule."""
    with pytest.raises(AgreementDataError) as caught:
        Agreement.from_mapping(terms(**{key: value}))
    assert any(fault.startswith(f"{key}: ") or key == "classes" for fault in caught.value.faults)


@pytest.mark.parametrize("key", terms())
def test_a_missing_key_is_one_fault(key: str) -> None:
    """What is missing is said once, and never guessed."""
    with pytest.raises(AgreementDataError) as caught:
        Agreement.from_mapping({name: value for name, value in terms().items() if name != key})
    assert f"{key}: missing" in caught.value.faults
    assert sum(fault.startswith(f"{key}: ") for fault in caught.value.faults) == 1


def test_all_faults_come_in_one_report() -> None:
    """The operator learns everything at once; an unknown key is named only if it can hide no number."""
    raw = terms(regions=["sichuan"], purposes=["x", "y"], synthetic=1, extra=1, **{"510100190001010013": 1})
    with pytest.raises(AgreementDataError) as caught:
        Agreement.from_mapping(raw)
    assert set(caught.value.faults) == {
        "another: not a key of an agreement",
        "extra: not a key of an agreement",
        "regions: not a list of 2 or more",
        "synthetic: not true or false",
        "purposes: entry 1 is not an allowed one",
        "purposes: entry 2 is not an allowed one",
        "legal_basis: a region that is no party",
    }
    assert caught.value.metadata["agreement"] == "sichuan-chongqing"
    assert "510100190001010013" not in str(caught.value)


def test_nothing_at_all_is_reported_as_such() -> None:
    """An empty file misses every key and has no name."""
    with pytest.raises(AgreementDataError) as caught:
        Agreement.from_mapping({})
    assert len(caught.value.faults) == len(terms())
    assert caught.value.metadata["agreement"] == "unnamed"


@pytest.mark.parametrize(
    ("item_type", "covered"),
    [
        ("SI.PERSON.REG", True),
        ("SI.PERSON", True),
        ("GOV.IDENTITY", True),
        ("SI", False),
        ("SI.", False),
        ("SIX.PERSON", False),
        ("GOV.IDENTITY.MORE", False),
        ("GOV", False),
        ("si.person.reg", False),
        ("SI.*", False),
        ("", False),
        ("MED.VISIT", False),
    ],
)
def test_a_pattern_covers_what_is_below_it(item_type: str, *, covered: bool) -> None:
    """A pattern covers whole words below its stem, a code covers itself."""
    assert Agreement.from_mapping(terms()).covers(item_type) is covered


@pytest.mark.parametrize("path", AGREEMENTS, ids=lambda path: path.stem)
def test_the_agreements_that_are_shipped_are_good(path: Path) -> None:
    """Each example agreement is read without a fault and says that it is one."""
    assert Agreement.from_mapping(tomllib.loads(path.read_text("utf-8"))).synthetic


def test_the_agreements_that_are_shipped_make_a_book() -> None:
    """They do not contradict each other."""
    book = AgreementBook(Agreement.from_mapping(tomllib.loads(path.read_text("utf-8"))) for path in AGREEMENTS)
    assert len(book.agreements) == len(AGREEMENTS)
