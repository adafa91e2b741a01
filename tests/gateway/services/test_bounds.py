"""Another region's word goes as far as item, agreement, catalogs and rules go, whatever a genuine key has signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from adapters.canonical import Document
from adapters.equivalence import coverage
from adapters.words import ApplicationClass, CardFunction, CardStatus, DocumentType, Medium, Purpose
from gateway.errors import PeerProtocolError
from gateway.services.bounds import Bounds
from gateway.services.local_home import china_day, permit
from gateway.services.model import CardAnswer, ClassVerdict, Decision, granted
from gateway.services.verdict import CardFacts, UseFacts
from tests.fakes.clock import NOON
from tests.fakes.platform import FakePlatform
from tests.fakes.regions import (
    AGREEMENTS,
    CONSENT,
    REGISTRY,
    RULES,
    credential,
    identity,
    item,
    local_home,
    question,
    record,
)
from trust.errors import (
    AgreementNotInForceError,
    ClaimInvalidError,
    ClassNotAllowedError,
    ItemNotInAgreementError,
    MediumNotAllowedError,
    NoAgreementError,
    PurposeNotAllowedError,
    TrustError,
)
from trust.policy import AgreementBook

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from gateway.services.model import CardQuestion
    from trust.claims import RecognitionClaims
    from trust.policy import Permission

TODAY = china_day(NOON)
BOUNDS = Bounds(registry=REGISTRY, agreements=AGREEMENTS, rules=RULES)
MUSEUM = {"identity": ("CUL.MUSEUM",)}
PENSION = {"visited_item": "SC-04", "purpose": Purpose.BENEFIT_DISBURSEMENT}


def only(agreement: str, **changes: Any) -> Bounds:  # noqa: ANN401 - any field of an agreement
    """Go by one agreement, changed."""
    (found,) = [one for one in AGREEMENTS.agreements if one.id == agreement]
    return Bounds(registry=REGISTRY, agreements=AgreementBook([replace(found, **changes)]), rules=RULES)


async def claimed(**changes: Any) -> RecognitionClaims:  # noqa: ANN401 - any field of a question
    """Give the claims of a recognition that Chongqing really grants."""
    claims = (await local_home().answer(question(**changes), disclose=False)).claims
    assert claims is not None
    return claims


def fault(claims: RecognitionClaims, bounds: Bounds = BOUNDS, on: date = TODAY) -> tuple[str, str]:
    """Give claim and rule of a refusal."""
    with pytest.raises(ClaimInvalidError) as caught:
        bounds.hold(claims, on=on)
    return caught.value.metadata["claim"], caught.value.metadata["rule"]


@pytest.mark.parametrize("home", ["chongqing", "sichuan", "guangdong", "hongkong", "macao", "guizhou", "xizang"])
async def test_whatever_a_home_side_grants_is_within_the_bounds(home: str) -> None:
    """Over all items, forms of the card, purposes and partners: both sides go by the same rules, to the letter."""
    side, held = local_home(home), 0
    for visited, medium, purpose in product(REGISTRY, Medium, Purpose):
        if visited.region == home:
            continue
        for name in visited.catalog:
            asked = question(
                home,
                visited.region,
                visited_item=name.item,
                medium=medium,
                purpose=purpose,
                consent_reference=CONSENT,
            )
            try:
                answer = await side.answer(asked, disclose=True)
            except TrustError:
                continue
            permission = permit(AGREEMENTS, asked, name, on=TODAY)
            assert permission is not None
            assert BOUNDS.believed(asked, answer, permission, name, on=TODAY) == answer
            if answer.claims is not None:
                BOUNDS.hold(answer.claims, on=TODAY)
                held += 1
    assert held


@pytest.mark.parametrize("state", ["lost_formal", "locked", "sealed", "cancelled", "expired", "status_unknown"])
async def test_refusals_of_an_honest_peer_are_believed(state: str) -> None:
    """A worse card is told with the reason of its state."""
    asked = question(credential=credential("chongqing", state))
    platform = FakePlatform(record("chongqing", state))
    answer = await local_home(platform=platform).answer(asked, disclose=True)
    assert not answer.verdict.usable
    assert believed(asked, answer) == answer


@pytest.mark.parametrize("suspended", [{CardFunction.FINANCIAL}, {CardFunction.SOCIAL_SECURITY}, set(CardFunction)])
@pytest.mark.parametrize("name", ["SC-01", "SC-04", "SC-11", "SC-15"])
async def test_limits_of_an_honest_peer_are_believed(name: str, suspended: set[CardFunction]) -> None:
    """What a suspension leaves, by the rules of the home side, is what this side grants at most."""
    asked, answer = await answered(visited_item=name, purpose=Purpose.MEDICAL_CARE)
    assert answer.identity
    assert answer.claims
    visited = item("sichuan", name)
    card = replace(answer.identity.card, suspended_functions=frozenset(suspended))
    covered = coverage(visited, REGISTRY.get("chongqing").catalog, on=TODAY)
    use = UseFacts(item=visited, medium=asked.medium, permission=permission_of(asked), coverage=covered)
    formed = RULES.form(CardFacts(card=card, age_seconds=0, today=TODAY, suspension_basis="SYN"), use)
    verdict = replace(answer.verdict, classes=formed, suspended_functions=card.suspended_functions)
    claims = replace(answer.claims, classes=granted(verdict)) if verdict.usable else None
    told = replace(answer, verdict=verdict, identity=None, claims=claims)
    assert believed(asked, told) == told


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"iss": "guangdong"}, NoAgreementError),
        ({"iss": "shiyan", "agreement": "no-such-agreement"}, NoAgreementError),
        ({"aud": "guizhou", "item": "GZ-01", "classes": {"disbursement": ("TRA.BUS",)}}, ClassNotAllowedError),
        ({"aud": "guizhou", "item": "GZ-01", "purpose": "medical_care", "classes": {"identity": ("TRA.BUS",)}},
         PurposeNotAllowedError),
    ],
)  # fmt: skip
async def test_no_key_grants_what_no_agreement_does(changes: dict[str, Any], error: type[Exception]) -> None:
    """Of a known region without an agreement with the reader, or with a narrower one."""
    with pytest.raises(error):
        BOUNDS.hold(replace(await claimed(), **changes), on=TODAY)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"in_force_to": TODAY - timedelta(1)}, AgreementNotInForceError),
        ({"purposes": ("fee_payment",)}, PurposeNotAllowedError),
        ({"media": ("electronic",)}, MediumNotAllowedError),
        ({"item_types": ("SI.*",)}, ItemNotInAgreementError),
        ({"classes": ("payment",)}, ClassNotAllowedError),
    ],
)
async def test_the_readers_own_agreement_counts(changes: dict[str, Any], error: type[Exception]) -> None:
    """What the home region reads in its copy is no matter."""
    with pytest.raises(error):
        only("sichuan-chongqing", **changes).hold(await claimed(), on=TODAY)


@pytest.mark.parametrize("demand", ["consent_required", "cross_border"])
async def test_consent_was_demanded_where_the_recognition_was_issued(demand: str) -> None:
    """The token has no reference; the home region gives none out without it."""
    claims = await claimed()
    only("sichuan-chongqing", **{demand: True}).hold(claims, on=TODAY)
    with pytest.raises(TrustError):
        await local_home(agreements=only("sichuan-chongqing", **{demand: True})._agreements).answer(
            question(), disclose=False
        )


TOO_MUCH: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"iss": "sichuan"}, ("iss", "another region than aud")),
    ({"item": "SC-99"}, ("item", "item of the audience's catalog")),
    ({"aud": "atlantis"}, ("item", "item of the audience's catalog")),
    ({"classes": {}}, ("classes", "item types of the item")),
    ({"classes": {"identity": ("GOV.IDENTITY",)}}, ("classes", "item types of the item")),
    ({"classes": {"identity": ("CUL.MUSEUM", "TRA.FERRY")}}, ("classes", "item types that may be granted")),
    ({"classes": {**MUSEUM, "payment": ("CUL.MUSEUM",)}}, ("classes", "CLASS_NOT_OFFERED")),
    ({"item": "SC-16", "classes": {"identity": ("CUL.ARTMUSEUM", "CUL.MUSEUM")}},
     ("classes", "item types that may be granted")),
    ({"agreement": "chongqing-guizhou"}, ("agreement", "the agreement of the two regions")),
    ({"card_status": "cancelled"}, ("card_status", "CARD_CANCELLED")),
    ({"card_status": "lost_temporary"}, ("card_status", "CARD_LOST_TEMPORARY")),
    ({"card_status": "dormant"}, ("card_status", "CARD_STATUS_UNKNOWN")),
    ({"card_status_as_of": int(NOON) - 306}, ("card_status_as_of", "STALE_STATUS")),
    ({"card_status_as_of": int(NOON) - 365 * 86_400}, ("card_status_as_of", "STALE_STATUS")),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), TOO_MUCH)
async def test_a_claim_that_says_too_much_is_named(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    """Each by itself refuses a recognition that is good otherwise."""
    claims = await claimed()
    BOUNDS.hold(replace(claims, card_status_as_of=int(NOON) - 305), on=TODAY)
    assert fault(replace(claims, **changes)) == expected


async def test_an_item_counts_as_the_audience_lists_it() -> None:
    """On its days, for its forms of the card, for one use where it says so, live where money moves."""
    claims = await claimed(**PENSION)
    BOUNDS.hold(claims, on=TODAY)
    assert fault(replace(claims, one_time=False)) == ("one_time", "true for this item")
    assert fault(replace(claims, card_status_as_of=claims.iat - 6)) == ("card_status_as_of", "STALE_STATUS")
    museum = await claimed()
    BOUNDS.hold(replace(museum, one_time=True), on=TODAY)
    dated = item("sichuan", "SC-15")
    assert dated.effective_from
    early = only("sichuan-chongqing", in_force_from=dated.effective_from - timedelta(9))
    assert fault(museum, early, dated.effective_from - timedelta(1)) == ("item", "DRAFT_NOT_IN_FORCE")
    one_form = item("hongkong", "HK-02")
    types = tuple(relation.item_type for relation in one_form.relations)
    physical = replace(
        museum, iss="guangdong", aud="hongkong", item="HK-02", agreement="greater-bay-area", classes={"identity": types}
    )
    assert fault(physical) == ("medium", "MEDIUM_NOT_ACCEPTED")


async def test_what_the_home_catalog_does_not_have_is_not_granted() -> None:
    """Chongqing has no counterpart of SC-17, and takes no fee for what SC-08 does, whatever it signs."""
    for name, c, reason in (
        ("SC-17", "identity", "NO_EQUIVALENT_ITEM"),
        ("SC-08", "payment", "CLASS_NOT_IN_HOME_ITEM"),
    ):
        types = tuple(relation.item_type for relation in item("sichuan", name).relations)
        claims = replace(await claimed(), item=name, classes={c: types}, one_time=True)
        assert fault(claims) == ("classes", reason)


def permission_of(asked: CardQuestion, bounds: Bounds = BOUNDS) -> Permission:
    """Ask the agreement as the use case does."""
    visited = item(asked.visited_region, asked.visited_item)
    permission = permit(bounds._agreements, asked, visited, on=TODAY)
    assert permission is not None
    return permission


def believed(asked: CardQuestion, answer: CardAnswer, bounds: Bounds = BOUNDS) -> CardAnswer:
    """Hold a peer's answer against the agreement."""
    visited = item(asked.visited_region, asked.visited_item)
    return bounds.believed(asked, answer, permission_of(asked, bounds), visited, on=TODAY)


