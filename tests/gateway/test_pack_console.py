"""The commands about packs: making one by a running gateway, updating, showing and verifying files."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway import pack_console
from gateway.errors import PeerProtocolError, PeerRefusedError, PeerUnavailableError
from gateway.peers.home_platform import OwnGateway
from gateway.peers.own_pack import FetchedPack, fetch_pack
from gateway.reasons import load_reasons
from gateway.rpc.offline import OfflineServicer
from gateway.services.offline_packs import PackWish
from tests.fakes.callers import PLATFORM, token
from tests.fakes.node import FakeNode
from tests.fakes.packs import PackSide
from tests.gateway.command import generated, onecard, refused
from tests.trust.alliance import HOME, KEYS, NOW, REGION_KEYS, SOUTHWEST, fingerprint, short
from tests.trust.gate_packs import DAY, PINNED, card, content, home, name, packed, shown
from tests.trust.gate_packs import KEYS as PACK_KEYS
from trust.keys import SigningKey
from trust.offline_delta import make_update
from trust.offline_gate import OfflinePack
from trust.offline_pack import make_pack, same_sets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

MOMENT = "2027-01-15T08:01:00Z"
"""A minute after `NOW`."""

FOR_MUSEUM = ("--item", "SC-02", "--at", MOMENT)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Give a folder with a pack and the key set that a gate pins."""
    (tmp_path / "gate.pack").write_bytes(packed([card(7)]))
    (tmp_path / "keys.json").write_text(json.dumps({"keys": PINNED}), "ascii")
    (tmp_path / "token").write_text(shown() + "\n", "ascii")
    return tmp_path


def verify(files: Path, *more: str | Path) -> tuple[int, str]:
    """Verify the pack in a folder; gives exit code and output."""
    ended = onecard("pack", "verify", files / "gate.pack", "--keys", files / "keys.json", *more)
    return ended.exit_code, ended.output


def test_a_pack_is_shown(files: Path) -> None:
    """Who signed it, for how long, what it has of each region, and the items."""
    ended = onecard("pack", "show", files / "gate.pack")
    assert ended.exit_code == 0, ended.output
    assert "not verified" in ended.output
    assert "chongqing     1 cards reported by 2027-01-15 08:00:00Z, under sichuan-chongqing" in ended.output
    assert "decided offline for: identity 86400 s" in ended.output
    assert "items         SC-02, SC-11" in ended.output


def test_a_card_is_verified_by_the_pack_alone(files: Path) -> None:
    """Allowed with 0; refused, or to be asked about, with 1; and the age is told."""
    code, said = verify(files, "--recognition", files / "token", *FOR_MUSEUM)
    assert (code, said.splitlines()[-1]) == (0, "answer        allowed OK; CUL.MUSEUM; by what was known 60 s ago")
    card_1 = ("--card", f"chongqing/{name(1)}", "--medium", "physical", *FOR_MUSEUM)
    assert verify(files, *card_1)[0] == 0
    code, said = verify(files, "--card", f"chongqing/{name(7)}", *FOR_MUSEUM)
    assert (code, "ask_online MAY_BE_REPORTED" in said) == (1, True)
    code, said = verify(files, "--card", f"guizhou/{name(7)}", *FOR_MUSEUM)
    assert (code, said.splitlines()[-1]) == (1, "answer        ask_online REGION_NOT_IN_PACK")


def test_a_pack_by_itself_is_good_while_it_lives(files: Path) -> None:
    """Without a card the command says whether a gate may go on with it."""
    assert verify(files, "--at", MOMENT)[0] == 0
    assert verify(files, "--at", "2027-01-16T08:00:01Z")[0] == 1


