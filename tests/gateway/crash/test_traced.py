"""Under strace: no submit is acknowledged before its write was synchronized; and the trace would show it if it were."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil  # type: ignore[import-untyped]  # it brings no types
import pytest

from onecard.gateway.v1 import exchange_service_pb2 as pb
from tests.fakes.exchange_contents import content
from tests.gateway.crash.gateways import SOURCE, TARGET, Gateways, ended
from tests.gateway.crash.load import Door, Load
from tests.gateway.crash.traced import CALLS, LEAST_PAGES, Trace
from tests.sandbox_fixture.running import ROOT, wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.xdist_group("sandbox")
SUBMITS = int(os.environ.get("ONECARD_TRACED_SUBMITS", "500"))
PORT = 18500
_CLIENT = f"20<TCP:[127.0.0.1:{PORT}->127.0.0.1:40000]>"
CAME = f"7 recvmsg({_CLIENT}, {{msg_namelen=0}}, 0) = 700"
PAGE = '8 pwrite64(12</s/store.sqlite-wal>, ""..., 4096, 32) = 4096'
WROTE = "\n".join([PAGE] * LEAST_PAGES)
SYNCED = "8 fdatasync(12</s/store.sqlite-wal>) = 0"
ANSWERED = f"7 sendmsg({_CLIENT}, {{msg_namelen=0}}, MSG_NOSIGNAL) = 600"
PINGED = f"7 sendmsg({_CLIENT}, {{msg_namelen=0}}, MSG_NOSIGNAL) = 39"


@pytest.mark.parametrize(
    ("lines", "late"),
    [
        ([CAME, PINGED, WROTE, SYNCED, ANSWERED], []),
        ([CAME, WROTE, ANSWERED, SYNCED], [1]),
        ([CAME, SYNCED, WROTE, ANSWERED], [1]),
        ([WROTE, CAME, SYNCED, ANSWERED], [1]),
        ([CAME, WROTE, SYNCED, WROTE, ANSWERED], [1]),
        ([CAME, WROTE, SYNCED, PAGE, ANSWERED], []),
        ([CAME, WROTE, SYNCED, PAGE, SYNCED, ANSWERED], []),
        ([CAME, PAGE, SYNCED, ANSWERED], [1]),
        ([CAME, PAGE, SYNCED, WROTE, ANSWERED], [1]),
        ([CAME, WROTE, SYNCED, ANSWERED, CAME, ANSWERED], [2]),
        ([CAME, WROTE, SYNCED.replace("= 0", "= -1 EIO (Input/output error)"), ANSWERED], [1]),
        (
            [CAME, WROTE, SYNCED.replace(") = 0", " <unfinished ...>"), ANSWERED, "8 <... fdatasync resumed>) = 0"],
            [1],
        ),
        (
            [CAME, WROTE, SYNCED.replace(") = 0", " <unfinished ...>"), "8 <... fdatasync resumed>) = 0", ANSWERED],
            [],
        ),
    ],
)
def test_a_trace_shows_what_was_answered_too_early(lines: list[str], late: list[int]) -> None:
    """An answer counts as late unless a submit's write since it came, and then its synchronization, lie before it."""
    trace = Trace(PORT)
    trace.read("\n".join([CAME, ANSWERED, *lines]).splitlines())
    assert trace.late == late
    assert trace.answers


@pytest.mark.slow
async def test_every_acknowledgement_follows_a_synchronization(tmp_path: Path) -> None:
    """Each of hundreds of submits is acknowledged after fdatasync of the log that holds it (DU3)."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not here: apt-get install strace")
    stores = {region: f"sqlite:///{tmp_path}/{region}.sqlite" for region in (SOURCE, TARGET)}
    seen = tmp_path / "trace"
    with Gateways(tmp_path / "box", stores) as gateways:
        async with Load(gateways, clients=1) as load:
            await load.finish(60)
        (one,) = gateways.source
        gateways.kill(gateways.target)
        gateways.kill(one)
        command = ("strace", "-f", "-yy", "-s", "0", "-e", f"trace={CALLS}", "-o", str(seen))
        serve = (sys.executable, "-m", "gateway", "serve", "--config", str(one.config), "--store", one.store)
        with (
            one.log.open("ab") as log,
            subprocess.Popen([*command, *serve], cwd=ROOT, stdout=log, stderr=log) as traced,  # noqa: ASYNC220 - strace wants a plain child
        ):
            one.pid = traced.pid
            try:
                wait_until(lambda: gateways.listens(one), what="gateway listening")
                door = Door(gateways.layout, [one])
                for number in range(SUBMITS):
                    asked = pb.SubmitRequestRequest(idempotency_key=f"traced-{number}", content=content())
                    assert not (await door.call("SubmitRequest", asked)).replayed
                await door.close()
                (gateway,) = psutil.Process(traced.pid).children()
                gateway.terminate()  # strace itself holds signals back, and ends with what it traces
                assert ended(traced.pid, 60)
            finally:
                for process in psutil.Process(traced.pid).children(recursive=True):
                    process.kill()
    trace = Trace(int(one.grpc.rpartition(":")[2]))
    with seen.open(encoding="utf-8", errors="replace") as lines:
        trace.read(line.rstrip("\n") for line in lines)
    print(f"\n{trace.answers} acknowledgements, {len(trace.late)} before the synchronization of their write")  # noqa: T201 - the figure of `make crash`
    assert trace.late == []
    assert trace.answers == SUBMITS
