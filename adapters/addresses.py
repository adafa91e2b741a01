"""Which addresses a gateway may call: pure judgements on a configured URL and on a resolved IP address.

A platform's URL comes from configuration, but whoever can change it, or the name's DNS records, must not be able to
turn the gateway against its own network. The grammar is narrower than RFC 3986 so that no two parsers can read one
text as two hosts.
"""

from __future__ import annotations

import ipaddress
import re

from adapters.errors import BlockedAddressError

_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?")
_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_MAX_PORT = 65_535
_EMBEDDING_NETWORKS = tuple(
    ipaddress.IPv6Network(text)
    for text in ("::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16")
)


def check_base_url(url: str, *, region: str, allow_private_addresses: bool) -> None:
    """Check a platform's base URL: http or https, a plain host, an optional port and an optional path.

    Raises:
        BlockedAddressError: rule is one of characters, scheme, userinfo, host, port, numeric_host, path, fragment,
            query, localhost, or one that `address_rule` gives.
    """
    rule = _url_rule(url, allow_private_addresses=allow_private_addresses)
    if rule is not None:
        raise BlockedAddressError(region=region, rule=rule)


def address_rule(address: str) -> str | None:
    """Name the rule that forbids an IP address, or None for one that is reachable by anybody on the Internet.

    Addresses that carry an IPv4 address inside (mapped, NAT64, 6to4, Teredo) are refused whatever they carry.
    """
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        if any(ip in network for network in _EMBEDDING_NETWORKS):
            return "mapped"
        if ip.is_site_local:
            return "private"
    kinds = (
        ("unspecified", ip.is_unspecified),
        ("loopback", ip.is_loopback),
        ("link_local", ip.is_link_local),
        ("multicast", ip.is_multicast),
        ("reserved", ip.is_reserved),
        ("private", not ip.is_global),
    )
    return next((rule for rule, applies in kinds if applies), None)


def _url_rule(url: str, *, allow_private_addresses: bool) -> str | None:
    """Name the rule that the URL breaks."""
    if not url.isascii() or not url.isprintable() or set(url) & set(' \\"<>^`{|}'):
        return "characters"
    parts = _URL.fullmatch(url)
    if parts is None:
        return "scheme"
    if not _PATH.fullmatch(parts["rest"]):
        return _rest_rule(parts["rest"])
    return _authority_rule(parts["authority"], allow_private_addresses=allow_private_addresses)


def _authority_rule(text: str, *, allow_private_addresses: bool) -> str | None:
    """Name the rule that host and port break."""
    if "@" in text:
        return "userinfo"
    authority = _AUTHORITY.fullmatch(text)
    if authority is None:
        return "host"
    if authority["port"] is not None and not 1 <= int(authority["port"]) <= _MAX_PORT:
        return "port"
    return _host_rule(authority["host"], allow_private_addresses=allow_private_addresses)


def _rest_rule(rest: str) -> str:
    """Name what is wrong behind the authority."""
    if "#" in rest:
        return "fragment"
    return "query" if "?" in rest else "path"


def _host_rule(host: str, *, allow_private_addresses: bool) -> str | None:
    """Name the rule that a host breaks; other spellings of an IPv4 address (`127.1`, `0x7f000001`) are always wrong."""
    labels = host.removesuffix(".").lower().split(".")
    if not host.startswith("[") and not _NUMERIC_LABEL.fullmatch(labels[-1]):
        if "" in labels:
            return "host"
        return None if allow_private_addresses or labels[-1] != "localhost" else "localhost"
    try:
        address = str(ipaddress.IPv6Address(host[1:-1]) if host.startswith("[") else ipaddress.IPv4Address(host))
    except ValueError:
        return "numeric_host"
    return None if allow_private_addresses else address_rule(address)
