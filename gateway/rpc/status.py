"""The one error table: what each error of the packages becomes on the wire.

Every leaf has one gRPC code, one reason of the closed enum, and who failed. A test walks all leaves. INTERNAL is kept
for what nobody foresaw and is a bug whenever it is seen; UNKNOWN never leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from adapters import errors as a
from gateway import errors as g
from gateway.reasons import Language, Reasons, text_in
from trust import errors as t

if TYPE_CHECKING:
    from google.protobuf.message import Message

DOMAIN = "onecard.gateway"
RETRY_SECONDS = 2
_Code = grpc.StatusCode


class Who(StrEnum):
    """Who failed, so that a caller need not guess (a thing X-Road users ask for)."""

    CALLER = "caller"
    GATEWAY = "gateway"
    PEER = "peer"
    PLATFORM = "platform"
    AGREEMENT = "agreement"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    code: grpc.StatusCode
    reason: str
    who: Who


UNFORESEEN = Row(_Code.INTERNAL, "UNFORESEEN", Who.GATEWAY)
CANCELLED = Row(_Code.CANCELLED, "CANCELLED", Who.CALLER)

TABLE: dict[type[Exception], Row] = {
    # the caller's request
    g.MalformedRequestError: Row(_Code.INVALID_ARGUMENT, "MALFORMED_REQUEST", Who.CALLER),
    g.InvalidFieldError: Row(_Code.INVALID_ARGUMENT, "INVALID_FIELD", Who.CALLER),
    g.BadPageTokenError: Row(_Code.INVALID_ARGUMENT, "BAD_PAGE_TOKEN", Who.CALLER),
    g.UnknownCatalogError: Row(_Code.NOT_FOUND, "UNKNOWN_CATALOG", Who.CALLER),
    g.NotPublisherError: Row(_Code.PERMISSION_DENIED, "NOT_A_PUBLISHER", Who.CALLER),
    g.CatalogRollbackError: Row(_Code.FAILED_PRECONDITION, "ROLLBACK", Who.CALLER),
    g.CatalogEquivocationError: Row(_Code.FAILED_PRECONDITION, "EQUIVOCATION", Who.CALLER),
    g.RequestIdReusedError: Row(_Code.ALREADY_EXISTS, "REQUEST_ID_REUSED", Who.CALLER),
    a.MalformedNumberError: Row(_Code.INVALID_ARGUMENT, "MALFORMED_NUMBER", Who.CALLER),
    a.MalformedFieldError: Row(_Code.INVALID_ARGUMENT, "INVALID_FIELD", Who.CALLER),
    a.MissingFieldError: Row(_Code.INVALID_ARGUMENT, "INVALID_FIELD", Who.CALLER),
    a.UndecodableTextError: Row(_Code.INVALID_ARGUMENT, "INVALID_FIELD", Who.CALLER),
    a.UnsupportedCredentialError: Row(_Code.INVALID_ARGUMENT, "UNSUPPORTED_CREDENTIAL", Who.CALLER),
    a.UnknownRegionError: Row(_Code.NOT_FOUND, "UNKNOWN_REGION", Who.CALLER),
    a.UnknownItemError: Row(_Code.NOT_FOUND, "UNKNOWN_ITEM", Who.CALLER),
    a.UnknownItemTypeError: Row(_Code.NOT_FOUND, "UNKNOWN_ITEM", Who.CALLER),
    a.CardNotFoundError: Row(_Code.NOT_FOUND, "CARD_NOT_FOUND", Who.CALLER),
    a.HolderMismatchError: Row(_Code.NOT_FOUND, "HOLDER_MISMATCH", Who.CALLER),
    a.CredentialUsedError: Row(_Code.FAILED_PRECONDITION, "CREDENTIAL_USED", Who.CALLER),
    # proof of identity
    g.UnauthenticatedError: Row(_Code.UNAUTHENTICATED, "UNAUTHENTICATED", Who.CALLER),
    t.MalformedTokenError: Row(_Code.UNAUTHENTICATED, "MALFORMED_TOKEN", Who.CALLER),
    t.EmbeddedKeyError: Row(_Code.UNAUTHENTICATED, "EMBEDDED_KEY", Who.CALLER),
    t.AlgorithmNotAllowedError: Row(_Code.UNAUTHENTICATED, "ALG_NOT_ALLOWED", Who.CALLER),
    t.UnknownIssuerError: Row(_Code.UNAUTHENTICATED, "ISSUER_UNKNOWN", Who.CALLER),
    t.UnknownKeyError: Row(_Code.UNAUTHENTICATED, "UNKNOWN_KEY", Who.CALLER),
    t.KeyUseError: Row(_Code.UNAUTHENTICATED, "KEY_USE", Who.CALLER),
    t.KeyAlgorithmMismatchError: Row(_Code.UNAUTHENTICATED, "KEY_ALG_MISMATCH", Who.CALLER),
    t.BadSignatureError: Row(_Code.UNAUTHENTICATED, "BAD_SIGNATURE", Who.CALLER),
    t.WrongTypeError: Row(_Code.UNAUTHENTICATED, "WRONG_TYPE", Who.CALLER),
    t.ClaimInvalidError: Row(_Code.UNAUTHENTICATED, "CLAIM_INVALID", Who.CALLER),
    t.ExpiredError: Row(_Code.UNAUTHENTICATED, "EXPIRED", Who.CALLER),
    t.NotYetValidError: Row(_Code.UNAUTHENTICATED, "NOT_YET_VALID", Who.CALLER),
    t.AudienceError: Row(_Code.UNAUTHENTICATED, "AUDIENCE", Who.CALLER),
    t.ReplayError: Row(_Code.UNAUTHENTICATED, "REPLAY", Who.CALLER),
    t.BindingError: Row(_Code.UNAUTHENTICATED, "BINDING", Who.CALLER),
    t.KeyRevokedError: Row(_Code.UNAUTHENTICATED, "KEY_REVOKED", Who.CALLER),
    t.PeerRevokedError: Row(_Code.UNAUTHENTICATED, "PEER_REVOKED", Who.CALLER),
    t.RecognitionRevokedError: Row(_Code.UNAUTHENTICATED, "RECOGNITION_REVOKED", Who.CALLER),
    t.CounterSignatureError: Row(_Code.UNAUTHENTICATED, "BINDING", Who.CALLER),
    t.ReplayMemoryFullError: Row(_Code.RESOURCE_EXHAUSTED, "LIMIT", Who.GATEWAY),
    # permission
    t.NoAgreementError: Row(_Code.PERMISSION_DENIED, "NO_AGREEMENT", Who.AGREEMENT),
    t.AgreementNotInForceError: Row(_Code.PERMISSION_DENIED, "AGREEMENT_NOT_IN_FORCE", Who.AGREEMENT),
    t.PurposeNotAllowedError: Row(_Code.PERMISSION_DENIED, "PURPOSE_NOT_ALLOWED", Who.AGREEMENT),
    t.ItemNotInAgreementError: Row(_Code.PERMISSION_DENIED, "ITEM_NOT_IN_AGREEMENT", Who.AGREEMENT),
    t.ClassNotAllowedError: Row(_Code.PERMISSION_DENIED, "CLASS_NOT_IN_AGREEMENT", Who.AGREEMENT),
    t.MediumNotAllowedError: Row(_Code.PERMISSION_DENIED, "MEDIUM_NOT_ACCEPTED", Who.AGREEMENT),
    t.ConsentMissingError: Row(_Code.PERMISSION_DENIED, "CROSS_BORDER_BASIS_MISSING", Who.CALLER),
    t.ScopeError: Row(_Code.PERMISSION_DENIED, "SCOPE", Who.CALLER),
    t.PeerIssuerMismatchError: Row(_Code.PERMISSION_DENIED, "PEER_ISSUER_MISMATCH", Who.CALLER),
    t.AgreementNotSignedError: Row(_Code.PERMISSION_DENIED, "AGREEMENT_NOT_SIGNED", Who.AGREEMENT),
    t.AgreementStoppedError: Row(_Code.PERMISSION_DENIED, "AGREEMENT_STOPPED", Who.AGREEMENT),
    t.TransitiveTrustError: Row(_Code.PERMISSION_DENIED, "NOT_TRANSITIVE", Who.CALLER),
    t.ChainError: Row(_Code.PERMISSION_DENIED, "CHAIN_INVALID", Who.CALLER),
    g.CallerRegionError: Row(_Code.PERMISSION_DENIED, "CALLER_REGION", Who.CALLER),
    g.NotTransitiveError: Row(_Code.PERMISSION_DENIED, "NOT_TRANSITIVE", Who.CALLER),
    # what is known of the other side
    t.RollbackError: Row(_Code.FAILED_PRECONDITION, "ROLLBACK", Who.PEER),
    t.EquivocationError: Row(_Code.FAILED_PRECONDITION, "EQUIVOCATION", Who.PEER),
    t.TrustExpiredError: Row(_Code.FAILED_PRECONDITION, "TRUST_EXPIRED", Who.PEER),
    t.PolicyConflictError: Row(_Code.FAILED_PRECONDITION, "METADATA_POLICY", Who.PEER),
    t.MetadataPolicyError: Row(_Code.FAILED_PRECONDITION, "METADATA_POLICY", Who.PEER),
    t.ForeignKeyError: Row(_Code.INVALID_ARGUMENT, "FOREIGN_KEY", Who.CALLER),
    t.CheckpointError: Row(_Code.INVALID_ARGUMENT, "CHECKPOINT_INVALID", Who.CALLER),
    t.ProofError: Row(_Code.INVALID_ARGUMENT, "PROOF_INVALID", Who.CALLER),
    t.LogConflictError: Row(_Code.FAILED_PRECONDITION, "LOG_CONFLICT", Who.CALLER),
    t.OfflinePackError: Row(_Code.INVALID_ARGUMENT, "OFFLINE_PACK", Who.CALLER),
    # the other side
    g.RegionNotServedError: Row(_Code.NOT_FOUND, "REGION_NOT_SERVED", Who.GATEWAY),
    g.CatalogStaleError: Row(_Code.FAILED_PRECONDITION, "CATALOG_STALE", Who.PEER),
    g.PeerUnavailableError: Row(_Code.UNAVAILABLE, "PEER_UNAVAILABLE", Who.PEER),
    t.StatusUnknownError: Row(_Code.UNAVAILABLE, "RECOGNITION_STATUS_UNKNOWN", Who.PEER),
    g.PeerProtocolError: Row(_Code.UNAVAILABLE, "PEER_PROTOCOL", Who.PEER),
    a.PlatformUnavailableError: Row(_Code.UNAVAILABLE, "PLATFORM_UNAVAILABLE", Who.PLATFORM),
    a.PlatformTimeoutError: Row(_Code.UNAVAILABLE, "PLATFORM_UNAVAILABLE", Who.PLATFORM),
    a.BadUpstreamError: Row(_Code.UNAVAILABLE, "BAD_UPSTREAM", Who.PLATFORM),
    a.PlatformRefusedError: Row(_Code.FAILED_PRECONDITION, "PLATFORM_REFUSED", Who.GATEWAY),
    a.TokenRefusedError: Row(_Code.FAILED_PRECONDITION, "PLATFORM_REFUSED", Who.GATEWAY),
    a.BlockedAddressError: Row(_Code.FAILED_PRECONDITION, "BLOCKED_ADDRESS", Who.GATEWAY),
    # requests between regions
    g.RequestNotFoundError: Row(_Code.NOT_FOUND, "REQUEST_NOT_FOUND", Who.CALLER),
    g.IdempotencyKeyReusedError: Row(_Code.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED", Who.CALLER),
    g.RequestStateError: Row(_Code.FAILED_PRECONDITION, "REQUEST_STATE", Who.CALLER),
    g.PayloadNotAllowedError: Row(_Code.INVALID_ARGUMENT, "PAYLOAD_NOT_ALLOWED", Who.CALLER),
    g.FieldNotInAgreementError: Row(_Code.PERMISSION_DENIED, "FIELD_NOT_IN_AGREEMENT", Who.AGREEMENT),
    g.ItemNotOfferedError: Row(_Code.PERMISSION_DENIED, "ITEM_NOT_OFFERED", Who.CALLER),
    g.QueueFullError: Row(_Code.RESOURCE_EXHAUSTED, "QUEUE_FULL", Who.CALLER),
    g.LeaseLostError: Row(_Code.FAILED_PRECONDITION, "LEASE_LOST", Who.CALLER),
    g.ReplyDiffersError: Row(_Code.ALREADY_EXISTS, "REPLY_DIFFERS", Who.CALLER),
    g.AttachmentNotFoundError: Row(_Code.NOT_FOUND, "ATTACHMENT_NOT_FOUND", Who.CALLER),
    g.AttachmentOffsetError: Row(_Code.FAILED_PRECONDITION, "ATTACHMENT_OFFSET", Who.CALLER),
    g.DigestMismatchError: Row(_Code.INVALID_ARGUMENT, "DIGEST_MISMATCH", Who.CALLER),
    g.AttachmentIncompleteError: Row(_Code.FAILED_PRECONDITION, "ATTACHMENT_INCOMPLETE", Who.CALLER),
    g.ReceiptNotReadyError: Row(_Code.FAILED_PRECONDITION, "RECEIPT_NOT_READY", Who.GATEWAY),
    g.ContentErasedError: Row(_Code.FAILED_PRECONDITION, "CONTENT_ERASED", Who.GATEWAY),
    t.ReceiptError: Row(_Code.INVALID_ARGUMENT, "RECEIPT_INVALID", Who.CALLER),
    # this gateway
    g.DeadlineError: Row(_Code.DEADLINE_EXCEEDED, "DEADLINE", Who.GATEWAY),
    g.ShuttingDownError: Row(_Code.UNAVAILABLE, "SHUTTING_DOWN", Who.GATEWAY),
    g.UnknownRecordError: Row(_Code.NOT_FOUND, "UNKNOWN_RECORD", Who.CALLER),
    g.StoreUnavailableError: Row(_Code.UNAVAILABLE, "STORE_UNAVAILABLE", Who.GATEWAY),
    g.StoreSchemaError: Row(_Code.FAILED_PRECONDITION, "STORE_SCHEMA", Who.GATEWAY),
    g.FeedCursorError: Row(_Code.FAILED_PRECONDITION, "FEED_CURSOR", Who.CALLER),
    g.LimitError: Row(_Code.RESOURCE_EXHAUSTED, "LIMIT", Who.CALLER),
    g.SettingsError: Row(_Code.FAILED_PRECONDITION, "REGION_DATA", Who.GATEWAY),
    a.RegionDataError: Row(_Code.FAILED_PRECONDITION, "REGION_DATA", Who.GATEWAY),
    t.SuiteUnavailableError: Row(_Code.FAILED_PRECONDITION, "REGION_DATA", Who.GATEWAY),
    t.KeyMaterialError: Row(_Code.FAILED_PRECONDITION, "REGION_DATA", Who.GATEWAY),
    t.AgreementDataError: Row(_Code.FAILED_PRECONDITION, "REGION_DATA", Who.GATEWAY),
}

PAIRS = frozenset((row.code, row.reason) for row in TABLE.values())
"""Code and reason as they go together; no others are passed on from a peer."""

CONTRACT_ERRORS = (a.AdapterError, t.TrustError, g.GatewayError)


def row_of(error: Exception) -> Row:
    """Find the line of an error; a peer's refusal brings its own code and reason."""
    if isinstance(error, g.PeerRefusedError):
        told = error.metadata.get("who_failed", "")
        # What the peer calls "gateway" is itself, which is not the gateway that our caller speaks to.
        who = Who(told) if told in set(Who) - {Who.GATEWAY} else Who.PEER
        return Row(grpc.StatusCode[error.code], error.reason, who)
    return TABLE.get(type(error), UNFORESEEN)


