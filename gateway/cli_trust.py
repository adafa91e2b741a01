"""The commands about keys and federations: `onecard keys`, `federation` and `anchor`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

keys_app = typer.Typer(no_args_is_help=True, help="Make the keys of a gateway, and rotate them without a failed call.")
federation_app = typer.Typer(
    no_args_is_help=True, help="Join the federations of your agreements, and see where you are."
)
anchor_app = typer.Typer(
    no_args_is_help=True, help="Run the trust anchor of an agreement, and say for whom it vouches."
)


class KeyUse(StrEnum):
    """What a key of a home region is for."""

    REGION = "region"
    FEDERATION = "federation"
    CALLER = "caller"
    PARTNER = "partner"
    EVIDENCE = "evidence"


class Suite(StrEnum):
    """The algorithms that a key can have."""

    ES256 = "ES256"
    EDDSA = "EdDSA"
    SM2 = "SGD_SM3_SM2"


class Reason(StrEnum):
    """Why something is revoked; a compromised key and an emergency do not wait for anything."""

    UNSPECIFIED = "unspecified"
    COMPROMISED = "compromised"
    SUPERSEDED = "superseded"
    CEASED = "ceased"
    WITHDRAWN = "withdrawn"
    EMERGENCY = "emergency"


class Step(StrEnum):
    """A step of a rotation."""

    STAGE = "stage"
    SWITCH = "switch"
    RETIRE = "retire"


class Target(StrEnum):
    """What can be revoked."""

    KEY = "key"
    CERTIFICATE = "certificate"
    ENTITY = "entity"


Config = Annotated[Path, typer.Option("--config", help="Configuration file of the gateway, TOML.")]
Anchors = Annotated[Path, typer.Option("--config", help="Configuration file of the anchors, TOML.")]
Home = Annotated[str, typer.Option("--home", help="Home region, where the gateway serves several.")]
Use = Annotated[
    KeyUse, typer.Option("--key", help="Which key: of recognitions, statements, calls, counter-signatures, or the log.")
]
Anchor = Annotated[str, typer.Argument(help="Entity identifier of the anchor, https://...")]
Entity = Annotated[str, typer.Argument(help="Entity identifier of the member, https://...")]
Agreement = Annotated[str, typer.Argument(help="Id of the agreement, such as sichuan-chongqing.")]
Why = Annotated[Reason, typer.Option("--reason", help="Why; it is told to everybody.")]


@keys_app.command("new")
def keys_new(
    config: Config,
    suite: Annotated[Suite, typer.Option("--suite", help="Algorithm of the keys.")] = Suite.ES256,
) -> None:
    """Make every key and secret that the configuration names and that is not there yet; none is ever overwritten."""
    from gateway.keys_console import make_keys

    make_keys(config, algorithm=suite.value)


@keys_app.command("stage")
def keys_stage(config: Config, use: Use = KeyUse.REGION, home: Home = "") -> None:
    """First step of a rotation: make the key to come; a running gateway publishes it within a second."""
    from gateway.keys_console import stage_key

    stage_key(config, use=use.value, region=home)


@keys_app.command("switch")
def keys_switch(config: Config, use: Use = KeyUse.REGION, home: Home = "") -> None:
    """Second step, once everybody has seen the new key: it signs from now on."""
    from gateway.keys_console import switch_key

    switch_key(config, use=use.value, region=home)


@keys_app.command("retire")
def keys_retire(
    config: Config,
    use: Use = KeyUse.REGION,
    home: Home = "",
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait: what the former key signed, but for catalogs, ends now.")
    ] = False,
) -> None:
    """Third step, once nothing is alive that the former key signed: it is believed no longer, but for signed catalogs.

    Refused for ten minutes after the second step, the longest life of what it signed, but for --now.
    """
    from gateway.keys_console import retire_key

    retire_key(config, use=use.value, region=home, at_once=now)


@federation_app.command("join")
def federation_join(
    config: Config, anchor: Annotated[str, typer.Argument(help="The anchor; all where left out.")] = ""
) -> None:
    """Check the pinned anchors, write the request to join, and say whether you are admitted already.

    Ends with 1 while an anchor does not vouch for you.
    """
    from gateway.trust_console import join

    raise typer.Exit(join(config, anchor=anchor))


@federation_app.command("show")
def federation_show(config: Config) -> None:
    """Show anchors, agreements, parties and signatures, and who is believed until when.

    Ends with 1 where something does not stand.
    """
    from gateway.trust_console import show

    raise typer.Exit(show(config))


@federation_app.command("sign")
def federation_sign(config: Config, agreement: Agreement, home: Home = "") -> None:
    """Sign the terms of an agreement for your region; adds a line to the file of signatures."""
    from gateway.trust_console import sign_agreement

    sign_agreement(config, agreement, region=home)


DASHED = {"ignore_unknown_options": True}
"""One in 64 thumbprints begins with a dash, and is no option."""

_THUMBPRINT_LENGTH = 43


def _no_option(target: str) -> str:
    """Refuse what begins with a dash and is no thumbprint (BadParameter): nothing is revoked by a mistyped option."""
    if target.startswith("-") and len(target) != _THUMBPRINT_LENGTH:
        raise typer.BadParameter(f"no such option: {target}")
    return target


@federation_app.command("revoke", context_settings=DASHED)
def federation_revoke(
    config: Config,
    kind: Annotated[Target, typer.Argument(help="What is dead.")],
    target: Annotated[
        str,
        typer.Argument(callback=_no_option, help="Thumbprint of the key or certificate; for the entity leave it out."),
    ] = "",
    reason: Why = Reason.COMPROMISED,
    home: Home = "",
) -> None:
    """Revoke a key, a certificate or the whole of your region; the running gateway tells all others at once."""
    from gateway.trust_console import revoke

    revoke(config, kind=kind.value, target=target, reason=reason.value, region=home)


@federation_app.command("stop")
def federation_stop(config: Config, agreement: Agreement, reason: Why = Reason.EMERGENCY, home: Home = "") -> None:
    """Stop a whole agreement, as any party may; the running gateway tells all others at once. There is no way back."""
    from gateway.trust_console import stop_agreement

    stop_agreement(config, agreement, reason=reason.value, region=home)


@anchor_app.command("serve")
def anchor_serve(config: Anchors) -> None:
    """Serve the statements of the anchors until told to stop."""
    from gateway.bootstrap_anchors import run_anchors
    from gateway.lifeline import end_with_parent
    from gateway.settings import load_anchors

    end_with_parent()
    run_anchors(load_anchors(config))


@anchor_app.command("members")
def anchor_members(config: Anchors) -> None:
    """List the parties of each anchor, who of them is admitted, and with which keys."""
    from gateway.anchor_console import list_members

    list_members(config)


@anchor_app.command("admit")
def anchor_admit(
    config: Anchors,
    anchor: Anchor,
    entity: Entity,
    fingerprint: Annotated[
        str, typer.Option("--fingerprint", help="Thumbprint of its key, as its operator told it you.")
    ],
    request: Annotated[
        Path | None, typer.Option("--request", help="Its request as a file; fetched where left out.")
    ] = None,
) -> None:
    """Admit a party by the fingerprint of its key: from now on the anchor vouches for it."""
    from gateway.anchor_console import admit

    admit(config, anchor, entity=entity, fingerprint=fingerprint, request=request)


@anchor_app.command("key")
def anchor_key(
    config: Anchors, anchor: Anchor, step: Annotated[Step, typer.Argument(help="Which step of the rotation.")]
) -> None:
    """Rotate the anchor's own key in three steps with time between them: stage, switch, retire; the node runs on."""
    from gateway.anchor_console import rotate

    rotate(config, anchor, step=step.value)


