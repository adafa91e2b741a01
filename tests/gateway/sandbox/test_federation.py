"""The federation of real processes: what it leaves in its folder, how parts of it end and come back, how it ends."""

from __future__ import annotations

import hashlib
import signal
import socket
import stat
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.registry import load_registry
from gateway.sandbox.generate import generate
from gateway.sandbox.layout import Layout
from gateway.sandbox.run import prepare
from tests.sandbox_fixture.calls import Gateway
from tests.sandbox_fixture.cards import verify_request
from tests.sandbox_fixture.running import (
    REGIONS,
    RunningSandbox,
    free_port_base,
    is_ready,
    onecard,
    processes_of,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.slow]

VERIFY = "IdentityService/VerifyCard"
SECRETS = ("region.pem", "federation.pem", "gateway.pem", "evidence.pem", "tls.key", "platform.json", "pseudonym.key")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[RunningSandbox]:
    """Give a sandbox that is not started yet, and sweep it up."""
    running = RunningSandbox(tmp_path / "sandbox", free_port_base())
    yield running
    if hasattr(running, "process"):
        running.sweep()


def test_addresses_are_told(sandbox: RunningSandbox) -> None:
    """The file of addresses has all sides of each region, each port at its place above the base."""
    base = sandbox.port_base
    assert sandbox.endpoints == {
        region: {
            "grpc": f"127.0.0.1:{base + number}",
            "mutual": f"127.0.0.1:{base + 50 + number}",
            "web": f"http://127.0.0.1:{base + 100 + number}",
            "metrics": f"http://127.0.0.1:{base + 150 + number}",
            "platform": f"http://127.0.0.1:{base + 200 + number}",
        }
        for number, region in enumerate(REGIONS)
    }
    assert all(is_ready(sides["web"]) for sides in sandbox.endpoints.values())


def test_regions_of_the_tests_are_the_installed_ones() -> None:
    """The tests' list of regions is that of the registry."""
    assert load_registry().regions == REGIONS


def test_welcome_tells_every_address(sandbox: RunningSandbox) -> None:
    """What the command prints when it is ready has every address for callers in full, and the way to the folder."""
    told = sandbox.told()
    shown = ("grpc", "web", "platform")
    missing = [sides[name] for sides in sandbox.endpoints.values() for name in shown if sides[name] not in told]
    assert missing == []
    assert str(sandbox.folder / "ca.pem") in told


def test_each_gateway_is_a_process_of_its_own(sandbox: RunningSandbox) -> None:
    """Nine gateways run on nine configurations, beside one process of all simulated platforms."""
    pids = {sandbox.pid(region) for region in REGIONS}
    assert None not in pids
    assert len(pids) == len(REGIONS)
    assert sandbox.platforms_pid() not in pids
    assert {path.stem for path in (sandbox.folder / "logs").iterdir()} >= {*REGIONS, "platforms"}


def test_certificates_come_from_the_one_authority(sandbox: RunningSandbox) -> None:
    """The CA may sign only; each gateway's certificate has its name and is no CA; the CA's key is nowhere."""
    ca = x509.load_pem_x509_certificate((sandbox.folder / "ca.pem").read_bytes())
    constraints = ca.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)
    for region in REGIONS:
        certificate = x509.load_pem_x509_certificate((sandbox.folder / region / "tls.pem").read_bytes())
        certificate.verify_directly_issued_by(ca)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert f"{region}.onecard.test" in names.get_values_for_type(x509.DNSName)
        assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    public = ca.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    held = [path for path in sandbox.folder.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]
    of_regions = {"region.pem", "federation.pem", "gateway.pem", "evidence.pem", "partner.pem", "tls.key"}
    assert {path.name for path in held} == {*of_regions, *(f"{r}.pem" for r in REGIONS)}


def test_secrets_are_closed_to_others(sandbox: RunningSandbox) -> None:
    """Every file of secrets is its owner's alone, and so is the folder."""
    paths = [sandbox.folder / region / name for region in REGIONS for name in SECRETS]
    paths += [sandbox.folder / "callers" / f"{region}.pem" for region in REGIONS]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert stat.S_IMODE(sandbox.folder.stat().st_mode) == 0o700