def status_of(error: Exception, *, reasons: Reasons, language: Language, trace_id: str) -> status_pb2.Status:
    """Make the status with its details: ErrorInfo always, BadRequest for fields, RetryInfo where waiting helps."""
    row = row_of(error)
    metadata = dict(getattr(error, "metadata", {})) if row is not UNFORESEEN else {}
    violations: tuple[tuple[str, str], ...] = getattr(error, "violations", ())
    if not violations and row.code is _Code.INVALID_ARGUMENT and "field" in metadata:
        violations = ((metadata["field"], metadata.get("rule", "")),)
    return _assemble(row, metadata, violations, reasons=reasons, language=language, trace_id=trace_id)


def _assemble(
    row: Row,
    metadata: dict[str, str],
    violations: tuple[tuple[str, str], ...],
    *,
    reasons: Reasons,
    language: Language,
    trace_id: str,
) -> status_pb2.Status:
    reason = reasons.get(row.reason)
    info = {**metadata, "who_failed": row.who.value, "actor": reason.actor.value, "trace_id": trace_id}
    details: list[Message] = [error_details_pb2.ErrorInfo(reason=row.reason, domain=DOMAIN, metadata=info)]
    if violations:
        named = [error_details_pb2.BadRequest.FieldViolation(field=f, description=rule) for f, rule in violations]
        details.append(error_details_pb2.BadRequest(field_violations=named))
    if row.code is _Code.UNAVAILABLE:
        details.append(error_details_pb2.RetryInfo(retry_delay=Duration(seconds=RETRY_SECONDS)))
    joint = "" if language in (Language.ZH_HANS, Language.ZH_HANT) else " "
    text = text_in(reason.message, language) + joint + text_in(reason.remedy, language)
    details.append(error_details_pb2.LocalizedMessage(locale=language.value, message=text))
    status = status_pb2.Status(code=row.code.value[0], message=reason.message.en)
    for detail in details:
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status
