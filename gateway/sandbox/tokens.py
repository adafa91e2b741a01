"""Bearer tokens of the sandbox's callers, for grpcurl and the demonstration."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from gateway.callers import SCOPES
from gateway.console import unknown_region
from gateway.errors import SettingsError
from gateway.sandbox.layout import Layout, caller_id
from trust.keys import SigningKey
from trust.signer import CallerTokenSigner

if TYPE_CHECKING:
    from pathlib import Path


def platform_token(folder: Path, region: str, *, lifetime_seconds: int = 300) -> str:
    """Sign a token of a region's platform for its gateway (UnknownRegionError; SettingsError where none is there)."""
    try:
        layout = Layout.load(folder)
        known = [site.region for site in layout.sites]
        pem = layout.caller_key(region).read_bytes() if region in known else b""
    except OSError:
        fault = f"There is none in {folder}: run `make sandbox` first, or name the folder of one with --folder."
        raise SettingsError((fault,), heading="The sandbox does not run.") from None
    if not pem:
        raise unknown_region(known, region)
    key = SigningKey.from_pem(pem, issuer=caller_id(region))
    signer = CallerTokenSigner(key, new_id=lambda: uuid.uuid4().hex)
    return signer.issue(
        audience=f"gateway.{region}", now=int(time.time()), scopes=sorted(SCOPES), lifetime_seconds=lifetime_seconds
    )
