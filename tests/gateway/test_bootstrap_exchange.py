"""Composition of the exchange: whose keys sign, where the process may be made to die, and tasks that go on."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from gateway.bootstrap_exchange import CRASH_AT, ReceiptKeys, crash_points, reason_of
from gateway.errors import QueueFullError, RegionNotServedError, SettingsError
from gateway.services.crash_points import POINTS
from gateway.settings import load_settings
from tests.fakes.configuration import FakeConfiguration

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.settings import Settings
    from gateway.trust_side import TrustSide


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Lay out the gateway of Chongqing, whose peer is Sichuan."""
    return load_settings(FakeConfiguration(tmp_path).path)


def test_the_process_dies_where_the_environment_says(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is named by itself; in a sandbox a point may be, elsewhere none is heeded; a wrong name is told."""
    killed: list[int] = []
    monkeypatch.setattr("gateway.services.crash_points.os.kill", lambda _pid, number: killed.append(number))
    monkeypatch.delenv(CRASH_AT, raising=False)
    crash_points(settings).reach(POINTS[0])
    monkeypatch.setitem(os.environ, CRASH_AT, POINTS[0])
    crash_points(settings.model_copy(update={"sandbox": False})).reach(POINTS[0])
    assert killed == []
    crash_points(settings).reach(POINTS[0])
    assert killed == [signal.SIGKILL]
    monkeypatch.setitem(os.environ, CRASH_AT, "nowhere")
    crash_points(settings.model_copy(update={"sandbox": False})).reach(POINTS[0])
    with pytest.raises(SettingsError) as caught:
        crash_points(settings)
    assert caught.value.faults == (f"{CRASH_AT}: there is no such point",)


def test_errors_are_named_by_their_reason() -> None:
    """What is noted of an error is what a caller would be told."""
    assert reason_of(QueueFullError(limit="1_waiting")) == "QUEUE_FULL"


def test_receipts_are_signed_by_the_gateways_that_are_known(settings: Settings) -> None:
    """Each region has one issuer and one entity; of a region that nobody here knows there is none."""
    asked: list[tuple[Any, ...]] = []

    def chain_for(*what: str) -> tuple[str, ...]:
        asked.append(what)
        return ("statement",)

    def gateway_key(issuer: str, kid: str, *, home_regions: Any) -> str:  # noqa: ANN401 - whatever is handed on
        asked.append((issuer, kid, home_regions))
        return "key"

    homes = {"chongqing": SimpleNamespace(gateway_signer=SimpleNamespace(current=lambda: "signer"))}
    agreement = SimpleNamespace(anchor="https://anchor.example", digest="digest")
    trust = SimpleNamespace(
        homes=homes,
        desk=SimpleNamespace(chain_for=chain_for, gateway_key=gateway_key),
        signed={"sichuan-chongqing": agreement},
    )
    keys = ReceiptKeys(settings, cast("TrustSide", trust))
    assert [keys.issuer(region) for region in ("chongqing", "sichuan")] == [
        settings.home[0].caller.id,
        settings.peer[0].caller,
    ]
    with pytest.raises(RegionNotServedError):
        keys.issuer("guizhou")
    told: list[Any] = [
        keys.signer("chongqing"),
        keys.find("gateway.sichuan", "kid-1"),
        keys.chain("sichuan", "sichuan-chongqing"),
        keys.agreement_digest("sichuan-chongqing"),
    ]
    assert told == ["signer", "key", ("statement",), "digest"]
    assert asked == [("gateway.sichuan", "kid-1", homes), (settings.peer[0].entity, "https://anchor.example")]
