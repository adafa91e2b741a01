"""Errors of the gateway itself, in the same manner as those of adapters and trust: fixed sentence, safe metadata."""

from __future__ import annotations

from typing import ClassVar, Final


class GatewayError(Exception):
    """Root of everything that the gateway itself raises toward its callers."""

    message: ClassVar[str] = "The gateway could not do what was asked."

    def __init__(self, **metadata: str) -> None:
        """Keep safe metadata only: names of regions, fields and rules, never a value."""
        super().__init__(self.message)
        self.metadata: dict[str, str] = metadata


class MalformedRequestError(GatewayError):
    """The bytes are not the message that the method takes."""

    message = "The request cannot be read as the message that this method takes."


class InvalidFieldError(GatewayError):
    """Fields of the request are missing or wrong. `violations` are pairs of field path and rule."""

    message = "A field of the request is missing or wrong."

    def __init__(self, *violations: tuple[str, str]) -> None:
        """Keep the violations; the metadata names the first."""
        super().__init__(field=violations[0][0], rule=violations[0][1])
        self.violations = violations


class BadPageTokenError(GatewayError):
    """The page token is not one of this gateway for these arguments."""

    message = "The page token does not belong to this request."


class UnauthenticatedError(GatewayError):
    """No bearer token came with the call."""

    message = "The call carries no bearer token."


class CallerRegionError(GatewayError):
    """The caller acts for another region than the one that the call is about. Metadata: region (the caller's)."""

    message = "The caller acts for another region than the one this call is about."


class RegionNotServedError(GatewayError):
    """No gateway of the region is known here. Metadata: region."""

    message = "No gateway of the home region is known here."


class NotTransitiveError(GatewayError):
    """Another gateway asked about a region that this one does not serve. Metadata: region."""

    message = "A gateway answers other gateways for its own regions only."


class RequestIdReusedError(GatewayError):
    """The request id was used for another request."""

    message = "The request id was used for another request."


class PeerUnavailableError(GatewayError):
    """The home region's gateway cannot be reached. Metadata: region."""

    message = "The gateway of the home region cannot be reached."


class PeerProtocolError(GatewayError):
    """The home region's gateway answered with something that cannot be believed. Metadata: region, rule."""

    message = "The gateway of the home region answered with something that cannot be believed."


class PeerRefusedError(GatewayError):
    """The home region's gateway refused the call; its reason is passed on. Metadata: region; `reason` is the peer's."""

    message = "The gateway of the home region refused the call."

    def __init__(self, *, code: str, reason: str, violations: tuple[tuple[str, str], ...], **metadata: str) -> None:
        """Keep the peer's gRPC code by name, its reason, and the fields it named."""
        super().__init__(**metadata)
        self.code = code
        self.reason = reason
        self.violations = violations


class UnknownCatalogError(GatewayError):
    """There is no such catalog, or no such version of it."""

    message = "There is no such catalog, or no such version of it."


class CatalogStaleError(GatewayError):
    """The stated life of the catalog's newest version is over, and no newer one is known. Metadata: catalog."""

    message = "The stated life of the catalog is over."


class NotPublisherError(GatewayError):
    """The caller's region is none of those whose list the catalog is. Metadata: catalog."""

    message = "The caller acts for none of the regions whose list the catalog is."


class CatalogRollbackError(GatewayError):
    """The version is older than the one that holds, or does not replace it. Metadata: catalog, rule."""

    message = "The version does not follow the one that holds."


class CatalogEquivocationError(GatewayError):
    """A region has signed two contents for one place in the order of versions. Metadata: catalog, region."""

    message = "A region has signed another content for the same version."


class DeadlineError(GatewayError):
    """The deadline passed before there was an answer."""

    message = "The deadline passed before there was an answer."


class ShuttingDownError(GatewayError):
    """The gateway is stopping and takes no new calls."""

    message = "The gateway is stopping."


class FeedCursorError(GatewayError):
    """A feed of card states cannot be read on from where the caller is. Metadata: region."""

    message = "The feed cannot be read on from there."


