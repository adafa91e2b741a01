"""Recognitions: issued for cards of the caller's own region, verified by those they are addressed to."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.errors import UnknownItemError, UnknownRegionError
from adapters.words import Purpose
from gateway.errors import CallerRegionError, InvalidFieldError, PeerUnavailableError, RegionNotServedError
from gateway.services.local_home import china_day
from gateway.services.recognise import IssueRecognition, VerifyRecognition
from gateway.services.status_register import StatusRegister
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.home import FakeHome
from tests.fakes.place_book import FakePlaceBook
from tests.fakes.regions import AGREEMENTS, KEYS, RECOGNITIONS, REGISTRY, RING, RULES, local_home, question
from tests.fakes.replay import FakeReplay
from trust.encoding import hash_request
from trust.errors import (
    AgreementNotInForceError,
    AudienceError,
    BindingError,
    ExpiredError,
    NoAgreementError,
    RecognitionRevokedError,
    ReplayError,
    ReplayMemoryFullError,
    StatusUnknownError,
    TrustError,
    UnknownKeyError,
)
from trust.policy import AgreementBook
from trust.verifier import RecognitionVerifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.services.ports import Home
    from trust.claims import StatusReference
    from trust.keys import FindKey, VerificationKey
    from trust.verified import VerifiedRecognition

ONE_TIME = {"visited_item": "SC-04", "purpose": Purpose.BENEFIT_DISBURSEMENT}


def issue(**homes: Home) -> IssueRecognition:
    """Make the use case of a gateway that knows some home sides."""
    return IssueRecognition(registry=REGISTRY, homes=homes)


def verifier(clock: FakeClock | None = None, capacity: int = 100) -> VerifyRecognition:
    """Make the use case of whoever is handed a recognition."""
    return using(FakeReplay(capacity), clock=clock or FakeClock())


def using(replay: FakeReplay, **more: Any) -> VerifyRecognition:  # noqa: ANN401 - any further part
    """Make the use case with one memory, and whatever else a test needs."""
    parts: dict[str, Any] = {"recognitions": RECOGNITIONS, "clock": FakeClock(), "agreements": AGREEMENTS, **more}
    return VerifyRecognition(registry=REGISTRY, rules=RULES, replay=replay, **parts)


async def issued(**changes: Any) -> str:  # noqa: ANN401 - any field of a question
    """Issue a recognition."""
    answer = await issue(chongqing=local_home())(question(**changes), from_gateway=False)
    assert answer.recognition is not None
    return answer.recognition


async def test_a_recognition_is_issued_without_any_identity() -> None:
    """The home platform gets the token and the claims; it knows the holder."""
    answer = await issue(chongqing=local_home())(question(), from_gateway=False)
    assert answer.identity is None
    assert answer.recognition is not None
    assert answer.claims is not None
    assert answer.claims.aud == "sichuan"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"visited_region": "chongqing", "visited_item": "CQ-31"}, InvalidFieldError),
        ({"visited_region": "atlantis"}, UnknownRegionError),
        ({"visited_item": "SC-99"}, UnknownItemError),
        ({"visited_region": "shiyan", "visited_item": "SY-01"}, NoAgreementError),
        ({"home_region": "guizhou", "visited_region": "chongqing", "visited_item": "CQ-31"}, RegionNotServedError),
        ({"home_region": "sichuan", "visited_region": "chongqing", "visited_item": "CQ-31"}, RegionNotServedError),
    ],
)
async def test_nothing_is_issued_where_it_may_not_be(changes: dict[str, str], error: type[Exception]) -> None:
    """At home, for unknown regions and items, without an agreement, and for cards of regions that are not served."""
    peer = FakeHome(PeerUnavailableError())
    with pytest.raises(error):
        await issue(chongqing=local_home(), sichuan=peer)(question(**changes), from_gateway=False)
    assert peer.asked == []


async def test_gateways_are_given_no_recognitions_to_hand_over() -> None:
    """A gateway asks by VerifyCard; it never gets a bearer statement of its own region from us."""
    with pytest.raises(CallerRegionError):
        await issue(chongqing=local_home())(question(), from_gateway=True)


async def test_a_recognition_is_verified_by_its_audience_only() -> None:
    """The key that signed it is told; another region is refused."""
    token = await issued()
    verified = await verifier().verify(token, audience="sichuan")
    assert verified.claims.iss == "chongqing"
    with pytest.raises(AudienceError):
        await verifier().verify(token, audience="guizhou")


async def test_a_recognition_may_be_shown_again_unless_it_is_for_one_use() -> None:
    """Entering a museum twice is fine, collecting a benefit twice is not."""
    many, once = await issued(), await issued(**ONE_TIME)
    verify = verifier()
    for _ in range(2):
        assert not (await verify.verify(many, audience="sichuan")).claims.one_time
    assert (await verify.verify(once, audience="sichuan")).claims.one_time
    with pytest.raises(ReplayError):
        await verify.verify(once, audience="sichuan")


async def test_a_wrong_audience_does_not_use_a_recognition_up() -> None:
    """Only a good verification counts as the one use."""
    token, verify = await issued(**ONE_TIME), verifier()
    with pytest.raises(AudienceError):
        await verify.verify(token, audience="guizhou")
    assert (await verify.verify(token, audience="sichuan")).claims.one_time


async def test_a_used_recognition_stays_used_until_it_expires() -> None:
    """There is no moment between being forgotten and being too old."""
    clock = FakeClock()
    token, verify = await issued(**ONE_TIME), verifier(clock)
    await verify.verify(token, audience="sichuan")
    for second in range(295, 312):
        clock.now = NOON + second
        with pytest.raises((ReplayError, ExpiredError)):
            await verify.verify(token, audience="sichuan")


async def test_a_full_memory_refuses_rather_than_forgets() -> None:
    """Room is never made by giving up a live entry."""
    home = local_home()
    first = (await issue(chongqing=home)(question(**ONE_TIME), from_gateway=False)).recognition
    second = (await issue(chongqing=home)(question(**ONE_TIME), from_gateway=False)).recognition
    assert first
    assert second
    verify = verifier(capacity=1)
    await verify.verify(first, audience="sichuan")
    with pytest.raises(ReplayMemoryFullError):
        await verify.verify(second, audience="sichuan")
    with pytest.raises(ReplayError):
        await verify.verify(first, audience="sichuan")


MINE, OTHER = hash_request(b"a certificate"), hash_request(b"another certificate")


class FakeStatuses:
    """Tells what a test put in; it is fetched before it is known."""

    def __init__(self, outcome: TrustError | None = None) -> None:
        """Hold what comes of a check, None for a valid token."""
        self.outcome = outcome
        self.fetched: list[StatusReference] = []
        self.find: FindKey | None = None

    def check(self, issuer: str, reference: StatusReference) -> None:
        """Raise what was put in."""
        assert issuer == "chongqing"
        if reference not in self.fetched:
            raise StatusUnknownError(issuer=issuer, rule="not fetched")
        if self.outcome is not None:
            raise self.outcome

    async def refresh(self, _issuer: str, reference: StatusReference, *, find: FindKey | None = None) -> None:
        """Learn of it."""
        self.find = find
        self.fetched.append(reference)


async def listed(**changes: Any) -> str:  # noqa: ANN401 - any field of a question
    """Issue a recognition that has a place in a status list."""
    book = FakePlaceBook()
    register = StatusRegister(KEYS["chongqing"], book=book, address="https://a.example/status", clock=FakeClock())
    answer = await issue(chongqing=local_home(statuses=register))(question(**changes), from_gateway=False)
    assert answer.recognition is not None
    assert len(book) == 1
    return answer.recognition


def knowing(statuses: FakeStatuses | None) -> VerifyRecognition:
    """Make the use case of whoever has status lists."""
    return using(FakeReplay(10), statuses=statuses)


async def test_a_recognition_with_a_place_is_looked_up() -> None:
    """The list is fetched once the token is known to be genuine, and then says that it is valid."""
    token, statuses = await listed(), FakeStatuses()
    verified = await knowing(statuses).verify(token, audience="sichuan")
    assert statuses.fetched == [verified.claims.status]


@pytest.mark.parametrize(
    "error", [RecognitionRevokedError(issuer="chongqing", status="revoked"), StatusUnknownError(issuer="chongqing")]
)
async def test_a_revoked_or_unknown_recognition_is_refused(error: TrustError) -> None:
    """Fail closed; and the one use is not spent on a refusal."""
    token, statuses = await listed(**ONE_TIME), FakeStatuses(error)
    verify = knowing(statuses)
    for _ in range(2):
        with pytest.raises(type(error)):
            await verify.verify(token, audience="sichuan")
    statuses.outcome = None
    assert (await verify.verify(token, audience="sichuan")).claims.one_time
    with pytest.raises(ReplayError):
        await verify.verify(token, audience="sichuan")


async def test_a_place_that_nobody_can_look_up_refuses() -> None:
    """Without status lists nothing is assumed."""
    token = await listed()
    with pytest.raises(StatusUnknownError):
        await knowing(None).verify(token, audience="sichuan")


async def test_a_token_that_is_not_genuine_fetches_nothing() -> None:
    """Nobody makes us call out with a token that is forged or for somebody else."""
    token, statuses = await listed(), FakeStatuses()
    for wrong, audience in ((token, "guizhou"), (token[:-4] + "AAAA", "sichuan")):
        with pytest.raises(TrustError):
            await knowing(statuses).verify(wrong, audience=audience)
    assert statuses.fetched == []


async def test_a_recognition_without_a_place_needs_no_list() -> None:
    """Partners without status lists are read as before."""
    statuses = FakeStatuses(StatusUnknownError())
    verified = await knowing(statuses).verify(await issued(), audience="sichuan")
    assert verified.claims.status is None
    assert statuses.fetched == []


async def test_what_is_to_be_handed_over_is_bound_to_nobody() -> None:
    """The home platform's certificate is not the one that it will be shown over."""
    answer = await issue(chongqing=local_home())(question(confirmation=MINE), from_gateway=False)
    assert answer.claims is not None
    assert answer.claims.confirmation is None


