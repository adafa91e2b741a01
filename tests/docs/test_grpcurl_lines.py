"""Every command that a page tells its reader to paste is run as it stands, against the real sandbox."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.sandbox.layout import Layout
from gateway.sandbox.lines import grpcurl_lines
from tests.docs.command_lines import PageCommand, commands
from tests.sandbox_fixture.running import ONECARD, ROOT, RunningSandbox

pytestmark = [pytest.mark.xdist_group("sandbox"), pytest.mark.slow]

PLAYED_ELSEWHERE = {"docs/add-a-region.md"}  # needs a tenth region in a copy of the packages: test_add_a_region.py
PAGES = (
    "README.md",
    "README.zh-CN.md",
    *sorted({str(path.relative_to(ROOT)) for path in ROOT.glob("docs/**/*.md")} - PLAYED_ELSEWHERE),
)
PLACES = (Path.home() / "go" / "bin", ONECARD.parent)
NO_GRPCURL = (
    "NOT TESTED: no grpcurl on PATH, in ~/go/bin or beside onecard; "
    "get it by: go install github.com/fullstorydev/grpcurl/cmd/grpcurl@latest"
)


def page_commands() -> list[tuple[str, PageCommand]]:
    """Give the commands of all pages that are there and can be run to their end."""
    texts = ((page, ROOT / page) for page in PAGES)
    return [
        (page, command)
        for page, path in texts
        if path.is_file()
        for command in commands(path.read_text("utf-8"))
        if not command.goes_on
    ]


def find_grpcurl() -> Path | None:
    """Find grpcurl where a person or CI would have put it."""
    found = shutil.which("grpcurl", path=os.pathsep.join([os.environ.get("PATH", ""), *map(str, PLACES)]))
    return Path(found) if found else None


@pytest.fixture
def desk(sandbox: RunningSandbox, tmp_path: Path) -> Path:
    """Give a folder that looks like a reader's clone: `.venv` and `.sandbox` are where the pages say."""
    (tmp_path / ".sandbox").symlink_to(sandbox.folder)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "onecard").symlink_to(ONECARD)
    return tmp_path


def paste(command: PageCommand, desk: Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a shell at the reader's desk."""
    grpcurl = find_grpcurl()
    if command.is_grpcurl and grpcurl is None:
        pytest.skip(NO_GRPCURL)
    places = [str(ONECARD.parent), *([str(grpcurl.parent)] if grpcurl else []), os.environ.get("PATH", "")]
    script = "\n".join(("set -eo pipefail", *command.before, command.text))
    return subprocess.run(
        ["/bin/bash", "-c", script], cwd=desk, capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "PATH": os.pathsep.join(places)},
    )  # fmt: skip


def check(command: PageCommand, ended: subprocess.CompletedProcess[str]) -> None:
    """Hold what came against what the page promises."""
    told = ended.stdout + ended.stderr
    if command.expects:
        code, _, reason = command.expects.partition(" ")
        assert ended.returncode != 0, told
        words = re.search(r"^\s*Code: (\w+)$", ended.stderr, re.MULTILINE)
        assert words, told
        assert words[1].lower() == code.replace("_", "").lower(), told
        assert not reason or re.search(rf'"reason":\s*"{re.escape(reason)}"', told), told
    else:
        assert ended.returncode == 0, told
        assert ended.stdout.strip(), told
    for text in command.shows:
        assert text in told, told


@pytest.mark.parametrize(("page", "command"), page_commands(), ids=lambda one: getattr(one, "line", one))
def test_commands_of_the_pages_work(page: str, command: PageCommand, sandbox: RunningSandbox, desk: Path) -> None:
    """A command of a page does what the page says when it is pasted as it stands."""
    assert page
    check(command, paste(command.on_ports(sandbox.port_base), desk))


PRINTED = {
    "Sichuan verifies a Chongqing card for library entry": ("DECISION_ALLOWED", '"recognition":'),
    "a card that was reported lost": ("CARD_LOST_FORMAL", "DECISION_REFUSED", "ACTOR_HOLDER"),
    "Guangdong's ferry has no equal in Chongqing": ("RELATION_NONE",),
    "which regions this gateway knows": ("REGION_ROLE_HOME", "REGION_ROLE_PEER"),
}


def test_printed_lines_work(sandbox: RunningSandbox) -> None:
    """The lines that the sandbox prints when it is ready work as they stand, and show what their titles say."""
    lines = grpcurl_lines(Layout.load(sandbox.folder))
    assert PRINTED.keys() <= {title for title, _ in lines}
    for title, line in lines:
        assert line in sandbox.told()
        command = PageCommand(0, line, shows=PRINTED.get(title, ()))
        check(command, paste(command, ROOT))


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_answers_in_both_versions(sandbox: RunningSandbox, desk: Path, version: str) -> None:
    """A caller can list the services by reflection, of whichever version, and describe them."""
    address = sandbox.endpoints["sichuan"]["grpc"]
    service = f"grpc.reflection.{version}.ServerReflection"
    asked = '-d \'{"list_services": ""}\''
    known = PageCommand(
        0,
        f"grpcurl -cacert .sandbox/ca.pem {asked} {address} {service}/ServerReflectionInfo",
        shows=("onecard.gateway.v1.IdentityService", "grpc.health.v1.Health", service),
    )
    check(known, paste(known, desk))
    described = PageCommand(
        0,
        f"grpcurl -cacert .sandbox/ca.pem {address} describe onecard.gateway.v1.IdentityService.VerifyCard",
        shows=("onecard.gateway.v1.VerifyCardRequest",),
    )
    check(described, paste(described, desk))


def test_promised_errors_are_held_to() -> None:
    """A promise that is not kept is found: another code, another reason, a text that is not shown, an empty answer."""
    kept = PageCommand(1, "grpcurl", expects="NOT_FOUND UNKNOWN_REGION", shows=("atlantis",))
    told = 'ERROR:\n  Code: NotFound\n  "reason": "UNKNOWN_REGION" atlantis\n'
    check(kept, subprocess.CompletedProcess([], 69, "", told))
    for broken in (
        subprocess.CompletedProcess([], 0, told, ""),
        subprocess.CompletedProcess([], 69, "", told.replace("NotFound", "Internal")),
        subprocess.CompletedProcess([], 69, "", told.replace("UNKNOWN_REGION", "OTHER")),
        subprocess.CompletedProcess([], 69, "", told.replace("atlantis", "")),
        subprocess.CompletedProcess([], 69, "", "refused"),
    ):
        with pytest.raises(AssertionError):
            check(kept, broken)
    with pytest.raises(AssertionError):
        check(PageCommand(1, "onecard regions"), subprocess.CompletedProcess([], 0, "", ""))
