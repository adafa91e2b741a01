"""Signs receipts: the target's gateway when it has the reply, the source's when it has heard it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import bindparam, select
from sqlalchemy.dialects import postgresql, sqlite

from gateway.services.exchange_model import MICROS, text_of
from gateway.services.exchange_states import ANSWERED
from gateway.store.tables_exchange import CHAINS
from trust.errors import ReceiptError
from trust.jws import read_jws
from trust.receipt import RECEIPT_TYPE, SIGNERS, Receipt, ReceiptStatement, countersign_receipt, sign_receipt

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.services.exchange_model import StoredRequest
    from gateway.store.transaction import Transaction
    from trust.keys import VerificationKey
    from trust.signer import Signer

_KEEP: Final = {
    name: dialect.insert(CHAINS).on_conflict_do_nothing()
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
}
_CHAINS: Final = select(CHAINS).where(CHAINS.c.digest.in_(bindparam("digests", expanding=True)))
_DIGEST_BYTES: Final = 32
_LONGEST: Final = 65_536


class ReceiptTrust(Protocol):
    """Whose keys sign receipts, and what proves whose they are."""

    def issuer(self, region: str) -> str:
        """Give the issuer under which the gateway of a region signs (RegionNotServedError)."""

    def signer(self, region: str) -> Signer:
        """Give what signs for the gateway of a home region."""

    def find(self, issuer: str, kid: str) -> VerificationKey:
        """Find the key of a gateway (TrustError)."""

    def chain(self, region: str, agreement: str) -> tuple[str, ...]:
        """Give the trust chain of a region under the anchor of an agreement; () where none is known now."""

    def agreement_digest(self, agreement: str) -> str:
        """Give the digest of the terms of an agreement."""


@dataclass(frozen=True, slots=True)
class ReceiptDesk:
    """Signs for the home regions of this gateway.

    `homes` are these, `dialect` is that of the store.
    """

    trust: ReceiptTrust
    homes: Collection[str]
    dialect: str

    def sign(self, request: StoredRequest, *, outcome: str, reply_digest: bytes, answered_at: int) -> Receipt:
        """Sign as the target's gateway, and as the source's too where that is this one.

        Raises:
            TrustError: the key cannot sign.
            RegionNotServedError: no gateway of the source region is known here.
        """
        statement = ReceiptStatement(
            agreement=request.agreement,
            agreement_digest=self.trust.agreement_digest(request.agreement),
            answered_at=answered_at // MICROS,
            catalog_version=request.catalog_version,
            deadline=request.deadline // MICROS,
            delivered_at=(request.delivered_at or answered_at) // MICROS,
            item=request.item,
            item_type=request.item_type,
            outcome=outcome,
            reply_digest=text_of(reply_digest),
            request=request.name,
            request_digest=text_of(request.digest),
            source=request.source,
            source_gateway=self.trust.issuer(request.source),
            submitted_at=request.submitted_at // MICROS,
            target=request.target,
            target_gateway=self.trust.issuer(request.target),
        )
        receipt = sign_receipt(statement, key=self.trust.signer(request.target))
        if request.source in self.homes:
            receipt = countersign_receipt(receipt, key=self.trust.signer(request.source))
        return receipt

    def countersign(self, request: StoredRequest, text: str, *, outcome: str, reply_digest: bytes) -> Receipt:
        """Sign as the source's gateway what the target's has signed.

        Args:
            request: as it is stored here.
            text: JSON of the receipt with the other's signature.
            outcome: what was heard of it.
            reply_digest: of the reply that was heard.

        Raises:
            ReceiptError: it states something else than what is known here, or is not signed by the other gateway.
            TrustError: the other's key is not believed, or the signature does not hold.
        """
        receipt = read_receipt(text)
        said = receipt.statement
        expected = replace(
            said,
            agreement=request.agreement,
            agreement_digest=self.trust.agreement_digest(request.agreement),
            deadline=request.deadline // MICROS,
            item=request.item,
            item_type=request.item_type,
            outcome=outcome,
            reply_digest=text_of(reply_digest),
            request=request.name,
            request_digest=text_of(request.digest),
            source=request.source,
            source_gateway=self.trust.issuer(request.source),
            submitted_at=request.submitted_at // MICROS,
            target=request.target,
            target_gateway=self.trust.issuer(request.target),
        )
        if said != expected:
            raise ReceiptError(part="statement", rule="what is known of the request")
        self.prove(receipt, request.target)
        return countersign_receipt(Receipt(said, receipt.signatures[:1]), key=self.trust.signer(request.source))

    def accept(self, request: StoredRequest, text: str) -> Receipt:
        """Hold what came back from the source's gateway against what was signed here.

        Raises:
            ReceiptError: it is another statement, or not signed by both.
            TrustError: the other's key is not believed, or the signature does not hold.
        """
        receipt = read_receipt(text)
        own = read_receipt(request.receipt or "")
        if receipt.statement != own.statement or receipt.signatures[:1] != own.signatures[:1]:
            raise ReceiptError(part="statement", rule="what was signed here")
        self.prove(receipt, request.source)
        return receipt

    def prove(self, receipt: Receipt, region: str) -> None:
        """Demand the signature of the gateway of a region (TrustError)."""
        issuer = receipt.statement.gateway(region)
        kids = [read_jws(one, kind=RECEIPT_TYPE).kid for one in receipt.signatures]
        kid = kids[0] if region == receipt.statement.target else kids[-1]
        receipt.prove(region, keys=[self.trust.find(issuer, kid)])

    async def keep_chains(self, transaction: Transaction, request: StoredRequest) -> bytes | None:
        """Keep the chains of both regions as they are now; gives what names them, None where one is not known."""
        chains = [self.trust.chain(region, request.agreement) for region in (request.source, request.target)]
        if not all(chains):
            return None
        texts = [json.dumps(chain) for chain in chains]
        digests = [sha256(text.encode("ascii")).digest() for text in texts]
        rows = [{"digest": digest, "chain": text} for digest, text in sorted(zip(digests, texts, strict=True))]
        await transaction.execute(_KEEP[self.dialect], rows)
        return b"".join(digests)

    async def chains_of(self, connection: AsyncConnection, request: StoredRequest) -> dict[str, tuple[str, ...]]:
        """Give the chains that were kept with a receipt, by region; those of now where none were."""
        regions = (request.source, request.target)
        if request.chains is None:
            return {region: self.trust.chain(region, request.agreement) for region in regions}
        digests = [request.chains[:_DIGEST_BYTES], request.chains[_DIGEST_BYTES:]]
        found: dict[bytes, Any] = {
            row.digest: json.loads(row.chain) for row in await connection.execute(_CHAINS, {"digests": digests})
        }
        return {region: tuple(found[digest]) for region, digest in zip(regions, digests, strict=True)}


def write_receipt(receipt: Receipt) -> str:
    """Write a receipt as JSON."""
    return json.dumps(receipt.to_json(), separators=(",", ":"))


def is_ready(request: StoredRequest) -> bool:
    """Tell whether there is a receipt that both have signed, of a reply that stands: not of one that was reopened."""
    text = request.receipt
    return text is not None and request.state in ANSWERED and len(json.loads(text)["signatures"]) == SIGNERS


def read_receipt(text: str) -> Receipt:
    """Read a receipt (ReceiptError, or what reading its signatures raises)."""
    try:
        document = json.loads(text) if len(text) <= _LONGEST else None
    except ValueError:
        document = None
    return Receipt.from_json(document)
