"""Composition root of the use cases: what all parts of a node share, the home regions, and the services."""

from __future__ import annotations

import time
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from adapters.equivalence import EquivalenceBook
from adapters.platform import PlatformClient, PlatformLimits
from adapters.registry import Registry, load_registry
from gateway.bootstrap_calls import (
    OwnCertificates,
    read_object,
)
from gateway.bootstrap_catalogs import catalog_book, catalog_publisher, catalog_shelf
from gateway.bootstrap_evidence import EvidenceSide, build_evidence, evidence_append
from gateway.bootstrap_store import StoreSide, build_store
from gateway.bootstrap_trust import build_trust, new_id
from gateway.consents import FileConsents
from gateway.errors import SettingsError
from gateway.federation.ended_keys import EndedKeys
from gateway.federation.status_lists import StatusClient, StatusLists
from gateway.reasons import load_reasons
from gateway.rpc.catalog import CatalogServicer
from gateway.rpc.catalog_publication import CatalogPublicationServicer
from gateway.rpc.catalog_rules import CatalogRulesServicer
from gateway.rpc.convert_verdict import VerdictWriter
from gateway.rpc.days import Days
from gateway.rpc.identity import IdentityServicer
from gateway.rpc.paging import Paging
from gateway.rpc.recognition import RecognitionServicer
from gateway.rpc.region import RegionServicer
from gateway.services.explain_equivalence import ExplainEquivalence
from gateway.services.fold_proposal import FoldProposal
from gateway.services.local_home import LocalHome, agreement_title
from gateway.services.recognise import IssueRecognition, VerifyRecognition
from gateway.services.request_memory import RequestMemory
from gateway.services.revoke_recognition import RevokeRecognition
from gateway.services.status_register import StatusRegister
from gateway.services.translate_identity import TranslateIdentity
from gateway.services.translate_item import TranslateItem
from gateway.services.verdict import VerdictRules, load_status_rules
from gateway.services.verify_card import VerifyCard
from gateway.web.status_list import StatusListPages
from trust.verifier import RecognitionVerifier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiohttp import web

    from adapters.canonical import ApplicationItem
    from gateway.federation.home_keys import HomeKeys
    from gateway.journal import Journal
    from gateway.rpc.boundary import Servicer
    from gateway.services.card_ledger import CardLedger
    from gateway.services.catalog_book import CatalogBook
    from gateway.services.known_cards import KnownCards
    from gateway.services.polled_cards import PolledCards
    from gateway.services.ports import Home
    from gateway.services.publish_catalog import PublishCatalog
    from gateway.settings import Settings
    from gateway.settings_parts import HomeSettings
    from gateway.store.siblings import Siblings
    from gateway.store.status_places import StatusPlaces
    from gateway.trust_side import TrustSide

_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Shared:
    """What all parts of a node use."""

    settings: Settings
    registry: Registry
    catalogs: CatalogBook
    publish: PublishCatalog
    book: EquivalenceBook
    trust: TrustSide
    ended: EndedKeys
    rules: VerdictRules
    statuses: dict[str, StatusRegister]
    own_certificates: OwnCertificates
    journal: Journal
    stored: StoreSide
    evidence: EvidenceSide
    pseudonym_secrets: Mapping[str, bytes] = field(repr=False)

    def item(self, region: str, item: str) -> ApplicationItem:
        """Find an item of any region."""
        return self.registry.get(region).catalog.get(item)


def share(settings: Settings, journal: Journal, siblings: Siblings | None = None) -> Shared:
    """Load what all parts use: regions, agreements, keys; `siblings` are processes with the same file."""
    registry = load_registry()
    for region in (*(h.region for h in settings.home), *(p.region for p in settings.peer)):
        registry.get(region)
    trust = build_trust(settings, journal=journal)
    stored = build_store(settings, journal, evidence=evidence_append(settings), siblings=siblings)
    shelf = catalog_shelf(settings.trust.state, registry)
    catalogs = catalog_book(registry, shelf)
    ended = EndedKeys(trust.homes, desk=trust.desk, client=trust.client, clock=time.time)
    return Shared(
        settings=settings,
        registry=registry,
        catalogs=catalogs,
        publish=catalog_publisher(catalogs, shelf, registry=registry, trust=trust, ended=ended, journal=journal),
        book=EquivalenceBook(registry.taxonomy, catalogs),
        trust=trust,
        ended=ended,
        rules=VerdictRules(load_status_rules(), registry.taxonomy),
        statuses={region: _status_register(region, keys, stored.places, trust) for region, keys in trust.homes.items()},
        own_certificates=OwnCertificates(settings),
        journal=journal,
        stored=stored,
        evidence=build_evidence(settings, stored.store, trust=trust, registry=registry, journal=journal),
        pseudonym_secrets={home.region: _pseudonym_secret(home) for home in settings.home},
    )


def _pseudonym_secret(home: HomeSettings) -> bytes:
    """Read the secret of a home region's pseudonyms (SettingsError)."""
    secret = home.pseudonym_secret.read_bytes()
    if len(secret) != _SECRET_BYTES:
        raise SettingsError((f"pseudonym_secret of {home.region}: {_SECRET_BYTES} bytes are needed",))
    return secret


def _status_register(region: str, keys: HomeKeys, book: StatusPlaces, trust: TrustSide) -> StatusRegister:
    """Make the status lists of a home region."""
    address = f"{keys.entity}/regions/{region}/status"
    return StatusRegister(keys.signer, book=book, address=address, clock=time.time, changed=trust.notices.tell)


