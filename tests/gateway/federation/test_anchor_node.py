"""A node of anchors over loopback: what it serves, how it keeps fresh, how it follows its members, how it ends."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from gateway.errors import SettingsError
from gateway.federation.anchor_node import AnchorNode
from gateway.federation.fetch import FederationClient, FetchError
from gateway.federation.register_body import AnchorShelf
from gateway.web.federation import WELL_KNOWN
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.journal import FakeJournal
from tests.gateway.federation.publisher_cases import (
    AGREEMENT,
    ANCHOR,
    KEYS,
    NORTH,
    SOUTH,
    anchor,
    anchor_config,
    joined,
    leaf,
    pinned,
    write_key,
)
from tests.gateway.web.federation_calls import SECURITY, get
from trust.chain import verify_chain
from trust.keys import SigningKey
from trust.statement import read_configuration, read_statement

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from gateway.federation.publisher import EntityPublisher
    from gateway.federation.register_body import AnchorConfig

EAST = "https://bodies.example/east"


class Published:
    """Gives what publishers say, as if it were fetched."""

    def __init__(self, *publishers: EntityPublisher) -> None:
        """Keep them by entity."""
        self.by_entity = {publisher.entity: publisher for publisher in publishers}

    async def configuration(self, entity: str) -> str:
        """Give a configuration."""
        if entity not in self.by_entity:
            raise FetchError(entity=entity, fault="connect")
        return self.by_entity[entity].text()

    async def links(self, entity: str) -> tuple[str, ...]:
        """Give links, with one before them that nobody believes."""
        return ("x", *self.by_entity[entity].links)


def east(folder: Path) -> AnchorConfig:
    """Give a second anchor, which has no members."""
    folder.mkdir()
    write_key(folder / "federation.pem", SigningKey.generate("ES256", issuer=EAST))
    return anchor_config(folder, entity=EAST, parties=(), agreements=(), mark_type=None)


@asynccontextmanager
async def running(node: AnchorNode) -> AsyncIterator[str]:
    """Run a node on loopback, and give its address."""
    await node.start("127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{node.port}"
    finally:
        await node.stop()


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)


async def test_several_anchors_live_in_one_process(tmp_path: Path) -> None:
    """Each under its own path, as the client of the gateways asks for them; and their chains verify."""
    clock, west_folder = FakeClock(), tmp_path / "west"
    joined(anchor(west_folder, clock), tmp_path / "north", clock)
    node = AnchorNode((anchor_config(west_folder), east(tmp_path / "east")), journal=FakeJournal(), clock=clock)
    async with running(node) as url:
        client = FederationClient(bases={ANCHOR: f"{url}/west", EAST: f"{url}/east"})
        top, other = await client.configuration(ANCHOR), await client.configuration(EAST)
        statement = await client.statement(ANCHOR, NORTH)
        assert await client.links(ANCHOR) == ()
        with pytest.raises(FetchError):
            await client.statement(EAST, NORTH)
        listed = await get(f"{url}/west/federation/list")
        resolved = await get(f"{url}/west/federation/resolve", sub=NORTH, trust_anchor=ANCHOR)
        old = await get(f"{url}/east/federation/historical-keys")
        await client.close()
    own = node.bodies[0].register.member(NORTH).configuration
    assert verify_chain((own, statement, top), beliefs=pinned(), now=int(NOON)).path == (NORTH, ANCHOR)
    assert read_configuration(other)[0].trust_mark_issuers == {}
    assert listed.json == [NORTH]
    assert (resolved.status, old.status) == (200, 200)


async def test_a_revocation_goes_from_the_one_to_the_others(tmp_path: Path) -> None:
    """Handed in over HTTP by whom it concerns, heard on a stream by the rest, listed afterwards."""
    clock, folder = FakeClock(), tmp_path / "west"
    node = AnchorNode((anchor_config(folder),), journal=FakeJournal(), clock=clock, renew_seconds=0.005)
    command = anchor(folder, clock)
    async with running(node) as url:
        client, heard = FederationClient(bases={ANCHOR: f"{url}/west"}), asyncio.Event()
        stream = client.stream(ANCHOR, after=0, opened=heard.set)
        text = command.stop_agreement(AGREEMENT, reason="emergency")
        async with asyncio.timeout(10):
            entry = await anext(stream)
        assert (entry.cursor, entry.text) == (1, text)
        assert await client.send_revocation(ANCHOR, text) is False
        assert (await client.revocations(ANCHOR, after=0)).texts == (text,)
        await client.close()
    assert heard.is_set()


async def test_what_is_not_there_is_told_in_the_form_of_the_standard(tmp_path: Path) -> None:
    """A path that nobody has, and a method that nobody takes."""
    node = AnchorNode((anchor_config(tmp_path / "west"),), journal=FakeJournal(), clock=FakeClock())
    async with running(node) as url, ClientSession() as session:
        nowhere = await get(f"{url}{WELL_KNOWN}")
        async with session.post(f"{url}/west{WELL_KNOWN}") as reply:
            assert (reply.status, (await reply.json())["error"]) == (405, "invalid_request")
            assert "GET" in reply.headers["allow"]
        live, ready = await get(f"{url}/livez"), await get(f"{url}/readyz")
    assert (nowhere.status, nowhere.json["error"]) == (404, "not_found")
    assert SECURITY.items() <= nowhere.headers.items()
    assert (live.json, ready.json) == ({"live": True}, {"ready": True, "parts": {ANCHOR: True}})


async def test_what_is_due_is_signed_before_anybody_asks(tmp_path: Path) -> None:
    """Configuration and statements, in the background."""
    clock, folder = FakeClock(), tmp_path / "west"
    joined(anchor(folder, clock), tmp_path / "north", clock)
    node = AnchorNode((anchor_config(folder),), journal=FakeJournal(), clock=clock, renew_seconds=0.005)
    async with running(node):
        (body,) = node.bodies
        await until(lambda: NORTH in body.register._statements)
        before = body.publisher.current.claims.version
        clock.advance(86_400)
        await until(lambda: body.publisher.current.claims.version > before)


async def test_an_anchor_that_cannot_renew_says_so(tmp_path: Path) -> None:
    """It is not ready, the journal names it and the kind of fault; the others go on; it comes back by itself."""
    folder, journal = tmp_path / "west", FakeJournal()
    configs = (anchor_config(folder), east(tmp_path / "east"))
    node = AnchorNode(configs, journal=journal, clock=FakeClock(), renew_seconds=3600, source=Published())
    damaged = folder / "members" / "damaged.json"
    damaged.write_text("{")
    async with running(node) as url:
        await until(lambda: "anchor_not_renewed" in journal.text)
        answer = await get(f"{url}/readyz")
        assert (answer.status, answer.json["parts"]) == (503, {ANCHOR: False, EAST: True})
        assert (await get(f"{url}/west/federation/list")).status == 503
        damaged.unlink()
        node.renew()
        assert (await get(f"{url}/readyz")).status == 200
    assert {line["error"] for line in journal.lines} == {"SettingsError"}


async def test_members_are_followed_through_rotations(tmp_path: Path) -> None:
    """One that announces its key, and one whose new key signs at once, by its links; who is away stays as it was."""
    clock, folder, journal = FakeClock(), tmp_path / "west", FakeJournal()
    body = anchor(folder, clock)
    north, south = joined(body, tmp_path / "north", clock), joined(body, tmp_path / "south", clock, SOUTH)
    source = Published(north)
    node = AnchorNode((anchor_config(folder),), journal=journal, clock=clock, source=source, follow_seconds=0.005)
    async with running(node):
        await until(lambda: "member_not_followed" in journal.text)
        clock.advance(60)
        north.rotate(SigningKey.generate("ES256", issuer=NORTH))
        await until(lambda: node.bodies[0].register.member(NORTH).configuration == north.text())
        north.retire(KEYS[NORTH].kid)
        await until(lambda: len(node.bodies[0].register.member(NORTH).keys) == 1)
    assert node.bodies[0].register.member(SOUTH).configuration == south.text()
    assert journal.lines[0]["member"] == SOUTH
    chain = node.bodies[0].resolver.chain(NORTH)
    assert verify_chain(chain, beliefs=pinned(), now=int(clock())).federation_keys == north.keys
    assert read_statement(chain[1]).claims.keys == north.keys


async def test_a_configuration_out_of_nowhere_is_not_followed(tmp_path: Path) -> None:
    """Somebody else serves at a member's address: the journal says so, and nothing changes."""
    clock, folder, journal = FakeClock(), tmp_path / "west", FakeJournal()
    joined(anchor(folder, clock), tmp_path / "north", clock)
    thief = leaf(tmp_path / "thief", clock, keys=(SigningKey.generate("ES256", issuer=NORTH),))
    node = AnchorNode((anchor_config(folder),), journal=journal, clock=clock, source=Published(thief))
    before = node.bodies[0].register.member(NORTH)
    async with running(node):
        await until(lambda: "member_not_followed" in journal.text)
    assert journal.lines[0]["error"] == "UnknownKeyError"
    assert node.bodies[0].register.member(NORTH) == before


