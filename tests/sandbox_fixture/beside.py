"""Gateways that a test runs beside the sandbox: with its keys, on spare ports, on a configuration of their own."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from gateway.sandbox.generate import configuration, write_secret
from gateway.sandbox.layout import Layout, Site
from tests.sandbox_fixture.running import SPARE_OFFSET
from trust.keys import KeyRing, SigningKey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.sandbox_fixture.running import RunningSandbox


def gateway_beside(
    sandbox: RunningSandbox,
    name: str,
    homes: tuple[str, ...],
    *,
    spare: int,
    change: Callable[[str], str] = lambda text: text,
) -> tuple[Site, Path]:
    """Write what a further gateway needs; gives where it will be, and its configuration.

    Args:
        sandbox: the running sandbox, whose certificates, callers and platforms it shares.
        name: of the gateway, and of its folder.
        homes: regions that it serves; the others are its peers.
        spare: which of the spare ports it takes.
        change: what to change in its configuration.
    """
    layout = Layout.load(sandbox.folder)
    base = sandbox.port_base + SPARE_OFFSET + spare
    site = Site(
        region=name, grpc=f"127.0.0.1:{base}", web=f"127.0.0.1:{base + 100}", platform=f"127.0.0.1:{base + 200}"
    )
    folder = layout.home(name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for file in ("tls.pem", "tls.key"):
        shutil.copy2(layout.home(homes[0]) / file, folder / file)
    key = SigningKey.generate("ES256", issuer=site.gateway)
    write_secret(folder / "gateway.pem", key.to_pem())
    keys = json.dumps(KeyRing([key.public()]).jwks(site.gateway))
    (layout.folder / "keys" / f"{site.gateway}.jwks.json").write_text(keys, "utf-8")
    served = tuple(one for one in layout.sites if one.region in homes)
    config = folder / "gateway.toml"
    config.write_text(change(configuration(layout, served, listen=site)), "utf-8")
    return site, config
