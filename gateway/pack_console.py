"""What the `onecard pack` commands do: fetch, update, show and verify packs for gates without network."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.console import screen
from gateway.errors import WRONG_OPTION, PeerRefusedError, SettingsError
from gateway.offline_console import moment
from gateway.peers.own_pack import MAX_PACK_BYTES, fetch_pack
from gateway.recognition_console import own_gateway
from gateway.refusals import refused
from gateway.services.offline_packs import PackWish
from gateway.settings import load_settings
from trust.anchor import TrustAnchor
from trust.chain import Beliefs, verify_chain
from trust.errors import ChainError, UnknownKeyError
from trust.keys import thumbprint
from trust.offline_delta import MAGIC as UPDATE_MAGIC
from trust.offline_delta import apply_update
from trust.offline_file import split
from trust.offline_gate import OfflinePack, Verdict
from trust.offline_pack import unpack_chain
from trust.offline_statement import PackStatement
from trust.roles import REGION_ROLE
from trust.statement import read_statement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trust.offline_gate import Answer, Use

_SCOPE: Final = "pack.read"
_LONGEST_KEYS: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is ordered: home regions, items (none for all), seconds of life, the file of the pack that gates have."""

    homes: tuple[str, ...]
    items: tuple[str, ...]
    life: int | None
    base: Path | None


def make_pack_file(config: Path, file: Path, order: Order, *, caller: str, key: Path, authority: Path | None) -> None:
    """Fetch a pack from the gateway of a configuration, as one of its callers, and write it.

    Raises:
        SettingsError: the caller is not registered, the gateway refuses, or a file cannot be read or written.
        PeerUnavailableError: the gateway cannot be reached.
        TrustError: the key cannot be used, or the base is no pack.
    """
    settings = load_settings(config)
    gateway = own_gateway(settings, caller, key=key, authority=authority, scope=_SCOPE)
    base = 0 if order.base is None else _statement(_read_pack(order.base)).serial
    wish = PackWish(visited=gateway.region, homes=order.homes, items=order.items, life=order.life, base=base)
    try:
        fetched = asyncio.run(fetch_pack(gateway, wish))
    except PeerRefusedError as error:
        raise refused(error.reason, code=error.code, violations=error.violations) from error
    _write(file, fetched.data)
    what = f"an update of pack {base}" if fetched.update else "a pack"
    screen().print(f"{what}, {len(fetched.data)} bytes, in {file}", soft_wrap=True)


def update_pack_file(base: Path, update: Path, file: Path) -> None:
    """Apply an update and write what comes of it (SettingsError, OfflinePackError, MalformedTokenError)."""
    data = apply_update(_read_pack(base), _read(update))
    _write(file, data)
    screen().print(f"pack {_statement(data).serial}, {len(data)} bytes, in {file}", soft_wrap=True)


def show_pack(file: Path) -> None:
    """Print what a pack says (SettingsError, OfflinePackError, MalformedTokenError)."""
    data = _read_pack(file)
    parts, jws = split(data)
    pack = OfflinePack(PackStatement.from_payload(jws.payload), parts)
    console = screen()
    console.print(f"signed by     {jws.algorithm} {jws.kid}, not verified", soft_wrap=True)
    for line in _lines(pack, len(data)):
        console.print(line, soft_wrap=True)


def verify_pack(
    file: Path, keys: Path, use: Use, *, recognition: Path | None, card: str, fingerprints: tuple[str, ...]
) -> bool:
    """Verify a pack, and with it a card; tells whether that is allowed, or without a card whether the pack is good.

    Raises:
        SettingsError: a file cannot be read.
        TrustError: a leaf that says why the pack is not believed.
    """
    region, name = _card(card) if card else ("", "")
    data = _read_pack(file)
    pack = OfflinePack.read(data, keys=_keys(keys))
    console = screen()
    for line in _lines(pack, len(data)):
        console.print(line, soft_wrap=True)
    if fingerprints:
        for line in _proven(pack, fingerprints, now=use.now):
            console.print(line, soft_wrap=True)
    if recognition is None and not card:
        return pack.statement.iat <= use.now < pack.statement.exp
    if recognition is None:
        answer = pack.check_card(region, name, use=use)
    else:
        token = _read(recognition).decode("ascii", "replace").strip()
        answer = pack.check_recognition(token, use=use)
    console.print(_told(answer), soft_wrap=True)
    return answer.verdict is Verdict.ALLOWED


