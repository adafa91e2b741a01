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
_WEB_OFFSET = 100
_PLATFORM_OFFSET = 200


@dataclass(frozen=True, slots=True)
class Site:
    """Addresses of one region: its gateway's gRPC and web sides, and its simulated platform."""

    region: str
    grpc: str
    web: str
    platform: str

    @property
    def gateway(self) -> str:
        """Identifier of the region's gateway, which is the audience of callers' tokens."""
        return f"gateway.{self.region}"

    @property
    def server_name(self) -> str:
        """Name in the gateway's certificate."""
        return f"{self.region}.onecard.test"


@dataclass(frozen=True, slots=True)
class Layout:
    """The sandbox of some regions in one folder."""

    folder: Path
    sites: tuple[Site, ...]

    @classmethod
    def of(cls, folder: Path, regions: tuple[str, ...], port_base: int) -> Layout:
        """Give every region three ports: base+n, base+100+n and base+200+n."""
        return cls(folder, tuple(_site(region, port_base + n) for n, region in enumerate(regions)))

    @classmethod
    def load(cls, folder: Path) -> Layout:
        """Read the layout of a sandbox that was generated before."""
        table = json.loads((folder / "endpoints.json").read_text("utf-8"))
        sites = (
            Site(region, a["grpc"], a["web"].removeprefix("http://"), a["platform"].removeprefix("http://"))
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
            s.region: {"grpc": s.grpc, "web": f"http://{s.web}", "platform": f"http://{s.platform}"} for s in self.sites
        }
        self.endpoints.write_text(json.dumps(table, indent=2) + "\n", "utf-8")


def _site(region: str, port: int) -> Site:
    return Site(
        region=region,
        grpc=f"{HOST}:{port}",
        web=f"{HOST}:{port + _WEB_OFFSET}",
        platform=f"{HOST}:{port + _PLATFORM_OFFSET}",
    )


def caller_id(region: str) -> str:
    """Identifier under which a region's own platform calls its gateway."""
    return f"platform.{region}"
