"""Settings: closed by default, unknown keys refused, every fault in one report, and no secret in it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from gateway.errors import SettingsError
from gateway.settings import Settings, load_settings
from gateway.settings_parts import is_loopback
from tests.fakes.configuration import ANCHOR, ENTITIES, TLS, FakeConfiguration

if TYPE_CHECKING:
    from pathlib import Path

CANARY = "s3cret-canary"


@pytest.fixture
def configuration(tmp_path: Path) -> FakeConfiguration:
    """Lay out a good configuration."""
    return FakeConfiguration(tmp_path)


def faults(configuration: FakeConfiguration) -> tuple[str, ...]:
    """Load settings that must be refused, and see that the report has no secret and no path of this machine."""
    with pytest.raises(SettingsError) as caught:
        load_settings(configuration.path)
    report = str(caught.value)
    assert CANARY not in report
    assert str(configuration.folder) not in report
    assert caught.value.heading in {"The configuration is wrong.", "The configuration gateway.toml is wrong."}
    assert report.splitlines() == [caught.value.heading, *caught.value.faults]
    assert "gateway.toml" in report
    return caught.value.faults


def test_a_good_configuration_is_read_with_paths_against_its_folder(configuration: FakeConfiguration) -> None:
    """Everything that a file names lies beside the configuration."""
    settings = load_settings(configuration.path)
    folder = configuration.folder
    assert settings.home[0].platform.secrets == folder / "platform.json"
    assert settings.trust.state == folder / "trust"
    (anchor,) = settings.trust.anchor
    assert anchor.agreement == folder / "sichuan_chongqing.toml"
    assert anchor.signatures == folder / "sichuan_chongqing.signatures"
    assert {path.name for path in settings.secret_files()} == {
        "0001.key",
        "gateway.pem",
        "federation.pem",
        "region.pem",
        "pseudonym.key",
        "evidence.pem",
        "evidence.secret",
        "platform.json",
        "tls.key",
    }
    assert {path.name for path in settings.public_files()} == {
        "tls.pem",
        "ca.pem",
        "caller.jwks.json",
        "sichuan_chongqing.toml",
    }
    with pytest.raises(ValidationError):
        settings.sandbox = False


def test_doors_are_shut_by_default(configuration: FakeConfiguration) -> None:
    """No sandbox, no reflection, no private addresses, no TLS made up, no callers, no peers, and nobody believed."""
    text = configuration.path.read_text("utf-8")
    for taken in ("sandbox = true\n", "reflection = true\n", "allow_private_addresses = true\n", "drain_seconds = 0\n"):
        text = text.replace(taken, "")
    anchor = text[text.index("[[trust.anchor]]") : text.index("[[home]]")]
    configuration.path.write_text(text.partition("[[peer]]")[0].replace(anchor, ""), "utf-8")
    configuration.change('[calls]\ncertificate = "tls.pem"\nkey = "tls.key"\n', "")
    configuration.without_tls()
    settings = load_settings(configuration.path)
    assert (settings.sandbox, settings.reflection, settings.listen.tls) == (False, False, None)
    assert (settings.listen.mutual, settings.calls, settings.home[0].partner) == (None, None, None)
    assert (settings.peer, settings.caller, settings.trust.anchor) == ((), (), ())
    assert not settings.home[0].platform.allow_private_addresses
    assert "tls.key" not in {path.name for path in settings.secret_files()}


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("sandbox = true", "sandbox = true\nsurplus = 1", "surplus: Extra inputs are not permitted"),
        ("[home.platform]", f'[home.platform]\npassword = "{CANARY}"', "home.0.platform.password: Extra inputs"),
        ('gateway = "gateway.chongqing"\n', "", "gateway: Field required"),
        ('region = "chongqing"\nsigning', 'region = "Chongqing"\nsigning', "home.0.region: String should match"),
        ("drain_seconds = 0", "drain_seconds = -1", "drain_seconds: Input should be greater"),
        ("drain_seconds = 0", 'drain_seconds = "s3cret-canary"', "drain_seconds: Input should be a valid number"),
        ('keys = "caller', 'kind = "s3cret-canary"\nkeys = "caller', "caller.0.kind: Extra inputs are not permitted"),
        ('scopes = ["card.follow"', 'scopes = ["s3cret-canary"', "caller.0: Value error, scopes are of"),
        ('address = "127.0.0.1:1"', 'address = "127.0.0.1:65536"', "peer.0.address: Value error, a port is at most"),
        ('address = "127.0.0.1:1"', 'address = "127.0.0.1"', "peer.0.address: String should match"),
        ('address = "127.0.0.1:1"', 'address = "http://a:1"', "peer.0.address: String should match"),
        ('region = "sichuan"', 'region = "chongqing"', "Value error, a region is named once"),
        (ENTITIES["sichuan"], ENTITIES["chongqing"], "Value error, an entity is named once"),
        (f'id = "{ENTITIES["chongqing"]}"', 'id = "s3cret-canary"', "home.0.entity.id: Value error, an entity identif"),
        (f'entity = "{ENTITIES["sichuan"]}"', 'entity = "http://a.example"', "peer.0.entity: Value error, an entity"),
        (f'entity = "{ANCHOR}"', f'entity = "{ANCHOR}/"', "trust.anchor.0.entity: Value error, an entity identifier"),
        ('fingerprints = ["', 'fingerprints = ["s3cret-canary', "trust.anchor.0.fingerprints.0: String should match"),
        ('fingerprints = ["', 'fingerprints = [] # ["', "trust.anchor.0.fingerprints: Tuple should have at least 1"),
        (
            'address = "http://127',
            'address = "http://192',
            "trust.anchor.0.address: Value error, without TLS only a loo",
        ),
        ('federation = "http://127', 'federation = "http://192', "peer.0.federation: Value error, without TLS only a"),
        ('federation = "http', 'federation = "file', "peer.0.federation: String should match"),
        ('folder = "store"\nkeys = "store-keys"\n', "", "store.keys: Field required"),
        ('folder = "store"\n', "", "store: Value error, either folder, for a file of SQLite, or url"),
        ('folder = "store"', 'folder = "store"\nurl = "s3cret-canary"', "store: Value error, either folder"),
        ('keys = "store-keys"', 'keys = "store"', "store: Value error, keys is a folder of its own"),
        ('keys = "store-keys"', 'keys = "store/keys"', "store: Value error, keys is a folder of its own"),
        ('folder = "store"', 'folder = "store-keys/store"', "store: Value error, keys is a folder of its own"),
        ('keys = "store-keys"', 'keys = "store-keys"\ncipher = "s3cret-canary"', "store.cipher: Input should be"),
        ('keys = "store-keys"', 'keys = "nowhere"', "nowhere: holds no key of the store; make one (onecard keys new)"),
        ('state = "trust"', "", "trust.state: Field required"),
        ('state = "trust"', 'state = "trust"\ngrace_seconds = 604801', "trust.grace_seconds: Input should be less"),
        ('state = "trust"', 'state = "trust"\nrefresh_seconds = 0', "trust.refresh_seconds: Input should be greater"),
        ('state = "trust"', 'state = "trust"\npoll_seconds = 61', "trust.poll_seconds: Input should be less"),
        ('clients = "ca.pem"\n', "", "listen: Value error, mutual needs [listen.tls] with clients"),
        (TLS, "", "listen: Value error, mutual needs [listen.tls] with clients"),
        ('[calls]\ncertificate = "tls.pem"\nkey = "tls.key"\n', "", "Value error, with peers, [calls] names the cert"),
        (
            "[home.platform]",
            '[home.partner]\nregions = []\nkey = "k"\n[home.platform]',
            "home.0.partner.regions: Tuple",
        ),
        ("sandbox = true", "sandbox = false", "Value error, allow_private_addresses is for the sandbox"),
        ("base_url = ", "total_seconds = 31\nbase_url = ", "home.0.platform.total_seconds: Input should be less"),
        ('base_url = "http', f'base_url = "{CANARY * 30}http', "home.0.platform.base_url: String should have at most"),
    ],
)
def test_a_wrong_setting_is_named_with_its_rule(
    configuration: FakeConfiguration, old: str, new: str, fault: str
) -> None:
    """By its place in the file, and without what stood there."""
    configuration.change(old, new)
    assert any(fault in told for told in faults(configuration))


def test_processes_are_pinned_where_the_system_can(
    configuration: FakeConfiguration, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Elsewhere than on Linux a gateway that is to pin them does not start, instead of leaving it be."""
    configuration.path.write_text(f"pin_processes = true\n{configuration.path.read_text('utf-8')}", "utf-8")
    assert load_settings(configuration.path).pin_processes
    monkeypatch.delattr(os, "sched_setaffinity")
    assert faults(configuration) == (": Value error, pin_processes needs Linux",)


