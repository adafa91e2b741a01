"""Both sides of every authentication scheme: what the gateway writes is admitted, and nothing that differs from it."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from adapters.auth import SCHEME_NAMES, AuthScheme, Login, scheme
from adapters.errors import RegionDataError
from adapters.wire import HttpReply, HttpRequest, Moment

if TYPE_CHECKING:
    from collections.abc import Mapping

NOW = 1_800_000_000.25
NONCE = "n0nce-1"
TOKEN = "t0ken-issued"
RECORD = {"aac002": "110101191003070012", "aac003": "测试甲&a=1"}
CONSTANTS = {"version": "1.0.0", "fn": "0811014"}
BODY = "卡=1".encode()

SECRETS: dict[str, dict[str, str]] = {
    "api_key": {"api_key": "s3cret-key"},
    "basic": {"user": "gateway", "password": "s3cret:密"},
    "body_credentials": {"user": "gateway", "password": "s3cret"},
    "hmac_headers": {"client_id": "gateway", "client_secret": "s3cret"},
    "login_token": {"app_id": "gateway", "app_secret": "s3cret"},
    "oauth2_client_credentials": {"client_id": "gateway", "client_secret": "s3cret&+密"},
    "signed_fields": {"app_id": "gateway", "app_key": "s3cret"},
    "tif_headers": {"paas_id": "gateway", "paas_token": "s3cret"},
}
OPTIONS: dict[str, dict[str, str]] = {"body_credentials": {"user_field": "用户名", "password_field": "密码"}}
TIMED = ["signed_fields", "tif_headers", "hmac_headers"]
WITH_LOGIN = ["login_token", "oauth2_client_credentials"]


@dataclass(frozen=True)
class Sent:
    """What reaches the platform: a request and its decoded fields."""

    request: HttpRequest
    envelope: dict[str, str]
    record: dict[str, str]


def build(name: str) -> AuthScheme:
    """Build a scheme with the options it needs."""
    return scheme(name, OPTIONS.get(name, {}))


def send(name: str, *, now: float = NOW) -> Sent:
    """Play the gateway's side."""
    auth, secrets, moment = build(name), SECRETS[name], Moment(now, NONCE)
    extra = auth.envelope(RECORD, CONSTANTS, secrets=secrets, moment=moment)
    headers = auth.headers(method="POST", path="/q", body=BODY, secrets=secrets, moment=moment, token=TOKEN)
    return Sent(HttpRequest("POST", "/q", headers, BODY), {**CONSTANTS, **extra}, dict(RECORD))


def admitted(name: str, sent: Sent, *, secrets: Mapping[str, str] | None = None, now: float = NOW) -> bool:
    """Play the platform's side."""
    return build(name).admits(
        sent.request,
        sent.envelope,
        sent.record,
        secrets=SECRETS[name] if secrets is None else secrets,
        now=now,
        tokens={TOKEN},
    )


def alterations(name: str) -> list[tuple[str, Sent]]:
    """Give every single alteration of what the scheme protects."""
    sent = send(name)
    headers = sent.request.headers
    altered: list[tuple[str, Sent]] = []
    for key, value in headers.items():
        changes = {value + "x", value[:-1], value.swapcase(), ""} - {value}
        changed_headers = [{**headers, key: changed} for changed in sorted(changes)]
        changed_headers.append({other: text for other, text in headers.items() if other != key})
        altered += [(key, replace(sent, request=replace(sent.request, headers=one))) for one in changed_headers]
    added = sorted(sent.envelope.keys() - CONSTANTS.keys())
    for key in sent.envelope if name == "signed_fields" else added:
        changed_fields = [
            {**sent.envelope, key: one} for one in (sent.envelope[key] + "x", sent.envelope[key][:-1], "")
        ]
        changed_fields.append({other: text for other, text in sent.envelope.items() if other != key})
        altered += [(key, replace(sent, envelope=one)) for one in changed_fields]
    if name == "signed_fields":
        altered += [
            ("changed field", replace(sent, record={**RECORD, "aac003": "测试乙"})),
            ("added field", replace(sent, record={**RECORD, "aaz500": "A00000000"})),
            ("split field", replace(sent, record={"aac002": RECORD["aac002"], "aac003": "测试甲", "a": "1"})),
            ("moved field", replace(sent, envelope={**sent.envelope, "aac002": "x"})),
        ]
    if name == "hmac_headers":
        altered.append(("body", replace(sent, request=replace(sent.request, body=BODY + b" "))))
    return altered


def test_every_scheme_is_tested() -> None:
    """A scheme that is added to the table is added here."""
    assert set(SECRETS) == SCHEME_NAMES
    for name, secrets in SECRETS.items():
        assert set(build(name).secret_names) == set(secrets)


@pytest.mark.parametrize("name", sorted(SCHEME_NAMES))
def test_platform_admits_its_gateway(name: str) -> None:
    """What the gateway's side writes, the platform's side admits, whatever the case of header names."""
    sent = send(name)
    assert admitted(name, sent)
    shouted = {key.upper(): value for key, value in sent.request.headers.items()}
    assert admitted(name, replace(sent, request=replace(sent.request, headers=shouted)))


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        pytest.param(name, sent, id=f"{name}-{what}-{number}")
        for name in sorted(SCHEME_NAMES)
        for number, (what, sent) in enumerate(alterations(name))
    ],
)
def test_platform_refuses_any_alteration(name: str, sent: Sent) -> None:
    """A single change to anything the scheme protects is refused."""
    assert not admitted(name, sent)


