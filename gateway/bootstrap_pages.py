"""Composition root of the public catalog: pages of a node's regions and peers, where what they need is installed."""

from __future__ import annotations

import time
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from gateway.rpc.status import row_of
from gateway.services.local_home import LocalHome
from gateway.services.public_catalog import STANDS, PublicCatalog
from gateway.services.shown_lists import ShownRegion, shown_lists
from gateway.web.federation import WELL_KNOWN, path_of
from gateway.web.pages.node_facts import ApiFact, EntityFact, RegionState, SignatureFact, SigningKeyFact
from trust.errors import TrustError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiohttp import web

    from gateway.bootstrap_services import Shared
    from gateway.federation.home_keys import HomeKeys
    from gateway.rpc.boundary import Servicer
    from gateway.services.ports import Home

MISSING: Final = tuple(name for name in ("babel", "jinja2", "pypinyin") if find_spec(name) is None)
"""What of the extra `web` the pages lack."""

_MODULES: Final = ("gateway.web.pages.site", "gateway.web.pages.routes")

if not MISSING:
    # Loaded with this module, so that gateways that are forked share it.
    for _module in _MODULES:
        import_module(_module)

LOOK_SECONDS: Final = 1.0
"""How long a look at how the agreements stand serves."""


def pages(
    shared: Shared, homes: Mapping[str, Home], servicers: Iterable[Servicer]
) -> tuple[Callable[[web.Application], None], ...]:
    """Give what adds the pages to the web side; nothing where they are not wanted or their libraries are missing."""
    if MISSING or not shared.settings.pages.serve:
        shared.journal.event("pages_not_served", missing=",".join(MISSING), wanted=shared.settings.pages.serve)
        return ()
    site, routes = map(import_module, _MODULES)
    public = site.PublicSite(
        routes.routes(_Facts(shared, homes, servicers)),
        source=ShownState(shared, homes),
        rules=shared.rules,
        clock=time.time,
    )
    return (public.add_to,)


class ShownState:
    """Gives what is shown, the same object as long as nothing has changed.

    How the agreements stand is looked at again after `LOOK_SECONDS`: where a signature is missing, a look proves anew
    what there is.
    """

    def __init__(
        self, shared: Shared, homes: Mapping[str, Home], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Take what the node knows; the regions shown are its homes and its peers."""
        self._shared = shared
        self._homes = homes
        self._clock = clock
        self._looked_at = float("-inf")
        self._standing: dict[str, str] = {}
        self._state: PublicCatalog | None = None

    def __call__(self) -> PublicCatalog:
        """Give the present state."""
        now = self._clock()
        if self._state is not None and now - self._looked_at < LOOK_SECONDS:
            return self._state
        self._looked_at = now
        fresh = self._look()
        if self._state is None or fresh.revision != self._state.revision:
            self._state = fresh
        return self._state

    def _look(self) -> PublicCatalog:
        shared = self._shared
        agreements = shared.trust.agreements.agreements
        lists = shown_lists(shared.catalogs, self._homes.keys(), on=shared.catalogs.today())
        adapters = (shared.registry.get(region) for region in shared.registry.regions if region in self._homes)
        return PublicCatalog(
            regions={a.region: ShownRegion.of(a, lists[a.region]) for a in adapters},
            lists=lists,
            taxonomy=shared.registry.taxonomy,
            agreements=agreements,
            standing={agreement.id: self._stands(agreement.id) for agreement in agreements},
            book=shared.book,
            known=shared.catalogs,
        )

    def _stands(self, agreement: str) -> str:
        """Give the reason why an agreement does not stand, or that it does."""
        try:
            self._shared.trust.standing.require(agreement)
        except TrustError as error:
            return row_of(error).reason
        return STANDS


class _Facts:
    """What the pages tell of the node."""

    def __init__(self, shared: Shared, homes: Mapping[str, Home], servicers: Iterable[Servicer]) -> None:
        settings = shared.settings
        self.gateway = settings.gateway
        self.api = ApiFact(
            address=settings.pages.grpc or settings.listen.grpc,
            options=settings.pages.grpcurl,
            services=tuple(
                (one.SERVICE.full_name, tuple(method.name for method in one.SERVICE.methods)) for one in servicers
            ),
        )
        self._trust = shared.trust
        self._homes = dict(sorted(homes.items(), key=lambda home: (not isinstance(home[1], LocalHome), home[0])))
        self._looked_at = float("-inf")
        self._signatures: tuple[SignatureFact, ...] = ()

    def states(self) -> tuple[RegionState, ...]:
        return tuple(
            RegionState(region, home=isinstance(home, LocalHome), reachable=home.reachable)
            for region, home in self._homes.items()
        )

    def entities(self) -> tuple[EntityFact, ...]:
        return tuple(_entity(region, keys) for region, keys in sorted(self._trust.homes.items()))

    def signatures(self) -> tuple[SignatureFact, ...]:
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            standing, self._looked_at = self._trust.standing, now
            self._signatures = tuple(
                SignatureFact(one.id, anchor=standing.anchor(one.id), missing=standing.missing(one.id))
                for one in self._trust.agreements.agreements
            )
        return self._signatures


def _entity(region: str, keys: HomeKeys) -> EntityFact:
    """Tell what a home region publishes, and where."""
    prefix = path_of(keys.entity)
    return EntityFact(
        region=region,
        entity=keys.entity,
        documents=(
            ("configuration", f"{prefix}{WELL_KNOWN}"),
            ("keys", f"/regions/{region}/jwks.json"),
            ("historical", f"{prefix}/federation/historical-keys"),
            ("links", f"{prefix}/federation/links"),
            ("revocations", "/federation/revocations"),
        ),
        keys=tuple(SigningKeyFact(str(key["kid"]), str(key["alg"])) for key in keys.ring.jwks(region)["keys"]),
    )
