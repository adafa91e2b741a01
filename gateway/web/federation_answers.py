"""How the routes of a federation read what is asked and write what they answer (OpenID Federation 1.0 section 8).

Parameters that are not known are ignored, as the standard demands; one that is known and said twice, missing or
malformed is refused. An error is a JSON object of `error` and `error_description` (section 8.9) and never repeats what
was asked.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from aiohttp import web

from gateway.errors import GatewayError
from gateway.web.headers import HEADERS
from trust.claim_rules import is_entity

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
MAX_FORM_BYTES: Final = 80 * 1024
_FORM_SECONDS: Final = 10.0

_STATUS: Final = {
    "invalid_request": HTTPStatus.BAD_REQUEST,
    "invalid_metadata": HTTPStatus.BAD_REQUEST,
    "invalid_trust_anchor": HTTPStatus.NOT_FOUND,
    "invalid_trust_chain": HTTPStatus.BAD_REQUEST,
    "not_found": HTTPStatus.NOT_FOUND,
    "temporarily_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}


class Refusal(Exception):  # noqa: N818 - never leaves this file; a word for an answer, not for a fault
    """An error answer of the standard: its code, and a fixed sentence."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(code)
        self.code, self.words = code, words


def add_route(
    app: web.Application, path: str, handler: Callable[[web.Request], Awaitable[web.Response]], *, method: str = "GET"
) -> None:
    """Add a route whose refusals become answers."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except Refusal as refusal:
            return error_answer(refusal.code, refusal.words)
        except GatewayError:
            return error_answer("temporarily_unavailable", "The node cannot answer now; its operator must act.")

    if method == "GET":
        app.router.add_get(path, answer)
    else:
        app.router.add_route(method, path, answer)


def one(request: web.Request, name: str) -> str | None:
    """Read a parameter that may be said once."""
    values = request.query.getall(name, ())
    if len(values) > 1:
        raise Refusal("invalid_request", f"The parameter {name} is there twice.")
    return values[0] if values else None


def entity_of(request: web.Request, name: str) -> str:
    """Read an entity identifier that must be there."""
    value = one(request, name)
    if value is None:
        raise Refusal("invalid_request", f"The parameter {name} is missing.")
    if not is_entity(value):
        raise Refusal("invalid_request", f"The parameter {name} is no entity identifier.")
    return value


def flag(request: web.Request, name: str) -> bool:
    """Read a parameter that is true or false, false where it is missing."""
    value = one(request, name)
    if value not in {None, "true", "false"}:
        raise Refusal("invalid_request", f"The parameter {name} is true or false.")
    return value == "true"


def signed(text: str, content_type: str, *, keep_seconds: int = 60) -> web.Response:
    """Answer with a signed document, which may be kept for a while."""
    headers = {**HEADERS, "cache-control": f"public, max-age={keep_seconds}" if keep_seconds else "no-store"}
    return web.Response(body=text.encode("ascii"), content_type=content_type, headers=headers)


def as_json(document: object) -> web.Response:
    """Answer with a JSON document, which may be kept for a minute."""
    return signed(json.dumps(document), JSON)


def error_answer(code: str, words: str) -> web.Response:
    """Answer with an error of the standard, which nobody keeps."""
    body = json.dumps({"error": code, "error_description": words}).encode()
    headers = {**HEADERS, "cache-control": "no-store"}
    return web.Response(status=_STATUS[code], body=body, content_type=JSON, headers=headers)


async def form_value(request: web.Request, name: str) -> str:
    """Read a parameter of a posted form that must be there once; no more of the form is read than is allowed."""
    if request.content_type != FORM:
        raise Refusal("invalid_request", "The request is no form.")
    body = bytearray()
    try:
        async with asyncio.timeout(_FORM_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > MAX_FORM_BYTES:
                    raise Refusal("invalid_request", "The form is too long.")
        values = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=8).get(name, [])
    except (TimeoutError, ValueError):
        raise Refusal("invalid_request", "The form cannot be read.") from None
    if len(values) != 1:
        raise Refusal("invalid_request", f"The parameter {name} is there once.")
    return values[0]
