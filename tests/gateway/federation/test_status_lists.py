"""The verifier's side of the status list: whom it asks, how often, and what it makes of silence."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.federation.status_lists import LISTS_OF_AN_ISSUER, StatusClient, StatusLists
from gateway.services.status_register import StatusRegister
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.place_book import FakePlaceBook
from tests.fakes.regions import KEYS, RING
from trust.claims import StatusReference
from trust.errors import RecognitionRevokedError, StatusUnknownError, UnknownKeyError
from trust.status_list import StatusList, pack, sign_status_list

if TYPE_CHECKING:
    from collections.abc import Callable

    from trust.keys import VerificationKey

BASE = "https://chongqing.example"
ADDRESS = f"{BASE}/regions/chongqing/status"


class Issuer:
    """Chongqing's lists, how often they were asked for, and what may go wrong on the way."""

    def __init__(self, clock: FakeClock) -> None:
        """Begin with one list and one recognition."""
        self.clock = clock
        self.book = FakePlaceBook(7)
        self.register = StatusRegister(KEYS["chongqing"], book=self.book, address=ADDRESS, clock=clock)
        self.reference = StatusReference(uri=ADDRESS, index=0)
        self.asked: list[str] = []
        self.answer: Callable[[], str] | None = None
        self.held = asyncio.Event()
        self.held.set()

    async def fetch(self, address: str) -> str:
        """Answer with the list, or with what a test put in its place."""
        self.asked.append(address)
        await self.held.wait()
        if self.answer is not None:
            return self.answer()
        text = await self.register.text(7)
        assert text is not None
        return text.decode()

    def lists(self, **changes: Any) -> StatusLists:  # noqa: ANN401 - any argument
        """Make the verifier's side."""
        arguments = {"find": RING.find, "bases": {"chongqing": BASE}, "fetch": self.fetch, **changes}
        return StatusLists(clock=self.clock, **arguments)


async def issuer() -> Issuer:
    """Make an issuer with a clock of its own."""
    made = Issuer(FakeClock())
    reference = await made.register.allocate(jti="1", subject="s", expires_at=int(made.clock.now) + 600)
    assert reference is not None
    made.reference = reference
    return made


def unreachable() -> str:
    """Fail as the client does."""
    raise StatusUnknownError(rule="unreachable")


def older() -> str:
    """Give a genuine list from before the revocation."""
    statuses = StatusList(
        issuer="chongqing",
        uri=f"{ADDRESS}/7",
        iat=int(NOON) - 60,
        exp=int(NOON) + 3600,
        ttl=15,
        statuses=pack({}, places=2**17),
    )
    return sign_status_list(statuses, key=KEYS["chongqing"])


async def looked(lists: StatusLists, reference: StatusReference, issuer: str = "chongqing") -> str:
    """Refresh and check; give what came of it."""
    try:
        await lists.refresh(issuer, reference)
        lists.check(issuer, reference)
    except RecognitionRevokedError as error:
        return error.metadata["status"]
    except StatusUnknownError as error:
        return error.metadata["rule"] if error.metadata["issuer"] == issuer else "of another issuer"
    return "valid"


async def test_a_revocation_is_seen_once_the_list_is_old() -> None:
    """Within the `ttl` one fetch serves for all, after it the next look sees what changed."""
    home = await issuer()
    lists = home.lists()
    assert [await looked(lists, home.reference) for _ in range(3)] == ["valid"] * 3
    await home.register.revoke("1")
    home.clock.advance(14)
    assert await looked(lists, home.reference) == "valid"
    home.clock.advance(1)
    assert await looked(lists, home.reference) == "revoked"
    assert home.asked == [f"{ADDRESS}/7"] * 2


