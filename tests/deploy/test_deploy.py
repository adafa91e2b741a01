"""What is in `deploy/`: tools can read it, it grants little, and keeps to the ports of its own configuration."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from gateway.settings import Settings, read_settings
from tests.fakes.authority import FakeAuthority
from tests.house.tree import ROOT

if TYPE_CHECKING:
    from pathlib import Path

DEPLOY = ROOT / "deploy"
MANIFESTS = sorted(path for path in (DEPLOY / "kubernetes").glob("*.yaml") if path.name != "kustomization.yaml")
COMPOSE = DEPLOY / "compose" / "compose.yaml"
SIDECAR = DEPLOY / "kubernetes" / "sidecar.cfg"
BALANCER = DEPLOY / "compose" / "balancer.cfg"
UNIT = DEPLOY / "systemd" / "onecard-gateway.service"
PINNED = re.compile(r"[a-z-]+:\d[\w.-]*")


def documents() -> list[dict[str, Any]]:
    """Read all objects of the manifests."""
    return [found for path in MANIFESTS for found in yaml.safe_load_all(path.read_text("utf-8"))]


def pods() -> list[dict[str, Any]]:
    """Give the pod template of each workload."""
    return [one["spec"]["template"]["spec"] for one in documents() if one["kind"] in {"StatefulSet", "Job"}]


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """Give all containers of a pod, those that prepare it too."""
    return [*pod.get("initContainers", ()), *pod["containers"]]


def services() -> dict[str, dict[str, Any]]:
    """Read the services of the compose file."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    return found


def port(address: str | None) -> int:
    """Give the port of `host:port`."""
    return int((address or "").rpartition(":")[2])


@pytest.fixture(scope="module")
def settings() -> Settings:
    """The example configuration, as `onecard serve` reads it."""
    return read_settings(DEPLOY / "gateway.toml")


def test_the_example_configuration_can_be_read(settings: Settings) -> None:
    """It opens to others what must be open, and keeps the web side and the metrics on loopback."""
    assert settings.gateway == "onecard.chongqing"
    assert not settings.sandbox
    assert (settings.listen.grpc, settings.listen.mutual) == ("0.0.0.0:8443", "0.0.0.0:8444")
    assert port(settings.listen.web) == 8481
    assert port(settings.listen.metrics) == 9465


def test_no_pod_can_do_more_than_it_needs() -> None:
    """Nobody is root, nothing is written to the image, no capability and no token of the cluster is there."""
    for pod in pods():
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for one in containers(pod):
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert one["resources"]["limits"]["memory"]


def test_every_image_has_a_version() -> None:
    """No image is whatever is newest on the day of the start."""
    images = [one["image"] for pod in pods() for one in containers(pod)] + [one["image"] for one in services().values()]
    assert len(images) > 8
    assert [image for image in images if not PINNED.fullmatch(image)] == []
    named = re.findall(r"^FROM (\S+)", (DEPLOY / "Containerfile").read_text("utf-8"), re.MULTILINE)
    assert [image for image in named if not PINNED.fullmatch(image)] == []


def test_mounts_and_volumes_belong_together() -> None:
    """Each mount has its volume, and each volume is mounted."""
    for one in documents():
        if one["kind"] not in {"StatefulSet", "Job"}:
            continue
        pod = one["spec"]["template"]["spec"]
        claimed = {claim["metadata"]["name"] for claim in one["spec"].get("volumeClaimTemplates", ())}
        volumes = {volume["name"] for volume in pod["volumes"]} | claimed
        assert {mount["name"] for each in containers(pod) for mount in each["volumeMounts"]} == volumes


def test_selectors_find_their_pods() -> None:
    """Service, policy and budget speak of the labels that the pods have."""
    (labels,) = (one["spec"]["template"]["metadata"]["labels"] for one in documents() if one["kind"] == "StatefulSet")
    specs = {one["kind"]: one["spec"] for one in documents() if one["kind"] != "Namespace"}
    assert specs["StatefulSet"]["selector"]["matchLabels"] == labels
    assert specs["Service"]["selector"] == labels
    assert specs["NetworkPolicy"]["podSelector"]["matchLabels"] == labels
    assert specs["PodDisruptionBudget"]["selector"]["matchLabels"] == labels


def test_ports_are_those_of_the_configuration(settings: Settings) -> None:
    """What the service names is what the gateway and its sidecar listen on, and probes ask what exists."""
    (pod,) = (one["spec"]["template"]["spec"] for one in documents() if one["kind"] == "StatefulSet")
    named = {p["name"]: p["containerPort"] for one in pod["containers"] for p in one.get("ports", ())}
    assert (named["callers"], named["gateways"]) == (port(settings.listen.grpc), port(settings.listen.mutual))
    sidecar = SIDECAR.read_text("utf-8")
    assert f"bind :{named['documents']} ssl" in sidecar
    assert f"bind :{named['operators']} ssl" in sidecar
    assert f"server gateway {settings.listen.web}" in sidecar
    assert f"server gateway {settings.listen.metrics}" in sidecar
    offered = [p["targetPort"] for one in documents() if one["kind"] == "Service" for p in one["spec"]["ports"]]
    assert set(offered) == {"callers", "gateways", "documents"}
    probes = [one[probe]["httpGet"] for one in pod["containers"] for probe in one if probe.endswith("Probe")]
    assert {(probe["path"], probe["port"]) for probe in probes} == {("/livez", "documents"), ("/readyz", "documents")}


