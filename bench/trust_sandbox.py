"""A sandbox of nine gateways under measurement, of which the configuration may be changed before it starts."""

from __future__ import annotations

import time
import tomllib
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from adapters.registry import load_agreements, load_registry
from bench.process import Child, free_port_base
from gateway.sandbox.generate import generate
from gateway.sandbox.layout import Layout
from gateway.sandbox.tokens import platform_token
from trust.agreement import Agreement

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from gateway.sandbox.layout import Site

_TOKEN_SECONDS = 600
_SAID_WHEN_READY = "ready after"


class Sandbox:
    """Runs `onecard sandbox` inside the context."""

    def __init__(self, folder: Path, *, adjust: Callable[[Layout], None] | None = None) -> None:
        """Take an empty folder, and what changes the files that were generated there."""
        self._folder = folder
        self._adjust = adjust
        self._open = ExitStack()
        self.layout: Layout

    def __enter__(self) -> Self:
        """Generate, start, and wait until everything is ready (BenchError)."""
        registry = load_registry()
        port = free_port_base(len(registry.regions))
        self.layout = Layout.of(self._folder / "sandbox", registry.regions, port)
        generate(self.layout, registry)
        if self._adjust is not None:
            self._adjust(self.layout)
        arguments = ("--folder", str(self.layout.folder), "--port-base", str(port), "--keep")
        with ExitStack() as opening:
            log = self._folder / "sandbox.log"
            child = opening.enter_context(Child("gateway", "sandbox", *arguments, log=log, pipes=True))
            while _SAID_WHEN_READY not in child.line():
                pass
            self.ready_at = time.monotonic()
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self._open.close()

    def site(self, region: str) -> Site:
        """Give the addresses of a region."""
        return next(site for site in self.layout.sites if site.region == region)

    def token(self, region: str) -> str:
        """Sign a token of a region's platform for its gateway."""
        return platform_token(self.layout.folder, region, lifetime_seconds=_TOKEN_SECONDS)


def neighbors() -> dict[str, tuple[str, ...]]:
    """Give, for each region that has an agreement, the others that share one with it."""
    found: dict[str, dict[str, None]] = {}
    for text in load_agreements().values():
        parties = Agreement.from_mapping(tomllib.loads(text)).regions
        for region in parties:
            found.setdefault(region, {}).update(dict.fromkeys(other for other in parties if other != region))
    return {region: tuple(others) for region, others in sorted(found.items())}