def test_reflection_is_for_the_sandbox(configuration: FakeConfiguration) -> None:
    """Even where no private address is called."""
    configuration.change("sandbox = true", "sandbox = false")
    configuration.change("allow_private_addresses = true", "")
    assert faults(configuration) == (": Value error, reflection is for the sandbox",)


@pytest.mark.parametrize("name", ["grpc", "mutual"])
def test_a_sandbox_stays_on_its_machine(configuration: FakeConfiguration, name: str) -> None:
    """Everybody has its keys, so not even TLS opens it to the network."""
    address = re.search(rf'^{name} = ".+"$', configuration.path.read_text("utf-8"), re.MULTILINE)
    assert address is not None
    configuration.change(address[0], f'{name} = "0.0.0.0:18400"')
    assert ": Value error, a sandbox, whose keys are no secret, listens on loopback" in faults(configuration)


def test_a_caller_is_registered_once(configuration: FakeConfiguration) -> None:
    """Two registrations of one id could differ."""
    text = configuration.path.read_text("utf-8")
    configuration.path.write_text(f"{text}\n[[caller]]{text.partition('[[caller]]')[2]}", "utf-8")
    assert faults(configuration) == (": Value error, a caller id is registered once",)


@pytest.mark.parametrize("side", ["grpc", "web", "metrics"])
@pytest.mark.parametrize("address", ["0.0.0.0:8443", "[::]:8443", "192.0.2.1:8443", "gateway.example:8443"])
def test_plaintext_stays_on_loopback(configuration: FakeConfiguration, side: str, address: str) -> None:
    """Without TLS the gRPC side binds to loopback only, the web side and the metrics always do."""
    configuration.change('web = "127', 'metrics = "127.0.0.1:1"\nweb = "127')
    configuration.change(f'{side} = "127', f'{side} = "{address}" # 127')
    if side == "grpc":
        assert all("a sandbox" in fault for fault in faults(configuration))
        configuration.without_tls()
    (told,) = faults(configuration)
    assert told.startswith("listen: Value error, ")
    assert "loopback" in told


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("localhost:1", True),
        ("127.0.0.1:1", True),
        ("127.1.2.3:1", True),
        ("[::1]:1", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("10.0.0.1:1", False),
        ("localhost.example:1", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_only(address: str, *, loopback: bool) -> None:
    """By number or by the one name that means it."""
    assert is_loopback(address) is loopback


def test_all_faults_come_in_one_report(configuration: FakeConfiguration) -> None:
    """An operator does not mend one to find the next."""
    configuration.change("drain_seconds = 0", "drain_seconds = -1\nsurplus = 1")
    configuration.change('[[peer]]\nregion = "sichuan"', '[[peer]]\nregion = "?"')
    assert len(faults(configuration)) == 3


def test_secret_files_are_there_and_shut_to_others(configuration: FakeConfiguration) -> None:
    """Each file is named; group and others may not even write."""
    for mode, name in ((0o640, "region.pem"), (0o604, "tls.key"), (0o620, "platform.json"), (0o601, "gateway.pem")):
        (configuration.folder / name).chmod(mode)
    (configuration.folder / "pseudonym.key").unlink()
    told = faults(configuration)
    assert sorted(told) == [
        "gateway.pem: can be read by others; allow the owner only (mode 600)",
        "platform.json: can be read by others; allow the owner only (mode 600)",
        "pseudonym.key: cannot be read",
        "region.pem: can be read by others; allow the owner only (mode 600)",
        "tls.key: can be read by others; allow the owner only (mode 600)",
    ]


def test_public_files_have_to_be_there(configuration: FakeConfiguration) -> None:
    """All that are missing, or are no files, at once."""
    (configuration.folder / "ca.pem").unlink()
    (configuration.folder / "tls.pem").unlink()
    (configuration.folder / "tls.pem").mkdir()
    assert faults(configuration) == ("tls.pem: is no file", "ca.pem: cannot be read")


@pytest.mark.parametrize("name", ["ca.pem", "caller.jwks.json", "sichuan_chongqing.toml"])
def test_public_files_are_not_written_by_everybody(configuration: FakeConfiguration, name: str) -> None:
    """Who can change an authority, a key or an agreement could let anybody in."""
    (configuration.folder / name).chmod(0o646)
    assert faults(configuration) == (f"{name}: can be written by everybody",)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"gateway = ", "cannot be read as TOML (TOMLDecodeError)"),
        (b"\xff\xfe", "cannot be read as TOML (UnicodeDecodeError)"),
        (None, "cannot be read (FileNotFoundError)"),
    ],
)
def test_what_is_no_toml_is_told_by_its_kind(configuration: FakeConfiguration, data: bytes | None, told: str) -> None:
    """The file is named, and nothing that stands in it; one that is not there is not blamed for its contents."""
    configuration.path.unlink()
    if data is not None:
        configuration.path.write_bytes(data)
    assert faults(configuration) == (f"gateway.toml: {told}",)


