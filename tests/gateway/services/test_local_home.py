"""The home side: what is asked when, what is held against what, and what the recognition says."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from adapters.credential import by_electronic_sign_number, by_qr_text
from adapters.errors import (
    BadUpstreamError,
    CardNotFoundError,
    RegionDataError,
    UnknownItemError,
    UnknownRegionError,
    UnsupportedCredentialError,
)
from adapters.words import CardStatus, Medium, Purpose
from gateway.errors import LimitError, StoreUnavailableError
from gateway.services.believe import believe
from gateway.services.local_home import RECOGNITION_SECONDS, agreement_title, china_day
from gateway.services.status_register import StatusRegister
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.place_book import FakePlaceBook
from tests.fakes.platform import FakePlatform
from tests.fakes.regions import (
    AGREEMENTS,
    CONSENT,
    KEYS,
    RECOGNITIONS,
    REGISTRY,
    credential,
    identity,
    item,
    local_home,
    question,
    record,
)
from trust.claims import RecognitionClaims
from trust.countersign import CounterSigner, InMemoryOriginals, prove
from trust.encoding import hash_request
from trust.errors import (
    AgreementNotInForceError,
    ClassNotAllowedError,
    ConsentMissingError,
    ItemNotInAgreementError,
    MediumNotAllowedError,
    NoAgreementError,
    PurposeNotAllowedError,
)
from trust.keys import KeyRing, SigningKey
from trust.policy import AgreementBook
from trust.signer import RecognitionSigner
from trust.verifier import RecognitionVerifier

if TYPE_CHECKING:
    from gateway.services.model import CardAnswer, CardQuestion

TODAY = china_day(NOON)


def only(agreement: str, **changes: Any) -> AgreementBook:  # noqa: ANN401 - any field of an agreement
    """Give a book of one agreement, changed."""
    (found,) = [one for one in AGREEMENTS.agreements if one.id == agreement]
    return AgreementBook([replace(found, **changes)])


async def usable(asked: CardQuestion, platform: FakePlatform | None = None) -> tuple[CardAnswer, RecognitionClaims]:
    """Ask, and verify the recognition as the visited region does."""
    answer = await local_home(asked.home_region, platform).answer(asked, disclose=True)
    assert answer.recognition is not None
    verified = RECOGNITIONS.verify(
        answer.recognition,
        audience=asked.visited_region,
        now=int(NOON),
        request_hash=asked.digest(),
        issuer=asked.home_region,
    )
    assert verified.claims == answer.claims
    return answer, verified.claims


REFUSED_FIRST: list[tuple[AgreementBook, dict[str, Any], type[Exception]]] = [
    (AgreementBook([]), {}, NoAgreementError),
    (only("sichuan-chongqing", in_force_to=TODAY - timedelta(1)), {}, AgreementNotInForceError),
    (only("sichuan-chongqing", in_force_from=TODAY + timedelta(1)), {}, AgreementNotInForceError),
    (only("sichuan-chongqing", purposes=("fee_payment",)), {}, PurposeNotAllowedError),
    (only("sichuan-chongqing", item_types=("SI.*",)), {}, ItemNotInAgreementError),
    (only("sichuan-chongqing", classes=("payment",)), {}, ClassNotAllowedError),
    (only("sichuan-chongqing", media=("electronic",)), {}, MediumNotAllowedError),
    (only("sichuan-chongqing", consent_required=True), {}, ConsentMissingError),
    (only("sichuan-chongqing", cross_border=True), {}, ConsentMissingError),
    (AGREEMENTS, {"visited_item": "SC-99"}, UnknownItemError),
    (AGREEMENTS, {"visited_region": "atlantis"}, UnknownRegionError),
    (AGREEMENTS, {"visited_region": "shiyan", "visited_item": "SY-01"}, NoAgreementError),
]


@pytest.mark.parametrize(
    ("agreements", "changes", "error"), REFUSED_FIRST, ids=[error.__name__ for _, _, error in REFUSED_FIRST]
)
async def test_the_platform_is_asked_nothing_before_the_agreement_allows(
    agreements: AgreementBook, changes: dict[str, Any], error: type[Exception]
) -> None:
    """What the agreement refuses never reaches the platform, so that nobody's data is touched."""
    platform = FakePlatform(record("chongqing"))
    home = local_home(platform=platform, agreements=agreements)
    with pytest.raises(error):
        await home.answer(question(**changes), disclose=True)
    assert platform.asked == []


