"""The commands about the evidence: `onecard evidence`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

evidence_app = typer.Typer(no_args_is_help=True, help="Prove what the gateway has decided, and erase what is personal.")

Config = Annotated[Path, typer.Option("--config", help="Configuration file of the gateway, TOML.")]
Place = Annotated[str, typer.Option("--store", help="Address of the store instead of the configured one.")]


@evidence_app.command("verify")
def evidence_verify(
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Configuration file of the gateway; an auditor has --export instead."),
    ] = None,
    store: Place = "",
    export: Annotated[Path | None, typer.Option("--export", help="Exported log instead of the store.")] = None,
    checkpoint: Annotated[
        list[Path] | None, typer.Option("--checkpoint", help="Checkpoint that a peer has kept; may be given again.")
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", help="Verifier key of the log; needed without --config.")
    ] = None,
    witness: Annotated[
        list[str] | None, typer.Option("--witness", help="Verifier key of a peer whose cosignatures count.")
    ] = None,
) -> None:
    """Walk the whole log and name the first record that is not as it must be.

    Ends with 1 where there is one.
    """
    from gateway.evidence_console import verify_log

    place = config, store, export
    raise typer.Exit(verify_log(place, held=checkpoint or (), keys=key or (), witnesses=witness or ()))


@evidence_app.command("checkpoint")
def evidence_checkpoint(config: Config, store: Place = "") -> None:
    """Print the last checkpoint that was signed, with its cosignatures; a file of it proves what is there now."""
    from gateway.evidence_console import print_checkpoint

    print_checkpoint(config, url=store)


@evidence_app.command("key")
def evidence_key(config: Config) -> None:
    """Print the verifier keys of the log, for auditors; other gateways find them in the entity's metadata."""
    from gateway.evidence_console import print_keys

    print_keys(config)


@evidence_app.command("export")
def evidence_export(
    config: Config,
    file: Annotated[Path, typer.Argument(help="File to write; it must not be there yet.")],
    store: Place = "",
) -> None:
    """Write the log into a file for an auditor, without anything that stands for a person."""
    from gateway.evidence_console import export_log

    export_log(config, file, url=store)


@evidence_app.command("alarms")
def evidence_alarms(config: Config, store: Place = "") -> None:
    """List the alarms about logs, ours and those of peers, each with the two checkpoints that contradict each other.

    Ends with 1 where there is any.
    """
    from gateway.evidence_console import print_alarms

    raise typer.Exit(print_alarms(config, url=store))


@evidence_app.command("erase")
def evidence_erase(
    config: Config,
    before: Annotated[
        str, typer.Option("--before", help="Day, YYYY-MM-DD, before which all is erased; today at the latest.")
    ] = "",
    region: Annotated[
        str, typer.Option("--region", help="Home region of one holder, whose number is read from standard input.")
    ] = "",
    store: Place = "",
) -> None:
    """Erase what stands for persons in the log, by age or for one holder; the log verifies as before.

    It may be done while the gateway runs.
    """
    from gateway.evidence_console import erase

    erase(config, before=before, region=region, url=store)
