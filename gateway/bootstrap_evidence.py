"""Composition root of the evidence: the log, its checkpoints, who watches whom, and what records each call."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gateway.key_shelf import KeyShelf, ShelfSigner
from gateway.peers.evidence import PeerLog
from gateway.rpc.evidence import EvidenceServicer
from gateway.rpc.paging import Paging
from gateway.rpc.recording import Allowance, Recorder, known_names
from gateway.services.evidence import EvidenceSecret
from gateway.services.evidence_accesses import Accesses
from gateway.services.evidence_alarms import Alarms
from gateway.services.evidence_gossip import Gossip
from gateway.services.evidence_heads import EvidenceHeads
from gateway.services.evidence_log import EvidenceLog
from gateway.services.evidence_reader import EvidenceReader
from gateway.services.evidence_witness import Witness
from trust.note import NoteKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from adapters.registry import Registry
    from gateway.bootstrap_services import Shared
    from gateway.journal import Journal
    from gateway.peers.peer_home import PeerHome
    from gateway.settings import Settings
    from gateway.store.store import Append, Store
    from gateway.trust_side import TrustSide


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSide:
    """The evidence of a node; `keys` gives those of the log of a peer, by its origin."""

    keys: Callable[[str], tuple[NoteKey, ...]]
    secret: EvidenceSecret
    reader: EvidenceReader
    heads: EvidenceHeads
    witness: Witness
    alarms: Alarms
    recorder: Recorder


def evidence_secret(settings: Settings) -> EvidenceSecret:
    """Read the secret of what stands for persons (SettingsError)."""
    return EvidenceSecret(settings.evidence.secret.read_bytes())


def evidence_append(settings: Settings) -> Callable[[str], Append]:
    """Give what makes, for the name of an engine, what adds decisions to the log (SettingsError)."""
    secret = evidence_secret(settings)
    return lambda dialect: EvidenceLog(secret, dialect=dialect).append


def own_keys(settings: Settings, shelf: KeyShelf) -> tuple[NoteKey, ...]:
    """Give the keys whose checkpoints are ours, those that are retired included (AlgorithmNotAllowedError)."""
    shown = (NoteKey.of(key, name=settings.gateway) for key in shelf.published)
    return (*shown, *map(NoteKey.from_text, settings.evidence.former_keys))


def build_evidence(
    settings: Settings, store: Store, *, trust: TrustSide, registry: Registry, journal: Journal
) -> EvidenceSide:
    """Put the evidence of a node together (SettingsError, TrustError; nothing is read or signed yet)."""
    shelf = KeyShelf(settings.evidence.key, issuer=settings.gateway)
    reader, alarms = EvidenceReader(store), Alarms(store, told=journal.event)
    own_keys(settings, shelf)
    regions = {peer.audience: peer.region for peer in settings.peer}

    def keys_of(origin: str) -> tuple[NoteKey, ...]:
        region = regions.get(origin)
        return () if region is None else trust.evidence_keys(region)

    signer = ShelfSigner(shelf)
    return EvidenceSide(
        keys=keys_of,
        secret=evidence_secret(settings),
        reader=reader,
        heads=EvidenceHeads(
            store,
            reader=reader,
            signer=signer,
            known=partial(own_keys, settings, shelf),
            origin=settings.gateway,
            alarms=alarms,
        ),
        witness=Witness(store, keys=keys_of, signer=signer, name=settings.gateway, alarms=alarms),
        alarms=alarms,
        recorder=Recorder(
            store,
            known=frozenset(known_names(registry)),
            allowance=Allowance(settings.evidence.refusals_per_second),
        ),
    )


def build_gossip(shared: Shared, peers: Mapping[str, PeerHome]) -> Gossip:
    """Make what exchanges checkpoints with the gateways of regions with which a home of ours has an agreement."""
    settings, evidence = shared.settings, shared.evidence
    logs = {}
    for peer in settings.peer:
        for agreement in shared.trust.agreements.agreements:
            asking = next((home.region for home in settings.home if home.region in agreement.regions), None)
            if asking is not None and peer.region in agreement.regions:
                logs[peer.audience] = PeerLog(peers[peer.region].channel, asking=asking)
    return Gossip(
        evidence.heads,
        reader=evidence.reader,
        witness=evidence.witness,
        logs=logs,
        keys=evidence.keys,
        told=shared.journal.event,
    )


def evidence_servicer(shared: Shared, gossip: Gossip) -> EvidenceServicer:
    """Make the service of the evidence."""
    settings, evidence = shared.settings, shared.evidence
    return EvidenceServicer(
        heads=evidence.heads,
        reader=evidence.reader,
        accesses=Accesses(shared.stored.store),
        witness=evidence.witness,
        secret=evidence.secret,
        paging=Paging(evidence.secret.paging_key()),
        origins={peer.caller: peer.audience for peer in settings.peer},
        proofs=gossip.proof,
        homes=frozenset(home.region for home in settings.home),
    )
