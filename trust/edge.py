"""The edge to PyJWT and cryptography: one table maps what they raise to our own errors, the cause kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import jwt
from cryptography.exceptions import InvalidKey, InvalidSignature, UnsupportedAlgorithm

from trust.errors import AlgorithmNotAllowedError, BadSignatureError, KeyMaterialError, MalformedTokenError, TrustError

if TYPE_CHECKING:
    from types import TracebackType

# Read from top to bottom: a class stands above its own base.
FOREIGN_ERRORS: Final[tuple[tuple[type[Exception], type[TrustError]], ...]] = (
    (jwt.InvalidSignatureError, BadSignatureError),
    (jwt.InvalidAlgorithmError, AlgorithmNotAllowedError),
    (jwt.InvalidKeyError, KeyMaterialError),
    (jwt.PyJWKError, KeyMaterialError),
    (jwt.PyJWKSetError, KeyMaterialError),
    (jwt.PyJWKClientError, KeyMaterialError),
    (jwt.PyJWTError, MalformedTokenError),
    (InvalidSignature, BadSignatureError),
    (InvalidKey, KeyMaterialError),
    (UnsupportedAlgorithm, KeyMaterialError),
    (NotImplementedError, AlgorithmNotAllowedError),
    (ValueError, KeyMaterialError),
    (TypeError, KeyMaterialError),
)


class ForeignErrors:
    """Context in which a foreign library is called; whatever it raises leaves as one of ours.

    Args:
        metadata: safe strings to put on the error, such as the rule that was being applied.
    """

    __slots__ = ("_metadata",)

    def __init__(self, **metadata: str) -> None:
        """Keep what the error is to say."""
        self._metadata = metadata

    def __enter__(self) -> None:
        """Begin to watch."""

    def __exit__(
        self, kind: type[BaseException] | None, cause: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Raise the error of ours that stands for the foreign one.

        Raises:
            TrustError: the leaf named by the table.
        """
        if cause is None:
            return
        for foreign, ours in FOREIGN_ERRORS:
            if isinstance(cause, foreign):
                raise ours(**self._metadata) from cause
