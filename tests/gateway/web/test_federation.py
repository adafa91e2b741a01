"""The routes of OpenID Federation: content types, parameters, errors, headers; asked over loopback."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from aiohttp import ClientSession, web

from gateway.errors import SettingsError
from gateway.web.federation import add_anchor, add_entity, path_of
from tests.fakes.clock import NOON, FakeClock
from tests.gateway.federation.publisher_cases import (
    ANCHOR,
    KEYS,
    MARK,
    NORTH,
    SOUTH,
    STRANGER,
    anchor,
    joined,
    leaf,
    pinned,
    read_by_others,
)
from tests.gateway.web.federation_calls import SECURITY, Answer, get, serving
from trust.chain import verify_chain
from trust.historical_keys import verify_historical_keys
from trust.keys import SigningKey
from trust.statement import read_configuration
from trust.trust_mark import TrustMark, sign_mark, verify_mark_status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gateway.federation.register_body import AnchorBody


@asynccontextmanager
async def serving_anchor(body: AnchorBody) -> AsyncIterator[str]:
    """Serve an anchor under the path of its identifier, and give the address of that."""
    app, prefix = web.Application(), path_of(body.entity)
    add_entity(app, body.publisher, prefix=prefix)
    add_anchor(
        app,
        body.register,
        entity=body.entity,
        resolve=lambda sub, types: body.resolver.resolve(sub, now=int(NOON), types=types),
        prefix=prefix,
    )
    async with serving(app) as url:
        yield f"{url}{prefix}"


@asynccontextmanager
async def west(folder: Path) -> AsyncIterator[tuple[AnchorBody, str]]:
    """Serve the invented anchor with two members, the first of which holds the mark."""
    clock = FakeClock()
    body = anchor(folder / "anchor", clock)
    joined(body, folder / "north", clock)
    joined(body, folder / "south", clock, SOUTH)
    async with serving_anchor(body) as url:
        yield body, url


def refused(answer: Answer, status: int, error: str) -> None:
    """Hold an error answer against the standard; it repeats nothing that was asked."""
    assert (answer.status, answer.json["error"]) == (status, error)
    assert answer.json.keys() == {"error", "error_description"}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert STRANGER not in answer.text
    assert SECURITY.items() <= answer.headers.items()


@pytest.mark.parametrize(
    ("entity", "path"), [(NORTH, ""), (SOUTH, "/gateway"), ("https://a.example:8443/b/c", "/b/c"), (ANCHOR, "/west")]
)
def test_the_path_of_an_entity(entity: str, path: str) -> None:
    """What follows the host; nothing where there is none."""
    assert path_of(entity) == path


async def test_a_leaf_serves_what_it_says_of_itself(tmp_path: Path) -> None:
    """Configuration, ended keys and links, below the identifier, with exact content types."""
    clock, app = FakeClock(), web.Application()
    publisher = leaf(tmp_path, clock, SOUTH)
    publisher.rotate(SigningKey.generate("ES256", issuer=SOUTH))
    publisher.retire(KEYS[SOUTH].kid)
    add_entity(app, publisher, prefix=path_of(SOUTH))
    async with serving(app) as url:
        configuration = await get(f"{url}/gateway/.well-known/openid-federation", more="ignored")
        old = await get(f"{url}/gateway/federation/historical-keys")
        links = await get(f"{url}/gateway/federation/links")
        nowhere = await get(f"{url}/.well-known/openid-federation")
    assert nowhere.status == 404
    assert configuration.headers["content-type"] == "application/entity-statement+jwt"
    assert read_configuration(configuration.text)[0].sub == SOUTH
    assert old.headers["content-type"] == "application/jwk-set+jwt"
    (ended,) = verify_historical_keys(old.text, entity=SOUTH, keys=publisher.keys, now=int(NOON))
    assert ended.key.kid == KEYS[SOUTH].kid
    assert links.json == list(publisher.links)
    for answer in (configuration, old, links):
        assert answer.status == 200
        assert answer.headers["cache-control"] == "public, max-age=60"
        assert SECURITY.items() <= answer.headers.items()


async def test_a_chain_is_put_together_from_what_is_served(tmp_path: Path) -> None:
    """Configurations and statement, fetched one by one, verify from the pinned anchor down."""
    async with west(tmp_path) as (body, url):
        top = await get(f"{url}/.well-known/openid-federation")
        statement = await get(f"{url}/federation/fetch", sub=NORTH, unknown="ignored")
        assert statement.headers["content-type"] == "application/entity-statement+jwt"
        own = body.register.member(NORTH).configuration
    verified = verify_chain((own, statement.text, top.text), beliefs=pinned(), now=int(NOON))
    assert verified.path == (NORTH, ANCHOR)


async def test_fetching_is_refused_as_the_standard_says(tmp_path: Path) -> None:
    """A missing, doubled, malformed, unknown subject, and the issuer itself."""
    async with west(tmp_path) as (_, url):
        refused(await get(f"{url}/federation/fetch"), 400, "invalid_request")
        refused(await get(f"{url}/federation/fetch", sub=[NORTH, SOUTH]), 400, "invalid_request")
        refused(await get(f"{url}/federation/fetch", sub="north"), 400, "invalid_request")
        refused(await get(f"{url}/federation/fetch", sub=f"{STRANGER}/"), 400, "invalid_request")
        refused(await get(f"{url}/federation/fetch", sub=ANCHOR), 400, "invalid_request")
        refused(await get(f"{url}/federation/fetch", sub=STRANGER), 404, "not_found")


async def test_members_are_listed(tmp_path: Path) -> None:
    """A JSON array, filtered by type, mark and rank; a flag that is neither true nor false is refused."""
    async with west(tmp_path) as (_, url):
        place = f"{url}/federation/list"
        everybody = await get(place, unknown="ignored")
        assert everybody.json == [NORTH, SOUTH]
        assert everybody.headers["content-type"] == "application/json"
        assert (await get(place, entity_type=["onecard_region", "onecard_gateway"])).json == [NORTH, SOUTH]
        assert (await get(place, entity_type=["onecard_region", "openid_provider"])).json == []
        assert (await get(place, trust_marked="true")).json == [NORTH]
        assert (await get(place, trust_marked="false")).json == [NORTH, SOUTH]
        assert (await get(place, trust_mark_type=MARK)).json == [NORTH]
        assert (await get(place, trust_mark_type=STRANGER)).json == []
        assert (await get(place, intermediate="true")).json == []
        assert (await get(place, intermediate="false")).json == [NORTH, SOUTH]
        refused(await get(place, trust_marked="yes"), 400, "invalid_request")
        refused(await get(place, intermediate=["true", "true"]), 400, "invalid_request")


async def test_a_member_is_resolved(tmp_path: Path) -> None:
    """One of the anchors that are asked for must be this one; types can be chosen."""
    async with west(tmp_path) as (body, url):
        place = f"{url}/federation/resolve"
        answer = await get(place, sub=NORTH, trust_anchor=[STRANGER, ANCHOR], entity_type="onecard_region")
        assert answer.headers["content-type"] == "application/resolve-response+jwt"
        head, payload = read_by_others(answer.text, body.publisher.keys[0])
        assert head["typ"] == "resolve-response+jwt"
        assert json.loads(payload)["metadata"].keys() == {"onecard_region"}
        refused(await get(place, sub=NORTH), 400, "invalid_request")
        refused(await get(place, trust_anchor=ANCHOR), 400, "invalid_request")
        refused(await get(place, sub=NORTH, trust_anchor=STRANGER), 404, "invalid_trust_anchor")
        refused(await get(place, sub=STRANGER, trust_anchor=ANCHOR), 404, "not_found")


async def test_a_chain_that_does_not_hold_is_told(tmp_path: Path) -> None:
    """The chain, or the metadata of its subject."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    publisher = joined(body, tmp_path / "north", clock)
    fetched = {"text": leaf(tmp_path / "elsewhere", clock, hints=(STRANGER,)).text()}
    body.resolver._configuration_of = lambda _entity: fetched["text"]
    async with serving_anchor(body) as url:
        refused(await get(f"{url}/federation/resolve", sub=NORTH, trust_anchor=ANCHOR), 400, "invalid_trust_chain")
        fetched["text"] = leaf(tmp_path / "keyless", clock, roles={"onecard_region": _Keyless()}).text()
        refused(await get(f"{url}/federation/resolve", sub=NORTH, trust_anchor=ANCHOR), 400, "invalid_metadata")
        fetched["text"] = publisher.text()
        assert (await get(f"{url}/federation/resolve", sub=NORTH, trust_anchor=ANCHOR)).status == 200