def test_one_gateway_is_killed_and_comes_back(sandbox: RunningSandbox) -> None:
    """Without Chongqing's gateway the others go on and say who is missing; started again, it is soon asked again."""
    wanted = verify_request("chongqing", "SC-13", request_id="killed-1")
    with Gateway(sandbox, "sichuan") as sichuan, Gateway(sandbox, "guangdong") as guangdong:
        assert sichuan.call(VERIFY, wanted).reply.verdict.card_status
        sandbox.send("chongqing", signal.SIGKILL)
        wait_until(lambda: sandbox.pid("chongqing") is None, what="death of a gateway")
        refused = sichuan.call(VERIFY, verify_request("chongqing", "SC-13", request_id="killed-2"))
        assert (refused.code, refused.reason) == (grpc.StatusCode.UNAVAILABLE, "PEER_UNAVAILABLE")
        assert refused.info.metadata["region"] == "chongqing"
        assert sichuan.call(VERIFY, verify_request("sichuan", "SC-13", request_id="killed-3")).reply
        other = verify_request("macao", "GD-07", request_id="killed-4", consent="CONSENT-1")
        assert guangdong.call(VERIFY, other).reply.recognition
        sandbox.restart("chongqing")
        again = verify_request("chongqing", "SC-13", request_id="killed-2")
        wait_until(lambda: sichuan.call(VERIFY, again).code is grpc.StatusCode.OK, what="the peer to be asked again")
    assert sandbox.process.poll() is None
    assert "gateway of chongqing ended" in sandbox.told()


def test_a_gateway_that_is_told_to_stop_finishes_its_calls(sandbox: RunningSandbox) -> None:
    """On SIGTERM a call under way gets its answer, a new one none, and the process ends with 0."""
    process = sandbox.serve_again("guizhou")
    platforms = sandbox.platforms_pid()
    with Gateway(sandbox, "guizhou") as guizhou, Gateway(sandbox, "guizhou") as late, ThreadPoolExecutor() as pool:
        guizhou.call("RegionService/ListRegions", b"")
        with sandbox.paused(platforms):
            running = pool.submit(guizhou.call, VERIFY, verify_request("guizhou", "GZ-01", request_id="drain-1"))
            wait_until(lambda: sandbox.waits_for_platform("guizhou"), what="the call to reach the platform")
            process.terminate()
            wait_until(lambda: not is_ready(sandbox.endpoints["guizhou"]["web"]) or _refuses(late), what="no new calls")
        assert running.result().reply.verdict.card_status
        assert process.wait(30) == 0
    sandbox.restart("guizhou")
    assert "stopped" in {event["event"] for event in sandbox.events("guizhou")}


def digests(folder: Path) -> dict[str, str]:
    """Digest every file below a folder that is to outlive a run unchanged: not logs, and not what gateways remember."""
    kept = (path for path in folder.rglob("*") if path.suffix in {".pem", ".key", ".toml", ".signatures", ".json"})
    kept = (
        path for path in kept if "trust" not in path.parts and (path.suffix != ".json" or "anchors" not in path.parts)
    )
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}


def _refuses(gateway: Gateway) -> bool:
    return gateway.call("RegionService/ListRegions", b"").code is grpc.StatusCode.UNAVAILABLE


def test_ctrl_c_stops_everything(own: RunningSandbox) -> None:
    """Ctrl-C ends the command with 0 and leaves no process; a run that keeps goes on with the same keys."""
    own.start()
    before = digests(own.folder)
    token = onecard("token", "sichuan", "--folder", str(own.folder)).stdout.strip()
    assert own.stop(signal.SIGINT) == 0
    wait_until(lambda: processes_of(own.folder) == {}, what="the end of all processes")
    assert own.told().rstrip().endswith("stopped")
    own.options = ("--keep",)
    own.start()
    assert digests(own.folder) == before
    with Gateway(own, "sichuan") as sichuan:
        sent = (("authorization", f"Bearer {token}"),)
        assert sichuan.call("RegionService/ListRegions", b"", metadata=sent).reply.regions
    assert own.stop(signal.SIGTERM) == 0
    wait_until(lambda: processes_of(own.folder) == {}, what="the end of all processes")


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL])
def test_nothing_outlives_the_sandbox(own: RunningSandbox, number: signal.Signals) -> None:
    """When its terminal is closed, and even when it is killed, no process stays behind that holds its ports."""
    own.start()
    own.process.send_signal(number)
    own.process.wait(30)
    wait_until(lambda: processes_of(own.folder) == {}, what="the end of all processes")
    assert own.process.returncode == (0 if number is signal.SIGHUP else -number)
    if number is signal.SIGHUP:
        assert own.told().rstrip().endswith("stopped")


