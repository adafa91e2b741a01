"""Receipts of two invented regions for tests: documents, signatures, and the chains of the small federation."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

from tests.trust.alliance import (
    HOME,
    KEYS,
    NOW,
    REGION_KEYS,
    SOUTHWEST,
    VISITED,
    about,
    configuration,
    fingerprint,
    metadata,
    signed,
)
from trust.checkpoint import Checkpoint, sign_checkpoint
from trust.keys import KeyRing, SigningKey
from trust.merkle import leaf_hash, node_hash
from trust.metadata_policy import MetadataPolicy
from trust.note import NoteKey
from trust.plain_json import freeze, thaw
from trust.receipt import Receipt, ReceiptStatement, countersign_receipt, document_digest, sign_receipt
from trust.receipt_evidence import EVIDENCE_KEYS
from trust.receipt_file import ReceiptFile
from trust.signer import KeySigner

if TYPE_CHECKING:
    from trust.metadata_policy import Metadata

NAME: Final = f"regions/home/requests/{'0123456789abcdef' * 2}"
GATEWAY_KEYS: Final = {
    entity: SigningKey.generate("ES256", issuer=f"gateway.{REGION_KEYS[entity].issuer}") for entity in (HOME, VISITED)
}
PINS: Final = frozenset({fingerprint(KEYS[SOUTHWEST])})
REQUEST: Final = {"name": NAME, "salt": "c2FsdA", "content": {"item": "V-01", "subject": {"name": "测试甲"}}}
REPLY: Final = {"name": NAME, "salt": "bW9yZQ", "reply": {"identityCheck": {"matches": True}}}


def statement(**changes: Any) -> ReceiptStatement:  # noqa: ANN401 - a test may give anything
    """Give a statement of the two documents, with some of it changed."""
    values: dict[str, Any] = {
        "agreement": "southwest-joint",
        "agreement_digest": document_digest({"id": "southwest-joint"}),
        "answered_at": NOW,
        "catalog_version": "0123456789abcdef",
        "deadline": NOW + 1000,
        "delivered_at": NOW - 50,
        "item": "V-01",
        "item_type": "SI.PERSON.CERT",
        "outcome": "completed",
        "reply_digest": document_digest(REPLY),
        "request": NAME,
        "request_digest": document_digest(REQUEST),
        "source": "home",
        "source_gateway": "gateway.home",
        "submitted_at": NOW - 100,
        "target": "visited",
        "target_gateway": "gateway.visited",
    }
    return ReceiptStatement(**{**values, **changes})


def both_signed(said: ReceiptStatement | None = None) -> Receipt:
    """Sign as the target's gateway and then as the source's."""
    first = sign_receipt(said or statement(), key=GATEWAY_KEYS[VISITED])
    return countersign_receipt(first, key=GATEWAY_KEYS[HOME])


def gateway_metadata(entity: str) -> Metadata:
    """Give the metadata of a region that has a gateway."""
    keys = {"onecard_region": REGION_KEYS[entity], "onecard_gateway": GATEWAY_KEYS[entity]}
    return metadata(
        {role: {"issuer": key.issuer, "jwks": KeyRing([key.public()]).jwks(key.issuer)} for role, key in keys.items()}
    )


def chain_of(entity: str, **changes: object) -> tuple[str, ...]:
    """Give the chain of a region with its gateway; the configuration changed."""
    fixed = {
        role: {"issuer": {"value": key.issuer}}
        for role, key in (("onecard_region", REGION_KEYS[entity]), ("onecard_gateway", GATEWAY_KEYS[entity]))
    }
    return (
        signed(configuration(entity, **{"metadata": gateway_metadata(entity), **changes})),
        signed(about(SOUTHWEST, entity, metadata_policy=MetadataPolicy.from_json(fixed))),
        signed(configuration(SOUTHWEST)),
    )


def receipt_file(**changes: Any) -> ReceiptFile:  # noqa: ANN401 - a test may give anything
    """Give a good file, with some of it changed."""
    values: dict[str, Any] = {
        "request": REQUEST,
        "reply": REPLY,
        "receipt": both_signed(),
        "chains": {"home": chain_of(HOME), "visited": chain_of(VISITED)},
        "evidence": {},
    }
    return ReceiptFile(**{**values, **changes})


def written(file: ReceiptFile | None = None, **changes: object) -> bytes:
    """Write a file as JSON, with members changed."""
    return json.dumps({**(file or receipt_file()).to_json(), **changes}, ensure_ascii=False).encode()


LOG: Final = SigningKey.generate("EdDSA", issuer="visited.example/evidence")
LOG_KEY: Final = NoteKey.of(LOG.public(), name=LOG.issuer)
OTHER_LOG: Final = SigningKey.generate("EdDSA", issuer="home.example/evidence")
OTHER_KEY: Final = NoteKey.of(OTHER_LOG.public(), name=OTHER_LOG.issuer)
RECORD: Final = json.dumps({"detail": both_signed().digest, "outcome": "ALLOWED"})
OTHER: Final = leaf_hash(b"another record")


def proof(record: str = RECORD, *, signer: SigningKey = LOG, **changes: object) -> dict[str, object]:
    """Prove that a record is the second of two, with some of the proof changed."""
    head = Checkpoint(LOG.issuer, 2, node_hash(OTHER, leaf_hash(record.encode())))
    told = {
        "record": record,
        "index": 1,
        "path": [b64encode(OTHER).decode()],
        "checkpoint": sign_checkpoint(head, signer=KeySigner(signer)).to_text(),
    }
    return {**told, **changes}


def with_keys(entity: str, keys: object) -> Any:  # noqa: ANN401 - frozen JSON
    """Give the metadata of a gateway that tells these keys of its log."""
    metadata: Any = thaw(gateway_metadata(entity))
    metadata["onecard_gateway"] |= {EVIDENCE_KEYS: keys} if keys is not None else {}
    return freeze(metadata)


def recorded() -> bytes:
    """Write a good file with the proof that the log of the visited region has recorded it."""
    chains = {"home": chain_of(HOME), "visited": chain_of(VISITED, metadata=with_keys(VISITED, LOG_KEY.to_text()))}
    return written(receipt_file(chains=chains, evidence={"visited": proof()}))
