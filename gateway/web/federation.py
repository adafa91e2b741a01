"""Routes of OpenID Federation 1.0 (sections 8 and 9): what an entity, and an anchor, says of itself and of others.

All is public and signed; `gateway.web.federation_answers` has how it is asked for and refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from gateway.web.federation_answers import Refusal, add_route, as_json, entity_of, flag, form_value, one, signed
from trust.errors import MetadataPolicyError, PolicyConflictError, TrustError, UnknownIssuerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiohttp import web

    _Resolve = Callable[[str, tuple[str, ...]], str]

STATEMENT: Final = "application/entity-statement+jwt"
KEY_SET: Final = "application/jwk-set+jwt"
RESOLVED: Final = "application/resolve-response+jwt"
MARK: Final = "application/trust-mark+jwt"
MARK_STATUS: Final = "application/trust-mark-status-response+jwt"
WELL_KNOWN: Final = "/.well-known/openid-federation"


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

    def mark_status(self, text: str) -> str:
        """Say what has become of a mark, compact JWS (UnknownIssuerError where none like it is issued here)."""


def path_of(entity: str) -> str:
    """Give the path of an entity identifier, nothing where it has none: the prefix of its routes."""
    _, slash, path = entity.removeprefix("https://").partition("/")
    return slash + path


def add_entity(app: web.Application, entity: PublishedEntity, *, prefix: str = "") -> None:
    """Serve an entity's configuration, its ended keys, and the links of its rotations, under a path prefix."""

    async def configuration(_request: web.Request) -> web.Response:
        return signed(entity.text(), STATEMENT)

    async def historical_keys(_request: web.Request) -> web.Response:
        return signed(entity.historical_keys(), KEY_SET)

    async def links(_request: web.Request) -> web.Response:
        return as_json(list(entity.links))

    add_route(app, f"{prefix}{WELL_KNOWN}", configuration)
    add_route(app, f"{prefix}/federation/historical-keys", historical_keys)
    add_route(app, f"{prefix}/federation/links", links)


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
        add_route(app, f"{prefix}/federation/{place}", getattr(routes, place.replace("-", "_")))
    add_route(app, f"{prefix}/federation/trust-mark-status", routes.trust_mark_status, method="POST")


class _AnchorRoutes:
    """Answers for one anchor, each named after its place."""

    def __init__(self, register: PublishedRegister, *, entity: str, resolve: _Resolve) -> None:
        self._register, self._entity, self._resolve = register, entity, resolve

    async def fetch(self, request: web.Request) -> web.Response:
        """Answer with the statement about a member (section 8.1)."""
        sub = entity_of(request, "sub")
        if sub == self._entity:
            raise Refusal("invalid_request", "The issuer states nothing of itself; see its configuration.")
        return signed(_known(self._register.fetch, sub), STATEMENT)

    async def list(self, request: web.Request) -> web.Response:
        """Answer with the members (section 8.2); none of them is an intermediate."""
        if flag(request, "intermediate"):
            return as_json([])
        found = self._register.list(
            types=request.query.getall("entity_type", ()),
            marked=flag(request, "trust_marked"),
            mark_type=one(request, "trust_mark_type"),
        )
        return as_json([*found])

    async def resolve(self, request: web.Request) -> web.Response:
        """Answer with a member as a whole (section 8.3)."""
        sub, anchors = entity_of(request, "sub"), request.query.getall("trust_anchor", ())
        if not anchors:
            raise Refusal("invalid_request", "The parameter trust_anchor is missing.")
        if self._entity not in anchors:
            raise Refusal("invalid_trust_anchor", "Only the anchor that answers here can be resolved to.")
        types = tuple(request.query.getall("entity_type", ()))
        return signed(_judged(self._resolve, sub, types), RESOLVED)

    async def trust_mark(self, request: web.Request) -> web.Response:
        """Answer with the mark of a member (section 8.6)."""
        kind, sub = one(request, "trust_mark_type"), entity_of(request, "sub")
        if kind is None:
            raise Refusal("invalid_request", "The parameter trust_mark_type is missing.")
        if kind != self._register.mark_type:
            raise Refusal("not_found", "No such trust mark is issued here.")
        return signed(_known(self._register.mark, sub), MARK)

    async def trust_mark_status(self, request: web.Request) -> web.Response:
        """Answer what has become of a mark (section 8.4); who asks later may get another answer."""
        text = await form_value(request, "trust_mark")
        return signed(_known(self._register.mark_status, text), MARK_STATUS, keep_seconds=0)


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
