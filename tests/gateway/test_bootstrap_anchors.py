"""The process that serves anchors: it runs until it is told to stop, or says why it cannot."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from gateway import bootstrap_anchors
from gateway.bootstrap_anchors import anchor_config, party_bases, run_anchors
from gateway.errors import SettingsError
from gateway.settings import load_anchors
from tests.gateway.small_federation import found
from trust.errors import ClaimInvalidError

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.settings_parts import AnchorsSettings


@pytest.fixture
def settings(tmp_path: Path) -> AnchorsSettings:
    """Found one anchor of two regions."""
    return load_anchors(found(tmp_path / "two", "chongqing", "sichuan").anchors_config)


def test_an_anchor_is_what_its_operator_wrote(settings: AnchorsSettings) -> None:
    """Entity, folder, agreement, mark and parties; who is elsewhere than at its identifier is fetched there."""
    (one,) = settings.anchor
    made = anchor_config(one)
    assert (made.entity, made.folder, made.agreements) == (one.entity, one.folder, ("sichuan-chongqing",))
    assert made.mark_type == one.mark_type
    assert {(party.region, party.gateway, party.entity, party.holder) for party in made.parties} == {
        (name, f"gateway.{name}", f"https://{name}.onecard.test", True) for name in ("sichuan", "chongqing")
    }
    assert set(party_bases(settings)) == {party.entity for party in one.party}
    at_home = one.model_copy(update={"party": tuple(p.model_copy(update={"address": None}) for p in one.party)})
    assert party_bases(settings.model_copy(update={"anchor": (at_home,)})) == {}


async def test_it_serves_until_it_is_told_to_stop(
    settings: AnchorsSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    """SIGTERM and SIGINT both end it; until then each anchor publishes what it is."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        serving = asyncio.create_task(bootstrap_anchors._serve(settings))
        told = ""
        while '"ready"' not in told:
            await asyncio.sleep(0.01)
            told += capsys.readouterr().err
        assert settings.listen in [json.loads(line).get("web") for line in told.splitlines()]
        url = f"http://{settings.listen}/sichuan-chongqing/.well-known/openid-federation"
        async with ClientSession() as session, session.get(url) as reply:
            assert reply.status == 200
        os.kill(os.getpid(), number)
        await serving
        for handled in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(handled)


def test_a_port_that_is_taken_is_told(settings: AnchorsSettings) -> None:
    """The operator reads which address it was."""
    host, _, port = settings.listen.rpartition(":")
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection of a test before may still end there
        taken.bind((host, int(port)))
        taken.listen()
        with pytest.raises(SettingsError, match=f"listen: {settings.listen} is taken or not ours"):
            run_anchors(settings)


def test_an_anchor_that_cannot_be_signed_is_told(settings: AnchorsSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that only trust can judge is a fault of the configuration too."""

    def refuse(*_args: object, **_options: object) -> None:
        raise ClaimInvalidError(claim="metadata", rule="of this test")

    monkeypatch.setattr(bootstrap_anchors, "AnchorNode", refuse)
    with pytest.raises(SettingsError, match="rule=of this test"):
        run_anchors(settings)


def test_a_second_anchor_in_one_folder_is_told(settings: AnchorsSettings) -> None:
    """Two anchors of one path cannot be told apart."""
    with pytest.raises(SettingsError, match="two have the same path"):
        run_anchors(settings.model_copy(update={"anchor": settings.anchor * 2}))