def test_there_is_time_to_drain(settings: Settings) -> None:
    """Whoever stops a gateway waits longer than the gateway lets running calls go on."""
    (pod,) = (one["spec"]["template"]["spec"] for one in documents() if one["kind"] == "StatefulSet")
    assert pod["terminationGracePeriodSeconds"] > settings.drain_seconds
    graces = [
        int(one["stop_grace_period"].removesuffix("s")) for one in services().values() if "stop_grace_period" in one
    ]
    assert len(graces) == 3
    assert min(graces) > settings.drain_seconds
    assert int(_unit()["Service"]["TimeoutStopSec"]) > settings.drain_seconds


def test_compose_publishes_on_loopback_only() -> None:
    """Nothing is open to the network unless its operator opens it."""
    published = [text for one in services().values() for text in one.get("ports", ())]
    assert published
    assert [text for text in published if not text.startswith("127.0.0.1:")] == []


def test_compose_files_and_secrets_exist_or_are_the_operators() -> None:
    """Files of ours that are mounted are there; what is the operator's lies in `configuration` or `secrets`."""
    for one in services().values():
        for mount in one.get("volumes", ()):
            source = mount.split(":")[0]
            if source.startswith(".") and not source.startswith("./configuration"):
                assert (COMPOSE.parent / source).is_file()


def test_no_durability_is_given_away() -> None:
    """The database of the example acknowledges what is on the disk."""
    assert {"synchronous_commit=on", "fsync=on", "full_page_writes=on"} <= set(services()["store"]["command"])


def test_kustomize_lists_every_manifest() -> None:
    """One command applies them all, with the sidecar's configuration."""
    told = yaml.safe_load((DEPLOY / "kubernetes" / "kustomization.yaml").read_text("utf-8"))
    assert sorted(told["resources"]) == [path.name for path in MANIFESTS]
    assert told["configMapGenerator"] == [{"name": "onecard-sidecar", "files": [SIDECAR.name]}]


def _unit() -> configparser.ConfigParser:
    # A directive may stand twice; the last one is enough here.
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    unit.read_string(UNIT.read_text("utf-8"))
    return unit


def test_the_unit_grants_little() -> None:
    """It runs as a user of its own, sees a read-only system, and dumps no memory."""
    service = _unit()["Service"]
    assert service["User"] == "onecard"
    assert (service["ProtectSystem"], service["NoNewPrivileges"]) == ("strict", "yes")
    assert (service["CapabilityBoundingSet"], service["LimitCORE"], service["UMask"]) == ("", "0", "0077")


def test_the_unit_lets_a_gateway_write_what_it_must(tmp_path: Path) -> None:
    """What the configurations of the example and of the page on operating let a gateway write lies in its folder."""
    page = (ROOT / "docs" / "operate.md").read_text("utf-8")
    (text,) = re.findall(r"```toml\n(gateway = .*?)```", page, re.DOTALL)
    (tmp_path / "page.toml").write_text(text, "utf-8")
    service = _unit()["Service"]
    assert service["ProtectSystem"] == "strict"
    allowed = PurePosixPath("/var/lib") / service["StateDirectory"]
    for file in (tmp_path / "page.toml", DEPLOY / "gateway.toml"):
        settings = read_settings(file)
        written = [path for path in (settings.store.folder, settings.trust.state) if path is not None]
        assert written
        assert [path for path in written if not path.is_relative_to(allowed)] == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_reads_the_unit(tmp_path: Path) -> None:
    """Its own checker has nothing to say but that the program is not installed here."""
    text = UNIT.read_text("utf-8").replace("/opt/onecard/bin/onecard", shutil.which("true") or "")
    unit = tmp_path / UNIT.name
    unit.write_text(text, "utf-8")
    said = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    told = [line for line in (said.stdout + said.stderr).splitlines() if UNIT.name in line]
    assert told == []


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="no haproxy here")
def test_haproxy_reads_its_configurations(tmp_path: Path) -> None:
    """The sidecar's and the balancer's, with a certificate and names of a test in place of the operator's."""
    certificate, key = FakeAuthority().issue("onecard.test")
    (tmp_path / "web.pem").write_bytes(certificate + key)
    (tmp_path / "operators.pem").write_bytes(certificate)
    for path in (SIDECAR, BALANCER):
        text = path.read_text("utf-8").replace("/etc/onecard/tls", str(tmp_path))
        text = re.sub(r"(server gateway-\d) gateway-\d:", r"\1 127.0.0.1:", text)
        copy = tmp_path / path.name
        copy.write_text(text, "utf-8")
        said = subprocess.run(["haproxy", "-c", "-f", copy], capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr
