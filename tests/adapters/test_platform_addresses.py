"""Where the HTTP client may go: names, addresses and the shape of a request."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from adapters.auth import scheme
from adapters.errors import BlockedAddressError, RegionDataError
from adapters.platform import PlatformClient, PlatformLimits
from tests.adapters.client_kit import AGAIN, GOOD, client, opened, refusal
from tests.adapters.fake_platform import JsonDialect
from tests.adapters.hostile_server import reply, says, serving

if TYPE_CHECKING:
    from collections.abc import Mapping

    from adapters.wire import Draft, HttpRequest


class Names(AbstractResolver):
    """A name service that gives prepared addresses, one list for each question."""

    def __init__(self, *answers: list[str] | OSError) -> None:
        """Keep the answers; the last one is given for ever."""
        self.answers = list(answers)
        self.questions = 0

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> list[ResolveResult]:
        """Answer."""
        assert family == socket.AF_UNSPEC
        self.questions += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return [
            ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)
            for address in answer
        ]

    async def close(self) -> None:
        """Nothing to close."""


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::ffff:127.0.0.1"]])
async def test_names_that_lead_inside_are_blocked(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    """A public name for a private address is refused before any connection."""
    monkeypatch.setattr("aiohttp.ThreadedResolver", lambda: Names(addresses))
    async with serving(says(GOOD)) as canary, opened(f"http://platform.example:{canary.port}", private=False) as made:
        assert (await refusal(made))["error"] == "BlockedAddressError"
        assert made.reachable
    assert canary.connections == 0


async def test_the_address_that_was_checked_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each connection asks once for the name; one that moves to a forbidden address is not followed there."""
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    monkeypatch.setattr("aiohttp.ThreadedResolver", lambda: names)
    # For this test 127.0.0.1 plays the public address, so that nothing leaves the machine.
    monkeypatch.setattr("adapters.platform.address_rule", lambda ip: None if ip == "127.0.0.1" else "loopback")
    answers = says(reply(b'{"aac003":"x"}', "Connection: close"))
    async with serving(answers) as server:
        async with opened(f"http://platform.example:{server.port}", private=False) as made:
            assert (await made.lookup(AGAIN)).fields == {"aac003": "x"}
            assert names.questions == 1
            assert await refusal(made) == {"error": "BlockedAddressError", "rule": "loopback"}
        assert server.connections == 1


async def test_names_that_are_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that cannot be resolved is a fault of its own."""
    monkeypatch.setattr("aiohttp.ThreadedResolver", lambda: Names(socket.gaierror(-2, "canary")))
    async with opened("http://platform.example") as made:
        assert await refusal(made) == {"error": "PlatformUnavailableError", "fault": "name_resolution"}


async def test_names_are_resolved_by_the_system() -> None:
    """A name is looked up, where private addresses are allowed."""
    async with serving(says(GOOD)) as server, opened(f"http://localhost:{server.port}") as made:
        assert (await made.lookup(AGAIN)).fields == {"aac003": "x"}


@pytest.mark.parametrize(
    ("path", "headers", "rule"),
    [
        ("card", {}, "target"),
        ("http://127.0.0.1/", {}, "target"),
        ("@127.0.0.1/", {}, "target"),
        ("/card HTTP/1.1\r\nX: y", {}, "target"),
        ("/测试", {}, "target"),
        ("/card#x", {}, "target"),
        ("/card", {"X": "a\r\nY: b"}, "header"),
        ("/card", {"X": "测试"}, "header"),
        ("/card", {"X: a\r\nY": "b"}, "header"),
    ],
)
async def test_requests_are_one_request(path: str, headers: dict[str, str], rule: str) -> None:
    """No value of a record can end a line or lead to another host."""

    class Careless(JsonDialect):
        """A dialect that puts values where they do not belong."""

        def encode(self, draft: Draft, extra: Mapping[str, str]) -> HttpRequest:
            """Write them as they are."""
            return replace(super().encode(draft, extra), path=path, headers=headers)

    async with serving(says(GOOD)) as server:
        async with opened(server.url, dialect=Careless()) as made:
            assert await refusal(made) == {"error": "RegionDataError", "rule": rule}
        assert server.connections == 0


def test_configuration_is_checked_at_once() -> None:
    """A forbidden address or a missing secret is refused before anything is opened."""
    with pytest.raises(BlockedAddressError):
        client("http://127.0.0.1", private=False)
    with pytest.raises(RegionDataError) as caught:
        PlatformClient(
            region="500000",
            base_url="http://platform.example",
            dialect=JsonDialect(),
            auth=scheme("basic", {}),
            secrets={"user": "gateway"},
            limits=PlatformLimits(),
            allow_private_addresses=False,
            new_nonce=str,
        )
    assert caught.value.metadata == {"region": "500000", "rule": "missing_secret", "column": "password"}
