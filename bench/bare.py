"""The bare references as targets: each with the transport, the metadata and the sizes of what it stands beside."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.load import Target, Wire
    from bench.process import Child

ECHO, FETCH, RELAY, CHAIN = "echo", "echo + GET", "two-hop relay", "two-hop relay + GET"
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a reference stands beside: our target, one reply of it, and the size of its platform's answer."""

    target: Target
    reply: bytes
    body_bytes: int = 0


@dataclass(frozen=True, slots=True)
class _Server:
    """A started server, and the processes to count."""

    address: str
    pids: tuple[int, ...]
    apart: tuple[int, ...] = ()


class BareServers:
    """Starts references. `launch` starts `python -m` with arguments and gives the process, whose output can be read."""

    def __init__(self, *, launch: Callable[..., Child], wire: Wire, tls: tuple[Path, Path]) -> None:
        """Take the way to start processes, and certificate and key of the gateway that they stand beside."""
        self._launch = launch
        self._wire = wire
        self._tls = tls

    def targets(self, *, translate: Measured, local: Measured, federated: Measured) -> dict[str, Target]:
        """Start all references and give them by name."""
        return {
            ECHO: self._target(ECHO, translate, self._echo(translate)),
            FETCH: self._target(FETCH, local, self._fetch(local)),
            RELAY: self._target(RELAY, federated, self._relay(federated, self._echo(federated))),
            CHAIN: self._target(CHAIN, federated, self._relay(federated, self._fetch(federated))),
        }

    @staticmethod
    def _target(name: str, measured: Measured, server: _Server) -> Target:
        """Give our target with a bare server in the place of the gateway."""
        return replace(measured.target, name=name, address=server.address, counted=server.pids, apart=server.apart)

    def _start(self, kind: str, **plan: str | int) -> _Server:
        """Start a server and read the port that it prints."""
        certificate, key = self._tls
        whole = {**plan, "certificate": certificate.read_text("ascii"), "key": key.read_text("ascii")}
        child = self._launch("bench.references", kind)
        child.tell(json.dumps(whole))
        return _Server(f"{_HOST}:{int(child.line())}", (child.pid,))

    def _echo(self, measured: Measured) -> _Server:
        return self._start("echo", reply=measured.reply.hex())

    def _fetch(self, measured: Measured) -> _Server:
        http = self._start("http", body_bytes=measured.body_bytes)
        server = self._start("fetch", reply=measured.reply.hex(), upstream=f"http://{http.address}/card")
        return replace(server, apart=http.pids)

    def _relay(self, measured: Measured, behind: _Server) -> _Server:
        relay = self._start(
            "relay",
            upstream=behind.address,
            method=measured.target.method,
            ca=self._wire.ca.read_text("ascii"),
            server_name=self._wire.server_name,
            token=self._wire.token(),
        )
        return _Server(relay.address, relay.pids + behind.pids, behind.apart)
