"""The parts of a node's configuration: what a home, a peer, a caller, an anchor, a listener are made of; their rules.

`gateway.settings` joins them; nobody else reads them from a file.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from gateway.callers import SCOPES
from gateway.hsm_address import SCHEME, HardwareAddress, read_address
from gateway.store.sealing import CipherName
from trust.claim_rules import is_entity
from trust.errors import TrustError
from trust.note import NoteKey

STORE_FILE = "store.sqlite"
"""The database, in its folder."""


def is_loopback(address: str) -> bool:
    """Tell whether `host:port` names this machine only."""
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _with_a_port(address: str) -> str:
    """Refuse a port that does not exist."""
    if int(address.rpartition(":")[2]) > _LAST_PORT:
        raise ValueError(f"a port is at most {_LAST_PORT}")
    return address


def _an_entity(text: str) -> str:
    """Refuse what is no entity identifier."""
    if not is_entity(text):
        raise ValueError("an entity identifier is https://host[:port][/path], lower-case host, no slash at the end")
    return text


def _a_base_address(text: str) -> str:
    """Refuse an address without TLS that is not this machine."""
    if text.startswith("http://") and not is_loopback(text.removeprefix("http://").partition("/")[0]):
        raise ValueError("without TLS only a loopback address is allowed")
    return text


def _a_key_place(value: object) -> object:
    """Read the address of a key in a hardware module; anything else is a file."""
    return read_address(value) if isinstance(value, str) and value.startswith(SCHEME) else value


_LAST_PORT = 65535
Address = Annotated[
    str,
    StringConstraints(pattern=r"^(\[[0-9a-fA-F:]+\]|[0-9A-Za-z.\-]+):[0-9]{1,5}$"),
    AfterValidator(_with_a_port),
]
RegionCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,31}$")]
KeyPlace = Annotated[Path | HardwareAddress, BeforeValidator(_a_key_place)]
EntityId = Annotated[str, AfterValidator(_an_entity)]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$")]
BaseAddress = Annotated[
    str,
    StringConstraints(pattern=r"^https?://(\[[0-9a-fA-F:]+\]|[0-9a-z.\-]+)(:[0-9]{1,5})?(/[A-Za-z0-9._-]+)*$"),
    AfterValidator(_a_base_address),
]
CallerId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/\-]{0,127}$")]


class Part(BaseModel):
    """Base of all parts: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TlsSettings(Part):
    """Certificate chain and key of this gateway, PEM; `clients` are the CAs from which callers' certificates come."""

    certificate: Path
    key: Path
    clients: Path | None = None


class ListenSettings(Part):
    """Addresses to listen on, `host:port`; without TLS only loopback is allowed.

    At `mutual` a caller has to show a certificate; other gateways are answered there only. `metrics` is for operators.
    """

    grpc: Address
    web: Address
    metrics: Address | None = None
    mutual: Address | None = None
    tls: TlsSettings | None = None

    def is_open(self) -> bool:
        """Tell whether other machines can connect."""
        return any(address is not None and not is_loopback(address) for address in (self.grpc, self.mutual))

    @model_validator(mode="after")
    def _plaintext_stays_at_home(self) -> ListenSettings:
        if self.mutual is not None and (self.tls is None or self.tls.clients is None):
            raise ValueError("mutual needs [listen.tls] with clients, the CAs of the certificates to accept")
        if self.tls is None and not is_loopback(self.grpc):
            raise ValueError("without [listen.tls] only a loopback address is allowed")
        if not is_loopback(self.web):
            raise ValueError("the web side has no TLS of its own: bind it to loopback and put a proxy before it")
        if self.metrics is not None and not is_loopback(self.metrics):
            raise ValueError("metrics have no TLS of their own: bind them to loopback and put a proxy before them")
        return self


