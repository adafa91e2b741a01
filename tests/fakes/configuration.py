"""A folder as an operator would lay it out: keys, secrets, and the configuration of one gateway before Chongqing.

Its one peer is Sichuan, with which it has an agreement that both have signed. Nobody serves the anchor of the agreement
nor Sichuan's statements, unless a test does.
"""

from __future__ import annotations

import json
import socket
import time
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.registry import load_agreements
from gateway.callers import SCOPES
from gateway.store import key_folder
from gateway.store.sealing import CipherName
from tests.fakes.authority import FakeAuthority
from tests.fakes.regions import REGISTRY
from trust.keys import KeyRing, SigningKey, thumbprint
from trust.party_signature import PartySignature, canonical_digest, sign_as_party

if TYPE_CHECKING:
    from pathlib import Path

SECRETS = dict.fromkeys(REGISTRY.get("chongqing").auth.secret_names, "s3cret-canary")
SERVER_NAME = "chongqing.onecard.test"
AUTHORITY = FakeAuthority()
AGREEMENT = "sichuan_chongqing.toml"
AGREEMENT_ID = "sichuan-chongqing"
ANCHOR = "https://anchor.onecard.test/sichuan-chongqing"
ENTITIES = {"chongqing": "https://chongqing.onecard.test", "sichuan": "https://sichuan.onecard.test"}
NOBODY = "127.0.0.1:1"
TLS = """\
[listen.tls]
certificate = "tls.pem"
key = "tls.key"
clients = "ca.pem"
"""
"""The part of the configuration that a gateway without TLS has not."""

CONFIGURATION = """\
gateway = "gateway.chongqing"
sandbox = true
reflection = true
drain_seconds = 0

[listen]
grpc = "{grpc}"
mutual = "{mutual}"
web = "{web}"

{tls}
[calls]
certificate = "tls.pem"
key = "tls.key"

[store]
folder = "store"
keys = "store-keys"

[evidence]
key = "evidence.pem"
secret = "evidence.secret"

[trust]
state = "trust"

[[trust.anchor]]
entity = "{anchor}"
fingerprints = ["{fingerprint}"]
agreement = "sichuan_chongqing.toml"
signatures = "sichuan_chongqing.signatures"
address = "http://{anchor_address}"

[[home]]
region = "chongqing"
signing_key = "region.pem"
pseudonym_secret = "pseudonym.key"

[home.entity]
id = "{entities[chongqing]}"
key = "federation.pem"

[home.caller]
id = "gateway.chongqing"
key = "gateway.pem"

[home.platform]
base_url = "http://{platform}"
secrets = "platform.json"
allow_private_addresses = true

[[peer]]
region = "sichuan"
address = "127.0.0.1:1"
server_name = "sichuan.onecard.test"
audience = "gateway.sichuan"
caller = "gateway.sichuan"
ca = "ca.pem"
entity = "{entities[sichuan]}"
federation = "http://127.0.0.1:1"

[[caller]]
id = "platform.chongqing"
region = "chongqing"
scopes = {scopes}
keys = "caller.jwks.json"
"""


def free_address() -> str:
    """Find an address on loopback that nobody uses just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def new_key(issuer: str) -> SigningKey:
    """Make a key."""
    return SigningKey.generate("ES256", issuer=issuer)


@dataclass(slots=True)
class FakeConfiguration:
    """Writes the folder; a test may then change any file of it."""

    folder: Path
    grpc: str = field(default_factory=free_address)
    mutual: str = field(default_factory=free_address)
    web: str = field(default_factory=free_address)
    platform: str = field(default_factory=free_address)
    anchor_address: str = NOBODY
    caller_key: SigningKey = field(default_factory=lambda: new_key("platform.chongqing"))
    anchor_key: SigningKey = field(default_factory=lambda: new_key(ANCHOR))
    entity_keys: dict[str, SigningKey] = field(
        default_factory=lambda: {region: new_key(entity) for region, entity in ENTITIES.items()}
    )

    def __post_init__(self) -> None:
        """Write everything."""
        certificate, private = AUTHORITY.issue(SERVER_NAME)
        for name, secret in {
            "gateway.pem": new_key("gateway.chongqing").to_pem(),
            "region.pem": new_key("chongqing").to_pem(),
            "federation.pem": self.entity_keys["chongqing"].to_pem(),
            "tls.key": private,
            "pseudonym.key": b"p" * 32,
            "evidence.pem": SigningKey.generate("EdDSA", issuer="gateway.chongqing").to_pem(),
            "evidence.secret": b"e" * 32,
            "platform.json": json.dumps(SECRETS).encode(),
        }.items():
            self.write(name, secret).chmod(0o600)
        key_folder.new_key(self.folder / "store-keys", CipherName.AES)
        self.write("tls.pem", certificate)
        self.write("ca.pem", AUTHORITY.certificate)
        self.write(AGREEMENT, load_agreements()[AGREEMENT].encode())
        self.sign(*ENTITIES)
        document = KeyRing([self.caller_key.public()]).jwks(self.caller_key.issuer)
        self.write("caller.jwks.json", json.dumps(document).encode())
        text = CONFIGURATION.format(
            grpc=self.grpc,
            mutual=self.mutual,
            web=self.web,
            tls=TLS,
            anchor=ANCHOR,
            fingerprint=thumbprint(self.anchor_key.public().public_key),
            anchor_address=self.anchor_address,
            entities=ENTITIES,
            platform=self.platform,
            scopes=json.dumps(sorted(SCOPES)),
        )
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

    def sign(self, *regions: str) -> None:
        """Let these parties, and no others, sign the agreement as it lies there."""
        digest = canonical_digest(tomllib.loads((self.folder / AGREEMENT).read_text("utf-8")))
        signed = [
            sign_as_party(
                PartySignature(
                    iss=ENTITIES[region],
                    region=region,
                    iat=int(time.time()),
                    content="agreement",
                    name=AGREEMENT_ID,
                    digest=digest,
                ),
                key=self.entity_keys[region],
            )
            for region in regions
        ]
        self.write("sichuan_chongqing.signatures", "\n".join(signed).encode())

    def change(self, old: str, new: str) -> None:
        """Change a text of the configuration, which must stand there."""
        text = self.path.read_text("utf-8")
        assert old in text
        self.path.write_text(text.replace(old, new), "utf-8")

    def without_tls(self) -> None:
        """Take TLS away, and what needs it."""
        self.change(TLS, "")
        self.change(f'mutual = "{self.mutual}"\n', "")