def unbelieved(asked: CardQuestion, answer: CardAnswer, bounds: Bounds = BOUNDS) -> str:
    """Give the rule by which a peer's answer is not believed."""
    with pytest.raises(PeerProtocolError) as caught:
        believed(asked, answer, bounds)
    assert caught.value.metadata["region"] == "chongqing"
    return caught.value.metadata["rule"]


async def answered(**changes: Any) -> tuple[CardQuestion, CardAnswer]:  # noqa: ANN401 - any field of a question
    """Give a question and Chongqing's honest answer."""
    asked = question(**changes)
    return asked, await local_home().answer(asked, disclose=True)


def saying(answer: CardAnswer, classes: Mapping[str, tuple[str, ...]] | None = None, **claims: Any) -> CardAnswer:  # noqa: ANN401 - any claim
    """Make a peer that signs what it says: verdict and claims agree."""
    assert answer.claims
    signed = replace(answer.claims, **claims, classes=classes or answer.claims.classes)
    status = CardStatus(signed.card_status)
    verdicts = tuple(
        ClassVerdict(c, Decision.LIMITED, "ITEM_COVERED_IN_PART", signed.classes[c.value])
        if c.value in signed.classes
        else ClassVerdict(c, Decision.NOT_OFFERED, "CLASS_NOT_OFFERED")
        for c in ApplicationClass
    )
    verdict = replace(answer.verdict, classes=verdicts, card_status=status, agreement=signed.agreement)
    return replace(answer, verdict=verdict, claims=signed, identity=None)


