"""Configurations on which a gateway does not start, and what the operator is told."""

from __future__ import annotations

import pytest

from gateway.errors import SettingsError
from gateway.settings import load_settings
from tests.sandbox_fixture.beside import gateway_beside
from tests.sandbox_fixture.requests import CALLER
from tests.sandbox_fixture.running import RunningSandbox, onecard

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.slow]

OPEN_DOORS = {
    "reflection": ("allow_private_addresses = true", "allow_private_addresses = false"),
    "allow_private_addresses": ("reflection = true", "reflection = false"),
    "[listen.tls]": ('[listen.tls]\ncertificate = "tls.pem"\nkey = "tls.key"\nclients = "../ca.pem"\n', ""),
    "key of the sandbox": ("reflection = true", "reflection = false"),
    "mutual": ('clients = "../ca.pem"\n', ""),
    "extra": ("[listen]", "debug = true\n[listen]"),
    "cannot be read": ("tls.key", "gone.key"),
}


@pytest.mark.parametrize("door", OPEN_DOORS)
def test_open_doors_are_refused_at_the_start(sandbox: RunningSandbox, door: str) -> None:
    """Settings that would open a door outside the sandbox are refused, and the fault is named."""

    def change(text: str) -> str:
        text = text.replace(*OPEN_DOORS[door])
        if door != "cannot be read":
            text = text.replace("sandbox = true", "sandbox = false")
        if door == "key of the sandbox":
            text = text.replace("allow_private_addresses = true", "allow_private_addresses = false")
        if door == "[listen.tls]":
            text = text.replace('grpc = "127.0.0.1', 'grpc = "0.0.0.0', 1).replace("mutual =", "# mutual =")
        return text

    _, config = gateway_beside(sandbox, "door", (CALLER,), spare=3, change=change)
    with pytest.raises(SettingsError) as refused:
        load_settings(config)
    assert door.lower() in str(refused.value).lower()


def test_secrets_that_others_can_read_are_refused(sandbox: RunningSandbox) -> None:
    """A gateway does not start on keys that others can read; all such files are named at once."""
    _, config = gateway_beside(sandbox, "door", (CALLER,), spare=3, own_keys=True)
    names = {"gateway.pem", "federation.pem", "tls.key"}
    for name in names:
        (config.parent / name).chmod(0o644)
    with pytest.raises(SettingsError) as refused:
        load_settings(config)
    assert names == {fault.partition(":")[0] for fault in refused.value.faults}


def test_a_port_that_is_taken_is_told(sandbox: RunningSandbox) -> None:
    """A gateway whose port is taken ends with 2 and says so, without a trace of the program."""
    for side in ("grpc", "mutual", "web"):
        taken = sandbox.endpoints[CALLER][side].removeprefix("http://")
        site, config = gateway_beside(sandbox, "door", (CALLER,), spare=3)
        text = config.read_text("utf-8")
        assert getattr(site, side) in text
        config.write_text(text.replace(getattr(site, side), taken, 1), "utf-8")
        ended = onecard("serve", "--config", str(config))
        assert ended.returncode == 2
        assert "taken" in ended.stderr.replace(str(sandbox.folder), "")
        assert "Traceback" not in ended.stderr


def test_all_open_doors_are_named_at_once(sandbox: RunningSandbox) -> None:
    """An operator who takes a sandbox's configuration elsewhere is told of every door in one report."""
    _, config = gateway_beside(
        sandbox, "door", (CALLER,), spare=3, change=lambda text: text.replace("sandbox = true", "sandbox = false")
    )
    with pytest.raises(SettingsError) as refused:
        load_settings(config)
    assert {"reflection", "allow_private_addresses"} <= set(str(refused.value).split())