class _Keyless:
    """A role that has no keys."""

    def to_metadata(self) -> dict[str, str]:
        """Write it."""
        return {"issuer": "north"}


async def test_a_mark_is_given_to_whom_holds_it(tmp_path: Path) -> None:
    """Not to others, not of other types, not without the type."""
    async with west(tmp_path) as (body, url):
        place = f"{url}/federation/trust-mark"
        answer = await get(place, trust_mark_type=MARK, sub=NORTH)
        assert answer.headers["content-type"] == "application/trust-mark+jwt"
        assert answer.text == body.register.mark(NORTH)
        refused(await get(place, sub=NORTH), 400, "invalid_request")
        refused(await get(place, trust_mark_type=MARK), 400, "invalid_request")
        refused(await get(place, trust_mark_type=STRANGER, sub=NORTH), 404, "not_found")
        refused(await get(place, trust_mark_type=MARK, sub=SOUTH), 404, "not_found")


async def test_a_folder_that_fails_is_no_secret_and_no_crash() -> None:
    """503 in the form of all errors."""

    class Broken:
        """Cannot be renewed."""

        links = ()

        def text(self) -> str:
            """Fail."""
            raise SettingsError(("versions.json: cannot be written (OSError)",))

        historical_keys = text

    app = web.Application()
    add_entity(app, Broken())
    async with serving(app) as url:
        answer = await get(f"{url}/.well-known/openid-federation")
    refused(answer, 503, "temporarily_unavailable")
    assert "versions" not in answer.text


