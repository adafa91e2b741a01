"""The `onecard` command. Heavy modules are imported by the command that needs them, so that each starts fast."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adapters.errors import AdapterError
from gateway.errors import SettingsError
from gateway.sandbox.layout import DEFAULT_FOLDER, DEFAULT_PORT_BASE

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
catalog_app = typer.Typer(no_args_is_help=True, help="Look into the catalogs that ship with this gateway.")
adapter_app = typer.Typer(no_args_is_help=True, help="Check the adapter of a region.")
app.add_typer(catalog_app, name="catalog")
app.add_typer(adapter_app, name="adapter")

Folder = Annotated[Path, typer.Option("--folder", help="Folder of the sandbox.")]
PortBase = Annotated[int, typer.Option("--port-base", help="First of the ports that the sandbox uses.")]
Region = Annotated[str, typer.Argument(help="Region code, such as chongqing.")]


@app.command()
def serve(
    config: Annotated[list[Path], typer.Option("--config", help="Configuration file, TOML; once for each gateway.")],
    logs: Annotated[Path | None, typer.Option("--logs", help="Folder for logs, needed for several gateways.")] = None,
) -> None:
    """Run a gateway on a configuration until it is told to stop; or several, each as a process of its own."""
    from gateway.bootstrap import run
    from gateway.fleet import run_fleet
    from gateway.settings import load_settings

    if logs is not None:
        raise typer.Exit(run_fleet(config, logs, serve=lambda one: run(load_settings(one))))
    if len(config) > 1:
        raise SettingsError(("several --config need --logs, so that each gateway has a log of its own",))
    run(load_settings(config[0]))


@app.command()
def sandbox(
    folder: Folder = Path(DEFAULT_FOLDER),
    port_base: PortBase = DEFAULT_PORT_BASE,
    keep: Annotated[bool, typer.Option("--keep", help="Go on with the keys and files of the last run.")] = False,
) -> None:
    """Run nine gateways on this machine, each before a simulated platform; Ctrl-C stops them all."""
    from gateway.sandbox.run import run_sandbox

    run_sandbox(folder, port_base=port_base, keep=keep)


@app.command()
def demo(
    folder: Folder = Path(f"{DEFAULT_FOLDER}-demo"),
    port_base: PortBase = DEFAULT_PORT_BASE + 300,
) -> None:
    """Start a sandbox, play the story through real gRPC calls, and print what each step gave."""
    from gateway.sandbox.demo import run_demo

    raise typer.Exit(run_demo(folder, port_base=port_base))


@app.command()
def token(
    region: Region,
    folder: Folder = Path(DEFAULT_FOLDER),
) -> None:
    """Print a bearer token of a region's platform for its own gateway in the sandbox, good for five minutes."""
    from gateway.sandbox.tokens import platform_token

    typer.echo(platform_token(folder, region))


@app.command()
def regions() -> None:
    """List the regions that have an adapter."""
    from gateway.console import print_regions

    print_regions()


@catalog_app.command("list")
def catalog_list(region: Annotated[str, typer.Argument(help="Region code; all where it is left out.")] = "") -> None:
    """List the items of one region's catalog, or of all."""
    from gateway.console import print_items

    print_items(region)


@catalog_app.command("show")
def catalog_show(region: Region, item: Annotated[str, typer.Argument(help="Item, such as CQ-30.")]) -> None:
    """Show one item with all that is known of it."""
    from gateway.console import print_item

    print_item(region, item)


@catalog_app.command("translate")
def catalog_translate(
    region: Region,
    item: Annotated[str, typer.Argument(help="Item, such as CQ-30.")],
    target: Annotated[str, typer.Argument(help="Region in whose catalog to look.")],
    language: Annotated[str, typer.Option("--language", help="zh-Hans, zh-Hant, en or pt.")] = "en",
) -> None:
    """Say what an item corresponds to in another region, and what is lost."""
    from gateway.console import print_translation

    print_translation(region, item, target, language)


@adapter_app.command("check")
def adapter_check(region: Region) -> None:
    """Check a region's folder: manifest, catalog, and every round trip and refusal of its vectors."""
    from gateway.console import check_adapter

    raise typer.Exit(check_adapter(region))


def main() -> None:
    """Run the command; an error of ours is told in words, without a trace."""
    try:
        app()
    except (SettingsError, AdapterError) as error:
        typer.echo(error, err=True)
        raise SystemExit(2) from None
