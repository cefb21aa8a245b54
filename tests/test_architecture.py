from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.guards import (
    APP,
    LONGEST,
    ROOMS,
    clocks,
    events_with_content,
    forbidden_imports,
    impure_imports,
    too_long,
    traces,
    undocumented,
    unsafe_around_yield,
)

ROOT = Path(__file__).parents[1]
Guard = Callable[[str], list[str]]


def sources(room: str) -> list[Path]:
    """Return the room's files; a room that exists and holds none would make a guard of it a sham."""
    folder = ROOT / room
    files = sorted(p for p in folder.rglob("*.py") if "__pycache__" not in p.parts)
    assert files, f"{room}/ holds no source to guard"
    return files


def broken(guard: Guard, files: list[Path]) -> list[str]:
    return [
        f"{file.relative_to(ROOT)}:{found}"
        for file in files
        for found in guard(file.read_text(encoding="utf-8"))
    ]


def imports_none_of(*packages: str) -> Guard:
    return lambda source: forbidden_imports(source, set(packages))


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_there_with_more_than_its_name(room: str) -> None:
    assert any(file.name != "__init__.py" for file in sources(room))


def test_no_orchestrator_has_a_block_that_runs_when_a_turn_ends() -> None:
    assert broken(unsafe_around_yield, sources("orchestrators")) == []


def test_the_domain_has_no_clock_and_makes_no_ids() -> None:
    assert broken(clocks, sources("domain")) == []


def test_the_domain_imports_pydantic_and_what_of_python_is_pure() -> None:
    assert broken(impure_imports, sources("domain")) == []


@pytest.mark.parametrize("room", ["triggers", "activities", "adapters"])
def test_an_external_event_is_a_bell_and_carries_nothing(room: str) -> None:
    assert broken(events_with_content, sources(room)) == []


@pytest.mark.parametrize("said", ["decision.wire()", "{'x': 1}", "body"])
def test_the_guard_of_events_sees_what_one_carries(said: str) -> None:
    assert events_with_content(f"client.raise_event(run, bell(x), {said})")
    assert events_with_content("client.raise_event(run, bell(x))")
    assert not events_with_content("client.raise_event(run, bell(x), {})")


@pytest.mark.parametrize("room", ["domain", "orchestrators", "activities", "entities"])
def test_the_core_never_imports_azure(room: str) -> None:
    assert broken(imports_none_of("azure"), sources(room)) == []


@pytest.mark.parametrize("room", ["cli", "local"])
def test_the_command_line_and_the_twin_import_nothing_of_ours(room: str) -> None:
    others = {*ROOMS, "function_app", "tests"} - {room}
    assert broken(imports_none_of(*others), sources(room)) == []


@pytest.mark.parametrize("room", [*APP, "cli"])
def test_nothing_that_ships_imports_the_twin_or_the_tests(room: str) -> None:
    assert broken(imports_none_of("local", "tests"), sources(room)) == []


def test_the_composition_root_imports_neither_the_twin_nor_the_tests() -> None:
    root = ROOT / "function_app.py"
    assert broken(imports_none_of("local", "tests"), [root]) == []
    assert broken(undocumented, [root]) == []


@pytest.mark.parametrize("room", ROOMS)
def test_no_file_is_too_long_to_read(room: str) -> None:
    assert broken(too_long, sources(room)) == []


@pytest.mark.parametrize("room", ROOMS)
def test_everything_public_says_what_it_is(room: str) -> None:
    assert broken(undocumented, sources(room)) == []


def test_no_text_tells_of_the_place_where_it_was_written() -> None:
    told = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if told.returncode:
        reason = "this is no git checkout; clone the repository to have its tracked files read"
        assert not os.environ.get("CI"), reason
        pytest.skip(reason)
    files = [ROOT / name for name in told.stdout.split("\0") if name]
    texts = [file for file in files if file.is_file() and _is_text(file)]
    assert len(texts) > 50
    assert broken(traces, texts) == []


def _is_text(file: Path) -> bool:
    try:
        return "\0" not in file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False


GENERATOR = "def f(c):\n    "


