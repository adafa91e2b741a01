"""The anchor's feed of revocations: who is believed, what is remembered, what it does to the register."""

from __future__ import annotations

import asyncio
import stat
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gateway.errors import LimitError, SettingsError
from gateway.federation import register_feed
from tests.fakes.clock import NOON, FakeClock
from tests.gateway.federation.publisher_cases import (
    AGREEMENT,
    ANCHOR,
    KEYS,
    NORTH,
    SOUTH,
    STRANGER,
    anchor,
    anchor_config,
    joined,
    pinned,
    read_by_others,
)
from trust.chain import verify_chain
from trust.errors import (
    ClaimInvalidError,
    ForeignKeyError,
    KeyRevokedError,
    NotYetValidError,
    TrustError,
    UnknownIssuerError,
)
from trust.federation import Federation
from trust.keys import SigningKey, thumbprint
from trust.revocation import MIN_LIFE_SECONDS, Revocation, read_revocation, sign_revocation

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.federation.register_body import AnchorBody

FEED = "revocations.txt"


def said(issuer: str = NORTH, **changes: object) -> str:
    """Sign a revocation of a member: of its own key, some of it changed."""
    now = int(NOON)
    own: dict[str, Any] = {"iss": issuer, "sub": issuer, "kind": "certificate", "target": "A" * 43, "sequence": 1}
    own |= {"iat": now, "exp": now + MIN_LIFE_SECONDS + 3600, "effective": now, "reason": "superseded"}
    whole = Revocation(**own)
    return sign_revocation(replace(whole, **changes), key=KEYS[issuer])  # type: ignore[arg-type]  # a test may give anything


def west(folder: Path, clock: FakeClock | None = None) -> AnchorBody:
    """Make the invented anchor with both members."""
    clock = clock or FakeClock()
    body = anchor(folder / "anchor", clock)
    joined(body, folder / "north", clock)
    joined(body, folder / "south", clock, SOUTH)
    return body


def test_members_and_the_anchor_are_believed(tmp_path: Path) -> None:
    """In the order in which it learned of them; the same again, signed again too, is known."""
    body = west(tmp_path)
    first, second = said(), said(SOUTH)
    assert body.believe_revocation(first)
    own = body.revoke("certificate", subject=SOUTH, target="A" * 43, reason="compromised")
    assert body.believe_revocation(second)
    assert [body.believe_revocation(text) for text in (first, own, second, said())] == [False] * 4
    assert body.feed(0) == ([(1, first), (2, own), (3, second)], 3)
    assert body.feed(2) == ([(3, second)], 3)
    assert body.feed(99) == ([(1, first), (2, own), (3, second)], 3)
    assert {entry.revocation.iss for entry in body.revocations.entries} == {NORTH, SOUTH, ANCHOR}
    assert read_by_others(own, KEYS[ANCHOR].public())[0]["typ"] == "onecard-revocation+jwt"


def test_who_has_no_say_is_not_believed(tmp_path: Path) -> None:
    """Strangers, members about others, wrong times, other texts: nothing is kept."""
    body = west(tmp_path)
    cases: tuple[tuple[str, type[TrustError]], ...] = (
        (said(STRANGER), UnknownIssuerError),
        (said(sub=SOUTH), ForeignKeyError),
        (said(sub=ANCHOR), ForeignKeyError),
        (said(sub=SOUTH, kind="agreement", target=AGREEMENT), ForeignKeyError),
        (said(iat=int(NOON) + 60, exp=int(NOON) + 60 + MIN_LIFE_SECONDS), NotYetValidError),
        (body.publisher.text(), TrustError),
        ("x", TrustError),
    )
    for text, error in cases:
        with pytest.raises(error):
            body.believe_revocation(text)
    assert body.feed(0) == ([], 0)
    assert not (tmp_path / "anchor" / FEED).exists()


def test_a_reader_believes_what_the_anchor_believes(tmp_path: Path) -> None:
    """The feed, read into a federation of what is published, strikes the same."""
    body = west(tmp_path)
    federation = Federation()
    for entity in (ANCHOR, NORTH, SOUTH):
        verified = verify_chain(body.resolver.chain(entity), beliefs=pinned(), now=int(NOON))
        federation = federation.with_entity(verified)
    body.believe_revocation(said())
    body.stop_agreement(AGREEMENT, reason="emergency")
    for _, text in body.feed(0)[0]:
        federation = federation.revoke(text, now=int(NOON))
    assert federation.revocations == body.revocations
    assert federation.revocations.reason("agreement", ANCHOR, AGREEMENT, anchor=ANCHOR, now=int(NOON)) == "emergency"


def test_any_party_stops_the_agreement(tmp_path: Path) -> None:
    """Under the anchor of both, for everybody."""
    body = west(tmp_path)
    assert body.believe_revocation(said(SOUTH, sub=ANCHOR, kind="agreement", target=AGREEMENT, reason="withdrawn"))
    assert body.revocations.reason("agreement", ANCHOR, AGREEMENT, anchor=ANCHOR, now=int(NOON)) == "withdrawn"


def test_only_what_the_anchor_stands_for_is_stopped(tmp_path: Path) -> None:
    """Its own agreements, for reasons of the closed list; its own members."""
    body = west(tmp_path)
    with pytest.raises(ClaimInvalidError):
        body.stop_agreement("another-agreement", reason="withdrawn")
    with pytest.raises(ClaimInvalidError):
        body.stop_agreement(AGREEMENT, reason="no reason")
    with pytest.raises(ForeignKeyError):
        body.revoke("entity", subject=STRANGER, target=STRANGER, reason="ceased")
    assert body.feed(0) == ([], 0)


