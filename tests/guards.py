"""Guards over source text: each returns what breaks its rule, as ``line: what``, and nothing where all is well."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

APP = ("domain", "orchestrators", "activities", "entities", "triggers", "adapters")
ROOMS = (*APP, "cli", "local")
LONGEST = 400
CLOCKS = {
    "now",
    "utcnow",
    "today",
    "uuid1",
    "uuid3",
    "uuid4",
    "monotonic",
    "perf_counter",
    "urandom",
}
PURE = {"pydantic", "pydantic_core", "annotated_types", "domain"}
IMPURE = {
    "os",
    "random",
    "secrets",
    "time",
    "uuid",
    "socket",
    "threading",
    "asyncio",
    "logging",
    "subprocess",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef
INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.GeneratorExp)


def imports(source: str) -> Iterator[tuple[int, str]]:
    """Yield every imported module with its line, those for the type checker alone included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.lineno, node.module or ""
        elif (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", getattr(node.func, "id", ""))
            in ("import_module", "__import__")
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield node.lineno, str(node.args[0].value)


def forbidden_imports(source: str, forbidden: set[str]) -> list[str]:
    """Return the imports of forbidden top packages."""
    return [f"{line}: imports {name}" for line, name in imports(source) if _top(name) in forbidden]


def impure_imports(source: str) -> list[str]:
    """Return the imports of anything but pydantic, the domain itself and what of Python is pure."""
    allowed = (set(sys.stdlib_module_names) - IMPURE) | PURE
    return [
        f"{line}: imports {name}" for line, name in imports(source) if _top(name) not in allowed
    ]


def _top(module: str) -> str:
    return module.split(".")[0]


def unsafe_around_yield(source: str) -> list[str]:
    """Return each `finally`, `with`, bare or too wide `except` that has a yield inside.

    The SDK closes a suspended generator at the end of every turn: such a block would run then.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.With | ast.AsyncWith) and _yields(node.body):
            found.append(f"{node.lineno}: with around a yield")
        if isinstance(node, ast.Try | ast.TryStar):
            inside = [*node.body, *node.handlers, *node.orelse, *node.finalbody]
            if node.finalbody and _yields(inside):
                found.append(f"{node.lineno}: finally around a yield")
            for handler in node.handlers:
                if _catches_all(handler) and _yields(inside):
                    found.append(f"{handler.lineno}: an except that catches GeneratorExit")
    return found


def _catches_all(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    names = {getattr(kind, "attr", getattr(kind, "id", "")) for kind in kinds}
    return bool(names & {"BaseException", "GeneratorExit"})


def _yields(nodes: list[ast.AST] | list[ast.stmt]) -> bool:
    """Say whether any of the nodes yields, without looking into functions defined inside."""
    for node in nodes:
        if isinstance(node, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(node, INNER) and _yields(list(ast.iter_child_nodes(node))):
            return True
    return False


def clocks(source: str) -> list[str]:
    """Return where a pure module asks a clock or makes an id, as a default's factory or anywhere else."""
    found = []
    for node in ast.walk(ast.parse(source)):
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        if name in CLOCKS:
            found.append(f"{getattr(node, 'lineno', 0)}: {name}")
    return found


def events_with_content(source: str) -> list[str]:
    """Return the external events that carry anything: what one carries can kill the run that waits for it."""
    return [
        f"{node.lineno}: an event with {ast.unparse(node.args[2]) if len(node.args) > 2 else 'nothing'}, not {{}}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", "") == "raise_event"
        and not (len(node.args) == 3 and ast.unparse(node.args[2]) == "{}")
    ]


def undocumented(source: str) -> list[str]:
    """Return every public module, class, function and method that lacks a docstring."""
    tree = ast.parse(source)
    missing = [] if ast.get_docstring(tree) else ["1: the module"]
    return missing + [
        f"{node.lineno}: {node.name}" for node in _public(tree) if not ast.get_docstring(node)
    ]


def _public(node: ast.Module | ast.ClassDef) -> Iterator[Function | ast.ClassDef]:
    for inner in node.body:
        if isinstance(inner, Function | ast.ClassDef) and not inner.name.startswith("_"):
            yield inner
            if isinstance(inner, ast.ClassDef):
                yield from _public(inner)


def too_long(source: str) -> list[str]:
    """Return how long a file is, where that is too long."""
    lines = source.count("\n")
    return [f"{lines}: lines, {LONGEST} are enough"] if lines > LONGEST else []


# Written in pieces, so that this file does not break its own rule.
_REGISTRIES = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "crates" + ".io")
_TRACES = {
    "a path of one machine": re.compile(r"(?<![\w.~-])/" + r"work(?=/|\b)(?!-)"),
    "a package registry": re.compile("|".join(map(re.escape, _REGISTRIES))),
    "an issue number": re.compile(
        r"(?:(?<=[\s(\[])|^)#\d{1,5}\b(?!;|\s*\{)|\bGH-\d+\b|github\.com/[\w.-]+/[\w.-]+/(?:issues|pull)/\d+"
    ),
}


def traces(text: str) -> list[str]:
    """Return what tells of the place where a text was written instead of the product."""
    return [
        f"{number}: {what}: {found.group()}"
        for number, line in enumerate(text.splitlines(), start=1)
        for what, pattern in _TRACES.items()
        for found in pattern.finditer(line)
    ]
