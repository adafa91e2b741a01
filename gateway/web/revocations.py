"""The feed of revocations: everybody may read what a node believes to be revoked, and tell it of what is.

Section 11.4 of OpenID Federation 1.0 leaves revocation open; this is our profile. A list is read from a number on; a
stream (Server-Sent Events) gives each revocation the moment it is believed. What is posted proves itself: a node
believes it only from who has a say in it, so nobody has to be let in, and nothing here needs a token. A stream also
names, in events of type `status`, the status lists that have just changed: hints, which need no proof.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal, Protocol

from aiohttp import web

from gateway.errors import GatewayError, LimitError
from gateway.web.federation_answers import JSON
from gateway.web.headers import HEADERS
from trust import errors as t

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.services.status_notices import StatusNotices

MAX_REVOCATION_BYTES: Final = 8192
MAX_ANSWER_CHARACTERS: Final = 512 * 1024
"""Characters of revocations in one answer; who asks again from `next` gets the rest."""

_NUMBER: Final = re.compile(r"[0-9]{1,10}")
_PATH: Final = "/federation/revocations"
_NO_STORE: Final = {**HEADERS, "cache-control": "no-store"}

_BAD, _FORBIDDEN, _CONFLICT = HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT
_REASONS: Final[dict[type[t.TrustError], tuple[HTTPStatus, str]]] = {
    t.MalformedTokenError: (_BAD, "MALFORMED_TOKEN"),
    t.EmbeddedKeyError: (_BAD, "EMBEDDED_KEY"),
    t.AlgorithmNotAllowedError: (_BAD, "ALG_NOT_ALLOWED"),
    t.WrongTypeError: (_BAD, "WRONG_TYPE"),
    t.ClaimInvalidError: (_BAD, "CLAIM_INVALID"),
    t.UnknownIssuerError: (_FORBIDDEN, "ISSUER_UNKNOWN"),
    t.UnknownKeyError: (_FORBIDDEN, "UNKNOWN_KEY"),
    t.KeyAlgorithmMismatchError: (_FORBIDDEN, "KEY_ALG_MISMATCH"),
    t.BadSignatureError: (_FORBIDDEN, "BAD_SIGNATURE"),
    t.ForeignKeyError: (_FORBIDDEN, "FOREIGN_KEY"),
    t.KeyRevokedError: (_FORBIDDEN, "KEY_REVOKED"),
    t.PeerRevokedError: (_FORBIDDEN, "PEER_REVOKED"),
    t.TransitiveTrustError: (_FORBIDDEN, "NOT_TRANSITIVE"),
    t.NotYetValidError: (_CONFLICT, "NOT_YET_VALID"),
    t.TrustExpiredError: (_CONFLICT, "TRUST_EXPIRED"),
}
"""By error: the status and the reason, the same word as on the gRPC side."""


class RevocationDesk(Protocol):
    """What believes revocations and remembers them in the order in which it learned of them."""

    def believe_revocation(self, text: str) -> bool:
        """Believe a revocation, compact JWS; tells whether it is new.

        Raises:
            TrustError: a leaf that says why it is not believed.
            LimitError: there are too many already.
            GatewayError: it cannot be remembered now.
        """

    def feed(self, after: int) -> tuple[Sequence[tuple[int, str]], int]:
        """Give what came after a number, each with its own, rising, and the number to ask after next."""

    async def changed(self, after: int) -> None:
        """Wait until `feed` has something after a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedLimits:
    """How many streams there may be at a time, how many new revocations a second are taken, and times in seconds.

    A heartbeat is sent after `heartbeat_seconds` of silence; a reader or writer that stands still for `stall_seconds`
    is let go.
    """

    streams: int = 64
    new_per_second: int = 20
    heartbeat_seconds: float = 15.0
    stall_seconds: float = 10.0


