"""Errors of the gateway: a fixed sentence each, safe metadata, and nothing of what a caller sent."""

from __future__ import annotations

import pytest

from gateway.errors import (
    BadPageTokenError,
    GatewayError,
    InvalidFieldError,
    PeerRefusedError,
    RegionNotServedError,
    SettingsError,
)
from tests.gateway.rpc.raising import LEAVES, instance

OURS = [leaf for leaf in LEAVES if issubclass(leaf, GatewayError)]


@pytest.mark.parametrize("leaf", OURS, ids=lambda leaf: leaf.__name__)
def test_each_error_is_one_sentence_of_its_own(leaf: type[GatewayError]) -> None:
    """No two say the same; the metadata are told apart from the words."""
    assert leaf.message.endswith(".")
    assert [other.message for other in OURS].count(leaf.message) == 1
    error = instance(leaf)
    assert error.args == (leaf.message,)
    assert all(isinstance(value, str) for value in getattr(error, "metadata", {}).values())


def test_metadata_are_kept_beside_the_sentence() -> None:
    """The sentence never varies."""
    error = RegionNotServedError(region="guizhou")
    assert (str(error), error.metadata) == (RegionNotServedError.message, {"region": "guizhou"})
    assert BadPageTokenError().metadata == {}


def test_an_invalid_field_names_the_first_violation_and_keeps_all() -> None:
    """Metadata hold one field, the violations every one."""
    error = InvalidFieldError(("a", "required"), ("b", "form"))
    assert error.metadata == {"field": "a", "rule": "required"}
    assert error.violations == (("a", "required"), ("b", "form"))


def test_a_peers_refusal_keeps_what_the_peer_said_in_machine_words() -> None:
    """Code, reason and fields."""
    error = PeerRefusedError(code="NOT_FOUND", reason="CARD_NOT_FOUND", violations=(("a", "b"),), region="sichuan")
    assert (error.code, error.reason, error.violations) == ("NOT_FOUND", "CARD_NOT_FOUND", (("a", "b"),))
    assert error.metadata == {"region": "sichuan"}


def test_wrong_settings_are_listed_one_a_line() -> None:
    """For the operator."""
    assert str(SettingsError(("one", "two"))) == "The configuration is wrong.\none\ntwo"
