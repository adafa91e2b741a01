"""The memory of used tokens and the pseudonyms of holders."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trust.forge import HOME, NOW, RING, VISITED, issue
from trust.encoding import encode_base64url
from trust.errors import KeyMaterialError, ReplayError, ReplayMemoryFullError
from trust.pseudonym import home_card, pairwise_card, pairwise_subject
from trust.replay import InMemoryReplay, ReplayMemory
from trust.verifier import RecognitionVerifier

SECRET = bytes(range(32))


def test_a_token_is_used_once() -> None:
    """RP1: the second use is a replay."""
    memory: ReplayMemory = InMemoryReplay(10)
    memory.remember(HOME, "1", NOW + 60, NOW)
    with pytest.raises(ReplayError) as caught:
        memory.remember(HOME, "1", NOW + 60, NOW + 59)
    assert caught.value.metadata == {"issuer": HOME}


def test_of_a_hundred_parallel_uses_one_wins() -> None:
    """RP1: exactly one of many threads gets through."""
    memory = InMemoryReplay(10)

    def use(_: int) -> bool:
        try:
            memory.remember(HOME, "1", NOW + 60, NOW)
        except ReplayError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(100))) == 1


def test_two_issuers_may_use_the_same_identifier() -> None:
    """RP3: both are accepted."""
    memory = InMemoryReplay(10)
    memory.remember(HOME, "1", NOW + 60, NOW)
    memory.remember(VISITED, "1", NOW + 60, NOW)
    assert len(memory) == 2


def test_a_full_memory_refuses_new_tokens_and_forgets_none() -> None:
    """RP4: no live entry makes room; one that has expired does."""
    memory = InMemoryReplay(2)
    memory.remember(HOME, "1", NOW + 10, NOW)
    memory.remember(HOME, "2", NOW + 60, NOW)
    with pytest.raises(ReplayMemoryFullError):
        memory.remember(HOME, "3", NOW + 60, NOW + 9)
    for used in ("1", "2"):
        with pytest.raises(ReplayError):
            memory.remember(HOME, used, NOW + 60, NOW + 9)
    memory.remember(HOME, "3", NOW + 60, NOW + 10)
    assert len(memory) == 2


def test_a_memory_without_room_is_a_mistake_in_the_program() -> None:
    """A capacity below one is refused when the memory is made."""
    with pytest.raises(RuntimeError):
        InMemoryReplay(0)


@given(uses=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 30), st.integers(0, 5)), max_size=40))
def test_no_live_token_is_ever_accepted_twice(uses: list[tuple[int, int, int]]) -> None:
    """Whatever the order of uses, a token that has not expired is accepted at most once."""
    memory, live, now = InMemoryReplay(3), dict[str, int](), NOW
    for number, life, wait in uses:
        now += wait
        live = {jti: end for jti, end in live.items() if end > now}
        try:
            memory.remember(HOME, str(number), now + life, now)
        except ReplayError:
            assert str(number) in live
        except ReplayMemoryFullError:
            assert len(live) == 3
        else:
            assert str(number) not in live
            live[str(number)] = now + life


def test_the_memory_outlives_the_token() -> None:
    """A token is remembered for as long as any verifier accepts it, clock skew included."""
    verified = RecognitionVerifier(RING).verify(issue(one_time=True), audience=VISITED, now=NOW)
    memory = InMemoryReplay(1)
    memory.remember(verified.claims.iss, verified.claims.jti, verified.replay_until, NOW)
    with pytest.raises(ReplayError):
        memory.remember(verified.claims.iss, verified.claims.jti, verified.replay_until, verified.claims.exp + 9)


def test_a_pseudonym_is_stable_towards_one_region() -> None:
    """The same holder keeps the same name there; a known value fixes the computation for good."""
    subject = pairwise_subject(SECRET, home="chongqing", visited="sichuan", holder_key="holder 1")
    assert subject == pairwise_subject(SECRET, home="chongqing", visited="sichuan", holder_key="holder 1")
    assert issue(sub=subject)
    assert subject == "FGdYJuVLs_TanxKtPyiR5ptQTQWRSTU9aGYguuSGk_w"


def test_pseudonyms_towards_two_regions_have_nothing_in_common() -> None:
    """Region, holder, home and secret each change the name; moving a border between the parts does too."""
    subjects = {
        pairwise_subject(secret, home=home, visited=visited, holder_key=holder)
        for secret in (SECRET, SECRET[::-1])
        for home in ("chongqing", "guizhou")
        for visited in ("sichuan", "xizang")
        for holder in ("holder 1", "holder 2")
    }
    assert len(subjects) == 16
    moved = [("ab", "c", "d"), ("a", "bc", "d"), ("a", "b", "cd"), ("abcd", "", "")]
    assert len({pairwise_subject(SECRET, home=a, visited=b, holder_key=c) for a, b, c in moved}) == 4


@given(holder=st.text(), visited=st.text())
def test_a_pseudonym_does_not_contain_the_holder(holder: str, visited: str) -> None:
    """Any text gives 43 characters of base64url."""
    assert len(pairwise_subject(SECRET, home="chongqing", visited=visited, holder_key=holder)) == 43


def test_a_short_secret_is_refused() -> None:
    """A secret that could be guessed is no secret."""
    with pytest.raises(KeyMaterialError):
        pairwise_subject(SECRET[:31], home="chongqing", visited="sichuan", holder_key="holder 1")


def test_a_card_has_a_pseudonym_of_its_own_towards_each_region() -> None:
    """In two steps, the first of which stays at home; known values fix both for good."""
    card = home_card(SECRET, home="chongqing", card_key="number:SYN000001")
    told = {
        v: pairwise_card(SECRET, home="chongqing", visited=v, card=card) for v in ("chongqing", "sichuan", "xizang")
    }
    assert len({card, *told.values()}) == 4
    assert encode_base64url(card) == "2ZmSq4jUsImKfDtvJa9jHQ"
    assert encode_base64url(told["sichuan"]) == "511hrBQpddTH6gpx-yzsKw"
    assert issue(card=encode_base64url(told["sichuan"]))
    others = {
        home_card(SECRET, home="chongqing", card_key="number:SYN000002"),
        home_card(SECRET, home="guizhou", card_key="number:SYN000001"),
        home_card(SECRET[::-1], home="chongqing", card_key="number:SYN000001"),
    }
    assert len({card, *others}) == 4
    with pytest.raises(KeyMaterialError):
        home_card(SECRET[:31], home="chongqing", card_key="number:SYN000001")
    with pytest.raises(KeyMaterialError):
        pairwise_card(b"", home="chongqing", visited="sichuan", card=card)
