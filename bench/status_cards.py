"""Cards of a running sandbox under measurement: what their platform reports, and what other gateways say of them."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self
from urllib.request import urlopen

import grpc
from prometheus_client.parser import text_string_to_metric_families

from bench.process import BenchError
from gateway.services.card_ledger import card_key
from onecard.gateway.v1 import card_pb2, card_status_pb2, verdict_pb2
from onecard.gateway.v1 import card_status_service_pb2 as pb
from onecard.gateway.v1.card_status_service_pb2_grpc import CardStatusServiceStub
from trust.encoding import encode_base64url
from trust.pseudonym import home_card, pairwise_card

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from bench.trust_sandbox import Sandbox
    from onecard.gateway.v1.card_status_service_pb2_grpc import CardStatusServiceAsyncStub

HOME = "chongqing"
KIND = card_status_pb2.CardEventKind
PAUSE_SECONDS = 0.01
_CALL_SECONDS = 20.0
_KNOWN_SECONDS = 60.0
_AT_ONCE = 500
_BEFORE_SECONDS = 60
_TOKEN_SECONDS = 300.0
_FAMILY = "onecard_card_propagation_seconds"

Answer = pb.GetCardStatusResponse


def numbers(count: int, *, letter: str) -> list[str]:
    """Invent so many card numbers, which no simulated platform has."""
    return [f"{letter}{number:08d}" for number in range(count)]


def state_is(status: card_pb2.CardStatus.ValueType) -> Callable[[Answer], bool]:
    """Give what tells whether a card shows a status."""
    return lambda answer: answer.card_status == status


def refused(answer: Answer) -> bool:
    """Tell whether a card that was lost is refused as an identity, for that reason."""
    lost = answer.card_status == card_pb2.CARD_STATUS_LOST_TEMPORARY
    return lost and identity(answer).decision == verdict_pb2.DECISION_REFUSED


def identity(answer: Answer) -> verdict_pb2.ClassVerdict:
    """Give the verdict on identity."""
    wanted = card_pb2.APPLICATION_CLASS_IDENTITY
    return next(one for one in answer.classes if one.application_class == wanted)


class Cards:
    """The home platform, and the platforms of other regions, each at its own gateway. Use it as a context."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Take a sandbox that is ready."""
        self._sandbox = sandbox
        self._secret = (sandbox.layout.home(HOME) / "pseudonym.key").read_bytes()
        self._stubs: dict[str, CardStatusServiceAsyncStub] = {}
        self._tokens: dict[str, tuple[float, str]] = {}
        self._open = AsyncExitStack()
        self.others = tuple(site.region for site in sandbox.layout.sites if site.region != HOME)

    async def __aenter__(self) -> Self:
        """Open a channel to each gateway."""
        credentials = grpc.ssl_channel_credentials(self._sandbox.layout.ca.read_bytes())
        for site in self._sandbox.layout.sites:
            options = (("grpc.ssl_target_name_override", site.server_name), ("grpc.enable_http_proxy", 0))
            channel = grpc.aio.secure_channel(site.grpc, credentials, options)
            self._stubs[site.region] = CardStatusServiceStub(await self._open.enter_async_context(channel))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all."""
        await self._open.aclose()

    def _metadata(self, region: str) -> tuple[tuple[str, str], ...]:
        until, token = self._tokens.get(region, (0.0, ""))
        if time.monotonic() > until:
            token = self._sandbox.token(region)
            self._tokens[region] = time.monotonic() + _TOKEN_SECONDS, token
        return (("authorization", f"Bearer {token}"),)

    async def report(self, cards: Sequence[str] = (), kind: KIND.ValueType = 0, *, before: float = 0.0) -> float:  # type: ignore[assignment]  # 0 is a kind
        """Report something of some cards that has happened now, or some seconds before; gives when (Unix time)."""
        at = time.time() - before
        reports = [pb.CardStatusReport(card_number=card, kind=kind) for card in cards]
        for one in reports:
            one.event_time.FromNanoseconds(round(at * 1e9))
        request = pb.ReportCardStatusRequest(reports=reports)
        await self._stubs[HOME].ReportCardStatus(request, metadata=self._metadata(HOME), timeout=_CALL_SECONDS)
        return at

    async def standing(self, region: str, card: str) -> Answer:
        """Ask a region's gateway about a card."""
        named = home_card(self._secret, home=HOME, card_key=card_key(card))
        name = encode_base64url(pairwise_card(self._secret, home=HOME, visited=region, card=named))
        request = pb.GetCardStatusRequest(name=f"regions/{HOME}/cards/{name}")
        return await self._stubs[region].GetCardStatus(request, metadata=self._metadata(region), timeout=_CALL_SECONDS)

    async def until(self, region: str, card: str, right: Callable[[Answer], bool]) -> tuple[float, Answer]:
        """Ask until the answer is right (BenchError where it does not become so); gives when, and the answer."""
        last = time.monotonic() + _KNOWN_SECONDS
        while not right(answer := await self.standing(region, card)):
            if time.monotonic() > last:
                raise BenchError(f"{region} has not heard of a card's event in {_KNOWN_SECONDS:.0f} s")
            await asyncio.sleep(PAUSE_SECONDS)
        return time.time(), answer

    async def put_into_use(self, cards: Sequence[str], regions: Sequence[str]) -> None:
        """Report cards as activated a while ago, and wait until these regions know it (BenchError)."""
        for first in range(0, len(cards), _AT_ONCE):
            await self.report(cards[first : first + _AT_ONCE], KIND.CARD_EVENT_KIND_ACTIVATED, before=_BEFORE_SECONDS)
        active = state_is(card_pb2.CARD_STATUS_ACTIVE)
        await asyncio.gather(*(self.until(region, cards[-1], active) for region in regions))

    def learned(self, region: str) -> dict[str, float]:
        """Read a gateway's metric of the home region's events: how many it learned within each bound, and in all."""
        with urlopen(f"http://{self._sandbox.site(region).metrics}/metrics", timeout=_CALL_SECONDS) as reply:
            text = reply.read().decode()
        family = next(one for one in text_string_to_metric_families(text) if one.name == _FAMILY)
        return {
            sample.labels["le"]: sample.value
            for sample in family.samples
            if sample.name == f"{_FAMILY}_bucket" and sample.labels["home"] == HOME
        }
