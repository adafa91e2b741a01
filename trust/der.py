"""A small reader and writer of DER (X.690): definite lengths, each in its one shortest form, up to 65,535 bytes.

It serves key files of SM2 only, because `cryptography` refuses that curve.
"""

from __future__ import annotations

from typing import Final

from trust.errors import KeyMaterialError

INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
SEQUENCE: Final = 0x30
_LONG: Final = 0x80
_MAX_LENGTH_BYTES: Final = 2


class DerReader:
    """Reads the elements of one encoding from left to right; whatever is not expected refuses it.

    Raises:
        KeyMaterialError: by each method, with rule `DER`.
    """

    __slots__ = ("_data", "_place")

    def __init__(self, data: bytes) -> None:
        """Stand at the beginning."""
        self._data = data
        self._place = 0

    def begins(self, tag: int) -> bool:
        """Tell whether another element comes and has this tag."""
        return self._data[self._place : self._place + 1] == bytes([tag])

    def take(self, tag: int) -> bytes:
        """Give the content of the next element, which must have this tag."""
        if not self.begins(tag):
            raise KeyMaterialError(rule="DER")
        length, start = self._read_length(self._place + 1)
        self._place = start + length
        if self._place > len(self._data):
            raise KeyMaterialError(rule="DER")
        return self._data[start : self._place]

    def open(self, tag: int) -> DerReader:
        """Give a reader of the content of the next element."""
        return DerReader(self.take(tag))

    def expect(self, element: bytes) -> None:
        """Pass over an element that must be written exactly so."""
        if not self._data.startswith(element, self._place):
            raise KeyMaterialError(rule="DER")
        self._place += len(element)

    def finish(self) -> None:
        """Refuse anything that is left over."""
        if self._place != len(self._data):
            raise KeyMaterialError(rule="DER")

    def _read_length(self, place: int) -> tuple[int, int]:
        """Give a length, and where the content begins."""
        first = int.from_bytes(self._data[place : place + 1], "big")
        if first < _LONG:
            return first, place + 1
        start = place + 1 + first - _LONG
        digits = self._data[place + 1 : start]
        length = int.from_bytes(digits, "big")
        shortest = length >= _LONG and digits[0] != 0
        if not shortest or len(digits) > _MAX_LENGTH_BYTES:
            raise KeyMaterialError(rule="DER")
        return length, start


def write_der(tag: int, *parts: bytes) -> bytes:
    """Write an element whose content, the parts one after the other, has at most 255 bytes."""
    content = b"".join(parts)
    length = bytes([len(content)]) if len(content) < _LONG else bytes([_LONG + 1, len(content)])
    return bytes([tag]) + length + content
