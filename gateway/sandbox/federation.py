"""Runs the demonstration federation: processes for the simulated platforms, the trust anchors, and each gateway."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from contextlib import suppress
from http.client import HTTPException
from typing import TYPE_CHECKING, Self
from urllib.request import urlopen

from gateway.errors import SettingsError
from gateway.fleet import exit_file, pid_file

if TYPE_CHECKING:
    from types import TracebackType

    from gateway.sandbox.layout import Layout

READY_SECONDS = 60.0
STOP_SECONDS = 15.0
_POLL_SECONDS = 0.05
_WATCH_SECONDS = 0.25
_LAST_LINES = 5
_FLEET = "gateways"
_PLATFORMS = "platforms"
_ANCHORS = "anchors"


class Federation:
    """The processes of a sandbox. Use it as an asynchronous context: inside, every gateway is ready.

    The gateways are forked from one `onecard serve`, see `gateway.fleet`; one that is started again later is a process
    that we start ourselves.
    """

    def __init__(self, layout: Layout) -> None:
        """Take a generated sandbox."""
        self._layout = layout
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._forked: set[str] = set()

    async def __aenter__(self) -> Self:
        """Start everything side by side and wait until each part is ready."""
        try:
            (self._layout.folder / "logs").mkdir(exist_ok=True)
            await self._launch(_PLATFORMS, "-m", "gateway.sandbox", str(self._layout.folder))
            await self.start_anchors()
            await self._launch(_FLEET, "-m", "gateway", "serve", *self._fleet_arguments())
            self._forked = {site.region for site in self._layout.sites}
            last = self._layout.sites[-1].platform
            beside = (
                self._wait_to_listen(_PLATFORMS, last),
                self._wait_to_listen(_ANCHORS, self._layout.anchors_address),
            )
            await asyncio.gather(*beside, *(self._wait(site.region) for site in self._layout.sites))
        except BaseException:
            await self._stop_all()
            raise
        return self

    def _fleet_arguments(self) -> list[str]:
        arguments = ["--logs", str(self._layout.folder / "logs")]
        for site in self._layout.sites:
            config = self._layout.config(site.region)
            for stale in (pid_file(config), exit_file(config)):
                stale.unlink(missing_ok=True)
            arguments += ["--config", str(config)]
        return arguments

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, gracefully first."""
        await self._stop_all()

    def pid(self, region: str) -> int:
        """Give the process id of a region's gateway (KeyError where it does not run)."""
        if region in self._forked:
            return int(pid_file(self._layout.config(region)).read_text("ascii"))
        return self._processes[region].pid

    async def start_anchors(self) -> None:
        """Start the process that serves the trust anchors."""
        await self._launch(_ANCHORS, "-m", "gateway", "anchor", "serve", "--config", str(self._layout.anchors_config))

    async def start(self, region: str) -> None:
        """Start the gateway of a region that was stopped, and wait until it is ready."""
        await self._launch(region, "-m", "gateway", "serve", "--config", str(self._layout.config(region)))
        await self._wait(region)

    async def stop(self, region: str, *, kill: bool = False) -> int:
        """Stop the gateway of a region, by SIGTERM or SIGKILL; gives its exit code."""
        os.kill(self.pid(region), signal.SIGKILL if kill else signal.SIGTERM)
        if region not in self._forked:
            return await self._processes.pop(region).wait()
        while (code := self._exit_code(region)) is None:  # noqa: ASYNC110 - another process ends, not a task
            await asyncio.sleep(_POLL_SECONDS)
        self._forked.discard(region)
        return code

    def _exit_code(self, region: str) -> int | None:
        """Give the exit code of a gateway, None while it runs."""
        if region in self._forked:
            with suppress(OSError, ValueError):
                return int(exit_file(self._layout.config(region)).read_text("ascii"))
            return self._processes[_FLEET].returncode
        return self._processes[region].returncode

    async def next_end(self) -> tuple[str, int]:
        """Wait until a process ends that we did not stop; gives its name and exit code, and forgets it.

        Somebody may kill a gateway to see what the others do, and start another one in its place.
        """
        while True:
            for name in sorted(self._forked | self._processes.keys() - {_FLEET}):
                code = self._exit_code(name)
                if code is not None:
                    self._forked.discard(name)
                    self._processes.pop(name, None)
                    return name, code
            await asyncio.sleep(_WATCH_SECONDS)

    async def _launch(self, name: str, *arguments: str) -> None:
        """Start a Python process that logs to a file; it is in a session of its own, so that Ctrl-C reaches us only."""
        log = self._layout.folder / "logs" / f"{name}.log"
        with log.open("ab") as stream:
            self._processes[name] = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, stdout=stream, stderr=stream, stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip

    async def _wait_to_listen(self, name: str, address: str) -> None:
        """Wait until a process listens at an address (SettingsError with the end of its log where it ends instead)."""
        host, _, port = address.rpartition(":")
        while self._processes[name].returncode is None:
            with suppress(OSError):
                _, writer = await asyncio.open_connection(host, int(port))
                writer.close()
                return
            await asyncio.sleep(_POLL_SECONDS)
        raise SettingsError((f"{name} did not start:", *self._last_words(name)))

    async def _wait(self, region: str) -> None:
        """Wait until a gateway is ready (SettingsError with the end of its log where it is not)."""
        site = next(site for site in self._layout.sites if site.region == region)
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            for name in (_PLATFORMS, _ANCHORS, region):
                if self._exit_code(name) is not None:
                    raise self._not_ready(name)
            if await asyncio.to_thread(_is_ready, f"http://{site.web}/readyz"):
                return
            await asyncio.sleep(_POLL_SECONDS)
        raise self._not_ready(region)

    def _not_ready(self, name: str) -> SettingsError:
        """Make the error for a process that did not get ready."""
        return SettingsError((f"{name} did not get ready:", *self._last_words(name)))

    def _last_words(self, name: str) -> list[str]:
        """Give the end of a process's log."""
        log = self._layout.folder / "logs" / f"{name}.log"
        return log.read_text("utf-8").splitlines()[-_LAST_LINES:] if log.is_file() else []

    async def _stop_all(self) -> None:
        """Ask all processes to end, and end those that do not within the time given."""
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                process.terminate()
        ends = [asyncio.ensure_future(process.wait()) for process in self._processes.values()]
        if ends:
            _, late = await asyncio.wait(ends, timeout=STOP_SECONDS)
            for process in self._processes.values() if late else ():
                with suppress(ProcessLookupError):
                    process.kill()
        self._processes.clear()


def check_ports(layout: Layout) -> None:
    """Refuse to start where a port is taken: another sandbox there would answer in our name (SettingsError)."""
    taken = []
    addresses = [address for s in layout.sites for address in (s.grpc, s.mutual, s.web, s.metrics, s.platform)]
    for address in (*addresses, layout.anchors_address):
        host, _, port = address.rpartition(":")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, int(port)))
            except OSError:
                taken.append(address)
    if taken:
        raise SettingsError(
            (
                f"taken: {', '.join(taken)}",
                "Stop what listens there, such as an older sandbox (its terminal, Ctrl-C),",
                'or choose a free range: make sandbox ARGS="--folder .sandbox-2 --port-base 28500" (make demo alike).',
            ),
            heading="Ports that the sandbox needs are taken.",
        )


def _is_ready(url: str) -> bool:
    try:
        with urlopen(url, timeout=1.0) as reply:  # noqa: S310 - our own loopback address
            return bool(reply.status == 200)  # noqa: PLR2004 - the HTTP status of success
    except (
        OSError,
        HTTPException,
    ):  # the latter where nobody listens, and the socket has got that port and hears itself
        return False
