"""The receipt as a file: what was asked, what was answered, both signatures, both trust chains, proofs of inclusion.

Whoever has the file and the fingerprint of the anchor's key verifies it without asking anybody. The checks are made in
a fixed order, and the first that fails is named: the form of the file; the statement; the documents against the digests
of the statement; then for each region the chain from the pinned anchor down to its gateway, and the signature of that;
last the proofs that the gateways' logs have recorded it.

Who says more than a fingerprint, which anchor it is of and for which agreements that stands (`ReceiptPin`), has that
compared too.

A chain is judged as of the moment when it was put into the receipt: it proves whose key it was then. That a key was
revoked later, and that a statement was not written later under an old date, no file can prove by itself; a proof of
inclusion in a log that the other party has cosigned says that both knew of it by then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from trust.anchor import TrustAnchor
from trust.chain import Beliefs, verify_chain
from trust.errors import ReceiptError, TrustError
from trust.parser import strict_json
from trust.receipt import Receipt, document_digest
from trust.roles import GATEWAY_ROLE, REGION_ROLE
from trust.statement import read_statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from trust.keys import KeyRing
    from trust.receipt import ReceiptStatement
    from trust.verified_entity import VerifiedEntity

FORMAT: Final = "onecard-receipt-1"
MAX_FILE_BYTES: Final = 2_000_000
_MAX_BRACKETS: Final = 500
_KEYS: Final = frozenset({"format", "request", "reply", "receipt", "chains", "evidence"})


class CheckEvidence(Protocol):
    """Verifies a proof of inclusion."""

    def __call__(
        self, proof: Mapping[str, object], *, detail: str, entity: VerifiedEntity, other: VerifiedEntity
    ) -> tuple[str, ...]:
        """Demand that the log of an entity has recorded a detail (a TrustError names what does not hold).

        Names those who have cosigned the log: the other party, and witnesses that the reader knows.
        """


@dataclass(frozen=True, slots=True)
class AgreementTerms:
    """Between which regions an agreement is, and the digest of its terms."""

    regions: frozenset[str]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPin:
    """An anchor as a reader of receipts pins it.

    `fingerprints` are RFC 7638 thumbprints of its keys, `terms` those of the agreements for which it stands.
    """

    entity: str
    fingerprints: frozenset[str]
    terms: Mapping[str, AgreementTerms]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedReceipt:
    """What a receipt proves: the statement, under which anchor, and which regions' logs have recorded it.

    `cosigned` names, by the region of a log, who else has seen it; `same_terms` tells whether the agreement has the
    terms that the reader has pinned, None where it has pinned none.
    """

    statement: ReceiptStatement
    anchor: str
    recorded_by: tuple[str, ...]
    cosigned: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    same_terms: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptFile:
    """A receipt file that has the right form; nothing in it is proven."""

    request: Mapping[str, object]
    reply: Mapping[str, object]
    receipt: Receipt
    chains: Mapping[str, tuple[str, ...]]
    evidence: Mapping[str, Mapping[str, object]]

    def to_json(self) -> dict[str, object]:
        """Write the document."""
        return {
            "format": FORMAT,
            "request": self.request,
            "reply": self.reply,
            "receipt": self.receipt.to_json(),
            "chains": {region: list(chain) for region, chain in self.chains.items()},
            "evidence": dict(self.evidence),
        }

    @classmethod
    def from_bytes(cls, raw: bytes) -> ReceiptFile:
        """Read a file (ReceiptError names the part)."""
        if len(raw) > MAX_FILE_BYTES:
            raise ReceiptError(part="format", rule="size")
        with _Part("format"):
            document: Mapping[str, Any] = strict_json(raw, max_brackets=_MAX_BRACKETS)
        if document.get("format") != FORMAT or document.keys() != _KEYS:
            raise ReceiptError(part="format", rule=FORMAT)
        for name in ("request", "reply", "chains", "evidence"):
            if not isinstance(document[name], dict):
                raise ReceiptError(part=name, rule="object")
        with _Part("receipt"):
            receipt = Receipt.from_json(document["receipt"])
        return cls(
            request=document["request"],
            reply=document["reply"],
            receipt=receipt,
            chains=dict(_chains(document["chains"], receipt.statement)),
            evidence=dict(_proofs(document["evidence"], receipt.statement)),
        )


def _chains(chains: Mapping[str, object], statement: ReceiptStatement) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Read the chains, one for each of the two regions."""
    if chains.keys() != {statement.source, statement.target}:
        raise ReceiptError(part="chains", rule="one for each of the two regions")
    for region, chain in chains.items():
        if not isinstance(chain, list) or not all(isinstance(text, str) for text in chain) or not chain:
            raise ReceiptError(part="chains", rule="list of statements", region=region)
        yield region, tuple(chain)


