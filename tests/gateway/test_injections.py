"""Texts that are commands to some interpreter: in each text field, in each parameter of the web side, they are data."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.gateway.hostile_calls import Code, errors_of
from tests.gateway.small_federation import found
from tests.gateway.whole_federation import WholeFederation
from tests.sandbox_fixture.calls import METHODS
from tests.sandbox_fixture.requests import CALLER, bases, good_requests, renewed, variants

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INJECTIONS = {
    "SQL, stacked": "x'; DROP TABLE members; --",
    "SQL, union": "' UNION SELECT sql FROM sqlite_master --",
    "SQL, always": '" OR ""="',
    "SQL, blind": "1); SELECT pg_sleep(5)--",
    "no SQL": '{"$gt": ""}',
    "LDAP": "*)(|(objectClass=*))(&(uid=*",
    "XPath": "' or count(/*)=1 or '",
    "XML": "]]><!ENTITY % x SYSTEM 'file:///etc/passwd'>%x;",
    "template": "{{config.__class__.__init__.__globals__}}${7*7}<%= 7*7 %>#{7*7}",
    "format": "%s%s%n%08x {0.__class__.__mro__} {self}",
    "look-up": "${jndi:ldap://127.0.0.1:9/x}",
    "shell": "`touch owned`$(id)|cat;&& id",
    "header": "x\r\nset-cookie: a=b\r\n\r\n<html>",
    "path": "../../../../etc/passwd%00.jwt",
    "query": "a&sub=https://other.example&x=1#y",
}
ALLOWED = {
    *(Code.OK, Code.INVALID_ARGUMENT, Code.NOT_FOUND, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED),
    Code.ALREADY_EXISTS,
}
ASKED = {
    "sichuan": ("/regions/{}/jwks.json", "/regions/sichuan/status/{}", "/federation/revocations?after={}"),
    "anchor": (
        "/federation/fetch?sub={}",
        "/federation/list?entity_type={}",
        "/federation/list?trust_mark_type={}",
        "/federation/list?intermediate={}",
        "/federation/resolve?sub={}&trust_anchor=https%3A%2F%2Fa.example",
        "/federation/resolve?sub=https%3A%2F%2Fa.example&trust_anchor={}",
        "/federation/trust-mark?sub={}&trust_mark_type=https%3A%2F%2Fa.example",
        "/federation/trust-mark?sub=https%3A%2F%2Fa.example&trust_mark_type={}",
        "/federation/revocations?after={}",
        "/{}",
    ),
}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeFederation]:
    """Run Chongqing and Sichuan."""
    with WholeFederation(found(tmp_path_factory.mktemp("injections") / "two", "chongqing", "sichuan")) as running:
        running.start("chongqing", "sichuan")
        yield running


def kept(folder: Path) -> dict[str, str]:
    """Give what the gateways and the anchors remember, file by file; what is signed anew by the clock is left out.

    Of a database it is the schema that counts: that something was asked is written down, as it must be.
    """
    left = {"versions.json", "beliefs.json", "statements.json"}
    schemas = {str(path.relative_to(folder)): schema(path) for path in sorted(folder.rglob("*.sqlite"))}
    return schemas | {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in left and not path.name.startswith(".") and ".sqlite" not in path.name
    }


def schema(database: Path) -> str:
    """Give the statements by which the tables of a database were made."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        made = connection.execute("SELECT sql FROM sqlite_master ORDER BY name").fetchall()
    assert made
    return repr(made)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_injected_into_a_field_is_data(two: WholeFederation, method: str) -> None:
    """IN4: each is answered or refused as the caller's fault; what is kept, and what is answered next, is the same."""
    wrong = []
    with two.platform(CALLER) as sichuan:
        honest = renewed(good_requests("honest")[method])
        before, state = errors_of(sichuan.call(method, honest)), kept(two.folder)
        for name, base in bases("injected"):
            for what, text in INJECTIONS.items() if name == method else ():
                for path, request in variants(base, text):
                    outcome = sichuan.call(method, request)
                    if not errors_of(outcome) <= ALLOWED or text.encode() in outcome.beside:
                        wrong.append((what, path, outcome.code, outcome.reason))
        assert wrong == []
        assert errors_of(sichuan.call(method, renewed(honest))) == before
    assert kept(two.folder) == state


def got(url: str) -> tuple[int, bytes]:
    """Get a page; gives its status and all that came, head and body."""
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 - our own loopback address
            return reply.status, str(reply.headers).encode() + reply.read()
    except urllib.error.HTTPError as error:
        return error.code, str(error.headers).encode() + error.read()


@pytest.mark.parametrize("who", ASKED)
def test_what_is_injected_into_a_parameter_is_data(two: WholeFederation, who: str) -> None:
    """IN4: every parameter of the web side of gateways and anchors; nothing of it comes back, and nothing changes."""
    web = two.site("sichuan").web if who == "sichuan" else two.layout.anchors_address + "/sichuan-chongqing"
    state, wrong = kept(two.folder), []
    for place in ASKED[who]:
        for what, text in INJECTIONS.items():
            status, told = got(f"http://{web}{place.format(urllib.parse.quote(text, safe=''))}")
            good = status in {400, 404} or (status == 200 and told.rstrip().endswith(b"[]"))
            if not good or text.encode() in told or b"set-cookie" in told.lower():
                wrong.append((place, what, status))
    assert wrong == []
    assert kept(two.folder) == state
    assert got(f"http://{web}/.well-known/openid-federation")[0] == 200


def test_a_posted_text_is_no_command(two: WholeFederation) -> None:
    """IN4: the one place to which strangers may write takes signed revocations only."""
    web, state = two.site("sichuan").web, kept(two.folder)

    async def post(text: str) -> tuple[int, bytes]:
        from aiohttp import ClientSession  # noqa: PLC0415 - the only use

        url = f"http://{web}/federation/revocations"
        async with ClientSession() as session, session.post(url, data=text.encode()) as reply:
            return reply.status, await reply.read()

    for text in INJECTIONS.values():
        status, told = asyncio.run(post(text))
        assert (status, told) == (400, b'{"reason": "MALFORMED_TOKEN"}')
    assert kept(two.folder) == state
