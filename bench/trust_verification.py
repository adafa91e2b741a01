"""Figures of `bench.trust_tokens`: what a verification costs, beside the bare one of the same bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bench.figures import Aim, Figure, Line, ratio
from bench.payloads import HOME, VISITED
from bench.process import Child
from bench.trust_forged import CALLER_KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MAX_KNOWN, _MAX_RATIO, _MIN_SM2 = 5.0, 2.0, 3000
_MILLION = 1_000_000
_BARE = "bare ECDSA of cryptography, same bytes"
_NEW = {
    "new_caller": "a new caller token, ES256",
    "new_recognition": "a new recognition, ES256",
}
_KNOWN = {
    "known_platform": "a known token of a platform, within its life",
    "known_gateway": "a known token of another gateway, over its certificate",
}
_SM2 = {"sm2_openssl": "OpenSSL", "sm2_gmssl": "gmssl-pyx"}

Once = dict[str, Any]


def verify_once(folder: Path, number: int) -> Once:
    """Measure all of it once, in a process of its own beside the stage in the folder (BenchError)."""
    sandbox = folder / "sandbox"
    plan = {
        "config": str(sandbox / VISITED / "gateway.toml"),
        "folder": str(sandbox),
        "home": HOME,
        "visited": VISITED,
        "state": str(folder / f"state-{number}"),
    }
    with Child("bench.trust_tokens", log=folder / "tokens.log", pipes=True) as child:
        child.tell(json.dumps(plan))
        found: Once = json.loads(child.line())
    return found


def _of(once: Sequence[Once], name: str, part: str = "") -> list[float]:
    return [one[name][part] if part else one[name] for one in once]


def _rate(once: Sequence[Once], name: str) -> Figure:
    return Figure.of(_MILLION / micros for micros in _of(once, name))


def _new(once: Sequence[Once], name: str) -> Figure:
    return ratio(_of(once, name, "ours"), _of(once, name, "bare"))


def verification_lines(once: Sequence[Once]) -> list[Line]:
    """Make the lines: new tokens, known ones, forged ones, SM2."""
    lines = [
        Line(
            name=title,
            figure=Figure.of(_of(once, name, "ours")),
            unit="µs",
            beside=_BARE,
            reference=Figure.of(_of(once, name, "bare")),
            ratio=_new(once, name),
        )
        for name, title in _NEW.items()
    ]
    bare = _of(once, "new_caller", "bare")
    for name, title in (*_KNOWN.items(), *((f"forged: {kind}", f"refused, {kind}") for kind in CALLER_KINDS)):
        lines.append(
            Line(
                name=title,
                figure=Figure.of(_of(once, name)),
                unit="µs",
                beside="bare ECDSA of cryptography",
                reference=Figure.of(bare),
                ratio=ratio(_of(once, name), bare),
            )
        )
    return [*lines, *_sm2_lines(once)]


def _sm2_lines(once: Sequence[Once]) -> list[Line]:
    there = {name: title for name, title in _SM2.items() if all(name in one for one in once)}
    lines = [
        Line(name=f"SM2 verifications of one core, {title}", figure=_rate(once, name), unit="/s")
        for name, title in there.items()
    ]
    if "sm2_openssl" in there:
        lines.append(
            Line(
                name="a new recognition, SGD_SM3_SM2, one core",
                figure=_rate(once, "sm2_recognition"),
                unit="/s",
                beside="SM2 verification of the same bytes, OpenSSL",
                reference=_rate(once, "sm2_openssl"),
                ratio=ratio(_of(once, "sm2_openssl"), _of(once, "sm2_recognition")),
            )
        )
    return lines


def verification_aims(once: Sequence[Once]) -> list[Aim]:
    """Hold them against what was aimed at; where there is no OpenSSL with SM2, its aim is not met."""
    aims = [
        Aim(title, "at most", _MAX_KNOWN, Figure.of(_of(once, name)).median, "µs") for name, title in _KNOWN.items()
    ]
    aims += [
        Aim(f"{title}, against {_BARE}", "at most", _MAX_RATIO, _new(once, name).median, "×")
        for name, title in _NEW.items()
    ]
    fast = _rate(once, "sm2_openssl").median if all("sm2_openssl" in one for one in once) else 0.0
    return [*aims, Aim("SM2 verifications of one core, OpenSSL", "at least", _MIN_SM2, fast, "/s")]