@pytest.mark.parametrize(
    "body",
    [
        "try:\n        yield 1\n    finally:\n        clean()",
        "try:\n        x = yield from call()\n    finally:\n        clean()",
        "try:\n        work()\n    finally:\n        yield 1",
        "with lock:\n        yield 1",
        "with lock:\n        for x in y:\n            if x:\n                z = yield x",
        "try:\n        yield 1\n    except:\n        pass",
        "try:\n        yield 1\n    except BaseException:\n        pass",
        "try:\n        yield 1\n    except (ValueError, GeneratorExit):\n        pass",
        "try:\n        yield 1\n    except builtins.BaseException:\n        pass",
    ],
)
def test_the_guard_of_orchestrators_sees_each_unsafe_block(body: str) -> None:
    assert unsafe_around_yield(GENERATOR + body) != []


@pytest.mark.parametrize(
    "body",
    [
        "try:\n        yield 1\n    except Exception:\n        clean()",
        "try:\n        work()\n    finally:\n        clean()\n    yield 1",
        "with lock:\n        work()\n    yield 1",
        "with lock:\n        def g():\n            yield 1\n    return g",
    ],
)
def test_the_guard_of_orchestrators_lets_safe_code_be(body: str) -> None:
    assert unsafe_around_yield(GENERATOR + body) == []


@pytest.mark.parametrize(
    "source",
    [
        "class A(Model):\n    at: datetime = Field(default_factory=datetime.now)",
        "class A(Model):\n    id: str = Field(default_factory=uuid4)",
        "class A(Model):\n    id: str = Field(default_factory=lambda: str(uuid.uuid4()))",
        "AT = datetime.now(UTC)",
        "def f():\n    return date.today()",
    ],
)
def test_the_guard_of_clocks_sees_each(source: str) -> None:
    assert clocks(source) != []
    assert clocks("class A(Model):\n    tags: list = Field(default_factory=list)") == []


@pytest.mark.parametrize(
    "source",
    [
        "import azure",
        "import azure.functions as func",
        "from azure.core import x",
        "if TYPE_CHECKING:\n    from azure.identity import y",
        "def f():\n    import azure.durable_functions",
        "import importlib\nimportlib.import_module('azure.core')",
        "__import__('azure')",
    ],
)
def test_the_guard_of_imports_sees_each(source: str) -> None:
    assert forbidden_imports(source, {"azure"}) != []
    assert forbidden_imports("from adapters import azure_errors\nimport azurelike", {"azure"}) == []


@pytest.mark.parametrize("module", ["requests", "time", "os", "uuid", "adapters.settings", "yaml"])
def test_the_guard_of_the_domain_s_imports_sees_each(module: str) -> None:
    assert impure_imports(f"import {module}") == [f"1: imports {module}"]
    assert (
        impure_imports("from pydantic import Field\nfrom domain.plan import Plan\nimport re") == []
    )


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("x = 1", ["1: the module"]),
        ('"""M."""\nclass A:\n    pass', ["2: A"]),
        ('"""M."""\nasync def f():\n    pass', ["2: f"]),
        ('"""M."""\nclass A:\n    """A."""\n    def f(self): ...', ["4: f"]),
        ('"""M."""\nclass _A:\n    def f(self): ...\ndef _g(): ...', []),
        ('"""M."""\ndef f():\n    """F."""\n    def g(): ...', []),
    ],
)
def test_the_guard_of_docstrings_sees_each(source: str, missing: list[str]) -> None:
    assert undocumented(source) == missing


def test_the_guard_of_length_sees_one_line_too_many() -> None:
    assert too_long("x\n" * LONGEST) == []
    assert too_long("x\n" * (LONGEST + 1)) != []


@pytest.mark.parametrize(
    "text",
    [
        "see /" + "work/shared/design.md",
        "cd /" + "work",
        "`/" + "work`",
        "https://" + "py" + "pi.org/simple",
        "files.python" + "hosted.org",
        "a bug, " + "#" + "603, in the SDK",
        "(" + "#" + "12)",
        "#" + "7",
        "fixes " + "GH" + "-12",
        "https://github.com/a/b/" + "issues/4",
    ],
)
def test_the_guard_of_traces_sees_each(text: str) -> None:
    assert traces(text) != []


@pytest.mark.parametrize(
    "text",
    [
        "color: #111; border: 1px solid #1c2226",
        ".github/workflows/ci.yaml and docs/work/x",
        "http://x/#1",
        "# 1. a heading",
        "https://github.com/a/b",
        "a framework/workload",
    ],
)
def test_the_guard_of_traces_lets_the_product_be(text: str) -> None:
    assert traces(text) == []
