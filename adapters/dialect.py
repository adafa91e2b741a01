"""A region's HTTP dialect, driven by its manifest: how a card is asked about and how the answer is read.

Pure. This is the gateway's side; `platform_side.py` has the mirror, which simulated platforms use.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from adapters import codec
from adapters.errors import (
    AdapterError,
    BadUpstreamError,
    CardNotFoundError,
    CredentialUsedError,
    HolderMismatchError,
    MalformedFieldError,
    PlatformRefusedError,
    PlatformUnavailableError,
    TokenRefusedError,
    UndecodableTextError,
    UnsupportedCredentialError,
)
from adapters.wire import Draft, HttpReply, HttpRequest, PlatformRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.codec import JsonValue
    from adapters.credential import Credential
    from adapters.form import IdentityForm
    from adapters.manifest import Manifest
    from adapters.manifest_platform import Fault

_CONTENT_TYPES = {
    "json": "application/json; charset=utf-8",
    "xml": "text/xml; charset=utf-8",
    "form": "application/x-www-form-urlencoded",
}

_SECONDS_REMEMBERED = 64

_FAULTS: dict[Fault, type[AdapterError]] = {
    "card_not_found": CardNotFoundError,
    "holder_mismatch": HolderMismatchError,
    "credential_used": CredentialUsedError,
    "platform_refused": PlatformRefusedError,
    "token_refused": TokenRefusedError,
    "unavailable": PlatformUnavailableError,
    "bad_request": BadUpstreamError,
}


class ManifestDialect:
    """Encodes look-ups and decodes answers as one manifest says."""

    def __init__(self, manifest: Manifest, form: IdentityForm) -> None:
        """Keep the manifest's platform part and the key under which the identity form has the status."""
        self.region = manifest.region
        self._lookup = manifest.platform.lookup
        self._reply = manifest.platform.reply
        self._columns = manifest.platform.line_columns
        self._status_key = form.status_key
        self._statuses = manifest.tables.card_status
        self._zone = timezone(timedelta(hours=manifest.platform.utc_offset_hours))
        self._unix_time = lru_cache(_SECONDS_REMEMBERED)(self._read_time)

    # --- the gateway's side

    def draft(self, credential: Credential) -> Draft:
        """Name what to ask for a credential (UnsupportedCredentialError; MalformedFieldError for a bar in a line)."""
        part = self._lookup.credential.get(credential.lookup_kind)  # type: ignore[call-overload]
        if part is None:
            raise UnsupportedCredentialError(region=self.region, credential=credential.kind.value)
        record = {key: credential.values[path] for key, path in part.record.items()}
        if self._lookup.record == "line" and any("|" in text for text in record.values()):
            # An opaque QR text must not become two columns.
            raise MalformedFieldError(field=f"credential.{credential.kind}", rule="separator", region=self.region)
        constants = {**self._lookup.constant, **part.constant}
        repeatable = not credential.used_up
        return Draft(self._lookup.method, self._lookup.path, record, constants, repeatable)

    def encode(self, draft: Draft, extra: Mapping[str, str]) -> HttpRequest:
        """Write the request; `extra` is what the authentication scheme puts into the envelope."""
        outer = {**draft.constants, **extra}
        where = self._lookup.record_at
        if self._lookup.envelope == "query":
            return HttpRequest(draft.method, f"{draft.path}?{urlencode({**outer, **draft.record})}")
        headers = {"content-type": _CONTENT_TYPES[self._lookup.envelope]}
        if self._lookup.envelope == "xml":
            body = codec.encode_xml(self._lookup.root, {**outer, **draft.record})
        elif self._lookup.envelope == "form":
            inner = {where: str(self._asked(draft.record))} if where else draft.record
            body = urlencode({**outer, **inner}).encode()
        else:
            asked: dict[str, JsonValue] = {where: self._asked(draft.record)} if where else dict(draft.record)
            body = codec.encode_json({**outer, **asked})
        return HttpRequest(draft.method, draft.path, headers, body)

    def _asked(self, record: Mapping[str, str]) -> JsonValue:
        """Shape what is asked for; the columns of a request's line are the credential's own."""
        match self._lookup.record:
            case "line":
                return "|".join(record.values())
            case "rows":
                return [{**row} for row in codec.record_to_rows(record, {})]
            case _:
                return dict(record)

    def decode(self, reply: HttpReply, *, now: float) -> PlatformRecord:
        """Read the platform's answer: a record, or the error that its code stands for.

        BadUpstreamError for everything that the dialect does not allow, such as an HTML page with status 200.
        """
        try:
            return self._decode(reply, now)
        except UndecodableTextError as error:
            raise BadUpstreamError(region=self.region, **error.metadata) from None

    def _decode(self, reply: HttpReply, now: float) -> PlatformRecord:
        envelope: JsonValue
        envelope = {**codec.decode_xml(reply.body)} if self._reply.envelope == "xml" else codec.decode_json(reply.body)
        code = self._text_at(envelope, self._reply.code_at)
        fault = self._reply.fault.get(code)
        if fault is not None:
            raise _FAULTS[fault](region=self.region, **({"fault": "platform"} if fault == "unavailable" else {}))
        is_status = self._reply.code_is_status and code in self._statuses
        if code not in self._reply.ok and not is_status and not self._reply.code_is_status:
            raise BadUpstreamError(region=self.region, rule="unknown_code")
        at = self._reply.record_at
        fields = self._read_record(codec.pick(envelope, at) if at else envelope)
        for path in (self._reply.code_at, self._reply.message_at, self._reply.as_of_at):
            beside, _, name = path.rpartition(".")
            if beside == at:
                fields.pop(name, None)
        if self._reply.code_is_status:
            fields[self._status_key] = code
        return PlatformRecord(fields, self._as_of(envelope, now))

    def _as_of(self, envelope: JsonValue, now: float) -> float:
        """Read the time for which the platform vouches; without one, and never later than, the time of the answer."""
        if not self._reply.as_of_at:
            return now
        text = self._text_at(envelope, self._reply.as_of_at)
        try:
            return min(now, self._unix_time(text))
        except ValueError:
            raise BadUpstreamError(region=self.region, rule="as_of") from None

    def _read_time(self, text: str) -> float:
        """Read a time in the platform's pattern (ValueError); most answers of one second tell the same."""
        moment = datetime.strptime(text, self._reply.as_of_format)  # noqa: DTZ007 - the zone is set below
        return moment.replace(tzinfo=self._zone).timestamp()

    def _text_at(self, envelope: JsonValue, path: str) -> str:
        value = codec.pick(envelope, path)
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise BadUpstreamError(region=self.region, rule="envelope")
        return str(value)

    # --- records as text, for callers that have a document rather than fields

    def parse_text(self, text: str) -> dict[str, str]:
        """Read the region's text form of a record (UndecodableTextError)."""
        if self._reply.record == "line":
            return self._read_record(text)
        body = text.encode("utf-8", "surrogatepass")
        if self._reply.envelope == "xml":
            return codec.decode_xml(body)
        return self._read_record(codec.decode_json(body))

    def write_text(self, fields: Mapping[str, str]) -> str:
        """Write a record in the region's text form."""
        if self._reply.envelope == "xml":
            return codec.encode_xml(self._reply.root, fields).decode()
        record = self._write_record(fields)
        return record if isinstance(record, str) else codec.encode_json(record).decode()

    def _read_record(self, value: JsonValue) -> dict[str, str]:
        match self._reply.record:
            case "line":
                if not isinstance(value, str):
                    raise BadUpstreamError(region=self.region, rule="line")
                return {key: text for key, text in codec.split_line(value, self._columns).items() if text}
            case "rows":
                return codec.rows_to_record(value)
            case _:
                return codec.flatten(value)

    def _write_record(self, fields: Mapping[str, str]) -> JsonValue:
        match self._reply.record:
            case "line":
                return codec.join_line({name: fields.get(name, "") for name in self._columns}, self._columns)
            case "rows":
                return [{**row} for row in codec.record_to_rows(fields, {})]
            case _:
                return dict(fields)
