"""Trust marks between whole gateways: issued by the anchor, shown by who holds one, seen by the peer, taken back."""

from __future__ import annotations

import time
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING

from gateway.sandbox.anchors import MARK_TYPE
from tests.gateway.command import onecard
from tests.gateway.small_federation import found
from tests.gateway.whole_federation import WholeFederation
from tests.sandbox_fixture.running import wait_until
from trust.statement import read_configuration
from trust.trust_mark import verify_mark_status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def fetched(url: str, form: Mapping[str, str] | None = None) -> str:
    """Get, or post a form."""
    data = None if form is None else urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(url, data, timeout=10) as reply:  # noqa: S310 - our own loopback address
        return str(reply.read().decode())


def shown(running: WholeFederation, region: str) -> dict[str, str]:
    """Give the marks that a region shows."""
    text = fetched(f"http://{running.site(region).web}/.well-known/openid-federation")
    return dict(read_configuration(text)[0].trust_marks)


def test_a_mark_is_shown_seen_and_taken_back(tmp_path: Path) -> None:
    """The peer names it, the anchor calls it active; once the party holds it no longer, it is revoked and not shown."""
    layout = found(tmp_path / "two", "chongqing", "sichuan")
    for region in ("chongqing", "sichuan"):
        config = layout.config(region)
        text = config.read_text("utf-8")
        config.write_text(text.replace("[trust]\n", "[trust]\nrefresh_seconds = 1\n"), "utf-8")
    with WholeFederation(layout) as running:
        running.start("chongqing", "sichuan")
        wait_until(lambda: shown(running, "chongqing").keys() == {MARK_TYPE}, what="the mark is shown")
        explain = ("trust", "explain", "chongqing", "--config", running.config("sichuan"))
        told = onecard(*explain)
        assert (told.exit_code, f"holds mark  {MARK_TYPE}" in told.stdout) == (0, True), told.output
        mark, anchor = shown(running, "chongqing")[MARK_TYPE], running.anchor()
        at = f"http://{layout.anchors_address}/sichuan-chongqing"
        keys = read_configuration(fetched(f"{at}/.well-known/openid-federation"))[0].keys

        def state() -> str:
            answer = fetched(f"{at}/federation/trust-mark-status", {"trust_mark": mark})
            return verify_mark_status(answer, mark=mark, issuer=anchor, keys=keys, now=int(time.time()))

        assert state() == "active"
        running.stop_anchors()
        text = running.anchors.read_text("utf-8")
        assert text.count("holder = true") == 2
        running.anchors.write_text(text.replace("holder = true", "holder = false", 1), "utf-8")
        running.start_anchors()
        first = text[: text.index("holder = true")].rpartition("region = ")[2].split('"')[1]
        wait_until(lambda: not shown(running, first), what="the mark is not shown any more")
        other = {"chongqing", "sichuan"} - {first}
        assert shown(running, other.pop()).keys() == {MARK_TYPE}
        if first == "chongqing":
            assert state() == "revoked"
