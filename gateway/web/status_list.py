"""Serves the status lists of the home regions (Token Status List, IETF OAuth draft, section 8): public and signed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aiohttp import web

from gateway.errors import StoreUnavailableError
from gateway.web.headers import HEADERS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.services.ports import RecognitionPlaces

MEDIA_TYPE = "application/statuslist+jwt"

_NUMBER = re.compile(r"(?:0|[1-9][0-9]{0,9})")


class StatusListPages:
    """Answers `GET /regions/{region}/status/{number}`."""

    def __init__(self, registers: Mapping[str, RecognitionPlaces]) -> None:
        """Take the registers by home region."""
        self._registers = registers

    def routes(self) -> list[web.RouteDef]:
        """Give what is to be added to the routes of the web side."""
        return [web.get("/regions/{region}/status/{number}", self._list)]

    async def _list(self, request: web.Request) -> web.Response:
        """Answer with a signed list; what nobody has is 404 in the same words, and 503 says that nobody can tell."""
        register = self._registers.get(request.match_info["region"])
        number = request.match_info["number"]
        try:
            body = await register.text(int(number)) if register is not None and _NUMBER.fullmatch(number) else None
        except StoreUnavailableError:
            return web.json_response({"error": "not available just now"}, status=503, headers=HEADERS)
        if register is None or body is None:
            return web.json_response({"error": "unknown status list"}, status=404, headers=HEADERS)
        headers = {**HEADERS, "cache-control": f"public, max-age={register.ttl_seconds}"}
        return web.Response(body=body, content_type=MEDIA_TYPE, headers=headers)
