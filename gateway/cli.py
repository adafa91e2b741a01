"""The `onecard` command. Heavy modules are imported by the command that needs them, so that each starts fast."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from adapters.errors import AdapterError, RegionDataError
from gateway.cli_catalog import catalog_app
from gateway.cli_evidence import evidence_app
from gateway.cli_exchange import exchange_app, receipt_app
from gateway.cli_pack import pack_app
from gateway.cli_recognition import recognition_app, trust_app
from gateway.cli_store import store_app
from gateway.cli_trust import anchor_app, federation_app, keys_app
from gateway.errors import GatewayError, SettingsError
from gateway.reasons import Language
from gateway.sandbox.layout import DEFAULT_FOLDER, DEFAULT_PORT_BASE
from trust.errors import TrustError

FAULT = 2
"""Exit code where a name is unknown or a configuration is wrong; a check or a demonstration that fails ends with 1."""

HELP = """Gateway between the regions of China's social security card: one card that counts everywhere.

Try it with `onecard demo`, or keep it running with `onecard sandbox`; run your own with `onecard serve`."""


class _Told(TyperGroup):
    """A group of commands that tells an error of ours in words, without a trace, and ends with 2."""

    def invoke(self, ctx: Any) -> object:  # noqa: ANN401 - Typer does not export the type of its own context
        """Run the command (Exit with 2 where it raises an error of ours)."""
        try:
            return super().invoke(ctx)
        except (GatewayError, AdapterError, TrustError) as error:
            typer.echo(_told(error), err=True)
            region = error.metadata.get("region") if isinstance(error, RegionDataError) else None
            if region:
                typer.echo(f"`onecard adapter check {region}` names every fault of that folder.", err=True)
            raise typer.Exit(FAULT) from None


def _told(error: GatewayError | AdapterError | TrustError) -> str:
    """Write an error with its safe metadata, where its own words leave that out."""
    if not isinstance(error, GatewayError) or not error.metadata or str(error) != error.message:
        return str(error)
    return f"{error} ({', '.join(f'{name}={told}' for name, told in sorted(error.metadata.items()))})"


app = typer.Typer(cls=_Told, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=HELP)
adapter_app = typer.Typer(no_args_is_help=True, help="Check the adapter of a region.")
app.add_typer(catalog_app, name="catalog")
app.add_typer(adapter_app, name="adapter")
app.add_typer(keys_app, name="keys")
app.add_typer(federation_app, name="federation")
app.add_typer(anchor_app, name="anchor")
app.add_typer(store_app, name="store")
app.add_typer(evidence_app, name="evidence")
app.add_typer(exchange_app, name="exchange")
app.add_typer(receipt_app, name="receipt")
app.add_typer(trust_app, name="trust")
app.add_typer(recognition_app, name="recognition")
app.add_typer(pack_app, name="pack")

Folder = Annotated[Path, typer.Option("--folder", help="Folder of the sandbox; it is emptied first.")]
PortBase = Annotated[
    int,
    typer.Option(
        "--port-base",
        min=1024,
        max=65_000,
        help="First port; each region takes base+n, +50+n, +100+n, +150+n and +200+n, anchors +250.",
    ),
]
Region = Annotated[str, typer.Argument(help="Region code, such as chongqing; `onecard regions` lists them.")]
Spoken = Annotated[Language, typer.Option("--language", help="Language of names, headings and sentences.")]


@app.command()
def serve(
    config: Annotated[list[Path], typer.Option("--config", help="Configuration file, TOML; once for each gateway.")],
    logs: Annotated[Path | None, typer.Option("--logs", help="Folder for logs, needed for several gateways.")] = None,
    store: Annotated[
        str, typer.Option("--store", help="Address of the store, postgresql+asyncpg://..., instead of the configured.")
    ] = "",
) -> None:
    """Run a gateway on a configuration until it is told to stop; or several, each as a process of its own."""
    from gateway.bootstrap import run
    from gateway.bootstrap_processes import serve as serve_together
    from gateway.fleet import run_fleet
    from gateway.settings import load_settings, stored_at

    if len(config) > 1 and store:
        raise SettingsError(("--store is for one gateway: each has a store of its own",))

    def serve_one(one: Path) -> int:
        settings = load_settings(one)
        return serve_together(stored_at(settings, store) if store else settings, run)

    if logs is not None:
        raise typer.Exit(run_fleet(config, logs, serve=serve_one))
    if len(config) > 1:
        raise SettingsError(("several --config need --logs, so that each gateway has a log of its own",))
    raise typer.Exit(serve_one(config[0]))


@app.command()
def sandbox(
    folder: Folder = Path(DEFAULT_FOLDER),
    port_base: PortBase = DEFAULT_PORT_BASE,
    keep: Annotated[
        bool, typer.Option("--keep", help="Go on with the keys and files of the last run instead.")
    ] = False,
) -> None:
    """Run nine gateways on this machine, each before a simulated platform; Ctrl-C stops them all."""
    from gateway.sandbox.run import run_sandbox

    run_sandbox(folder, port_base=port_base, keep=keep)


@app.command()
def demo(
    folder: Folder = Path(f"{DEFAULT_FOLDER}-demo"),
    port_base: PortBase = DEFAULT_PORT_BASE + 300,
    language: Annotated[
        Language, typer.Option("--language", help="Language of headings; titles of steps are in English and zh-Hans.")
    ] = Language.EN,
) -> None:
    """Start a sandbox, play the story through real gRPC calls, and print what each step gave.

    Ends with 0 only if every step gave what it should.
    """
    from gateway.sandbox.demo import run_demo

    raise typer.Exit(run_demo(folder, port_base=port_base, language=language))


@app.command()
def token(
    region: Region,
    folder: Annotated[Path, typer.Option("--folder", help="Folder of the running sandbox.")] = Path(DEFAULT_FOLDER),
) -> None:
    """Print a bearer token for a region's gateway in the sandbox, good for five minutes.

    It is the token of the region's own platform, for the header `authorization: Bearer ...` of grpcurl.
    """
    from gateway.sandbox.tokens import platform_token

    typer.echo(platform_token(folder, region))


@app.command()
def regions(language: Spoken = Language.EN) -> None:
    """List the regions that have an adapter, what their platforms resolve, and their example agreements."""
    from gateway.console import print_regions

    print_regions(language)


@adapter_app.command("check")
def adapter_check(region: Region) -> None:
    """Check a region's folder: manifest, catalog, every round trip and refusal, and its dialect at both ends.

    Ends with 1 where anything is wrong, and names it.
    """
    from gateway.console import check_adapter

    raise typer.Exit(check_adapter(region))


def main() -> None:
    """Run the command; from here on Ctrl-C is told as an interruption (see `gateway`)."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    app()
