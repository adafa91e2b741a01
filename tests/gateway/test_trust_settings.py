"""Settings of trust: whom a gateway believes and as whom it speaks is said once, and no key of the sandbox serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.errors import SettingsError
from gateway.settings import SAMPLE_LINE, load_settings, read_settings
from tests.fakes.configuration import ENTITIES, FakeConfiguration

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def configuration(tmp_path: Path) -> FakeConfiguration:
    """Lay out a good configuration."""
    return FakeConfiguration(tmp_path)


def faults(configuration: FakeConfiguration) -> tuple[str, ...]:
    """Load settings that must be refused."""
    with pytest.raises(SettingsError) as caught:
        load_settings(configuration.path)
    return caught.value.faults


SECOND_HOME = """
[[home]]
region = "guangdong"
signing_key = "region.pem"
pseudonym_secret = "pseudonym.key"
entity = {{ id = "{entity}", key = "federation.pem" }}
caller = {{ id = "{caller}", key = "gateway.pem" }}
platform = {{ base_url = "http://127.0.0.1:1", secrets = "platform.json" }}
"""


@pytest.mark.parametrize(
    ("entity", "caller", "told"),
    [
        (f"{ENTITIES['chongqing']}/guangdong", "gateway.guangdong", ""),
        (ENTITIES["chongqing"], "gateway.guangdong", "an entity is named once, as home or as peer"),
        ("https://guangdong.onecard.test", "gateway.guangdong", "entities of one gateway need paths that differ"),
        (
            f"{ENTITIES['chongqing']}/guangdong",
            "gateway.chongqing",
            "two homes do not call others under one identifier",
        ),
    ],
)
def test_homes_of_one_gateway_are_told_apart(
    configuration: FakeConfiguration, entity: str, caller: str, told: str
) -> None:
    """By their entities, by the paths at which these are served, and by the callers as which they ask others."""
    text = configuration.path.read_text("utf-8") + SECOND_HOME.format(entity=entity, caller=caller)
    configuration.path.write_text(text, "utf-8")
    if not told:
        assert len(load_settings(configuration.path).home) == 2
    else:
        assert any(told in fault for fault in faults(configuration))


def test_an_anchor_stands_for_one_agreement(configuration: FakeConfiguration) -> None:
    """Pinned twice, it could not be told for which agreement it speaks."""
    text = configuration.path.read_text("utf-8")
    anchor = text[text.index("[[trust.anchor]]") : text.index("[[home]]")]
    configuration.path.write_text(text.replace("[[home]]", f"{anchor}[[home]]"), "utf-8")
    assert faults(configuration) == (": Value error, an anchor stands for one agreement",)


def test_an_anchor_has_no_fingerprint_by_default(configuration: FakeConfiguration) -> None:
    """Whom to believe is the operator's to say, never taken from the network."""
    line = next(one for one in configuration.path.read_text("utf-8").splitlines() if one.startswith("fingerprints"))
    configuration.change(line, "")
    assert faults(configuration) == ("trust.anchor.0.fingerprints: Field required",)


@pytest.mark.parametrize("name", ["region.pem", "federation.pem", "gateway.pem", "tls.key"])
def test_a_key_of_the_sandbox_is_for_the_sandbox(configuration: FakeConfiguration, name: str) -> None:
    """Each kind of key that the sandbox makes is refused elsewhere, by name."""
    file = configuration.folder / name
    file.write_bytes(SAMPLE_LINE + file.read_bytes())
    load_settings(configuration.path)
    for open_door in ("sandbox = true\n", "reflection = true\n", "allow_private_addresses = true\n"):
        configuration.change(open_door, "")
    assert faults(configuration) == (f"{name}: is a key of the sandbox; make one of your own (onecard keys new)",)


def test_a_configuration_can_be_read_before_its_keys_are_there(configuration: FakeConfiguration) -> None:
    """The command that makes the keys needs to know where; its rules are checked all the same."""
    (configuration.folder / "region.pem").unlink()
    assert faults(configuration) == ("region.pem: cannot be read",)
    assert read_settings(configuration.path).home[0].signing_key == configuration.folder / "region.pem"
    configuration.change("drain_seconds = 0", "drain_seconds = -1")
    with pytest.raises(SettingsError, match="drain_seconds: Input should be greater"):
        read_settings(configuration.path)


def test_a_partners_key_is_a_secret_too(configuration: FakeConfiguration) -> None:
    """It signs recognitions as well, so nobody else may read it."""
    partner = '[home.partner]\nregions = ["hongkong"]\nkey = "partner.pem"\n\n[home.platform]'
    configuration.change("[home.platform]", partner)
    configuration.write("partner.pem", b"key").chmod(0o644)
    assert faults(configuration) == ("partner.pem: can be read by others; allow the owner only (mode 600)",)
