"""The installed regions with keys made for this run, and questions about their fictitious cardholders."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from adapters.credential import by_card_number
from adapters.equivalence import EquivalenceBook, FixedCatalogs
from adapters.registry import load_agreements, load_registry, load_vectors
from adapters.words import Medium, Purpose
from gateway.services.local_home import LocalHome
from gateway.services.model import CardQuestion
from gateway.services.verdict import VerdictRules, load_status_rules
from tests.fakes.clock import FakeClock
from tests.fakes.platform import FakePlatform
from trust.agreement import Agreement
from trust.keys import KeyRing, SigningKey
from trust.policy import AgreementBook
from trust.signer import RecognitionSigner
from trust.verifier import RecognitionVerifier

if TYPE_CHECKING:
    from adapters.canonical import ApplicationItem, CardIdentity
    from adapters.credential import Credential
    from gateway.services.card_ledger import CardLedger
    from gateway.services.local_home import IssueToken
    from gateway.services.polled_cards import PolledCards
    from gateway.services.status_register import StatusRegister

REGISTRY = load_registry()
AGREEMENTS = AgreementBook(Agreement.from_mapping(tomllib.loads(text)) for text in load_agreements().values())
BOOK = EquivalenceBook(REGISTRY.taxonomy, FixedCatalogs({adapter.region: adapter.catalog for adapter in REGISTRY}))
RULES = VerdictRules(load_status_rules(), REGISTRY.taxonomy)
KEYS = {region: SigningKey.generate("ES256", issuer=region) for region in REGISTRY.regions}
RING = KeyRing(key.public() for key in KEYS.values())
RECOGNITIONS = RecognitionVerifier(RING)
SECRET = b"\x5a" * 32
CONSENT = "GBA-SYN-0001"


@cache
def _vectors(region: str) -> dict[str, dict[str, Any]]:
    return {case["id"]: case for case in json.loads(load_vectors(region))["round_trips"]}


def record(region: str, case: str = "active", **changes: str) -> dict[str, str]:
    """Give the record of a fictitious cardholder, by the region's own field names, with some fields changed."""
    told: dict[str, str] = _vectors(region)[case]["record"]
    return {**told, **changes}


def identity(region: str, case: str = "active") -> CardIdentity:
    """Give the same in the neutral form."""
    return REGISTRY.get(region).identity_to_canonical(record(region, case))


def credential(region: str, case: str = "active") -> Credential:
    """Give card number and social-security number of a fictitious cardholder."""
    told = _vectors(region)[case]["canonical"]
    return by_card_number(told["card"]["number"], told["holder"]["social_security_number"])


def item(region: str, name: str) -> ApplicationItem:
    """Find an item of any region."""
    return REGISTRY.get(region).catalog.get(name)


def question(home: str = "chongqing", visited: str = "sichuan", **changes: Any) -> CardQuestion:  # noqa: ANN401 - any field
    """Ask about the active card of the home region; SC-15 (museums) has an exact counterpart in Chongqing."""
    asked = CardQuestion(
        request_id="request-1",
        home_region=home,
        visited_region=visited,
        credential=credential(home),
        medium=Medium.PHYSICAL,
        visited_item="SC-15",
        purpose=Purpose.SERVICE_ACCESS,
    )
    return replace(asked, **changes)


def local_home(
    region: str = "chongqing",
    platform: FakePlatform | None = None,
    *,
    clock: FakeClock | None = None,
    agreements: AgreementBook = AGREEMENTS,
    signer: IssueToken | None = None,
    statuses: StatusRegister | None = None,
    cards: CardLedger | None = None,
    polled: PolledCards | None = None,
) -> LocalHome:
    """Make the home side of a region before a platform, which knows its active card unless told otherwise."""
    clock = clock or FakeClock()
    numbers = iter(range(1, 1_000_000))
    return LocalHome(
        adapter=REGISTRY.get(region),
        items=item,
        platform=platform or FakePlatform(record(region), clock),
        rules=RULES,
        book=BOOK,
        agreements=agreements,
        signer=signer or RecognitionSigner(KEYS[region]),
        pseudonym_secret=SECRET,
        new_id=lambda: f"{region}-{next(numbers)}",
        clock=clock,
        statuses=statuses,
        cards=cards,
        polled=polled,
    )
