"""Gateways whose keys lie in a hardware module: what they sign, how they rotate, and what refuses the start."""

from __future__ import annotations

import json
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import KeySet

from gateway.bootstrap_trust import build_trust
from gateway.errors import SettingsError
from gateway.hsm_address import HardwareAddress, read_address
from gateway.key_places import HardwareShelf, KeyPlaces
from gateway.settings import load_settings
from tests.fakes.clock import FakeClock
from tests.fakes.journal import FakeJournal
from tests.fakes.softhsm import PIN, TOKEN, operate
from tests.gateway.command import onecard, refused
from tests.gateway.small_federation import found
from tests.gateway.trust_calls import kid_of
from tests.gateway.whole_federation import WholeFederation
from tests.sandbox_fixture.running import wait_until
from trust.errors import KeyMaterialError
from trust.signer import signer_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.sandbox.layout import Layout

GOOD = "pkcs11:token=region;object=chongqing?module-path=/usr/lib/m.so&pin-source=/etc/pin"


def address(module: str, label: str, pin: Path, *, token: str = TOKEN) -> str:
    """Write where a key lies."""
    return f"pkcs11:token={token};object={label}?module-path={module}&pin-source=file://{pin}"


def pin_file(folder: Path, pin: str = PIN) -> Path:
    """Write a PIN as an operator would."""
    path = folder / "pin"
    path.touch(mode=0o600)
    path.write_text(f"{pin}\n", "utf-8")
    return path


def opened(places: KeyPlaces, module: str, label: str, pin: Path) -> HardwareShelf:
    """Open a shelf of Chongqing's in the module."""
    shelf = places.shelf(read_address(address(module, label, pin)), issuer="chongqing")
    assert isinstance(shelf, HardwareShelf)
    return shelf


def in_module(layout: Layout, **keys: str) -> None:
    """Let Chongqing's configuration name keys in a module, by the file that each stands for."""
    config = layout.config("chongqing")
    text = config.read_text("utf-8")
    for file, place in keys.items():
        assert text.count(f'"../chongqing/{file}.pem"') == 1
        text = text.replace(f'"../chongqing/{file}.pem"', f'"{place}"')
    config.write_text(text, "utf-8")


def test_an_address_is_read() -> None:
    """Labels may be percent-encoded, and the file of the PIN a URI; their order does not matter."""
    wanted = HardwareAddress(Path("/usr/lib/m.so"), "region", "chongqing", Path("/etc/pin"))
    assert read_address(GOOD) == wanted
    turned = "pkcs11:object=chong%71ing;token=region?pin-source=file:///etc/pin&module-path=%2Fusr/lib/m.so"
    assert read_address(turned) == wanted
    assert read_address(GOOD.replace("file:", "")).pin_file == Path("/etc/pin")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("pkcs11:", "needs module-path, object, pin-source, token"),
        (GOOD.replace("token=region;", ""), "needs token"),
        (GOOD.replace("token=region", "token="), "1 to 64 characters"),
        (GOOD.replace("token=region", "token=a%0Ab"), "1 to 64 characters"),
        (GOOD.replace("token=region", f"token={'x' * 65}"), "1 to 64 characters"),
        (f"{GOOD}&pin-value=1234", "module-path, pin-source are known"),
        (GOOD.replace("token=region", "token=region;token=other"), "each once"),
        (GOOD.replace("token=region", "token"), "are known in this place"),
        (GOOD.replace("token=region", "serial=1;token=region"), "object, token are known"),
        (GOOD.replace("/etc/pin", "|cat /etc/pin"), "from the root on"),
        (GOOD.replace("/etc/pin", "pin"), "from the root on"),
        (GOOD.replace("/usr/lib/m.so", "m.so"), "from the root on"),
        (GOOD.replace("token=region", "token=%FF"), "percent-encoded"),
    ],
)
def test_what_is_no_address_is_refused(text: str, words: str) -> None:
    """What is missing, twice, or not known; a PIN in the address; a command in the place of a file."""
    with pytest.raises(ValueError, match=words) as caught:
        read_address(text)
    assert "1234" not in str(caught.value)


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that stands still."""
    return FakeClock()


@pytest.fixture
def places(clock: FakeClock) -> Iterator[KeyPlaces]:
    """Open keys by that clock; whoever is logged in is logged out afterwards."""
    with KeyPlaces(clock=clock) as opening:
        yield opening


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Lay out a federation of two."""
    return found(tmp_path / "two", "chongqing", "sichuan")


