"""The two ends of a dialect: where they do not fit together, the check finds it and says at which end."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from adapters.auth_scheme import Login
from adapters.errors import CardNotFoundError
from adapters.platform_side import Lookup
from adapters.registry import load_registry
from adapters.wire import PlatformRecord
from gateway.adapter_mirror import check_mirror, credentials
from gateway.adapter_vectors import Vectors, read_region

if TYPE_CHECKING:
    from collections.abc import Callable

    from adapters.adapter import ManifestAdapter
    from adapters.wire import HttpRequest


class Other:
    """Something with some of its verbs replaced."""

    def __init__(self, real: object, **verbs: object) -> None:
        """Keep what is real, and the verbs that are not."""
        self._real = real
        self.__dict__.update(verbs)

    def __getattr__(self, name: str) -> object:
        """Give what was not replaced."""
        return getattr(self._real, name)


def other(real: object, **verbs: object) -> Any:  # noqa: ANN401 - it stands in for something of any type
    """Replace verbs of something."""
    return Other(real, **verbs)


def mirror(spoil: Callable[[ManifestAdapter], object]) -> set[tuple[str, str]]:
    """Spoil one end of Chongqing's dialect, and give clause and fault of what the mirror then finds."""
    adapter = load_registry().get("chongqing")
    spoil(adapter)
    vectors = Vectors.model_validate_json(read_region("chongqing").vectors)
    return {(one.clause, one.fault) for one in check_mirror(adapter, vectors) if not one.ok}


def spoil_question(adapter: ManifestAdapter) -> None:
    """Let the platform read each question as another one."""
    read = adapter.platform_side.read_request

    def misread(request: HttpRequest) -> Lookup:
        lookup = read(request)
        return Lookup(lookup.envelope, lookup.record, {**lookup.values, "card.number": "A99999999"})

    adapter.platform_side = other(adapter.platform_side, read_request=misread)


def spoil_door(adapter: ManifestAdapter) -> None:
    """Let the platform refuse everybody."""
    adapter.auth = other(adapter.auth, admits=lambda *_, **__: False)


def spoil_faults(adapter: ManifestAdapter) -> None:
    """Read every answer of the platform as an unknown card of another region."""

    def decode(*_: object, **__: object) -> PlatformRecord:
        raise CardNotFoundError(region="sichuan")

    adapter.decode = decode


def spoil_time(adapter: ManifestAdapter) -> None:
    """Read the time for which the platform vouches as the time of the answer."""
    decode = adapter.decode
    adapter.decode = lambda reply, *, now: replace(decode(reply, now=now), as_of=now)


def spoil_fault_codes(adapter: ManifestAdapter) -> None:
    """Read every fault as a good answer."""
    adapter.decode = lambda *_, **__: PlatformRecord({}, 0.0)


def spoil_token(adapter: ManifestAdapter) -> None:
    """Read another token than was given."""
    adapter.auth = other(adapter.auth, read_login=lambda _: Login("SYNTHETIC-OTHER", 60.0))


def spoil_login(adapter: ManifestAdapter) -> None:
    """Never log in, although the scheme has a login."""
    adapter.auth = other(adapter.auth, login=lambda **_: None)


@pytest.mark.parametrize(
    ("spoil", "clause", "fault"),
    [
        (
            spoil_question,
            "request and answer",
            "card_number: the platform reads another question; differs in card.number",
        ),
        (spoil_door, "request and answer", "card_number: the platform does not let the gateway in"),
        (spoil_time, "request and answer", "the time for which the platform vouches is read otherwise than it was"),
        (spoil_faults, "faults of the platform", "is read as CardNotFoundError"),
        (spoil_fault_codes, "faults of the platform", "is read as a good answer"),
        (spoil_token, "login", "another token is read than was given"),
        (spoil_login, "login", "has a login that the gateway does not use"),
    ],
)
def test_ends_of_a_dialect_that_do_not_fit_are_found(
    spoil: Callable[[ManifestAdapter], object], clause: str, fault: str
) -> None:
    """What one end writes and the other reads otherwise is a finding of its clause."""
    assert any(found == clause and told.startswith(fault) for found, told in mirror(spoil))


def test_a_holder_shows_what_the_card_has() -> None:
    """A card without a code or sign number is asked for by number and QR only, one without a holder's number by QR."""
    minimal = (
        load_registry()
        .get("chongqing")
        .identity_to_canonical(
            next(one for one in json.loads(read_region("chongqing").vectors)["round_trips"] if one["id"] == "minimal")[
                "record"
            ]
        )
    )
    assert credentials(minimal).keys() == {"qr_text", "card_number"}
    nobody = replace(minimal, holder=replace(minimal.holder, social_security_number=None))
    assert credentials(nobody).keys() == {"qr_text"}
