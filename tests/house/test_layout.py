"""The shape of the house: sizes, names, docstrings, and what may stand at the top."""

from __future__ import annotations

import ast
import os
import re

from tests.house.tree import PACKAGES, ROOT, Function, Module, files, modules, texts

CODE = (*PACKAGES, "tests", "bench")
FILE_LINES = 400
FUNCTION_LINES = 60
TOP = {
    *("gateway", "protos", "adapters", "trust", "tests", "bench", "deploy", "docs", ".ci"),
    *("README.md", "README.zh-CN.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"),
    *("Makefile", "buf.yaml", "pyproject.toml"),
    *("requirements.lock", "requirements-build.lock", "requirements-test.lock"),
    *(".editorconfig", ".gitattributes", ".gitignore"),
}
VAGUE = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc"}
WAIVER = re.compile(r"#\s*(?:noqa|pragma: no (?:cover|branch))\b(.*)")
REASON = re.compile(r"\s-\s\S.{8,}")
BLANKS = re.compile(r"[ \t]$", re.MULTILINE)

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def lines_of(node: Function) -> int:
    """Count the lines of a function without its docstring and decorators."""
    first = node.body[0]
    documented = ast.get_docstring(node) is not None
    told = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (node.end_lineno or node.lineno) - node.lineno + 1 - told


def undocumented(module: Module) -> list[str]:
    """Name what lacks a docstring: the module, its public classes and functions, and the members of public classes."""
    missing = [] if ast.get_docstring(module.tree) else [module.path]
    pending: list[ast.Module | ast.ClassDef] = [module.tree]
    while pending:
        for node in pending.pop().body:
            if not isinstance(node, Definition) or node.name.startswith("_") or _is_overload(node):
                continue
            if ast.get_docstring(node) is None:
                missing.append(f"{module.path}:{node.lineno} {node.name}")
            if isinstance(node, ast.ClassDef):
                pending.append(node)
    return missing


def _is_overload(node: Definition) -> bool:
    """Tell whether a definition only adds a type, or sets a property that its getter documents."""
    return any(ast.unparse(decorator).endswith(("overload", ".setter")) for decorator in node.decorator_list)


def test_files_are_short() -> None:
    """No Python file of ours is longer than 400 lines."""
    assert [m.path for m in modules(*CODE) if m.text.count("\n") > FILE_LINES] == []


def test_functions_are_short() -> None:
    """No function is longer than 60 lines, its docstring not counted."""
    assert not [
        f"{m.path}:{f.lineno} {f.name}" for m in modules(*CODE) for f in m.functions if lines_of(f) > FUNCTION_LINES
    ]


def test_names_say_something() -> None:
    """No file, folder or class is called after a drawer: utils, helpers, common, manager."""
    paths = [m.path for m in modules(*CODE) if VAGUE & set(re.split(r"[/_.]", m.path))]
    classes = [
        f"{m.path}:{n.lineno} {n.name}"
        for m in modules(*CODE)
        for n in ast.walk(m.tree)
        if isinstance(n, ast.ClassDef) and VAGUE & {word.lower() for word in re.findall(r"[A-Z][a-z]+", n.name)}
    ]
    assert paths + classes == []


def test_tests_are_no_package() -> None:
    """No __init__.py stands under tests, where it would shadow the package under test."""
    assert [path for path in files() if path.startswith("tests/") and path.endswith("__init__.py")] == []


def test_tests_tell_what_they_show() -> None:
    """Every test function returns None and has a sentence on the behaviour that it shows."""
    tests = [(m, f) for m in modules("tests") for f in m.functions if f.name.startswith("test_")]
    wrong = [
        f"{m.path}:{f.lineno} {f.name}"
        for m, f in tests
        if not (ast.get_docstring(f) or "").endswith(".") or f.returns is None or ast.unparse(f.returns) != "None"
    ]
    assert tests
    assert wrong == []


def test_public_names_are_documented() -> None:
    """Every module and every public class and function of the packages has a docstring."""
    assert [name for module in modules(*PACKAGES) for name in undocumented(module)] == []


def test_a_missing_docstring_is_found() -> None:
    """A public method without a docstring is found, a private function and a setter are not."""
    member = "    def b(self): ...\n    @b.setter\n    def b(self, v): ...\n"
    text = f'"""Doc."""\nclass A:\n    """Doc."""\n{member}def _c(): ...\n'
    assert undocumented(Module.parse("a.py", text)) == ["a.py:4 b"]


def test_waivers_have_reasons() -> None:
    """Whoever silences a tool says why on the same line: `# noqa: CODE - reason`."""
    wrong = [
        f"{m.path}:{number}"
        for m in modules(*CODE)
        if m.path != "tests/house/test_layout.py"
        for number, line in enumerate(m.text.splitlines(), 1)
        if (waiver := WAIVER.search(line)) and not REASON.search(waiver[1])
    ]
    assert wrong == []


def test_top_level_holds_only_what_belongs_there() -> None:
    """Every entry at the top is one that a reader expects there."""
    assert sorted({path.split("/")[0] for path in files()} - TOP) == []


def test_texts_are_tidy() -> None:
    """Every text is UTF-8 with plain line ends, no trailing blanks, and one line end at its end."""
    wrong = [
        path
        for path, text in texts().items()
        if text and (not text.endswith("\n") or "\r" in text or BLANKS.search(text))
    ]
    assert wrong == []


def test_scripts_can_be_run() -> None:
    """The script of CI is executable."""
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
