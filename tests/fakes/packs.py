"""What packs rest on, for gates of Sichuan about Chongqing's cards: keys made for this run, and a copy in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.card_events import CardEvent
from gateway.services.card_copy import CardCopy
from gateway.services.card_news import FeedState, Told
from gateway.services.offline_packs import OfflinePacks
from tests.fakes.cards import FakeCopyStore
from tests.fakes.clock import FakeClock
from tests.fakes.regions import AGREEMENTS, KEYS, REGISTRY, RULES
from trust.signer import signer_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.words import CardEventKind
    from gateway.services.evidence import Decision
    from trust.errors import TrustError
    from trust.keys import VerificationKey
    from trust.policy import AgreementBook
    from trust.signer import Signer


@dataclass
class FakePackKeys:
    """The keys of the regions of this run; `refusal` is raised instead of those of a home."""

    refusal: TrustError | None = None

    def of_home(self, region: str, agreement: str) -> Sequence[VerificationKey]:
        """Give the key of a home region."""
        assert agreement
        if self.refusal is not None:
            raise self.refusal
        return (KEYS[region].public(),)

    def own(self, region: str) -> Sequence[VerificationKey]:
        """Give our own key."""
        return (KEYS[region].public(),)

    def signer(self, region: str) -> Signer:
        """Give what signs for us."""
        return signer_of(KEYS[region])


@dataclass
class PackSide:
    """The use case with all that it rests on."""

    clock: FakeClock = field(default_factory=FakeClock)
    keys: FakePackKeys = field(default_factory=FakePackKeys)
    agreements: AgreementBook = AGREEMENTS
    copies: dict[tuple[str, str], CardCopy] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    packs: OfflinePacks = field(init=False)

    def __post_init__(self) -> None:
        """Put it together."""
        self.packs = OfflinePacks(
            registry=REGISTRY,
            agreements=self.agreements,
            rules=RULES,
            copies=self.copies,
            keys=self.keys,
            chains=lambda region, agreement: (f"{region}.{agreement}.chain",),
            clock=self.clock,
        )

    async def record(self, decision: Decision) -> None:
        """Keep what is recorded."""
        self.decisions.append(decision)

    async def told(
        self, *events: tuple[bytes, CardEventKind], pair: tuple[str, str] = ("chongqing", "sichuan")
    ) -> None:
        """Be told what happened to cards, a second ago each, and that this is all."""
        copy = self.copies.setdefault(pair, CardCopy(*pair, store=FakeCopyStore(), clock=self.clock))
        last = copy.state.last
        time = round((self.clock() - 1) * 1_000_000)
        news = [Told(last + n, card, (CardEvent(kind=kind, time=time),), 0) for n, (card, kind) in enumerate(events, 1)]
        await copy.apply(news, FeedState(feed="f", last=last + len(news), age=0.0, sent_at=self.clock()))