async def test_who_is_withdrawn_while_it_is_followed_stays_out(tmp_path: Path) -> None:
    """Also where what it publishes then is newer, and would be good for a candidate."""
    clock, folder, journal = FakeClock(), tmp_path / "west", FakeJournal()
    command = anchor(folder, clock)
    north = joined(command, tmp_path / "north", clock)

    class Withdrawn(Published):
        async def configuration(self, entity: str) -> str:
            command.register.withdraw(entity)
            clock.advance(60)
            north.rotate(SigningKey.generate("ES256", issuer=NORTH))
            return await super().configuration(entity)

    node = AnchorNode((anchor_config(folder),), journal=journal, clock=clock, source=Withdrawn(north))
    async with running(node):
        await until(lambda: "member_not_followed" in journal.text)
    assert journal.lines[0]["error"] == "UnknownIssuerError"
    assert node.bodies[0].register.list() == ()


async def test_two_anchors_need_two_paths(tmp_path: Path) -> None:
    """Otherwise one would answer for the other."""
    config = anchor_config(tmp_path / "west")
    with pytest.raises(SettingsError):
        AnchorNode((config, config), journal=FakeJournal())


async def test_a_node_that_never_started_stops_quietly(tmp_path: Path) -> None:
    """Stopping is safe at any time."""
    node = AnchorNode((anchor_config(tmp_path / "west"),), journal=FakeJournal())
    await node.stop()
    assert node.port == 0


def test_keys_are_read_from_the_folder(tmp_path: Path) -> None:
    """The one that signs, then those that are announced or not retired yet."""
    former = SigningKey.generate("ES256", issuer=ANCHOR)
    config = anchor_config(tmp_path)
    write_key(tmp_path / "federation.former.pem", former)
    assert [key.kid for key in AnchorShelf(config.folder, entity=ANCHOR).keys] == [KEYS[ANCHOR].kid, former.kid]
    assert [key.kid for key in anchor(tmp_path, FakeClock()).publisher.keys] == [KEYS[ANCHOR].kid, former.kid]


@pytest.mark.parametrize("fault", ["absent", "open", "junk"])
def test_a_key_that_cannot_be_used_stops_the_start(tmp_path: Path, fault: str) -> None:
    """Missing, open to others, or no key."""
    path = tmp_path / "federation.pem"
    if fault != "absent":
        write_key(path, KEYS[ANCHOR])
    if fault == "open":
        path.chmod(0o640)
    if fault == "junk":
        path.write_bytes(b"junk")
    with pytest.raises(SettingsError, match=r"federation\.pem"):
        AnchorShelf(tmp_path, entity=ANCHOR)