class LimitError(GatewayError):
    """A limit was reached. Metadata: limit."""

    message = "A limit of the gateway was reached."


class UnknownRecordError(GatewayError):
    """The log has no record of this id or index."""

    message = "The log has no such record."


class StoreUnavailableError(GatewayError):
    """The store cannot be written or read just now; nothing that waited was acknowledged. Metadata: fault (a word)."""

    message = "The store of the gateway cannot be written just now."

    def __str__(self) -> str:
        """Name the fault."""
        return f"{self.message} fault={self.metadata.get('fault', '')}"


class StoreSchemaError(GatewayError):
    """The store has another schema than this program's. Metadata: fault, and found and known (revisions)."""

    message = "The store has another schema than this version of the gateway."

    def __str__(self) -> str:
        """Name the fault and the revisions, and say what to do."""
        told = " ".join(f"{name}={value}" for name, value in self.metadata.items())
        older = self.metadata.get("fault") == "older"
        advice = "Run `onecard store migrate`." if older else "A later version of the gateway has changed it: run that."
        return f"{self.message} {told}\n{advice}"


class RequestNotFoundError(GatewayError):
    """No such request, or none of the caller's; both are told in the same words."""

    message = "No such request is known here."


class IdempotencyKeyReusedError(GatewayError):
    """The idempotency key was used for another content."""

    message = "The idempotency key was used for another content."


class RequestStateError(GatewayError):
    """The state of a request does not allow an event. Metadata: state, event."""

    message = "The state of the request does not allow it."


class PayloadNotAllowedError(GatewayError):
    """The item type does not carry this kind of payload. Metadata: kind, and rule where it is the reply's."""

    message = "The item type does not carry this kind of payload."


class FieldNotInAgreementError(GatewayError):
    """The agreement lets no such field out. Metadata: agreement, field."""

    message = "The agreement does not let this field out."


class ItemNotOfferedError(GatewayError):
    """The item is not in force, or does not offer what is needed. Metadata: rule."""

    message = "The application item does not offer what the request needs."


class QueueFullError(GatewayError):
    """Too many requests wait already. Metadata: limit."""

    message = "Too many requests wait already."


class LeaseLostError(GatewayError):
    """The lease of a delivery has ended, or another has begun."""

    message = "The lease of the delivery has ended."


class ReplyDiffersError(GatewayError):
    """The request was answered before, in another way."""

    message = "The request was answered before, in another way."


class AttachmentNotFoundError(GatewayError):
    """No such attachment, or none of the caller's; both are told in the same words."""

    message = "No such attachment is known here."


class AttachmentOffsetError(GatewayError):
    """The upload does not go on from where it stopped. Metadata: stored_size."""

    message = "The upload does not go on from where it stopped."


class DigestMismatchError(GatewayError):
    """The bytes do not have the digest or the size that was announced. Metadata: rule."""

    message = "The bytes do not have the digest or the size that was announced."


class AttachmentIncompleteError(GatewayError):
    """An attachment is not there whole, or belongs to another request."""

    message = "An attachment is not there whole, or belongs to another request."


class ReceiptNotReadyError(GatewayError):
    """There is no reply yet, or the other gateway has not signed."""

    message = "There is no receipt yet."


class ContentErasedError(GatewayError):
    """The content was erased after its time."""

    message = "The content of the request was erased after its time."


WRONG_OPTION: Final = "An option of the command is wrong."
"""Heading of a SettingsError where neither a file nor the configuration is at fault."""


class SettingsError(GatewayError):
    """The configuration is wrong; `faults` has one line for each fault. For the operator, never for callers.

    `heading` is told instead where something else than a file is at fault, such as ports that are taken.
    """

    message = "The configuration is wrong."

    def __init__(self, faults: tuple[str, ...], *, heading: str = "", **metadata: str) -> None:
        """Keep all faults."""
        super().__init__(**metadata)
        self.faults = faults
        self.heading = heading or self.message

    def __str__(self) -> str:
        """List all faults, one a line."""
        return "\n".join((self.heading, *self.faults))
