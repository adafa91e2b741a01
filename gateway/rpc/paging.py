"""Page tokens: a position, bound to the other arguments and authenticated, so that nobody can make or alter one.

A token grants nothing and holds no personal data: it is the place of the next element in a stable order.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, TypeVar

from gateway.errors import BadPageTokenError, InvalidFieldError

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_SIZE = 50
LARGEST_SIZE = 1000
_TAG_BYTES = 12
_LONGEST = 96

Element = TypeVar("Element")


class Paging:
    """Cuts stable sequences into pages with one server key."""

    def __init__(self, key: bytes) -> None:
        """Keep the key; a new key makes old tokens worthless, which a client mends by starting again."""
        self._key = key

    def page(
        self, elements: Sequence[Element], *, size: int, token: str, arguments: str
    ) -> tuple[Sequence[Element], str]:
        """Give the elements of a page and the token of the next one, empty on the last.

        Args:
            elements: the whole sequence, in its stable order.
            size: what the caller asked for; 0 means the default, more than the largest is cut, negative is refused.
            token: what the caller brought; empty for the first page.
            arguments: the other arguments of the call as one text; a token of other arguments is refused.

        Raises:
            InvalidFieldError: the size is negative.
            BadPageTokenError: the token was not made here for these arguments.
        """
        start = self.position(token, arguments, first=0)
        end = start + self.size(size)
        return elements[start:end], self.token(end, arguments) if end < len(elements) else ""

    @staticmethod
    def size(asked: int) -> int:
        """Give how many elements a page has (InvalidFieldError where less than none is asked for)."""
        if asked < 0:
            raise InvalidFieldError(("page_size", "not_negative"))
        return min(asked, LARGEST_SIZE) or DEFAULT_SIZE

    def token(self, position: int, arguments: str) -> str:
        """Make the token of a position for the other arguments of a call."""
        return self._spell(str(position).encode(), arguments).decode()

    def position(self, token: str, arguments: str, *, first: int) -> int:
        """Read the position of a token; the first where there is none (BadPageTokenError)."""
        return self._read(token, arguments) if token else first

    def _tag(self, position: bytes, arguments: str) -> bytes:
        text = position + b"\0" + arguments.encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, hashlib.sha256)[:_TAG_BYTES]

    def _spell(self, body: bytes, arguments: str) -> bytes:
        return urlsafe_b64encode(self._tag(body, arguments) + body).rstrip(b"=")

    def _read(self, token: str, arguments: str) -> int:
        if len(token) > _LONGEST or not token.isascii():
            raise BadPageTokenError
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except ValueError:
            raise BadPageTokenError from None
        body = raw[_TAG_BYTES:]
        # Compared as text and not as bytes: base64 has many spellings of the same bytes, and only ours is good.
        if not hmac.compare_digest(token.encode(), self._spell(body, arguments)):
            raise BadPageTokenError
        return int(body)
