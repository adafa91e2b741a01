"""Errors of the gateway itself, in the same manner as those of adapters and trust: fixed sentence, safe metadata."""

from __future__ import annotations

from typing import ClassVar


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
