"""Composition root of trust: keys of the homes, pinned anchors, the desk of trust, and which agreements stand."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.bootstrap_replicas import own_feed_base, own_numbers
from gateway.errors import GatewayError, SettingsError
from gateway.federation.agreements import AgreementStanding, ProvenSignatures, load_agreement
from gateway.federation.desk import AnchorPin, OwnEntity, RefreshTimes, TrustDesk
from gateway.federation.fetch import FederationClient
from gateway.federation.follow import RevocationFollower
from gateway.federation.home_keys import HomeKeys, PartnerSuite
from gateway.federation.memory import FileTrustMemory
from gateway.federation.originals import FileOriginals
from gateway.federation.own_marks import OwnMarks
from gateway.key_places import KeyPlaces
from gateway.services.local_home import china_day
from gateway.services.status_notices import StatusNotices
from gateway.trust_side import TrustSide
from trust.errors import TrustError
from trust.policy import AgreementBook
from trust.roles import REGION_ROLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from gateway.federation.agreements import SignedAgreement
    from gateway.federation.desk_memory import TrustMemory
    from gateway.hsm_address import HardwareAddress
    from gateway.journal import Journal
    from gateway.key_shelf import Shelf
    from gateway.settings import Settings
    from gateway.settings_parts import HomeSettings, TrustSettings
    from trust.keys import VerificationKey

LOOK_SECONDS = 0.5
INTERVAL_SECONDS = 1.0
_ID_BYTES = 16


def new_id() -> str:
    """Make an identifier that is never the same twice."""
    return secrets.token_hex(_ID_BYTES)


class _Believed:
    """What the standing of agreements rests on: the keys of our own homes, and those that the desk believes."""

    def __init__(self, homes: Mapping[str, HomeKeys], desk: TrustDesk) -> None:
        self._homes = homes
        self._desk = desk

    def party_keys(self, entity: str, region: str, *, anchor: str) -> Iterable[VerificationKey]:
        home = self._homes.get(region)
        if home is not None:
            return home.publisher.keys if home.entity == entity else ()
        for standing in self._desk.standings:
            federation = standing.federation
            with suppress(TrustError):
                if federation.entity(REGION_ROLE, region, anchor=anchor, now=int(time.time())).entity == entity:
                    return federation.federation_keys(entity, anchor=anchor)
        return ()

    def require_agreement(self, agreement: str) -> None:
        self._desk.require_agreement(agreement)


def _times(trust: TrustSettings) -> RefreshTimes:
    return RefreshTimes(
        refresh_seconds=trust.refresh_seconds,
        interval_seconds=INTERVAL_SECONDS,
        first_round_seconds=trust.first_round_seconds,
    )


def build_trust(settings: Settings, *, journal: Journal, memory: TrustMemory | None = None) -> TrustSide:
    """Put the trust of a node together (SettingsError, TrustError, AgreementDataError; nothing runs yet).

    Args:
        settings: the configuration.
        journal: is told what an operator must hear of.
        memory: where beliefs last; the folder of the configuration unless given.
    """
    trust = settings.trust
    signed = [load_agreement(one.agreement, one.signatures, anchor=one.entity) for one in trust.anchor]
    dated = AgreementBook(one.agreement for one in signed)
    kept = memory or desk_memory(settings)
    places = KeyPlaces(clock=time.monotonic)
    homes = {home.region: _home_keys(home, signed, settings, places) for home in settings.home}
    client = FederationClient(bases=_bases(settings))

    def in_force(one: str, other: str) -> tuple[str, ...]:
        return dated.dated_between(one, other, on=china_day(time.time()))

    desk = TrustDesk(
        [_own(region, keys) for region, keys in homes.items()],
        anchors=_pins(trust, signed),
        peers={peer.region: peer.entity for peer in settings.peer},
        agreements=in_force,
        client=client,
        memory=kept,
        clock=time.time,
        journal=journal,
        grace_seconds=trust.grace_seconds,
        times=_times(trust),
        feed_base=own_feed_base(settings),
    )
    proven = ProvenSignatures(trust.state / "signed.json")
    standing = AgreementStanding(signed, believed=_Believed(homes, desk), clock=time.time, proven=proven)

    def settle() -> None:
        with suppress(SettingsError):  # where it cannot be kept, whoever asks for the agreement is told
            standing.settle()

    desk.on_change(settle)
    return TrustSide(
        homes=homes,
        desk=desk,
        standing=standing,
        agreements=AgreementBook((one.agreement for one in signed), standing=standing.require),
        signed={one.agreement.id: one for one in signed},
        follower=RevocationFollower(
            desk, client=client, entities=_followed(settings, signed), journal=journal, poll_seconds=trust.poll_seconds
        ),
        client=client,
        memory=kept,
        regions_by_name=_regions_by_name(settings),
        anchors={one.agreement.id: one.anchor for one in signed},
        notices=StatusNotices(),
        key_places=places,
        marks=OwnMarks(
            [keys.publisher for keys in homes.values()], desk=desk, client=client, clock=time.time, journal=journal
        ),
    )


def _regions_by_name(settings: Settings) -> dict[str, str]:
    """Say to which region the names in callers' certificates belong."""
    return {
        **{caller.certificate.lower(): caller.region for caller in settings.caller if caller.certificate},
        **{peer.server_name.lower(): peer.region for peer in settings.peer},
    }


