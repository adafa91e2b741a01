"""Schemes that show a fixed credential with every request: in the body, in a header of its own, or as RFC 7617 Basic.

All three send the secret itself, so they are only as good as the TLS below them.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from adapters.auth_scheme import PlainScheme, header, same, secret
from adapters.errors import RegionDataError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from adapters.wire import HttpRequest, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyCredentials(PlainScheme):
    """User and password as two fields beside the others, as in flat XML (synthetic)."""

    secret_names: ClassVar[tuple[str, ...]] = ("user", "password")
    user_field: str
    password_field: str

    def envelope(
        self,
        record: Mapping[str, str],
        constants: Mapping[str, str],
        *,
        secrets: Mapping[str, str],
        moment: Moment,
    ) -> dict[str, str]:
        """Give user and password."""
        del record, constants, moment
        return {self.user_field: secret(secrets, "user"), self.password_field: secret(secrets, "password")}

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
        """Compare both fields."""
        del request, record, now, tokens
        known_user = same(envelope.get(self.user_field, ""), secret(secrets, "user"))
        known_password = same(envelope.get(self.password_field, ""), secret(secrets, "password"))
        return known_user & known_password


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey(PlainScheme):
    """One key in one header (synthetic)."""

    secret_names: ClassVar[tuple[str, ...]] = ("api_key",)
    header: str = "X-Api-Key"

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
        """Give the key's header."""
        del method, path, body, moment, token
        return {self.header: secret(secrets, "api_key")}

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
        """Compare the key."""
        del envelope, record, now, tokens
        return same(header(request, self.header), secret(secrets, "api_key"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicCredentials(PlainScheme):
    """HTTP Basic (RFC 7617) with UTF-8."""

    secret_names: ClassVar[tuple[str, ...]] = ("user", "password")

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
        """Give the Authorization header (RegionDataError for a user with a colon, RFC 7617 section 2)."""
        del method, path, body, moment, token
        return {"Authorization": f"Basic {self._credentials(secrets)}"}

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
        """Compare the credentials; the word Basic may be in any case."""
        del envelope, record, now, tokens
        word, _, credentials = header(request, "Authorization").partition(" ")
        return same(credentials, self._credentials(secrets)) and word.lower() == "basic"

    @staticmethod
    def _credentials(secrets: Mapping[str, str]) -> str:
        """Encode user and password."""
        user = secret(secrets, "user")
        if ":" in user:
            raise RegionDataError(rule="user_without_colon", column="user")
        return base64.b64encode(f"{user}:{secret(secrets, 'password')}".encode()).decode()
