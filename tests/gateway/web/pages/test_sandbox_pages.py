"""The public catalog of a running sandbox: told when it is ready, and there at every node, for all regions."""

from __future__ import annotations

import html
import re
import shlex
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.sandbox_fixture.running import REGIONS

if TYPE_CHECKING:
    from tests.sandbox_fixture.running import RunningSandbox

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.slow]


def page(sandbox: RunningSandbox, region: str, path: str) -> str:
    """Read a page of a region's node."""
    return read(f"{sandbox.endpoints[region]['web']}{path}")


def read(address: str) -> str:
    """Read a page."""
    with urllib.request.urlopen(address, timeout=30) as reply:  # noqa: S310 - an address that the sandbox has told
        text: str = reply.read().decode("utf-8")
    return html.unescape(text)


def test_the_sandbox_tells_where_the_public_catalog_is(sandbox: RunningSandbox) -> None:
    """One line with an address that can be opened."""
    (address,) = re.findall(r"The public catalog, in four languages: (http://\S+/)", sandbox.told())
    assert '<html lang="zh-Hans">' in read(address)


@pytest.mark.parametrize("region", REGIONS)
def test_every_node_serves_all_regions(sandbox: RunningSandbox, region: str) -> None:
    """Its own and those of its peers, and the answer under an agreement of its own."""
    regions = page(sandbox, region, "/en/regions")
    assert all(f"/en/regions/{one}" in regions for one in REGIONS)
    assert f"gateway.{region}" in page(sandbox, region, "/en/status")
    partner = {"chongqing": "sichuan", "guangdong": "macao"}.get(region, "")
    if partner:
        assert "services accept your card" in page(sandbox, region, f"/en/ask?home={region}&visited={partner}")


def test_the_lines_for_programs_are_those_of_the_sandbox(sandbox: RunningSandbox) -> None:
    """With the certificate and the token that this sandbox made, at its own address."""
    text = page(sandbox, "sichuan", "/en/api")
    (line,) = re.findall(r"<code>(grpcurl .*ListCatalogs)</code>", text)
    words = shlex.split(line)
    assert words[words.index("-cacert") + 1] == str(sandbox.folder / "ca.pem")
    assert f"onecard token sichuan --folder {sandbox.folder}" in line
    assert sandbox.endpoints["sichuan"]["grpc"] in words
