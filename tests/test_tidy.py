"""The hard stops of the house style, over every module and every text file of the tree."""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 500
DOCSTRING_LINES_MAX = 5
BANNED_NAMES = frozenset(
    {"manager", "helper", "helpers", "util", "utils", "handler", "processor", "service"}
    | {"data", "info", "base", "common", "misc", "core"}
)
"""As a whole name, of whatever: they say nothing of what a thing is for."""
BANNED_WORDS = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError|dry_?run)\b")
RUN_KIND_ROOMS = ("domain/", "config/", "rollout/", "wiring/", "cli/profiles.py")
"""Nothing below the wiring may know whether it runs in shadow or live."""
RUN_KIND_NAMES = frozenset(
    {"shadow", "is_shadow", "simulated", "is_simulated", "paper", "is_paper"}
)
PRINTER = "cli/output.py"
GENERATED = frozenset({".venv", ".git", "build", "dist", "__pycache__", "reports", "backups"})
"""Folders that are not part of the sources; hidden ones are none either."""
TEXT_SUFFIXES = frozenset({".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".json", ".jsonl"})
TEXT_NAMES = frozenset({"Makefile", "LICENSE", ".gitignore", ".env.example"})
NOT_OURS = re.compile(
    r"(?<![\w.~*-])/(?:work|tmp|home|Users|root|mnt|scratch)/\w"
    r"|[A-Z]:\\\\?Users\\"
    r"|\b(?:extra-)?index-url\b|\bartifactory\b"
    r"|\b[\w-]+\.(?:internal|corp|intranet|lan)\b(?!\()"
    r"|\b(?:10\.\d+|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.\d+\.\d+\b"
    r"|\b(?:handover|co-?worker|colleague|stakeholder|sprint|briefing)s?\b"
    r"|\b(?:ticket|issue|milestone) #?\d+\b",
    re.IGNORECASE,
)
"""Folders and addresses of one machine, and words of an office: nobody else can use them."""


@dataclass(frozen=True)
class Module:
    """A module of the package. Shape: name is its path below polyarb/."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def walk(self) -> Iterator[ast.AST]:
        return ast.walk(self.tree)


Rule = Callable[[Module], list[str]]


@cache
def modules() -> list[Module]:
    package = ROOT / "polyarb"
    paths = sorted(package.rglob("*.py"))
    return [
        Module(path.relative_to(package).as_posix(), path.read_text(encoding="utf-8"))
        for path in paths
    ]


def functions_are_short(module: Module) -> list[str]:
    found = (node for node in module.walk() if isinstance(node, ast.FunctionDef))
    return [
        f"{node.name}: {length} lines"
        for node in found
        if (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]


def modules_are_short(module: Module) -> list[str]:
    length = len(module.text.splitlines())
    return [f"{length} lines"] if length > MODULE_LINES_MAX else []


def names_say_something(module: Module) -> list[str]:
    names = module.name.removesuffix(".py").split("/")
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names += [node.name for node in module.walk() if isinstance(node, kinds)]
    return [name for name in names if name.strip("_").lower() in BANNED_NAMES]


def faults_are_named(module: Module) -> list[str]:
    """Allow nothing that catches everything, unless it only cleans up and raises it again."""
    found = []
    for node in module.walk():
        if isinstance(node, ast.ExceptHandler):
            kinds = {each.id for each in _names(node.type)} if node.type else {"BaseException"}
            is_passed_on = isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None
            if "Exception" in kinds or ("BaseException" in kinds and not is_passed_on):
                found.append(f"line {node.lineno}: except {', '.join(sorted(kinds))}")
            elif node.type is None:
                found.append(f"line {node.lineno}: bare except")
    return found


def _names(node: ast.AST) -> list[ast.Name]:
    return [each for each in ast.walk(node) if isinstance(each, ast.Name)]


def nothing_is_left_undone(module: Module) -> list[str]:
    return [found[0] for found in BANNED_WORDS.finditer(module.text)]


def docstrings_are_there_and_short(module: Module) -> list[str]:
    docstring = ast.get_docstring(module.tree)
    if not docstring:
        return ["no docstring"]
    lines = [line for line in docstring.splitlines() if line]
    return [f"{len(lines)} lines of docstring"] if len(lines) > DOCSTRING_LINES_MAX else []


def only_one_module_prints(module: Module) -> list[str]:
    if module.name == PRINTER:
        return []
    found = []
    for node in module.walk():
        if isinstance(node, ast.Name) and node.id == "print":
            found.append(f"line {node.lineno}: print")
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.stdout", "sys.stderr"):
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
    return found


def no_room_asks_for_the_kind_of_run(module: Module) -> list[str]:
    if module.name.startswith(RUN_KIND_ROOMS):
        return []
    found = []
    for node in module.walk():
        if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("RunKind."):
            found.append(f"line {node.lineno}: {ast.unparse(node)}")
        if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Match):
            subject = node.subject if isinstance(node, ast.Match) else node.test
            words = [each.id for each in _names(subject)]
            words += [each.attr for each in ast.walk(subject) if isinstance(each, ast.Attribute)]
            found += [f"line {node.lineno}: if {word}" for word in words if word in RUN_KIND_NAMES]
    return found


RULES: tuple[Rule, ...] = (
    functions_are_short,
    modules_are_short,
    names_say_something,
    faults_are_named,
    nothing_is_left_undone,
    docstrings_are_there_and_short,
    only_one_module_prints,
    no_room_asks_for_the_kind_of_run,
)

PLANTED: tuple[tuple[Rule, str, str], ...] = (
    (functions_are_short, "engine/a.py", "def f():\n" + "    x = 1\n" * 70),
    (modules_are_short, "engine/a.py", "x = 1\n" * 501),
    (names_say_something, "engine/utils.py", ""),
    (names_say_something, "core/a.py", ""),
    (names_say_something, "engine/a.py", "class Manager: ..."),
    (names_say_something, "engine/a.py", "class A:\n    def _helper(self): ..."),
    (faults_are_named, "engine/a.py", "try:\n    f()\nexcept:\n    pass"),
    (faults_are_named, "engine/a.py", "try:\n    f()\nexcept (OSError, Exception):\n    pass"),
    (faults_are_named, "engine/a.py", "try:\n    f()\nexcept:\n    raise"),
    (faults_are_named, "engine/a.py", "try:\n    f()\nexcept BaseException:\n    g()"),
    (faults_are_named, "engine/a.py", "try:\n    f()\nexcept Exception:\n    raise"),
    (nothing_is_left_undone, "engine/a.py", "# TO" + "DO: later"),
    (nothing_is_left_undone, "engine/a.py", "raise NotImplemented" + "Error"),
    (docstrings_are_there_and_short, "engine/a.py", "x = 1"),
    (docstrings_are_there_and_short, "engine/a.py", '"""A.\n\n' + "B.\n" * 5 + '"""'),
    (only_one_module_prints, "cli/a.py", "print('a')"),
    (only_one_module_prints, "cli/a.py", "import sys\nsys.stderr.write('a')"),
    (no_room_asks_for_the_kind_of_run, "engine/a.py", "a = kind is RunKind.SHADOW"),
    (no_room_asks_for_the_kind_of_run, "runner.py", "if self.is_shadow:\n    pass"),
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.__name__))
def test_every_module_keeps_the_rule(rule: Rule) -> None:
    found = {module.name: rule(module) for module in modules()}
    assert len(found) > 50
    assert not {name: faults for name, faults in found.items() if faults}


@pytest.mark.parametrize(("rule", "name", "text"), PLANTED)
def test_a_planted_breach_is_seen(rule: Rule, name: str, text: str) -> None:
    assert rule(Module(name, text))


def test_every_rule_has_a_planted_breach() -> None:
    assert {rule for rule, _, _ in PLANTED} == set(RULES)


def sources() -> list[Path]:
    """List the text files of the tree, without what a build, a run or a tool has made."""
    found = []
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        is_hidden = any(part.startswith(".") for part in parts[:-1])
        if is_hidden or parts[0] in GENERATED | {"data"} or "__pycache__" in parts:
            continue
        if path.is_file() and (path.suffix in TEXT_SUFFIXES or path.name in TEXT_NAMES):
            found.append(path)
    return found


def test_no_text_names_one_machine_or_office() -> None:
    paths = [path for path in sources() if path != Path(__file__).resolve()]
    assert {"README.md", "Makefile", "pyproject.toml"} <= {path.name for path in paths}
    found = {
        f"{path.relative_to(ROOT)}:{number}": hit[0]
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for hit in NOT_OURS.finditer(line)
    }
    assert not found


@pytest.mark.parametrize(
    "text", ["open('/ho" + "me/alice/a')", "cd /wo" + "rk/main", "10.0." + "3.4", "issue " + "#2"]
)
def test_a_planted_trace_is_seen(text: str) -> None:
    assert NOT_OURS.search(text)


@pytest.mark.parametrize(
    "text", ["https://x.org/ho" + "me/a", "version 0.10.2", "a/wo" + "rk/b", "./t" + "mp/a"]
)
def test_an_ordinary_text_is_no_trace(text: str) -> None:
    assert not NOT_OURS.search(text)


def _asserts(function: ast.AST) -> bool:
    """Tell whether a function asserts by itself, or expects an exception or a warning."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call) and _called(node) in ("raises", "warns", "fail"):
            return True
    return False


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def silent_tests(trees: dict[str, ast.Module]) -> list[str]:
    """List the tests that assert nothing, not even in a function of the tests that they call."""
    functions = [node for tree in trees.values() for node in _functions(tree)]
    asserting = {node.name for node in functions if _asserts(node)}
    size = -1
    while size != len(asserting):
        size = len(asserting)
        asserting |= {node.name for node in functions if _calls(node) & asserting}
    return [
        f"{name}: {node.name}"
        for name, tree in trees.items()
        for node in _functions(tree)
        if node.name.startswith("test_") and not (_asserts(node) or _calls(node) & asserting)
    ]


def _calls(function: ast.AST) -> set[str]:
    return {_called(node) for node in ast.walk(function) if isinstance(node, ast.Call)}


def test_every_test_asserts_something() -> None:
    paths = sorted((ROOT / "tests").rglob("*.py"))
    trees = {
        str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in paths
    }
    assert not silent_tests(trees)


def test_a_test_that_asserts_nothing_is_seen() -> None:
    tree = ast.parse("def see(): assert x\ndef test_a(): see()\ndef test_b(): run()")
    assert silent_tests({"t.py": tree}) == ["t.py: test_b"]