async def hear_status(shared: Shared) -> None:
    """Take note of what is revoked on status lists, here or at other replicas, until cancelled."""
    async with aclosing(shared.stored.places.heard()) as heard:
        async for region, number in heard:
            shared.statuses[region].heard(number)


def status_routes(shared: Shared) -> Callable[[web.Application], None]:
    """Give what adds the status lists of the home regions to the web side."""
    pages = StatusListPages(shared.statuses)

    def add(app: web.Application) -> None:
        app.add_routes(pages.routes())

    return add


def status_lists(shared: Shared, client: StatusClient) -> StatusLists:
    """Give what tells whether a recognition was taken back: the lists of our own homes and of the peers."""
    settings = shared.settings
    bases = {home.region: home.entity.id for home in settings.home} | {p.region: p.entity for p in settings.peer}
    own = {home.entity.id: f"http://{settings.listen.web}" for home in settings.home}
    places = own | {peer.entity: peer.federation for peer in settings.peer if peer.federation is not None}
    lists = StatusLists(
        find=shared.trust.region_key,
        bases=bases,
        fetch=client.fetch,
        clock=time.time,
        addresses=places,
        renewed=shared.trust.renewed,
    )
    shared.trust.follower.on_status(lists.changed)
    for home in settings.home:
        shared.trust.notices.listeners.append(partial(lists.changed, home.entity.id))
    return lists


def platform_client(home: HomeSettings, shared: Shared) -> PlatformClient:
    """Make the client of a home region's platform."""
    adapter = shared.registry.get(home.region)
    settings = home.platform
    return PlatformClient(
        region=home.region,
        base_url=settings.base_url,
        dialect=adapter,
        auth=adapter.auth,
        secrets=read_object(settings.secrets),
        limits=PlatformLimits(
            total_seconds=settings.total_seconds,
            failures_to_open=settings.failures_to_open,
            open_seconds=settings.open_seconds,
        ),
        allow_private_addresses=settings.allow_private_addresses,
        new_nonce=new_id,
    )


def local_home(
    home: HomeSettings, shared: Shared, platform: PlatformClient, cards: CardLedger, polled: PolledCards | None
) -> LocalHome:
    """Make the home side of a region of this gateway."""
    return LocalHome(
        adapter=shared.registry.get(home.region),
        items=shared.item,
        platform=platform,
        rules=shared.rules,
        book=shared.book,
        agreements=shared.trust.agreements,
        signer=shared.trust.homes[home.region],
        pseudonym_secret=shared.pseudonym_secrets[home.region],
        new_id=new_id,
        clock=time.time,
        statuses=shared.statuses[home.region],
        cards=cards,
        polled=polled,
        consents=None if home.consents is None else FileConsents(home.consents, clock=time.time),
    )


def verdict_writer(shared: Shared) -> VerdictWriter:
    """Make what writes verdicts in the caller's language."""
    titles = {a.id: agreement_title(a) for a in shared.trust.agreements.agreements}
    items = TranslateItem(registry=shared.registry, book=shared.book, clock=time.time)
    return VerdictWriter(reasons=load_reasons(), titles=titles, items=items)


def make_servicers(
    shared: Shared, homes: dict[str, Home], *, lists: StatusLists, verdicts: VerdictWriter, cards: KnownCards
) -> tuple[Servicer, ...]:
    """Make the services with their use cases."""
    registry = shared.registry
    paging = Paging(shared.evidence.secret.paging_key())
    items = TranslateItem(registry=registry, book=shared.book, clock=time.time)
    agreements = shared.trust.agreements
    verify = VerifyCard(
        registry=registry, homes=homes, agreements=agreements, rules=shared.rules, clock=time.time, cards=cards
    )
    verify_recognition = VerifyRecognition(
        recognitions=RecognitionVerifier(shared.trust.region_key),
        registry=registry,
        agreements=agreements,
        rules=shared.rules,
        replay=shared.stored.replay,
        clock=time.time,
        statuses=lists,
        own_certificates=shared.own_certificates,
        keys=shared.trust,
    )
    return (
        RegionServicer(registry=registry, homes=homes, agreements=agreements, paging=paging),
        IdentityServicer(
            verify=verify,
            translate=TranslateIdentity(registry),
            memory=RequestMemory(clock=time.time),
            verdicts=verdicts,
            chains=shared.trust.chain,
        ),
        CatalogServicer(
            registry=registry,
            book=shared.catalogs,
            translate=items,
            explain=ExplainEquivalence(registry=registry, book=shared.book),
            paging=paging,
            days=Days(time.time),
        ),
        CatalogRulesServicer(registry=registry, book=shared.catalogs, paging=paging, days=Days(time.time)),
        CatalogPublicationServicer(
            book=shared.catalogs,
            publish=shared.publish,
            fold=FoldProposal(book=shared.catalogs, registry=registry),
            paging=paging,
            days=Days(time.time),
        ),
        RecognitionServicer(
            issue=IssueRecognition(registry=registry, homes=homes),
            verify=verify_recognition,
            revoke=RevokeRecognition(
                homes=homes, places=shared.statuses, agreements=agreements, find=shared.trust.region_key
            ),
            memory=RequestMemory(clock=time.time),
            verdicts=verdicts,
            chains=shared.trust.chain,
        ),
    )
