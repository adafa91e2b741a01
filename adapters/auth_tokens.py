"""Schemes with a login step: an application logs in with its secret and then shows a token until that expires."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qsl, urlencode

from adapters.auth_scheme import Login, PlainScheme, header, make_login, same, secret
from adapters.codec import JsonValue, decode_json, encode_json, pick
from adapters.errors import BadUpstreamError, PlatformRefusedError, RegionDataError, UndecodableTextError
from adapters.wire import HttpReply, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from adapters.wire import Moment

_JSON = {"content-type": "application/json; charset=utf-8"}
_FORM = {"content-type": "application/x-www-form-urlencoded"}
_LIFETIME_WHEN_UNTOLD = 300
_REFUSALS = frozenset({400, 401, 403})  # RFC 6749 section 5.2 has 400 and 401


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginToken(PlainScheme):
    """JSON login with application id and secret, then a header of its own (synthetic, after a token good for 2 h).

    The options that end in `_field` or `_path` (but `login_path`) are dotted paths into the JSON.
    """

    secret_names: ClassVar[tuple[str, ...]] = ("app_id", "app_secret")
    login_path: str = "/auth/token"
    id_field: str = "appId"
    secret_field: str = "appSecret"  # noqa: S105 - the name of a field, not a secret
    code_path: str = "code"
    code_ok: str = "0"
    token_path: str = "data.accessToken"  # noqa: S105 - the name of a field, not a secret
    lifetime_path: str = "data.expiresIn"
    header: str = "X-Access-Token"
    lifetime_seconds: str = "7200"

    def __post_init__(self) -> None:
        """Check the lifetime that the platform's side gives (RegionDataError)."""
        _check_lifetime(self.lifetime_seconds)

    def headers(
        self,
        *,
        method: str,
        path: str,
        body: bytes,
        secrets: Mapping[str, str],
        moment: Moment,
        token: str | None,
    ) -> dict[str, str]:
        """Give the token's header."""
        del method, path, body, secrets, moment
        return {self.header: token or ""}

    def login(self, *, secrets: Mapping[str, str]) -> HttpRequest:
        """Give the login request."""
        credentials: dict[str, JsonValue] = {
            self.id_field: secret(secrets, "app_id"),
            self.secret_field: secret(secrets, "app_secret"),
        }
        return HttpRequest("POST", self.login_path, dict(_JSON), encode_json(_nested(credentials)))

    def read_login(self, reply: HttpReply) -> Login:
        """Read token and lifetime (PlatformRefusedError; BadUpstreamError)."""
        document = _login_document(reply)
        try:
            if str(pick(document, self.code_path)) != self.code_ok:
                raise PlatformRefusedError
            return make_login(pick(document, self.token_path), pick(document, self.lifetime_path))
        except UndecodableTextError:
            raise BadUpstreamError(rule="login_shape") from None

    def admits(
        self,
        request: HttpRequest,
        envelope: Mapping[str, str],
        record: Mapping[str, str],
        *,
        secrets: Mapping[str, str],
        now: float,
        tokens: Container[str],
    ) -> bool:
        """Look the token up."""
        del envelope, record, secrets, now
        return header(request, self.header) in tokens

    def answer_login(self, request: HttpRequest, *, secrets: Mapping[str, str], token: str) -> HttpReply:
        """Give the token, or a code other than the good one."""
        try:
            told = decode_json(request.body)
            credentials: list[JsonValue] = [pick(told, self.id_field), pick(told, self.secret_field)]
        except UndecodableTextError:
            credentials = [None, None]
        if not _are(credentials, secret(secrets, "app_id"), secret(secrets, "app_secret")):
            return HttpReply(200, dict(_JSON), encode_json(_nested({self.code_path: "401"})))
        answer: dict[str, JsonValue] = {
            self.code_path: self.code_ok,
            self.token_path: token,
            self.lifetime_path: int(self.lifetime_seconds),
        }
        return HttpReply(200, dict(_JSON), encode_json(_nested(answer)))


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth2ClientCredentials(PlainScheme):
    """Client credentials grant (RFC 6749 section 4.4, credentials in the form), then a bearer token (RFC 6750)."""

    secret_names: ClassVar[tuple[str, ...]] = ("client_id", "client_secret")
    login_path: str = "/oauth2/token"
    scope: str = ""
    lifetime_seconds: str = "3600"

    def __post_init__(self) -> None:
        """Check the lifetime that the platform's side gives (RegionDataError)."""
        _check_lifetime(self.lifetime_seconds)

    def headers(
        self,
        *,
        method: str,
        path: str,
        body: bytes,
        secrets: Mapping[str, str],
        moment: Moment,
        token: str | None,
    ) -> dict[str, str]:
        """Give the Authorization header."""
        del method, path, body, secrets, moment
        return {"Authorization": f"Bearer {token or ''}"}

    def login(self, *, secrets: Mapping[str, str]) -> HttpRequest:
        """Give the token request."""
        form = {
            "grant_type": "client_credentials",
            "client_id": secret(secrets, "client_id"),
            "client_secret": secret(secrets, "client_secret"),
            **({"scope": self.scope} if self.scope else {}),
        }
        return HttpRequest("POST", self.login_path, dict(_FORM), urlencode(form).encode())

    def read_login(self, reply: HttpReply) -> Login:
        """Read token and lifetime; an untold lifetime counts as 5 minutes (PlatformRefusedError; BadUpstreamError)."""
        document = _login_document(reply)
        if not isinstance(document, dict) or str(document.get("token_type")).lower() != "bearer":
            raise BadUpstreamError(rule="login_shape")
        return make_login(document.get("access_token"), document.get("expires_in", _LIFETIME_WHEN_UNTOLD))

    def admits(
        self,
        request: HttpRequest,
        envelope: Mapping[str, str],
        record: Mapping[str, str],
        *,
        secrets: Mapping[str, str],
        now: float,
        tokens: Container[str],
    ) -> bool:
        """Look the token up; the word Bearer may be in any case."""
        del envelope, record, secrets, now
        word, _, token = header(request, "Authorization").partition(" ")
        return word.lower() == "bearer" and token in tokens

    def answer_login(self, request: HttpRequest, *, secrets: Mapping[str, str], token: str) -> HttpReply:
        """Give the token, or an error of RFC 6749 section 5.2."""
        pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        form = dict(pairs)
        if len(form) != len(pairs) or form.get("grant_type") != "client_credentials":
            return HttpReply(400, dict(_JSON), encode_json({"error": "unsupported_grant_type"}))
        credentials = [form.get("client_id"), form.get("client_secret")]
        if not _are(credentials, secret(secrets, "client_id"), secret(secrets, "client_secret")):
            return HttpReply(401, dict(_JSON), encode_json({"error": "invalid_client"}))
        answer: JsonValue = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": int(self.lifetime_seconds),
        }
        return HttpReply(200, {**_JSON, "cache-control": "no-store"}, encode_json(answer))