async def test_a_revocation_is_seen_at_once_where_its_issuer_has_told() -> None:
    """The next look fetches anew, though no sooner than any other; what cannot be had is tried again."""
    home = await issuer()
    lists = home.lists()
    assert await looked(lists, home.reference) == "valid"
    await home.register.revoke("1")
    lists.changed(BASE, f"{ADDRESS}/7")
    home.clock.advance(1)
    assert await looked(lists, home.reference) == "valid", "asked for a moment ago"
    home.answer = unreachable
    home.clock.advance(1)
    assert await looked(lists, home.reference) == "valid", "still as good as before"
    home.answer = None
    home.clock.advance(2)
    assert await looked(lists, home.reference) == "revoked"
    assert len(home.asked) == 3
    home.clock.advance(2)
    assert await looked(lists, home.reference) == "revoked"
    assert len(home.asked) == 3, "no more to be fetched"


async def test_a_change_told_while_a_list_is_fetched_is_not_lost() -> None:
    """What is on its way may be from before the change."""
    home = await issuer()
    lists = home.lists()
    home.held.clear()
    first = asyncio.create_task(looked(lists, home.reference))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    lists.changed(BASE, f"{ADDRESS}/7")
    home.held.set()
    assert await first == "valid"
    await home.register.revoke("1")
    home.clock.advance(2)
    assert await looked(lists, home.reference) == "revoked"


@pytest.mark.parametrize(
    ("entity", "uri"),
    [("https://sichuan.example", f"{ADDRESS}/7"), (BASE, f"{ADDRESS}/8"), (BASE, "http://169.254.169.254/")],
)
async def test_nobody_speaks_of_the_lists_of_another(entity: str, uri: str) -> None:
    """And a list that nobody has asked for is not fetched because somebody names it."""
    home = await issuer()
    lists = home.lists()
    assert await looked(lists, home.reference) == "valid"
    lists.changed(entity, uri)
    home.clock.advance(3)
    assert await looked(lists, home.reference) == "valid"
    assert len(home.asked) == 1


async def test_nothing_is_known_before_the_first_fetch() -> None:
    """Whoever cannot wait is told that nothing is known; nothing is assumed."""
    home = await issuer()
    lists = home.lists()
    with pytest.raises(StatusUnknownError) as caught:
        lists.check("chongqing", home.reference)
    assert caught.value.metadata == {"issuer": "chongqing", "rule": "not fetched"}
    await lists.refresh("chongqing", home.reference)
    lists.check("chongqing", home.reference)


@pytest.mark.parametrize(
    "uri",
    [
        f"{BASE}.attacker.example/regions/chongqing/status/7",
        f"{BASE}/regions/sichuan/status/7",
        f"{BASE}/regions/chongqing/status/7/",
        f"{BASE}/regions/chongqing/status/../7",
        f"{BASE}/regions/chongqing/status/07",
        f"{BASE}/regions/chongqing/status/",
        f"{BASE}/regions/chongqing/status/٧",
        f"{BASE}/regions/chongqing/status/7?a",
        f"{BASE}/other/7",
        "http://chongqing.example/regions/chongqing/status/7",
        "http://169.254.169.254/regions/chongqing/status/7",
        "http://127.0.0.1:1/regions/chongqing/status/7",
        "file:///etc/passwd",
        "",
    ],
)
async def test_a_token_never_chooses_whom_we_call(uri: str) -> None:
    """TF5: an address that is not the issuer's own is refused without one outbound connection."""
    home = await issuer()
    assert await looked(home.lists(), StatusReference(uri=uri, index=0)) == "address of the list"
    assert home.asked == []


async def test_an_issuer_without_an_address_is_refused() -> None:
    """Also one that we believe otherwise; the address of another does not serve for it."""
    home = await issuer()
    assert await looked(home.lists(), home.reference, "sichuan") == "address of the list"
    assert home.asked == []


