"""Runs the demonstration federation: one process for the simulated platforms, one for each gateway, side by side."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Self
from urllib.request import urlopen

from gateway.errors import SettingsError

if TYPE_CHECKING:
    from types import TracebackType

    from gateway.sandbox.layout import Layout

READY_SECONDS = 60.0
STOP_SECONDS = 15.0
_POLL_SECONDS = 0.05
_LAST_LINES = 5


class Federation:
    """The processes of a sandbox. Use it as an asynchronous context: inside, every gateway is ready."""

    def __init__(self, layout: Layout) -> None:
        """Take a generated sandbox."""
        self._layout = layout
        self._processes: dict[str, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Self:
        """Start everything side by side and wait until each part is ready."""
        try:
            await self._launch("platforms", "-m", "gateway.sandbox", str(self._layout.folder))
            await asyncio.gather(*(self.start(site.region) for site in self._layout.sites))
            await asyncio.gather(*(self._wait(site.region) for site in self._layout.sites))
        except BaseException:
            await self._stop_all()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything, gracefully first."""
        await self._stop_all()

    async def start(self, region: str) -> None:
        """Start the gateway of a region."""
        await self._launch(region, "-m", "gateway", "serve", "--config", str(self._layout.config(region)))

    async def stop(self, region: str, *, kill: bool = False) -> int:
        """Stop the gateway of a region, by SIGTERM or SIGKILL; gives its exit code."""
        process = self._processes.pop(region)
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        return await process.wait()

    async def wait_for_end(self) -> str:
        """Wait until a process ends by itself, which none should; gives its name."""
        tasks = {asyncio.create_task(process.wait()): name for name, process in self._processes.items()}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        return tasks[next(iter(done))]

    async def _launch(self, name: str, *arguments: str) -> None:
        """Start a Python process that logs to a file; it is in a session of its own, so that Ctrl-C reaches us only."""
        log = self._layout.folder / "logs" / f"{name}.log"
        log.parent.mkdir(exist_ok=True)
        with log.open("ab") as stream:
            self._processes[name] = await asyncio.create_subprocess_exec(
                sys.executable, *arguments, stdout=stream, stderr=stream, stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )  # fmt: skip

    async def _wait(self, region: str) -> None:
        """Wait until a gateway is ready (SettingsError with the end of its log where it is not)."""
        site = next(site for site in self._layout.sites if site.region == region)
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            if self._processes[region].returncode is not None:
                break
            if await asyncio.to_thread(_is_ready, f"http://{site.web}/readyz"):
                return
            await asyncio.sleep(_POLL_SECONDS)
        log = self._layout.folder / "logs" / f"{region}.log"
        raise SettingsError(
            (f"gateway of {region} did not get ready:", *log.read_text("utf-8").splitlines()[-_LAST_LINES:])
        )

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


def _is_ready(url: str) -> bool:
    try:
        with urlopen(url, timeout=1.0) as reply:  # noqa: S310 - our own loopback address
            return bool(reply.status == 200)  # noqa: PLR2004 - OK
    except OSError:
        return False