def _pins(trust: TrustSettings, signed: Sequence[SignedAgreement]) -> list[AnchorPin]:
    """Give the anchors that the operator has pinned, each for its agreement."""
    return [
        AnchorPin(entity=one.entity, fingerprints=frozenset(one.fingerprints), agreements=frozenset({at.agreement.id}))
        for one, at in zip(trust.anchor, signed, strict=True)
    ]


def desk_memory(settings: Settings) -> FileTrustMemory:
    """Give what the node remembers of whom it believes (TrustMemoryError where the folder cannot be used)."""
    return FileTrustMemory(settings.trust.state / "desk")


def _own(region: str, keys: HomeKeys) -> OwnEntity:
    return OwnEntity(entity=keys.entity, region=region, configuration=keys.publisher.text)


def _home_keys(
    home: HomeSettings, signed: Iterable[SignedAgreement], settings: Settings, places: KeyPlaces
) -> HomeKeys:
    """Read the keys of a home region; the anchors of its agreements are its superiors."""
    folder = settings.trust.state / home.region
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def shelf(name: str, place: Path | HardwareAddress, *, issuer: str) -> Shelf:
        try:
            return places.shelf(place, issuer=issuer)
        except SettingsError as error:
            raise SettingsError(tuple(f"{name} of {home.region}: {fault}" for fault in error.faults)) from error

    return HomeKeys(
        home.entity.id,
        federation=shelf("entity.key", home.entity.key, issuer=home.entity.id),
        region=shelf("signing_key", home.signing_key, issuer=home.region),
        caller=shelf("caller.key", home.caller.key, issuer=home.caller.id),
        evidence=places.shelf(settings.evidence.key, issuer=settings.gateway),
        superiors=[one.anchor for one in signed if home.region in one.agreement.regions],
        folder=folder,
        clock=time.time,
        new_id=new_id,
        partner=None
        if home.partner is None
        else PartnerSuite(
            regions=home.partner.regions,
            shelf=shelf("partner.key", home.partner.key, issuer=home.region),
            originals=FileOriginals(folder / "originals", clock=time.time),
        ),
        numbering=own_numbers(settings),
    )


def _bases(settings: Settings) -> dict[str, str]:
    """Give where entities are fetched that are not at their own identifier."""
    places = {anchor.entity: anchor.address for anchor in settings.trust.anchor}
    places |= {peer.entity: peer.federation for peer in settings.peer}
    return {entity: address for entity, address in places.items() if address is not None}


def _followed(settings: Settings, signed: Iterable[SignedAgreement]) -> tuple[str, ...]:
    """Name whose revocations are followed: the anchors, and the peers with whom a home has an agreement."""
    ours = {home.region for home in settings.home}
    joined = {region for one in signed if ours & set(one.agreement.regions) for region in one.agreement.regions}
    peers = (peer.entity for peer in settings.peer if peer.region in joined)
    return (*(anchor.entity for anchor in settings.trust.anchor), *peers)


async def keep_looking(homes: Iterable[HomeKeys], *, journal: Journal) -> None:
    """Take up keys that have changed on the disk, until cancelled; what cannot be used is told once a change."""
    failed: dict[str, str] = {}
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        for home in homes:
            try:
                if home.look():
                    journal.event("keys_changed", entity=home.entity)
                failed.pop(home.entity, None)
            except (GatewayError, TrustError, OSError) as error:
                if failed.get(home.entity) != str(error):
                    failed[home.entity] = str(error)
                    journal.event("keys_not_taken_up", entity=home.entity, error=type(error).__name__)