async def test_a_list_may_be_reached_elsewhere() -> None:
    """The address in the token stays its name; where it is fetched is for the operator to say."""
    home = await issuer()
    lists = home.lists(addresses={BASE: "http://127.0.0.1:9"})
    assert await looked(lists, home.reference) == "valid"
    assert home.asked == ["http://127.0.0.1:9/regions/chongqing/status/7"]


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        (unreachable, "unreachable"),
        (lambda: "<html>", "parts"),
        (lambda: "", "parts"),
        (lambda: "A" * 70_000, "size"),
        (lambda: older().replace("a", "b"), "base64url"),
    ],
)
async def test_silence_and_rubbish_refuse(answer: Callable[[], str], rule: str) -> None:
    """TL10: no list, no answer; and no second fetch at once, however many ask."""
    home = await issuer()
    home.answer = answer
    lists = home.lists()
    outcomes = {await looked(lists, home.reference) for _ in range(5)}
    assert len(outcomes) == 1
    if rule != "base64url":
        assert outcomes == {rule}
    assert outcomes != {"valid"}
    assert len(home.asked) == 1
    home.answer = None
    home.clock.advance(2)
    assert await looked(lists, home.reference) == "valid"


async def test_a_list_that_cannot_be_renewed_is_not_relied_on() -> None:
    """TL3: a frozen list ends with its `ttl`; with a grace it serves that much longer, and never beyond its `exp`."""
    home = await issuer()
    strict, lenient, boundless = home.lists(), home.lists(grace_seconds=30), home.lists(grace_seconds=10_000)
    for lists in (strict, lenient, boundless):
        assert await looked(lists, home.reference) == "valid"
    home.answer = unreachable
    home.clock.now = NOON + 15
    assert [await looked(lists, home.reference) for lists in (strict, lenient)] == ["stale", "valid"]
    home.clock.now = NOON + 45
    assert [await looked(lists, home.reference) for lists in (lenient, boundless)] == ["stale", "valid"]
    home.clock.now = NOON + 600
    assert await looked(boundless, home.reference) == "stale"
    home.clock.now = NOON - 1
    assert await looked(boundless, home.reference) == "stale"


@pytest.mark.parametrize(("kept", "rule"), [(False, "valid"), (True, "UnknownKeyError")])
async def test_a_list_signed_with_a_key_of_a_moment_ago_is_read(*, kept: bool, rule: str) -> None:
    """The keys of its issuer are renewed once for each fetch, and a key that is none of them is not believed."""
    home, renewed = await issuer(), list[str]()

    async def renew(region: str) -> None:
        renewed.append(region)

    def find(region: str, kid: str) -> VerificationKey:
        if kept or not renewed:
            raise UnknownKeyError
        return RING.find(region, kid)

    lists = home.lists(find=find, renewed=renew)
    outcomes = await asyncio.gather(*(looked(lists, home.reference) for _ in range(5)))
    assert outcomes == [rule] * 5
    assert (renewed, home.asked) == (["chongqing"], [f"{ADDRESS}/7"])


async def test_an_older_list_does_not_replace_a_newer_one() -> None:
    """TL1: whoever keeps a genuine list from before a revocation cannot bring the token back to life."""
    home = await issuer()
    await home.register.revoke("1")
    lists = home.lists()
    assert await looked(lists, home.reference) == "revoked"
    home.answer = older
    home.clock.advance(15)
    assert await looked(lists, home.reference) == "stale"


async def test_many_ask_once() -> None:
    """RP1: one fetch is under way at a time; who comes meanwhile waits for it, and who leaves stops nobody else."""
    home = await issuer()
    lists = home.lists()
    assert await looked(lists, home.reference) == "valid"
    home.clock.advance(60)
    home.held.clear()
    waiting: list[asyncio.Task[str]] = []
    while len(waiting) < 20:
        waiting.append(asyncio.create_task(looked(lists, home.reference)))
        await asyncio.sleep(0)
    waiting[0].cancel()
    home.held.set()
    assert await asyncio.gather(*waiting[1:]) == ["valid"] * 19
    assert (waiting[0].cancelled(), len(home.asked)) == (True, 2)


