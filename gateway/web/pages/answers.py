"""Answers of the site as HTTP has them: validators, packing, and how long they may be kept (RFC 9110, RFC 9111)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import ETag, web

from gateway.reasons import Language, negotiate
from gateway.web.headers import PAGE_HEADERS
from gateway.web.pages.assets import takes_gzip

if TYPE_CHECKING:
    from gateway.web.pages.cache import KeptPage

_RETRY_SECONDS: Final = "2"


async def entrance(request: web.Request) -> web.Response:
    """Lead to the language that a reader asks for most."""
    language = negotiate(request.headers.get("accept-language"))
    headers = {**PAGE_HEADERS, "location": f"/{language}/", "vary": "Accept-Language", "cache-control": "no-cache"}
    return web.Response(status=302, headers=headers)


async def add_slash(request: web.Request) -> web.Response:
    """Lead from a language without a slash to its entrance."""
    return web.Response(status=308, headers={**PAGE_HEADERS, "location": f"/{request.match_info['language']}/"})


def page_response(request: web.Request, page: KeptPage, language: Language) -> web.Response:
    """Answer with a page, or that the reader has it already (304)."""
    packed = takes_gzip(request.headers)
    tag = ETag(f"{page.digest}-gz" if packed else page.digest)
    keep = f"public, max-age={page.max_age_seconds}" if page.status == web.HTTPOk.status_code else "no-store"
    headers = {**PAGE_HEADERS, "vary": "Accept-Encoding", "content-language": language.value, "cache-control": keep}
    known = request.if_none_match or ()
    if page.status == web.HTTPOk.status_code and any(one.value in {tag.value, "*"} for one in known):
        response = web.Response(status=304, headers=headers)
    else:
        headers |= {"content-encoding": "gzip"} if packed else {}
        body = page.packed if packed else page.raw()
        response = web.Response(
            status=page.status, body=body, content_type=page.content_type, charset="utf-8", headers=headers
        )
    response.etag = tag
    return response


def busy_response() -> web.Response:
    """Answer that too many pages are asked for at once."""
    headers = {**PAGE_HEADERS, "cache-control": "no-store", "retry-after": _RETRY_SECONDS}
    return web.Response(status=503, headers=headers)
