"""Receipts: two gateways sign one statement of what was asked and what was answered, so that neither can deny it.

The statement holds digests and no personal data: of the request document, of the reply document, of the agreement. It
is signed as a general JSON JWS (RFC 7515 section 7.2.1) with one signature for each gateway over the very same payload,
typ `onecard-receipt+jwt`; each signature by itself is a compact JWS that any JOSE library reads. The target region's
gateway signs first, since it knows when the reply was given, then the source region's.

A document is digested in the canonical form of RFC 8785, so that a third party can compute the digest from what it
reads.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from trust.claim_rules import Rule, check_claims, is_digest, is_one_of, is_text, is_time
from trust.claims import is_issuer
from trust.errors import ReceiptError
from trust.jws import prove, read_jws, sign_jws
from trust.party_signature import canonical_digest
from trust.vocabulary import is_item_type, is_region

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trust.keys import SigningKey, VerificationKey
    from trust.signer import Signer

RECEIPT_TYPE: Final = "onecard-receipt+jwt"
OUTCOMES: Final = frozenset({"completed", "rejected"})
SIGNERS: Final = 2
CLOCKS_APART_SECONDS: Final = 600
"""How far the clock of one gateway may be ahead of the other's: both tell their own times."""


document_digest = canonical_digest
"""Give the SHA-256 of a document in the canonical form of RFC 8785, 43 characters of base64url."""

