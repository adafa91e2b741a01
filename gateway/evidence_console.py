"""What the `onecard evidence` commands do."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import IO, TYPE_CHECKING, Any, Final, TypeAlias

from adapters.errors import MalformedNumberError
from adapters.identifiers import SocialSecurityNumber
from adapters.registry import load_registry
from gateway.bootstrap_evidence import evidence_append, evidence_secret, own_keys
from gateway.console import screen, table, unknown_region
from gateway.errors import WRONG_OPTION, SettingsError
from gateway.key_shelf import KeyShelf
from gateway.services.evidence import Known, Subject
from gateway.services.evidence_alarms import Alarms
from gateway.services.evidence_audit import Auditor
from gateway.services.evidence_erasure import Erasure
from gateway.services.evidence_heads import latest_checkpoint
from gateway.services.evidence_sources import FileSource, StoreSource
from gateway.services.local_home import CHINA_TIME, china_day
from gateway.settings import load_settings, stored_at
from gateway.store.engine import open_engine
from gateway.store.migrate import require_schema
from gateway.store.snapshot import snapshot
from gateway.store.store import Store
from trust.errors import TrustError
from trust.note import NoteKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence
    from pathlib import Path

    from gateway.services.evidence_alarms import Alarm
    from gateway.services.evidence_audit import Report
    from gateway.settings import Settings

    Place: TypeAlias = tuple[Path | None, str, Path | None]
    """Configuration, address of the store, and exported log; one of the first and the last is there."""


def _settings(config: Path, url: str) -> Settings:
    settings = load_settings(config)
    return stored_at(settings, url) if url else settings


_UNREADABLE: Final = "The file cannot be read."
_ALONE: Final = (
    "all is well, as far as a log tells of itself: an end that was cut off shows only beside a checkpoint that somebody"
    " else has kept (--checkpoint)"
)


@asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[Store]:
    """Lend the store, for reading; what is written through it is recorded like all else."""
    engine = open_engine(settings.store.address, existing=True)
    try:
        await require_schema(engine)
        yield Store(engine, append=evidence_append(settings)(engine.writing.dialect.name))
    finally:
        await engine.close()


def verifier_keys(texts: Iterable[str], option: str) -> tuple[NoteKey, ...]:
    """Read verifier keys (SettingsError)."""
    try:
        return tuple(map(NoteKey.from_text, texts))
    except TrustError:
        fault = f"{option}: a verifier key is name+id+key (onecard evidence key shows it)"
        raise SettingsError((fault,), heading=WRONG_OPTION) from None


def _shelf(settings: Settings) -> KeyShelf:
    return KeyShelf(settings.evidence.key, issuer=settings.gateway)


def verify_log(place: Place, *, held: Sequence[Path], keys: Sequence[str], witnesses: Sequence[str]) -> int:
    """Audit a log and say what was found (SettingsError, StoreUnavailableError)."""
    config, url, export = place
    settings = None if config is None else _settings(config, url)
    known = verifier_keys(keys, "--key") + (() if settings is None else own_keys(settings, _shelf(settings)))
    if not known:
        raise SettingsError(("name the keys of the log: --config of its gateway, or --key",), heading=WRONG_OPTION)
    options: dict[str, Any] = {
        "keys": known,
        "held": [_text(file) for file in held],
        "witnesses": verifier_keys(witnesses, "--witness"),
    }
    if export is not None:
        report = _audited_file(export, options)
    elif settings is not None:
        report = asyncio.run(_audited(settings, options))
    else:
        raise SettingsError(("name the log: --config of its gateway, or --export",), heading=WRONG_OPTION)
    return _tell(report, exported=export is not None, held=bool(held), witnessed=bool(witnesses))


def _audited_file(export: Path, options: dict[str, Any]) -> Report:
    try:
        with export.open(encoding="utf-8") as file:
            return asyncio.run(Auditor(FileSource(file), **options).audit())
    except SettingsError as error:
        raise SettingsError(tuple(f"{export.name}: {fault}" for fault in error.faults), heading=_UNREADABLE) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            (f"{export.name}: cannot be read ({type(error).__name__})",), heading=_UNREADABLE
        ) from error


async def _audited(settings: Settings, options: dict[str, Any]) -> Report:
    async with _store(settings) as store, snapshot(store.engine) as connection:
        return await Auditor(StoreSource(connection), **options).audit()


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError((f"{file.name}: cannot be read ({type(error).__name__})",), heading=_UNREADABLE) from error


def _tell(report: Report, *, exported: bool, held: bool, witnessed: bool) -> int:
    """Print what an audit has found; an export has no personal parts, whether they were erased or not."""
    console = screen()
    if report.failure is not None:
        console.print(f"first bad index: {report.failure.place}: {report.failure.rule}", soft_wrap=True)
        return 1
    shown = table("seen", "count", least={1: 12}, console=console)
    for name, count in (
        ("records", report.records),
        ("of them behind the last checkpoint, signed by nobody yet", report.records - report.signed),
        (f"of them with personal parts {'left out of the export' if exported else 'erased'}", report.erased),
        ("checkpoints", report.checkpoints),
        ("cosignatures", report.cosignatures),
        *((("cosignatures of others than the named witnesses", report.foreign),) if witnessed else ()),
    ):
        shown.add_row(name, str(count))
    console.print(shown)
    console.print(f"root: {report.root.hex()}", soft_wrap=True)
    if exported and not report.signed:
        console.print(
            "no record is proved: no key of this log has signed a checkpoint of what is in the file", soft_wrap=True
        )
        return 1
    console.print("all is well" if held else _ALONE, soft_wrap=True)
    return 0


def print_checkpoint(config: Path, *, url: str) -> None:
    """Print the last checkpoint (SettingsError: none was signed yet; StoreUnavailableError)."""
    note = asyncio.run(_checkpoint(_settings(config, url)))
    if note is None:
        raise SettingsError(("no checkpoint was signed yet",), heading="There is nothing to show.")
    sys.stdout.write(note)


async def _checkpoint(settings: Settings) -> str | None:
    async with _store(settings) as store:
        return await latest_checkpoint(store)


def print_keys(config: Path) -> None:
    """Print the verifier keys of the log."""
    settings = load_settings(config)
    for key in own_keys(settings, _shelf(settings)):
        screen().print(key.to_text(), soft_wrap=True)


def export_log(config: Path, file: Path, *, url: str) -> None:
    """Write the log into a file (SettingsError: it is there, or cannot be made; StoreUnavailableError)."""
    settings = _settings(config, url)
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        fault = (
            f"{file.name}: cannot be made ({type(error).__name__}); name a file that is not there, in a folder that is"
        )
        raise SettingsError((fault,), heading="The file cannot be written.") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        asyncio.run(_export(settings, stream))


async def _export(settings: Settings, stream: IO[str]) -> None:
    async with _store(settings) as store, snapshot(store.engine) as connection:
        await StoreSource(connection).export(stream)


def print_alarms(config: Path, *, url: str) -> int:
    """Print all alarms; 1 where there is one (StoreUnavailableError)."""
    alarms = asyncio.run(_alarms(_settings(config, url)))
    for alarm in alarms:
        sys.stdout.write(f"{alarm.origin}: {alarm.kind}\n\nheld:\n{alarm.held}\noffered:\n{alarm.offered}\n")
    return 1 if alarms else 0


async def _alarms(settings: Settings) -> list[Alarm]:
    async with _store(settings) as store:
        return await Alarms(store, told=_tell_nobody).kept()


def _tell_nobody(name: str, **fields: str | float | bool) -> None:
    """Ignore an event."""
    del name, fields


def erase(config: Path, *, before: str, region: str, url: str) -> None:
    """Erase by age or for one holder.

    Raises:
        SettingsError: neither, or both, or not readable, or a day to come.
        UnknownRegionError: no region has this code.
        StoreUnavailableError: the store cannot be had.
    """
    if bool(before) == bool(region):
        fault = "say --before a day, or --region with a number on standard input"
        raise SettingsError((fault,), heading=WRONG_OPTION)
    settings = _settings(config, url)
    if before:
        done = asyncio.run(_erase_before(settings, _day(before)))
        screen().print(f"erased in {done} records")
    else:
        done = asyncio.run(_erase_about(settings, _holder(_known(region))))
        screen().print(f"erased in {done} records")


def _day(text: str) -> int:
    """Read a day that is not to come; gives its beginning in the regions' time, microseconds (SettingsError)."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise SettingsError(("--before: a day is YYYY-MM-DD",), heading=WRONG_OPTION) from None
    if day > china_day(time.time()):
        fault = "--before: the day is yet to come; today is the last that can be named"
        raise SettingsError((fault,), heading=WRONG_OPTION)
    return int(datetime.combine(day, datetime.min.time(), CHINA_TIME).timestamp()) * 1_000_000


def _known(region: str) -> str:
    """Give a region's code back (UnknownRegionError): nothing is ever found under one that is mistyped."""
    regions = load_registry().regions
    if region not in regions:
        raise unknown_region(regions, region)
    return region


def _holder(region: str) -> Subject:
    """Read a holder's number from standard input: an argument would be seen by others (SettingsError)."""
    try:
        number = SocialSecurityNumber(sys.stdin.readline().strip()).reveal()
    except MalformedNumberError:
        fault = "standard input: is no social-security number"
        raise SettingsError((fault,), heading="Nothing was erased.") from None
    return Subject(Known.HOLDER, region, f"ssn:{number}")


@asynccontextmanager
async def _writing(settings: Settings) -> AsyncIterator[Store]:
    async with _store(settings) as store:
        await store.open()
        try:
            yield store
        finally:
            await store.close()


async def _erase_before(settings: Settings, micros: int) -> int:
    async with _writing(settings) as store:
        return await Erasure(store).before(micros)


async def _erase_about(settings: Settings, subject: Subject) -> int:
    async with _writing(settings) as store:
        return await Erasure(store).about(evidence_secret(settings).subject(subject))