async def test_a_credential_that_the_region_cannot_resolve_is_refused_before_asking() -> None:
    """Guizhou has no sign numbers."""
    platform = FakePlatform(record("guizhou"))
    asked = question("guizhou", "chongqing", visited_item="CQ-31", credential=by_electronic_sign_number("SYN-1"))
    with pytest.raises(UnsupportedCredentialError):
        await local_home("guizhou", platform).answer(asked, disclose=True)
    assert platform.asked == []


async def test_a_good_card_is_answered_with_verdict_identity_and_recognition() -> None:
    """One look-up by the region's own field names gives everything."""
    platform = FakePlatform(record("chongqing"), age_seconds=120.5)
    asked = question()
    answer, _ = await usable(asked, platform)
    assert [draft.record for draft in platform.asked] == [{"aaz500": "A00000001", "aac002": "500112190302110117"}]
    verdict = answer.verdict
    assert verdict.usable
    assert (verdict.home_region, verdict.visited_region) == ("chongqing", "sichuan")
    assert (verdict.card_status, verdict.suspended_functions) == (CardStatus.ACTIVE, frozenset())
    assert (verdict.status_as_of, verdict.answered_at) == (NOON - 120.5, NOON)
    assert (verdict.item.source.item, verdict.item.target_region) == ("SC-15", "chongqing")
    assert [found.item.item for found in verdict.item.items] == ["CQ-31"]
    assert verdict.agreement == "sichuan-chongqing"
    assert answer.identity is not None
    assert answer.identity.region == "chongqing"
    assert answer.identity.holder.documents == ()


async def test_the_recognition_says_what_was_asked_and_decided() -> None:
    """Every claim follows from question, verdict and catalogs; its life is five minutes."""
    asked = question(visited_item="SC-16", medium=Medium.ELECTRONIC, purpose=Purpose.IDENTITY_CHECK)
    _, claims = await usable(asked, FakePlatform(record("chongqing"), age_seconds=200.9))
    now = int(NOON)
    assert claims == RecognitionClaims(
        iss="chongqing",
        aud="sichuan",
        sub=claims.sub,
        iat=now,
        nbf=now,
        exp=now + RECOGNITION_SECONDS,
        jti="chongqing-1",
        item="SC-16",
        home_items=("CQ-31",),
        catalog_version=REGISTRY.get("chongqing").catalog.version,
        purpose="identity_check",
        classes={"identity": ("CUL.MUSEUM",)},
        card_status="active",
        card_status_as_of=now - 201,
        medium="electronic",
        assurance="substantial",
        request_hash=asked.digest(),
        agreement="sichuan-chongqing",
        one_time=False,
    )


@pytest.mark.parametrize("name", ["SC-04", "SC-15"])
async def test_a_recognition_is_for_one_use_where_the_item_says_so(name: str) -> None:
    """Items that pay or settle once give recognitions for one use."""
    _, claims = await usable(question(visited_item=name, purpose=Purpose.BENEFIT_DISBURSEMENT))
    assert claims.one_time is item("sichuan", name).one_time is (name == "SC-04")


async def test_the_subject_is_a_pairwise_pseudonym_of_the_holder() -> None:
    """It survives a replaced card, differs between visited regions and holders, and shows no number."""
    _, first = await usable(question())
    replaced = FakePlatform(record("chongqing", aaz500="B12345678"))
    by_code = replace(question(), credential=by_qr_text("SYN-QR"))
    _, again = await usable(by_code, replaced)
    _, elsewhere = await usable(question(visited="guizhou", visited_item="GZ-01"))
    _, other = await usable(
        question(credential=credential("chongqing", "active_2")), FakePlatform(record("chongqing", "active_2"))
    )
    assert first.sub == again.sub
    assert len({first.sub, elsewhere.sub, other.sub}) == 3
    assert "500112190302110117" not in first.sub


@pytest.mark.parametrize("missing", ["holder", "document", "both"])
async def test_the_subject_needs_a_number_of_the_holder(missing: str) -> None:
    """A document stands in for the social-security number; without either there is nothing to vouch for."""
    told = record("chongqing")
    if missing != "document":
        del told["aac002"]
    if missing != "holder":
        del told["aac058"], told["aac147"]
    asked = question(credential=by_qr_text("SYN-QR"))
    if missing == "both":
        with pytest.raises(BadUpstreamError) as caught:
            await local_home(platform=FakePlatform(told)).answer(asked, disclose=True)
        assert caught.value.metadata == {"region": "chongqing", "rule": "no_holder_number"}
        return
    _, claims = await usable(asked, FakePlatform(told))
    assert claims.sub


