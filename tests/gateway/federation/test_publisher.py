"""The publisher of an entity: numbers that only grow, renewal, rotation, and what a folder remembers."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import SettingsError
from gateway.federation.publisher import DAY_SECONDS
from gateway.federation.publisher_content import anchor_endpoints
from gateway.federation.publisher_ledger import Issue, VersionLedger, locked, write_whole
from tests.fakes.clock import NOON, FakeClock
from tests.gateway.federation.publisher_cases import ANCHOR, KEYS, NORTH, ROLE_KEYS, SOUTH, leaf, read_by_others
from trust.errors import ClaimInvalidError, KeyMaterialError, UnknownKeyError
from trust.keys import SigningKey
from trust.pinboard import Pinboard
from trust.statement import read_configuration, read_statement
from trust.trust_mark import TrustMark, sign_mark

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
FILES = ("versions.json", "ended_keys.json", "links.json")


def new_key(entity: str = NORTH) -> SigningKey:
    """Make a federation key."""
    return SigningKey.generate("ES256", issuer=entity)


@pytest.mark.parametrize("entity", [NORTH, SOUTH])
def test_a_configuration_says_what_the_entity_is(tmp_path: Path, entity: str) -> None:
    """Roles with their issuers and keys, superiors, endpoints; our reader and another library verify it."""
    text = leaf(tmp_path, FakeClock(), entity).text()
    claims, key = read_configuration(text)
    head, payload = read_by_others(text, KEYS[entity].public())
    assert (claims.sub, claims.version, claims.authority_hints) == (entity, 1, (ANCHOR,))
    assert claims.exp - claims.iat == DAY_SECONDS
    assert claims.metadata["onecard_gateway"]["audience"] == f"https://{entity.split('/')[2]}"
    assert claims.metadata["federation_entity"]["federation_historical_keys_endpoint"] == (
        f"{entity}/federation/historical-keys"
    )
    assert key.kid == KEYS[entity].kid
    assert head == {"alg": key.algorithm, "kid": key.kid, "typ": "entity-statement+jwt"}
    assert json.loads(payload)["metadata"]["onecard_region"]["jwks"]["keys"][0]["alg"] == "ES256"


def test_an_entity_need_not_answer_anything(tmp_path: Path) -> None:
    """Without endpoints it is no federation entity."""
    assert "federation_entity" not in leaf(tmp_path, FakeClock(), endpoints={}).current.claims.metadata


def test_an_anchor_tells_where_it_answers() -> None:
    """All endpoints of a superior lie below the identifier."""
    told = anchor_endpoints(ANCHOR)
    assert told["federation_fetch_endpoint"] == f"{ANCHOR}/federation/fetch"
    assert told.keys() == {
        f"federation_{name}_endpoint"
        for name in ("fetch", "list", "resolve", "trust_mark", "trust_mark_status", "historical_keys")
    }


def test_it_is_renewed_at_half_of_its_life(tmp_path: Path) -> None:
    """Until then the same text is given, then a new one with a higher number and the time of renewal."""
    clock = FakeClock()
    publisher = leaf(tmp_path, clock)
    first = publisher.text()
    clock.advance(DAY_SECONDS // 2 - 1)
    assert publisher.text() == first
    clock.advance(1)
    second = read_statement(publisher.text()).claims
    assert (second.version, second.iat) == (2, int(NOON) + DAY_SECONDS // 2)
    assert publisher.renew() is False


def test_numbers_and_dates_grow_over_restarts(tmp_path: Path) -> None:
    """Within one second too, so that a reader's pinboard takes each for newer than the one before."""
    board, clock = Pinboard(), FakeClock()
    for version in range(1, 5):
        statement = read_statement(leaf(tmp_path, clock).text())
        board = board.admit([statement.pin(anchor=ANCHOR)])
        assert (statement.claims.version, statement.claims.iat) == (version, int(NOON) + version - 1)


def test_a_clock_that_is_set_back_does_not_date_back(tmp_path: Path) -> None:
    """The date of a later number is never earlier."""
    clock = FakeClock()
    first = read_statement(leaf(tmp_path, clock).text()).claims
    clock.advance(-3600)
    assert read_statement(leaf(tmp_path, clock).text()).claims.iat == first.iat + 1