def _proofs(evidence: Mapping[str, object], statement: ReceiptStatement) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Read the proofs of inclusion, at most one for each of the two regions."""
    if not {statement.source, statement.target} >= evidence.keys():
        raise ReceiptError(part="evidence", rule="of the two regions")
    for region, proof in evidence.items():
        if not isinstance(proof, dict):
            raise ReceiptError(part="evidence", rule="object", region=region)
        yield region, proof


def verify_receipt(
    raw: bytes,
    *,
    fingerprints: frozenset[str] = frozenset(),
    pins: Sequence[ReceiptPin] = (),
    grace_seconds: int = 0,
    check_evidence: CheckEvidence | None = None,
) -> VerifiedReceipt:
    """Verify a receipt file.

    Args:
        raw: its bytes, JSON.
        fingerprints: RFC 7638 thumbprints of keys that are believed, whichever anchor has them.
        pins: anchors that are believed, each with its own keys only, and only for its agreements.
        grace_seconds: for how long a statement of a chain counts after its end, as `Beliefs` has it: a gateway goes by
            such a chain too while no newer one can be had.
        check_evidence: verifies the proofs of inclusion, of which there must be one then; a file that has any is
            refused without it.

    Raises:
        ReceiptError: `part` names what fails first, `rule` or `because` why, `region` whose.
    """
    file = ReceiptFile.from_bytes(raw)
    receipt, statement = file.receipt, file.receipt.statement
    _check_documents(file, statement)
    known: dict[str, frozenset[str]] = {}
    for pin in pins:
        known[pin.entity] = known.get(pin.entity, fingerprints) | pin.fingerprints
    believed = _Believed(known, fingerprints, grace_seconds)
    entities = {region: _entity(file, region, believed) for region in (statement.target, statement.source)}
    if len({entity.anchor for entity in entities.values()}) != 1:
        raise ReceiptError(part="chains", rule="one anchor")
    anchor = entities[statement.source].anchor
    same_terms = _compare_terms(statement, [pin for pin in pins if pin.entity == anchor])
    for region, entity in entities.items():
        with _Part("signature", region=region):
            receipt.prove(region, keys=_keys(entity.keys.get(GATEWAY_ROLE), statement.gateway(region)))
    return VerifiedReceipt(
        statement=statement,
        anchor=anchor,
        recorded_by=tuple(sorted(file.evidence)),
        cosigned=dict(sorted(_cosigned(file, entities, check_evidence))),
        same_terms=same_terms,
    )


def _compare_terms(statement: ReceiptStatement, pins: Sequence[ReceiptPin]) -> bool | None:
    """Demand an agreement for which the anchor stands; tells whether its terms are those that were pinned.

    They may have been changed since the reply: both gateways have signed those of that time.
    """
    if not pins:
        return None
    terms = {name: told for pin in pins for name, told in pin.terms.items()}.get(statement.agreement)
    if terms is None:
        raise ReceiptError(part="agreement", rule="one for which the anchor stands")
    if not terms.regions >= {statement.source, statement.target}:
        raise ReceiptError(part="agreement", rule="one between these two regions")
    return terms.digest == statement.agreement_digest


def _cosigned(
    file: ReceiptFile, entities: Mapping[str, VerifiedEntity], check_evidence: CheckEvidence | None
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Verify the proofs of inclusion, and name who has cosigned which of the logs."""
    if check_evidence is not None and not file.evidence:
        raise ReceiptError(part="evidence", rule="of one log at least")
    for region, proof in file.evidence.items():
        with _Part("evidence", region=region):
            if check_evidence is None:
                raise ReceiptError(part="evidence", rule="can be verified")
            (other,) = (entity for name, entity in entities.items() if name != region)
            names = check_evidence(proof, detail=file.receipt.digest, entity=entities[region], other=other)
            if names:
                yield region, names


def _check_documents(file: ReceiptFile, statement: ReceiptStatement) -> None:
    """Demand the documents that the statement has the digests of, of the very request."""
    told = {"request": statement.request_digest, "reply": statement.reply_digest}
    documents = {"request": file.request, "reply": file.reply}
    for part, document in documents.items():
        with _Part(part):
            digest = document_digest(document)
        if digest != told[part]:
            raise ReceiptError(part=part, rule="digest")
        if document.get("name") != statement.request:
            raise ReceiptError(part=part, rule="name of the request")


class _Believed(NamedTuple):
    """Which fingerprints are believed of which anchor, and of any other; and for how long after its end a statement."""

    known: Mapping[str, frozenset[str]]
    others: frozenset[str]
    grace_seconds: int


def _entity(file: ReceiptFile, region: str, believed: _Believed) -> VerifiedEntity:
    """Follow the chain of a region down from the pinned anchor."""
    chain = file.chains[region]
    with _Part("chain", region=region):
        anchor = read_statement(chain[-1]).claims
        issued = [read_statement(text).claims.iat for text in chain]
        fingerprints = believed.known.get(anchor.sub, believed.others)
        if not fingerprints:
            raise ReceiptError(part="chain", rule="a pinned anchor", region=region)
        pinned = TrustAnchor(entity=anchor.sub, fingerprints=fingerprints)
        moment = max(file.receipt.statement.answered_at, *issued)
        beliefs = Beliefs(anchors={anchor.sub: pinned}, grace_seconds=believed.grace_seconds)
        entity = verify_chain(chain, beliefs=beliefs, now=moment)
        ring = entity.keys.get(REGION_ROLE)
        if ring is None or region not in ring.issuers:
            raise ReceiptError(part="chain", rule="entity of the region", region=region)
    return entity


def _keys(ring: KeyRing | None, gateway: str) -> Sequence[Any]:
    """Give the keys of a gateway."""
    if ring is None or gateway not in ring.issuers:
        return ()
    return [ring.find(gateway, str(jwk["kid"])) for jwk in ring.jwks(gateway)["keys"]]


class _Part:
    """Context in which one part is judged: every error leaves as a ReceiptError that names it."""

    __slots__ = ("_told",)

    def __init__(self, part: str, **told: str) -> None:
        self._told = {"part": part, **told}

    def __enter__(self) -> None:
        """Begin to judge."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        """Raise what names the part (ReceiptError)."""
        if isinstance(error, ReceiptError):
            error.metadata.update(self._told)
        elif isinstance(error, TrustError):
            raise ReceiptError(**{**error.metadata, **self._told, "because": type(error).__name__}) from error
