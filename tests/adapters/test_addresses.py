"""Which addresses a gateway may call."""

from __future__ import annotations

import pytest

from adapters.addresses import address_rule, check_base_url
from adapters.errors import BlockedAddressError

PRIVATE = {
    "http://169.254.169.254/latest/meta-data": "link_local",
    "http://localhost:8080": "localhost",
    "http://LOCALHOST.": "localhost",
    "http://platform.localhost": "localhost",
    "http://127.0.0.1": "loopback",
    "http://127.255.255.254": "loopback",
    "http://[::1]": "loopback",
    "http://[::ffff:127.0.0.1]": "mapped",
    "http://[::ffff:8.8.8.8]": "mapped",
    "http://[64:ff9b::7f00:1]": "mapped",
    "http://[2002:7f00:1::]": "mapped",
    "http://[2001:0:1::1]": "mapped",
    "http://[::127.0.0.1]": "reserved",
    "http://0.0.0.0": "unspecified",
    "http://[::]": "unspecified",
    "http://10.0.0.1": "private",
    "http://172.16.0.1": "private",
    "http://192.168.1.1": "private",
    "http://100.64.0.1": "private",
    "http://192.0.2.1": "private",
    "http://[fc00::1]": "private",
    "http://[fec0::1]": "private",
    "http://[fe80::1]": "link_local",
    "http://224.0.0.251": "multicast",
    "http://[ff02::1]": "multicast",
    "http://255.255.255.255": "reserved",
}
WRONG = {
    "": "scheme",
    "platform.example": "scheme",
    "file:///etc/hostname": "scheme",
    "gopher://platform.example": "scheme",
    "ftp://platform.example": "scheme",
    "http:platform.example": "scheme",
    "//platform.example": "scheme",
    "http://": "host",
    "http:///x": "host",
    "http://:80": "host",
    "http://.": "host",
    "http://a..example": "host",
    "http://%6cocalhost": "host",
    "http://platform.example:80:81": "host",
    "http://platform.example:x": "host",
    "http://[fe80::1%25eth0]": "host",
    "http://user@platform.example": "userinfo",
    "http://user:pass@platform.example": "userinfo",
    "http://platform.example@127.0.0.1": "userinfo",
    "http://platform.example/#x": "fragment",
    "http://platform.example#@127.0.0.1": "fragment",
    "http://platform.example?x=1": "query",
    "http://platform.example/a/../b": "path",
    "http://platform.example//b": "path",
    "http://platform.example/%2e%2e/b": "path",
    "http://platform.example:0": "port",
    "http://platform.example:65536": "port",
    "http://2130706433": "numeric_host",
    "http://017700000001": "numeric_host",
    "http://0x7f000001": "numeric_host",
    "http://0x7f.0.0.1": "numeric_host",
    "http://0177.0.0.1": "numeric_host",
    "http://127.1": "numeric_host",
    "http://127.0.0.1.": "numeric_host",
    "http://127.0.0.0x1": "numeric_host",
    "http://256.256.256.256": "numeric_host",
    "http://[127.0.0.1]": "numeric_host",
    "http://[1]": "numeric_host",
    "http://１２７.0.0.1": "characters",
    "http://platform。example": "characters",
    "http://platform.example\\@127.0.0.1": "characters",
    "http://platform.example\t": "characters",
    "http://platform.example\r\nX: y": "characters",
    " http://platform.example": "characters",
}
GOOD = [
    "https://platform.example",
    "HTTPS://Platform.Example.:8443/",
    "http://card_service.gov.example/api/v1.0",
    "http://8.8.8.8:80",
    "https://[2606:4700::1111]:443/x/",
    "http://xn--55qx5d.example",
    "http://0xg.example",
]


def _rule(url: str, *, allowed: bool) -> str:
    """Give the rule by which a URL is refused."""
    with pytest.raises(BlockedAddressError) as caught:
        check_base_url(url, region="500000", allow_private_addresses=allowed)
    assert caught.value.metadata["region"] == "500000"
    assert not url or url not in str(caught.value)
    return caught.value.metadata["rule"]


@pytest.mark.parametrize(("url", "rule"), PRIVATE.items())
def test_private_addresses_need_leave(url: str, rule: str) -> None:
    """An address within some network is refused, and passes where the settings allow it."""
    assert _rule(url, allowed=False) == rule
    check_base_url(url, region="500000", allow_private_addresses=True)


@pytest.mark.parametrize(("url", "rule"), WRONG.items())
def test_tricks_are_refused_with_or_without_leave(url: str, rule: str) -> None:
    """Another scheme, a disguise or a text that two parsers could read differently is always refused."""
    assert _rule(url, allowed=False) == rule
    assert _rule(url, allowed=True) == rule


@pytest.mark.parametrize("url", GOOD)
def test_plain_public_urls_pass(url: str) -> None:
    """A name or a public address passes, with a port and a path."""
    check_base_url(url, region="500000", allow_private_addresses=False)


def test_public_addresses_break_no_rule() -> None:
    """A resolved public address may be connected to."""
    assert address_rule("8.8.8.8") is None
    assert address_rule("2606:4700::1111") is None
    assert address_rule("fe80::1%1") == "link_local"
