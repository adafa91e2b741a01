"""Routes of OpenID Federation 1.0 (sections 8 and 9): what an entity, and an anchor, says of itself and of others.

All is public and signed. Parameters that are not known are ignored, as section 8 demands; one that is known and said
twice, missing or malformed is refused. An error is a JSON object of `error` and `error_description` (section 8.9) and
never repeats what was asked.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol

from aiohttp import web

from gateway.errors import GatewayError
from gateway.web.headers import HEADERS
from trust.claim_rules import is_entity
from trust.errors import MetadataPolicyError, PolicyConflictError, TrustError, UnknownIssuerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    _Resolve = Callable[[str, tuple[str, ...]], str]

STATEMENT: Final = "application/entity-statement+jwt"
KEY_SET: Final = "application/jwk-set+jwt"
RESOLVED: Final = "application/resolve-response+jwt"
MARK: Final = "application/trust-mark+jwt"
JSON: Final = "application/json"
WELL_KNOWN: Final = "/.well-known/openid-federation"

_STATUS: Final = {
    "invalid_request": HTTPStatus.BAD_REQUEST,
    "invalid_metadata": HTTPStatus.BAD_REQUEST,
    "invalid_trust_anchor": HTTPStatus.NOT_FOUND,
    "invalid_trust_chain": HTTPStatus.BAD_REQUEST,
    "not_found": HTTPStatus.NOT_FOUND,
    "temporarily_unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}


class PublishedEntity(Protocol):
    """What publishes an entity; `gateway.federation.publisher.EntityPublisher` is one."""

    @property
    def links(self) -> tuple[str, ...]:
        """Configurations of former keys that list the next one, oldest first."""

    def text(self) -> str:
        """Give the entity configuration, compact JWS."""

    def historical_keys(self) -> str:
        """Give the keys that have ended, compact JWS."""


class PublishedRegister(Protocol):
    """What states who is a member; `gateway.federation.register.MemberRegister` is one."""

    @property
    def mark_type(self) -> str | None:
        """The type of mark that it issues."""

    def list(self, *, types: Iterable[str], marked: bool, mark_type: str | None) -> tuple[str, ...]:
        """List members."""

    def fetch(self, sub: str) -> str:
        """Give the statement about a member (UnknownIssuerError)."""

    def mark(self, sub: str) -> str:
        """Give the mark of a member (UnknownIssuerError)."""


class Refusal(Exception):  # noqa: N818 - never leaves this file; a word for an answer, not for a fault
    """An error answer of the standard: its code, and a fixed sentence."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(code)
        self.code, self.words = code, words


def path_of(entity: str) -> str:
    """Give the path of an entity identifier, nothing where it has none: the prefix of its routes."""
    _, slash, path = entity.removeprefix("https://").partition("/")
    return slash + path


def add_entity(app: web.Application, entity: PublishedEntity, *, prefix: str = "") -> None:
    """Serve an entity's configuration, its ended keys, and the links of its rotations, under a path prefix."""

    async def configuration(_request: web.Request) -> web.Response:
        return _signed(entity.text(), STATEMENT)

    async def historical_keys(_request: web.Request) -> web.Response:
        return _signed(entity.historical_keys(), KEY_SET)

    async def links(_request: web.Request) -> web.Response:
        return _json(list(entity.links))

    _add(app, f"{prefix}{WELL_KNOWN}", configuration)
    _add(app, f"{prefix}/federation/historical-keys", historical_keys)
    _add(app, f"{prefix}/federation/links", links)


def add_anchor(
    app: web.Application,
    register: PublishedRegister,
    *,
    entity: str,
    resolve: _Resolve,
    prefix: str = "",
) -> None:
    """Serve what an anchor says of its members, under a path prefix.

    Args:
        app: gets the routes.
        register: the members.
        entity: the anchor's identifier.
        resolve: gives the resolve response of an entity, with some entity types or all (TrustError).
        prefix: path before the routes.
    """
    routes = _AnchorRoutes(register, entity=entity, resolve=resolve)
    for place in ("fetch", "list", "resolve", "trust-mark"):
        _add(app, f"{prefix}/federation/{place}", getattr(routes, place.replace("-", "_")))


