"""Page tokens: pages make up the whole, and only what this server wrote for these arguments is read."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadPageTokenError, InvalidFieldError
from gateway.rpc.paging import DEFAULT_SIZE, LARGEST_SIZE, Paging

PAGING = Paging(b"a" * 32)
ALPHABET = string.ascii_letters + string.digits + "-_"


def token_at(size: int, arguments: str = "x", total: int = 2000) -> str:
    """Get the token after a first page."""
    return PAGING.page(range(total), size=size, token="", arguments=arguments)[1]


@given(total=st.integers(0, 130), sizes=st.lists(st.integers(0, 40), min_size=1), arguments=st.text(max_size=20))
def test_pages_make_up_the_whole(total: int, sizes: list[int], arguments: str) -> None:
    """Whatever sizes are asked for, and however they change, nothing is missing, doubled or out of order."""
    seen: list[int] = []
    token, step = "", 0
    while True:
        size = sizes[step % len(sizes)]
        page, token = PAGING.page(range(total), size=size, token=token, arguments=arguments)
        assert len(page) <= (size or DEFAULT_SIZE)
        assert page or not total
        seen += page
        step += 1
        if not token:
            break
    assert seen == list(range(total))


@pytest.mark.parametrize(("size", "given"), [(0, DEFAULT_SIZE), (1, 1), (LARGEST_SIZE + 1, LARGEST_SIZE)])
def test_sizes_have_a_default_and_a_bound(size: int, given: int) -> None:
    """Zero is the default, too many is the largest."""
    assert len(PAGING.page(range(2000), size=size, token="", arguments="")[0]) == given


def test_a_negative_size_is_refused_by_name() -> None:
    """Even with a good token."""
    with pytest.raises(InvalidFieldError) as caught:
        PAGING.page(range(10), size=-1, token=token_at(1), arguments="x")
    assert caught.value.violations == (("page_size", "not_negative"),)


@given(st.text(max_size=70) | st.text(ALPHABET, min_size=1, max_size=64))
def test_what_was_not_written_here_is_refused(token: str) -> None:
    """A guess is refused, whatever it is."""
    if not token:
        return
    with pytest.raises(BadPageTokenError):
        PAGING.page(range(10), size=1, token=token, arguments="x")


@given(st.integers(1, 1000), st.data())
def test_an_altered_token_is_refused(size: int, data: st.DataObject) -> None:
    """One character more, less or other spoils it, be it one that base64 readers pass over."""
    token = token_at(size)
    place = data.draw(st.integers(0, len(token)))
    character = data.draw(st.sampled_from(ALPHABET + "=\n !+/*é"))
    longer = token[:place] + character + token[place:]
    shorter = token[:place] + token[place + 1 :]
    other = token[:place] + character + token[place + 1 :]
    for altered in {longer, shorter, other} - {token, ""}:
        with pytest.raises(BadPageTokenError):
            PAGING.page(range(2000), size=size, token=altered, arguments="x")


def test_a_token_of_other_arguments_or_another_server_is_refused() -> None:
    """A token is bound to what was asked, and to the key."""
    token = token_at(3, arguments="regions/chongqing")
    with pytest.raises(BadPageTokenError):
        PAGING.page(range(10), size=3, token=token, arguments="regions/sichuan")
    with pytest.raises(BadPageTokenError):
        Paging(b"b" * 32).page(range(10), size=3, token=token, arguments="regions/chongqing")
    assert list(PAGING.page(range(10), size=3, token=token, arguments="regions/chongqing")[0]) == [3, 4, 5]


def test_a_token_is_short_and_holds_only_a_position() -> None:
    """It is safe in a URL and shows nothing of the arguments."""
    token = token_at(5, arguments="text=测试甲\ud800")
    assert set(token) <= set(ALPHABET)
    assert len(token) <= 24