@pytest.mark.parametrize("state", ["lost_formal", "locked", "sealed", "cancelled", "expired", "status_unknown"])
async def test_a_refused_card_discloses_nothing(state: str) -> None:
    """Without a usable class there is no identity, no recognition and no claims, only the verdict."""
    platform = FakePlatform(record("chongqing", state))
    asked = question(credential=credential("chongqing", state))
    answer = await local_home(platform=platform).answer(asked, disclose=True)
    assert not answer.verdict.usable
    assert (answer.identity, answer.recognition, answer.claims) == (None, None, None)


async def test_stale_knowledge_refuses() -> None:
    """The agreement's limit is held against the time for which the platform vouches."""
    platform = FakePlatform(record("chongqing"), age_seconds=306.0)
    answer = await local_home(platform=platform).answer(question(), disclose=True)
    assert answer.verdict.classes[0].reason == "STALE_STATUS"
    assert answer.recognition is None


async def test_an_identity_that_is_not_wanted_is_not_made() -> None:
    """The recognition comes all the same."""
    answer = await local_home().answer(question(), disclose=False)
    assert answer.identity is None
    assert answer.recognition is not None


async def test_use_in_the_home_region_needs_no_agreement_and_gives_no_recognition() -> None:
    """The region's own platform sees the whole identity of its own card."""
    asked = question("shiyan", "shiyan", visited_item="SY-10")
    answer = await local_home("shiyan", agreements=AgreementBook([])).answer(asked, disclose=True)
    assert answer.verdict.usable
    assert answer.verdict.agreement == ""
    assert answer.identity == identity("shiyan")
    assert (answer.recognition, answer.claims) == (None, None)


async def test_use_at_home_of_a_suspended_card_is_refused() -> None:
    """Shiyan tells suspended functions, and its own Article 17 decides."""
    asked = question("shiyan", "shiyan", visited_item="SY-01", credential=credential("shiyan", "suspended_both"))
    platform = FakePlatform(record("shiyan", "suspended_both"))
    answer = await local_home("shiyan", platform).answer(asked, disclose=True)
    assert {v.reason for v in answer.verdict.classes} <= {"FUNCTION_SUSPENDED", "CLASS_NOT_OFFERED"}
    assert len(answer.verdict.suspended_functions) == 2
    assert answer.identity is None


async def test_errors_of_the_platform_pass_as_they_are() -> None:
    """A card that is not found is not found."""
    home = local_home(platform=FakePlatform(failure=CardNotFoundError(region="chongqing")))
    with pytest.raises(CardNotFoundError):
        await home.answer(question(), disclose=True)


async def test_a_region_that_cannot_sign_is_not_the_callers_fault() -> None:
    """What the signer refuses is told as wrong data of the region, not as a token that the caller sent."""
    home = local_home(signer=RecognitionSigner(KEYS["sichuan"]))
    with pytest.raises(RegionDataError) as caught:
        await home.answer(question(), disclose=True)
    assert caught.value.metadata == {"region": "chongqing", "rule": "recognition"}


def test_reachability_is_the_platforms() -> None:
    """The home side is as reachable as its platform."""
    platform = FakePlatform()
    home = local_home(platform=platform)
    assert home.reachable
    platform.reachable = False
    assert not home.reachable


async def test_cross_border_use_carries_its_consent() -> None:
    """Within the Greater Bay Area the reference is part of what the recognition answers."""
    asked = question("guangdong", "hongkong", visited_item="HK-01", consent_reference=CONSENT)
    with pytest.raises(ConsentMissingError):
        await local_home("guangdong").answer(replace(asked, consent_reference=None), disclose=True)
    answer, claims = await usable(asked)
    assert answer.verdict.agreement == "greater-bay-area"
    assert claims.request_hash != replace(asked, consent_reference="GBA-SYN-0002").digest()


def test_days_begin_in_the_regions_own_time() -> None:
    """Sixteen hundred UTC is midnight in China."""
    evening = NOON + 12 * 3600
    assert (china_day(evening - 1), china_day(evening)) == (date(2026, 6, 1), date(2026, 6, 2))


async def test_the_agreement_is_asked_for_the_day_in_china() -> None:
    """An agreement that ends today ends at midnight there, and not in London."""
    book = only("sichuan-chongqing", in_force_to=date(2026, 6, 1))
    clock = FakeClock(NOON + 12 * 3600 - 1)
    home = local_home(platform=FakePlatform(record("chongqing"), clock), agreements=book, clock=clock)
    assert (await home.answer(question(), disclose=False)).verdict.usable
    clock.advance(1)
    with pytest.raises(AgreementNotInForceError):
        await home.answer(question(), disclose=False)


