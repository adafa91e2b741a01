"""A gateway that is one process now, after it was several."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import ClientSession

from gateway.bootstrap import build_node
from gateway.settings import load_settings
from gateway.store.shared_trust import StoredTrust
from tests.fakes.configuration import ENTITIES, FakeConfiguration
from tests.fakes.store import opened
from trust.statement import read_configuration

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ENTITY = ENTITIES["chongqing"]


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