def _check_lifetime(text: str) -> None:
    """Refuse an option that is no whole number of seconds."""
    if not (text.isascii() and text.isdigit()):
        raise RegionDataError(rule="option_number", column="lifetime_seconds")


def _login_document(reply: HttpReply) -> JsonValue:
    """Read the JSON of an answer to a login, after its status."""
    if reply.status in _REFUSALS:
        raise PlatformRefusedError
    if reply.status != 200:  # noqa: PLR2004 - an HTTP status
        raise BadUpstreamError(rule="login_status")
    try:
        return decode_json(reply.body)
    except UndecodableTextError as error:
        raise BadUpstreamError(rule=error.metadata["rule"]) from error  # carries no content


def _are(told: Sequence[JsonValue], *expected: str) -> bool:
    """Compare all credentials, the later ones too when an earlier one is wrong."""
    matches = [isinstance(one, str) and same(one, other) for one, other in zip(told, expected, strict=True)]
    return all(matches)


def _nested(values: Mapping[str, JsonValue]) -> JsonValue:
    """Build the object in which each dotted path leads to its value (RegionDataError where two paths collide)."""
    root: dict[str, JsonValue] = {}
    for path, value in values.items():
        *parents, name = path.split(".")
        place = root
        for parent in parents:
            inner = place.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise RegionDataError(rule="field_clash")
            place = inner
        place[name] = value
    return root
