from __future__ import annotations

import json
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.host.app import AppBroken, LoadedApp, load_app
from local.host.contract import FunctionFailed
from tests.local.host.driving import APPS

HOST_JSON = '{"version": "2.0"}'
ONE_FUNCTION = """
import azure.durable_functions as df
{extra}
app = df.DFApp()

@app.activity_trigger(input_name="value")
def work(value):
    {body}
"""


@pytest.fixture
def shapes() -> Iterator[LoadedApp]:
    app = load_app(APPS / "shapes")
    yield app
    app.close()


def write(folder: Path, body: str = "return value", extra: str = "", **modules: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "host.json").write_text(HOST_JSON)
    (folder / "function_app.py").write_text(ONE_FUNCTION.format(body=body, extra=extra))
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    return folder


def test_functions_are_indexed_with_their_bindings(shapes: LoadedApp) -> None:
    assert list(shapes.functions) == [
        "get_shape",
        "Start",
        "tick",
        "on_event",
        "versioned",
        "total",
        "give_the_unspeakable",
    ]
    got = shapes.functions["get_shape"]
    assert (got.trigger_type, got.argument, got.route) == (
        "httpTrigger",
        "req",
        "shapes/{kind:alpha}",
    )
    assert (got.methods, got.auth_level) == (frozenset({"GET", "POST"}), "anonymous")
    assert [(b["type"], b["direction"]) for b in got.bindings] == [("http", "OUT")]
    assert (got.is_async, got.durable) == (False, None)
    start = shapes.functions["Start"]
    assert (start.route, start.auth_level, start.is_async) == ("Start", "admin", True)
    assert {"GET", "POST", "DELETE"} < start.methods
    assert {"durableClient", "http"} == {b["type"] for b in start.bindings}
    tick = shapes.functions["tick"].trigger
    assert (tick["type"], tick["schedule"], tick["runOnStartup"]) == (
        "timerTrigger",
        "0 */5 * * * *",
        True,
    )
    assert shapes.functions["on_event"].trigger_type == "eventGridTrigger"


def test_durable_functions_go_by_the_name_of_their_trigger(shapes: LoadedApp) -> None:
    assert shapes.functions["versioned"].durable == ("orchestrator", "Versioned")
    assert shapes.durable_names() == {
        "orchestrator": frozenset({"versioned"}),
        "activity": frozenset({"total", "give_the_unspeakable"}),
        "entity": frozenset(),
    }
    assert shapes.run_activity("TOTAL", "[1, 2, 3]") == "6"


def test_host_json_is_read(shapes: LoadedApp) -> None:
    assert shapes.host_json["extensions"]["durableTask"]["defaultVersion"] == "2.1"


