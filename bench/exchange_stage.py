"""Two gateways of which one takes requests for the other, whose platform nobody plays; bare things beside them."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
import uuid
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Self
from urllib.error import URLError
from urllib.request import urlopen

from adapters.registry import load_registry
from bench.load import Target, Wire
from bench.payloads import HOME, METHODS, VISITED, submit_request
from bench.process import Child, free_port_base, workers
from bench.references import HOST
from gateway.callers import SCOPES
from gateway.sandbox.generate import generate
from gateway.sandbox.layout import Layout, caller_id
from gateway.sandbox.tokens import platform_token
from gateway.settings import load_settings
from trust.keys import SigningKey
from trust.signer import CallerTokenSigner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import TracebackType

    from gateway.settings import Settings

    Prepare = Callable[[Settings], None]

SUBMIT = "SubmitRequest"
_QUOTA = 10_000_000
_READY_SECONDS, _POLL_SECONDS = 90.0, 0.05
_TOKEN_SECONDS = 600


class ExchangeStage:
    """The processes; use it as a context. Each has a file of SQLite of its own."""

    def __init__(self, folder: Path, *, prepare: Prepare | None = None, processes: int = 1) -> None:
        """Take an empty folder, what fills the store of the source's gateway before it starts, and its processes."""
        self._folder = folder
        self._processes = processes
        self._prepare = prepare
        self._open = ExitStack()
        self._gateways: dict[str, Child] = {}

    def __enter__(self) -> Self:
        """Start everything and wait until it is ready (BenchError)."""
        self._folder.mkdir()
        self._layout = Layout.of(self._folder / "sandbox", (HOME, VISITED), free_port_base(2))
        generate(self._layout, load_registry())
        config = self._layout.config(VISITED)
        several = f"processes = {self._processes}\npin_processes = true\n" if self._processes > 1 else ""
        text = f"{several}{config.read_text('utf-8')}\n[exchange]\nquota = {_QUOTA}\n"
        config.write_text(text, "utf-8")
        if self._prepare is not None:
            self._prepare(load_settings(config))
        with ExitStack() as opening:
            self._open = opening
            self._start("gateway", "anchor", "serve", "--config", str(self._layout.anchors_config))
            for site in self._layout.sites:
                config = self._layout.config(site.region)
                self._gateways[site.region] = self._start("gateway", "serve", "--config", str(config))
            for site in self._layout.sites:
                self._wait(self._gateways[site.region], f"http://{site.web}/readyz")
            self._wait_for_all(self._gateways[VISITED])
            self._open = opening.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        self._open.close()

    def _start(self, *arguments: str, pipes: bool = False) -> Child:
        return self._open.enter_context(Child(*arguments, log=self._folder / "processes.log", pipes=pipes))

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

    def _wait_for_all(self, child: Child) -> None:
        """Wait until each process of a gateway of several has said that it is ready (BenchError)."""
        deadline = time.monotonic() + _READY_SECONDS
        while self._processes > 1 and child.running and time.monotonic() < deadline:
            lines = (self._folder / "processes.log").read_text("utf-8").splitlines()
            if sum('"process":' in line and '"event":"ready"' in line for line in lines) == self._processes:
                return
            time.sleep(_POLL_SECONDS)
        if self._processes > 1:
            raise child.failure("did not get ready")

    @property
    def wire(self) -> Wire:
        """How Sichuan's platform reaches Sichuan's gateway."""
        site = next(site for site in self._layout.sites if site.region == VISITED)
        return Wire(
            ca=self._layout.ca,
            server_name=site.server_name,
            token=lambda: platform_token(self._layout.folder, VISITED, lifetime_seconds=_TOKEN_SECONDS),
            log=self._folder / "client.log",
        )

    def tokens(self, count: int) -> list[str]:
        """Sign tokens of Sichuan's platform that nobody has seen yet."""
        key = SigningKey.from_pem(self._layout.caller_key(VISITED).read_bytes(), issuer=caller_id(VISITED))
        signer = CallerTokenSigner(key, new_id=lambda: uuid.uuid4().hex)
        now, scopes, audience = int(time.time()), sorted(SCOPES), f"gateway.{VISITED}"
        return [
            signer.issue(audience=audience, now=now, scopes=scopes, lifetime_seconds=_TOKEN_SECONDS)
            for _ in range(count)
        ]

    def config(self, region: str) -> Path:
        """Configuration of a gateway."""
        return self._layout.config(region)

    def target(self, kind: str = "submit", *, name: str = SUBMIT) -> Target:
        """Give a method of the gateway that takes requests."""
        site = next(site for site in self._layout.sites if site.region == VISITED)
        return Target(
            name=name,
            address=site.grpc,
            method=METHODS[kind],
            request=submit_request(),
            counted=workers(self._gateways[VISITED].pid),
            unique=True,
        )

    def echo(self, reply: bytes, *, name: str) -> Target:
        """Start a bare server that answers as many bytes, and give it (BenchError)."""
        home = self._layout.home(VISITED)
        certificate, key = ((home / f"tls.{end}").read_text("ascii") for end in ("pem", "key"))
        child = self._start("bench.references", "echo", pipes=True)
        child.tell(json.dumps({"reply": reply.hex(), "certificate": certificate, "key": key}))
        ours = self.target(name=name)
        return Target(
            name=name,
            address=f"{HOST}:{int(child.line())}",
            method=ours.method,
            request=ours.request,
            counted=(child.pid,),
            unique=True,
        )

    def home_away(self) -> AbstractContextManager[Callable[[], None]]:
        """Let the gateway that is asked hang; gives what lets it go on, as the end of the context does."""
        return self._hanging(HOME)

    def resting(self) -> AbstractContextManager[object]:
        """Let the gateway that takes requests, of one process, hang: it takes nothing from what is measured beside."""
        return self._hanging(VISITED)

    @contextmanager
    def _hanging(self, region: str) -> Iterator[Callable[[], None]]:
        self._gateways[region].send(signal.SIGSTOP)

        def back() -> None:
            self._gateways[region].send(signal.SIGCONT)

        try:
            yield back
        finally:
            back()

    @contextmanager
    def home_dead(self) -> Iterator[Callable[[], None]]:
        """End the gateway that is asked as if its power were cut; gives what starts it again (BenchError)."""
        self._gateways[HOME].stop(signal.SIGKILL)

        def back() -> None:
            site = next(site for site in self._layout.sites if site.region == HOME)
            self._gateways[HOME] = self._start("gateway", "serve", "--config", str(self._layout.config(HOME)))
            self._wait(self._gateways[HOME], f"http://{site.web}/readyz")

        yield back

    def rows(self, region: str, query: str) -> list[tuple[object, ...]]:
        """Read the store of a gateway, which may run."""
        file = self._layout.home(region) / "store" / "store.sqlite"
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()
