"""The commands about the store: `onecard store`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

store_app = typer.Typer(no_args_is_help=True, help="Look after the store of a gateway.")

Config = Annotated[Path, typer.Option("--config", help="Configuration file of the gateway, TOML.")]
Place = Annotated[str, typer.Option("--store", help="Address of the store instead of the configured one.")]


@store_app.command("migrate")
def store_migrate(config: Config, store: Place = "") -> None:
    """Bring the store to the schema of this version; the gateway does it at its start as well. There is no way back."""
    from gateway.store_console import migrate_store

    migrate_store(config, url=store)


@store_app.command("check")
def store_check(config: Config, store: Place = "") -> None:
    """Say whether the store is as it should be: schema, tables, file, and a key for everything that is sealed.

    Ends with 1 where something is wrong.
    """
    from gateway.store_console import check_store

    raise typer.Exit(check_store(config, url=store))


@store_app.command("export")
def store_export(
    config: Config,
    output: Annotated[Path | None, typer.Option("--output", help="File to write; standard output if left out.")] = None,
    store: Place = "",
) -> None:
    """Write all rows of all tables as JSON lines, as they are at one moment; what is sealed stays sealed."""
    from gateway.store_console import export_store

    export_store(config, output, url=store)


@store_app.command("rotate")
def store_rotate(
    config: Config,
    *,
    stage: Annotated[
        bool, typer.Option("--stage", help="Only make the key to come, so that all replicas can have it first.")
    ] = False,
    store: Place = "",
) -> None:
    """Seal everything anew with a new key; the gateway may run. Says which older keys nothing needs any more.

    On PostgreSQL: first --stage, then copy the folder of keys to all replicas, then run it on each of them.
    """
    from gateway.store_console import rotate_keys, stage_key

    if stage:
        stage_key(config)
    else:
        rotate_keys(config, url=store)