class PlatformSettings(Part):
    """Where a home region's platform is, and the secrets its authentication scheme needs.

    A platform that cannot report what happens to its cards is asked about those in use every `poll_seconds`.
    """

    base_url: str = Field(min_length=8, max_length=300)
    secrets: Path
    allow_private_addresses: bool = False
    total_seconds: float = Field(default=5.0, gt=0, le=30)
    failures_to_open: int = Field(default=5, ge=1, le=20)
    open_seconds: float = Field(default=5.0, gt=0, le=300)
    poll_seconds: float | None = Field(default=None, ge=0.1, le=3600)


class EntitySettings(Part):
    """A home region as an entity of federations: its identifier, and the key that signs what it states."""

    id: EntityId
    key: KeyPlace


class HomeCallerSettings(Part):
    """As which caller the gateway asks others on behalf of a home region; no two homes share one."""

    id: CallerId
    key: KeyPlace


class PartnerSettings(Part):
    """Partners who read another suite: recognitions for these regions are counter-signed with this key."""

    regions: tuple[RegionCode, ...] = Field(min_length=1)
    key: KeyPlace


class HomeSettings(Part):
    """A home region of this gateway. Its keys are files, PEM, or lie in a hardware module (`gateway.hsm_address`).

    `consents` says which references of consent or contract have ended (`gateway.consents`).
    """

    region: RegionCode
    signing_key: KeyPlace
    pseudonym_secret: Path
    platform: PlatformSettings
    entity: EntitySettings
    caller: HomeCallerSettings
    partner: PartnerSettings | None = None
    consents: Path | None = None


class PeerSettings(Part):
    """Another region's gateway: where it is, the CA that its certificate must come from, and which entity it is.

    `audience` is whom our tokens are for, `caller` as whom it calls us, and `server_name` stands in its certificate as
    server and as client. Its keys are those of the entity, proven by a chain to a pinned anchor; `federation` is where
    its statements are fetched if not at the entity identifier itself.
    """

    region: RegionCode
    address: Address
    server_name: str
    audience: CallerId
    caller: CallerId
    ca: Path
    entity: EntityId
    federation: BaseAddress | None = None


class AnchorSettings(Part):
    """The body of a cooperation agreement, pinned by the RFC 7638 thumbprints of its keys, which have no default.

    `agreement` is the agreement it stands for, `signatures` those of the parties to it, one to a line; `address` is
    where the body's statements are fetched if not at the entity identifier itself.
    """

    entity: EntityId
    fingerprints: tuple[Fingerprint, ...] = Field(min_length=1, max_length=8)
    agreement: Path
    signatures: Path
    address: BaseAddress | None = None


class TrustSettings(Part):
    """Whom this gateway believes, and the folder in which it remembers what it has believed.

    A statement serves `grace_seconds` after its end; statements are fetched anew every `refresh_seconds`, revocations
    every `poll_seconds` where they cannot be followed. A gateway that begins answers nobody until it believes its
    peers, or for `first_round_seconds`.
    """

    state: Path
    anchor: tuple[AnchorSettings, ...] = ()
    grace_seconds: int = Field(default=3600, ge=0, le=7 * 86_400)
    refresh_seconds: float = Field(default=60.0, ge=1, le=3600)
    poll_seconds: float = Field(default=30.0, ge=1, le=60)
    first_round_seconds: float = Field(default=3.0, ge=0, le=60)


class StoreSettings(Part):
    """Where the gateway keeps what must last: a folder, in which it makes a file of SQLite, or a PostgreSQL at `url`.

    `keys` is the folder of the keys with which it seals what is sensitive; it is not the database's. A new key has the
    `cipher`; older ones go on as they are.
    """

    folder: Path | None = None
    url: str | None = Field(default=None, max_length=1000, repr=False)
    keys: Path
    cipher: CipherName = CipherName.AES

    @model_validator(mode="after")
    def _keys_lie_elsewhere(self) -> StoreSettings:
        if (self.folder is None) == (self.url is None):
            raise ValueError("either folder, for a file of SQLite, or url, for a PostgreSQL")
        if self.folder is not None:
            keys, folder = self.keys.resolve(), self.folder.resolve()
            if keys == folder or folder in keys.parents or keys in folder.parents:
                raise ValueError("keys is a folder of its own, outside that of the database")
        return self

    @property
    def address(self) -> str:
        """Where the store is, as an address of SQLAlchemy."""
        return self.url if self.url is not None else f"sqlite:///{self.folder}/{STORE_FILE}"


