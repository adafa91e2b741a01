"""The login step of the schemes that have one."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs

import pytest

from adapters.auth import AuthScheme, scheme
from adapters.codec import JsonValue, decode_json, encode_json
from adapters.errors import BadUpstreamError, PlatformRefusedError, RegionDataError
from adapters.wire import HttpReply, HttpRequest

TOKEN = "t0ken-issued"
JSON_LOGIN = scheme("login_token", {})
OAUTH2 = scheme("oauth2_client_credentials", {"scope": "card:read"})
APP = {"app_id": "gateway", "app_secret": "s3cret"}
CLIENT = {"client_id": "gateway", "client_secret": "s3cret&+密"}


def _request(auth: AuthScheme, secrets: dict[str, str]) -> HttpRequest:
    """Give the login request."""
    request = auth.login(secrets=secrets)
    assert isinstance(request, HttpRequest)
    return request


def _reply(document: JsonValue, status: int = 200) -> HttpReply:
    """Give a JSON reply."""
    return HttpReply(status, {}, encode_json(document))


def test_json_login() -> None:
    """The right credentials give the token for two hours."""
    request = _request(JSON_LOGIN, APP)
    assert (request.method, request.path) == ("POST", JSON_LOGIN.login_path)
    assert decode_json(request.body) == {"appId": "gateway", "appSecret": "s3cret"}
    reply = JSON_LOGIN.answer_login(request, secrets=APP, token=TOKEN)
    assert decode_json(reply.body) == {"code": "0", "data": {"accessToken": TOKEN, "expiresIn": 7200}}
    login = JSON_LOGIN.read_login(reply)
    assert (login.token, login.lifetime_seconds) == (TOKEN, 7200.0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"appId":"gateway"}',
        b'{"appId":"gateway","appSecret":null}',
        b'{"appId":"gateway","appSecret":"s3creT"}',
        b'{"appId":"other","appSecret":"s3cret"}',
    ],
)
def test_json_login_refuses_wrong_credentials(body: bytes) -> None:
    """Anything else is answered with another code, which the gateway reads as a refusal."""
    reply = JSON_LOGIN.answer_login(replace(_request(JSON_LOGIN, APP), body=body), secrets=APP, token=TOKEN)
    assert TOKEN.encode() not in reply.body
    with pytest.raises(PlatformRefusedError):
        JSON_LOGIN.read_login(reply)


def test_json_login_with_other_names() -> None:
    """Every name of the dialogue is an option, dotted where it lies deeper."""
    names = {
        "id_field": "auth.id",
        "secret_field": "auth.key",
        "code_path": "ret",
        "code_ok": "200",
        "token_path": "jwt",
        "lifetime_path": "ttl",
        "lifetime_seconds": "60",
        "header": "X-T",
        "login_path": "/l",
    }
    auth = scheme("login_token", names)
    request = _request(auth, APP)
    assert decode_json(request.body) == {"auth": {"id": "gateway", "key": "s3cret"}}
    reply = auth.answer_login(request, secrets=APP, token=TOKEN)
    assert decode_json(reply.body) == {"ret": "200", "jwt": TOKEN, "ttl": 60}
    assert auth.read_login(reply).lifetime_seconds == 60.0


def test_json_login_refuses_names_that_collide() -> None:
    """A name cannot be a value and an object at once."""
    auth = scheme("login_token", {"token_path": "code.token"})
    with pytest.raises(RegionDataError, match="field_clash"):
        auth.answer_login(_request(auth, APP), secrets=APP, token=TOKEN)


def test_oauth2_login() -> None:
    """The client credentials grant gives a bearer token for an hour."""
    request = _request(OAUTH2, CLIENT)
    assert request.headers == {"content-type": "application/x-www-form-urlencoded"}
    assert parse_qs(request.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["gateway"],
        "client_secret": ["s3cret&+密"],
        "scope": ["card:read"],
    }
    reply = OAUTH2.answer_login(request, secrets=CLIENT, token=TOKEN)
    assert reply.headers["cache-control"] == "no-store"
    login = OAUTH2.read_login(reply)
    assert (login.token, login.lifetime_seconds) == (TOKEN, 3600.0)
    unscoped = scheme("oauth2_client_credentials", {})
    assert b"scope" not in _request(unscoped, CLIENT).body


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\xff\xfe", 400),
        (b"grant_type=password&client_id=gateway&client_secret=x", 400),
        (b"grant_type=client_credentials&grant_type=client_credentials", 400),
        (b"grant_type=client_credentials", 401),
        (b"grant_type=client_credentials&client_id=gateway&client_secret=x", 401),
        (b"grant_type=client_credentials&client_id=other&client_secret=s3cret%26%2B%E5%AF%86", 401),
    ],
)
def test_oauth2_login_refuses_wrong_credentials(body: bytes, status: int) -> None:
    """The errors of RFC 6749 section 5.2 are refusals."""
    reply = OAUTH2.answer_login(replace(_request(OAUTH2, CLIENT), body=body), secrets=CLIENT, token=TOKEN)
    assert reply.status == status
    assert TOKEN.encode() not in reply.body
    with pytest.raises(PlatformRefusedError):
        OAUTH2.read_login(reply)


@pytest.mark.parametrize("auth", [JSON_LOGIN, OAUTH2])
def test_statuses_of_a_login(auth: AuthScheme) -> None:
    """A refusing status is a refusal, another one is not understood."""
    with pytest.raises(PlatformRefusedError):
        auth.read_login(HttpReply(403))
    with pytest.raises(BadUpstreamError, match="login_status"):
        auth.read_login(HttpReply(404))
    with pytest.raises(BadUpstreamError, match="rule=syntax"):
        auth.read_login(HttpReply(200, {}, b"<html>"))


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        ({}, "login_shape"),
        ({"code": "0"}, "login_shape"),
        ({"code": "0", "data": {"accessToken": "t"}}, "login_shape"),
        ({"code": "0", "data": {"accessToken": "", "expiresIn": 1}}, "login_token"),
        ({"code": "0", "data": {"accessToken": 7, "expiresIn": 1}}, "login_token"),
        ({"code": "0", "data": {"accessToken": "t\r\nX: y", "expiresIn": 1}}, "login_token"),
        ({"code": "0", "data": {"accessToken": "t", "expiresIn": 0}}, "login_lifetime"),
        ({"code": "0", "data": {"accessToken": "t", "expiresIn": -1}}, "login_lifetime"),
        ({"code": "0", "data": {"accessToken": "t", "expiresIn": True}}, "login_lifetime"),
        ({"code": "0", "data": {"accessToken": "t", "expiresIn": 1.5}}, "login_lifetime"),
        ({"code": "0", "data": {"accessToken": "t", "expiresIn": None}}, "login_lifetime"),
    ],
)
def test_json_login_reads_strictly(told: JsonValue, rule: str) -> None:
    """A token that cannot be a header or a lifetime that is no number is refused."""
    with pytest.raises(BadUpstreamError) as caught:
        JSON_LOGIN.read_login(_reply(told))
    assert caught.value.metadata == {"rule": rule}


@pytest.mark.parametrize("told", [[], {}, {"access_token": "t"}, {"access_token": "t", "token_type": "mac"}])
def test_oauth2_login_reads_strictly(told: JsonValue) -> None:
    """Only a bearer token is understood."""
    with pytest.raises(BadUpstreamError, match="login_shape"):
        OAUTH2.read_login(_reply(told))


def test_lifetimes() -> None:
    """An untold lifetime is short, one in text is read, one beyond a day is a day."""
    told: dict[str, JsonValue] = {"access_token": "t", "token_type": "bearer"}
    assert OAUTH2.read_login(_reply(told)).lifetime_seconds == 300.0
    assert OAUTH2.read_login(_reply({**told, "expires_in": "120"})).lifetime_seconds == 120.0
    assert OAUTH2.read_login(_reply({**told, "expires_in": 10**12})).lifetime_seconds == 86_400.0


def test_a_scheme_without_login_reads_none() -> None:
    """There is nothing that such a reply could answer."""
    with pytest.raises(BadUpstreamError, match="no_login"):
        scheme("basic", {}).read_login(HttpReply(200))