async def test_a_bound_recognition_is_verified_over_its_certificate() -> None:
    """RP7: bound to the caller's certificate or to this gateway's own, and refused over any other."""
    answer = await local_home().answer(question(confirmation=MINE), disclose=False)
    token = answer.recognition
    assert token is not None

    async def verify(own: str, *shown: str) -> VerifiedRecognition:
        use = using(FakeReplay(10), own_certificates=lambda: frozenset({own}))
        return await use.verify(token, audience="sichuan", certificates=frozenset(shown))

    assert (await verify(OTHER, MINE)).claims.confirmation == MINE
    assert (await verify(MINE)).claims.confirmation == MINE
    for shown in ((), (OTHER,)):
        with pytest.raises(BindingError):
            await verify(OTHER, *shown)
    with pytest.raises(BindingError):
        await verifier().verify(token, audience="sichuan")


async def test_a_recognition_that_may_not_be_granted_is_refused_before_anything_is_fetched_or_used_up() -> None:
    """A genuine key of a region without an agreement grants nothing here, and spends nothing."""
    token, statuses, replay = await listed(**ONE_TIME), FakeStatuses(), FakeReplay(1)
    verify = using(replay, statuses=statuses, agreements=AgreementBook([]))
    with pytest.raises(NoAgreementError):
        await verify.verify(token, audience="sichuan")
    assert statuses.fetched == []
    assert (await using(replay, statuses=statuses).verify(token, audience="sichuan")).claims.one_time


