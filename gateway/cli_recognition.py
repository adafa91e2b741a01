"""The commands about single recognitions: `onecard recognition`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli_trust import Config, Home
from gateway.errors import SettingsError

recognition_app = typer.Typer(no_args_is_help=True, help="Prove what was recognised, and take it back.")


@recognition_app.command("prove")
def recognition_prove(
    jti: Annotated[str, typer.Argument(help="Token identifier (jti) of the recognition.")],
    config: Config,
    home: Home = "",
) -> None:
    """Prove that a counter-signed recognition says the same as its original, and who signed which with which key."""
    from gateway.trust_console import prove_recognition

    prove_recognition(config, jti, region=home)


@recognition_app.command("revoke")
def recognition_revoke(
    config: Config,
    caller: Annotated[str, typer.Option("--caller", help="As which registered caller, such as platform.chongqing.")],
    key: Annotated[Path, typer.Option("--key", help="Private key of that caller, PEM.")],
    jti: Annotated[str, typer.Argument(help="Token identifier (jti) of the recognition.")] = "",
    token: Annotated[Path | None, typer.Option("--token", help="File with the recognition itself.")] = None,
    subject: Annotated[str, typer.Option("--subject", help="Pseudonym: all recognitions of it.")] = "",
    authority: Annotated[Path | None, typer.Option("--ca", help="CA of the gateway's certificate, PEM.")] = None,
) -> None:
    """Take back one recognition, or all of a pseudonym, by the running gateway; within seconds nobody accepts it."""
    from gateway.recognition_console import revoke_recognition
    from gateway.services.revoke_recognition import Target

    if [bool(jti), token is not None, bool(subject)].count(True) != 1:
        raise SettingsError(("give one of JTI, --token and --subject",))
    text = "" if token is None else token.read_text("ascii").strip()
    target = Target(token_id=jti, recognition=text, subject=subject)
    revoke_recognition(config, target, caller=caller, key=key, authority=authority)
