"""A gateway in this process: the real boundary, servicers and server before fake platforms, on loopback."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import grpc

from adapters.equivalence import EquivalenceBook
from gateway.federation.status_lists import StatusLists
from gateway.reasons import load_reasons
from gateway.rpc.boundary import Boundary
from gateway.rpc.catalog import CatalogServicer
from gateway.rpc.catalog_publication import CatalogPublicationServicer
from gateway.rpc.catalog_rules import CatalogRulesServicer
from gateway.rpc.convert_verdict import VerdictWriter
from gateway.rpc.days import Days
from gateway.rpc.identity import IdentityServicer
from gateway.rpc.paging import Paging
from gateway.rpc.recognition import RecognitionServicer
from gateway.rpc.region import RegionServicer
from gateway.server import GrpcServer
from gateway.services.catalog_book import CatalogBook
from gateway.services.explain_equivalence import ExplainEquivalence
from gateway.services.fold_proposal import FoldProposal
from gateway.services.local_home import agreement_title
from gateway.services.recognise import IssueRecognition, VerifyRecognition
from gateway.services.request_memory import RequestMemory
from gateway.services.revoke_recognition import RevokeRecognition
from gateway.services.status_register import StatusRegister
from gateway.services.translate_identity import TranslateIdentity
from gateway.services.translate_item import TranslateItem
from gateway.services.verify_card import VerifyCard
from tests.fakes.callers import GATEWAY, REGISTRATIONS, FakeKeys, callers
from tests.fakes.catalogs import publisher
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.place_book import FakePlaceBook
from tests.fakes.platform import FakePlatform
from tests.fakes.recording import FakeStore, recorder
from tests.fakes.regions import AGREEMENTS, KEYS, RECOGNITIONS, REGISTRY, RING, RULES, local_home, record
from tests.fakes.replay import FakeReplay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from gateway.callers import Registration
    from gateway.certificates import CertificateRule
    from gateway.rpc.boundary import Servicer
    from gateway.services.ports import Home


def chain_of(region: str, agreement: str) -> tuple[str, ...]:
    """Give something in the place of a chain, that says for what it was asked."""
    return (f"{region} under {agreement}", "anchor")


@dataclass(slots=True)
class FakeNode:
    """The parts of a gateway that serves Chongqing and one more home side where a test adds it."""

    audience: str = GATEWAY
    clock: FakeClock = field(default_factory=FakeClock)
    journal: FakeJournal = field(default_factory=FakeJournal)
    region: str = "chongqing"
    registrations: Sequence[Registration] = REGISTRATIONS
    keys: FakeKeys = field(default_factory=FakeKeys)
    certificates: CertificateRule | None = None
    evidence: FakeStore = field(default_factory=FakeStore)
    platform: FakePlatform = field(init=False)
    homes: dict[str, Home] = field(default_factory=dict)
    boundary: Boundary = field(init=False)
    places: StatusRegister = field(init=False)
    lists: StatusLists = field(init=False)
    catalogs: CatalogBook = field(init=False)

    def __post_init__(self) -> None:
        """Put the home region before its platform, which knows the active card."""
        self.catalogs = CatalogBook(REGISTRY, clock=self.clock)
        self.platform = FakePlatform(record(self.region), self.clock)
        base = f"https://{self.region}.example"
        self.lists = StatusLists(find=RING.find, bases={self.region: base}, fetch=self._list, clock=self.clock)
        book = FakePlaceBook()
        self.places = StatusRegister(
            KEYS[self.region],
            book=book,
            address=f"{base}/regions/{self.region}/status",
            clock=self.clock,
            places=64,
            changed=partial(self.lists.changed, base),
        )
        book.told = self.places.heard
        self.homes[self.region] = local_home(self.region, self.platform, clock=self.clock, statuses=self.places)
        known = callers(self.clock, audience=self.audience, registrations=self.registrations, keys=self.keys)
        self.boundary = Boundary(
            callers=known,
            reasons=load_reasons(),
            journal=self.journal,
            recorder=recorder(self.evidence),
            certificates=self.certificates,
        )

    async def _list(self, address: str) -> str:
        """Give a status list as the web side would."""
        text = await self.places.text(int(address.rpartition("/")[2]))
        assert text is not None
        return text.decode()

    def servicers(self) -> tuple[Servicer, ...]:
        """Make the services with their use cases."""
        paging = Paging(b"k" * 32)
        answers = EquivalenceBook(REGISTRY.taxonomy, self.catalogs)
        items = TranslateItem(registry=REGISTRY, book=answers, clock=self.clock)
        titles = {a.id: agreement_title(a) for a in AGREEMENTS.agreements}
        verdicts = VerdictWriter(reasons=load_reasons(), titles=titles, items=items)
        return (
            RegionServicer(registry=REGISTRY, homes=self.homes, agreements=AGREEMENTS, paging=paging),
            CatalogServicer(
                registry=REGISTRY,
                book=self.catalogs,
                translate=items,
                explain=ExplainEquivalence(registry=REGISTRY, book=answers),
                paging=paging,
                days=Days(self.clock),
            ),
            CatalogRulesServicer(registry=REGISTRY, book=self.catalogs, paging=paging, days=Days(self.clock)),
            CatalogPublicationServicer(
                book=self.catalogs,
                publish=publisher(self.catalogs, self.clock, self.journal),
                fold=FoldProposal(book=self.catalogs, registry=REGISTRY),
                paging=paging,
                days=Days(self.clock),
            ),
            IdentityServicer(
                verify=VerifyCard(
                    registry=REGISTRY, homes=self.homes, agreements=AGREEMENTS, rules=RULES, clock=self.clock
                ),
                translate=TranslateIdentity(REGISTRY),
                memory=RequestMemory(clock=self.clock),
                verdicts=verdicts,
                chains=chain_of,
            ),
            RecognitionServicer(
                issue=IssueRecognition(registry=REGISTRY, homes=self.homes),
                verify=VerifyRecognition(
                    recognitions=RECOGNITIONS,
                    registry=REGISTRY,
                    agreements=AGREEMENTS,
                    rules=RULES,
                    replay=FakeReplay(100),
                    clock=self.clock,
                    statuses=self.lists,
                ),
                revoke=RevokeRecognition(
                    homes=self.homes, places={self.region: self.places}, agreements=AGREEMENTS, find=RING.find
                ),
                memory=RequestMemory(clock=self.clock),
                verdicts=verdicts,
                chains=chain_of,
            ),
        )

    def server(
        self,
        servicers: Sequence[Servicer] | None = None,
        *,
        ready: dict[str, Callable[[], bool]] | None = None,
        reflection: bool = False,
        max_concurrent_calls: int = 100,
    ) -> GrpcServer:
        """Make a server of these or other servicers."""
        return GrpcServer(
            boundary=self.boundary,
            servicers=self.servicers() if servicers is None else servicers,
            ready=ready or {},
            reflection=reflection,
            max_concurrent_calls=max_concurrent_calls,
        )


@asynccontextmanager
async def channel_to(server: GrpcServer) -> AsyncIterator[grpc.aio.Channel]:
    """Start a server on a free port, give a channel to it, and stop it."""
    port = server.listen("127.0.0.1:0", None)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop(drain_seconds=0)
