"""The configuration of a node: frozen, checked whole, all faults in one report. The only reader of configuration TOML.

Paths in a file are relative to the file. Nothing has a default that would open a door: addresses other than loopback
need TLS, private platform addresses and reflection are off, and no key is ever made up.
"""

from __future__ import annotations

import ipaddress
import stat
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from gateway.callers import SCOPES
from gateway.errors import SettingsError


def _with_a_port(address: str) -> str:
    """Refuse a port that does not exist."""
    if int(address.rpartition(":")[2]) > _LAST_PORT:
        raise ValueError(f"a port is at most {_LAST_PORT}")
    return address


_LAST_PORT = 65535
Address = Annotated[
    str,
    StringConstraints(pattern=r"^(\[[0-9a-fA-F:]+\]|[0-9A-Za-z.\-]+):[0-9]{1,5}$"),
    AfterValidator(_with_a_port),
]
RegionCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,31}$")]
CallerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/\-]{0,127}$")]


class _Part(BaseModel):
    """Base of all parts: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TlsSettings(_Part):
    """Certificate chain and key of this gateway, PEM."""

    certificate: Path
    key: Path


class ListenSettings(_Part):
    """Addresses to listen on, `host:port`; without TLS only loopback is allowed."""

    grpc: Address
    web: Address
    tls: TlsSettings | None = None

    @model_validator(mode="after")
    def _plaintext_stays_at_home(self) -> ListenSettings:
        if self.tls is None and not is_loopback(self.grpc):
            raise ValueError("without [listen.tls] only a loopback address is allowed")
        if not is_loopback(self.web):
            raise ValueError("the web side has no TLS of its own: bind it to loopback and put a proxy before it")
        return self


class PlatformSettings(_Part):
    """Where a home region's platform is, and the secrets its authentication scheme needs."""

    base_url: str = Field(min_length=8, max_length=300)
    secrets: Path
    allow_private_addresses: bool = False
    total_seconds: float = Field(default=5.0, gt=0, le=30)
    failures_to_open: int = Field(default=5, ge=1, le=20)
    open_seconds: float = Field(default=5.0, gt=0, le=300)


class HomeSettings(_Part):
    """A home region of this gateway."""

    region: RegionCode
    signing_key: Path
    pseudonym_secret: Path
    platform: PlatformSettings


class PeerSettings(_Part):
    """Another region's gateway: where it is, the CA that its certificate must come from, and its published keys."""

    region: RegionCode
    address: Address
    server_name: str
    audience: CallerId
    ca: Path
    keys: Path


class CallerSettings(_Part):
    """A registered caller; it acts for one region."""

    id: CallerId
    region: RegionCode
    kind: Literal["platform", "gateway"]
    scopes: tuple[str, ...] = Field(min_length=1)
    keys: Path

    @model_validator(mode="after")
    def _scopes_are_known(self) -> CallerSettings:
        if not SCOPES.issuperset(self.scopes):
            raise ValueError(f"scopes are of {sorted(SCOPES)}")
        return self


class Settings(_Part):
    """Configuration of one node."""

    gateway: CallerId
    sandbox: bool = False
    reflection: bool = False
    listen: ListenSettings
    signing_key: Path
    home: tuple[HomeSettings, ...] = Field(min_length=1)
    peer: tuple[PeerSettings, ...] = ()
    caller: tuple[CallerSettings, ...] = ()
    agreement: tuple[Path, ...] = ()
    drain_seconds: float = Field(default=10.0, ge=0, le=60)
    max_concurrent_calls: int = Field(default=1000, ge=1, le=100_000)

    @model_validator(mode="after")
    def _whole_makes_sense(self) -> Settings:
        homes = [home.region for home in self.home]
        peers = [peer.region for peer in self.peer]
        twice = len(set(homes)) != len(homes) or len(set(peers)) != len(peers) or bool(set(homes) & set(peers))
        private = any(home.platform.allow_private_addresses for home in self.home)
        faults = {
            "a region is named once, as home or as peer": twice,
            "a caller id is registered once": len({caller.id for caller in self.caller}) != len(self.caller),
            "allow_private_addresses is for the sandbox": private and not self.sandbox,
            "reflection is for the sandbox": self.reflection and not self.sandbox,
        }
        if any(faults.values()):
            raise ValueError("; ".join(fault for fault, is_so in faults.items() if is_so))
        return self

    def secret_files(self) -> tuple[Path, ...]:
        """Name the files that nobody else may read."""
        files = [self.signing_key, *((self.listen.tls and [self.listen.tls.key]) or [])]
        for home in self.home:
            files += [home.signing_key, home.pseudonym_secret, home.platform.secrets]
        return tuple(files)

    def public_files(self) -> tuple[Path, ...]:
        """Name the files that hold no secret; they have to be there too."""
        files = [self.listen.tls.certificate] if self.listen.tls else []
        for peer in self.peer:
            files += [peer.ca, peer.keys]
        return tuple(dict.fromkeys([*files, *(caller.keys for caller in self.caller), *self.agreement]))


def is_loopback(address: str) -> bool:
    """Tell whether `host:port` names this machine only."""
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(path: Path) -> Settings:
    """Read a configuration file (SettingsError lists every fault: its place, and the rule it breaks)."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError((f"{path.name}: cannot be read as TOML ({type(error).__name__})",)) from error
    try:
        settings = Settings.model_validate(_absolute(data, path.resolve().parent))
    except ValidationError as error:
        raise SettingsError(tuple(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())) from None
    faults = [fault for file in settings.secret_files() if (fault := _file_fault(file))]
    faults += [f"{file.name}: cannot be read" for file in settings.public_files() if not file.is_file()]
    if faults:
        raise SettingsError(tuple(faults))
    return settings


_PATH_KEYS = frozenset({"certificate", "key", "secrets", "signing_key", "pseudonym_secret", "ca", "keys"})


def _absolute(value: object, folder: Path, key: str = "") -> object:
    """Make paths absolute, against the folder of the file they stand in."""
    if isinstance(value, dict):
        return {name: _absolute(inner, folder, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_absolute(inner, folder, key) for inner in value]
    if isinstance(value, str) and (key in _PATH_KEYS or key == "agreement"):
        return str(folder / value)
    return value


def _file_fault(file: Path) -> str | None:
    """Say what is wrong with a file of secrets: it must be there, and closed to group and others."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return f"{file.name}: cannot be read"
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"{file.name}: can be read by others; allow the owner only (mode 600)"
    return None