class Revocations:
    """Serves the feed of a desk, and the notices of a node that has status lists.

    `clock` is one that never goes back, in seconds.
    """

    def __init__(
        self,
        desk: RevocationDesk,
        *,
        clock: Callable[[], float],
        limits: FeedLimits | None = None,
        notices: StatusNotices | None = None,
    ) -> None:
        """Begin with no stream and a full allowance of new ones."""
        self._desk = desk
        self._notices = notices
        self._clock = clock
        self._limits = limits or FeedLimits()
        self._streams = 0
        self._ending = asyncio.Event()
        self._allowance = float(self._limits.new_per_second)
        self._counted_at = clock()

    def add_to(self, app: web.Application, *, prefix: str = "") -> None:
        """Add the routes under a path prefix; streams end when the application shuts down."""
        app.router.add_get(f"{prefix}{_PATH}", self._list)
        app.router.add_get(f"{prefix}{_PATH}/stream", self._stream, allow_head=False)
        app.router.add_post(f"{prefix}{_PATH}", self._post)
        app.on_shutdown.append(self._end)

    async def _end(self, _app: web.Application) -> None:
        self._ending.set()

    async def _list(self, request: web.Request) -> web.Response:
        """Answer `{"next": N, "revocations": [JWS, ...]}`."""
        after = _after(request)
        if after is None:
            return _refuse(_BAD, "AFTER")
        entries, following = self._desk.feed(after)
        texts: list[str] = []
        room = MAX_ANSWER_CHARACTERS
        for number, text in entries:
            if len(text) > room and texts:
                break
            room -= len(text)
            texts.append(text)
            following = number
        return _json(HTTPStatus.OK, {"next": following, "revocations": texts})

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Send each revocation as an event whose id is its number, and each notice as one of type `status`."""
        after = _after(request, resumed=request.headers.get("last-event-id"))
        if after is None:
            return _refuse(_BAD, "AFTER")
        if self._streams >= self._limits.streams or self._ending.is_set():
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, "LIMIT", retry_seconds=30)
        response = web.StreamResponse(headers={**_NO_STORE, "x-accel-buffering": "no"})
        response.content_type = "text/event-stream"
        self._streams += 1
        try:
            await response.prepare(request)
            await self._tell(response, after)
        except (ConnectionError, TimeoutError):
            # The reader has gone, or stands still: nothing more is to wait for it. It resumes where it was.
            if request.transport is not None:
                request.transport.abort()
        finally:
            self._streams -= 1
        return response

    async def _tell(self, response: web.StreamResponse, after: int) -> None:
        """Write events and heartbeats until the application shuts down."""
        ending = asyncio.create_task(self._ending.wait())
        noted = 0 if self._notices is None else self._notices.count
        try:
            await self._write(response, ":\n\n")
            while not ending.done():
                entries, after = self._desk.feed(after)
                for number, text in entries:
                    await self._write(response, f"id: {number}\ndata: {text}\n\n")
                if self._notices is not None:
                    changed, noted = self._notices.after(noted)
                    for uri in changed:
                        await self._write(response, f"event: status\ndata: {uri}\n\n")
                if not await self._news(after, noted, ending):
                    await self._write(response, ":\n\n")
        finally:
            ending.cancel()

    async def _news(self, after: int, noted: int, ending: asyncio.Task[Literal[True]]) -> bool:
        """Wait for news or for the end; tells whether there is either, otherwise a heartbeat is due."""
        waits = [self._desk.changed(after), *([] if self._notices is None else [self._notices.changed(noted)])]
        news = [asyncio.ensure_future(wait) for wait in waits]
        try:
            done, _ = await asyncio.wait(
                (*news, ending), timeout=self._limits.heartbeat_seconds, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for waiting in news:
                waiting.cancel()
        return bool(done)

    async def _write(self, response: web.StreamResponse, text: str) -> None:
        async with asyncio.timeout(self._limits.stall_seconds):
            await response.write(text.encode("ascii"))

    async def _post(self, request: web.Request) -> web.Response:
        """Take one compact JWS: 202 where it is new, 200 where it is known, or a reason."""
        text = await self._body(request)
        if text is None:
            return _refuse(_BAD, "MALFORMED_TOKEN")
        if self._left() < 1:
            return _refuse(HTTPStatus.TOO_MANY_REQUESTS, "LIMIT", retry_seconds=1)
        try:
            new = self._desk.believe_revocation(text)
        except t.TrustError as error:
            return _refuse(*_REASONS.get(type(error), (_FORBIDDEN, "REFUSED")))
        except LimitError:
            return _refuse(HTTPStatus.TOO_MANY_REQUESTS, "LIMIT")
        except GatewayError:
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, "UNAVAILABLE", retry_seconds=30)
        if not new:
            return _json(HTTPStatus.OK, {"known": True})
        self._allowance -= 1
        return _json(HTTPStatus.ACCEPTED, {"known": False})

    async def _body(self, request: web.Request) -> str | None:
        """Read a short ASCII body, or None for any other; no more of it is kept than is allowed."""
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.stall_seconds):
                async for chunk in request.content.iter_any():
                    body += chunk
                    if len(body) > MAX_REVOCATION_BYTES:
                        return None
            return body.decode("ascii").strip()
        except (TimeoutError, UnicodeDecodeError):
            return None

    def _left(self) -> float:
        """Give how many new ones may be taken now; what was not used in a second is lost."""
        now, most = self._clock(), float(self._limits.new_per_second)
        self._allowance = min(most, self._allowance + (now - self._counted_at) * most)
        self._counted_at = now
        return self._allowance


def _after(request: web.Request, *, resumed: str | None = None) -> int | None:
    """Read from which number on; a reader that resumes says it in a header, which counts before the address."""
    text = request.query.get("after", "0") if resumed is None else resumed
    return int(text) if _NUMBER.fullmatch(text) else None


def _json(status: HTTPStatus, document: object) -> web.Response:
    """Answer with a JSON document that nobody keeps."""
    return web.Response(status=status, body=json.dumps(document).encode(), content_type=JSON, headers=_NO_STORE)


def _refuse(status: HTTPStatus, reason: str, *, retry_seconds: int | None = None) -> web.Response:
    """Answer why not, as a word for machines."""
    response = _json(status, {"reason": reason})
    if retry_seconds is not None:
        response.headers["retry-after"] = str(retry_seconds)
    return response