@pytest.mark.parametrize("name", ["processes", "max_concurrent_calls"])
@pytest.mark.parametrize("value", ["true", "2.0", '"2"'])
def test_a_number_of_things_is_a_whole_number(configuration: FakeConfiguration, name: str, value: str) -> None:
    """What is none is not taken for one: true would be one process."""
    configuration.path.write_text(f"{name} = {value}\n{configuration.path.read_text('utf-8')}", "utf-8")
    assert faults(configuration) == (f"{name}: Input should be a valid integer",)


@pytest.mark.parametrize("wrong", ['listen = "x"\n', "home = 5\n", "trust = [5]\n", "home = [5]\n"])
def test_a_value_of_another_kind_is_a_fault(configuration: FakeConfiguration, wrong: str) -> None:
    """A table where a list is wanted, a number where a path is wanted: each a line in the report."""
    configuration.path.write_text(wrong, "utf-8")
    assert any(told.startswith(wrong.partition(" ")[0]) for told in faults(configuration))


def test_environment_has_no_say(configuration: FakeConfiguration, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the file counts."""
    monkeypatch.setitem(os.environ, "GATEWAY", "gateway.other")
    monkeypatch.setitem(os.environ, "REFLECTION", "false")
    settings = load_settings(configuration.path)
    assert isinstance(settings, Settings)
    assert (settings.gateway, settings.reflection) == ("gateway.chongqing", True)
