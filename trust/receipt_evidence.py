"""The proof of inclusion in a receipt: that the log of a gateway has recorded what the receipt states.

The record is JSON whose `detail` is the digest of the statement. The path leads from it to the root of a checkpoint,
which a key has signed that the gateway's own trust chain tells (`evidence_keys` of its metadata). Alone that is the
gateway's own word: it could keep another log for this file. Where the other party has cosigned the checkpoint, whose
keys are in the file too, it has seen that very log; so has a witness whose key the reader knows. Other cosigners' keys
are not in the file, and nothing is said of their lines.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from typing import TYPE_CHECKING, Final

from trust.checkpoint import check_cosignature, read_checkpoint
from trust.errors import KeyMaterialError, ReceiptError
from trust.merkle import leaf_hash, prove_inclusion
from trust.note import COSIGNER_KIND, NoteKey
from trust.parser import strict_json
from trust.roles import GATEWAY_ROLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trust.verified_entity import VerifiedEntity

EVIDENCE_KEYS: Final = "evidence_keys"
"""In the metadata of a gateway: the verifier keys of its log (C2SP signed-note), with spaces between them."""

_PART: Final = "evidence"


def check_inclusion(
    proof: Mapping[str, object],
    *,
    detail: str,
    entity: VerifiedEntity,
    other: VerifiedEntity,
    witnesses: Sequence[NoteKey] = (),
) -> tuple[str, ...]:
    """Demand that the log of an entity's gateway has recorded a detail; names who else has seen that log.

    Args:
        proof: `record`, `index`, `path` and `checkpoint`, and nothing else.
        detail: the digest that the record must have.
        entity: whose log it is, believed.
        other: the other party, believed.
        witnesses: keys of cosigners that the reader knows.

    Raises:
        ReceiptError: the proof has not the form, or is of another record.
        CheckpointError, BadSignatureError: the checkpoint is not signed by the log, or a line below it of the other
            party's keys, or of a witness's, does not hold.
        ProofError: the path does not lead to its root.
    """
    match proof:
        case {
            "record": str() as record,
            "index": int() as index,
            "path": [*path],
            "checkpoint": str() as note,
            **more,
        } if not more:
            hashes = [_hash(part) for part in path]
        case _:
            raise ReceiptError(part=_PART, rule="record, index, path and checkpoint")
    raw = record.encode("utf-8", "surrogatepass")
    if strict_json(raw).get("detail") != detail:
        raise ReceiptError(part=_PART, rule="record of this receipt")
    signed = read_checkpoint(note, *_keys(entity))
    checkpoint = signed.checkpoint
    prove_inclusion(index, checkpoint.size, leaf=leaf_hash(raw), path=hashes, root=checkpoint.root)
    names = []
    # Whatever else a gateway signs with the keys of its own log, it is its own word.
    own = {one.of_kind(COSIGNER_KIND).to_text() for one in _keys(entity)}
    for key in (one.of_kind(COSIGNER_KIND) for one in (*_keys(other), *witnesses)):
        line = None if key.to_text() in own else signed.note.of_key(key)
        if line is not None:
            check_cosignature(line, checkpoint, key=key)
            names.append(key.name)
    return tuple(dict.fromkeys(names))


def _hash(part: object) -> bytes:
    """Read one hash of a path (ReceiptError)."""
    try:
        return b64decode(part, validate=True) if isinstance(part, str) else b""
    except Base64Error:
        raise ReceiptError(part=_PART, rule="base64 of hashes") from None


def _keys(entity: VerifiedEntity) -> tuple[NoteKey, ...]:
    """Give the keys of the log of an entity's gateway, none where it tells none."""
    told = entity.metadata.get(GATEWAY_ROLE, {}).get(EVIDENCE_KEYS)
    try:
        return tuple(map(NoteKey.from_text, told.split(" "))) if isinstance(told, str) else ()
    except KeyMaterialError:
        return ()