def test_own_revocations_are_counted_without_a_gap(tmp_path: Path) -> None:
    """Over restarts and refusals, whichever process of the folder makes them."""
    clock = FakeClock()
    node, command = west(tmp_path, clock), anchor(tmp_path / "anchor", clock)
    texts = [node.stop_agreement(AGREEMENT, reason="withdrawn", effective=int(NOON) + 86_400)]
    texts.append(command.stop_agreement(AGREEMENT, reason="emergency"))
    with pytest.raises(TrustError):
        node.revoke("key", subject=STRANGER, target="A" * 43, reason="superseded")
    texts.append(node.stop_agreement(AGREEMENT, reason="emergency"))
    texts.append(anchor(tmp_path / "anchor", clock).stop_agreement(AGREEMENT, reason="withdrawn"))
    made = [read_revocation(text)[1] for text in texts]
    assert [revocation.sequence for revocation in made] == [1, 2, 3, 4]
    assert (made[0].effective, made[0].exp) == (int(NOON) + 86_400, int(NOON) + 86_400 + MIN_LIFE_SECONDS)
    node.renew()
    assert [text for _, text in node.feed(0)[0]] == texts
    assert node.revocations.missing(ANCHOR) == ()


def test_the_feed_lasts(tmp_path: Path) -> None:
    """Over a restart, in one file of the owner's; half a line that a crash left behind is overwritten."""
    clock = FakeClock()
    body = west(tmp_path, clock)
    body.believe_revocation(said())
    path = tmp_path / "anchor" / FEED
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open("ab") as file:
        file.write(b"half.a")
    again = anchor(tmp_path / "anchor", clock)
    assert again.feed(0) == ([(1, path.read_text().splitlines()[0])], 1)
    again.believe_revocation(said(SOUTH))
    assert len(path.read_text().splitlines()) == 2
    assert anchor(tmp_path / "anchor", clock).feed(0) == again.feed(0)


@pytest.mark.parametrize("data", [b"no revocation\n", b"\xff\n", "卡\n".encode()])
def test_a_damaged_feed_stops_the_start(tmp_path: Path, data: bytes) -> None:
    """The operator is told; nothing of the line is."""
    config = anchor_config(tmp_path)
    (tmp_path / FEED).write_bytes(data)
    with pytest.raises(SettingsError, match=FEED):
        anchor(config.folder, FakeClock())


def test_what_cannot_be_written_is_not_believed(tmp_path: Path) -> None:
    """It can be told again once the operator has acted."""
    body = west(tmp_path)
    path = tmp_path / "anchor" / FEED
    path.symlink_to(tmp_path / "none" / "file")
    with pytest.raises(SettingsError):
        body.believe_revocation(said())
    assert body.feed(0) == ([], 0)
    path.unlink()
    assert body.believe_revocation(said())


def test_one_member_cannot_fill_the_feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a number its own are refused; others' and the anchor's are not."""
    monkeypatch.setattr(register_feed, "MAX_OF_A_MEMBER", 2)
    body = west(tmp_path)
    for sequence in (1, 2):
        body.believe_revocation(said(sequence=sequence))
    with pytest.raises(LimitError):
        body.believe_revocation(said(sequence=3))
    assert body.believe_revocation(said(SOUTH))
    for _ in range(3):
        body.stop_agreement(AGREEMENT, reason="withdrawn")


def test_a_dead_key_revokes_itself_and_nothing_else(tmp_path: Path) -> None:
    """As every reader would have it, as long as another key keeps its owner a member."""
    clock = FakeClock()
    body = anchor(tmp_path / "anchor", clock)
    publisher = joined(body, tmp_path / "north", clock)
    publisher.announce(SigningKey.generate("ES256", issuer=NORTH))
    body.admit(publisher.text())
    mark = thumbprint(KEYS[NORTH].public().public_key)
    body.believe_revocation(said(kind="key", target=mark, reason="compromised", effective=int(NOON) + 60))
    assert len(body.register.member(NORTH).keys) == 1
    with pytest.raises((KeyRevokedError, UnknownIssuerError)):
        body.believe_revocation(said(sequence=2))


def test_a_revocation_takes_effect_at_its_time(tmp_path: Path) -> None:
    """Until then the member stays, unless the reason does not wait."""
    clock = FakeClock()
    body = west(tmp_path, clock)
    body.believe_revocation(said(kind="entity", target=NORTH, reason="ceased", effective=int(NOON) + 3600))
    body.renew()
    assert body.register.list() == (NORTH, SOUTH)
    clock.advance(3600)
    body.renew()
    assert body.register.list() == (SOUTH,)


def test_a_member_that_was_not_heard_of_for_long_may_still_revoke(tmp_path: Path) -> None:
    """Its configuration has run out, its key stands."""
    clock = FakeClock()
    body = west(tmp_path, clock)
    clock.advance(10 * 86_400)
    assert body.believe_revocation(said())


async def test_who_waits_is_woken(tmp_path: Path) -> None:
    """At once where there is something, otherwise when it comes, from another process too."""
    clock = FakeClock()
    body = west(tmp_path, clock)
    waiting = asyncio.create_task(body.changed(0))
    await asyncio.sleep(0)
    assert not waiting.done()
    anchor(tmp_path / "anchor", clock).stop_agreement(AGREEMENT, reason="withdrawn")
    body.renew()
    async with asyncio.timeout(10):
        await waiting
        await body.changed(0)
        await body.changed(7)
