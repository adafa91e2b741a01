"""What every sensitive number shares: checked when made, immutable, and masked wherever it is printed.

A number is read with `reveal` and in no other way, so that a search for that word finds every place where one leaves
the program. A subclass is mostly data: the exact form as a pattern, the lengths that occur, and what to compute.
"""

from __future__ import annotations

from abc import ABC
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, Self

from adapters.errors import MalformedNumberError

if TYPE_CHECKING:
    import re
    from collections.abc import Callable

Rule = Literal["length", "alphabet", "prefix", "date", "check_digit"]
"""The rule that a refused number breaks. The first one broken is named, in this order."""


class Identifier(ABC):
    """A number that names a person, a card or a body, in the one spelling its standard calls canonical.

    Nothing is trimmed, folded or guessed: an adapter removes what its dialect pads before it comes here.
    """

    __slots__ = ("_value",)
    _value: str

    field_type: ClassVar[str]
    """Lower-case name of the kind of number, given in errors as `type`."""

    _form: ClassVar[re.Pattern[str]]
    """The exact form, prefixes included; only its full matches are checked any further."""
    _lengths: ClassVar[frozenset[int] | range]
    """Lengths in characters that occur, so that a refusal can name the rule."""
    _alphabet: ClassVar[re.Pattern[str] | None] = None
    """The form without its prefix rule, where the two differ."""

    def __init__(self, text: str, *, field: str = "") -> None:
        """Keep the canonical spelling of `text`.

        Args:
            text: the number; half-width characters only.
            field: where the caller found it, named in the error; the kind of number if empty.

        Raises:
            MalformedNumberError: with field, type and rule, and never with the value. What is not text at all
                breaks the rule of the alphabet.
        """
        rule: Rule | None
        if not isinstance(text, str):
            rule = "alphabet"
        elif self._form.fullmatch(text) is None:
            rule = self._misshape(text)
        else:
            rule = self._fault(text)
        if rule is not None:
            raise MalformedNumberError(field=field or self.field_type, type=self.field_type, rule=rule)
        fill(self, self._canonical(text))

    @classmethod
    def reader(cls, field: str) -> Callable[[str], Identifier]:
        """Make the constructor for one field of a form; each identity calls it five times, so it costs a third less.

        What a kind needs is looked up beforehand; a text that is refused goes to the class, which names the rule.
        """
        fits, new = cls._form.fullmatch, cls.__new__
        fault = None if cls._fault is Identifier._fault else cls._fault
        canonical = None if cls._canonical is Identifier._canonical else cls._canonical

        def read(text: str) -> Identifier:
            if fits(text) is None or (fault is not None and fault(text) is not None):
                return cls(text, field=field)
            number = new(cls)
            fill(number, text if canonical is None else canonical(text))
            return number

        return read

    @classmethod
    def _misshape(cls, text: str) -> Rule:
        """Name the rule that a text outside the exact form breaks."""
        if len(text) not in cls._lengths:
            return "length"
        if cls._alphabet is None or cls._alphabet.fullmatch(text) is None:
            return "alphabet"
        return "prefix"

    @staticmethod
    def _fault(text: str) -> Rule | None:  # noqa: ARG004 - the form alone decides unless a kind says more
        """Name the computed rule (date, check digit) that a text of the exact form breaks."""
        return None

    @staticmethod
    def _canonical(text: str) -> str:
        """Give the canonical spelling of a text that was found good."""
        return text

    def reveal(self) -> str:
        """Give the number in clear, in its canonical spelling."""
        return self._value

    def __repr__(self) -> str:
        """Name the kind of number and hide the number."""
        return f"{type(self).__name__}(***)"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        """Lay out the masked form."""
        return format(repr(self), format_spec)

    def __eq__(self, other: object) -> bool:
        """Equal if of the same kind and spelling; a number is never equal to a text."""
        if type(other) is not type(self):
            return NotImplemented
        return self._value == other._value

    def __hash__(self) -> int:
        """Hash as the canonical spelling does."""
        return hash(self._value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse every change."""
        raise AttributeError(f"{type(self).__name__} cannot be changed.")

    def __delattr__(self, name: str) -> NoReturn:
        """Refuse every deletion."""
        raise AttributeError(f"{type(self).__name__} cannot be changed.")

    def __copy__(self) -> Self:
        """Give itself, since it cannot change."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Give itself, since it cannot change."""
        return self

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled: a pickle would hold the number in clear."""
        raise TypeError(f"{type(self).__name__} cannot be pickled.")


fill: Callable[[Identifier, str], None] = Identifier.__dict__["_value"].__set__
"""Sets the value of a number that is being made, through the slot itself, past the refusal to be changed."""
