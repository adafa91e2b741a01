"""The commands about whom and what to believe: `onecard trust` and `onecard recognition`."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli_trust import Config, Home
from gateway.errors import SettingsError

trust_app = typer.Typer(no_args_is_help=True, help="See why a peer is or is not believed, and take its chain along.")
recognition_app = typer.Typer(no_args_is_help=True, help="Prove and verify what was recognised, and take it back.")

_MOMENT = "%Y-%m-%dT%H:%M:%SZ"


@trust_app.command("explain")
def trust_explain(
    peer: Annotated[str, typer.Argument(help="Region code of the peer.")],
    config: Config,
) -> None:
    """Say why a peer is or is not believed: each statement of its chain, its dates, and the first thing that fails.

    Ends with 1 where it is not believed.
    """
    from gateway.trust_console import explain

    raise typer.Exit(explain(config, peer))


@trust_app.command("chain")
def trust_chain(
    region: Annotated[str, typer.Argument(help="Region code, a home of ours or a peer.")],
    config: Config,
    anchor: Annotated[str, typer.Option("--anchor", help="The anchor, where the region has several.")] = "",
) -> None:
    """Print the static trust chain of a region as JSON, for whoever verifies its recognitions without a network.

    Ends with 1 where the region is not believed.
    """
    from gateway.trust_console import print_chain

    raise typer.Exit(print_chain(config, region, anchor=anchor))


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


@recognition_app.command("verify")
def recognition_verify(
    token: Annotated[Path, typer.Option("--token", help="File with the recognition.")],
    chain: Annotated[Path, typer.Option("--chain", help="File with its trust chain; see `onecard trust chain`.")],
    anchor: Annotated[
        list[str], typer.Option("--anchor", help="Fingerprint of the anchor's key, known by another way.")
    ],
    audience: Annotated[str, typer.Option("--audience", help="Region in which it is shown; any if left out.")] = "",
    at: Annotated[
        datetime | None, typer.Option("--at", help="Moment to verify for, in UTC; now if left out.", formats=[_MOMENT])
    ] = None,
) -> None:
    """Verify a recognition by its chain and the anchor's fingerprint alone, and print what it says; asks nobody."""
    from gateway.offline_console import Evidence, verify_offline

    moment = time.time() if at is None else at.replace(tzinfo=UTC).timestamp()
    verify_offline(Evidence(token=token, chain=chain, fingerprints=tuple(anchor), audience=audience, at=int(moment)))
