"""The files beside the pages: their address holds a digest, so that they can be kept for good."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from aiohttp import web

from gateway.web.headers import PAGE_HEADERS

if TYPE_CHECKING:
    from collections.abc import Mapping

_TYPES: Final = {"site.css": "text/css", "icon.svg": "image/svg+xml"}
_FOR_GOOD: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class _Asset:
    content_type: str
    body: bytes
    packed: bytes


class Assets:
    """Serves the style and the icon, which are all there is."""

    def __init__(self) -> None:
        """Read them."""
        self._by_path: dict[str, _Asset] = {}
        self.addresses: dict[str, str] = {}
        for name, content_type in _TYPES.items():
            body = files("gateway.web").joinpath("static", name).read_bytes()
            stem, _, ending = name.partition(".")
            path = f"/static/{stem}.{hashlib.sha256(body).hexdigest()[:12]}.{ending}"
            self.addresses[name] = path
            self._by_path[path] = _Asset(content_type, body, gzip.compress(body, mtime=0))

    async def answer(self, request: web.Request) -> web.Response:
        """Answer with a file, or that there is none of this name."""
        asset = self._by_path.get(request.path)
        if asset is None:
            return web.Response(status=404, headers=PAGE_HEADERS)
        headers = {**PAGE_HEADERS, "cache-control": _FOR_GOOD, "vary": "Accept-Encoding"}
        body = asset.packed if takes_gzip(request.headers) else asset.body
        if body is asset.packed:
            headers["content-encoding"] = "gzip"
        return web.Response(body=body, content_type=asset.content_type, charset="utf-8", headers=headers)


def takes_gzip(headers: Mapping[str, str]) -> bool:
    """Tell whether a reader takes gzip (RFC 9110 section 12.5.3); a weight of 0 refuses it."""
    for member in headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = member.partition(";")
        if name.strip() in {"gzip", "*"}:
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False
