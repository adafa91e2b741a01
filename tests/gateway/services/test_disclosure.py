"""Data minimisation, golden: for each pair of regions precisely the fields that its agreement names leave."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from adapters.adapter import ManifestAdapter
from adapters.canonical import FIELD_PATHS, Card, CardIdentity, Document, Holder, PersonName, RomanisedName
from adapters.card_rules import IntegrityRule
from adapters.identifiers import (
    CardNumber,
    DivisionCode,
    ElectronicSignNumber,
    IdentificationCode,
    IntegrityRecordReference,
    SocialSecurityNumber,
)
from adapters.registry import load_agreements
from adapters.words import CardFunction, CardStatus, DocumentType, Sex
from gateway.services.disclosure import GUARDED, contradicts, disclose_fields, holder_key, reveal, tells_functions
from tests.fakes.platform import FakePlatform
from tests.fakes.regions import AGREEMENTS, CONSENT, REGISTRY, credential, local_home, question, record
from trust.agreement import Agreement
from trust.errors import TrustError
from trust.policy import AgreementBook

if TYPE_CHECKING:
    from trust.policy import Permission

ALL = CardIdentity(
    "chongqing",
    Holder(
        social_security_number=SocialSecurityNumber("500112190302110117"),
        name=PersonName("测试甲"),
        romanised_name=RomanisedName(PersonName("CESHI"), PersonName("JIA")),
        sex=Sex.MALE,
        birth_date=date(1903, 2, 11),
        nationality="CHN",
        documents=(Document.parse(DocumentType.CITIZEN_ID, "500112190302110117"),),
        integrity_record=IntegrityRecordReference("SYN-CX-0001"),
    ),
    Card(
        number=CardNumber("A00000001"),
        identification_code=IdentificationCode("500106D156000001052E0A23070F3578"),
        issuer_division=DivisionCode("500106"),
        specification="3.00",
        issued_on=date(2021, 3, 18),
        expires_on=date(2031, 3, 18),
        status=CardStatus.ACTIVE,
        suspended_functions=frozenset({CardFunction.FINANCIAL}),
        electronic_sign_number=ElectronicSignNumber("SYN-CQ-00000001"),
    ),
)

# Written out by hand, so that a change of an agreement shows here as a change of what leaves a region.
NARROW = frozenset(
    {
        "holder.social_security_number",
        "holder.name",
        "card.number",
        "card.identification_code",
        "card.issuer_division",
        "card.expires_on",
        "card.status",
        "card.suspended_functions",
    }
)
WIDE = frozenset(FIELD_PATHS) - {"holder.romanised_name", "holder.documents", "holder.integrity_record"}
BAY = frozenset({"holder.name", "holder.romanised_name", "holder.sex", "card.expires_on", "card.status"})
GOLDEN = {
    frozenset({"chongqing", "sichuan"}): WIDE,
    frozenset({"chongqing", "guizhou"}): NARROW,
    frozenset({"chongqing", "xizang"}): NARROW,
    frozenset({"guangdong", "hongkong"}): BAY,
    frozenset({"guangdong", "macao"}): BAY,
    frozenset({"hongkong", "macao"}): BAY,
}
PAIRS = [pair for pair in permutations(REGISTRY.regions, 2) if frozenset(pair) in GOLDEN]


def told(identity: CardIdentity) -> frozenset[str]:
    """Name the fields that say something."""
    values = ((path, *path.split(".")) for path in FIELD_PATHS)
    return frozenset(path for path, part, name in values if getattr(getattr(identity, part), name))


def permission(home: str, visited: str) -> Permission:
    """Get whatever permission the agreement of two regions gives."""
    agreement = next(one for one in AGREEMENTS.agreements if one.joins(home, visited))
    return AGREEMENTS.permit(
        home=home,
        visited=visited,
        item_types=[agreement.item_types[-1].removesuffix(".*") + (".X" if "*" in agreement.item_types[-1] else "")],
        purpose=agreement.purposes[0],
        classes=["identity"],
        medium="physical",
        on=date(2026, 6, 1),
        consent_reference=CONSENT,
    )


def test_golden_table_names_every_pair_with_an_agreement() -> None:
    """An agreement that is added must be added to the golden table."""
    joined = {
        frozenset(pair)
        for pair in permutations(REGISTRY.regions, 2)
        for agreement in AGREEMENTS.agreements
        if agreement.joins(*pair)
    }
    assert joined == set(GOLDEN)
    assert len(PAIRS) == 12


@pytest.mark.parametrize(("home", "visited"), PAIRS)
def test_exactly_the_agreed_fields_leave(home: str, visited: str) -> None:
    """Of an identity that says everything the agreed fields remain, unchanged, in both directions."""
    assert told(ALL) == set(FIELD_PATHS)
    identity = replace(ALL, region=home)
    disclosed = disclose_fields(identity, permission(home, visited))
    assert told(disclosed) == GOLDEN[frozenset({home, visited})]
    for path in told(disclosed):
        part, name = path.split(".")
        assert getattr(getattr(disclosed, part), name) == getattr(getattr(ALL, part), name)
    assert disclosed.region == home


@pytest.mark.parametrize(("home", "visited"), PAIRS)
async def test_no_answer_discloses_more_for_any_item(home: str, visited: str) -> None:
    """Whatever item is asked for, no field outside the agreement is in the answer."""
    side = local_home(home)
    answered = 0
    for item in REGISTRY.get(visited).catalog:
        asked = question(home, visited, visited_item=item.item, medium=item.media[0], consent_reference=CONSENT)
        try:
            answer = await side.answer(asked, disclose=True)
        except TrustError:
            continue
        answered += 1
        if answer.identity is not None:
            assert told(answer.identity) <= GOLDEN[frozenset({home, visited})]
    assert answered


def test_a_guarded_field_needs_the_home_regions_law_beside_the_agreement() -> None:
    """The reference of a record of misuse leaves for an entitled region, where the agreement names it, and else not."""
    allowed = permission("chongqing", "sichuan")
    assert allowed is not None
    named = replace(allowed, fields=allowed.fields | GUARDED)
    assert told(disclose_fields(ALL, named, entitled=False)) == WIDE
    assert told(disclose_fields(ALL, named, entitled=True)) == WIDE | GUARDED
    assert told(disclose_fields(ALL, allowed, entitled=True)) == WIDE


async def test_the_integrity_record_reaches_entitled_regions_only() -> None:
    """Shiyan with an agreement that names the field: Chongqing gets it if Shiyan's rules entitle it, else not."""
    terms = tomllib.loads(load_agreements()["sichuan_chongqing.toml"])
    terms |= {"id": "chongqing-shiyan", "regions": ["chongqing", "shiyan"], "item_types": ["GOV.*"]}
    terms |= {"fields": [*terms["fields"], "holder.integrity_record"], "legal_basis": terms["legal_basis"][:1]}
    agreements = AgreementBook((Agreement.from_mapping(terms),))
    adapter = REGISTRY.get("shiyan")
    for entitled in ((), ("chongqing",)):
        integrity = IntegrityRule(article="第十三条", entitled=entitled)
        platform = FakePlatform(record("shiyan", "integrity_record"))
        side = local_home("shiyan", platform, agreements=agreements)
        changed = ManifestAdapter(
            adapter.manifest, adapter.catalog, rules=adapter.rules.model_copy(update={"integrity": integrity})
        )
        side._adapter = changed
        asked = question(
            "shiyan", "chongqing", visited_item="CQ-17", credential=credential("shiyan", "integrity_record")
        )
        answer = await side.answer(asked, disclose=True)
        assert answer.identity is not None
        shown = reveal(answer.identity, "holder.integrity_record")
        assert shown == ("SYN-CX-0001" if entitled else None)