@pytest.mark.parametrize("name", sorted(SCHEME_NAMES - set(WITH_LOGIN)))
def test_platform_refuses_other_secrets(name: str) -> None:
    """One wrong secret is enough."""
    for key in SECRETS[name]:
        assert not admitted(name, send(name), secrets={**SECRETS[name], key: "other"})


@pytest.mark.parametrize("name", TIMED)
def test_platform_refuses_stale_requests(name: str) -> None:
    """A signature is good for five minutes to either side."""
    for drift in (-299, 0, 299):
        assert admitted(name, send(name), now=NOW + drift)
    for drift in (-302, 302, 10**6):
        assert not admitted(name, send(name), now=NOW + drift)


@pytest.mark.parametrize("name", sorted(SCHEME_NAMES))
def test_schemes_show_no_secret(name: str) -> None:
    """Neither a scheme nor what it makes shows a secret."""
    auth = build(name)
    shown = repr(auth) + repr(send(name).request) + repr(auth.login(secrets=SECRETS[name])) + repr(Login(TOKEN, 1.0))
    for value in (*SECRETS[name].values(), TOKEN):
        assert value == "gateway" or value not in shown


@pytest.mark.parametrize("name", sorted(SCHEME_NAMES - set(WITH_LOGIN)))
def test_missing_secrets_are_named(name: str) -> None:
    """A secret that the configuration lacks is named by its name."""
    for key in SECRETS[name]:
        secrets = {**SECRETS[name], key: ""}
        with pytest.raises(RegionDataError) as caught:
            admitted(name, send(name), secrets=secrets)
        assert caught.value.metadata == {"rule": "missing_secret", "column": key}


@pytest.mark.parametrize("name", sorted(SCHEME_NAMES - set(WITH_LOGIN)))
def test_schemes_without_login(name: str) -> None:
    """A scheme without a login step has no path for it and answers none."""
    auth = build(name)
    assert auth.login_path is None
    assert auth.login(secrets=SECRETS[name]) is None
    assert auth.answer_login(HttpRequest("POST", "/"), secrets=SECRETS[name], token=TOKEN).status == 404


def test_shapes_on_the_wire() -> None:
    """Each scheme writes what its definition says."""
    assert send("api_key").request.headers == {"X-Api-Key": "s3cret-key"}
    expected = base64.b64encode("gateway:s3cret:密".encode()).decode()
    assert send("basic").request.headers == {"Authorization": f"Basic {expected}"}
    assert send("body_credentials").envelope == {**CONSTANTS, "用户名": "gateway", "密码": "s3cret"}
    assert send("login_token").request.headers == {"X-Access-Token": TOKEN}
    assert send("oauth2_client_credentials").request.headers == {"Authorization": f"Bearer {TOKEN}"}
    tif = send("tif_headers").request.headers
    assert tif["x-tif-signature"] == hashlib.sha256(b"1800000000s3cretn0nce-11800000000").hexdigest()
    signed = b"gatewayHmacSHA2561800000000250n0nce-1" + BODY
    assert send("hmac_headers").request.headers == {
        "clientID": "gateway",
        "signatureMethod": "HmacSHA256",
        "timestamp": "1800000000250",
        "nonce": NONCE,
        "signature": base64.b64encode(hmac.digest(b"s3cret", signed, "sha256")).decode(),
    }
    text = b"aac002=1&appid=gateway&fn=2&nonce=n0nce-1&timestamp=1800000000"
    extra = build("signed_fields").envelope(
        {"aac002": "1"}, {"fn": "2"}, secrets=SECRETS["signed_fields"], moment=Moment(NOW, NONCE)
    )
    assert extra["sign"] == hmac.new(b"s3cret", text, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("name", "options", "rule", "column"),
    [
        ("no_such", {}, "unknown_scheme", None),
        ("api_key", {"hedaer": "X"}, "unknown_option", "hedaer"),
        ("api_key", {"header": ""}, "option_text", "header"),
        ("api_key", {"header": 1}, "option_text", "header"),
        ("body_credentials", {"user_field": "a"}, "missing_option", "password_field"),
        ("login_token", {"lifetime_seconds": "2h"}, "option_number", "lifetime_seconds"),
        ("oauth2_client_credentials", {"lifetime_seconds": "²"}, "option_number", "lifetime_seconds"),
    ],
)
def test_wrong_manifests_are_refused(name: str, options: dict[str, str], rule: str, column: str | None) -> None:
    """An unknown scheme or option, or a wrong value, is named."""
    with pytest.raises(RegionDataError) as caught:
        scheme(name, options)
    assert caught.value.metadata == {"rule": rule, **({"column": column} if column else {})}


@pytest.mark.parametrize("clash", ["timestamp", "sign", "fn"])
def test_signed_fields_refuses_two_fields_of_one_name(clash: str) -> None:
    """A record cannot overwrite what the scheme or the envelope says."""
    with pytest.raises(RegionDataError, match="field_clash"):
        build("signed_fields").envelope(
            {clash: "x"}, CONSTANTS, secrets=SECRETS["signed_fields"], moment=Moment(NOW, NONCE)
        )


def test_basic_refuses_a_user_with_a_colon() -> None:
    """RFC 7617 has no way to write such a user."""
    with pytest.raises(RegionDataError, match="user_without_colon"):
        build("basic").headers(
            method="GET", path="/", body=b"", secrets={"user": "a:b", "password": "c"}, moment=Moment(0, ""), token=None
        )


def test_replies_are_typed() -> None:
    """A reply of a scheme without login is a plain 404."""
    assert build("basic").answer_login(HttpRequest("GET", "/"), secrets={}, token="") == HttpReply(404)
