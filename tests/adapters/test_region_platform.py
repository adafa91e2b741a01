"""What every region promises about its platform: the gateway's side and the platform's side understand each other.

Adding a region adds cases here without an edit.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from adapters.auth_scheme import header
from adapters.credential import (
    Credential,
    by_card_number,
    by_electronic_sign_number,
    by_identification_code,
    by_qr_text,
)
from adapters.errors import (
    AdapterError,
    BadUpstreamError,
    CardNotFoundError,
    CredentialUsedError,
    HolderMismatchError,
    PlatformRefusedError,
    PlatformUnavailableError,
    TokenRefusedError,
    UnsupportedCredentialError,
)
from adapters.wire import HttpReply, HttpRequest, Moment
from tests.adapters.region_cases import ADAPTERS, Case, all_cases

if TYPE_CHECKING:
    from adapters.adapter import ManifestAdapter
    from adapters.canonical import CardIdentity

NOW = 1_735_700_000.0
MOMENT = Moment(NOW, "1f2e3d4c5b6a7988")
TOKEN = "SYNTHETIC-TOKEN-0001"
ERRORS: dict[str, type[AdapterError]] = {
    "card_not_found": CardNotFoundError,
    "holder_mismatch": HolderMismatchError,
    "credential_used": CredentialUsedError,
    "platform_refused": PlatformRefusedError,
    "token_refused": TokenRefusedError,
    "unavailable": PlatformUnavailableError,
    "bad_request": BadUpstreamError,
}

each_region = pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.region)
each_round_trip = pytest.mark.parametrize("case", all_cases("round_trips"), ids=str)


def credentials(identity: CardIdentity, case_id: str) -> dict[str, Credential]:
    """Make every credential that a holder of this card could show, by the manifest's name of its kind."""
    holder, card = identity.holder, identity.card
    made = {"qr_text": by_qr_text(f"SYN/QR&{case_id}=%20+<1>")}
    if card.number and holder.social_security_number:
        made["card_number"] = by_card_number(card.number.reveal(), holder.social_security_number.reveal())
    if card.identification_code:
        made["identification_code"] = by_identification_code(card.identification_code.reveal())
    if card.electronic_sign_number:
        made["electronic_sign_number"] = by_electronic_sign_number(card.electronic_sign_number.reveal())
    return made


def ask(adapter: ManifestAdapter, credential: Credential) -> HttpRequest:
    """Write a look-up as the gateway does, authentication included."""
    secrets = dict.fromkeys(adapter.auth.secret_names, "SYNTHETIC-SECRET")
    draft = adapter.draft(credential)
    extra = adapter.auth.envelope(draft.record, draft.constants, secrets=secrets, moment=MOMENT)
    request = adapter.encode(draft, extra)
    added = adapter.auth.headers(
        method=request.method, path=request.path, body=request.body, secrets=secrets, moment=MOMENT, token=TOKEN
    )
    return replace(request, headers={**request.headers, **added})


def admits(adapter: ManifestAdapter, request: HttpRequest, *, secret: str, token: str) -> bool:
    """Ask the platform's side whether it lets a request in."""
    lookup = adapter.platform_side.read_request(request)
    secrets = dict.fromkeys(adapter.auth.secret_names, secret)
    return adapter.auth.admits(request, lookup.envelope, lookup.record, secrets=secrets, now=NOW, tokens={token})


@each_round_trip
def test_platform_understands_what_is_asked(case: Case) -> None:
    """Each kind of credential reaches the platform with its neutral values, and the platform lets the gateway in."""
    adapter = case.adapter
    made = credentials(case.identity, case.id)
    for kind, part in adapter.manifest.platform.lookup.credential.items():
        if kind not in made:
            continue
        request = ask(adapter, made[kind])
        lookup = adapter.platform_side.read_request(request)
        assert lookup.values == {path: made[kind].values[path] for path in part.record.values()}
        assert lookup.record.keys() == part.record.keys()
        assert admits(adapter, request, secret="SYNTHETIC-SECRET", token=TOKEN)
        assert not admits(adapter, request, secret="SYNTHETIC-OTHER", token="SYNTHETIC-TOKEN-0002")


