"""Which tests must run in one worker: those of a file that names a group.

pytest-xdist tells groups by rewriting the ids of tests, which pytest 9.2 no longer lets it do, so that with
`--dist loadgroup` marked tests were spread over all workers. Here the group is read from the file instead.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from pathlib import Path

_GROUP = re.compile(r"\bxdist_group\(\"(?P<name>[\w-]+)\"\)")


@cache
def group_of(path: Path) -> str | None:
    """Give the group that a test file names, or None."""
    found = _GROUP.search(path.read_text("utf-8")) if path.is_file() else None
    return found["name"] if found else None


class ByGroup(LoadScopeScheduling):  # type: ignore[misc]
    """Gives all tests of a group to one worker, and every other test to whichever is free."""

    def _split_scope(self, nodeid: str) -> str:
        """Name what a test is to be kept together with: its group, or itself alone."""
        path: Path = self.config.rootpath
        return group_of(path / nodeid.partition("::")[0]) or nodeid

    def remove_node(self, node: Any) -> str | None:  # noqa: ANN401 - pytest-xdist has no types
        """Give what a lost worker had not done to others, but not the test by which it was lost: it has failed.

        pytest-xdist 3.8 gives on that test too, and all that the worker had done, as work without a test in it: no
        worker ever says that it is through with that, and the run never ends.
        """
        work: dict[str, dict[str, bool]] = self.assigned_work[node]
        lost = next((test for tests in work.values() for test, done in tests.items() if not done), None)
        if lost is not None:
            work[self._split_scope(lost)][lost] = True
        left = {name: tests for name, tests in work.items() if not all(tests.values())}
        self.assigned_work[node] = {}
        super().remove_node(node)
        self.workqueue.update(left)
        for other in self.assigned_work:
            self._reschedule(other)
        return lost
