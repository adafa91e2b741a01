"""The commands about requests between regions: `onecard exchange` and `onecard receipt`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

exchange_app = typer.Typer(no_args_is_help=True, help="Look after requests between regions.")
dead_letter_app = typer.Typer(no_args_is_help=True, help="See what was laid aside, and put it back.")
receipt_app = typer.Typer(no_args_is_help=True, help="Verify receipts, without asking anybody.")
exchange_app.add_typer(dead_letter_app, name="dead-letter")

Config = Annotated[Path, typer.Option("--config", help="Configuration file of the gateway, TOML.")]
Place = Annotated[str, typer.Option("--store", help="Address of the store instead of the configured one.")]
Numbers = Annotated[list[int] | None, typer.Argument(help="Numbers of dead letters; all where none is named.")]


@dead_letter_app.command("list")
def dead_letter_list(config: Config, store: Place = "") -> None:
    """List the requests and messages that were laid aside, each with its reason; of their contents nothing is shown."""
    from gateway.exchange_console import list_dead_letters

    list_dead_letters(config, url=store)


@dead_letter_app.command("requeue")
def dead_letter_requeue(config: Config, numbers: Numbers = None, store: Place = "") -> None:
    """Put dead letters back, to be tried anew; the gateway may run.

    Ends with 1 where one of the numbers is none of a dead letter.
    """
    from gateway.exchange_console import requeue_dead_letters

    raise typer.Exit(requeue_dead_letters(config, numbers or [], url=store))


@receipt_app.command("verify")
def receipt_verify(
    file: Annotated[Path, typer.Argument(help="Receipt: the member `document` of what GetReceipt answers.")],
    fingerprint: Annotated[
        list[str] | None,
        typer.Option("--fingerprint", help="Fingerprint of the anchor's key that you believe; may be repeated."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", help="Believe the anchors of this configuration, each for its agreement.")
    ] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option("--witness", help="Verifier key of a gateway whose cosignature counts too; may be repeated."),
    ] = None,
) -> None:
    """Verify a receipt offline: what was asked and answered, both signatures, both trust chains, proof of inclusion.

    Ends with 0 if all of it holds, else with 1, and names what fails first.
    """
    from gateway.receipt_console import verify_receipt_file

    told = verify_receipt_file(file, fingerprints=fingerprint or [], config=config, witnesses=witness or [])
    raise typer.Exit(told)
