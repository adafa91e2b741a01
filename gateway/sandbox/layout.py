"""Where everything of the demonstration federation lies: files below one folder, ports above one base."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HOST = "127.0.0.1"
DEFAULT_FOLDER = ".sandbox"
DEFAULT_PORT_BASE = 18500
_MUTUAL_OFFSET = 50
_WEB_OFFSET = 100
_METRICS_OFFSET = 150
_PLATFORM_OFFSET = 200
_ANCHORS_OFFSET = 250
_HTTP_SIDES = ("web", "metrics", "platform")
_ANCHORS = "https://anchors.onecard.test"


@dataclass(frozen=True, slots=True)
class Site:
    """Addresses of one region: its gateway's gRPC and web sides, and its simulated platform.

    Other gateways come to `mutual`, where a certificate has to be shown; operators come to `metrics`.
    """

    region: str
    grpc: str
    mutual: str
    web: str
    metrics: str
    platform: str

    @property
    def gateway(self) -> str:
        """Identifier of the region's gateway, which is the audience of callers' tokens."""
        return f"gateway.{self.region}"

    @property
    def server_name(self) -> str:
        """Name in the gateway's certificate."""
        return f"{self.region}.onecard.test"

    @property
    def entity(self) -> str:
        """Identifier of the region in the federations of its agreements."""
        return f"https://{self.server_name}"


@dataclass(frozen=True, slots=True)
class AnchorSite:
    """The trust anchor of an agreement, by the agreement's id: which entity, and where its statements are fetched."""

    agreement: str
    address: str

    @property
    def entity(self) -> str:
        """Identifier of the anchor in its federation."""
        return f"{_ANCHORS}/{self.agreement}"


@dataclass(frozen=True, slots=True)
class Layout:
    """The sandbox of some regions in one folder."""

    folder: Path
    sites: tuple[Site, ...]

    @classmethod
    def of(cls, folder: Path, regions: tuple[str, ...], port_base: int) -> Layout:
        """Give every region ports at base+n, +50, +100, +150 and +200; all anchors share base+250."""
        return cls(folder, tuple(_site(region, port_base + n) for n, region in enumerate(regions)))

    @classmethod
    def load(cls, folder: Path) -> Layout:
        """Read the layout of a sandbox that was generated before."""
        table = json.loads((folder / "endpoints.json").read_text("utf-8"))
        sites = (
            Site(region, a["grpc"], a["mutual"], *(a[side].removeprefix("http://") for side in _HTTP_SIDES))
            for region, a in table.items()
        )
        return cls(folder, tuple(sites))

    @property
    def ca(self) -> Path:
        """Certificate of the sandbox's own CA."""
        return self.folder / "ca.pem"

    @property
    def endpoints(self) -> Path:
        """File that tells all addresses."""
        return self.folder / "endpoints.json"

    @property
    def anchors_address(self) -> str:
        """Address at which the anchors of all agreements serve their statements."""
        return f"{HOST}:{int(self.sites[0].grpc.rpartition(':')[2]) + _ANCHORS_OFFSET}"

    @property
    def anchors_config(self) -> Path:
        """Configuration file of the anchors."""
        return self.folder / "anchors" / "anchors.toml"

    def anchor(self, agreement: str) -> AnchorSite:
        """Give the anchor of an agreement."""
        return AnchorSite(agreement, f"http://{self.anchors_address}/{agreement}")

    def home(self, region: str) -> Path:
        """Folder of one region's gateway."""
        return self.folder / region

    def config(self, region: str) -> Path:
        """Configuration file of one region's gateway."""
        return self.home(region) / "gateway.toml"

    def caller_key(self, region: str) -> Path:
        """Private key of a region's own platform as a caller of its gateway."""
        return self.folder / "callers" / f"{region}.pem"

    def write_endpoints(self) -> None:
        """Write `endpoints.json`: region to addresses."""
        table = {
            s.region: {
                "grpc": s.grpc,
                "mutual": s.mutual,
                **{side: f"http://{getattr(s, side)}" for side in _HTTP_SIDES},
            }
            for s in self.sites
        }
        self.endpoints.write_text(json.dumps(table, indent=2) + "\n", "utf-8")


def _site(region: str, port: int) -> Site:
    return Site(
        region=region,
        grpc=f"{HOST}:{port}",
        mutual=f"{HOST}:{port + _MUTUAL_OFFSET}",
        web=f"{HOST}:{port + _WEB_OFFSET}",
        metrics=f"{HOST}:{port + _METRICS_OFFSET}",
        platform=f"{HOST}:{port + _PLATFORM_OFFSET}",
    )


def caller_id(region: str) -> str:
    """Identifier under which a region's own platform calls its gateway."""
    return f"platform.{region}"
