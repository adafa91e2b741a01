"""`make sandbox`: generates what is needed, runs the federation, and says how to talk to it."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console

from adapters.registry import load_registry
from gateway.errors import SettingsError
from gateway.lifeline import children_end_with_us, stop_signals
from gateway.sandbox.federation import Federation, check_ports
from gateway.sandbox.generate import generate
from gateway.sandbox.layout import Layout
from gateway.sandbox.lines import grpcurl_lines
from gateway.store.lock import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def run_sandbox(folder: Path, *, port_base: int, keep: bool) -> None:
    """Run the sandbox until Ctrl-C, SIGTERM or the end of its terminal (SettingsError where a part cannot start)."""
    started = time.monotonic()
    with children_end_with_us(), alone_in(folder):
        asyncio.run(_run(prepare(folder, port_base=port_base, keep=keep), started))


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Have a folder for this process alone: whoever makes a sandbox empties it first (SettingsError)."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    way = f'{folder}: stop that one, or choose another: make sandbox ARGS="--folder .sandbox-2 --port-base 28500"'
    lock = FileLock(folder, taken=way, heading="Another sandbox runs in this folder.")
    lock.take()
    try:
        yield
    finally:
        lock.release()


def prepare(folder: Path, *, port_base: int, keep: bool = False) -> Layout:
    """Generate a sandbox, or read the one that is to go on."""
    if keep and (folder / "endpoints.json").is_file():
        layout = Layout.load(folder)
        check_ports(layout)
        return layout
    registry = load_registry()
    layout = Layout.of(folder, registry.regions, port_base)
    check_ports(layout)
    generate(layout, registry)
    return layout


async def _run(layout: Layout, started: float) -> None:
    stop = asyncio.Event()
    for number in stop_signals():
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Federation(layout) as federation:
        _welcome(layout, time.monotonic() - started)
        watch = asyncio.create_task(_watch(federation, layout))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait((watch, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if watch.done():
            watch.result()
        watch.cancel()
    Console().print("stopped")


async def _watch(federation: Federation, layout: Layout) -> None:
    """Tell of each gateway that ends; the others go on. Without the platforms nothing can (SettingsError)."""
    regions = {site.region for site in layout.sites}
    while regions:
        name, code = await federation.next_end()
        if name not in regions:
            fault = f"{name} ended by itself with code {code}; see {layout.folder}/logs/{name}.log"
            raise SettingsError((fault,), heading="The sandbox does not run any more.")
        regions.discard(name)
        Console(soft_wrap=True).print(
            f"gateway of {name} ended with code {code}; the others go on."
            f" Start it again: .venv/bin/onecard serve --config {layout.config(name)}"
        )


def _welcome(layout: Layout, seconds: float) -> None:
    """Say where everything is, and give lines that can be pasted."""
    console = Console(soft_wrap=True, highlight=False)
    console.print(f"{'region':<11}{'gateway (gRPC, TLS)':<22}{'web':<25}simulated platform", style="bold")
    for site in layout.sites:
        console.print(f"{site.region:<11}{site.grpc:<22}{f'http://{site.web}':<25}http://{site.platform}")
    console.print(
        f"ready after {seconds:.1f} s; CA {layout.ca}, addresses {layout.endpoints}, logs {layout.folder}/logs"
    )
    console.print(f"The public catalog, in four languages: http://{layout.sites[0].web}/ and at each other web address")
    console.print("All cardholders are fictitious and all dialects synthetic. Paste in another terminal:\n")
    for title, line in grpcurl_lines(layout):
        console.print(f"# {title}", style="bold")
        console.file.write(f"{line}\n")
    console.print("\nCtrl-C stops everything.")