def test_functions_are_called_from_any_thread(shapes: LoadedApp) -> None:
    assert shapes.call(shapes.functions["get_shape"], {"req": None}) == "inner of shapes, shapes"
    answers: list[object] = []
    client = json.dumps(
        {
            "taskHubName": "h",
            "creationUrls": {},
            "managementUrls": {},
            "baseUrl": "http://localhost/",
            "requiredQueryStringParameters": "",
            "rpcBaseUrl": "http://localhost/",
        }
    )
    threads = [
        threading.Thread(
            target=lambda: answers.append(
                shapes.call(shapes.functions["Start"], {"req": None, "client": client})
            )
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert answers == ["DurableOrchestrationClient"] * 4
    with pytest.raises(RuntimeError, match="no events please"):
        shapes.call(shapes.functions["on_event"], {"event": None})


def test_an_activitys_failure_has_the_workers_text(shapes: LoadedApp) -> None:
    with pytest.raises(FunctionFailed, match=r"^TypeError: unsupported operand") as failure:
        shapes.run_activity("total", '[1, "x"]')
    assert 'function_app.py", line' in failure.value.details
    with pytest.raises(FunctionFailed, match="must be json serializable"):
        shapes.run_activity("give_the_unspeakable", None)


def test_an_input_that_is_not_json_reaches_the_activity_as_text(tmp_path: Path) -> None:
    app = load_app(write(tmp_path / "app"))
    assert app.run_activity("work", "{half") == '"{half"'
    assert app.run_activity("work", None) == "null"
    app.close()


def test_two_apps_keep_their_modules_apart(tmp_path: Path) -> None:
    first = load_app(
        write(
            tmp_path / "one",
            "return WHO",
            "from shared import WHO",
            shared="WHO = 'first'",
            only_first="",
        )
    )
    second = load_app(
        write(tmp_path / "two", "return WHO", "from shared import WHO", shared="WHO = 'second'")
    )
    assert (first.run_activity("work", None), second.run_activity("work", None)) == (
        '"first"',
        '"second"',
    )
    with pytest.raises(AppBroken, match="No module named 'only_first'"):
        load_app(write(tmp_path / "three", "return 3", "import only_first"))
    assert str(tmp_path / "one") not in sys.path


def test_an_app_loaded_again_is_read_again(tmp_path: Path) -> None:
    folder = write(tmp_path / "app", "return WHO", "from shared import WHO", shared="WHO = 1")
    assert load_app(folder).run_activity("work", None) == "1"
    (folder / "shared.py").write_text("WHO = 'two'")
    assert load_app(folder).run_activity("work", None) == '"two"'


def test_a_module_can_be_imported_late(tmp_path: Path) -> None:
    folder = write(tmp_path / "app", "import late; return late.WHO", late="WHO = 'late'")
    assert load_app(folder).run_activity("work", None) == '"late"'


def test_an_app_may_have_modules_of_the_same_names_as_the_hosts(tmp_path: Path) -> None:
    import local

    folder = write(tmp_path / "app", "return WHO", "from local import WHO", local="WHO = 'app'")
    assert load_app(folder).run_activity("work", None) == '"app"'
    assert sys.modules["local"] is local


def test_a_file_that_is_no_module_hides_none(tmp_path: Path) -> None:
    folder = write(tmp_path / "app", "return 'there'")
    (folder / "azure.yaml").write_text("name: app\n")
    assert load_app(folder).run_activity("work", None) == '"there"'


def test_a_folder_the_process_imports_from_anyway_keeps_its_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(
        tmp_path / "app",
        "return id(owned)",
        "import owned_by_the_process as owned",
        owned_by_the_process="",
    )
    monkeypatch.syspath_prepend(str(folder))
    import owned_by_the_process  # type: ignore[import-not-found]  # written a moment ago

    assert load_app(folder).run_activity("work", None) == str(id(owned_by_the_process))
    load_app(write(tmp_path / "other"))
    assert sys.modules["owned_by_the_process"] is owned_by_the_process
    assert str(folder) in sys.path
    assert load_app(folder).run_activity("work", None) == str(id(owned_by_the_process))
    del sys.modules["owned_by_the_process"]


def test_the_sdks_notices_fail_nothing_where_warnings_are_errors(tmp_path: Path) -> None:
    app = load_app(write(tmp_path / "app"))
    from azure.functions import _durable_functions

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _durable_functions._no_expected_type_notice_emitted = False
        assert app.run_activity("work", "1") == "1"
    app.close()


@pytest.mark.parametrize(
    ("script", "host_json", "told"),
    [
        (None, HOST_JSON, r"there is no function_app\.py in .*; name the folder"),
        ("", None, r"host\.json is missing"),
        ("", "{", r"host\.json is not JSON"),
        ("", "[]", r"host\.json must be an object"),
        ("", '{"version": "1.0"}', r'must be an object with "version": "2\.0"'),
        ("", '{"version": "2.0", "extensions": []}', "json: extensions must be an object"),
        ("", '{"version": "2.0", "extensions": {"http": null}}', "extensions.http must be an obj"),
        ("x = (", HOST_JSON, "does not import: SyntaxError"),
        ("import sys\nsys.exit(0)", HOST_JSON, r"SystemExit: 0 .*function_app\.py, line 2"),
        (
            "\nimport no_such_module_here",
            HOST_JSON,
            r"ModuleNotFoundError.*function_app\.py, line 2",
        ),
        ("x = 1", HOST_JSON, "defines no function app; add app = df.DFApp"),
        (
            "import azure.functions as f\na = f.FunctionApp()\nb = f.FunctionApp()",
            HOST_JSON,
            "defines 2",
        ),
        ("import azure.functions as f\na = f.FunctionApp()", HOST_JSON, "registers no function"),
        (
            "import azure.functions as f\na = f.FunctionApp()\n@a.function_name('x')\ndef x(): pass",
            HOST_JSON,
            "does not index: Function x does not have a trigger",
        ),
        (
            "import azure.functions as f\na = f.FunctionApp()\n"
            "@a.route()\ndef x(req): pass\n@a.route()\ndef x(req): pass",
            HOST_JSON,
            "does not index: Function x does not have a unique function name",
        ),
    ],
)
def test_a_broken_app_is_refused_with_the_reason(
    tmp_path: Path, script: str | None, host_json: str | None, told: str
) -> None:
    if script is not None:
        (tmp_path / "function_app.py").write_text(script)
    if host_json is not None:
        (tmp_path / "host.json").write_text(host_json)
    with pytest.raises(AppBroken, match=told):
        load_app(tmp_path)


def test_a_broken_app_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "app", extra="import half_loaded\nraise OSError('disk')", half_loaded=""
    )
    with pytest.raises(AppBroken, match="OSError: disk"):
        load_app(folder)
    assert "half_loaded" not in sys.modules
    assert "function_app" not in sys.modules
