"""What the `onecard keys` commands do: make the keys that a configuration names, and rotate them step by step."""

from __future__ import annotations

import math
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.console import screen, table
from gateway.errors import WRONG_OPTION, SettingsError
from gateway.key_places import KeyPlaces
from gateway.key_shelf import former_file, retire, stage, switch, switched_at, write_key
from gateway.settings import SAMPLE_LINE, read_settings
from gateway.store.key_folder import key_files, new_key
from trust.claim_tables import MAX_LIFETIME_SECONDS
from trust.keys import SigningKey, thumbprint

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.hsm_address import HardwareAddress
    from gateway.settings import Settings
    from gateway.settings_parts import HomeSettings

_SECRET_BYTES = 32
_SUITES = {"partner": "ES256", "evidence": "EdDSA"}
"""What every partner reads, who counter-signs in another suite brings a key of its own; and what signs checkpoints."""


def make_keys(config: Path, *, algorithm: str) -> None:
    """Make what is missing of the keys and secrets that a configuration names (SettingsError, TrustError)."""
    settings, console, places = read_settings(config), screen(), KeyPlaces(clock=time.monotonic)
    shown = table("file", "for", "issuer", "thumbprint", least={3: 43}, console=console)
    evidence = ("evidence", settings.evidence.key, settings.gateway)
    for use, place, issuer in (*(key for home in settings.home for key in _keys_of(home)), evidence):
        made = isinstance(place, Path) and not place.exists()
        if isinstance(place, Path) and made:
            suite = _SUITES.get(use, algorithm)
            write_key(place, SigningKey.generate(suite, issuer=issuer), preamble=_preamble(settings))
        with places:
            mark = thumbprint(places.key(place, issuer=issuer).public().public_key)
        name = place.name if isinstance(place, Path) else f"{place.key} (in a module)"
        shown.add_row(name, use if made else f"{use} (was there)", issuer, mark)
    told = [(home.pseudonym_secret, "pseudonyms", home.region) for home in settings.home]
    for path, use, issuer in (*told, (settings.evidence.secret, "evidence", settings.gateway)):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_bytes(secrets.token_bytes(_SECRET_BYTES))
            shown.add_row(path.name, use, issuer, "")
    if not key_files(settings.store.keys):
        file = new_key(settings.store.keys, settings.store.cipher, preamble=_preamble(settings))
        shown.add_row(f"{settings.store.keys.name}/{file.name}", "store", settings.store.cipher, "")
    console.print(shown)


def _preamble(settings: Settings) -> bytes:
    return SAMPLE_LINE if settings.sandbox else b""


def _keys_of(home: HomeSettings) -> tuple[tuple[str, Path | HardwareAddress, str], ...]:
    """Give the keys of a home region: what for, where it lies, whose."""
    return (
        ("region", home.signing_key, home.region),
        ("federation", home.entity.key, home.entity.id),
        ("caller", home.caller.key, home.caller.id),
        *((("partner", home.partner.key, home.region),) if home.partner is not None else ()),
    )


def home_of(settings: Settings, region: str) -> HomeSettings:
    """Find the home region meant (SettingsError where it is none, or none is named among several)."""
    found = [home for home in settings.home if region in {"", home.region}]
    if len(found) != 1:
        known = ", ".join(home.region for home in settings.home)
        raise SettingsError((f"--home: name one of {known}",), heading=WRONG_OPTION)
    return found[0]


def _key_of(config: Path, *, use: str, region: str) -> tuple[Settings, Path, str]:
    """Find the file and the issuer of a key (SettingsError where the region has none for this use, or no file)."""
    settings = read_settings(config)
    if use == "evidence":
        return settings, settings.evidence.key, settings.gateway
    home = home_of(settings, region)
    for name, place, issuer in _keys_of(home):
        if name != use:
            continue
        if not isinstance(place, Path):
            labels = f"{place.key}.next is published, {place.key} signs, {place.key}.former is published still"
            raise SettingsError((f"the {use} key lies in a hardware module, whose own tools rotate it: {labels}",))
        return settings, place, issuer
    raise SettingsError((f"{home.region} has no {use} key: it counter-signs nothing",))


def stage_key(config: Path, *, use: str, region: str) -> None:
    """Make the key to come (SettingsError, TrustError, OSError)."""
    settings, path, issuer = _key_of(config, use=use, region=region)
    key = stage(path, issuer=issuer, preamble=_preamble(settings))
    screen().print(f"staged: {key.kid}; it is published and does not sign yet", soft_wrap=True)


def switch_key(config: Path, *, use: str, region: str) -> None:
    """Let the key to come sign (SettingsError)."""
    _, path, issuer = _key_of(config, use=use, region=region)
    switch(path)
    kid = SigningKey.from_pem(path.read_bytes(), issuer=issuer).kid
    screen().print(f"switched: {kid} signs; the former key is published still", soft_wrap=True)


def retire_key(
    config: Path, *, use: str, region: str, at_once: bool = False, clock: Callable[[], float] = time.time
) -> None:
    """Drop the key that was (SettingsError; also where what it signed may live and it need not be `at_once`)."""
    _, path, _ = _key_of(config, use=use, region=region)
    left = math.ceil(switched_at(path) + MAX_LIFETIME_SECONDS - clock())
    if left > 0 and not at_once:
        name = former_file(path).name
        raise SettingsError((f"{name}: what it signed may live for {left} s more; wait, or give --now to end it too",))
    retire(path)
    apart = ", but for catalogs that it signed before" if use == "federation" else ""
    screen().print(f"retired: what the former key signed is believed no longer{apart}", soft_wrap=True)