def test_titles_of_agreements_come_in_four_languages() -> None:
    """Every agreement has all four, and they differ."""
    for agreement in AGREEMENTS.agreements:
        title = agreement_title(agreement)
        assert len({title.zh_hans, title.zh_hant, title.en, title.pt}) == 4


async def test_each_class_is_granted_for_its_own_item_types() -> None:
    """What one class is limited to never widens another: a bundle is granted class by class."""
    answer = await local_home("sichuan").answer(question("sichuan", "chongqing", visited_item="CQ-02"), disclose=False)
    assert answer.claims is not None
    for verdict in answer.verdict.classes:
        if verdict.usable:
            assert answer.claims.classes[verdict.application_class.value] == verdict.item_types
    assert len(set(answer.claims.classes.values())) > 1


def register(book: FakePlaceBook, places: int = 8) -> StatusRegister:
    """Make Chongqing's status lists."""
    address = "https://chongqing.example/regions/chongqing/status"
    return StatusRegister(KEYS["chongqing"], book=book, address=address, clock=FakeClock(), places=places, max_lists=1)


async def test_a_recognition_says_where_its_state_is() -> None:
    """Its place is its own, and it can be revoked by its identifier or by its pseudonym."""
    statuses = register(FakePlaceBook(7))
    home = local_home(statuses=statuses)
    one, other = [(await home.answer(question(), disclose=False)).claims for _ in range(2)]
    assert one is not None
    assert other is not None
    assert one.status is not None
    assert other.status is not None
    assert one.status.uri == other.status.uri == "https://chongqing.example/regions/chongqing/status/7"
    assert one.status.index != other.status.index
    assert await statuses.revoke(one.jti)
    assert await statuses.revoke_subject(other.sub) == 2


async def test_no_recognition_is_issued_without_a_place() -> None:
    """When all places are taken nothing is signed that could not be revoked; a refusal takes no place."""
    book = FakePlaceBook(7)
    statuses = register(book, places=1)
    lost = FakePlatform(record("chongqing", "lost_formal"))
    asked = question(credential=credential("chongqing", "lost_formal"))
    assert (await local_home(platform=lost, statuses=statuses).answer(asked, disclose=False)).recognition is None
    assert len(book) == 0
    home = local_home(statuses=statuses)
    assert (await home.answer(question(), disclose=False)).recognition is not None
    with pytest.raises(LimitError):
        await home.answer(question(), disclose=False)


async def test_no_recognition_leaves_whose_place_is_not_kept() -> None:
    """Where the store is away nothing is signed, for nobody could revoke it after a restart."""
    book = FakePlaceBook(7)
    home = local_home(statuses=register(book))
    assert (await home.answer(question(), disclose=False)).recognition is not None
    book.gone = True
    with pytest.raises(StoreUnavailableError):
        await home.answer(question(), disclose=False)


async def test_an_answer_is_bound_to_the_certificate_of_who_asks() -> None:
    """RP7: the binding is in the token and no part of the question that it answers."""
    mine = hash_request(b"a certificate")
    bound = question(confirmation=mine)
    assert bound.digest() == question().digest()
    answer = await local_home().answer(bound, disclose=False)
    assert answer.claims is not None
    assert answer.claims.confirmation == mine


async def test_a_partner_of_another_suite_is_answered_in_its_own() -> None:
    """The mainland original is signed with SM2 and kept; Hong Kong is handed ES256, and both are provable."""
    asked = question("guangdong", "hongkong", visited_item="HK-01", consent_reference=CONSENT)
    national = SigningKey.generate("SGD_SM3_SM2", issuer="guangdong")
    ring, store = KeyRing([national.public(), KEYS["guangdong"].public()]), InMemoryOriginals(4)
    signer = CounterSigner(
        national, partners={"hongkong": KEYS["guangdong"]}, verifier=RecognitionVerifier(ring), store=store
    )
    answer = await local_home("guangdong", signer=signer).answer(asked, disclose=False)
    claims = believe(asked, answer, recognitions=RecognitionVerifier(ring), now=int(NOON))
    assert claims is not None
    pair = store.find("guangdong", claims.jti)
    assert pair is not None
    assert pair.countersigned == answer.recognition
    proof = prove(pair.original, pair.countersigned, find=ring.find)
    assert (proof.original_key.algorithm, proof.counter_key.algorithm) == ("SGD_SM3_SM2", "ES256")