@pytest.mark.parametrize(
    ("classes", "claims", "rule"),
    [
        ({c.value: ("CUL.MUSEUM",) for c in ApplicationClass}, {}, "claim:classes"),
        ({"identity": ("GOV.IDENTITY",)}, {}, "claim:classes"),
        (None, {"card_status": "cancelled"}, "claim:card_status"),
        (None, {"agreement": "made-up"}, "agreement"),
        (None, {"card_status_as_of": int(NOON) - 10**8}, "claim:card_status_as_of"),
    ],
)
async def test_a_peer_that_signs_more_than_it_may_is_not_believed(
    classes: dict[str, tuple[str, ...]] | None, claims: dict[str, Any], rule: str
) -> None:
    """Its own region's cards do not make it free to say anything of them."""
    asked, answer = await answered()
    assert believed(asked, saying(answer)).claims == answer.claims
    assert unbelieved(asked, saying(answer, classes, **claims)) == rule


async def test_a_class_outside_the_agreement_is_not_believed() -> None:
    """The item may have it, and the home region's too: the agreement does not."""
    asked, answer = await answered(visited_item="SC-11")
    assert answer.claims
    assert set(answer.claims.classes) == {"identity", "payment"}
    assert unbelieved(asked, answer, only("sichuan-chongqing", classes=("identity",))) == "claim:classes"