@pytest.fixture
def own_keys(softhsm: str) -> Iterator[str]:
    """Make the keys of Chongqing in the module, and destroy them afterwards; gives the module."""
    labels = ("cq-region", "cq-entity", "cq-caller")
    for label, algorithm in zip(labels, ("EdDSA", "ES256", "ES256"), strict=True):
        operate("make", label, algorithm)
    yield softhsm
    for label in labels:
        for suffix in ("", ".next", ".former"):
            operate("drop", label + suffix)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_a_gateway_signs_in_a_module(own_keys: str, layout: Layout) -> None:
    """Recognitions, status lists, statements and calls: no key of Chongqing is in a file, and its peer believes all."""
    pin = pin_file(layout.folder)
    places = {
        file: address(own_keys, label, pin)
        for file, label in (("region", "cq-region"), ("federation", "cq-entity"), ("gateway", "cq-caller"))
    }
    in_module(layout, **places)
    for file in places:
        (layout.home("chongqing") / f"{file}.pem").unlink()
    config = layout.config("chongqing")
    shown = onecard("keys", "new", "--config", config)
    assert shown.exit_code == 0, shown.output
    assert "cq-entity (in a module)" in shown.stdout
    signed = onecard("federation", "sign", "sichuan-chongqing", "--config", config)
    assert signed.exit_code == 0, signed.output
    with WholeFederation(layout) as running:
        with KeyPlaces(clock=time.monotonic) as opening:
            mark = opening.key(read_address(places["federation"]), issuer="x").kid
        join_anew(running, mark)
        running.start("chongqing", "sichuan")
        token = running.verify("sichuan", "chongqing").reply.recognition
        keys = KeySet.import_key_set(published(running))  # type: ignore[arg-type]  # a plain dictionary
        claims = joserfc_jwt.decode(token, keys, algorithms=["EdDSA"]).claims
        assert (claims["iss"], claims["aud"]) == ("chongqing", "sichuan")
        asked = running.verify("chongqing", "sichuan")
        assert asked.reply.recognition, "asked with a token that was signed in the module"
        mark_of_key = kid_of(token)
        stopped = onecard("federation", "revoke", "key", mark_of_key, "--config", config)
        assert stopped.exit_code == 0, stopped.output
        wait_until(lambda: running.verify("sichuan", "chongqing").reason == "PEER_PROTOCOL", what="revoked")


def join_anew(running: WholeFederation, mark: str) -> None:
    """Have the anchor admit Chongqing with the key that it has now."""
    anchor, entity = running.anchor(), running.entity("chongqing")
    config = ("--config", running.anchors)
    assert onecard("anchor", "withdraw", anchor, entity, *config).exit_code == 0
    joined = onecard("federation", "join", "--config", running.config("chongqing"))
    assert mark in joined.stdout, joined.output
    request = running.config("chongqing").with_name("chongqing.join-request.jwt")
    admitted = onecard("anchor", "admit", anchor, entity, "--fingerprint", mark, "--request", request, *config)
    assert admitted.exit_code == 0, admitted.output


def published(running: WholeFederation) -> dict[str, object]:
    """Fetch the keys that Chongqing publishes for everybody."""
    url = f"http://{running.site('chongqing').web}/regions/chongqing/jwks.json"
    with urllib.request.urlopen(url, timeout=10) as reply:
        document: dict[str, object] = json.load(reply)
    return document


def test_a_key_in_a_module_is_rotated_by_its_labels(
    own_keys: str, places: KeyPlaces, clock: FakeClock, tmp_path: Path
) -> None:
    """Staged, switched, retired: what is published and what signs follows the labels, without a new start."""
    shelf = opened(places, own_keys, "cq-region", pin_file(tmp_path))
    first = shelf.signing.kid
    operate("make", "cq-region.next", "ES256")
    assert not shelf.look(), "asked a moment ago"
    clock.advance(5)
    assert shelf.look()
    second = shelf.published[1].kid
    assert ([key.kid for key in shelf.published], shelf.signing.kid) == ([first, second], first)
    operate("rename", "cq-region", "cq-region.former")
    clock.advance(5)
    with pytest.raises(SettingsError, match="no key pair of this label"):
        shelf.look()
    assert shelf.signing.kid == first, "between two steps nothing changes"
    operate("rename", "cq-region.next", "cq-region")
    clock.advance(5)
    assert shelf.look()
    assert [key.kid for key in shelf.published] == [second, first]
    assert shelf.signing.algorithm == "ES256"
    operate("drop", "cq-region.former")
    clock.advance(5)
    assert shelf.look()
    assert [key.kid for key in shelf.published] == [second]
    clock.advance(5)
    assert not shelf.look()