def test_what_is_wrong_is_told_in_words(files: Path) -> None:
    """Files that are none, another key, both a card and a recognition."""
    pack, keys = files / "gate.pack", files / "keys.json"
    assert "cannot be read" in refused("pack", "show", files / "none")
    assert "cannot be used" in refused("pack", "show", keys)
    assert "no key set" in refused("pack", "verify", pack, "--keys", pack)
    keys.write_text('{"keys": ["x"]}', "ascii")
    assert "no key set" in refused("pack", "verify", pack, "--keys", keys)
    keys.write_text("x" * 70_000, "ascii")
    assert "longer than" in refused("pack", "verify", pack, "--keys", keys)
    other = SigningKey.generate("ES256", issuer="sichuan").public().to_jwk()
    keys.write_text(json.dumps({"keys": [other]}), "ascii")
    assert "not known" in refused("pack", "verify", pack, "--keys", keys)
    both = ("--card", "a/b", "--recognition", files / "token")
    assert "give one of" in refused("pack", "verify", pack, "--keys", keys, *both)


def test_a_card_is_named_with_its_region_and_an_item(files: Path) -> None:
    """What is left out of the question is told as such, and is no refusal of the card."""
    verify_it = ("pack", "verify", files / "gate.pack", "--keys", files / "keys.json")
    for given in (("--recognition", files / "token"), ("--card", f"chongqing/{name(7)}")):
        assert "--item: name the item" in refused(*verify_it, *given, "--at", MOMENT)
    for text in (name(7), f"/{name(7)}", "chongqing/"):
        assert "--card: is REGION/PSEUDONYM" in refused(*verify_it, "--card", text, *FOR_MUSEUM)


def test_an_update_is_applied(files: Path) -> None:
    """The new pack is the one that was made, to the byte."""
    base = (files / "gate.pack").read_bytes()
    new = packed([card(7), card(8)], OfflinePack.read(base, keys=PINNED), serial=2)
    sets = same_sets(OfflinePack.read(base, keys=PINNED), OfflinePack.read(new, keys=PINNED))
    (files / "update").write_bytes(make_update(base, new, sets=sets))
    ended = onecard("pack", "update", files / "gate.pack", files / "update", files / "new.pack")
    assert ended.exit_code == 0, ended.output
    assert (files / "new.pack").read_bytes() == new
    for words in (("show", files / "update"), ("update", files / "update", files / "update", files / "x")):
        assert "update: is an update; `onecard pack update` makes a pack of it" in refused("pack", *words)
    assert "another base" in refused("pack", "update", files / "new.pack", files / "update", files / "x")
    assert "cannot be written" in refused("pack", "update", files / "gate.pack", files / "update", files)


def chained(chain: tuple[str, ...], key: SigningKey) -> bytes:
    """Make a pack about a region of the invented federation."""
    part = home(keys=(key.public(),), chain=chain)
    told = content(homes={"home": part}, items={})
    return make_pack(replace(told, iat=NOW, exp=NOW + DAY), key=PACK_KEYS["sichuan"], salts={"home": bytes(16)})


def test_the_keys_of_homes_are_proven_from_a_fingerprint_on(files: Path) -> None:
    """By the chain that travels with the pack; a key that the chain does not have is not proven."""
    key, pin = REGION_KEYS[HOME], ("--anchor", fingerprint(KEYS[SOUTHWEST]), "--at", MOMENT)
    (files / "gate.pack").write_bytes(chained(short(), key))
    code, said = verify(files, *pin)
    assert code == 0
    assert f"proven from {SOUTHWEST}" in said
    arguments = ("pack", "verify", files / "gate.pack", "--keys", files / "keys.json", *pin)
    for data in (
        chained((), key),
        chained(short(), SigningKey.generate("ES256", issuer="home")),
        chained(short(), SigningKey.generate("ES256", issuer="home", kid=key.kid)),
    ):
        (files / "gate.pack").write_bytes(data)
        assert onecard(*arguments).exit_code == 2


@asynccontextmanager
async def served(side: PackSide, node: FakeNode) -> AsyncIterator[OwnGateway]:
    """Run the service on loopback, and say where."""
    server = node.server([OfflineServicer(side.packs, record=side.record)])
    port = server.listen("127.0.0.1:0", None)
    await server.start()
    try:
        yield OwnGateway(
            region="sichuan",
            address=f"127.0.0.1:{port}",
            server_name=None,
            authority=None,
            token=token(PLATFORM, node.clock),
        )
    finally:
        await server.stop(drain_seconds=0)