async def test_a_peer_that_says_usable_without_claims_is_not_believed() -> None:
    """Nothing was verified."""
    asked, answer = await answered()
    assert unbelieved(asked, replace(answer, claims=None)) == "no_recognition"


@pytest.mark.parametrize(
    "verdict",
    [
        (Decision.REFUSED, "OK", ()),
        (Decision.REFUSED, "CLASS_NOT_OFFERED", ()),
        (Decision.REFUSED, "CARD_LOCKED", ("CUL.MUSEUM",)),
        (Decision.NOT_OFFERED, "OK", ()),
        (Decision.ALLOWED, "CARD_LOCKED", ()),
        (Decision.ALLOWED, "OK", ("CUL.MUSEUM",)),
        (Decision.LIMITED, "ITEM_COVERED_IN_PART", ()),
        (Decision.LIMITED, "OK", ("CUL.MUSEUM",)),
        (Decision.REFUSED, "PEER_UNAVAILABLE", ()),
    ],
)
async def test_a_decision_has_a_reason_that_can_have_led_to_it(verdict: tuple[Decision, str, tuple[str, ...]]) -> None:
    """A refusal for no reason, or a yes for a bad one, is no answer."""
    asked, answer = await answered()
    decision, reason, types = verdict
    (_, *others) = answer.verdict.classes
    first = ClassVerdict(ApplicationClass.IDENTITY, decision, reason, types)
    told = replace(answer, verdict=replace(answer.verdict, classes=(first, *others)))
    assert unbelieved(asked, told) == "decision_without_its_reason"


async def test_the_identity_is_of_the_card_that_was_asked_about() -> None:
    """Another card's number, another holder's, another state or an expired card contradict the answer."""
    asked, answer = await answered()
    told = answer.identity
    assert told
    other = identity("chongqing", "active_2")
    yesterday = TODAY - timedelta(1)
    for wrong, rule in (
        (replace(told, card=replace(told.card, number=other.card.number)), "identity:another_card"),
        (
            replace(told, holder=replace(told.holder, social_security_number=other.holder.social_security_number)),
            "identity:another_card",
        ),
        (replace(told, card=replace(told.card, status=CardStatus.LOCKED)), "identity:card_status"),
        (replace(told, card=replace(told.card, expires_on=yesterday)), "identity:expires_on"),
    ):
        assert unbelieved(asked, replace(answer, identity=wrong)) == rule
    untold = replace(told, card=replace(told.card, number=None, status=None, expires_on=None))
    assert believed(asked, replace(answer, identity=untold)).identity == untold
    last_day = replace(told, card=replace(told.card, expires_on=TODAY))
    assert believed(asked, replace(answer, identity=last_day)).identity == last_day


async def test_what_the_agreement_does_not_name_is_blanked_on_this_side_too() -> None:
    """Fields of the identity, and suspended functions where they are not to be told."""
    asked, answer = await answered()
    assert answer.identity
    number = Document.parse(DocumentType.CITIZEN_ID, "500112190302110117")
    more = replace(answer.identity, holder=replace(answer.identity.holder, documents=(number,)))
    assert believed(asked, replace(answer, identity=more)) == answer
    told = replace(answer, verdict=replace(answer.verdict, suspended_functions=frozenset({CardFunction.FINANCIAL})))
    assert believed(asked, told) == told
    silent = only("sichuan-chongqing", fields=frozenset({"holder.name"}))
    cut = believed(asked, told, silent)
    assert cut.verdict == answer.verdict
    assert cut.identity
    assert (cut.identity.card.number, cut.identity.holder.name) == (None, answer.identity.holder.name)


async def test_a_function_that_is_told_as_suspended_carries_nothing() -> None:
    """A peer that names the suspension and allows what needs the function contradicts itself."""
    asked, answer = await answered(**PENSION)
    suspended = frozenset({CardFunction.FINANCIAL})
    told = replace(answer, verdict=replace(answer.verdict, suspended_functions=suspended))
    assert unbelieved(asked, told) == "claim:classes"
    assert answer.identity
    card = replace(answer.identity.card, suspended_functions=suspended)
    assert unbelieved(asked, replace(answer, identity=replace(answer.identity, card=card))) == "claim:classes"


async def test_what_is_the_same_for_every_card_is_formed_once() -> None:
    """The second card of a day costs a look-up; what is remembered is bounded."""
    bounds, claims = only("sichuan-chongqing"), await claimed()
    for number in range(3):
        bounds.hold(replace(claims, jti=str(number)), on=TODAY)
    told = bounds._most.cache_info()
    assert (told.misses, told.hits) == (1, 2)
    assert told.maxsize == 4096
