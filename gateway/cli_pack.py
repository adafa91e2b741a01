"""The commands about verifying without network: `onecard pack`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli_trust import Config
from gateway.errors import SettingsError

pack_app = typer.Typer(
    no_args_is_help=True, help="Let gates verify without network: make a pack, look into it, use it."
)

_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


class Shown(StrEnum):
    """The form in which a card is shown."""

    PHYSICAL = "physical"
    ELECTRONIC = "electronic"


class UsedFor(StrEnum):
    """What a card is used for."""

    IDENTITY = "identity"
    DISBURSEMENT = "disbursement"
    PAYMENT = "payment"


Pack = Annotated[Path, typer.Argument(help="The pack.")]


@pack_app.command("make")
def pack_make(
    file: Annotated[Path, typer.Argument(help="Where to write the pack.")],
    config: Config,
    caller: Annotated[str, typer.Option("--caller", help="As which registered caller, such as platform.sichuan.")],
    key: Annotated[Path, typer.Option("--key", help="Private key of that caller, PEM.")],
    home: Annotated[list[str], typer.Option("--home", help="Home region whose cards it is about; once for each.")],
    item: Annotated[list[str] | None, typer.Option("--item", help="Item; all of the region's if left out.")] = None,
    life: Annotated[int | None, typer.Option("--life", help="Seconds that it serves at most.")] = None,
    base: Annotated[Path | None, typer.Option("--base", help="Pack that gates have: write an update of it.")] = None,
    authority: Annotated[Path | None, typer.Option("--ca", help="CA of the gateway's certificate, PEM.")] = None,
) -> None:
    """Have the running gateway make a pack, or an update of one, and write it to a file."""
    from gateway.pack_console import Order, make_pack_file

    order = Order(homes=tuple(home), items=tuple(item or ()), life=life, base=base)
    make_pack_file(config, file, order, caller=caller, key=key, authority=authority)


@pack_app.command("update")
def pack_update(
    base: Annotated[Path, typer.Argument(help="The pack that is there.")],
    update: Annotated[Path, typer.Argument(help="The update.")],
    file: Annotated[Path, typer.Argument(help="Where to write the new pack.")],
) -> None:
    """Apply an update to the pack that it is for, as a gate does."""
    from gateway.pack_console import update_pack_file

    update_pack_file(base, update, file)


@pack_app.command("show")
def pack_show(file: Pack) -> None:
    """Print what a pack says; nothing is verified but that it is whole."""
    from gateway.pack_console import show_pack

    show_pack(file)


@pack_app.command("verify")
def pack_verify(
    file: Pack,
    keys: Annotated[Path, typer.Option("--keys", help="Key set (JWKS) of the region that made it, as a gate pins it.")],
    anchor: Annotated[
        list[str] | None, typer.Option("--anchor", help="Fingerprint of an anchor's key: prove the chains as well.")
    ] = None,
    recognition: Annotated[Path | None, typer.Option("--recognition", help="File with a recognition.")] = None,
    card: Annotated[str, typer.Option("--card", help="REGION/PSEUDONYM of a card that was met online.")] = "",
    item: Annotated[str, typer.Option("--item", help="Item for which the card is shown.")] = "",
    medium: Annotated[Shown, typer.Option("--medium", help="Form in which it is shown.")] = Shown.ELECTRONIC,
    used_for: Annotated[UsedFor, typer.Option("--class", help="What it is used for.")] = UsedFor.IDENTITY,
    at: Annotated[
        datetime | None, typer.Option("--at", help="Moment to verify for, in UTC; now if left out.", formats=[_MOMENT])
    ] = None,
) -> None:
    """Verify a pack, and with it a card that is shown, asking nobody.

    Ends with 0 where the card is allowed, or where none is given and the pack is good; with 1 where it is refused or to
    be asked about online.
    """
    from gateway.pack_console import verify_pack
    from trust.offline_gate import Use

    if recognition is not None and card:
        raise SettingsError(("give one of --recognition and --card",))
    if (recognition is not None or card) and not item:
        raise SettingsError(("--item: name the item for which the card is shown",))
    moment = int(time.time() if at is None else at.replace(tzinfo=UTC).timestamp())
    use = Use(item=item, medium=medium.value, application_class=used_for.value, now=moment)
    good = verify_pack(file, keys, use, recognition=recognition, card=card, fingerprints=tuple(anchor or ()))
    raise typer.Exit(0 if good else 1)