def test_a_hangup_that_is_to_be_ignored_is_ignored(own: RunningSandbox) -> None:
    """Under `nohup` the sandbox goes on when its terminal is closed."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        own.start()
    finally:
        signal.signal(signal.SIGHUP, before)
    own.process.send_signal(signal.SIGHUP)
    assert own.stop(signal.SIGTERM) == 0
    assert "stopped" in own.told()


def test_a_run_that_does_not_keep_starts_afresh(tmp_path: Path) -> None:
    """Every key and secret of a second run is another one, and what else lay in the folder is gone."""
    registry = load_registry()
    layout = Layout.of(tmp_path / "sandbox", registry.regions, 20000)
    generate(layout, registry)
    names = [layout.ca, *(layout.home(r) / name for r in REGIONS for name in SECRETS), layout.caller_key("sichuan")]
    before = {path: path.read_bytes() for path in names}
    (layout.folder / "logs").mkdir()
    (layout.folder / "logs" / "old.log").touch()
    generate(layout, registry)
    assert [path for path in names if path.read_bytes() == before[path]] == []
    assert not (layout.folder / "logs").exists()


@pytest.mark.parametrize("side", [0, 50, 100, 200, 250], ids=["grpc", "mutual", "web", "platform", "anchors"])
def test_a_taken_port_is_told(own: RunningSandbox, side: int) -> None:
    """Where a port is taken the command says so and which it is, ends with 2, and leaves nothing behind."""
    with socket.create_server(("127.0.0.1", own.port_base + side)):
        ended = onecard("sandbox", "--folder", str(own.folder), "--port-base", str(own.port_base))
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    told = ended.stderr.replace(str(own.folder), "")
    assert told.startswith("Ports that the sandbox needs are taken.")
    assert 'make sandbox ARGS="--folder .sandbox-2 --port-base' in told
    assert f"127.0.0.1:{own.port_base + side}" in told
    assert processes_of(own.folder) == {}


def test_a_folder_in_use_is_not_emptied(own: RunningSandbox) -> None:
    """A second sandbox in the folder of one that runs is refused, on whatever ports, and the first goes on."""
    own.start()
    before = digests(own.folder)
    ended = onecard("sandbox", "--folder", str(own.folder), "--port-base", str(free_port_base()))
    assert ended.returncode == 2
    assert ended.stderr.startswith("Another sandbox runs in this folder.")
    assert digests(own.folder) == before
    with Gateway(own, "sichuan") as sichuan:
        assert sichuan.call("RegionService/ListRegions", b"").code is grpc.StatusCode.OK


def test_keeping_nothing_starts_afresh(tmp_path: Path) -> None:
    """A first run may be told to keep: there is nothing to go on with, so it makes all that is needed."""
    made = prepare(tmp_path / "sandbox", port_base=free_port_base(), keep=True)
    assert tuple(site.region for site in made.sites) == REGIONS
    assert prepare(tmp_path / "sandbox", port_base=30000, keep=True) == made


def test_a_token_of_no_sandbox_is_refused(tmp_path: Path) -> None:
    """Without a sandbox in the folder the command says what to do, and ends with 2."""
    ended = onecard("token", "sichuan", "--folder", str(tmp_path / "nothing"))
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert "make sandbox" in ended.stderr


def test_metrics_count_what_the_sandbox_did(sandbox: RunningSandbox) -> None:
    """The port of operators knows the methods that were called, and names no card."""
    urls = {sides["metrics"] for sides in sandbox.endpoints.values()}
    assert len(urls) == len(sandbox.endpoints)
    with urllib.request.urlopen(f"{sandbox.endpoints['sichuan']['metrics']}/metrics", timeout=10) as reply:  # noqa: S310 - our own loopback address
        text = reply.read().decode()
    assert 'onecard_ready{part="trust"} 1.0' in text
    assert 'onecard_events_total{event="ready"} 1.0' in text