@each_round_trip
def test_answer_is_the_record_and_nothing_else(case: Case) -> None:
    """The platform's answer is read as the record it was written from, and as the promised identity."""
    reply = case.adapter.platform_side.answer(case.record, as_of=NOW - 90.0)
    told = case.adapter.decode(reply, now=NOW)
    assert told.fields == case.record
    assert told.as_of == (NOW - 90.0 if case.adapter.manifest.platform.reply.as_of_at else NOW)
    assert case.adapter.identity_to_canonical(told.fields, strict=False) == case.identity


@each_region
def test_every_fault_of_the_dialect_is_its_error(adapter: ManifestAdapter) -> None:
    """Each code of the fault table raises the error it stands for, naming the region and nothing else of note."""
    for fault in dict.fromkeys(adapter.manifest.platform.reply.fault.values()):
        with pytest.raises(AdapterError) as refused:
            adapter.decode(adapter.platform_side.refuse(fault), now=NOW)
        assert type(refused.value) is ERRORS[fault]
        assert refused.value.metadata["region"] == adapter.region


@each_region
def test_each_region_resolves_two_kinds_and_refuses_the_others(adapter: ManifestAdapter) -> None:
    """At least two kinds of credential can be asked for, the card number among them; others are refused by name."""
    offered = adapter.manifest.platform.lookup.credential
    assert len(offered) >= 2
    assert "card_number" in offered
    (case,) = [case for case in all_cases("round_trips") if case.adapter is adapter and case.id == "active"]
    made = {**credentials(case.identity, "active"), "electronic_sign_number": by_electronic_sign_number("SYN-1")}
    for kind in made.keys() - offered.keys():
        with pytest.raises(UnsupportedCredentialError) as refused:
            adapter.draft(made[kind])
        assert refused.value.metadata == {"region": adapter.region, "credential": kind}


@each_region
def test_only_a_qr_text_is_asked_once(adapter: ManifestAdapter) -> None:
    """A look-up may be repeated unless its credential is good for one time only."""
    (case,) = [case for case in all_cases("round_trips") if case.adapter is adapter and case.id == "active"]
    for kind, credential in credentials(case.identity, "active").items():
        if kind in adapter.manifest.platform.lookup.credential:
            assert adapter.draft(credential).repeatable is (kind != "qr_text")


@each_region
@pytest.mark.parametrize(
    "body",
    [b"", b"<html><body>502</body></html>", b"{}", b"[]", b"null", b"\xff\xfe", b"<ALL></ALL>", b'{"code":true}'],
)
def test_anything_else_is_a_bad_answer(adapter: ManifestAdapter, body: bytes) -> None:
    """An answer that the dialect does not allow is never read as a card, HTML with status 200 included."""
    with pytest.raises(BadUpstreamError) as refused:
        adapter.decode(HttpReply(200, {"content-type": "text/html"}, body), now=NOW)
    assert refused.value.metadata["region"] == adapter.region


@each_region
def test_a_login_gives_the_token_that_is_shown(adapter: ManifestAdapter) -> None:
    """Where the scheme has a login step, the platform answers it with a token; elsewhere there is none to ask."""
    secrets = dict.fromkeys(adapter.auth.secret_names, "SYNTHETIC-SECRET")
    request = adapter.auth.login(secrets=secrets)
    assert (request is None) == (adapter.auth.login_path is None)
    if request is None:
        return
    assert request.path == adapter.auth.login_path
    assert request.path != adapter.manifest.platform.lookup.path
    login = adapter.auth.read_login(adapter.auth.answer_login(request, secrets=secrets, token=TOKEN))
    assert login.token == TOKEN
    assert header(request, "content-type")
