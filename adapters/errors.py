"""Errors that leave the adapters package, split by who must act.

Each leaf carries a fixed sentence and a small map of safe strings (region, field, rule). A value that somebody
typed never becomes part of an error: the sentence names the field and the rule, the caller knows the value.
"""

from __future__ import annotations

from typing import ClassVar


class AdapterError(Exception):
    """Root of everything that adapters raise."""

    message: ClassVar[str] = "The adapter could not do what was asked."

    def __init__(self, **metadata: str) -> None:
        """Keep safe metadata only: names of regions, fields and rules, never a value."""
        super().__init__(self.message)
        self.metadata: dict[str, str] = metadata

    def __str__(self) -> str:
        """Give the fixed sentence followed by the safe metadata."""
        facts = ", ".join(f"{key}={value}" for key, value in sorted(self.metadata.items()))
        return f"{self.message} ({facts})" if facts else self.message


class MalformedNumberError(AdapterError):
    """A number does not have the form its standard demands. Metadata: field, type, rule."""

    message = "A number does not have the form its standard demands."


class MalformedFieldError(AdapterError):
    """A field other than a number cannot be read. Metadata: field, rule, and region where known."""

    message = "A field cannot be read."


class MissingFieldError(AdapterError):
    """A field that the region's form requires is not there. Metadata: field, and region where known."""

    message = "A required field is missing."


class UnknownRegionError(AdapterError):
    """No installed adapter has this region code. Metadata: region."""

    message = "No adapter is installed for this region."


class UnknownItemError(AdapterError):
    """The region's catalog has no application item with this identifier. Metadata: region, item."""

    message = "The catalog of the region has no such application item."


class UnknownItemTypeError(AdapterError):
    """The neutral taxonomy has no item type with this code. Metadata: item_type."""

    message = "The taxonomy has no such item type."


class UnsupportedCredentialError(AdapterError):
    """The home platform cannot resolve this kind of credential. Metadata: region, credential."""

    message = "The home platform cannot resolve this kind of credential."


class RegionDataError(AdapterError):
    """A manifest, catalog or table shipped with a region is wrong. Metadata: region, file, row, column, rule."""

    message = "The data shipped with a region is wrong."


class CardNotFoundError(AdapterError):
    """The home platform says that it knows no such card or holder. Metadata: region."""

    message = "The home platform knows no such card."


class HolderMismatchError(AdapterError):
    """The card number and the social-security number belong to different holders. Metadata: region."""

    message = "The card and the holder given do not belong together."


class CredentialUsedError(AdapterError):
    """A one-time credential (a QR text) was resolved before, or is too old. Metadata: region."""

    message = "The one-time credential was used before or has expired."


class PlatformRefusedError(AdapterError):
    """The home platform does not accept this gateway's own credentials. Metadata: region."""

    message = "The home platform refused the gateway's own credentials."


class TokenRefusedError(PlatformRefusedError):
    """The home platform no longer takes the token it gave; one fresh login is tried. Metadata: region."""


class PlatformUnavailableError(AdapterError):
    """The home platform cannot be reached, or its circuit breaker is open. Metadata: region, fault."""

    message = "The home platform cannot be reached."


class PlatformTimeoutError(AdapterError):
    """The home platform did not answer within the deadline. Metadata: region."""

    message = "The home platform did not answer in time."


class BadUpstreamError(AdapterError):
    """The home platform answered with something that its dialect does not allow. Metadata: region, rule."""

    message = "The home platform answered with something its dialect does not allow."


class BlockedAddressError(AdapterError):
    """A platform address is one that a gateway must never call. Metadata: region, rule."""

    message = "The platform's address is not one that a gateway may call."


class UndecodableTextError(AdapterError):
    """A text is not what its dialect's encoding demands. Metadata: rule (such as duplicate_name, entity, depth)."""

    message = "The text is not well formed for its dialect."
