"""What the `onecard receipt` commands do."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from gateway.console import screen
from gateway.errors import WRONG_OPTION, SettingsError
from gateway.evidence_console import verifier_keys
from gateway.federation.agreements import load_agreement
from gateway.settings import load_settings
from trust.encoding import is_sha256
from trust.errors import ReceiptError, TrustError
from trust.receipt_evidence import check_inclusion
from trust.receipt_file import AgreementTerms, ReceiptPin, verify_receipt

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.settings_parts import AnchorSettings
    from trust.receipt_file import VerifiedReceipt

_GRACE_SECONDS: Final = 3600
"""For how long after its end a statement counts where no configuration says: as long as for a gateway by default."""

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
    "agreement": "The anchor on top of the chains does not stand for the agreement that the gateways have signed.",
    "signature": "The signature of a gateway does not hold.",
    "evidence": "The proof that a gateway has recorded the reply does not hold.",
}
"""What is wrong, by the part that fails first."""


_TERMS: Final = {
    True: ", of the terms in the configuration",
    False: ", of other terms than those in the configuration: changed since, or never those",
    None: "",
}
"""What is said of the terms of the agreement."""


def verify_receipt_file(
    file: Path, *, fingerprints: Sequence[str], config: Path | None, witnesses: Sequence[str]
) -> int:
    """Verify a receipt and say what it proves; gives the exit code.

    Raises:
        SettingsError: the file or the configuration cannot be read, nobody is believed, or an option is no key.
    """
    trust = None if config is None else load_settings(config).trust
    pins = () if trust is None else tuple(map(_pin, trust.anchor))
    if not all(map(is_sha256, fingerprints)):
        fault = "--fingerprint: has 43 characters (RFC 7638); the operator of the anchor publishes it"
        raise SettingsError((fault,), heading=WRONG_OPTION)
    if not (fingerprints or pins):
        fault = "say whom you believe: --fingerprint (RFC 7638, 43 characters), or --config"
        raise SettingsError((fault,), heading="No anchor is believed.")
    check = partial(check_inclusion, witnesses=verifier_keys(witnesses, "--witness"))
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise SettingsError((f"{file.name}: cannot be read",), heading="The file cannot be read.") from error
    console = screen()
    try:
        verified = verify_receipt(
            raw,
            fingerprints=frozenset(fingerprints),
            pins=pins,
            grace_seconds=_GRACE_SECONDS if trust is None else trust.grace_seconds,
            check_evidence=check,
        )
    except ReceiptError as error:
        facts = " ".join(f"{name}={value}" for name, value in sorted(error.metadata.items()) if name not in _NAMED)
        console.print(f"NOT VALID: {error.metadata['part']} {facts}".rstrip(), soft_wrap=True, markup=False)
        console.print(_in_words(error), soft_wrap=True, markup=False)
        return 1
    _tell(verified)
    return 0


def _pin(anchor: AnchorSettings) -> ReceiptPin:
    """Believe an anchor of the configuration, for its agreement (SettingsError, AgreementDataError)."""
    signed = load_agreement(anchor.agreement, anchor.signatures, anchor=anchor.entity)
    terms = {signed.agreement.id: AgreementTerms(frozenset(signed.agreement.regions), signed.digest)}
    return ReceiptPin(entity=anchor.entity, fingerprints=frozenset(anchor.fingerprints), terms=terms)


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
        "asked of": said.target,
        "outcome": said.outcome,
        "item": f"{said.item} ({said.item_type})" if said.item_type else said.item,
        "agreement": said.agreement + _TERMS[verified.same_terms],
        "catalog": said.catalog_version,
        "submitted": _moment(said.submitted_at),
        "delivered": _moment(said.delivered_at),
        "answered": _moment(said.answered_at),
        "signed by": f"{said.source_gateway}, {said.target_gateway}",
        "recorded by": ", ".join(verified.recorded_by),
        "cosigned": "; ".join(f"{region} by {', '.join(names)}" for region, names in verified.cosigned.items())
        or "no log that anybody else is known to have seen: the gateway's own word",
        "anchor": verified.anchor,
    }
    console = screen()
    for name, value in facts.items():
        console.print(f"{name:<12} {value}", soft_wrap=True, markup=False, highlight=False)
    console.print("VALID")


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
