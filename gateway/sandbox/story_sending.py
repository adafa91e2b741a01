"""What the story does with requests between regions: Sichuan's platform asks, Chongqing's simulated one answers.

That platform keeps a file of what it has done, one line for each request: it tells what was done, and how often.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import grpc

from gateway.sandbox.story import ASIDE, CALL_SECONDS, new_id
from gateway.sandbox.story_keys import wait_until
from gateway.sandbox.story_requests import by_number
from gateway.sandbox.story_words import attempt
from onecard.gateway.v1 import card_pb2, exchange_pb2
from onecard.gateway.v1 import exchange_service_pb2 as pb
from onecard.gateway.v1.exchange_service_pb2_grpc import ExchangeServiceStub

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.sandbox.story import Stage

SOURCE, TARGET = "sichuan", "chongqing"
MANY = 40
_AT_ONCE = 4
_BEFORE = 5
_END_SECONDS = 30.0
_DAY_SECONDS = 86_400
_COMPLETED = exchange_pb2.REQUEST_STATE_COMPLETED


def holder() -> str:
    """Give the social-security number of one of Chongqing's fictitious cardholders."""
    return by_number(TARGET).card_number.social_security_number


def _content(*, from_month: str = "2020-01") -> exchange_pb2.RequestContent:
    """Ask for a certificate of the holder's insurance."""
    return exchange_pb2.RequestContent(
        source_region=SOURCE,
        target_region=TARGET,
        item="CQ-02",
        item_type="SI.PERSON.CERT",
        purpose=card_pb2.PURPOSE_RECORD_ENQUIRY,
        medium=card_pb2.MEDIUM_PHYSICAL,
        subject=exchange_pb2.RequestSubject(social_security_number=holder()),
        insurance_certificate=exchange_pb2.InsuranceCertificate(
            kinds=[exchange_pb2.INSURANCE_KIND_PENSION_EMPLOYEE], from_month=from_month
        ),
    )


def exchange(stage: Stage, region: str) -> Any:  # noqa: ANN401 - a stub of grpc, which has no type
    """Give the region's ExchangeService."""
    return ExchangeServiceStub(stage.channel(region))