async def test_the_agreement_counts_on_the_day_on_which_a_recognition_is_shown() -> None:
    """In the regions' own time: an agreement that ended at midnight in China grants nothing after it."""
    (found,) = [one for one in AGREEMENTS.agreements if one.id == "sichuan-chongqing"]
    clock = FakeClock()
    last = AgreementBook([replace(found, in_force_to=china_day(NOON))])
    seconds = 86_400 - (NOON + 8 * 3600) % 86_400
    clock.advance(seconds - 60)
    answer = await local_home(clock=clock).answer(question(), disclose=False)
    assert answer.recognition
    verify = using(FakeReplay(1), clock=clock, agreements=last)
    assert (await verify.verify(answer.recognition, audience="sichuan")).claims == answer.claims
    clock.advance(60)
    with pytest.raises(AgreementNotInForceError):
        await verify.verify(answer.recognition, audience="sichuan")


class FakeRegionKeys:
    """Chongqing's keys: known, brought by a chain, or fetched when somebody waits for it."""

    def __init__(self, *, known: bool = False, after_renewal: bool = False) -> None:
        """Know the key now, or after a renewal, or not at all."""
        self.known, self.after_renewal = known, after_renewal
        self.chains: list[tuple[str, ...]] = []
        self.renewals: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def region_key(self, issuer: str, kid: str, *, chain: Sequence[str] = ()) -> VerificationKey:
        """Find the key, in a good chain too."""
        self.chains += [tuple(chain)] if chain else []
        if self.known or "good" in chain:
            return RING.find(issuer, kid)
        raise UnknownKeyError

    async def renewed(self, region: str) -> None:
        """Fetch."""
        self.renewals.append(region)
        await self.gate.wait()
        self.known |= self.after_renewal


