"""Everything that is measured, started side by side: two gateways before simulated platforms, and bare references."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.request import urlopen

import grpc

from adapters.registry import load_registry
from bench.load import Target, Wire
from bench.payloads import HOME, METHODS, VISITED, batch_request, checked_reply, translate_request, verify_request
from bench.process import BenchError, Child, cpu_seconds, free_port_base, resident_mib
from gateway.sandbox.generate import generate
from gateway.sandbox.layout import Layout
from gateway.sandbox.tokens import platform_token

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_READY_SECONDS = 60.0
_TOKEN_SECONDS = 600
_ITEM = "SC-13"
TRANSLATE, LOCAL, FEDERATED = "TranslateIdentity", "VerifyCard local", "VerifyCard federated"
ECHO, FETCH, RELAY, CHAIN = "echo", "echo + GET", "two-hop relay", "two-hop relay + GET"
BATCH_SIZES = (100, 1000)


def batch_name(entries: int) -> str:
    """Name the measurement of messages with so many identities."""
    return f"BatchTranslateIdentities, {entries} a message"


@dataclass(frozen=True, slots=True)
class NodeState:
    """What a gateway holds and what its start cost."""

    region: str
    resident_mib: float
    start_seconds: float


class Stage:
    """The processes; use it as a context, inside which `targets` can be called."""

    def __init__(self, folder: Path) -> None:
        """Take an empty folder for configuration, keys and logs."""
        self._folder = folder
        self._open = ExitStack()
        self._gateways: dict[str, Child] = {}
        self._start_seconds: dict[str, float] = {}
        self.targets: dict[str, Target] = {}

    def __enter__(self) -> Self:
        """Start everything and see that each part answers as it should (BenchError)."""
        with ExitStack() as opening:
            self._open = opening
            self._start()
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self._open.close()

    def _start(self) -> None:
        registry = load_registry()
        self.layout = Layout.of(self._folder / "sandbox", (HOME, VISITED), free_port_base(2))
        generate(self.layout, registry)
        self.wire = Wire(
            ca=self.layout.ca,
            server_name=f"{VISITED}.onecard.test",
            token=lambda: platform_token(self.layout.folder, VISITED, lifetime_seconds=_TOKEN_SECONDS),
            log=self._folder / "client.log",
        )
        self._platforms = self._child("gateway.sandbox", str(self.layout.folder))
        for site in self.layout.sites:
            config = str(self.layout.config(site.region))
            self._gateways[site.region] = self._child("gateway", "serve", "--config", config)
        for site in self.layout.sites:
            self._wait(site.region, f"http://{site.web}/readyz")
        replies = self._our_targets()
        record = json.dumps(replies[FEDERATED].hex())  # any text; only its size matters below
        adapter = registry.get(HOME)
        fields = next(iter(json.loads(_vectors())["round_trips"]))["record"]
        body = adapter.platform_side.answer(fields, as_of=time.time()).body
        assert record
        self._references(replies, body_bytes=len(body))

    def _child(self, *arguments: str) -> Child:
        log = self._folder / f"{len(self._gateways)}-{arguments[0]}.log"
        return self._open.enter_context(Child(*arguments, log=log))
