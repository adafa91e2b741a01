"""Everything that is measured, started side by side: two gateways before simulated platforms, and bare references."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self
from urllib.error import URLError
from urllib.request import urlopen

from adapters.registry import load_registry
from bench.bare import CHAIN, ECHO, FETCH, RELAY, BareServers, Measured
from bench.load import Target, Wire, probe
from bench.payloads import (
    HOME,
    METHODS,
    VISITED,
    batch_request,
    checked_reply,
    platform_record,
    translate_request,
    verify_request,
)
from bench.process import BenchError, Child, cpu_seconds, free_port_base, resident_mb
from gateway.sandbox.generate import generate
from gateway.sandbox.layout import Layout
from gateway.sandbox.tokens import platform_token

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_READY_SECONDS = 60.0
_POLL_SECONDS = 0.05
_TOKEN_SECONDS = 600
TRANSLATE, LOCAL, FEDERATED = "TranslateIdentity", "VerifyCard local", "VerifyCard federated"
BATCHES = {f"BatchTranslateIdentities of {entries}": entries for entries in (100, 1000)}


class Stage:
    """The processes; use it as a context, inside which `targets` can be called over `wire`."""

    def __init__(self, folder: Path) -> None:
        """Take an empty folder for configuration, keys and logs."""
        self._folder = folder
        self._open = ExitStack()
        self._gateways: dict[str, Child] = {}
        self._launched = 0
        self.targets: dict[str, Target] = {}

    def __enter__(self) -> Self:
        """Start everything and see that each part answers as it should (BenchError, AssertionError)."""
        with ExitStack() as opening:
            self._open = opening
            self._start_gateways()
            self._add_references(self._add_gateway_targets())
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self._open.close()

    def resident(self) -> dict[str, float]:
        """Tell what each gateway holds now, MB by region."""
        return {region: resident_mb(child.pid) for region, child in self._gateways.items()}

    def pid(self, region: str) -> int:
        """Give the process of a region's gateway."""
        return self._gateways[region].pid

    def _start_gateways(self) -> None:
        """Start platforms, anchors and two gateways as the sandbox does, and wait until these are ready."""
        self._registry = load_registry()
        layout = Layout.of(self._folder / "sandbox", (HOME, VISITED), free_port_base(2))
        generate(layout, self._registry)
        self._site = {site.region: site for site in layout.sites}
        self._tls = layout.home(VISITED) / "tls.pem", layout.home(VISITED) / "tls.key"
        self.wire = Wire(
            ca=layout.ca,
            server_name=self._site[VISITED].server_name,
            token=lambda: platform_token(layout.folder, VISITED, lifetime_seconds=_TOKEN_SECONDS),
            log=self._folder / "client.log",
        )
        self._platforms = self._child("gateway.sandbox", str(layout.folder))
        self._child("gateway", "anchor", "serve", "--config", str(layout.anchors_config))
        for region in self._site:
            self._gateways[region] = self._child("gateway", "serve", "--config", str(layout.config(region)))
        for region, site in self._site.items():
            self._wait(self._gateways[region], f"http://{site.web}/readyz")
        self.start_seconds = {region: cpu_seconds([child.pid]) for region, child in self._gateways.items()}

    def _child(self, *arguments: str, pipes: bool = False) -> Child:
        self._launched += 1
        log = self._folder / f"{self._launched}.log"
        return self._open.enter_context(Child(*arguments, log=log, pipes=pipes))

    @staticmethod
    def _wait(child: Child, url: str) -> None:
        """Wait until a gateway says that it is ready (BenchError with the end of its log)."""
        deadline = time.monotonic() + _READY_SECONDS
        while child.running and time.monotonic() < deadline:
            try:
                with urlopen(url, timeout=1.0):  # noqa: S310 - our own loopback address
                    return
            except URLError:
                time.sleep(_POLL_SECONDS)
        raise child.failure("did not get ready")

    def _add_gateway_targets(self) -> dict[str, bytes]:
        """Make the targets of our side; give one checked reply of each."""
        address, visited, home = self._site[VISITED].grpc, self.pid(VISITED), self.pid(HOME)
        platforms = (self._platforms.pid,)

        def unary(name: str, kind: str, request: bytes, *counted: int, asks: bool) -> None:
            self.targets[name] = Target(
                name=name,
                address=address,
                method=METHODS[kind],
                request=request,
                counted=counted,
                apart=platforms if asks else (),
                unique=asks,
            )

        unary(TRANSLATE, "translate", translate_request(), visited, asks=False)
        unary(LOCAL, "verify", verify_request(VISITED), visited, asks=True)
        unary(FEDERATED, "verify", verify_request(HOME), visited, home, asks=True)
        for name, entries in BATCHES.items():
            self.targets[name] = Target(
                name=name,
                address=address,
                method=METHODS["batch"],
                request=batch_request(entries),
                counted=(visited,),
                stream=True,
                entries=entries,
            )
        return {name: checked_reply(t.method, probe(t, self.wire)) for name, t in self.targets.items()}

    def _add_references(self, replies: dict[str, bytes]) -> None:
        """Start the bare servers and see that each answers."""
        bare = BareServers(launch=lambda *a: self._child(*a, pipes=True), wire=self.wire, tls=self._tls)
        self.targets |= bare.targets(
            translate=Measured(self.targets[TRANSLATE], replies[TRANSLATE]),
            local=Measured(self.targets[LOCAL], replies[LOCAL], self._body_bytes(VISITED)),
            federated=Measured(self.targets[FEDERATED], replies[FEDERATED], self._body_bytes(HOME)),
        )
        for name in (ECHO, FETCH, RELAY, CHAIN):
            if not probe(self.targets[name], self.wire):
                raise BenchError(f"{name}: empty reply")

    def _body_bytes(self, region: str) -> int:
        """Give the size of a platform's answer about the card that is asked for."""
        side = self._registry.get(region).platform_side
        return len(side.answer(platform_record(region), as_of=time.time()).body)
