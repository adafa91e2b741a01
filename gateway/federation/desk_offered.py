"""Chains that come beside a recognition: believed for the one question that they come with, and nothing more.

An offered chain is judged as a fetched one would be, against the same pins, memory and revocations. It changes nothing
that the node goes by: whoever shows a recognition must not choose what is believed of others. That it was judged well
is remembered as long as nothing else is believed, because the same chain comes with each recognition of a region.

A revocation whose issuer nobody had vouched for here was put aside when it came: a chain that vouches for it is judged
by it too.
"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from trust.errors import TrustError, UnknownIssuerError
from trust.revocation import read_revocation

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.federation.desk_look_up import LookUp
    from gateway.federation.desk_refresh import Place
    from gateway.federation.desk_state import Standing
    from trust.keys import VerificationKey

_REMEMBERED: Final = 32
_ASIDE: Final = 256
"""Revocations that are put aside of one feed."""


class OfferedChains:
    """Looks keys up by a standing and a chain that is offered beside it."""

    def __init__(self, look_up: LookUp) -> None:
        """Take what knows the anchors of agreements."""
        self._look_up = look_up
        self._base: Standing | None = None
        self._known: OrderedDict[tuple[Place, tuple[str, ...]], Standing] = OrderedDict()
        self._aside: dict[str, OrderedDict[str, str]] = {}

    def region_key(
        self, standing: Standing, chain: Sequence[str], issuer: str, kid: str, *, visited: str, now: int
    ) -> VerificationKey:
        """Find a region's key in a chain of its entity to the anchor of an agreement of the two regions.

        Args:
            standing: what is believed.
            chain: compact JWS, the entity's configuration first, the anchor's last.
            issuer: the region.
            kid: the key id of its token.
            visited: the region in which that is shown.
            now: Unix seconds.

        Raises:
            TrustError: a leaf that says why the chain, or the key, is not believed.
        """
        entity = standing.rules.regions.get(issuer)
        anchors = dict.fromkeys(anchor for anchor, _ in self._look_up.anchors(issuer, visited))
        refusal: TrustError = UnknownIssuerError()
        for anchor in anchors if entity is not None else ():
            try:
                offered = self._beside(standing, tuple(chain), place=(anchor, str(entity)), now=now)
                return self._look_up.region_key(offered, issuer, kid, visited=visited, now=now)
            except TrustError as error:
                refusal = error
        raise refusal

    def put_aside(self, feed: str, text: str) -> None:
        """Keep a revocation that came by the feed of an entity and is not believed yet, the last ones of each feed."""
        _, said = read_revocation(text)
        of_feed = self._aside.setdefault(feed, OrderedDict())
        of_feed[text] = said.iss
        if len(of_feed) > _ASIDE:
            of_feed.popitem(last=False)
        self._known.clear()

    def standings(self, standing: Standing) -> Iterable[Standing]:
        """Give what would be believed with each of the chains that were good beside a standing."""
        return tuple(self._known.values()) if standing is self._base else ()

    def _beside(self, standing: Standing, chain: tuple[str, ...], *, place: Place, now: int) -> Standing:
        """Judge a chain, or remember that it was good; whether it still is, each look-up asks."""
        if standing is not self._base:
            self._base = standing
            self._known.clear()
        known = self._known.get((place, chain))
        if known is None:
            known = self._known[place, chain] = self._judged(standing, chain, place=place, now=now)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return known

    def _judged(self, standing: Standing, chain: tuple[str, ...], *, place: Place, now: int) -> Standing:
        """Judge a chain, and let those whom it vouches for revoke."""
        offered = standing.beside(chain, place=place, now=now)
        path = offered.links[place].verified.path
        for of_feed in self._aside.values():
            for text, issuer in of_feed.items():
                if issuer in path:
                    with suppress(TrustError):
                        offered = offered.revoked(text, now=now)
        return offered
