"""Composition root of the evidence: the log, its checkpoints, who watches whom, and what records each call."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gateway.key_shelf import KeyShelf, ShelfSigner
from gateway.rpc.recording import Allowance, Recorder
from gateway.services.evidence import EvidenceSecret
from gateway.services.evidence_alarms import Alarms
from gateway.services.evidence_heads import EvidenceHeads
from gateway.services.evidence_log import EvidenceLog
from gateway.services.evidence_reader import EvidenceReader
from gateway.services.evidence_witness import Witness
from trust.note import NoteKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.bootstrap_trust import TrustSide
    from gateway.journal import Journal
    from gateway.settings import Settings
    from gateway.store.store import Append, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSide:
    """The evidence of a node."""

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


def build_evidence(settings: Settings, store: Store, *, trust: TrustSide, journal: Journal) -> EvidenceSide:
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
        recorder=Recorder(store, allowance=Allowance(settings.evidence.refusals_per_second)),
    )
