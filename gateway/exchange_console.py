"""What the `onecard exchange` and `onecard receipt` commands do."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from gateway.bootstrap_evidence import evidence_append
from gateway.console import screen, table
from gateway.errors import SettingsError
from gateway.services.exchange_dead_letters import DeadLetters
from gateway.services.exchange_model import MICROS
from gateway.settings import load_settings
from gateway.store.engine import open_engine
from gateway.store.migrate import require_schema
from gateway.store.store import Store
from trust.encoding import is_sha256
from trust.errors import ReceiptError, TrustError
from trust.receipt_evidence import check_inclusion
from trust.receipt_file import verify_receipt

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from gateway.services.exchange_dead_letters import DeadLetter
    from trust.receipt_file import VerifiedReceipt


_NAMED: Final = frozenset({"part", "because"})
_PROVEN: Final = frozenset({"chain", "signature", "evidence"})
_FAULTS: Final = {
    "format": "The file is no receipt of this format, or more was added to it.",
    "request": "The request is not the one that the gateways have signed for.",
    "reply": "The reply is not the one that the gateways have signed for.",
    "receipt": "The signed part is not in the form of a receipt.",
    "statement": "What the gateways have signed does not say what a receipt must say.",
    "chains": "The chains are not one for each of the two regions, under one anchor.",
    "chain": "The chain of a region does not lead to an anchor that you believe.",
    "signature": "The signature of a gateway does not hold.",
    "evidence": "The proof that a gateway has recorded the reply does not hold.",
}
"""What is wrong, by the part that fails first."""


@asynccontextmanager
async def _dead_letters(config: Path) -> AsyncIterator[DeadLetters]:
    """Open the store of a gateway, which may run, and close it (StoreSchemaError, StoreUnavailableError)."""
    settings = load_settings(config)
    engine = open_engine(settings.store.address)
    try:
        await require_schema(engine)
        store = Store(engine, append=evidence_append(settings)(engine.writing.dialect.name))
        await store.open()
        try:
            yield DeadLetters(store)
        finally:
            await store.close()
    finally:
        await engine.close()


def list_dead_letters(config: Path) -> None:
    """Print what was laid aside (SettingsError, StoreUnavailableError)."""

    async def read() -> list[DeadLetter]:
        async with _dead_letters(config) as letters:
            return await letters.all()

    console, found = screen(), asyncio.run(read())
    shown = table(
        "number", "lane", "task", "state", "reason", "tries", "since", "request", least={7: 40}, console=console
    )
    for one in found:
        since = datetime.fromtimestamp(one.added_at // MICROS, UTC).isoformat()
        shown.add_row(str(one.place), one.lane, one.task, one.state, one.reason, str(one.tries), since, one.request)
    if found:
        console.print(shown)
    console.print(f"{len(found)} dead letters")


def requeue_dead_letters(config: Path, numbers: Sequence[int]) -> int:
    """Put dead letters back; gives the exit code (SettingsError, StoreUnavailableError)."""

    async def put_back() -> tuple[int, int]:
        async with _dead_letters(config) as letters:
            wanted = tuple(numbers) or tuple(one.place for one in await letters.all())
            return await letters.requeue(wanted), len(set(wanted))

    back, wanted = asyncio.run(put_back())
    screen().print(f"{back} of {wanted} put back")
    return 0 if back == wanted else 1


def verify_receipt_file(file: Path, fingerprints: Sequence[str], config: Path | None) -> int:
    """Verify a receipt and say what it proves; gives the exit code (SettingsError: the file, or nobody is believed)."""
    believed = frozenset(fingerprints)
    if config is not None:
        believed |= {one for anchor in load_settings(config).trust.anchor for one in anchor.fingerprints}
    if not believed or not all(map(is_sha256, believed)):
        fault = "say whom you believe: --fingerprint (RFC 7638, 43 characters), or --config"
        raise SettingsError((fault,), heading="No anchor is believed.")
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise SettingsError((f"{file.name}: cannot be read",)) from error
    console = screen()
    try:
        verified = verify_receipt(raw, fingerprints=believed, check_evidence=check_inclusion)
    except ReceiptError as error:
        facts = " ".join(f"{name}={value}" for name, value in sorted(error.metadata.items()) if name not in _NAMED)
        console.print(f"NOT VALID: {error.metadata['part']} {facts}".rstrip(), soft_wrap=True, markup=False)
        console.print(_in_words(error), soft_wrap=True, markup=False)
        return 1
    _tell(verified)
    return 0


def _in_words(error: ReceiptError) -> str:
    """Say what is wrong with a receipt, and what trust says of it where a part cannot be proven."""
    part = error.metadata["part"]
    because = error.__cause__
    if part in _PROVEN and isinstance(because, TrustError):
        return f"{_FAULTS[part]} {because.message}"
    return _FAULTS[part]


def _tell(verified: VerifiedReceipt) -> None:
    """Print what a receipt proves; nothing of a person is in it."""
    said = verified.statement
    facts = {
        "request": said.request,
        "outcome": said.outcome,
        "item": f"{said.item} ({said.item_type})" if said.item_type else said.item,
        "agreement": said.agreement,
        "catalog": said.catalog_version,
        "submitted": _moment(said.submitted_at),
        "delivered": _moment(said.delivered_at),
        "answered": _moment(said.answered_at),
        "signed by": f"{said.source_gateway}, {said.target_gateway}",
        "recorded by": ", ".join(verified.recorded_by),
        "cosigned": ", ".join(verified.cosigned) or "no log that the other party has seen: the gateway's own word",
        "anchor": verified.anchor,
    }
    console = screen()
    for name, value in facts.items():
        console.print(f"{name:<12} {value}", soft_wrap=True, markup=False, highlight=False)
    console.print("VALID")


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
