"""The tree as the house tests see it: every file that could be committed, and our Python parsed once."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "adapters", "trust")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file of ours: its path from the root, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @classmethod
    def parse(cls, path: str, text: str) -> Module:
        """Parse a text as if it lay at a path."""
        return cls(path, text, ast.parse(text))

    @property
    def functions(self) -> list[Function]:
        """Every function and method, nested ones too."""
        return [n for n in ast.walk(self.tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]

    @property
    def imports(self) -> set[str]:
        """The absolute name of everything imported, as `package.module` and as `package.module.name`."""
        found = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                found |= {base} | {f"{base}.{alias.name}" for alias in node.names}
        return found

    @property
    def strings(self) -> set[str]:
        """The value of every string literal."""
        return {n.value for n in ast.walk(self.tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}

    def _base(self, node: ast.ImportFrom) -> str:
        above = self.path.removesuffix(".py").split("/")[: -node.level] if node.level else []
        return ".".join([*above, *([node.module] if node.module else [])])


def _ignored(path: str, patterns: list[str]) -> bool:
    """Tell whether a path falls under .gitignore, as far as its plain patterns go."""
    parts = path.split("/")
    return any(
        path.startswith(f"{pattern}/") if "/" in pattern else any(fnmatch(part, pattern) for part in parts)
        for pattern in patterns
    )


def _walk(folder: Path, patterns: list[str]) -> Iterator[str]:
    for entry in sorted(folder.iterdir()):
        path = entry.relative_to(ROOT).as_posix()
        if path == ".git" or _ignored(path, patterns):
            continue
        if entry.is_dir():
            yield from _walk(entry, patterns)
        else:
            yield path


@cache
def files() -> tuple[str, ...]:
    """Every file that is or could be committed, by its path from the root; needs no git."""
    lines = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    return tuple(_walk(ROOT, [line.rstrip("/") for line in lines if line and not line.startswith("#")]))


@cache
def texts() -> dict[str, str]:
    """The text of each file that is one; binary files are left out."""
    found = {}
    for path in files():
        data = (ROOT / path).read_bytes()
        if b"\0" not in data:
            found[path] = data.decode("utf-8")
    return found


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Our Python files in the folders, generated ones left out."""
    return tuple(
        Module.parse(path, text)
        for path, text in texts().items()
        if path.endswith(".py") and path.split("/")[0] in folders
    )


@cache
def regions() -> tuple[str, ...]:
    """The codes of the regions: the folders of adapters that hold a manifest or a catalog."""
    found = re.compile(r"adapters/(\w+)/(?:manifest\.toml|catalog\.csv)")
    return tuple(sorted({match[1] for path in files() if (match := found.fullmatch(path))}))
