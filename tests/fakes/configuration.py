"""A folder as an operator would lay it out: keys, secrets, and the configuration of one gateway before Chongqing."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.registry import load_agreements
from gateway.callers import SCOPES
from tests.fakes.authority import FakeAuthority
from tests.fakes.regions import REGISTRY
from trust.keys import KeyRing, SigningKey

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = dict.fromkeys(REGISTRY.get("chongqing").auth.secret_names, "s3cret-canary")
SERVER_NAME = "chongqing.onecard.test"
AUTHORITY = FakeAuthority()

CONFIGURATION = """\
gateway = "gateway.chongqing"
sandbox = true
reflection = true
signing_key = "gateway.pem"
agreement = ["sichuan_chongqing.toml"]
drain_seconds = 0

[listen]
grpc = "{grpc}"
web = "{web}"

[listen.tls]
certificate = "tls.pem"
key = "tls.key"

[[home]]
region = "chongqing"
signing_key = "region.pem"
pseudonym_secret = "pseudonym.key"

[home.platform]
base_url = "http://{platform}"
secrets = "platform.json"
allow_private_addresses = true

[[peer]]
region = "sichuan"
address = "127.0.0.1:1"
server_name = "sichuan.onecard.test"
audience = "gateway.sichuan"
ca = "ca.pem"
keys = "sichuan.jwks.json"

[[caller]]
id = "platform.chongqing"
region = "chongqing"
kind = "platform"
scopes = {scopes}
keys = "caller.jwks.json"
"""


def free_address() -> str:
    """Find an address on loopback that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


@dataclass(slots=True)
class FakeConfiguration:
    """Writes the folder; a test may then change any file of it."""

    folder: Path
    grpc: str = field(default_factory=free_address)
    web: str = field(default_factory=free_address)
    platform: str = field(default_factory=free_address)
    caller_key: SigningKey = field(default_factory=lambda: SigningKey.generate("ES256", issuer="platform.chongqing"))

    def __post_init__(self) -> None:
        """Write everything."""
        keys = {
            name: SigningKey.generate("ES256", issuer=name) for name in ("gateway.chongqing", "chongqing", "sichuan")
        }
        certificate, private = AUTHORITY.issue(SERVER_NAME)
        for name, secret in {
            "gateway.pem": keys["gateway.chongqing"].to_pem(),
            "region.pem": keys["chongqing"].to_pem(),
            "tls.key": private,
            "pseudonym.key": b"p" * 32,
            "platform.json": json.dumps(SECRETS).encode(),
        }.items():
            self.write(name, secret).chmod(0o600)
        self.write("tls.pem", certificate)
        self.write("ca.pem", AUTHORITY.certificate)
        self.write("sichuan_chongqing.toml", load_agreements()["sichuan_chongqing.toml"].encode())
        for name, key in (("sichuan", keys["sichuan"]), ("caller", self.caller_key)):
            document = KeyRing([key.public()]).jwks(key.issuer)
            self.write(f"{name}.jwks.json", json.dumps(document).encode())
        scopes = json.dumps(sorted(SCOPES))
        text = CONFIGURATION.format(grpc=self.grpc, web=self.web, platform=self.platform, scopes=scopes)
        self.write("gateway.toml", text.encode())

    @property
    def path(self) -> Path:
        """The configuration file."""
        return self.folder / "gateway.toml"

    def write(self, name: str, data: bytes) -> Path:
        """Write a file of the folder."""
        path = self.folder / name
        path.write_bytes(data)
        return path

    def change(self, old: str, new: str) -> None:
        """Change a text of the configuration, which must stand there."""
        text = self.path.read_text("utf-8")
        assert old in text
        self.path.write_text(text.replace(old, new), "utf-8")
