"""Finds the commands that a page tells its reader to paste: fenced lines of grpcurl and onecard, and their promises.

Comments directly above a command are its promises:

    # expects: PERMISSION_DENIED NO_AGREEMENT     the call fails with this code and this reason
    # shows: RELATION_NONE                        the answer contains this text; may stand more than once

Other comments are for the reader. A command goes on over a backslash at the line's end, an open quote, and to the end
of a here-document. Assignments (`TOKEN=...`) above it in the same block are run before it.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PORTS = range(18500, 18800)
_FENCE = re.compile(r"^(?P<indent>\s*)(?P<mark>`{3,}|~{3,})\s*(?P<language>[\w-]*)")
_COMMAND = re.compile(r"^(\$ )?(?P<text>(grpcurl|(\S*/)?onecard)\s.*)$")
_ASSIGNMENT = re.compile(r"^(export )?[A-Za-z_]\w*=\S")
_PROMISE = re.compile(r"^#\s*(?P<kind>expects|shows):\s*(?P<text>.*?)\s*$")
_HERE = re.compile(r"<<-?\s*['\"]?(?P<word>\w+)['\"]?")
_PORT = re.compile(r"\b(?P<host>127\.0\.0\.1|localhost):(?P<port>\d{4,5})\b")
_RUNNING = frozenset({"sandbox", "serve", "demo"})


@dataclass(frozen=True, slots=True)
class PageCommand:
    """One command of a page: `line` is where it stands, from 1; `before` are the assignments it may use."""

    line: int
    text: str
    before: tuple[str, ...] = ()
    expects: str = ""
    shows: tuple[str, ...] = ()

    @property
    def is_grpcurl(self) -> bool:
        """Tell whether it calls a gateway."""
        return self.text.startswith("grpcurl")

    @property
    def goes_on(self) -> bool:
        """Tell whether it would run until it is stopped, so that a test of lines cannot run it."""
        return not self.is_grpcurl and _RUNNING.intersection(self.text.split()[1:2]) != set()

    def on_ports(self, port_base: int) -> PageCommand:
        """Give the command with the ports of another sandbox in the place of the default ones."""

        def move(match: re.Match[str]) -> str:
            port = int(match["port"])
            return f"{match['host']}:{port - PORTS.start + port_base}" if port in PORTS else match[0]

        before = tuple(_PORT.sub(move, line) for line in self.before)
        return PageCommand(self.line, _PORT.sub(move, self.text), before, self.expects, self.shows)


def commands(page: str) -> list[PageCommand]:
    """Find the commands of a page in Markdown."""
    return [command for first, lines in _blocks(page) for command in _commands_of(first, lines)]


def _blocks(page: str) -> Iterator[tuple[int, list[str]]]:
    """Give each fenced block: the number of its first line, and its lines without the fence's indentation."""
    mark, indent, first = "", 0, 0
    lines: list[str] = []
    for number, line in enumerate(page.splitlines(), 1):
        fence = _FENCE.match(line)
        if mark:
            if fence and fence["mark"].startswith(mark) and not fence["language"]:
                yield first, lines
                mark = ""
            else:
                lines.append(line[indent:] if not line[:indent].strip() else line)
        elif fence:
            mark, indent, first, lines = fence["mark"], len(fence["indent"]), number + 1, []


def _commands_of(first: int, lines: list[str]) -> Iterator[PageCommand]:
    """Give the commands of one block."""
    before: list[str] = []
    expects = ""
    shows: list[str] = []
    position = 0
    while position < len(lines):
        line = lines[position]
        start = position
        promise = _PROMISE.match(line)
        command = _COMMAND.match(line)
        if command or _ASSIGNMENT.match(line):
            text, position = _whole(lines, position)
            text = text.removeprefix("$ ")
            if command:
                yield PageCommand(first + start, text, tuple(before), expects, tuple(shows))
            else:
                before.append(text)
        elif promise and promise["kind"] == "expects":
            expects = promise["text"]
        elif promise:
            shows.append(promise["text"])
        if not line.startswith("#"):
            expects, shows = "", []
        position += 1


def _whole(lines: list[str], position: int) -> tuple[str, int]:
    """Join the lines of one command; gives it and the position of its last line."""
    text = lines[position]
    while position + 1 < len(lines) and (text.endswith("\\") or _has_open_quote(text)):
        position += 1
        text += "\n" + lines[position]
    here = _HERE.search(text)
    while here and position + 1 < len(lines) and lines[position].strip() != here["word"]:
        position += 1
        text += "\n" + lines[position]
    return text, position


def _has_open_quote(text: str) -> bool:
    try:
        shlex.split(text, comments=False)
    except ValueError:
        return True
    return False
