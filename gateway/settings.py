"""The configuration of a node: frozen, checked whole, all faults in one report. The only reader of configuration TOML.

Paths in a file are relative to the file. Nothing has a default that would open a door: addresses other than loopback
need TLS, private platform addresses and reflection are off, and no key is ever made up.
"""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from gateway.errors import SettingsError
from gateway.hsm_address import SCHEME, HardwareAddress
from gateway.settings_parts import (
    AnchorsSettings,
    CallerId,
    CallerSettings,
    CallSettings,
    EvidenceSettings,
    ExchangeSettings,
    HomeSettings,
    ListenSettings,
    PagesSettings,
    Part,
    PeerSettings,
    StoreSettings,
    TracesSettings,
    TrustSettings,
)
from gateway.store.key_folder import key_files

ANCHOR_KEY = "federation.pem"
"""The key of an anchor, in its folder."""

SAMPLE = b"# Made by the sandbox"
"""How a key file of the sandbox begins; a gateway that is none refuses it."""

SAMPLE_LINE = SAMPLE + b" for this machine; a gateway that is none does not take it.\n"


class Settings(Part):
    """Configuration of one node."""

    gateway: CallerId
    sandbox: bool = False
    reflection: bool = False
    listen: ListenSettings
    home: tuple[HomeSettings, ...] = Field(min_length=1)
    peer: tuple[PeerSettings, ...] = ()
    caller: tuple[CallerSettings, ...] = ()
    calls: CallSettings | None = None
    store: StoreSettings
    evidence: EvidenceSettings
    exchange: ExchangeSettings = ExchangeSettings()
    trust: TrustSettings
    traces: TracesSettings | None = None
    pages: PagesSettings = PagesSettings()
    drain_seconds: float = Field(default=10.0, ge=0, le=60)
    max_concurrent_calls: int = Field(default=1000, ge=1, le=100_000, strict=True)
    processes: int = Field(default=1, ge=1, le=64, strict=True)
    pin_processes: bool = False
    _place: int = PrivateAttr(default=0)

    @model_validator(mode="after")
    def _whole_makes_sense(self) -> Settings:
        homes = [home.region for home in self.home]
        peers = [peer.region for peer in self.peer]
        twice = len(set(homes)) != len(homes) or len(set(peers)) != len(peers) or bool(set(homes) & set(peers))
        private = any(home.platform.allow_private_addresses for home in self.home)
        entities = [*(home.entity.id for home in self.home), *(peer.entity for peer in self.peer)]
        paths = [urlsplit(home.entity.id).path for home in self.home]
        faults = {
            "a region is named once, as home or as peer": twice,
            "an entity is named once, as home or as peer": len(set(entities)) != len(entities),
            "entities of one gateway need paths that differ": len(set(paths)) != len(paths),
            "two homes do not call others under one identifier": _repeats(home.caller.id for home in self.home),
            "an anchor stands for one agreement": _repeats(anchor.entity for anchor in self.trust.anchor),
            "with peers, [calls] names the certificate to show them": bool(self.peer) and self.calls is None,
            "a caller id is registered once": _repeats(
                (*(caller.id for caller in self.caller), *(peer.caller for peer in self.peer))
            ),
            "allow_private_addresses is for the sandbox": private and not self.sandbox,
            "pin_processes needs Linux": self.pin_processes and not hasattr(os, "sched_setaffinity"),
            "reflection is for the sandbox": self.reflection and not self.sandbox,
            "a sandbox, whose keys are no secret, listens on loopback": self.sandbox and self.listen.is_open(),
        }
        if any(faults.values()):
            raise ValueError("; ".join(fault for fault, is_so in faults.items() if is_so))
        return self

    def of_process(self, place: int) -> Settings:
        """Give what one of several processes has alone, by its place from 0 on: a state, and a port of its metrics."""
        state = self.trust.state / f"process-{place}" if place else self.trust.state
        metrics = self.listen.metrics
        if metrics is not None:
            host, _, port = metrics.rpartition(":")
            metrics = f"{host}:{int(port) + place}"
        copy = self.model_copy(
            update={
                "trust": self.trust.model_copy(update={"state": state}),
                "listen": self.listen.model_copy(update={"metrics": metrics}),
            }
        )
        copy._place = place  # noqa: SLF001 - of the same class
        return copy

    @property
    def place(self) -> int:
        """Give the place of the process that has these, from 0 on; it stands in no file."""
        return self._place

    def states(self) -> tuple[Path, ...]:
        """Give the folders of state of all processes that there were."""
        return (self.trust.state, *sorted(self.trust.state.glob("process-*")))

    def secret_files(self) -> tuple[Path, ...]:
        """Name the files that nobody else may read."""
        files = [part.key for part in (self.listen.tls, self.calls) if part is not None]
        for home in self.home:
            files += [home.pseudonym_secret, home.platform.secrets, *([home.consents] if home.consents else [])]
        files += [place if isinstance(place, Path) else place.pin_file for place in self.key_places()]
        files += [self.evidence.key, self.evidence.secret, *key_files(self.store.keys)]
        return tuple(dict.fromkeys(files))

    def key_places(self) -> tuple[Path | HardwareAddress, ...]:
        """Name where the keys of all homes lie."""
        places: list[Path | HardwareAddress] = []
        for home in self.home:
            places += [
                home.signing_key,
                home.entity.key,
                home.caller.key,
                *([home.partner.key] if home.partner else []),
            ]
        return tuple(dict.fromkeys(places))

    def public_files(self) -> tuple[Path, ...]:
        """Name the files that hold no secret; they have to be there too."""
        files = [part.certificate for part in (self.listen.tls, self.calls) if part is not None]
        files += [self.listen.tls.clients] if self.listen.tls and self.listen.tls.clients else []
        files += [peer.ca for peer in self.peer]
        files += [caller.keys for caller in self.caller]
        files += [anchor.agreement for anchor in self.trust.anchor]
        files += [place.module for place in self.key_places() if isinstance(place, HardwareAddress)]
        return tuple(dict.fromkeys(files))


