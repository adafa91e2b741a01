"""Checks that the two ends of a region's dialect understand each other: the gateway's, and the simulated platform's."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from adapters.credential import by_card_number, by_electronic_sign_number, by_identification_code, by_qr_text
from adapters.errors import (
    AdapterError,
    BadUpstreamError,
    CardNotFoundError,
    CredentialUsedError,
    HolderMismatchError,
    PlatformRefusedError,
    PlatformUnavailableError,
    TokenRefusedError,
)
from adapters.wire import Moment
from gateway.adapter_findings import Finding, differing, error_words, finding
from gateway.services.disclosure import reveal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from adapters.adapter import ManifestAdapter
    from adapters.canonical import CardIdentity
    from adapters.credential import Credential
    from adapters.manifest_platform import Fault
    from adapters.wire import HttpRequest
    from gateway.adapter_vectors import RoundTrip, Vectors

_NOW = 1_735_700_000.0
_AGE_SECONDS = 90.0
_MOMENT = Moment(_NOW, "1f2e3d4c5b6a7988")
_SECRET = "SYNTHETIC-SECRET"  # noqa: S105 - both ends are ours, and nothing is behind them
_TOKEN = "SYNTHETIC-TOKEN-0001"  # noqa: S105 - both ends are ours, and nothing is behind them
_QR_TEXT = "SYNTHETIC/QR&text=%20+<1>"
_ERRORS: dict[Fault, type[AdapterError]] = {
    "card_not_found": CardNotFoundError,
    "holder_mismatch": HolderMismatchError,
    "credential_used": CredentialUsedError,
    "platform_refused": PlatformRefusedError,
    "token_refused": TokenRefusedError,
    "unavailable": PlatformUnavailableError,
    "bad_request": BadUpstreamError,
}


def check_mirror(adapter: ManifestAdapter, vectors: Vectors) -> Iterable[Finding]:
    """Ask and answer for every cardholder of the vectors, play every fault, and log in where the scheme has a login."""
    for case in vectors.round_trips:
        yield finding("request and answer", case.id, partial(_conversation, adapter, case))
    for fault in dict.fromkeys(adapter.manifest.platform.reply.fault.values()):
        yield finding("faults of the platform", fault, partial(_fault, adapter, fault))
    yield finding("login", adapter.manifest.platform.auth.scheme, partial(_login, adapter))


def _conversation(adapter: ManifestAdapter, case: RoundTrip) -> str:
    """Look the card up by every credential that it has and the platform takes, and read the answer."""
    identity = adapter.identity_to_canonical(case.record)
    made = credentials(identity)
    for kind in adapter.manifest.platform.lookup.credential:
        fault = _asked(adapter, made[kind]) if kind in made else ""
        if fault:
            return f"{kind}: {fault}"
    told = adapter.decode(adapter.platform_side.answer(case.record, as_of=_NOW - _AGE_SECONDS), now=_NOW)
    expected = _NOW - _AGE_SECONDS if adapter.manifest.platform.reply.as_of_at else _NOW
    if told.as_of != expected:
        return "the time for which the platform vouches is read otherwise than it was written"
    return differing({**told.fields}, {**case.record})


def credentials(identity: CardIdentity) -> dict[str, Credential]:
    """Make every credential that the holder of this card could show, by the manifest's name of its kind."""
    made = {"qr_text": by_qr_text(_QR_TEXT)}
    number, holder = reveal(identity, "card.number"), reveal(identity, "holder.social_security_number")
    if number and holder:
        made["card_number"] = by_card_number(number, holder)
    if code := reveal(identity, "card.identification_code"):
        made["identification_code"] = by_identification_code(code)
    if sign := reveal(identity, "card.electronic_sign_number"):
        made["electronic_sign_number"] = by_electronic_sign_number(sign)
    return made


def _asked(adapter: ManifestAdapter, credential: Credential) -> str:
    """Write the request, let the platform's end read it, and see whether it understands and lets the gateway in."""
    request = _request(adapter, credential)
    lookup = adapter.platform_side.read_request(request)
    part = adapter.manifest.platform.lookup.credential[credential.lookup_kind]  # type: ignore[index]
    wanted = {path: credential.values[path] for path in part.record.values()}
    if fault := differing({**lookup.values}, {**wanted}):
        return f"the platform reads another question; {fault}"
    secrets = _secrets(adapter)
    good = adapter.auth.admits(request, lookup.envelope, lookup.record, secrets=secrets, now=_NOW, tokens={_TOKEN})
    return "" if good else "the platform does not let the gateway in"


def _request(adapter: ManifestAdapter, credential: Credential) -> HttpRequest:
    """Write a look-up as the gateway does, authentication included."""
    secrets = _secrets(adapter)
    draft = adapter.draft(credential)
    extra = adapter.auth.envelope(draft.record, draft.constants, secrets=secrets, moment=_MOMENT)
    request = adapter.encode(draft, extra)
    headers = adapter.auth.headers(
        method=request.method, path=request.path, body=request.body, secrets=secrets, moment=_MOMENT, token=_TOKEN
    )
    return replace(request, headers={**request.headers, **headers})


def _secrets(adapter: ManifestAdapter) -> dict[str, str]:
    return dict.fromkeys(adapter.auth.secret_names, _SECRET)


def _fault(adapter: ManifestAdapter, fault: Fault) -> str:
    """A refusal of the platform is read as the error that it stands for, which names the region."""
    try:
        adapter.decode(adapter.platform_side.refuse(fault), now=_NOW)
    except AdapterError as error:
        good = type(error) is _ERRORS[fault] and error.metadata.get("region") == adapter.region
        return "" if good else f"is read as {error_words(error)}"
    return "is read as a good answer"


def _login(adapter: ManifestAdapter) -> str:
    """The token that the platform gives is the one that the gateway reads; a scheme without a login asks for none."""
    secrets = _secrets(adapter)
    request = adapter.auth.login(secrets=secrets)
    if request is None:
        return "" if adapter.auth.login_path is None else "has a login that the gateway does not use"
    login = adapter.auth.read_login(adapter.auth.answer_login(request, secrets=secrets, token=_TOKEN))
    return "" if login.token == _TOKEN else "another token is read than was given"