class _AnchorRoutes:
    """Answers for one anchor, each named after its place."""

    def __init__(self, register: PublishedRegister, *, entity: str, resolve: _Resolve) -> None:
        self._register, self._entity, self._resolve = register, entity, resolve

    async def fetch(self, request: web.Request) -> web.Response:
        """Answer with the statement about a member (section 8.1)."""
        sub = _entity(request, "sub")
        if sub == self._entity:
            raise Refusal("invalid_request", "The issuer states nothing of itself; see its configuration.")
        return _signed(_known(self._register.fetch, sub), STATEMENT)

    async def list(self, request: web.Request) -> web.Response:
        """Answer with the members (section 8.2); none of them is an intermediate."""
        if _flag(request, "intermediate"):
            return _json([])
        found = self._register.list(
            types=request.query.getall("entity_type", ()),
            marked=_flag(request, "trust_marked"),
            mark_type=_one(request, "trust_mark_type"),
        )
        return _json([*found])

    async def resolve(self, request: web.Request) -> web.Response:
        """Answer with a member as a whole (section 8.3)."""
        sub, anchors = _entity(request, "sub"), request.query.getall("trust_anchor", ())
        if not anchors:
            raise Refusal("invalid_request", "The parameter trust_anchor is missing.")
        if self._entity not in anchors:
            raise Refusal("invalid_trust_anchor", "Only the anchor that answers here can be resolved to.")
        types = tuple(request.query.getall("entity_type", ()))
        return _signed(_judged(self._resolve, sub, types), RESOLVED)

    async def trust_mark(self, request: web.Request) -> web.Response:
        """Answer with the mark of a member (section 8.6)."""
        kind, sub = _one(request, "trust_mark_type"), _entity(request, "sub")
        if kind is None:
            raise Refusal("invalid_request", "The parameter trust_mark_type is missing.")
        if kind != self._register.mark_type:
            raise Refusal("not_found", "No such trust mark is issued here.")
        return _signed(_known(self._register.mark, sub), MARK)


def _add(app: web.Application, path: str, handler: Callable[[web.Request], Awaitable[web.Response]]) -> None:
    """Add a route whose refusals become answers."""

    async def answer(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except Refusal as refusal:
            return _error(refusal.code, refusal.words)
        except GatewayError:
            return _error("temporarily_unavailable", "The node cannot answer now; its operator must act.")

    app.router.add_get(path, answer)


def _known(give: Callable[[str], str], sub: str) -> str:
    """Give what there is of a member."""
    try:
        return give(sub)
    except UnknownIssuerError:
        raise Refusal("not_found", "Nothing is stated here of this subject.") from None


def _judged(resolve: _Resolve, sub: str, types: tuple[str, ...]) -> str:
    """Resolve a subject."""
    try:
        return resolve(sub, types)
    except UnknownIssuerError:
        raise Refusal("not_found", "Nothing is stated here of this subject.") from None
    except (MetadataPolicyError, PolicyConflictError):
        raise Refusal("invalid_metadata", "The metadata of the subject does not meet the policy.") from None
    except TrustError as error:
        raise Refusal("invalid_trust_chain", f"The chain of the subject does not hold: {error.message}") from None


def _one(request: web.Request, name: str) -> str | None:
    """Read a parameter that may be said once."""
    values = request.query.getall(name, ())
    if len(values) > 1:
        raise Refusal("invalid_request", f"The parameter {name} is there twice.")
    return values[0] if values else None


def _entity(request: web.Request, name: str) -> str:
    """Read an entity identifier that must be there."""
    value = _one(request, name)
    if value is None:
        raise Refusal("invalid_request", f"The parameter {name} is missing.")
    if not is_entity(value):
        raise Refusal("invalid_request", f"The parameter {name} is no entity identifier.")
    return value


def _flag(request: web.Request, name: str) -> bool:
    """Read a parameter that is true or false, false where it is missing."""
    value = _one(request, name)
    if value not in {None, "true", "false"}:
        raise Refusal("invalid_request", f"The parameter {name} is true or false.")
    return value == "true"


def _signed(text: str, content_type: str) -> web.Response:
    """Answer with a signed document, which may be kept for a minute."""
    headers = {**HEADERS, "cache-control": "public, max-age=60"}
    return web.Response(body=text.encode("ascii"), content_type=content_type, headers=headers)


def _json(document: object) -> web.Response:
    """Answer with a JSON document, which may be kept for a minute."""
    return _signed(json.dumps(document), JSON)


def _error(code: str, words: str) -> web.Response:
    """Answer with an error of the standard, which nobody keeps."""
    body = json.dumps({"error": code, "error_description": words}).encode()
    headers = {**HEADERS, "cache-control": "no-store"}
    return web.Response(status=_STATUS[code], body=body, content_type=JSON, headers=headers)