def _repeats(names: Iterable[str]) -> bool:
    """Tell whether a name is there twice."""
    listed = list(names)
    return len(set(listed)) != len(listed)


def load_settings(path: Path) -> Settings:
    """Read the configuration of a node (SettingsError lists every fault: its place, and the rule it breaks)."""
    settings = _load(path, Settings)
    faults = [fault for file in settings.secret_files() if (fault := _file_fault(file, sandbox=settings.sandbox))]
    faults += [fault for file in settings.public_files() if (fault := _public_fault(file))]
    if not key_files(settings.store.keys):
        faults.append(f"{settings.store.keys.name}: holds no key of the store; make one (onecard keys new)")
    if faults:
        raise SettingsError(tuple(faults), heading=_heading(path))
    return settings


def read_settings(path: Path) -> Settings:
    """Read the configuration of a node of which no key need be there yet (SettingsError as above)."""
    return _load(path, Settings)


def stored_at(settings: Settings, url: str) -> Settings:
    """Give the same settings with the store at another address, which is looked at when it is opened."""
    return settings.model_copy(update={"store": settings.store.model_copy(update={"folder": None, "url": url})})


def load_anchors(path: Path) -> AnchorsSettings:
    """Read the configuration of a process that serves anchors (SettingsError as above)."""
    settings = _load(path, AnchorsSettings)
    keys = [anchor.folder / ANCHOR_KEY for anchor in settings.anchor]
    faults = tuple(fault for file in keys if (fault := _file_fault(file, sandbox=settings.sandbox)))
    if faults:
        raise SettingsError(faults, heading=_heading(path))
    return settings


_Configuration = TypeVar("_Configuration", bound=Part)


def _load(path: Path, model: type[_Configuration]) -> _Configuration:
    """Read a file by its model; what the files named in it are is not looked at."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsError((f"{path.name}: cannot be read ({type(error).__name__})",)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError((f"{path.name}: cannot be read as TOML ({type(error).__name__})",)) from error
    try:
        return model.model_validate(_absolute(data, path.resolve().parent))
    except ValidationError as error:
        faults = tuple(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise SettingsError(faults, heading=_heading(path)) from None


def _heading(path: Path) -> str:
    """Name the file that is wrong; its folder is the operator's own."""
    return f"The configuration {path.name} is wrong."


_PATH_KEYS = frozenset(
    {"certificate", "key", "clients", "secrets", "signing_key", "pseudonym_secret", "ca", "keys", "state", "agreement"}
    | {"signatures", "folder", "secret", "consents"}
)

_NO_PATHS = frozenset({("caller", "certificate")})
"""What has the key of a path and is none: the certificate of a caller is told by its DNS name."""


def _absolute(value: object, folder: Path, key: str = "") -> object:
    """Make paths absolute, against the folder of the file they stand in."""
    if isinstance(value, dict):
        return {
            name: inner if (key, name) in _NO_PATHS else _absolute(inner, folder, name) for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_absolute(inner, folder, key) for inner in value]
    if isinstance(value, str) and key in _PATH_KEYS and not value.startswith(SCHEME):
        return str(folder / value)
    return value


def _public_fault(file: Path) -> str | None:
    """Say what is wrong with a file that anybody may read: it must be there, and not everybody may write it."""
    try:
        mode = file.stat().st_mode
    except OSError:
        return f"{file.name}: cannot be read"
    if not stat.S_ISREG(mode):
        return f"{file.name}: is no file"
    return f"{file.name}: can be written by everybody" if mode & stat.S_IWOTH else None


def _file_fault(file: Path, *, sandbox: bool) -> str | None:
    """Say what is wrong with a file of secrets: it must be there, closed to others, and no sample outside a sandbox."""
    try:
        mode = file.stat().st_mode
        begins = file.read_bytes()[: len(SAMPLE)]
    except OSError:
        return f"{file.name}: cannot be read"
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"{file.name}: can be read by others; allow the owner only (mode 600)"
    if begins == SAMPLE and not sandbox:
        return f"{file.name}: is a key of the sandbox; make one of your own (onecard keys new)"
    return None
