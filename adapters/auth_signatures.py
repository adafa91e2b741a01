"""Schemes that prove a shared secret without sending it: a digest over the request, a timestamp and a nonce.

A request is good for `FRESHNESS_SECONDS` to either side of the platform's clock.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from adapters.auth_scheme import PlainScheme, header, is_fresh, same, secret
from adapters.errors import RegionDataError

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from adapters.wire import HttpRequest, Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFields(PlainScheme):
    """HMAC-SHA256, in hex, over all fields of the request, sorted by name (synthetic).

    What is signed is `name=value&name=value…`, both percent-encoded: or else a value with `&` could pass for two.
    """

    secret_names: ClassVar[tuple[str, ...]] = ("app_id", "app_key")
    id_field: str = "appid"
    time_field: str = "timestamp"
    nonce_field: str = "nonce"
    sign_field: str = "sign"

    def envelope(
        self,
        record: Mapping[str, str],
        constants: Mapping[str, str],
        *,
        secrets: Mapping[str, str],
        moment: Moment,
    ) -> dict[str, str]:
        """Give id, Unix time in seconds, nonce and signature (RegionDataError where two fields have one name)."""
        added = {
            self.id_field: secret(secrets, "app_id"),
            self.time_field: str(int(moment.now)),
            self.nonce_field: moment.nonce,
        }
        signed = {**record, **constants, **added}
        if len(signed) != len(record) + len(constants) + len(added) or self.sign_field in signed:
            raise RegionDataError(rule="field_clash")
        return {**added, self.sign_field: self._signature(signed, secrets)}

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
        """Check signature, id and time."""
        del request, tokens
        if record.keys() & envelope.keys():
            return False
        signed = {**record, **envelope}
        signature = signed.pop(self.sign_field, "")
        return (
            same(signature, self._signature(signed, secrets))
            and same(signed.get(self.id_field, ""), secret(secrets, "app_id"))
            and is_fresh(signed.get(self.time_field, ""), now)
        )

    @staticmethod
    def _signature(fields: Mapping[str, str], secrets: Mapping[str, str]) -> str:
        """Sign the fields, whatever their order."""
        text = "&".join(f"{quote(name, safe='')}={quote(fields[name], safe='')}" for name in sorted(fields))
        return hmac.new(secret(secrets, "app_key").encode(), text.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class TifHeaders(PlainScheme):
    """The `x-tif-*` headers: SHA-256, in lower-case hex, over timestamp + token + nonce + timestamp.

    The body is not signed; the shape was seen in public code, the details here are synthetic.
    """

    secret_names: ClassVar[tuple[str, ...]] = ("paas_id", "paas_token")
    prefix: str = "x-tif-"

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
        """Give the four headers, the time in Unix seconds."""
        del method, path, body, token
        timestamp = str(int(moment.now))
        return {
            f"{self.prefix}paasid": secret(secrets, "paas_id"),
            f"{self.prefix}timestamp": timestamp,
            f"{self.prefix}nonce": moment.nonce,
            f"{self.prefix}signature": self._signature(timestamp, moment.nonce, secrets),
        }

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
        """Check signature, id and time."""
        del envelope, record, tokens
        timestamp = header(request, f"{self.prefix}timestamp")
        expected = self._signature(timestamp, header(request, f"{self.prefix}nonce"), secrets)
        return (
            same(header(request, f"{self.prefix}signature"), expected)
            and same(header(request, f"{self.prefix}paasid"), secret(secrets, "paas_id"))
            and is_fresh(timestamp, now)
        )

    @staticmethod
    def _signature(timestamp: str, nonce: str, secrets: Mapping[str, str]) -> str:
        """Digest the token between time and nonce."""
        return hashlib.sha256(f"{timestamp}{secret(secrets, 'paas_token')}{nonce}{timestamp}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class HmacHeaders(PlainScheme):
    """Base64 of HMAC-SHA256 over client id, method name, time in milliseconds, nonce and body (synthetic)."""

    secret_names: ClassVar[tuple[str, ...]] = ("client_id", "client_secret")
    method_name: ClassVar[str] = "HmacSHA256"

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
        """Give the five headers."""
        del method, path, token
        timestamp = str(int(moment.now * 1000))
        return {
            "clientID": secret(secrets, "client_id"),
            "signatureMethod": self.method_name,
            "timestamp": timestamp,
            "nonce": moment.nonce,
            "signature": self._signature(timestamp, moment.nonce, body, secrets),
        }

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
        """Check signature, id, method name and time."""
        del envelope, record, tokens
        timestamp = header(request, "timestamp")
        expected = self._signature(timestamp, header(request, "nonce"), request.body, secrets)
        return (
            same(header(request, "signature"), expected)
            and same(header(request, "clientID"), secret(secrets, "client_id"))
            and header(request, "signatureMethod") == self.method_name
            and is_fresh(timestamp, now, per_second=1000)
        )

    def _signature(self, timestamp: str, nonce: str, body: bytes, secrets: Mapping[str, str]) -> str:
        """Sign the concatenation, as it is received."""
        text = f"{secret(secrets, 'client_id')}{self.method_name}{timestamp}{nonce}".encode() + body
        return base64.b64encode(hmac.digest(secret(secrets, "client_secret").encode(), text, "sha256")).decode()
