"""From samples to figures: medians with their spread, ratios of neighbors in time, and aims that are met or not."""

from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MILLION = 1_000_000
CLIENT_BOUND_SHARE = 0.9
"""From this share of one core on, the Python client and not the server may set the throughput."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One measurement.

    `calls` counts what one figure is about: calls, or identities of a batch. `seconds` is wall time, as is the time
    within which 99 of 100 calls were answered; the others are CPU.
    """

    calls: int
    seconds: float
    server_seconds: float
    apart_seconds: float
    client_seconds: float
    p99_seconds: float = 0.0

    @property
    def micros(self) -> float:
        """Server CPU microseconds per call."""
        return self.server_seconds * _MILLION / self.calls

    @property
    def apart_micros(self) -> float:
        """CPU microseconds per call of the processes that are reported apart."""
        return self.apart_seconds * _MILLION / self.calls

    @property
    def rate(self) -> float:
        """Calls per second of wall time."""
        return self.calls / self.seconds

    @property
    def core_rate(self) -> float:
        """Calls that one second of server CPU pays for; infinite where none was seen."""
        return self.calls / self.server_seconds if self.server_seconds else float("inf")

    @property
    def client_share(self) -> float:
        """Share of one core that the client used."""
        return self.client_seconds / self.seconds


@dataclass(frozen=True, slots=True)
class Figure:
    """Median of repetitions, with the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Figure:
        """Summarize at least one value (statistics.StatisticsError where there is none)."""
        listed = list(values)
        return cls(statistics.median(listed), min(listed, default=0.0), max(listed, default=0.0))

    def text(self, digits: int = 0) -> str:
        """Write `median (low-high)`."""
        if self.low == self.high:
            return f"{self.median:,.{digits}f}"
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f}–{self.high:,.{digits}f})"


def ratio(ours: Sequence[float], reference: Sequence[float]) -> Figure:
    """Divide pair by pair: the two of a pair were measured one after the other, so that noise meets both alike."""
    return Figure.of(a / b for a, b in zip(ours, reference, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Figures of one target at one number of streams; the ratios are ours to the reference, where there is one."""

    name: str
    streams: int
    micros: Figure
    rate: Figure
    core_rate: Figure
    apart_micros: Figure | None
    client_share: Figure
    reference: str | None = None
    cpu_ratio: Figure | None = None
    rate_ratio: Figure | None = None

    @property
    def client_bound(self) -> bool:
        """Tell whether the client was so busy that the rate may be its own limit."""
        return self.client_share.median >= CLIENT_BOUND_SHARE


Samples = dict[tuple[str, int], list[Sample]]
"""Samples in the order of repetitions, by target and number of streams."""


def row(name: str, streams: int, samples: Samples, *, reference: str | None) -> Row:
    """Make the row of a target."""
    own = samples[name, streams]
    bare = samples[reference, streams] if reference else []
    apart = Figure.of(s.apart_micros for s in own)
    return Row(
        name=name,
        streams=streams,
        micros=Figure.of(s.micros for s in own),
        rate=Figure.of(s.rate for s in own),
        core_rate=Figure.of(s.core_rate for s in own),
        apart_micros=apart if apart.high else None,
        client_share=Figure.of(s.client_share for s in own),
        reference=reference,
        cpu_ratio=ratio([s.micros for s in own], [s.micros for s in bare]) if bare else None,
        rate_ratio=ratio([s.rate for s in own], [s.rate for s in bare]) if bare else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A figure that is no rate of calls: what, in which unit, and what it stands beside, where it has a reference."""

    name: str
    figure: Figure
    unit: str
    beside: str = ""
    reference: Figure | None = None
    ratio: Figure | None = None


@dataclass(frozen=True, slots=True)
class Aim:
    """What was aimed at and what was measured."""

    name: str
    kind: Literal["at most", "at least"]
    limit: float
    measured: float
    unit: str = ""

    @property
    def met(self) -> bool:
        """Tell whether it was reached; what could not be measured was not."""
        return self.measured <= self.limit if self.kind == "at most" else self.measured >= self.limit

    def as_json(self) -> dict[str, object]:
        """Give it with its verdict."""
        return {**asdict(self), "met": self.met}


def quantity(value: float, unit: str) -> str:
    """Write a number to three significant digits, or whole from a hundred on, with its unit."""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{text} {unit}".strip()


def spread(figure: Figure, unit: str) -> str:
    """Write a figure with as many digits as `quantity` gives its median, lowest and highest in brackets."""
    middle = quantity(figure.median, unit)
    if figure.low == figure.high:
        return middle
    return f"{middle} ({quantity(figure.low, '')}–{quantity(figure.high, '')})"