def renewing(keys: FakeRegionKeys, statuses: FakeStatuses | None = None) -> VerifyRecognition:
    """Make the use case of whoever can renew keys."""
    return using(FakeReplay(10), keys=keys, statuses=statuses, recognitions=RecognitionVerifier(keys.region_key))


async def test_an_unknown_key_is_renewed_once() -> None:
    """A region that has rotated its key a moment ago is believed in the same call; one that has not is refused."""
    token = await issued()
    keys = FakeRegionKeys(after_renewal=True)
    assert (await renewing(keys).verify(token, audience="sichuan")).claims.iss == "chongqing"
    assert keys.renewals == ["chongqing"]
    keys = FakeRegionKeys()
    with pytest.raises(UnknownKeyError):
        await renewing(keys).verify(token, audience="sichuan")
    assert keys.renewals == ["chongqing"]
    with pytest.raises(UnknownKeyError):
        await using(FakeReplay(1), recognitions=RecognitionVerifier(keys.region_key)).verify(token, audience="sichuan")


async def test_few_calls_wait_for_a_renewal() -> None:
    """TL10: of a flood of unknown keys a few wait, the others are answered at once, and places are free afterwards."""
    token, keys = await issued(), FakeRegionKeys(after_renewal=True)
    keys.gate.clear()
    verify = renewing(keys)
    flood = [asyncio.create_task(verify.verify(token, audience="sichuan")) for _ in range(100)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(keys.renewals) == 16
    assert [isinstance(task.exception(), UnknownKeyError) for task in flood if task.done()] == [True] * 84
    keys.gate.set()
    believed = [
        outcome
        for outcome in await asyncio.gather(*flood, return_exceptions=True)
        if not isinstance(outcome, Exception)
    ]
    assert len(believed) == 16
    assert verify._waiting == 0


async def test_a_chain_brings_the_key() -> None:
    """For the token and for its status list; nothing is renewed, and a bad chain is no help."""
    token, keys, statuses = await listed(), FakeRegionKeys(), FakeStatuses()
    verify = renewing(keys, statuses)
    assert (await verify.verify(token, audience="sichuan", chain=("good", "chain"))).claims.iss == "chongqing"
    assert keys.renewals == []
    assert statuses.find is not None
    assert statuses.find("chongqing", KEYS["chongqing"].kid).issuer == "chongqing"
    with pytest.raises(UnknownKeyError):
        await verify.verify(token, audience="sichuan", chain=("bad", "chain"))
    assert keys.renewals == ["chongqing"]
    with pytest.raises(AudienceError):
        await verify.verify(token, audience="guizhou", chain=("good", "chain"))


async def test_a_chain_is_of_no_use_where_nothing_looks_into_it() -> None:
    """Without keys that take chains, what is believed alone decides."""
    token = await issued()
    assert (await verifier().verify(token, audience="sichuan", chain=("bad",))).claims.iss == "chongqing"