class TracesSettings(Part):
    """Where traces are sent, an address of OTLP over HTTP, and the share of those beginning here that are recorded."""

    endpoint: BaseAddress
    sample: float = Field(default=0.1, ge=0, le=1)


class EvidenceSettings(Part):
    """The log of decisions: the key that signs its checkpoints, of Ed25519, and the secret of what stands for persons.

    `former_keys` are verifier keys that have signed checkpoints of this log and are retired. `refusals_per_second` are
    recorded of one caller, and of all strangers together. What is personal is erased after `retention_days`.
    """

    key: Path
    secret: Path
    former_keys: tuple[str, ...] = ()
    refusals_per_second: float = Field(default=50.0, ge=1, le=10_000)
    retention_days: int = Field(default=1096, ge=1, le=36_525)

    @field_validator("former_keys")
    @classmethod
    def _keys_are_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            try:
                NoteKey.from_text(key)
            except TrustError:
                raise ValueError("a verifier key is name+id+key (onecard evidence key shows ours)") from None
        return keys


class ExchangeSettings(Part):
    """Requests between regions: how many of one caller may wait for one region, and how long contents are kept.

    The content of a request is erased `retention_days` after the last thing that happened to it.
    """

    quota: int = Field(default=100_000, ge=1, le=10_000_000)
    retention_days: int = Field(default=90, ge=1, le=36_525)


class CallSettings(Part):
    """The certificate that this gateway shows to others, PEM chain and key."""

    certificate: Path
    key: Path


class CallerSettings(Part):
    """A registered caller; it acts for one region. With `certificate`, a DNS name, it must show one of that name."""

    id: CallerId
    region: RegionCode
    certificate: str | None = None
    scopes: tuple[str, ...] = Field(min_length=1)
    keys: Path

    @model_validator(mode="after")
    def _scopes_are_known(self) -> CallerSettings:
        if not SCOPES.issuperset(self.scopes):
            raise ValueError(f"scopes are of {sorted(SCOPES)}")
        return self


class PagesSettings(Part):
    """The public catalog on the web side, and what its page for programs tells them.

    `grpc` is the address at which programs reach this gateway if not `listen.grpc`; `grpcurl` are the options that
    prove to the command of this name who asks, as they are to be pasted into a shell.
    """

    serve: bool = True
    grpc: Address | None = None
    grpcurl: str = Field(default='-H "authorization: Bearer $TOKEN"', max_length=300)


class PartySettings(Part):
    """A party to an agreement, as its anchor knows it: who may join for which region and gateway.

    `address` is where its statements are fetched if not at the entity identifier itself; `holder` says that it holds
    the mark of parties to the joint catalog.
    """

    region: RegionCode
    gateway: CallerId
    entity: EntityId
    holder: bool = False
    address: BaseAddress | None = None


class OwnAnchorSettings(Part):
    """An anchor that this process is: its entity, the agreement it stands for, and the parties it vouches for.

    `folder` holds its key, `federation.pem`, its members and all that it remembers.
    """

    entity: EntityId
    folder: Path
    agreement_id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{1,58}[0-9]{0,4}$")]
    mark_type: EntityId | None = None
    party: tuple[PartySettings, ...] = Field(min_length=2)


class AnchorsSettings(Part):
    """Configuration of a process that serves the anchors of one or several agreements, on loopback behind a proxy."""

    sandbox: bool = False
    listen: Address
    anchor: tuple[OwnAnchorSettings, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _stays_at_home(self) -> AnchorsSettings:
        if not is_loopback(self.listen):
            raise ValueError("the anchors have no TLS of their own: bind them to loopback and put a proxy before them")
        return self