def test_keys_of_one_token_share_a_session(own_keys: str, places: KeyPlaces, tmp_path: Path) -> None:
    """Each signs after another one's session was dropped; the module logs a user in once."""
    pin = pin_file(tmp_path)
    with KeyPlaces(clock=FakeClock()) as elsewhere:
        one, other = (opened(places, own_keys, label, pin).signing for label in ("cq-region", "cq-entity"))
        third = opened(elsewhere, own_keys, "cq-caller", pin).signing
        for closed in (places, elsewhere, places):
            assert [len(signer_of(key).sign(b"x")) for key in (one, other, third)] == [64, 64, 64]
            closed.close()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"label": "nobody"}, "signing_key of chongqing: hardware module: its token has no key pair of this label"),
        ({"token": "nobody"}, "signing_key of chongqing: hardware module: it has no token of this label"),
        ({"pin": "wrong-pin-seen"}, "signing_key of chongqing: hardware module: it refuses the PIN"),
        ({"pin": ""}, "signing_key of chongqing: pin: holds no PIN"),
    ],
)
def test_the_start_is_refused_where_the_module_has_no_such_key(
    softhsm: str, layout: Layout, changes: dict[str, str], words: str
) -> None:
    """In words that name the setting and what is missing, and neither a label nor the PIN."""
    told = {"label": "ES256", "token": TOKEN, "pin": PIN, **changes}
    pin = pin_file(layout.folder, told["pin"])
    in_module(layout, region=address(softhsm, told["label"], pin, token=told["token"]))
    with pytest.raises(SettingsError) as caught:
        build_trust(load_settings(layout.config("chongqing")), journal=FakeJournal())
    assert caught.value.faults == (words,)
    assert "wrong-pin-seen" not in str(caught.value)


def test_the_start_is_refused_where_files_are_missing(softhsm: str, layout: Layout) -> None:
    """The library of the module, and a PIN that others can read, in one report; and a library that is none."""
    pin = pin_file(layout.folder)
    in_module(layout, region=address("/no/such/module.so", "ES256", pin))
    pin.chmod(0o644)
    with pytest.raises(SettingsError) as caught:
        load_settings(layout.config("chongqing"))
    assert set(caught.value.faults) == {
        "module.so: cannot be read",
        "pin: can be read by others; allow the owner only (mode 600)",
    }
    pin.chmod(0o600)
    text = layout.config("chongqing").read_text("utf-8")
    layout.config("chongqing").write_text(text.replace("/no/such/module.so", str(layout.ca)), "utf-8")
    with pytest.raises(SettingsError, match="hardware module: its library cannot be loaded"):
        build_trust(load_settings(layout.config("chongqing")), journal=FakeJournal())
    layout.config("chongqing").write_text(text.replace("pkcs11:token=region;", "pkcs11:"), "utf-8")
    with pytest.raises(SettingsError, match="a pkcs11: address needs token"):
        load_settings(layout.config("chongqing"))
    assert softhsm


def test_the_command_does_not_rotate_what_lies_in_a_module(softhsm: str, layout: Layout) -> None:
    """It says how that is done, by the module's own tools."""
    in_module(layout, region=address(softhsm, "ES256", pin_file(layout.folder)))
    for verb in ("stage", "switch", "retire"):
        told = refused("keys", verb, "--config", layout.config("chongqing"))
        assert "ES256.next is published, ES256 signs, ES256.former is published still" in told


def test_a_module_that_fails_leaves_the_keys_as_they_were(
    own_keys: str, places: KeyPlaces, clock: FakeClock, tmp_path: Path
) -> None:
    """A look that the module does not answer is an error of ours, and the next one may be good."""
    shelf = opened(places, own_keys, "cq-entity", pin_file(tmp_path))
    kid, token = shelf.signing.kid, shelf._token
    where, token._where = token._where, token._where.__class__(module=own_keys, token="nobody", key="x", pin=PIN)
    token.drop()
    clock.advance(5)
    with pytest.raises(KeyMaterialError):
        shelf.look()
    assert shelf.signing.kid == kid
    token._where = where
    clock.advance(5)
    assert not shelf.look()
