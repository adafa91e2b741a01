"""Trust marks of our homes: fetched from the anchors that issue them, shown while they hold, and dropped in time."""

from __future__ import annotations

import asyncio
import shutil
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from gateway.federation.own_marks import OwnMarks
from gateway.federation.publisher import EntityPublisher
from gateway.federation.publisher_content import EntityContent
from tests.fakes.federation_site import until
from tests.fakes.trusting import Trusting, renewed, started, trusting, vouching
from tests.trust.alliance import COAST, DAY, HOME, KEYS, NOW, SOUTHWEST, VISITED, configuration, signed
from trust.keys import SigningKey
from trust.trust_mark import TrustMark, sign_mark

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KIND: Final = "https://southwest.example/marks/joint-catalog"
OTHER: Final = "https://southwest.example/marks/other"
PLACE: Final = (SOUTHWEST, "federation/trust-mark")


def mark(**changes: Any) -> str:  # noqa: ANN401 - any claim
    """Sign a mark of HOME's."""
    key = changes.pop("key", KEYS[SOUTHWEST])
    values = {"iss": SOUTHWEST, "sub": HOME, "trust_mark_type": KIND, "iat": NOW, "exp": NOW + DAY, **changes}
    return sign_mark(TrustMark(**values), key=key)


class Issuer:
    """Answers for the anchor's marks as a test says."""

    def __init__(self) -> None:
        """Give a good mark."""
        self.body, self.status, self.asked = mark(), 200, 0

    async def __call__(self, request: web.Request) -> web.Response:
        """Answer."""
        self.asked += 1
        assert request.query["sub"] == HOME
        if request.query["trust_mark_type"] != KIND:
            return web.Response(status=404)
        return web.Response(body=self.body.encode(), status=self.status, content_type="application/trust-mark+jwt")


@asynccontextmanager
async def showing(
    folder: Path, *, types: tuple[str, ...] = (KIND,)
) -> AsyncIterator[tuple[Trusting, EntityPublisher, Issuer]]:
    """Have HOME show its marks, looking again at every moment."""
    content = EntityContent(entity=HOME, keys=(KEYS[HOME],), hints=(SOUTHWEST, COAST))
    publisher, issuer = EntityPublisher(content, folder=folder, clock=lambda: NOW), Issuer()
    async with trusting() as around:
        around.site.answers[PLACE] = issuer
        issuers = dict.fromkeys(types, (SOUTHWEST,)) | {"https://coast.example/marks/a": (COAST,)}
        around.publish(top=renewed(trust_mark_issuers=issuers))
        around.site.statements[SOUTHWEST, HOME] = signed(vouching(SOUTHWEST, HOME))
        async with started(around) as desk:
            await desk.refresh_all()
            marks = OwnMarks([publisher], desk=desk, client=around.client, clock=around.clock, journal=around.journal)
            keeping = asyncio.create_task(marks.keep(seconds=0.01))
            try:
                yield around, publisher, issuer
            finally:
                keeping.cancel()
                with suppress(asyncio.CancelledError):
                    await keeping


def shown(publisher: EntityPublisher) -> dict[str, str]:
    """Give what is shown."""
    return dict(publisher.current.claims.trust_marks)


async def looked(issuer: Issuer) -> None:
    """Wait until it was asked twice more."""
    before = issuer.asked
    await until(lambda: issuer.asked >= before + 2)


async def test_a_home_shows_the_mark_that_it_holds(tmp_path: Path) -> None:
    """Of the types that the anchor issues itself; the same mark again is no new configuration."""
    async with showing(tmp_path, types=(KIND, OTHER)) as (_, publisher, issuer):
        await until(lambda: shown(publisher) == {KIND: issuer.body})
        version = publisher.current.claims.version
        await looked(issuer)
        assert (publisher.current.claims.version, shown(publisher)) == (version, {KIND: issuer.body})
        issuer.body = mark(exp=NOW + 2 * DAY)
        await until(lambda: shown(publisher) == {KIND: issuer.body})


async def test_a_mark_that_is_not_issued_any_more_is_not_shown(tmp_path: Path) -> None:
    """404 takes it away; any other fault leaves it until its end, and is told once."""
    async with showing(tmp_path) as (around, publisher, issuer):
        await until(lambda: shown(publisher))
        issuer.status = 503
        await looked(issuer)
        assert shown(publisher) == {KIND: issuer.body}
        assert [line["error"] for line in around.events("trust_mark_not_shown")] == ["status"]
        around.clock.advance(2 * DAY)
        await until(lambda: not shown(publisher))
        issuer.status, issuer.body = 200, mark(iat=NOW + 2 * DAY, exp=NOW + 3 * DAY)
        await until(lambda: shown(publisher))
        issuer.status = 404
        await until(lambda: not shown(publisher))


async def test_a_mark_that_does_not_hold_is_not_shown(tmp_path: Path) -> None:
    """Of another entity, of another key, or none at all: it would tell nobody anything."""
    thief = SigningKey.generate("ES256", issuer=SOUTHWEST)
    async with showing(tmp_path) as (around, publisher, issuer):
        for wrong in (mark(sub=VISITED), mark(key=thief), "a.b.c"):
            issuer.body = mark()
            await until(lambda: shown(publisher))
            issuer.body = wrong
            await until(lambda: not shown(publisher))
        await looked(issuer)
        told = [line["error"] for line in around.events("trust_mark_not_shown")]
    assert told == ["ClaimInvalidError", "UnknownKeyError", "MalformedTokenError"]


async def test_an_anchor_that_is_not_believed_is_not_asked(tmp_path: Path) -> None:
    """Nothing is fetched for whom no chain leads to a pinned anchor."""
    content = EntityContent(entity=VISITED, keys=(KEYS[VISITED],), hints=("https://elsewhere.example",))
    publisher = EntityPublisher(content, folder=tmp_path, clock=lambda: NOW)
    async with trusting() as around, started(around) as desk:
        marks = OwnMarks([publisher], desk=desk, client=around.client, clock=around.clock, journal=around.journal)
        keeping = asyncio.create_task(marks.keep(seconds=0.01))
        before = around.site.asked.total()
        await asyncio.sleep(0.05)
        keeping.cancel()
    assert (around.site.asked.total(), shown(publisher)) == (before, {})


async def test_what_cannot_be_published_is_told(tmp_path: Path) -> None:
    """A folder that is gone changes nothing of what is shown."""
    async with showing(tmp_path) as (around, publisher, issuer):
        await until(lambda: shown(publisher))
        before = shown(publisher)
        shutil.rmtree(tmp_path)
        issuer.body = mark(exp=NOW + 2 * DAY)
        await until(lambda: around.events("trust_mark_not_shown"))
        assert shown(publisher) == before
    assert configuration(HOME).trust_marks == {}
