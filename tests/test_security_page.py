"""Every threat of docs/security.md names the test that holds its control, and that test is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
ROW = re.compile(r"^\| ([STRIDE]) \| (.+) \| (.+) \| (.+) \|$", re.M)


@cache
def functions_of(path: str) -> frozenset[str]:
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def missing(page: str) -> list[str]:
    """Return the tests that a page names and nobody has written, and the rows that name none."""
    said = [
        f"{path}::{name}" if name else path
        for path, name in NAMED.findall(page)
        if not functions_of(path) or (name and name not in functions_of(path))
    ]
    return said + [f"no test: {row[1]}" for row in ROW.findall(page) if not NAMED.search(row[3])]


def test_every_test_that_the_page_names_is_there() -> None:
    assert missing(PAGE) == []
    assert len(ROW.findall(PAGE)) == len(re.findall(r"^\| [A-Z] \|", PAGE, re.M)) > 40


def test_a_test_that_is_gone_or_was_never_named_is_seen() -> None:
    name = "test_no_secret_is_said_anywhere"
    assert missing(PAGE.replace(f"::{name}", "::test_gone")) == [
        "tests/journeys/test_canaries.py::test_gone"
    ]
    assert missing("| S | a threat | a control | `tests/nowhere.py::test_x` |") == [
        "tests/nowhere.py::test_x"
    ]
    assert missing("| S | a threat | a control | hope |") == ["no test: a threat"]