async def test_a_pack_is_fetched_from_a_running_gateway() -> None:
    """Whole or as an update, and a refusal with its reason."""
    node = FakeNode()
    side = PackSide(clock=node.clock)
    await side.told()
    wish = PackWish(visited="sichuan", homes=("chongqing",), items=("SC-15",), life=60)
    async with served(side, node) as gateway:
        fetched = await fetch_pack(gateway, wish)
        pack = OfflinePack.read(fetched.data, keys=[side.keys.own("sichuan")[0].to_jwk()])
        assert (set(pack.statement.items), fetched.update) == ({"SC-15"}, False)
        assert pack.statement.regions["chongqing"].life == {"identity": 60}
        node.clock.advance(20)
        await side.told()
        assert (await fetch_pack(gateway, replace(wish, base=pack.statement.serial))).update
        with pytest.raises(PeerRefusedError) as caught:
            await fetch_pack(gateway, replace(wish, homes=("guizhou",)))
        assert caught.value.reason == "NO_AGREEMENT"
    with pytest.raises(PeerUnavailableError):
        await fetch_pack(replace(gateway, address="127.0.0.1:1"), wish)


async def test_a_pack_that_is_cut_short_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its length was said before."""
    node = FakeNode()
    side = PackSide(clock=node.clock)
    await side.told()
    monkeypatch.setattr("gateway.peers.own_pack.MAX_PACK_BYTES", 10)
    monkeypatch.setattr("gateway.rpc.offline.CHUNK_BYTES", 100)
    async with served(side, node) as gateway:
        with pytest.raises(PeerProtocolError):
            await fetch_pack(gateway, PackWish(visited="sichuan", homes=("chongqing",)))


def test_a_pack_is_made_by_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for as a registered caller, with the serial of the base, and written; a refusal is told in words."""
    layout = generated(tmp_path / "sandbox")
    asked: list[PackWish] = []

    async def fetch(gateway: OwnGateway, wish: PackWish) -> FetchedPack:
        asked.append(wish)
        assert (gateway.region, bool(gateway.token)) == ("sichuan", True)
        if "guangxi" in wish.homes:
            raise PeerRefusedError(code="PERMISSION_DENIED", reason="NO_AGREEMENT", violations=(("life", "at most"),))
        return FetchedPack(packed(), update=bool(wish.base))

    monkeypatch.setattr(pack_console, "fetch_pack", fetch)
    arguments: tuple[str | Path, ...] = ("--config", layout.config("sichuan"), "--caller", "platform.sichuan")
    arguments = (*arguments, "--key", layout.caller_key("sichuan"), "--ca", layout.ca)
    file = tmp_path / "gate.pack"
    ended = onecard("pack", "make", file, *arguments, "--home", "chongqing", "--item", "SC-02", "--life", "600")
    assert (ended.exit_code, "a pack, " in ended.output) == (0, True), ended.output
    assert OfflinePack.read(file.read_bytes(), keys=PINNED).statement.serial == 1
    ended = onecard("pack", "make", tmp_path / "update", *arguments, "--home", "chongqing", "--base", file)
    assert "an update of pack 1" in ended.output
    assert [(wish.homes, wish.items, wish.life, wish.base) for wish in asked] == [
        (("chongqing",), ("SC-02",), 600, 0),
        (("chongqing",), (), None, 1),
    ]
    said = refused("pack", "make", file, *arguments, "--home", "guangxi").splitlines()
    reason = load_reasons().get("NO_AGREEMENT")
    head = ["The gateway refuses it.", "PERMISSION_DENIED NO_AGREEMENT", "life: at most"]
    assert said == [*head, reason.message.en, f"To do: {reason.remedy.en}"]
