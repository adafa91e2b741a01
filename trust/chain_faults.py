"""Where a chain fails: every error inside a statement leaves with the place of the statement in the chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trust.errors import (
    ChainError,
    EquivocationError,
    ForeignKeyError,
    KeyRevokedError,
    MetadataPolicyError,
    PeerRevokedError,
    PolicyConflictError,
    RollbackError,
    TransitiveTrustError,
    TrustError,
    TrustExpiredError,
)

if TYPE_CHECKING:
    from types import TracebackType

_OF_CHAINS: Final[tuple[type[TrustError], ...]] = (
    ChainError,
    EquivocationError,
    ForeignKeyError,
    KeyRevokedError,
    MetadataPolicyError,
    PeerRevokedError,
    PolicyConflictError,
    RollbackError,
    TransitiveTrustError,
    TrustExpiredError,
)
"""Errors that say of a chain what they say of a statement; any other becomes a ChainError that names it."""


class AtStatement:
    """Context in which one statement of a chain is judged.

    Args:
        position: its place, 0 for the subject's configuration.
    """

    __slots__ = ("_position",)

    def __init__(self, position: int) -> None:
        """Keep the place."""
        self._position = str(position)

    def __enter__(self) -> None:
        """Begin to judge."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Raise the error with the place of the statement.

        Raises:
            TrustError: the same error for one that speaks of chains, otherwise a ChainError.
        """
        if isinstance(error, _OF_CHAINS):
            error.metadata["statement"] = self._position
        elif isinstance(error, TrustError):
            told = {**error.metadata, "statement": self._position, "because": type(error).__name__}
            raise ChainError(**told) from error
