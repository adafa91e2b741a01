"""The platform's end of a dialect: reads look-ups and writes answers, so that no simulated platform needs its own code.

Pure. A region whose platform cannot be derived from its manifest brings a `simulator.py` with the same two verbs.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from adapters import codec
from adapters.errors import UndecodableTextError
from adapters.wire import HttpReply, HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.codec import JsonValue
    from adapters.form import IdentityForm
    from adapters.manifest import Manifest
    from adapters.manifest_platform import CredentialPart, Fault


class Lookup:
    """A look-up as the platform sees it: the envelope beside the record, the record, and the neutral fields."""

    __slots__ = ("envelope", "record", "values")

    def __init__(self, envelope: dict[str, str], record: dict[str, str], values: dict[str, str]) -> None:
        """Keep the three; values are by neutral path."""
        self.envelope = envelope
        self.record = record
        self.values = values


class PlatformSide:
    """Reads requests and writes replies of one region's dialect."""

    def __init__(self, manifest: Manifest, form: IdentityForm) -> None:
        """Keep the manifest's platform part."""
        self._lookup = manifest.platform.lookup
        self._reply = manifest.platform.reply
        self._columns = manifest.platform.line_columns
        self._labels = manifest.tables.label
        self._status_key = form.status_key
        self._zone = timezone(timedelta(hours=manifest.platform.utc_offset_hours))
        self._codes = {fault: code for code, fault in reversed(self._reply.fault.items())}

    def read_request(self, request: HttpRequest) -> Lookup:
        """Read a look-up (UndecodableTextError for what the dialect does not know)."""
        path, _, query = request.path.partition("?")
        if path != self._lookup.path or request.method != self._lookup.method:
            raise UndecodableTextError(rule="path")
        outer = self._open(request.body, query)
        for part in self._lookup.credential.values():
            found = self._match(outer, part)
            if found is not None:
                return found
        raise UndecodableTextError(rule="credential")

    def _open(self, body: bytes, query: str) -> dict[str, JsonValue]:
        match self._lookup.envelope:
            case "query":
                return dict(parse_qsl(query, keep_blank_values=True))
            case "form":
                return _form(body)
            case "xml":
                return dict(codec.decode_xml(body))
            case _:
                value = codec.decode_json(body)
                if not isinstance(value, dict):
                    raise UndecodableTextError(rule="object")
                return value

    def _match(self, outer: Mapping[str, JsonValue], part: CredentialPart) -> Lookup | None:
        """Give the look-up if it asks for this kind of credential."""
        constants = {**self._lookup.constant, **part.constant}
        if not constants.items() <= outer.items():
            return None
        record = self._record(outer, part)
        if record is None or record.keys() != part.record.keys():
            return None
        envelope = {k: str(v) for k, v in outer.items() if k != self._lookup.record_at and k not in record}
        return Lookup(envelope, record, {part.record[key]: text for key, text in record.items()})

    def _record(self, outer: Mapping[str, JsonValue], part: CredentialPart) -> dict[str, str] | None:
        at = self._lookup.record_at
        if not at:
            return {key: str(outer[key]) for key in part.record if key in outer}
        value = outer.get(at)
        match self._lookup.record:
            case "line":
                texts = str(value).split("|")
                return dict(zip(part.record, texts, strict=True)) if len(texts) == len(part.record) else None
            case "rows":
                return codec.rows_to_record(value)
            case _:
                return codec.flatten(value)

    def answer(self, fields: Mapping[str, str], *, as_of: float) -> HttpReply:
        """Write a good answer with a record of the region's own fields."""
        code = fields[self._status_key] if self._reply.code_is_status else self._reply.ok[0]
        rest = {k: v for k, v in fields.items() if not (self._reply.code_is_status and k == self._status_key)}
        envelope: dict[str, JsonValue] = {}
        match self._reply.record:
            case "line":
                record: JsonValue = codec.join_line({c: rest.get(c, "") for c in self._columns}, self._columns)
            case "rows":
                record = [{**row} for row in codec.record_to_rows(rest, {})]
            case _:
                record = dict(rest)
        if self._reply.record_at:
            _put(envelope, self._reply.record_at, record)
        else:
            envelope.update(rest)
        if self._reply.as_of_at:
            moment = datetime.fromtimestamp(as_of, self._zone)
            _put(envelope, self._reply.as_of_at, moment.strftime(self._reply.as_of_format))
        return self._close(envelope, code, 200)

    def refuse(self, fault: Fault) -> HttpReply:
        """Write the answer that stands for a fault; without a code for it, that for a bad request or the first."""
        code = self._codes.get(fault) or self._codes.get("bad_request") or next(iter(self._reply.fault))
        return self._close({}, code, self._reply.http_status.get(code, 200))

    def _close(self, envelope: dict[str, JsonValue], code: str, status: int) -> HttpReply:
        _put(envelope, self._reply.code_at, code)
        if self._reply.message_at:
            _put(envelope, self._reply.message_at, self._reply.text.get(code, code))
        if self._reply.envelope == "xml":
            body = codec.encode_xml(self._reply.root, {k: str(v) for k, v in envelope.items()})
            return HttpReply(status, {"content-type": "text/xml; charset=utf-8"}, body)
        return HttpReply(status, {"content-type": "application/json; charset=utf-8"}, codec.encode_json(envelope))


def _form(body: bytes) -> dict[str, JsonValue]:
    """Read a form (UndecodableTextError for what is no UTF-8)."""
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True))
    except UnicodeDecodeError:
        raise UndecodableTextError(rule="charset") from None


def _put(envelope: dict[str, JsonValue], path: str, value: JsonValue) -> None:
    """Set a value at a dotted path, making objects on the way."""
    *parents, last = path.split(".")
    for name in parents:
        inner = envelope.setdefault(name, {})
        if not isinstance(inner, dict):
            raise UndecodableTextError(rule="object")
        envelope = inner
    envelope[last] = value
