"""What strace(1) saw of a gateway: whether each answer to a submit left after its write was on disk."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

CALLS: Final = "pwrite64,write,writev,fdatasync,fsync,sendmsg,recvmsg"
LEAST_BYTES: Final = 250
"""Pings, settings and windows of HTTP/2 are shorter, requests and answers longer."""
LEAST_PAGES: Final = 4
"""A submit writes more pages of the log than this; what the gateway notes of its own work beside it, fewer."""

_PAGE_BYTES: Final = 4096
_LINE: Final = re.compile(r"^(?P<pid>\d+) +(?:<\.\.\. )?(?P<call>\w+)(?P<rest>.*)$")
_RESULT: Final = re.compile(r"= (?P<result>-?\d+)(?: [A-Z(].*)?$")


@dataclass(slots=True)
class Trace:
    """What happened, line by line.

    Args:
        port: of the gateway; what goes over others is not looked at.

    `answers` counts those that left, `late` those of them whose request had not been written and synchronized since
    it came.
    """

    port: int
    answers: int = 0
    late: list[int] = field(default_factory=list)
    _begun: dict[str, str] = field(default_factory=dict)
    _greeted: set[str] = field(default_factory=set)
    _came: bool = False
    _pages: int = 0
    _written: bool = False
    _lasting: bool = False

    def read(self, lines: Iterable[str]) -> None:
        """Follow the lines of a trace, made with `-f -yy`."""
        for line in lines:
            found = _LINE.match(line)
            if found is None:
                continue
            pid, call, rest = found["pid"], found["call"], found["rest"]
            if rest.endswith("<unfinished ...>"):
                self._begun[pid] = rest
                continue
            arguments = self._begun.pop(pid, "") if "resumed>" in rest else rest
            result = _RESULT.search(rest)
            if result is not None:
                self._happened(call, arguments.partition(",")[0].lstrip("("), int(result["result"]))

    def _happened(self, call: str, where: str, result: int) -> None:
        """Note a call that has ended, by its first argument and its result."""
        if "-wal>" in where:
            self._happened_to_log(call, result)
        elif f":{self.port}->" in where and result >= LEAST_BYTES:
            if call == "recvmsg":
                self._came, self._written, self._lasting, self._pages = True, False, False, 0
            elif call == "sendmsg" and where not in self._greeted:
                self._greeted.add(where)  # what is sent first over a connection is the handshake of TLS
                self._came = False
            elif call == "sendmsg" and self._came:
                self.answers += 1
                if not self._lasting:
                    self.late.append(self.answers)
                self._came = False

    def _happened_to_log(self, call: str, result: int) -> None:
        """Note a write, which undoes what was lasting where it may be the request's, or a synchronization."""
        if call in {"pwrite64", "write", "writev"}:
            self._pages += result >= _PAGE_BYTES
            if self._pages >= LEAST_PAGES:
                self._written, self._lasting = self._came, False
        elif call in {"fdatasync", "fsync"} and result == 0:
            self._lasting = self._lasting or (self._written and self._pages >= LEAST_PAGES)
            self._pages = 0