def test_home_use_sees_everything() -> None:
    """No agreement, no blanks."""
    assert disclose_fields(ALL, None) is ALL


def test_fields_are_told_as_text() -> None:
    """Every kind of value has one text, and what is not told has none."""
    assert reveal(ALL, "holder.social_security_number") == "500112190302110117"
    assert reveal(ALL, "card.issuer_division") == "500106"
    assert reveal(ALL, "holder.birth_date") == "1903-02-11"
    assert reveal(ALL, "card.status") == "active"
    assert reveal(replace(ALL, card=Card()), "card.number") is None


def test_a_holder_is_known_by_number_or_document() -> None:
    """The two can never be taken for one another."""
    by_document = replace(ALL, holder=replace(ALL.holder, social_security_number=None))
    assert holder_key(ALL) == "ssn:500112190302110117"
    assert holder_key(by_document) == "citizen_id:500112190302110117"


def test_an_identity_is_contradicted_only_by_what_it_tells() -> None:
    """A field that is withheld says nothing against anybody."""
    right = {"card.number": reveal(ALL, "card.number") or "", "holder.name": reveal(ALL, "holder.name") or ""}
    assert not contradicts(ALL, right)
    assert contradicts(ALL, {**right, "card.number": "Z99999999"})
    assert not contradicts(replace(ALL, card=Card()), {**right, "card.number": "Z99999999"})
    assert not contradicts(ALL, {})


def test_suspended_functions_are_told_at_home_or_where_they_are_named() -> None:
    """As any other field."""
    allowed = permission("chongqing", "sichuan")
    assert tells_functions(None)
    assert tells_functions(allowed)
    assert not tells_functions(replace(allowed, fields=allowed.fields - {"card.suspended_functions"}))