def test_what_it_says_can_change(tmp_path: Path) -> None:
    """Keys of a role, marks, superiors: each change is a new number at once, the same content none."""
    publisher = leaf(tmp_path, FakeClock())
    key = SigningKey.generate("ES256", issuer="north")
    mark = TrustMark(iss=ANCHOR, sub=NORTH, trust_mark_type="https://bodies.example/mark", iat=1, exp=2)
    publisher.replace_keys("onecard_region", [ROLE_KEYS["north"].public(), key.public()])
    publisher.show_marks({mark.trust_mark_type: sign_mark(mark, key=KEYS[ANCHOR])})
    publisher.name_superiors([ANCHOR, SOUTH])
    claims, _ = read_configuration(publisher.text())
    assert claims.version == 4
    assert claims.authority_hints == (ANCHOR, SOUTH)
    assert list(claims.trust_marks) == [mark.trust_mark_type]
    assert key.kid in json.dumps(read_statement(publisher.text()).token.payload["metadata"])
    publisher.name_superiors([ANCHOR, SOUTH])
    publisher.replace_keys("onecard_region", [ROLE_KEYS["north"].public(), key.public()])
    assert publisher.current.claims.version == 4


def test_what_cannot_be_said_changes_nothing(tmp_path: Path) -> None:
    """A content against the rules is refused, and the one before stays; no number is used twice."""
    publisher = leaf(tmp_path, FakeClock())
    before = publisher.text()
    with pytest.raises(ClaimInvalidError):
        publisher.name_superiors(["no entity"])
    with pytest.raises(KeyMaterialError):
        publisher.replace_keys("onecard_region", [ROLE_KEYS["south"].public()])
    with pytest.raises(KeyMaterialError):
        publisher.announce(new_key(SOUTH))
    assert publisher.text() == before
    publisher.name_superiors([ANCHOR, SOUTH])
    assert publisher.current.claims.version == 3


def test_files_are_the_owners_alone(tmp_path: Path) -> None:
    """Mode 600, no draft left behind."""
    publisher = leaf(tmp_path, FakeClock())
    publisher.rotate(new_key())
    publisher.retire(KEYS[NORTH].kid)
    for name in FILES:
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        (*FILES, "configuration.jwt", ".versions.json.lock")
    )


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("data", [b"{", b"\xff", b"3", b'{"a": 3}', b'{"a": [0, 1]}', b"[3]", b'["a.b.c"]', b"[{}]"])
def test_a_damaged_file_stops_the_start(tmp_path: Path, name: str, data: bytes) -> None:
    """The operator is told which; nothing of it is told, and no number is given out anew."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SettingsError) as caught:
        leaf(tmp_path, FakeClock())
    assert name in str(caught.value)


def test_a_full_disk_does_not_end_a_configuration_that_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it cannot be numbered it is not signed: the old one is given to its end, and then none."""

    def full(_descriptor: int) -> None:
        raise OSError

    clock = FakeClock()
    publisher = leaf(tmp_path, clock)
    first = publisher.text()
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        clock.advance(DAY_SECONDS - 1)
        assert publisher.text() == first
        clock.advance(1)
        with pytest.raises(SettingsError):
            publisher.text()
    assert read_statement(publisher.text()).claims.version == 2


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    """Neither locking nor writing makes one up."""
    with pytest.raises(SettingsError), locked(tmp_path / "none" / "file"):
        pass
    with pytest.raises(SettingsError):
        write_whole(tmp_path / "none" / "file", b"")


def test_an_unknown_key_proves_nothing(tmp_path: Path) -> None:
    """A pinned other key does not prove the configuration."""
    statement = read_statement(leaf(tmp_path, FakeClock()).text())
    with pytest.raises(UnknownKeyError):
        statement.proven_by([KEYS[SOUTH].public()])


@settings(max_examples=25, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 2**33), st.booleans()), min_size=1, max_size=12
    )
)
def test_no_number_and_no_date_is_given_twice(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, bool]]
) -> None:
    """Whatever the clock says and however often the process starts anew, both grow for each subject."""
    path = tmp_path_factory.mktemp("ledger") / "versions.json"
    ledger = VersionLedger(path)
    last: dict[str, Issue] = {}
    for subject, now, restarts in steps:
        ledger = VersionLedger(path) if restarts else ledger
        issue = ledger.next(subject, now=now)
        before = last.get(subject)
        assert issue.version == (before.version + 1 if before else 1)
        assert issue.iat >= now
        assert before is None or issue.iat > before.iat
        last[subject] = issue
