"""Where the adapters go to Azure, read from their source: each place says as whom, and none writes as the observer."""

from __future__ import annotations

import ast
from collections.abc import Iterator

OPENERS = {"site_recovery", "traffic_manager", "credential"}
AS_WHOM = {
    "self._as.observe",
    "self._as.failover",
    "self._as.doing(verb)",
    "self._as.itself(identity)",
    "self._observe",
}
OBSERVING = {"self._as.observe", "self._as.itself", "self._observe"}
WRITES = {"PUT", "POST", "PATCH", "DELETE"}


def strangers(source: str) -> list[str]:
    """Return the places that go to Azure without saying as whom."""
    tree = ast.parse(source)
    takers = {one.name: _given(one) for one in _functions(tree) if _given(one)}
    said = []
    for function in _functions(tree):
        own = _given(function)
        for call in _calls(function):
            whom = _whom(call, takers)
            if whom is not None and whom not in AS_WHOM and whom != own:
                said.append(
                    f"{call.lineno}: goes to Azure as {whom}, which is none of the identities"
                )
    return said


def writing_observers(source: str) -> list[str]:
    """Return the functions that change something in Azure as the identity that only looks."""
    said = []
    for function in _functions(ast.parse(source)):
        writes = any(_writes(node) for node in ast.walk(function))
        looks = any(
            ast.unparse(node) in OBSERVING
            for node in ast.walk(function)
            if isinstance(node, ast.Attribute)
        )
        acts = any(
            "self._as.failover" in ast.unparse(call) or "self._as.doing" in ast.unparse(call)
            for call in _calls(function)
        )
        if writes and looks and not acts:
            said.append(f"{function.lineno}: {function.name} writes as the observer")
    return said


def openings(source: str) -> int:
    """Return how many places go to Azure."""
    tree = ast.parse(source)
    takers = {one.name: _given(one) for one in _functions(tree) if _given(one)}
    return sum(_whom(call, takers) is not None for one in _functions(tree) for call in _calls(one))


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _calls(function: ast.FunctionDef) -> Iterator[ast.Call]:
    return (node for node in ast.walk(function) if isinstance(node, ast.Call))


def _given(function: ast.FunctionDef) -> str | None:
    """Return the name of the clients that a function is given; a constructor only keeps them."""
    if function.name == "__init__":
        return None
    args = function.args.args
    return next(
        (a.arg for a in args if a.annotation and ast.unparse(a.annotation) == "Clients"), None
    )


def _whom(call: ast.Call, takers: dict[str, str | None]) -> str | None:
    """Return whose clients a call uses, None where it does not go to Azure."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in OPENERS:
        return ast.unparse(call.func.value)
    imported = {"vault_at"}
    if isinstance(call.func, ast.Name) and (call.func.id in takers or call.func.id in imported):
        return ast.unparse(call.args[0])
    return None


def _writes(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr.startswith("begin_") or ast.unparse(node).endswith("endpoints.update")
    return isinstance(node, ast.Constant) and node.value in WRITES
