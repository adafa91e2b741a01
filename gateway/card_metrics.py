"""What a node counts of card states: how long events take to arrive, how many, and how old each copy is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import Histogram
from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from prometheus_client.registry import Collector

    from gateway.metrics import Metrics
    from gateway.services.card_copy import CardCopy

SECONDS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0)
"""Upper bounds of the buckets; one second is what a loss may take at most."""

_PAIR = ("home", "visited")


class CardMetrics:
    """The families of card states, by home and visited region."""

    def __init__(self, metrics: Metrics, copies: Mapping[tuple[str, str], CardCopy]) -> None:
        """Add them to a node's registry."""
        self._propagation = Histogram(
            "onecard_card_propagation_seconds",
            "From an event of a card, by its platform's clock, to when it is known here.",
            _PAIR,
            buckets=SECONDS,
            registry=metrics.registry,
        )
        self._copies = copies
        metrics.registry.register(self)

    def learned(self, pair: tuple[str, str], millis: int) -> None:
        """Count an event that was learned, and how many milliseconds that took."""
        self._propagation.labels(*pair).observe(millis / 1000)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Give the age of each copy that was ever vouched for, and how many cards it has."""
        age = GaugeMetricFamily("onecard_card_feed_age_seconds", "How old what is known of cards is.", labels=_PAIR)
        cards = GaugeMetricFamily("onecard_card_copies", "Cards of which something is known.", labels=_PAIR)
        for pair, copy in self._copies.items():
            seconds = copy.age()
            if seconds is not None:
                age.add_metric(pair, seconds)
            cards.add_metric(pair, len(copy.table))
        yield age
        yield cards

    def describe(self) -> Iterable[Collector]:
        """Name nothing before it is collected: ages are known when the node runs."""
        return ()
