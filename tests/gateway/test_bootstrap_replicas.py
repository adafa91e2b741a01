"""What replicas choose for themselves, so that no number is used twice, and what one takes over alone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import ClientSession

from gateway.bootstrap import build_node
from gateway.bootstrap_replicas import own_feed_base, own_numbers
from gateway.settings import load_settings
from gateway.store.shared_trust import StoredTrust
from tests.fakes.configuration import ENTITIES, FakeConfiguration
from tests.fakes.store import opened
from trust.statement import read_configuration

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ENTITY = ENTITIES["chongqing"]
_PROCESSES = 3
_TIMES = 50


def test_processes_of_one_machine_share_no_numbers(tmp_path: Path) -> None:
    """However often they choose: the place of each is part of what it chooses."""
    configuration = FakeConfiguration(tmp_path)
    configuration.path.write_text(f"processes = {_PROCESSES}\n{configuration.path.read_text('utf-8')}", "utf-8")
    settings = load_settings(configuration.path)
    places = [settings.of_process(place) for place in range(_PROCESSES)]
    for chosen in (
        [{own_numbers(one).residue for _ in range(_TIMES)} for one in places],
        [{own_feed_base(one) // 1_000_000 for _ in range(_TIMES)} for one in places],
    ):
        assert all(number % _PROCESSES == place for place, numbers in enumerate(chosen) for number in numbers)
        assert max(map(len, chosen)) > 1


def test_one_process_on_a_file_counts_from_one(tmp_path: Path) -> None:
    """Nobody else publishes for it."""
    settings = load_settings(FakeConfiguration(tmp_path).path)
    assert own_numbers(settings).after(1) == 2
    assert own_feed_base(settings) == 0


async def test_one_process_goes_on_from_what_several_have_shared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It judges the revocations that another believed last, and says nothing under a lesser number than that one."""
    configuration = FakeConfiguration(tmp_path)
    settings = load_settings(configuration.path)
    settings = settings.model_copy(update={"trust": settings.trust.model_copy(update={"first_round_seconds": 0.1})})
    node = build_node(settings.model_copy(update={"processes": 2}).of_process(1))
    await node.start()
    await node.stop()
    async with opened(settings.store.address) as store:
        shared = StoredTrust(store)
        last = await shared.publication(ENTITY)
        await shared.revoke("junk")
    assert last is not None
    capsys.readouterr()
    node = build_node(settings)
    await node.start()
    try:
        served = f"http://{configuration.web}/.well-known/openid-federation"
        async with ClientSession() as web, web.get(served) as reply:
            claims, _ = read_configuration(await reply.text())
    finally:
        await node.stop()
    assert claims.version >= last.version
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    skipped = [line["error"] for line in lines if line["event"] == "replica_revocation_skipped"]
    assert skipped == ["MalformedTokenError"]
