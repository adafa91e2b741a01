"""What the `onecard recognition` commands do that ask a running gateway."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING

from gateway.certificates import dns_names
from gateway.console import screen
from gateway.errors import WRONG_OPTION, PeerRefusedError, SettingsError
from gateway.peers.home_platform import OwnGateway, take_back
from gateway.refusals import refused
from gateway.settings import load_settings
from trust.keys import SigningKey
from trust.signer import CallerTokenSigner

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.services.revoke_recognition import Target
    from gateway.settings import Settings

_SCOPE = "recognition.revoke"
_TOKEN_SECONDS = 60


def revoke_recognition(config: Path, target: Target, *, caller: str, key: Path, authority: Path | None) -> None:
    """Take recognitions back by the gateway of a configuration, as one of its callers.

    Args:
        config: the configuration of the gateway.
        target: one recognition, or a subject.
        caller: identifier of a registered caller.
        key: its private key, PEM.
        authority: CA of the gateway's certificate, PEM.

    Raises:
        SettingsError: the caller is not registered, or the gateway refuses it.
        PeerUnavailableError: the gateway cannot be reached.
        TrustError: the key cannot be used.
    """
    settings = load_settings(config)
    gateway = own_gateway(settings, caller, key=key, authority=authority, scope=_SCOPE)
    try:
        count = asyncio.run(take_back(gateway, target))
    except PeerRefusedError as error:
        raise refused(error.reason, code=error.code, violations=error.violations) from error
    living = "no living recognition" if count == 0 else f"{count} living recognition{'s' if count > 1 else ''}"
    screen().print(f"{living} of {gateway.region} taken back", soft_wrap=True)


def own_gateway(settings: Settings, caller: str, *, key: Path, authority: Path | None, scope: str) -> OwnGateway:
    """Say where the gateway listens, and sign a token of the caller for it (SettingsError, TrustError)."""
    found = next((one for one in settings.caller if one.id == caller), None)
    if found is None:
        known = ", ".join(one.id for one in settings.caller)
        raise SettingsError((f"--caller: no such caller is registered; there are: {known}",), heading=WRONG_OPTION)
    try:
        pem, ca = key.read_bytes(), None if authority is None else authority.read_bytes()
    except OSError as error:
        raise SettingsError((f"{error.filename}: cannot be read ({type(error).__name__})",)) from error
    signer = CallerTokenSigner(SigningKey.from_pem(pem, issuer=caller), new_id=lambda: uuid.uuid4().hex)
    return OwnGateway(
        region=found.region,
        address=settings.listen.grpc,
        server_name=_server_name(settings),
        authority=ca,
        token=signer.issue(
            audience=settings.gateway, now=int(time.time()), scopes=(scope,), lifetime_seconds=_TOKEN_SECONDS
        ),
    )


def _server_name(settings: Settings) -> str | None:
    """Give a name of the gateway's certificate, None where it speaks no TLS (BindingError where it has none)."""
    tls = settings.listen.tls
    return None if tls is None else min(dns_names(tls.certificate.read_bytes()))
