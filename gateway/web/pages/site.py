"""The site: reads an address, makes the page or takes it from memory, and answers as caches and browsers expect it.

Pages are made in a thread of their own, so that a long one does not hold up the calls that this node answers, and one
question that many ask at a time is answered once.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Final

from aiohttp import web

from adapters.errors import UnknownItemError, UnknownItemTypeError, UnknownRegionError
from gateway.errors import CatalogStaleError, UnknownCatalogError
from gateway.reasons import Language, negotiate
from gateway.services.ask_card_use import AskCardUse
from gateway.services.catalog_search import CatalogSearch
from gateway.services.local_home import china_day
from gateway.web.pages.answers import add_slash, busy_response, entrance, page_response
from gateway.web.pages.assets import Assets
from gateway.web.pages.cache import KeptPage, PageCache
from gateway.web.pages.error_pages import bad_query_page, not_found_page, nowhere, stale_page
from gateway.web.pages.page import ENTRANCE, Question, View
from gateway.web.pages.pinyin import romanize
from gateway.web.pages.query import BadQueryError, Query, UnknownCodeError
from gateway.web.pages.render import Renderer

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from gateway.services.catalog_search import SearchIndex
    from gateway.services.ports import Clock
    from gateway.services.public_catalog import PublicCatalog
    from gateway.services.verdict import VerdictRules
    from gateway.web.pages.page import Place, Read, Route

MOST_WAITING: Final = 64
"""Pages that are being made or wait for it; who comes then is asked to come again."""
CACHE_BYTES: Final = 16 * 1024 * 1024
INDEX_AFTER_SECONDS: Final = 5.0
"""From the start until the search index is made, unless a page was asked for before."""

_LANGUAGES: Final = "|".join(Language)
_OTHER_LANGUAGE: Final = "/{other:[A-Za-z]{2}(?:-[A-Za-z0-9]{2,8})*}"
"""What looks like a language (BCP 47, of two letters); no address of the node begins like one."""

_NOT_FOUND: Final = (UnknownRegionError, UnknownCatalogError, UnknownItemError, UnknownItemTypeError)


class PublicSite:
    """Serves the pages of the public catalog."""

    def __init__(
        self,
        routes: Iterable[Route],
        *,
        source: Callable[[], PublicCatalog],
        rules: VerdictRules,
        clock: Clock,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        """Take the routes, what gives the present state of the catalogs, the rules of verdicts, and the time.

        `source` is asked for every page: it gives the same object as long as nothing has changed.
        """
        self._routes = tuple(routes)
        self._source = source
        self._rules = rules
        self._clock = clock
        self._assets = Assets()
        self._renderer = Renderer(self._assets.addresses)
        self._cache = PageCache(cache_bytes)
        self._making: dict[Hashable, asyncio.Future[KeptPage]] = {}
        self._search = CatalogSearch(romanize)
        self._shown: PublicCatalog | None = None
        self._pool: ThreadPoolExecutor
        self._warming: asyncio.TimerHandle
        self._view: tuple[AskCardUse, Future[SearchIndex]]

    def add_to(self, app: web.Application) -> None:
        """Add the routes; the search index is made for the first page, or soon after the start."""
        app.router.add_get("/", entrance)
        app.router.add_get("/static/{name}", self._assets.answer)
        app.router.add_get(f"/{{language:{_LANGUAGES}}}", add_slash)
        for route in self._routes:
            app.router.add_get(f"/{{language:{_LANGUAGES}}}/{route.path}", partial(self._answer, route.read))
        app.router.add_get(f"/{{language:{_LANGUAGES}}}/{{rest:.*}}", partial(self._answer, nowhere))
        app.router.add_get(_OTHER_LANGUAGE, self._elsewhere)
        app.router.add_get(f"{_OTHER_LANGUAGE}/{{rest:.*}}", self._elsewhere)
        app.on_startup.append(self._begin)
        app.on_cleanup.append(self._end)

    async def _begin(self, _app: web.Application) -> None:
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="pages")
        self._pool.submit(self._renderer.prepare)
        # To read many catalogs takes long, and a node that starts has to answer calls first.
        self._warming = asyncio.get_running_loop().call_later(INDEX_AFTER_SECONDS, self._state)

    async def _end(self, _app: web.Application) -> None:
        self._warming.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _state(self) -> View:
        """Give what pages are made from now; where the catalogs have changed, nothing that was made before serves."""
        shown = self._source()
        if shown is not self._shown:
            self._shown = shown
            self._cache.clear()
            self._view = AskCardUse(shown, self._rules), self._pool.submit(self._search.index, shown)
        ask, index = self._view
        return View(shown=shown, ask=ask, index=index.result, today=china_day(self._clock()))

    async def _answer(self, read: Read, request: web.Request) -> web.StreamResponse:
        """Answer one address."""
        return await self._answer_in(Language(request.match_info["language"]), read, request)

    async def _elsewhere(self, request: web.Request) -> web.StreamResponse:
        """Answer below what looks like a language and is none of ours, in the one that the reader asks for most."""
        response = await self._answer_in(negotiate(request.headers.get("accept-language")), nowhere, request)
        response.headers["vary"] = "Accept-Encoding, Accept-Language"
        return response

    async def _answer_in(self, language: Language, read: Read, request: web.Request) -> web.StreamResponse:
        """Answer one address in a language."""
        query = Query(request.query)
        try:
            question = read(query, request.match_info)
            place = request.path.removeprefix(f"/{language}/"), query.canonical
        except BadQueryError as error:
            question, place = Question.of(bad_query_page, parameter=error.parameter), ENTRANCE
        view = self._state()
        key = view.shown.revision, view.today, language, question, place
        page = self._cache.get(key) or await self._made(key, partial(self._make, view, question, language, place))
        return busy_response() if page is None else page_response(request, page, language)

    async def _made(self, key: Hashable, make: Callable[[], KeptPage]) -> KeptPage | None:
        """Make a page in the thread of pages, once for all who wait for it; None where too many wait."""
        making = self._making.get(key)
        if making is None:
            if len(self._making) >= MOST_WAITING:
                return None
            making = asyncio.get_running_loop().run_in_executor(self._pool, make)
            self._making[key] = making
            making.add_done_callback(partial(self._keep, key))
        return await asyncio.shield(making)

    def _keep(self, key: Hashable, done: asyncio.Future[KeptPage]) -> None:
        del self._making[key]
        if not done.cancelled() and done.exception() is None and done.result().status == web.HTTPOk.status_code:
            self._cache.keep(key, done.result())

    def _make(self, view: View, question: Question, language: Language, place: Place) -> KeptPage:
        """Make a page, or the one that says why there is none."""
        try:
            page = question.answer(view)
        except UnknownCodeError as error:
            page = not_found_page(view, parameter=error.parameter)
        except _NOT_FOUND:
            page = not_found_page(view)
        except CatalogStaleError:
            page = stale_page(view)
        if page.status != web.HTTPOk.status_code:
            place = ENTRANCE  # a page that says no does not repeat the address in its links
        text = self._renderer.render(page, view, language=language, place=place)
        return KeptPage.of(
            text, status=page.status, max_age_seconds=page.max_age_seconds, content_type=page.content_type
        )