class ExchangeStory:
    """Submits, and sees what became of it; keeps the first request, which later steps prove."""

    def __init__(self) -> None:
        """Know no request yet."""
        self.name = ""
        self._key = new_id()

    async def _submit(self, stage: Stage, key: str, asked: exchange_pb2.RequestContent) -> pb.SubmitRequestResponse:
        """Submit; where the gateway is just started, as soon as it is reached."""
        request = pb.SubmitRequestRequest(idempotency_key=key, content=asked)
        sent = exchange(stage, SOURCE).SubmitRequest(request, timeout=CALL_SECONDS, wait_for_ready=True)
        answer: pb.SubmitRequestResponse = await sent
        return answer

    async def submitted(self, stage: Stage) -> str:
        """Submit the first request."""
        request = (await self._submit(stage, self._key, _content())).request
        self.name = request.name
        state = _short(exchange_pb2.RequestState.Name(request.state), "REQUEST_STATE_")
        actor = _short(exchange_pb2.RequestActor.Name(request.next_actor), "REQUEST_ACTOR_")
        days = (request.deadline.seconds - request.submit_time.seconds) / _DAY_SECONDS
        return f"{state}, {actor} must act; {days:g} days for it, under {request.agreement}"

    async def watched(self, stage: Stage, name: str) -> exchange_pb2.Request:
        """Watch a request until it is over; gives what it then is."""
        asked = pb.WatchRequestRequest(name=name)
        last = exchange_pb2.Request()
        async for told in exchange(stage, SOURCE).WatchRequest(asked, timeout=_END_SECONDS, wait_for_ready=True):
            last = told.request
        return last

    async def answered(self, stage: Stage) -> str:
        """Watch the first request, and tell each thing that happened to it."""
        request = await self.watched(stage, self.name)
        kinds = (exchange_pb2.RequestEventKind.Name(one.kind) for one in request.history)
        events = [
            f"{_short(kind, 'REQUEST_EVENT_KIND_')} in {one.region}"
            for kind, one in zip(kinds, request.history, strict=True)
        ]
        invented = "invented" if request.reply.synthetic else "REAL"
        took = request.history[-1].time.ToMilliseconds() - request.history[0].time.ToMilliseconds()
        return f"{', '.join(events)}; the certificate says that it is {invented}{ASIDE}{took} ms in all"

    async def repeated(self, stage: Stage) -> str:
        """Submit the first request again, and another one under the same key."""
        again = await self._submit(stage, self._key, _content())
        same = "the same request" if again.request.name == self.name else "ANOTHER REQUEST"
        replayed = "replayed" if again.replayed else "NOT REPLAYED"

        async def other() -> str:
            return (await self._submit(stage, self._key, _content(from_month="2021-01"))).request.name

        return f"{same}, {replayed}; {await attempt(other())}; {done(stage).count(self.name)} done"

    async def target_killed(self, stage: Stage) -> str:
        """Kill Chongqing's gateway while the half of many requests is on its way, submit the rest, and start it."""
        before = len(done(stage))
        keys = [new_id() for _ in range(MANY)]
        taken = await self._taken(stage, keys[: MANY // 2])

        async def begun() -> bool:
            return len(done(stage)) > before

        await wait_until(begun)
        code = await stage.federation.stop(TARGET, kill=True)
        taken |= await self._taken(stage, keys[MANY // 2 :])
        left = MANY - len(done(stage)[before:])
        await stage.federation.start(TARGET)
        whole = await self._whole(stage, taken.values(), before)
        told = f"it ends with code {code}; {len(set(taken.values()))} of {MANY} accepted in Sichuan meanwhile"
        return f"{told}; {whole}{ASIDE}{left} not done when it was killed"

    async def source_killed(self, stage: Stage) -> str:
        """Kill Sichuan's gateway when it has acknowledged a few of many requests, start it, and send all again."""
        before = len(done(stage))
        keys = [new_id() for _ in range(MANY)]
        acknowledged: dict[str, str] = {}
        enough = asyncio.Event()
        sending = asyncio.create_task(self._until_cut(stage, keys, acknowledged, enough))
        await enough.wait()
        code = await stage.federation.stop(SOURCE, kill=True)
        await sending
        await stage.federation.start(SOURCE)
        again = await self._taken(stage, keys)
        kept = [key for key, name in acknowledged.items() if again[key] == name]
        lost = "all" if len(kept) == len(acknowledged) < MANY else f"{len(kept)} of {len(acknowledged)}"
        whole = await self._whole(stage, again.values(), before)
        told = f"it ends with code {code}; {lost} that it acknowledged are there; {whole}"
        return f"{told}{ASIDE}{len(acknowledged)} acknowledged before"

    async def _taken(self, stage: Stage, keys: Iterable[str]) -> dict[str, str]:
        """Submit many at once; gives the name of each by its key."""
        names: dict[str, str] = {}

        async def send(key: str) -> None:
            names[key] = (await self._submit(stage, key, _content())).request.name

        await asyncio.gather(*map(send, keys))
        return names

    async def _until_cut(self, stage: Stage, keys: list[str], names: dict[str, str], enough: asyncio.Event) -> None:
        """Submit a few at once until the gateway is gone; says when it has acknowledged some."""
        left = iter(keys)

        async def send() -> None:
            for key in left:
                request = pb.SubmitRequestRequest(idempotency_key=key, content=_content())
                try:
                    names[key] = (
                        await exchange(stage, SOURCE).SubmitRequest(request, timeout=CALL_SECONDS)
                    ).request.name
                except grpc.aio.AioRpcError:
                    return
                if len(names) >= _BEFORE:
                    enough.set()

        await asyncio.gather(*(send() for _ in range(_AT_ONCE)))
        enough.set()

    async def _whole(self, stage: Stage, names: Iterable[str], before: int) -> str:
        """Watch requests until they are over; tells how many were completed, and how often each was done."""
        ended = await asyncio.gather(*(self.watched(stage, name) for name in names))
        completed = {one.name for one in ended if one.state == _COMPLETED}
        deeds = done(stage)[before:]
        twice = len(deeds) - len(set(deeds))
        return f"{len(completed)} of {MANY} completed; {len(deeds)} done, {twice or 'none'} twice"


def done(stage: Stage) -> list[str]:
    """List the names of the requests that Chongqing's platform has done, in their order."""
    file = stage.layout.folder / "callers" / f"{TARGET}.deeds.jsonl"
    return [json.loads(line)["request"] for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def _short(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).lower().replace("_", " ")