_NAME: Final = re.compile(r"regions/[a-z][a-z0-9_]{1,31}/requests/[0-9a-f]{32}")
_ITEM: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_AGREEMENT: Final = re.compile(r"[a-z][a-z-]{1,58}[0-9]{0,4}")
_VERSION: Final = re.compile(r"[0-9a-f]{16}")
_TABLE: Final[Mapping[str, Rule]] = {
    "agreement": Rule("identifier", is_text(_AGREEMENT)),
    "agreement_digest": Rule("SHA-256", is_digest),
    "answered_at": Rule("whole seconds", is_time),
    "catalog_version": Rule("version of a catalog", is_text(_VERSION)),
    "deadline": Rule("whole seconds", is_time),
    "delivered_at": Rule("whole seconds", is_time),
    "item": Rule("item", is_text(_ITEM)),
    "item_type": Rule(
        "item type, or none", lambda value: isinstance(value, str) and (not value or is_item_type(value))
    ),
    "outcome": Rule("closed list", is_one_of(OUTCOMES)),
    "reply_digest": Rule("SHA-256", is_digest),
    "request": Rule("name of a request", is_text(_NAME)),
    "request_digest": Rule("SHA-256", is_digest),
    "source": Rule("region", lambda value: isinstance(value, str) and is_region(value)),
    "source_gateway": Rule("issuer", lambda value: isinstance(value, str) and is_issuer(value)),
    "submitted_at": Rule("whole seconds", is_time),
    "target": Rule("region", lambda value: isinstance(value, str) and is_region(value)),
    "target_gateway": Rule("issuer", lambda value: isinstance(value, str) and is_issuer(value)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptStatement:
    """What both gateways sign; the fields stand in the order of the canonical form. Times are Unix seconds.

    `source_gateway` and `target_gateway` are the issuers under whose keys they sign; `catalog_version` is that of the
    target region's catalog when the request was submitted.
    """

    agreement: str
    agreement_digest: str
    answered_at: int
    catalog_version: str
    deadline: int
    delivered_at: int
    item: str
    item_type: str
    outcome: str
    reply_digest: str
    request: str
    request_digest: str
    source: str
    source_gateway: str
    submitted_at: int
    target: str
    target_gateway: str

    @classmethod
    def from_payload(cls, payload: Mapping[str, object]) -> ReceiptStatement:
        """Read the claims, exact types only.

        Raises:
            ClaimInvalidError: a claim is missing, unknown or against its rule.
            ReceiptError: the claims contradict each other.
        """
        check_claims(payload, _TABLE)
        statement = cls(**payload)  # type: ignore[arg-type]  # the table has checked every type
        for rule, holds in (
            ("two regions", statement.source != statement.target),
            ("request of the source region", statement.request.split("/")[1] == statement.source),
            ("submitted before its deadline", statement.submitted_at < statement.deadline),
            (
                "delivered after it was submitted",
                statement.submitted_at <= statement.delivered_at + CLOCKS_APART_SECONDS,
            ),
            ("answered after it was delivered", statement.delivered_at <= statement.answered_at),
        ):
            if not holds:
                raise ReceiptError(part="statement", rule=rule)
        return statement

    def to_payload(self) -> dict[str, object]:
        """Give the claims as they are signed."""
        return asdict(self)

    def gateway(self, region: str) -> str:
        """Give the issuer under which the gateway of one of the two regions signs."""
        return self.source_gateway if region == self.source else self.target_gateway


@dataclass(frozen=True, slots=True)
class Receipt:
    """A statement and the compact JWS over it, one for each gateway that has signed; nothing in it is proven."""

    statement: ReceiptStatement
    signatures: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Tell whether there are two signatures."""
        return len(self.signatures) == SIGNERS

    @property
    def digest(self) -> str:
        """Give the digest of the statement, 43 characters of base64url."""
        return document_digest(self.statement.to_payload())

    def to_json(self) -> dict[str, object]:
        """Give the general JSON JWS."""
        parts = [text.split(".") for text in self.signatures]
        signatures = [{"protected": head, "signature": value} for head, _, value in parts]
        return {"payload": parts[0][1], "signatures": signatures}

    @classmethod
    def from_json(cls, document: object) -> Receipt:
        """Read a general JSON JWS of ours (ReceiptError; ClaimInvalidError and what `read_jws` raises)."""
        match document:
            case {"payload": str() as payload, "signatures": [_, *_] as signatures, **others} if not others:
                texts = tuple(_compact(one, payload) for one in signatures)
            case _:
                raise ReceiptError(part="receipt", rule="general JSON JWS")
        if len(texts) > SIGNERS:
            raise ReceiptError(part="receipt", rule="two signatures")
        statement = ReceiptStatement.from_payload(read_jws(texts[0], kind=RECEIPT_TYPE).payload)
        return cls(statement, texts)

    def prove(self, region: str, *, keys: Iterable[VerificationKey]) -> VerificationKey:
        """Demand the signature of the gateway of one of the two regions; gives the key that made it.

        Args:
            region: source or target.
            keys: the keys that are believed to be those of its gateway.

        Raises:
            ReceiptError: none of the signatures is of one of the keys.
            TrustError: what `read_jws` and `prove` raise.
        """
        known = {key.kid: key for key in keys if key.issuer == self.statement.gateway(region)}
        for text in self.signatures:
            parsed = read_jws(text, kind=RECEIPT_TYPE)
            if parsed.kid in known:
                return prove(parsed, keys=known.values())
        raise ReceiptError(part="signature", rule="signed by the gateway", region=region)


def sign_receipt(statement: ReceiptStatement, *, key: SigningKey | Signer) -> Receipt:
    """Sign first.

    Raises:
        ReceiptError: the key is of neither gateway.
        KeyMaterialError: the key cannot sign.
    """
    return countersign_receipt(Receipt(statement, ()), key=key)


def countersign_receipt(receipt: Receipt, *, key: SigningKey | Signer) -> Receipt:
    """Sign as well; what was signed before is for the caller to prove.

    Raises:
        ReceiptError: the key is of neither gateway, or the first signature is over another text of the statement.
        KeyMaterialError: the key cannot sign.
    """
    statement = receipt.statement
    if key.issuer not in {statement.source_gateway, statement.target_gateway}:
        raise ReceiptError(part="signature", rule="key of one of the two gateways")
    text = sign_jws(statement.to_payload(), key=key, kind=RECEIPT_TYPE)
    if receipt.signatures and text.split(".")[1] != receipt.signatures[0].split(".")[1]:
        raise ReceiptError(part="receipt", rule="canonical statement")
    return Receipt(statement, (*receipt.signatures, text))


def _compact(signature: object, payload: str) -> str:
    """Write one signature as a compact JWS."""
    match signature:
        case {"protected": str() as head, "signature": str() as value, **others} if not others:
            return f"{head}.{payload}.{value}"
    raise ReceiptError(part="receipt", rule="protected header and signature")