@anchor_app.command("withdraw")
def anchor_withdraw(config: Anchors, anchor: Anchor, entity: Entity) -> None:
    """Vouch for a member no longer; what was signed before lives on until its end."""
    from gateway.anchor_console import withdraw

    withdraw(config, anchor, entity=entity)


@anchor_app.command("revoke", context_settings=DASHED)
def anchor_revoke(
    config: Anchors,
    anchor: Anchor,
    kind: Annotated[Target, typer.Argument(help="What is dead.")],
    entity: Entity,
    target: Annotated[
        str,
        typer.Argument(callback=_no_option, help="Thumbprint of the key or certificate; for the entity leave it out."),
    ] = "",
    reason: Why = Reason.COMPROMISED,
) -> None:
    """Revoke a key, a certificate or the whole of a member; it is dead everywhere at once."""
    from gateway.anchor_console import revoke

    revoke(config, anchor, kind=kind.value, entity=entity, target=target, reason=reason.value)


@anchor_app.command("stop")
def anchor_stop(config: Anchors, anchor: Anchor, agreement: Agreement, reason: Why = Reason.EMERGENCY) -> None:
    """Stop the whole agreement for everybody; it cannot be taken back."""
    from gateway.anchor_console import stop

    stop(config, anchor, agreement=agreement, reason=reason.value)