async def asked(url: str, **form: str) -> Answer:
    """Post a form to the endpoint of the status of marks."""
    async with ClientSession() as session, session.post(f"{url}/federation/trust-mark-status", data=form) as reply:
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return Answer(reply.status, headers, await reply.read())


async def test_what_has_become_of_a_mark_is_told(tmp_path: Path) -> None:
    """Active, revoked with the membership, expired, or not of today's keys; signed, and kept by nobody."""
    clock = FakeClock()
    async with west(tmp_path) as (body, url):
        mark = body.register.mark(NORTH)
        old = TrustMark(iss=ANCHOR, sub=NORTH, trust_mark_type=MARK, iat=int(NOON) - 100, exp=int(NOON) - 50)
        thief = SigningKey.generate("ES256", issuer=ANCHOR)
        good = {"iss": ANCHOR, "sub": NORTH, "trust_mark_type": MARK, "iat": int(NOON), "exp": int(NOON) + 100}
        marks = {
            "active": mark,
            "expired": sign_mark(old, key=KEYS[ANCHOR]),
            "revoked": sign_mark(replace(old, sub=SOUTH, exp=int(NOON) + 50), key=KEYS[ANCHOR]),
            "invalid": sign_mark(TrustMark(**good), key=thief),  # type: ignore[arg-type]  # as the table of claims has it
        }
        keys = body.publisher.keys
        for wanted, text in marks.items():
            answer = await asked(url, trust_mark=text)
            assert answer.status == 200
            assert answer.headers["content-type"] == "application/trust-mark-status-response+jwt"
            assert answer.headers["cache-control"] == "no-store"
            told = verify_mark_status(answer.text, mark=text, issuer=ANCHOR, keys=keys, now=int(clock()))
            assert told == wanted
        body.register.withdraw(NORTH)
        gone = await asked(url, trust_mark=mark)
        assert verify_mark_status(gone.text, mark=mark, issuer=ANCHOR, keys=keys, now=int(clock())) == "revoked"
        assert json.loads(read_by_others(gone.text, KEYS[ANCHOR].public())[1])["status"] == "revoked"
        junk = await asked(url, trust_mark="a.b.c")
        assert verify_mark_status(junk.text, mark="a.b.c", issuer=ANCHOR, keys=keys, now=int(clock())) == "invalid"


async def test_a_mark_of_somebody_else_is_not_found(tmp_path: Path) -> None:
    """Of another issuer, or of a type that is not issued here; and a form that is none is refused."""
    async with west(tmp_path) as (_, url):
        good = TrustMark(iss=ANCHOR, sub=NORTH, trust_mark_type=MARK, iat=int(NOON), exp=int(NOON) + 100)
        for mark, key in (
            (replace(good, iss=NORTH), KEYS[NORTH]),
            (replace(good, trust_mark_type=f"{MARK}/other"), KEYS[ANCHOR]),
        ):
            refused(await asked(url, trust_mark=sign_mark(mark, key=key)), 404, "not_found")
        refused(await asked(url), 400, "invalid_request")
        refused(await asked(url, other="x"), 400, "invalid_request")
        refused(await asked(url, trust_mark="x" * 90_000), 400, "invalid_request")
        place = f"{url}/federation/trust-mark-status"
        async with ClientSession() as session:
            bodies = (b"trust_mark=a&trust_mark=b", b"trust_mark=\xff", b"&".join([b"a=1"] * 9))
            for body in bodies:
                headers = {"content-type": "application/x-www-form-urlencoded"}
                async with session.post(place, data=body, headers=headers) as reply:
                    assert reply.status == 400
            async with session.post(place, json={"trust_mark": "a.b.c"}) as reply:
                assert reply.status == 400
            async with session.get(place) as reply:
                assert reply.status == 405


async def test_nothing_is_changed_from_outside(tmp_path: Path) -> None:
    """Only GET; a subject in odd writing finds nothing."""
    async with west(tmp_path) as (_, url), ClientSession() as session:
        async with session.post(f"{url}/federation/fetch", data={"sub": NORTH}) as reply:
            assert reply.status == 405
        async with session.get(f"{url}/federation/fetch?sub={quote(NORTH.upper(), safe='')}") as reply:
            assert reply.status == 400
