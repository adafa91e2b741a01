"""What the story does with cards: Chongqing's platform reports, all others are asked, and times are taken."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import jwt

from gateway.sandbox.story import ASIDE, CALL_SECONDS
from gateway.sandbox.story_keys import wait_until
from gateway.sandbox.story_recognitions import shown
from gateway.sandbox.story_requests import CONSENT, by_number, verify
from gateway.sandbox.story_words import attempt, decision, verdict
from onecard.gateway.v1 import card_pb2, card_status_pb2, verdict_pb2
from onecard.gateway.v1 import card_status_service_pb2 as pb
from onecard.gateway.v1.card_status_service_pb2_grpc import CardStatusServiceStub

if TYPE_CHECKING:
    from gateway.sandbox.story import Stage
    from onecard.gateway.v1.identity_service_pb2 import VerifyCardResponse

HOME = "chongqing"
ITEMS = {
    "sichuan": "SC-13",
    "guizhou": "GZ-03",
    "xizang": "XZ-02",
    "shiyan": "SY-07",
    "guangxi": "GX-20",
    "guangdong": "GD-08",
    "hongkong": "HK-03",
    "macao": "MO-03",
}
CARD, OLD_CARD, NEW_CARD = "active_3", "woman", "rare_name"
BASIS = "十堰市社会保障卡一卡通服务管理条例 第十七条"
PAUSE_SECONDS = 0.02
_ABROAD = ("hongkong", "macao")
_KNOWN_SECONDS = 5.0
_SOON_MILLIS = 1000
_ACTIVE, _LOST = card_pb2.CARD_STATUS_ACTIVE, card_pb2.CARD_STATUS_LOST_TEMPORARY
Kind = card_status_pb2.CardEventKind


def event(kind: Kind.ValueType, *, card: str = CARD, before: float = 0.0, **told: Any) -> pb.CardStatusReport:  # noqa: ANN401 - any field
    """Make the report of something that has happened to a card now, or some seconds before."""
    number = by_number(HOME, card).card_number.card_number
    report = pb.CardStatusReport(card_number=number, kind=kind, **told)
    report.event_time.FromNanoseconds(time.time_ns() - round(before * 1e9))
    return report


def refusal(answer: VerifyCardResponse) -> str:
    """Tell the first verdict that refuses, or that there is none."""
    refused = [one for one in answer.verdict.classes if one.decision == verdict_pb2.DECISION_REFUSED]
    return decision(refused[0]) if refused else "not refused"


class CardStory:
    """Chongqing's platform reports, and all are asked; keeps what later steps need."""

    def __init__(self) -> None:
        """Know no card yet."""
        self.tokens: dict[str, str] = {}

    async def report(self, stage: Stage, *reports: pb.CardStatusReport) -> pb.ReportCardStatusResponse:
        """Report as Chongqing's platform."""
        request = pb.ReportCardStatusRequest(reports=reports)
        return await CardStatusServiceStub(stage.channel(HOME)).ReportCardStatus(request, timeout=CALL_SECONDS)

    async def ask(self, stage: Stage, region: str, *, card: str = CARD) -> VerifyCardResponse:
        """Ask a region's gateway about a card."""
        consent = CONSENT if region in _ABROAD else ""
        request = verify(HOME, ITEMS[region], by_number(HOME, card), consent=consent)
        return await stage.identity(region).VerifyCard(request, timeout=CALL_SECONDS)

    async def standing(self, stage: Stage, card: str = CARD) -> pb.GetCardStatusResponse:
        """Ask Sichuan's gateway how a card stands, by the pseudonym that a recognition of it names."""
        request = pb.GetCardStatusRequest(name=self.name(card))
        return await CardStatusServiceStub(stage.channel("sichuan")).GetCardStatus(request, timeout=CALL_SECONDS)

    def name(self, card: str = CARD) -> str:
        """Give the name that a card has in Sichuan."""
        said = jwt.decode(self.tokens[card], options={"verify_signature": False})  # the gateway has believed it
        return f"regions/{HOME}/cards/{said['card']}"

    async def _until(self, stage: Stage, region: str, status: card_pb2.CardStatus.ValueType) -> tuple[float, Any]:
        """Ask a region until it says that the card has a status; gives when it did, and its answer."""
        last = time.time() + _KNOWN_SECONDS
        while (answer := await self.ask(stage, region)).verdict.card_status != status and time.time() < last:  # noqa: ASYNC110 - other processes, not a task
            await asyncio.sleep(PAUSE_SECONDS)
        return time.time(), answer

    async def _everywhere(
        self, stage: Stage, begun: pb.CardStatusReport, status: card_pb2.CardStatus.ValueType
    ) -> tuple[str, list[Any], str]:
        """Ask everywhere at once; gives how many know and how soon, their answers, and each time as an aside."""
        told = await asyncio.gather(*(self._until(stage, region, status) for region in ITEMS))
        since = begun.event_time.ToNanoseconds() / 1e9
        millis = [round((at - since) * 1000) for at, _ in told]
        answers = [answer for _, answer in told]
        right = sum(answer.verdict.card_status == status for answer in answers)
        words = f"{right} of {len(answers)}{' within a second' if max(millis) <= _SOON_MILLIS else ', LATE'}"
        each = (f"{region} {ms}" for region, ms in zip(ITEMS, millis, strict=True))
        return words, answers, f"{ASIDE}{', '.join(each)} ms"

    async def _reaches(self, stage: Stage, region: str) -> bool:
        """Tell whether a region reaches the home gateway, which an earlier chapter may have stopped."""
        answered = await attempt(self._told(stage, region))
        return "PEER_UNAVAILABLE" not in answered

    async def _told(self, stage: Stage, region: str) -> str:
        return verdict(await self.ask(stage, region))

    async def lost(self, stage: Stage) -> str:
        """Report a loss."""
        await asyncio.gather(*(wait_until(partial(self._reaches, stage, region)) for region in ITEMS))
        await self.report(stage, event(Kind.CARD_EVENT_KIND_ACTIVATED, before=60))
        before = await asyncio.gather(*(self.ask(stage, region) for region in ITEMS))
        used = sum(answer.verdict.card_status == _ACTIVE for answer in before)
        self.tokens[CARD] = before[0].recognition
        loss = event(Kind.CARD_EVENT_KIND_LOST_TEMPORARY)
        await self.report(stage, loss)
        words, answers, aside = await self._everywhere(stage, loss, _LOST)
        known = [answer for answer, was in zip(answers, before, strict=True) if was.recognition]
        since = sum(answer.verdict.HasField("status_change_time") for answer in known)
        told = f"in use in {used} of {len(before)}; lost in {words}"
        return f"{told}; {since} of {len(known)} that may tell say since when{aside}"

    async def taken_back(self, stage: Stage) -> str:
        """Show the recognition that was given before, until its status list is read anew."""
        last = time.time() + _KNOWN_SECONDS
        while "REVOKED" not in (told := await attempt(shown(stage, "sichuan", self.tokens[CARD]))):
            if time.time() >= last:
                break
            await asyncio.sleep(PAUSE_SECONDS)
        return told

    async def thawed(self, stage: Stage) -> str:
        """Undo the loss."""
        thaw = event(Kind.CARD_EVENT_KIND_THAWED)
        await self.report(stage, thaw)
        words, _, aside = await self._everywhere(stage, thaw, _ACTIVE)
        return f"in use in {words}{aside}"

    async def disordered(self, stage: Stage) -> str:
        """Report a loss of before the thaw, and that twice."""
        late = event(Kind.CARD_EVENT_KIND_LOST_FORMAL, before=30)
        results = (await self.report(stage, late, late)).results
        outcomes = [card_status_pb2.EventOutcome.Name(one.outcome).removeprefix("EVENT_OUTCOME_") for one in results]
        begun = event(Kind.CARD_EVENT_KIND_THAWED)
        words, _, _ = await self._everywhere(stage, begun, _ACTIVE)
        return f"{', '.join(outcomes).lower()}; in use in {words}"

    async def suspended(self, stage: Stage) -> str:
        """Suspend a function, and restore it."""
        function = card_pb2.CARD_FUNCTION_SOCIAL_SECURITY
        off, on = Kind.CARD_EVENT_KIND_FUNCTION_SUSPENDED, Kind.CARD_EVENT_KIND_FUNCTION_RESTORED
        await self.report(stage, event(off, function=function, legal_basis=BASIS))
        standing = await self._settled(stage, functions=1)
        bases = {one.legal_basis for one in standing.classes if one.legal_basis}
        names = [
            card_pb2.CardFunction.Name(one).removeprefix("CARD_FUNCTION_").lower()
            for one in standing.suspended_functions
        ]
        await self.report(stage, event(on, function=function))
        after = await self._settled(stage, functions=0)
        left = len(after.suspended_functions) or "none"
        return f"{', '.join(names)} function suspended under {', '.join(bases)}; then {left}"

    async def _settled(self, stage: Stage, *, functions: int) -> pb.GetCardStatusResponse:
        """Wait until Sichuan knows of so many suspended functions, and is sure enough to judge by them."""
        last = time.time() + _KNOWN_SECONDS
        while True:
            known = await self.standing(stage)
            told = any(one.legal_basis for one in known.classes) == bool(functions)
            if (len(known.suspended_functions) == functions and told) or time.time() >= last:
                return known
            await asyncio.sleep(PAUSE_SECONDS)

    async def replaced(self, stage: Stage) -> str:
        """Replace a card, and try to bring it back."""
        for card in (OLD_CARD, NEW_CARD):
            self.tokens[card] = (await self.ask(stage, "sichuan", card=card)).recognition
        number = by_number(HOME, NEW_CARD).card_number.card_number
        first = await self._refused(
            stage, event(Kind.CARD_EVENT_KIND_REPLACED, card=OLD_CARD, successor_card_number=number)
        )
        successor = (await self.standing(stage, OLD_CARD)).successor
        right = "the new card as Sichuan knows it" if successor == self.name(NEW_CARD) else "ANOTHER"
        again = await self._refused(stage, event(Kind.CARD_EVENT_KIND_ACTIVATED, card=OLD_CARD))
        return f"{first}; its successor is {right}; activated again: {again}"

    async def _refused(self, stage: Stage, report: pb.CardStatusReport) -> str:
        """Report something of the old card, and give what Sichuan then says of it."""
        await self.report(stage, report)
        last = time.time() + _KNOWN_SECONDS
        while (answer := await self.ask(stage, "sichuan", card=OLD_CARD)).recognition and time.time() < last:  # noqa: ASYNC110 - other processes, not a task
            await asyncio.sleep(PAUSE_SECONDS)
        return refusal(answer)