async def test_what_is_held_is_bounded() -> None:
    """An issuer that names ever new lists has us hold no more than a few of them."""
    home = await issuer()
    lists = home.lists()
    for number in range(LISTS_OF_AN_ISSUER + 5):
        await lists.refresh("chongqing", StatusReference(uri=f"{ADDRESS}/{number}", index=0))
    assert len(lists._held["chongqing"]) == LISTS_OF_AN_ISSUER
    assert lists._under_way == {}


@pytest.mark.parametrize(("ttl", "asked_again_after"), [(1, 2), (60, 60), (600, 60)])
async def test_the_issuers_ttl_is_kept_within_bounds(ttl: int, asked_again_after: int) -> None:
    """Neither a second nor ten minutes, whatever the issuer says."""
    home = await issuer()
    home.register = StatusRegister(
        KEYS["chongqing"], book=home.book, address=ADDRESS, clock=home.clock, ttl_seconds=ttl
    )
    lists = home.lists()
    for seconds, count in ((0, 1), (asked_again_after - 1, 1), (asked_again_after, 2)):
        home.clock.now = NOON + seconds
        assert await looked(lists, home.reference) == "valid"
        assert len(home.asked) == count


async def served(handler: Callable[[web.Request], web.StreamResponse], *, total_seconds: float = 3.0) -> str:
    """Fetch from a server that answers so; give the text, or the rule that it broke."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.query.get("wait"):
            await asyncio.sleep(30)
        return handler(request)

    app = web.Application()
    app.router.add_get("/list", answer)
    client = StatusClient(total_seconds=total_seconds)
    async with TestServer(app) as server:
        address = str(server.make_url("/list?wait=1" if total_seconds < 1 else "/list"))
        try:
            return await client.fetch(address) and await client.fetch(address)
        except StatusUnknownError as error:
            return error.metadata["rule"]
        finally:
            await client.close()


def reply(body: bytes, content_type: str = "application/statuslist+jwt", **arguments: Any) -> web.Response:  # noqa: ANN401 - any argument
    """Make an answer."""
    return web.Response(body=body, content_type=content_type, **arguments)


async def test_the_client_reads_a_list() -> None:
    """It asks for the media type, for no compression, and says nothing else."""
    seen: list[dict[str, str]] = []

    def handler(request: web.Request) -> web.Response:
        seen.append({name.lower(): value for name, value in request.headers.items()})
        return reply(b"a.b.c")

    assert await served(handler) == "a.b.c"
    assert (seen[0]["accept"], seen[0]["accept-encoding"]) == ("application/statuslist+jwt", "identity")
    assert "cookie" not in seen[0]


@pytest.mark.parametrize(
    ("handler", "rule"),
    [
        (lambda _r: reply(b"a", status=500), "answer"),
        (lambda _r: reply(b"a", status=404), "answer"),
        (lambda _r: web.Response(status=302, headers={"location": "/list"}), "answer"),
        (lambda _r: reply(b"<html>", "text/html"), "answer"),
        (lambda _r: reply(gzip.compress(bytes(10**7)), headers={"content-encoding": "gzip"}), "answer"),
        (lambda _r: reply(b"A" * 65_537), "size"),
        (lambda _r: reply(b"A" * 5_000_000), "size"),
    ],
)
async def test_the_client_takes_no_other_answer(handler: Callable[[web.Request], web.Response], rule: str) -> None:
    """TL10: errors, redirects, other types, compression and long answers end with the rule that they broke."""
    assert await served(handler) == rule


async def test_the_client_does_not_wait_for_ever() -> None:
    """A server that never answers, and a port where nobody listens, are both out of reach."""
    assert await served(lambda _r: reply(b"a"), total_seconds=0.05) == "unreachable"
    client = StatusClient()
    with pytest.raises(StatusUnknownError) as caught:
        await client.fetch("http://127.0.0.1:1/list")
    assert caught.value.metadata == {"rule": "unreachable"}
    await client.close()
    await StatusClient().close()


async def test_what_is_no_ascii_is_no_list() -> None:
    """It is read as something that no token has."""
    assert await served(lambda _r: reply("票.b.c".encode())) == "\ufffd" * 3 + ".b.c"
