"""Federation keys that have ended: our own, and those that peers tell of; none that is revoked."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from gateway.federation.ended_keys import EndedKeys
from gateway.key_shelf import retire, stage, switch
from tests.fakes.trusting import revocation, started, trusting
from tests.gateway.federation.test_home_keys import ENTITY, Files
from tests.trust.alliance import DAY, HOME, KEYS, NOW, VISITED, fingerprint
from trust.historical_keys import HistoricalKey, sign_historical_keys
from trust.keys import SigningKey

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.federation.desk import TrustDesk

OLD = SigningKey.generate("ES256", issuer=VISITED)
ENDED = HistoricalKey(key=OLD.public(), expires_at=NOW - DAY)
PLACE = (VISITED, "federation/historical-keys")


@dataclass
class Lab:
    """What a peer tells, and who asks."""

    desk: TrustDesk
    ended: EndedKeys
    text: str = field(default_factory=lambda: sign_historical_keys([ENDED], key=KEYS[VISITED], now=NOW))

    async def answer(self, _: web.Request) -> web.StreamResponse:
        """Answer as the peer."""
        return web.Response(body=self.text.encode(), content_type="application/jwk-set+jwt")


@asynccontextmanager
async def lab() -> AsyncIterator[Lab]:
    """Run a desk that believes the peer."""
    async with trusting() as around, started(around) as desk:
        made = Lab(desk, EndedKeys({}, desk=desk, client=around.client, clock=around.clock))
        around.site.answers[PLACE] = made.answer
        yield made


async def test_a_peer_tells_its_own() -> None:
    """Once they were asked for, for the entity that stands for the region."""
    async with lab() as at:
        assert list(at.ended.of(VISITED, "visited")) == []
        await at.ended.learn("visited")
        assert list(at.ended.of(VISITED, "visited")) == [ENDED]
        assert list(at.ended.of(VISITED, "abroad")) == []
        assert list(at.ended.of(HOME, "visited")) == []


async def test_one_that_is_revoked_does_not_count() -> None:
    """Whatever the peer itself says of it; one that is said to be superseded counts on."""
    async with lab() as at:
        await at.ended.learn("visited")
        at.desk.believe_revocation(revocation(VISITED, target=fingerprint(OLD), reason="superseded"))
        assert list(at.ended.of(VISITED, "visited")) == [ENDED]
    async with lab() as at:
        await at.ended.learn("visited")
        at.desk.believe_revocation(revocation(VISITED, target=fingerprint(OLD)))
        assert list(at.ended.of(VISITED, "visited")) == []


async def test_what_cannot_be_had_or_proved_is_left() -> None:
    """A stranger's signature, what is no key set, and a region of which nobody is believed; what was known stays."""
    async with lab() as at:
        await at.ended.learn("visited")
        for text in (sign_historical_keys([], key=OLD, now=NOW), "junk", "试"):
            at.text = text
            await at.ended.learn("visited")
        await at.ended.learn("elsewhere")
        assert list(at.ended.of(VISITED, "visited")) == [ENDED]


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
async def test_our_own_are_known_as_soon_as_they_end(tmp_path: Path) -> None:
    """And for our own entity only."""
    files = Files(tmp_path)
    home = files.keys()
    former = home.publisher.keys[0]
    async with trusting() as around, started(around) as desk:
        ended = EndedKeys({"chongqing": home}, desk=desk, client=around.client, clock=around.clock)
        for step in (lambda path: stage(path, issuer=ENTITY), switch, retire):
            assert list(ended.of(ENTITY, "chongqing")) == []
            step(files.path("federation"))
            home.look()
        assert [old.key for old in ended.of(ENTITY, "chongqing")] == [former]
        assert list(ended.of(VISITED, "chongqing")) == []
        await ended.learn("chongqing")