def _told(answer: Answer) -> str:
    """Write an answer in a line."""
    types = f"; {', '.join(answer.item_types)}" if answer.item_types else ""
    age = "" if answer.age_seconds is None else f"; by what was known {answer.age_seconds} s ago"
    return f"answer        {answer.verdict} {answer.reason}{types}{age}"


def _lines(pack: OfflinePack, size: int) -> Iterator[str]:
    """Tell what a pack says."""
    told = pack.statement
    yield f"pack          {told.serial} of {told.issuer}, {size} bytes"
    yield f"life          {moment(told.iat)} to {moment(told.exp)}"
    for region, part in told.regions.items():
        lives = ", ".join(f"{name} {seconds} s" for name, seconds in part.life.items())
        yield f"{region:13} {pack.count(region)} cards reported by {moment(part.as_of)}, under {part.agreement}"
        yield f"              decided offline for: {lives}"
        yield f"              one good card in {pack.one_in(region)} has to ask online by chance"
    yield f"items         {', '.join(told.items) or 'none'}"


def _proven(pack: OfflinePack, fingerprints: tuple[str, ...], *, now: int) -> Iterator[str]:
    """Prove the keys of each home region by its chain, from a fingerprint on."""
    for region, part in pack.statement.regions.items():
        chain = unpack_chain(pack, region)
        if not chain:
            raise ChainError(rule="length")
        name = read_statement(chain[-1]).claims.sub
        anchors = {name: TrustAnchor(entity=name, fingerprints=frozenset(fingerprints))}
        entity = verify_chain(chain, beliefs=Beliefs(anchors=anchors), now=now)
        ring = entity.keys.get(REGION_ROLE)
        for key in part.keys:
            believed = None if ring is None else ring.find(region, str(key.get("kid")))
            if believed is None or {**believed.to_jwk()} != key:
                raise UnknownKeyError
            yield f"{region:13} key {thumbprint(believed.public_key)} proven from {name}"


def _card(text: str) -> tuple[str, str]:
    """Read region and pseudonym of a card (SettingsError)."""
    region, _, name = text.partition("/")
    if not region or not name:
        fault = "--card: is REGION/PSEUDONYM; the pseudonym is the claim `card` of a recognition"
        raise SettingsError((fault,), heading=WRONG_OPTION)
    return region, name


def _read_pack(file: Path) -> bytes:
    """Read a pack (SettingsError, also where it is an update of one); whether it is one is seen by who reads on."""
    data = _read(file)
    if data.startswith(UPDATE_MAGIC):
        fault = "is an update; `onecard pack update` makes a pack of it and of the pack that it is for"
        raise SettingsError((f"{file.name}: {fault}",), heading="The file is no pack.")
    return data


def _statement(data: bytes) -> PackStatement:
    return PackStatement.from_payload(split(data)[1].payload)


def _keys(file: Path) -> list[dict[str, object]]:
    """Read a key set."""
    try:
        keys = json.loads(_read(file, at_most=_LONGEST_KEYS))["keys"]
    except (ValueError, KeyError, TypeError):
        keys = None
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise SettingsError((f"{file.name}: is no key set (JWKS)",))
    return keys


def _read(file: Path, *, at_most: int = MAX_PACK_BYTES) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(at_most + 1)
    except OSError as error:
        raise SettingsError((f"{file.name}: cannot be read ({type(error).__name__})",)) from error
    if len(data) > at_most:
        raise SettingsError((f"{file.name}: is longer than {at_most} bytes",))
    return data


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        raise SettingsError((f"{file.name}: cannot be written ({type(error).__name__})",)) from error
